// One of the sources that a follower follows in turn: when it is polled next, how its errors are
// met, and what is told of it.
//
// Threads: the follower's thread alone, but that what NotesForLoading gives is a load's while it
// runs.
#ifndef STRATA_LOADER_FOLLOW_SOURCE_H_
#define STRATA_LOADER_FOLLOW_SOURCE_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/follow.h>
#include <strata/mysql_source.h>

#include "loader/follow_apply.h"
#include "loader/follow_retry.h"
#include "loader/follow_status.h"
#include "loader/mysql_follow_table.h"
#include "loader/mysql_session.h"

namespace strata {

class FollowedSource {
 public:
  using Clock = std::chrono::steady_clock;

  /// What an error asks of the follower, beyond the source's own pause.
  enum class Demand {
    kNothing,
    kReconnect,  ///< a new connection, for this source's sake
    kPause,      ///< the connection is gone: nobody goes on before it is back
    kEnd,        ///< stopped
  };

  /// `source` has this one's mapping. All pointers must outlive it.
  FollowedSource(const MySqlOptions& source, const FollowOptions* options, EntryApplier applier,
                 mysql::TransactionWatch* watch, const std::atomic<bool>* stopping);
  FollowedSource(const FollowedSource&) = delete;
  FollowedSource& operator=(const FollowedSource&) = delete;

  /// As TableFollower::NotesForLoading.
  mysql::EntryNotes NotesForLoading() { return table_.NotesForLoading(); }
  /// As TableFollower::AddLayers.
  void AddLayers(Footprint* footprint) const { table_.AddLayers(footprint); }

  /// As TableFollower::OnProgress.
  void OnProgress(std::function<void()> progress) { table_.OnProgress(std::move(progress)); }

  /// Looks the table up on this connection, unless it is done.
  absl::Status Attach(mysql::Session* session);
  void Detach() { table_.Detach(); }

  /// As TableFollower::Begin.
  absl::Status Begin() { return table_.Begin(); }
  /// All was loaded, of a state not older than `began`.
  void Loaded(Clock::time_point began);

  bool PollDue(Clock::time_point now) const { return now >= not_before_ && now >= next_poll_; }
  /// One round.
  absl::Status Poll();

  /// Entries that were refused, as TableFollower::refused says, wait for a time of their own.
  bool RetryDue(Clock::time_point now) const { return now >= not_before_ && now >= next_retry_; }
  absl::Status RetryRefused();
  /// Why entries were refused, where that was not said before; sets the state by it.
  absl::Status TakeRefusal();

  bool TakeReconcileDue() { return table_.TakeReconcileDue(); }

  /// Whether there is work on a pass of that number or below.
  bool WantsChunk(std::uint64_t pass) const { return table_.reconciling() || told_.pass < pass; }
  bool ChunkDue(Clock::time_point now, std::uint64_t pass) const {
    return now >= not_before_ && WantsChunk(pass);
  }
  /// The number of the last pass that it has done.
  std::uint64_t pass_done() const { return told_.pass; }
  /// Whether its last chunk failed, and no other's pass has been done since.
  bool gives_way() const { return gives_way_; }
  void SetGivesWay(bool gives_way) { gives_way_ = gives_way; }
  /// One chunk of the pass that goes on, else of a new one of that number.
  absl::Status Reconcile(std::uint64_t pass);
  /// How many chunks are left of what it wants, by estimate.
  std::size_t ChunksLeft(std::uint64_t pass) const;

  /// When there is something to do, where a pass may go on at `next_chunk`.
  Clock::time_point NextTurn(Clock::time_point next_chunk, std::uint64_t pass) const;

  /// What follows from how a turn ended that took so long.
  Demand Judge(const absl::Status& turn, Clock::duration took);
  void SetState(FollowState state, const absl::Status& error = absl::OkStatus());

  void Tell(SourceTold* told) const;

 private:
  const MySqlOptions source_;
  const FollowOptions* options_;
  EntryApplier applier_;
  mysql::TableFollower table_;
  RetryPauses retry_;
  int repeats_ = 0;
  Clock::time_point next_poll_;
  Clock::time_point not_before_;                             // the pause after an error
  Clock::time_point next_retry_ = Clock::time_point::max();  // of entries that were refused
  RetryPauses refused_retry_;
  absl::Status refusal_;    // the last that was said
  std::uint64_t pass_ = 0;  // the number of the one that goes on
  Clock::time_point pass_began_;
  bool gives_way_ = false;
  std::size_t chunks_ = 0;       // of the pass that goes on
  std::size_t last_chunks_ = 1;  // of the pass before
  SourceTold told_;
};

}  // namespace strata

#endif  // STRATA_LOADER_FOLLOW_SOURCE_H_
