// What a follower does for one table: samples, rounds of polling, chunks of reconciling, entries
// read again. The connection is shared with the other tables'. Errors end a step; what was reached
// is kept over a new connection.
//
// Threads: one at a time; `stopping` may be set and AddLayers called by any.
#ifndef STRATA_LOADER_MYSQL_FOLLOW_TABLE_H_
#define STRATA_LOADER_MYSQL_FOLLOW_TABLE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/follow.h>
#include <strata/footprint.h>
#include <strata/memory_door.h>
#include <strata/mysql_source.h>

#include "loader/entry_digests.h"
#include "loader/follow_apply.h"
#include "loader/held_entries.h"
#include "loader/mysql_bound.h"
#include "loader/mysql_changes.h"
#include "loader/mysql_entries.h"
#include "loader/mysql_entry_read.h"
#include "loader/mysql_follow_plan.h"
#include "loader/mysql_position.h"
#include "loader/mysql_query_changes.h"
#include "loader/mysql_reconcile.h"
#include "loader/mysql_session.h"
#include "loader/through_door.h"

namespace strata::mysql {

/// What is known of the server's open transactions, for all tables that are followed on it: its
/// list of them goes stale where it is looked at too often.
struct TransactionWatch {
  BoundTracker bounds;
  bool seen = true;           ///< whether the user may see them
  bool bound_by_lag = true;   ///< no fresh sample yet, or none for too long
  std::int64_t bound_us = 0;  ///< what the last fresh sample allows
  std::chrono::steady_clock::time_point next_look;
  std::optional<std::chrono::steady_clock::time_point> stale_since;  ///< no fresh sample since then
  std::minstd_rand random{std::random_device()()};
};

/// A connection with the settings that following wants.
absl::StatusOr<std::unique_ptr<Session>> OpenForFollowing(const MySqlOptions& options);

class TableFollower {
 public:
  /// All must outlive it.
  TableFollower(const MySqlOptions* source, const FollowOptions* options, EntryApplier* applier,
                TransactionWatch* watch, const std::atomic<bool>* stopping)
      : source_(source), options_(options), applier_(applier), watch_(watch), stopping_(stopping) {}

  /// Calls `progress` now and then while a step goes on: what Tell tells has changed.
  void OnProgress(std::function<void()> progress) { progress_ = std::move(progress); }

  bool attached() const { return session_ != nullptr; }
  /// Looks the table up, and goes on with this connection until Detach.
  absl::Status Attach(Session* session);
  void Detach() { session_ = nullptr; }

  /// Takes the position from which to follow a table that is read whole after this call. Waits for
  /// a second where the server's list of transactions is not to be had. Cancelled: stopped.
  absl::Status Begin();

  /// Where a load of the table notes its entries of JSON; forgets what one that failed has noted.
  EntryNotes NotesForLoading();
  /// Adds what it keeps beside the cache. Safe from any thread.
  void AddLayers(Footprint* footprint) const;

  /// One round; now and then the table is looked up again before.
  absl::Status Poll();

  /// Why some entries are not as the source has them: ResourceExhausted, the cache is at its limit;
  /// InvalidArgument, their JSON cannot be understood or their outer is another source's. OK for
  /// none. That is no error of the call that meets them.
  const absl::Status& refused() const { return held_.why(); }
  /// Tries those again.
  absl::Status RetryRefused();

  /// One chunk of a pass, which is begun where none goes on. Whether it is done.
  absl::StatusOr<bool> Reconcile();
  bool reconciling() const { return pass_.has_value(); }
  std::size_t chunks_left() const { return pass_ ? pass_->chunks_left() : 0; }
  /// Whether the position has only now become certain (see PositionTracker): a pass is due.
  bool TakeReconcileDue();

  /// Whether polling finds anything.
  bool has_cursor() const { return !feeds_.empty(); }
  /// Fills in position, advice and the counts.
  void Tell(FollowSourceStatus* status) const;

 private:
  // Rows that name entries to be read again, by a cursor of their own: the table's, or those of one
  // of a query's `changes`.
  struct Feed {
    std::optional<ChangesPlan> changes;  // of a query
    FollowPlan plan;                     // of a table
    PositionTracker positions;
    bool begun = false;  // whether a position was taken since this cursor is followed
    std::optional<std::string> position;
    bool certain = true;
    ChangeReader reader;
    const FollowPlan& now() const { return changes ? changes->plan : plan; }
  };

  absl::Status SetPlan(Session* session);
  absl::Status PollFeeds();
  absl::Status Sample();
  absl::Status ReadLargestChange(Feed* feed);
  absl::Status LookForOpenWork();
  std::int64_t LagUs() const;
  /// Whether the list of transactions has not been renewed for so long that a lag is to serve.
  bool HeldTooLong() const;
  /// Takes the position from which the feed is followed, by the last sample.
  void BeginFeed(Feed* feed) const;
  absl::StatusOr<std::optional<ChangesPlan>> NewestChanges(const Feed& feed) const;
  absl::Status PollFeed(Feed* feed);
  /// To where the last sample allows, after a round that began at the position.
  void MovePosition(Feed* feed);
  absl::StatusOr<bool> Apply(const EntryAsRead& entry, bool repair);
  /// Reads them again, and makes the cache's what they are. Answers for which, by index, it could
  /// not.
  absl::StatusOr<std::vector<bool>> Refresh(const ChangeReader::Entries& entries, bool repair);
  absl::StatusOr<std::vector<bool>> Refresh(const std::vector<EntryName>& names, bool repair);
  // What one statement asks for.
  struct Group {
    std::vector<EntryName> names;
    std::uint64_t bytes = 0;  // by what is known of them before
  };
  Group FirstGroup(std::span<const ChangeReader::Entries::value_type> entries) const;
  std::uint64_t ExpectedBytes(const EntryName& name, const PendingEntries::Named& named) const;
  absl::Status RefreshGroup(const Group& group, bool repair, std::vector<bool>::iterator failed);
  absl::Status PlanFor(const std::vector<EntryName>& names);
  absl::Status MendSuspects();
  absl::Status TooLong(const EntryName& name) const;
  std::optional<EntrySize> SizeInCache(const EntryName& name, std::size_t most_records,
                                       std::size_t most_bytes) const;
  bool IsLarge(const EntryName& name) const;
  std::optional<std::string> FreshFrom(const Feed& feed) const;

  const MySqlOptions* source_;
  const FollowOptions* options_;
  EntryApplier* applier_;
  TransactionWatch* watch_;
  const std::atomic<bool>* stopping_;
  std::function<void()> progress_ = [] {};

  Session* session_ = nullptr;
  FollowPlan plan_;
  bool planned_ = false;                             // whether the table was looked up
  bool just_planned_ = false;                        // and since the last Poll began
  std::chrono::steady_clock::time_point next_plan_;  // when it is to be looked up again

  mutable std::mutex layers_mutex_;  // of which feeds there are, and whether a pass is
  MemoryDoor feeds_door_;
  std::vector<ThroughDoor<Feed>> feeds_;
  std::optional<std::uint64_t> firsts_;  // first samples, at the begin of following and since
  bool begun_by_lag_ = false;  // a lag had to serve, and no fresh look at the transactions since
  bool begun_beside_open_ = false;  // the first sample had open transactions, some are open still
  bool reconcile_due_ = false;
  std::int64_t now_us_ = 0;    // the last sample's
  std::int64_t bound_us_ = 0;  // the last sample's

  std::optional<ReconcilePass> pass_;
  EntryDigests digests_;             // of a source of JSON
  std::vector<EntryName> suspects_;  // found, and not read again yet
  HeldEntries held_;

  ChangeReader::Counts rows_;
  std::uint64_t bytes_an_entry_ = 0;  // of those that were read last
  std::uint64_t entries_reread_ = 0;
  std::uint64_t entries_changed_ = 0;
  std::uint64_t repairs_ = 0;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_FOLLOW_TABLE_H_
