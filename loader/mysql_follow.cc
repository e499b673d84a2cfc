// The follower's thread: when to connect, load, poll, compare and wait, and what is told of it.
#include <strata/follow.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/follow_apply.h"
#include "loader/follow_gate.h"
#include "loader/follow_retry.h"
#include "loader/message_text.h"
#include "loader/mysql_follow_table.h"
#include "loader/mysql_open.h"
#include "loader/mysql_session.h"

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Stop waits so long for the thread before it lets it end by itself.
constexpr milliseconds kStopWait{700};
// A statement that is ended so often on one connection in a row is tried on another.
constexpr int kMostRepeats = 4;

absl::Status CheckOptions(const FollowOptions& options) {
  constexpr milliseconds kLeastPoll{10};
  if (options.poll_interval < kLeastPoll) {
    return absl::InvalidArgumentError("poll_interval is below 10 ms; give more");
  }
  if (options.reconcile_interval < milliseconds(0) || options.fallback_lag < milliseconds(0) ||
      options.retry_min < milliseconds(1) || options.retry_max < options.retry_min ||
      options.slow_retry < milliseconds(1)) {
    return absl::InvalidArgumentError(
        "an interval of FollowOptions is out of range: reconcile_interval and fallback_lag from 0, "
        "retry_min from 1 ms, retry_max no less, slow_retry from 1 ms");
  }
  if (!(options.reconcile_share > 0) || options.reconcile_share > 1) {
    return absl::InvalidArgumentError("reconcile_share is not above 0 and at most 1");
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view FollowStateName(FollowState state) {
  switch (state) {
    case FollowState::kConnecting:
      return "connecting";
    case FollowState::kLoading:
      return "loading";
    case FollowState::kFollowing:
      return "following";
    case FollowState::kRetrying:
      return "retrying";
    case FollowState::kWaiting:
      return "waiting";
    case FollowState::kOutOfMemory:
      return "out of memory";
    case FollowState::kStopped:
      return "stopped";
    case FollowState::kFailed:
      return "failed";
  }
  return "unknown";
}

// Owned by the Follower and by its thread, whichever lives longer.
class Follower::State {
 public:
  State(const MySqlOptions& source, Cache* cache, const FollowOptions& options)
      : source_(source),
        options_(options),
        applier_(cache, &gate_, &options_),
        table_(&source_, &options_, &applier_, &stopping_),
        retry_(options.retry_min, options.retry_max, std::random_device()()) {}

  absl::Status Launch(std::shared_ptr<State> self) {
    try {
      thread_ = std::thread([self] { self->Run(); });
    } catch (const std::system_error&) {
      return absl::ResourceExhaustedError("the system gives no more threads");
    }
    if (options_.stop.stop_possible()) {
      on_stop_.emplace(options_.stop, [this] { AskToStop(); });
    }
    return absl::OkStatus();
  }

  void Stop() {
    const std::lock_guard<std::mutex> one_at_a_time(stop_mutex_);
    // A stop that is being requested by another thread still uses this object.
    on_stop_.reset();
    AskToStop();
    gate_.Close();
    if (!thread_.joinable()) return;
    bool ended = false;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      ended = wake_.wait_for(lock, kStopWait, [this] { return ended_; });
      if (status_.state != FollowState::kFailed) status_.state = FollowState::kStopped;
    }
    if (ended) {
      thread_.join();
    } else {
      thread_.detach();  // it hangs in the connection, holds what it needs and ends by time-out
    }
  }

  FollowStatus Status() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    FollowStatus status = status_;
    // A message of its own: abseil counts who shares one in code that ThreadSanitizer cannot see.
    status.last_error = absl::Status(status_.last_error.code(), status_.last_error.message());
    if (even_at_)
      status.lag_seconds = std::chrono::duration<double>(Clock::now() - *even_at_).count();
    return status;
  }

  Footprint MeasureFootprint() const {
    Footprint footprint;
    footprint.layout = "follower";
    table_.digests().AddLayer(&footprint);
    return footprint;
  }

  std::uint64_t RequestReconcile() {
    const std::lock_guard<std::mutex> lock(mutex_);
    reconcile_asked_ = true;
    wake_.notify_all();
    return passes_begun_ + 1;
  }

 private:
  void AskToStop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }

  void Run();
  absl::Status Turn();
  absl::Status Connect();
  absl::Status Load();
  absl::Status Poll();
  absl::Status Reconcile();
  bool ReconcileDue();
  void PaceAfterChunk(Clock::duration took);
  /// How long to wait after a turn that ended so; nothing: the follower has ended.
  std::optional<Clock::duration> Judge(const absl::Status& turn);
  void Publish(std::optional<FollowState> state, const absl::Status& error = absl::OkStatus());
  void Wait(Clock::duration pause, bool after_error);

  const MySqlOptions source_;
  const FollowOptions options_;
  FollowGate gate_;
  std::atomic<bool> stopping_{false};
  EntryApplier applier_;
  mysql::TableFollower table_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
  std::mutex stop_mutex_;
  std::thread thread_;

  // The thread's alone.
  RetryPauses retry_;
  int repeats_ = 0;
  bool ever_connected_ = false;
  bool loaded_ = false;
  Clock::time_point next_poll_;
  Clock::time_point next_pass_;
  Clock::time_point next_chunk_;
  Clock::time_point pass_began_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  FollowStatus status_;
  std::optional<Clock::time_point> even_at_;  // then the cache was known to equal the source
  std::uint64_t passes_begun_ = 0;
  bool reconcile_asked_ = false;
  bool ended_ = false;
};

void Follower::State::Publish(std::optional<FollowState> state, const absl::Status& error) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (state) status_.state = *state;
    if (!error.ok()) status_.last_error = error;
    table_.Tell(&status_);
  }
  if (!options_.on_status) return;
  const FollowStatus told = Status();
  // Nobody is told any more once the gate is closed.
  (void)gate_.Through([&] {
    options_.on_status(told);
    return absl::OkStatus();
  });
}

void Follower::State::Wait(Clock::duration pause, bool after_error) {
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait_for(lock, pause, [&] {
    return stopping_.load() || (reconcile_asked_ && !after_error && !table_.reconciling());
  });
}

absl::Status Follower::State::Connect() {
  if (absl::Status status = table_.Connect(); !status.ok()) return status;
  if (std::exchange(ever_connected_, true)) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++status_.reconnects;
  }
  return absl::OkStatus();
}

absl::Status Follower::State::Load() {
  Publish(FollowState::kLoading);
  const bool began_empty = applier_.target().empty();
  const Clock::time_point began = Clock::now();
  if (absl::Status status = table_.Begin(); !status.ok()) return status;
  table_.digests()->Clear();  // of a load that failed
  absl::StatusOr<std::unique_ptr<Source>> source =
      mysql::OpenTables(source_, {&source_.mapping, 1}, {.digests = {table_.digests()}});
  if (!source.ok()) return source.status();
  LoadOptions load;
  load.should_stop = [this] { return stopping_.load(); };
  if (options_.on_load_progress) {
    load.on_progress = [this](const LoadProgress& progress) {
      (void)gate_.Through([&] {
        options_.on_load_progress(progress);
        return absl::OkStatus();
      });
    };
  }
  const absl::StatusOr<LoadProgress> loaded = strata::Load(**source, applier_.target(), load);
  if (!loaded.ok()) return loaded.status();
  source->reset();  // it has noted all
  loaded_ = true;
  const std::lock_guard<std::mutex> lock(mutex_);
  status_.rows_loaded = loaded->source.rows_read;
  even_at_ = began;
  next_pass_ = Clock::now() + options_.reconcile_interval;
  // What was there before may be nothing of the table's.
  reconcile_asked_ = reconcile_asked_ || !began_empty;
  return absl::OkStatus();
}

absl::Status Follower::State::Poll() {
  const Clock::time_point began = Clock::now();
  const absl::Status status = table_.Poll();
  next_poll_ = Clock::now() + options_.poll_interval;
  if (!status.ok()) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (table_.has_cursor()) even_at_ = began;
  reconcile_asked_ = table_.TakeReconcileDue() || reconcile_asked_;
  return absl::OkStatus();
}

bool Follower::State::ReconcileDue() {
  if (table_.reconciling()) return Clock::now() >= next_chunk_;
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool by_time = options_.reconcile_interval > milliseconds(0) && Clock::now() >= next_pass_;
  if (!by_time && !reconcile_asked_) return false;
  reconcile_asked_ = false;
  ++passes_begun_;
  pass_began_ = Clock::now();
  next_pass_ = pass_began_ + options_.reconcile_interval;
  return true;
}

// The server rests in proportion to its work, unless the pass would not be done in time.
void Follower::State::PaceAfterChunk(Clock::duration took) {
  const Clock::time_point now = Clock::now();
  Clock::duration rest =
      std::chrono::duration_cast<Clock::duration>(took * (1 / options_.reconcile_share - 1));
  if (options_.reconcile_interval > milliseconds(0)) {
    const auto left = static_cast<Clock::duration::rep>(table_.chunks_left() + 1);
    rest = std::min(rest, std::max((next_pass_ - now) / left - took, Clock::duration::zero()));
  }
  next_chunk_ = now + rest;
}

absl::Status Follower::State::Reconcile() {
  const Clock::time_point began = Clock::now();
  const absl::StatusOr<bool> done = table_.Reconcile();
  PaceAfterChunk(Clock::now() - began);
  if (!done.ok()) {
    next_chunk_ = Clock::now() + options_.poll_interval;
    return done.status();
  }
  if (!*done) return absl::OkStatus();
  const std::lock_guard<std::mutex> lock(mutex_);
  ++status_.passes;
  if (!table_.has_cursor()) even_at_ = pass_began_;
  return absl::OkStatus();
}

absl::Status Follower::State::Turn() {
  if (!table_.connected()) {
    if (absl::Status status = Connect(); !status.ok()) return status;
  }
  if (!loaded_) {
    if (absl::Status status = Load(); !status.ok()) return status;
    next_poll_ = Clock::now();
  }
  absl::Status memory;
  if (Clock::now() >= next_poll_) {
    absl::Status status = Poll();
    if (!status.ok() && !absl::IsResourceExhausted(status)) return status;
    memory = status;  // reconciling may find what can go
    if (status.ok()) Publish(FollowState::kFollowing);
  }
  if (ReconcileDue()) {
    if (absl::Status status = Reconcile(); !status.ok()) return status;
    Publish(std::nullopt);
  }
  return memory;
}

std::optional<Clock::duration> Follower::State::Judge(const absl::Status& turn) {
  const ErrorKind kind = KindOf(turn);
  if (kind == ErrorKind::kStop || stopping_.load()) {
    return std::nullopt;
  }
  if (kind == ErrorKind::kNone) {
    retry_.Reset();
    repeats_ = 0;
    Clock::time_point next = next_poll_;
    if (table_.reconciling()) next = std::min(next, next_chunk_);
    return std::max(next - Clock::now(), Clock::duration::zero());
  }
  if (!loaded_ && (kind == ErrorKind::kPerson || kind == ErrorKind::kMemory)) {
    Publish(FollowState::kFailed, turn);
    return std::nullopt;
  }
  next_poll_ = Clock::now();  // at the turn after the pause
  if (kind == ErrorKind::kMemory) {
    Publish(FollowState::kOutOfMemory, turn);
    return std::max<Clock::duration>(retry_.Next(), options_.poll_interval);
  }
  if (kind == ErrorKind::kPerson) {
    // The next connection looks the table up anew.
    table_.Disconnect();
    Publish(FollowState::kWaiting, turn);
    return retry_.About(options_.slow_retry);
  }
  if (kind == ErrorKind::kReconnect || ++repeats_ > kMostRepeats) {
    table_.Disconnect();
    repeats_ = 0;
  }
  Publish(FollowState::kRetrying, turn);
  return retry_.Next();
}

void Follower::State::Run() {
  const mysql::SessionThread thread;
  while (!stopping_.load()) {
    absl::Status turn;
    try {
      turn = Turn();
    } catch (const std::bad_alloc&) {
      turn = OutOfMemory();
    } catch (const std::exception&) {
      turn = absl::Status(absl::StatusCode::kInternal, "a callback threw");
    }
    const std::optional<Clock::duration> pause = Judge(turn);
    if (!pause) break;
    Wait(*pause, !turn.ok());
  }
  table_.Disconnect();
  const bool failed = Status().state == FollowState::kFailed;
  if (!failed) Publish(FollowState::kStopped);
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  wake_.notify_all();
}

absl::StatusOr<std::unique_ptr<Follower>> Follower::Start(const MySqlOptions& source, Cache& cache,
                                                          const FollowOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckMySqlOptions(source); !status.ok()) return status;
  try {
    auto state = std::make_shared<State>(source, &cache, options);
    std::unique_ptr<Follower> follower(new Follower(state));
    if (absl::Status status = state->Launch(state); !status.ok()) return status;
    return follower;
  } catch (const std::exception&) {
    return OutOfMemory();
  }
}

Follower::Follower(std::shared_ptr<State> state) : state_(std::move(state)) {}
Follower::~Follower() { Stop(); }
void Follower::Stop() { state_->Stop(); }
FollowStatus Follower::status() const { return state_->Status(); }
Footprint Follower::MeasureFootprint() const { return state_->MeasureFootprint(); }
std::uint64_t Follower::RequestReconcile() { return state_->RequestReconcile(); }

}  // namespace strata
