#include "loader/follow_source.h"

#include <algorithm>
#include <random>
#include <utility>

#include "loader/mysql_relation.h"

namespace strata {
namespace {

using std::chrono::milliseconds;

// A statement that is ended so often on one connection in a row is tried on another.
constexpr int kMostRepeats = 4;
// The longest pause after a statement that was ended at once.
constexpr milliseconds kRestAfterRepeat{1000};

}  // namespace

FollowedSource::FollowedSource(const MySqlOptions& source, const FollowOptions* options,
                               EntryApplier applier, mysql::TransactionWatch* watch,
                               const std::atomic<bool>* stopping)
    : source_(source),
      options_(options),
      applier_(std::move(applier)),
      table_(&source_, options, &applier_, watch, stopping),
      retry_(options->retry_min, options->retry_max, std::random_device()()),
      refused_retry_(options->retry_min, options->retry_max, std::random_device()()) {
  told_.status.name = mysql::Described(source_.mapping);
}

absl::Status FollowedSource::Attach(mysql::Session* session) {
  return table_.attached() ? absl::OkStatus() : table_.Attach(session);
}

void FollowedSource::Loaded(Clock::time_point began) {
  told_.even_at = began;
  next_poll_ = Clock::now();
}

absl::Status FollowedSource::Poll() {
  const Clock::time_point began = Clock::now();
  absl::Status status = table_.Poll();
  next_poll_ = Clock::now() + options_->poll_interval;
  if (status.ok() && table_.refused().ok()) {
    if (table_.has_cursor()) told_.even_at = began;
    told_.status.state = FollowState::kFollowing;
  }
  return status;
}

absl::Status FollowedSource::RetryRefused() {
  absl::Status status = table_.RetryRefused();
  next_retry_ = Clock::time_point::max();
  next_poll_ = Clock::now();
  return status;
}

absl::Status FollowedSource::TakeRefusal() {
  const absl::Status& refused = table_.refused();
  if (refused.ok()) {
    refused_retry_.Reset();
    next_retry_ = Clock::time_point::max();
  } else {
    const bool memory = KindOf(refused) == ErrorKind::kMemory;
    if (next_retry_ == Clock::time_point::max() || refused != refusal_) {
      const milliseconds pause = memory ? std::max(refused_retry_.Next(), options_->poll_interval)
                                        : refused_retry_.About(options_->slow_retry);
      next_retry_ = std::min(next_retry_, Clock::now() + pause);
    }
    SetState(memory ? FollowState::kOutOfMemory : FollowState::kWaiting, refused);
  }
  if (refused == refusal_) return absl::OkStatus();
  refusal_ = Unshared(refused);
  return refusal_;
}

absl::Status FollowedSource::Reconcile(std::uint64_t pass) {
  if (!table_.reconciling()) {
    pass_ = pass;
    pass_began_ = Clock::now();
    chunks_ = 0;
  }
  ++chunks_;
  const absl::StatusOr<bool> done = table_.Reconcile();
  if (!done.ok()) return done.status();
  if (!*done) return absl::OkStatus();
  last_chunks_ = chunks_;
  told_.pass = pass_;
  told_.pass_at = Clock::now();
  if (!table_.has_cursor() && table_.refused().ok()) told_.even_at = pass_began_;
  return absl::OkStatus();
}

std::size_t FollowedSource::ChunksLeft(std::uint64_t pass) const {
  if (table_.reconciling()) return table_.chunks_left() + 1;
  return WantsChunk(pass) ? last_chunks_ : 0;
}

FollowedSource::Clock::time_point FollowedSource::NextTurn(Clock::time_point next_chunk,
                                                           std::uint64_t pass) const {
  const Clock::time_point next = std::min(next_poll_, next_retry_);
  return std::max(WantsChunk(pass) ? std::min(next, next_chunk) : next, not_before_);
}

void FollowedSource::SetState(FollowState state, const absl::Status& error) {
  told_.status.state = state;
  if (!error.ok()) told_.status.last_error = error;
}

FollowedSource::Demand FollowedSource::Judge(const absl::Status& turn, Clock::duration took) {
  const ErrorKind kind = KindOf(turn);
  if (kind == ErrorKind::kNone) {
    retry_.Reset();
    repeats_ = 0;
    return Demand::kNothing;
  }
  if (kind == ErrorKind::kStop) return Demand::kEnd;
  next_poll_ = Clock::now();  // at the turn after the pause
  if (kind == ErrorKind::kReconnect) {
    // The others need not wait for one whose statements end the connection.
    not_before_ = Clock::now() + retry_.Next();
    return Demand::kPause;
  }
  Clock::duration pause = retry_.Next();
  Demand demand = Demand::kNothing;
  FollowState state = FollowState::kRetrying;
  if (kind == ErrorKind::kMemory) {
    state = FollowState::kOutOfMemory;
    pause = std::max<Clock::duration>(pause, options_->poll_interval);
  } else if (kind == ErrorKind::kPerson) {
    state = FollowState::kWaiting;
    // A table renamed away may be back in a moment.
    pause = std::min<Clock::duration>(pause, options_->slow_retry);
    // Rights may be given meanwhile, and the table be another: a new connection looks at both.
    demand = Demand::kReconnect;
  } else {
    // The server rests for no longer than it worked: what held a lock may be gone by then.
    pause = std::min(pause, std::max<Clock::duration>(took, kRestAfterRepeat));
    if (++repeats_ > kMostRepeats) {
      repeats_ = 0;
      demand = Demand::kReconnect;
    }
  }
  SetState(state, turn);
  not_before_ = Clock::now() + pause;
  return demand;
}

void FollowedSource::Tell(SourceTold* told) const {
  SourceTold now = told_;
  table_.Tell(&now.status);
  now.status.last_error = Unshared(now.status.last_error);
  *told = std::move(now);
}

}  // namespace strata
