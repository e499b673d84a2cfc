// The follower's thread: when to connect, load, and whose turn it is to poll, compare and wait; and
// what is told of it.
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

#include "loader/follow_apply.h"
#include "loader/follow_gate.h"
#include "loader/follow_pace.h"
#include "loader/follow_retry.h"
#include "loader/follow_source.h"
#include "loader/follow_status.h"
#include "loader/kept_layers.h"
#include "loader/message_text.h"
#include "loader/mysql_follow_table.h"
#include "loader/mysql_open.h"
#include "loader/mysql_relation.h"
#include "loader/mysql_session.h"
#include "loader/outer_owners.h"
#include "loader/through_door.h"

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Stop waits so long for the thread before it lets it end by itself.
constexpr milliseconds kStopWait{700};
// A connection that has seen a row as large as this is worth a new one, now and then.
constexpr std::size_t kLargeRowBytes = std::size_t{1} << 20;
constexpr std::chrono::seconds kLeastBetweenRenewals{60};
constexpr milliseconds kBetweenTellings{200};
constexpr milliseconds kMostInterval = std::chrono::hours(24 * 366);
// After a turn that threw, and of which nobody could be told.
constexpr milliseconds kPauseUntold{1000};

absl::Status CheckOptions(const FollowOptions& options) {
  constexpr milliseconds kLeastPoll{10};
  for (const milliseconds interval :
       {options.poll_interval, options.reconcile_interval, options.fallback_lag, options.retry_min,
        options.retry_max, options.slow_retry}) {
    if (interval <= kMostInterval) continue;
    return absl::InvalidArgumentError("an interval of FollowOptions is above a year; give less");
  }
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

absl::Status CheckMappings(const std::vector<MySqlMapping>& mappings) {
  if (mappings.empty() || mappings.size() > OuterOwners::kMostOwners) {
    return absl::InvalidArgumentError("no table to follow, or more than 65534; name some");
  }
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!mappings[i].outer_const || mappings[i].outer_const != mappings[j].outer_const) continue;
      return OuterOfTwoSources(*mappings[i].outer_const, mysql::Described(mappings[j]),
                               mysql::Described(mappings[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Owned by the Follower and by its thread, whichever lives longer.
class Follower::State {
 public:
  State(const MySqlOptions& connection, const std::vector<MySqlMapping>& mappings, Cache* cache,
        const FollowOptions& options)
      : connection_(connection),
        mappings_(mappings),
        options_(options),
        claimed_(mappings.size() > 1 || !options.owns_cache ? &owners_ : nullptr),
        target_(cache, &gate_, claimed_),
        retry_(options.retry_min, options.retry_max, std::random_device()()) {
    for (const MySqlMapping& mapping : mappings_) names_.push_back(mysql::Described(mapping));
    for (std::size_t i = 0; i < mappings_.size(); ++i) {
      MySqlOptions source = connection_;
      source.mapping = mappings_[i];
      const EntryApplier applier(cache, &gate_, &options_, {claimed_, i, &names_});
      sources_.push_back(MakeThroughDoor<FollowedSource>(&sources_door_, source, &options_, applier,
                                                         &watch_, &stopping_));
      sources_.back()->OnProgress([this] { TellProgress(); });
    }
    told_.resize(sources_.size());
    for (std::size_t i = 0; i < sources_.size(); ++i) sources_[i]->Tell(&told_[i]);
  }

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
      stopped_ = true;
    }
    if (ended) {
      thread_.join();
    } else {
      thread_.detach();  // it hangs in the connection, holds what it needs and ends by time-out
    }
  }

  FollowStatus Status() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    FollowStatus status;
    status.last_error = last_error_;
    status.rows_loaded = rows_loaded_;
    status.errors = errors_;
    status.reconnects = reconnects_;
    status.reconcile_busy_seconds = reconcile_busy_seconds_;
    Combine(told_, &status);
    if (stopped_ && status.state != FollowState::kFailed) {
      status.state = FollowState::kStopped;
      for (FollowSourceStatus& source : status.sources) source.state = FollowState::kStopped;
    }
    return status;
  }

  Footprint MeasureFootprint() const {
    Footprint footprint;
    footprint.layout = "follower";
    for (const auto& source : sources_) {
      AddBlockToLayer("sources", source.get(), sizeof(FollowedSource), 1, &footprint);
      source->AddLayers(&footprint);
    }
    AddDoor(sources_door_, &footprint);
    owners_.AddLayer(&footprint);
    return footprint;
  }

  std::uint64_t RequestReconcile() {
    const std::lock_guard<std::mutex> lock(mutex_);
    woken_ = true;
    wake_.notify_all();
    return ++pass_wanted_;
  }

 private:
  void AskToStop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }

  void Run();
  std::optional<Clock::time_point> TurnOrPause() noexcept;
  void TellTheEnd() noexcept;
  /// Whatever is due now; until when to wait then. Nothing: the follower has ended.
  std::optional<Clock::time_point> Turn();
  absl::Status Prepare();
  absl::Status Connect();
  absl::Status Load();
  absl::Status TurnOf(FollowedSource* source);
  bool HasNextChunk(const FollowedSource* source);
  absl::Status Reconcile(FollowedSource* source);
  void Disconnect();
  void RenewAfterLargeRow();
  std::uint64_t PassWanted();
  void PaceAfterChunk(Clock::duration took);
  /// What follows from an error of the connection or of the load: until when to wait.
  std::optional<Clock::time_point> JudgeAll(const absl::Status& error);
  void SetAll(FollowState state, const absl::Status& error = absl::OkStatus());
  void Publish(const absl::Status& error = absl::OkStatus());
  void TellProgress();
  void WaitUntil(Clock::time_point next);

  const MySqlOptions connection_;
  const std::vector<MySqlMapping> mappings_;
  const FollowOptions options_;
  std::vector<std::string> names_;
  FollowGate gate_;
  std::atomic<bool> stopping_{false};
  OuterOwners owners_;
  OuterOwners* const claimed_;  // owners_, or null where all of the cache is the one source's
  GatedTarget target_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
  std::mutex stop_mutex_;
  std::thread thread_;

  // The thread's alone, but for the sources' digests.
  std::unique_ptr<mysql::Session> session_;
  mysql::TransactionWatch watch_;
  MemoryDoor sources_door_;
  std::vector<ThroughDoor<FollowedSource>> sources_;
  RetryPauses retry_;
  Clock::time_point not_before_;  // the pause after an error that is everyone's
  bool ever_connected_ = false;
  Clock::time_point next_renewal_;
  bool loaded_ = false;
  bool failed_ = false;           // before it was loaded: it ends
  std::size_t first_source_ = 0;  // whose turn is first
  Clock::time_point next_pass_;
  Clock::time_point next_chunk_;
  Clock::time_point next_telling_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::vector<SourceTold> told_;
  absl::Status last_error_;
  std::uint64_t rows_loaded_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t reconnects_ = 0;
  double reconcile_busy_seconds_ = 0;
  std::uint64_t pass_wanted_ = 0;
  bool woken_ = false;
  bool ended_ = false;
  bool stopped_ = false;
};

void Follower::State::Publish(const absl::Status& error) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!error.ok()) {
      last_error_ = error;
      ++errors_;
    }
    for (std::size_t i = 0; i < sources_.size(); ++i) sources_[i]->Tell(&told_[i]);
  }
  if (!options_.on_status) return;
  const FollowStatus told = Status();
  // Nobody is told any more once the gate is closed.
  (void)gate_.Through([&] {
    options_.on_status(told);
    return absl::OkStatus();
  });
}

// Of a round that takes long, its counts; nobody is called for it.
void Follower::State::TellProgress() {
  const Clock::time_point now = Clock::now();
  if (now < next_telling_) return;
  next_telling_ = now + kBetweenTellings;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (std::size_t i = 0; i < sources_.size(); ++i) sources_[i]->Tell(&told_[i]);
}

void Follower::State::SetAll(FollowState state, const absl::Status& error) {
  for (const auto& source : sources_) source->SetState(state, error);
}

void Follower::State::WaitUntil(Clock::time_point next) {
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait_until(lock, next, [&] { return stopping_.load() || woken_; });
  woken_ = false;
}

void Follower::State::Disconnect() {
  for (const auto& source : sources_) source->Detach();
  session_.reset();
}

absl::Status Follower::State::Connect() {
  absl::StatusOr<std::unique_ptr<mysql::Session>> session = mysql::OpenForFollowing(connection_);
  if (!session.ok()) return session.status();
  Disconnect();
  session_ = *std::move(session);
  watch_.seen = true;  // rights may have been given
  if (std::exchange(ever_connected_, true)) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++reconnects_;
  }
  return absl::OkStatus();
}

// What a large row left in the client library's buffer goes back with the connection. The old one
// stays where a new one is not to be had.
void Follower::State::RenewAfterLargeRow() {
  if (session_ == nullptr || session_->largest_row_bytes() < kLargeRowBytes) return;
  if (Clock::now() < next_renewal_) return;
  next_renewal_ = Clock::now() + kLeastBetweenRenewals;
  (void)Connect();
}

absl::Status Follower::State::Load() {
  for (const auto& source : sources_) {
    if (absl::Status status = source->Attach(session_.get()); !status.ok()) return status;
  }
  SetAll(FollowState::kLoading);
  Publish();
  const bool began_empty = target_.empty();
  const Clock::time_point began = Clock::now();
  mysql::LoadNotes notes;
  notes.owners = claimed_;
  for (const auto& source : sources_) {
    if (absl::Status status = source->Begin(); !status.ok()) return status;
    notes.entries.push_back(source->NotesForLoading());
  }
  absl::StatusOr<std::unique_ptr<Source>> all = mysql::OpenTables(connection_, mappings_, notes);
  if (!all.ok()) return all.status();
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
  const absl::StatusOr<LoadProgress> loaded = strata::Load(**all, target_, load);
  if (!loaded.ok()) return loaded.status();
  all->reset();  // it has noted all
  loaded_ = true;
  for (const auto& source : sources_) source->Loaded(began);
  next_pass_ = Clock::now() + options_.reconcile_interval;
  const std::lock_guard<std::mutex> lock(mutex_);
  rows_loaded_ = loaded->source.rows_read;
  // What was there before may be nothing of the tables'.
  if (!began_empty) ++pass_wanted_;
  return absl::OkStatus();
}

absl::Status Follower::State::Prepare() {
  if (session_ == nullptr) {
    if (absl::Status status = Connect(); !status.ok()) return status;
  }
  return loaded_ ? absl::OkStatus() : Load();
}

// The number of the pass that every source is to have done. One that has come late takes up the
// newest and leaves out those before it.
std::uint64_t Follower::State::PassWanted() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (options_.reconcile_interval > milliseconds(0) && now >= next_pass_) {
    next_pass_ = now + options_.reconcile_interval;
    ++pass_wanted_;
  }
  return pass_wanted_;
}

// The server rests in proportion to its work, unless the passes would not be done in time.
void Follower::State::PaceAfterChunk(Clock::duration took) {
  const Clock::time_point now = Clock::now();
  std::optional<Clock::duration> left;
  std::size_t chunks = 0;
  if (options_.reconcile_interval > milliseconds(0)) {
    const std::uint64_t wanted = PassWanted();
    for (const auto& source : sources_) chunks += source->ChunksLeft(wanted);
    left = next_pass_ - now;
  }
  next_chunk_ = now + RestAfterChunk(took, options_.reconcile_share, left, chunks);
  const std::lock_guard<std::mutex> lock(mutex_);
  reconcile_busy_seconds_ += std::chrono::duration<double>(took).count();
}

bool Follower::State::HasNextChunk(const FollowedSource* source) {
  const std::uint64_t wanted = PassWanted();
  const Clock::time_point now = Clock::now();
  if (now < next_chunk_) return false;
  return source == NextForChunk(sources_, [&](const FollowedSource& one) {
           return one.ChunkDue(now, wanted);
         });
}

absl::Status Follower::State::Reconcile(FollowedSource* source) {
  const Clock::time_point began = Clock::now();
  const std::uint64_t pass_done = source->pass_done();
  absl::Status status = source->Reconcile(PassWanted());
  PaceAfterChunk(Clock::now() - began);
  if (source->pass_done() != pass_done) {
    for (const auto& one : sources_) one->SetGivesWay(false);
  }
  if (!status.ok()) {
    source->SetGivesWay(true);
    next_chunk_ = std::max(next_chunk_, Clock::now() + options_.poll_interval);
  }
  return status;
}

// What is due of one source.
absl::Status Follower::State::TurnOf(FollowedSource* source) {
  if (absl::Status status = source->Attach(session_.get()); !status.ok()) return status;
  if (source->RetryDue(Clock::now())) {
    if (absl::Status status = source->RetryRefused(); !status.ok()) return status;
  }
  if (source->PollDue(Clock::now())) {
    if (absl::Status status = source->Poll(); !status.ok()) return status;
    if (source->TakeReconcileDue()) {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++pass_wanted_;
    }
    Publish(source->TakeRefusal());
  }
  // Reconciling may find what can go.
  if (HasNextChunk(source)) {
    if (absl::Status status = Reconcile(source); !status.ok()) return status;
    Publish(source->TakeRefusal());
  }
  return absl::OkStatus();
}

std::optional<Clock::time_point> Follower::State::JudgeAll(const absl::Status& error) {
  const ErrorKind kind = KindOf(error);
  if (kind == ErrorKind::kStop || stopping_.load()) return std::nullopt;
  const bool person = kind == ErrorKind::kPerson;
  // What follows is settled before it is told, for telling may throw.
  if (!loaded_ && (person || kind == ErrorKind::kMemory)) {
    failed_ = true;
    SetAll(FollowState::kFailed, error);
    Publish(error);
    return std::nullopt;
  }
  Disconnect();
  milliseconds pause = retry_.Next();
  if (person) pause = std::min(pause, options_.slow_retry);
  // Who comes with a password that is refused, again and again, is locked out by many a server.
  if (absl::IsPermissionDenied(error)) pause = retry_.About(options_.slow_retry);
  not_before_ = std::max(not_before_, Clock::now() + pause);
  SetAll(person ? FollowState::kWaiting : FollowState::kRetrying, error);
  Publish(error);
  return not_before_;
}

std::optional<Clock::time_point> Follower::State::Turn() {
  if (Clock::now() < not_before_) return not_before_;
  if (absl::Status status = Prepare(); !status.ok()) return JudgeAll(status);
  const std::size_t first = first_source_;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (stopping_.load()) return std::nullopt;
    FollowedSource* const source = sources_[(first + i) % sources_.size()].get();
    const Clock::time_point now = Clock::now();
    if (now < source->NextTurn(next_chunk_, PassWanted())) continue;
    absl::Status turn;
    const Clock::time_point began = Clock::now();
    try {
      turn = TurnOf(source);
    } catch (const std::bad_alloc&) {
      turn = OutOfMemory();
    }
    // Next time it is the others' turn before that of one that may wait for a lock.
    if (!turn.ok()) first_source_ = (first + i + 1) % sources_.size();
    switch (source->Judge(turn, Clock::now() - began)) {
      case FollowedSource::Demand::kNothing:
        break;
      case FollowedSource::Demand::kReconnect:
        Publish(turn);
        Disconnect();
        return Clock::now();
      case FollowedSource::Demand::kPause:
        return JudgeAll(turn);
      case FollowedSource::Demand::kEnd:
        return std::nullopt;
    }
    if (turn.ok()) {
      retry_.Reset();
    } else {
      Publish(turn);
    }
  }
  RenewAfterLargeRow();
  Clock::time_point next = Clock::time_point::max();
  const std::uint64_t wanted = PassWanted();
  for (const auto& source : sources_) {
    next = std::min(next, source->NextTurn(next_chunk_, wanted));
  }
  return next;
}

// A turn, and a pause after one that threw.
std::optional<Clock::time_point> Follower::State::TurnOrPause() noexcept {
  bool callback = false;
  try {
    return Turn();
  } catch (const std::bad_alloc&) {
  } catch (...) {
    callback = true;
  }
  if (failed_) return std::nullopt;
  try {
    return JudgeAll(callback ? absl::InternalError("a callback threw") : OutOfMemory());
  } catch (...) {
    // Nobody could be told: there is no memory for the words, or telling is what throws.
    if (failed_) return std::nullopt;
    return not_before_ = std::max(not_before_, Clock::now() + kPauseUntold);
  }
}

void Follower::State::TellTheEnd() noexcept {
  try {
    if (Status().state == FollowState::kFailed) return;
    SetAll(FollowState::kStopped);
    Publish();
  } catch (...) {  // as above
  }
}

void Follower::State::Run() {
  const mysql::SessionThread thread;
  while (!stopping_.load()) {
    const std::optional<Clock::time_point> next = TurnOrPause();
    if (!next) break;
    WaitUntil(*next);
  }
  Disconnect();
  TellTheEnd();
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  wake_.notify_all();
}

absl::StatusOr<std::unique_ptr<Follower>> Follower::Start(const MySqlOptions& source, Cache& cache,
                                                          const FollowOptions& options) {
  return Start(source, {source.mapping}, cache, options);
}

absl::StatusOr<std::unique_ptr<Follower>> Follower::Start(const MySqlOptions& connection,
                                                          const std::vector<MySqlMapping>& mappings,
                                                          Cache& cache,
                                                          const FollowOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckMySqlOptions(connection); !status.ok()) return status;
  if (absl::Status status = CheckMappings(mappings); !status.ok()) return status;
  try {
    auto state = std::make_shared<State>(connection, mappings, &cache, options);
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
