// Keeping a cache equal to tables of MySQL or MariaDB: load them, then follow what changes.
//
//     strata::FollowOptions follow;
//     follow.stop = stop_source.get_token();
//     follow.on_status = [](const strata::FollowStatus& now) { … };
//     follow.on_applied = [](const strata::AppliedChange& change) { … };
//     auto follower = strata::Follower::Start(*options, *cache, follow);   // returns at once
//
// Two ways lead a change into the cache. *Polling* reads the rows whose cursor column is new and
// replaces their entries: a committed insert, update or tombstone is there within two poll
// intervals. *Reconciling* compares digests of whole entries between table and cache: hard deletes,
// an entry that lost a row to another, rows whose cursor did not move, and everything where there
// is no cursor, are found at least every reconcile interval.
//
// Several tables of one server, as a FILE.toml describes them, are loaded in one snapshot and
// followed in turn. An outer belongs to the table that named it first; one that meets another's
// leaves it alone and says so. Outers that none has put are left alone.
//
// Invariant: no committed change is passed over for good. The stored position never passes a
// version that a transaction still open may yet commit. Reading goes beyond it, and what lies
// beyond is read again.
//
// Failing: readers are served the last good content throughout. Errors of the connection and of a
// statement are retried, with growing pauses that are drawn at random; errors that only a person
// can mend (rights, a missing table or column) are told in the status and tried again likewise.
// Before the first load is complete such an error ends the follower; but an entry whose JSON cannot
// be understood is left out of the load and tried again, as it is later.
//
// Threads: a follower has one thread of its own, which writes to the cache and calls the callbacks.
// Its methods may be called from any thread; Stop and the destructor not from a callback.
#ifndef STRATA_FOLLOW_H_
#define STRATA_FOLLOW_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/cache.h>
#include <strata/footprint.h>
#include <strata/load.h>
#include <strata/mysql_source.h>

namespace strata {

enum class FollowState {
  kConnecting,   ///< opening the first connection
  kLoading,      ///< reading the whole table
  kFollowing,    ///< the last round reached the source and applied what it found
  kRetrying,     ///< an error that may pass: the last good content is served
  kWaiting,      ///< an error for a person to mend, tried again slowly; content is served
  kOutOfMemory,  ///< the cache refused changes: some entries are stale, and tried again
  kStopped,      ///< as asked
  kFailed,       ///< ended by an error before the first load was complete
};
/// "following", "out of memory", …
std::string_view FollowStateName(FollowState state);

/// How one of the tables is. Each goes on though another may not; a lost connection is everyone's.
struct FollowSourceStatus {
  std::string name;  ///< what messages call it: table "pairs"
  FollowState state = FollowState::kConnecting;
  absl::Status last_error;  ///< the last one there was, though it may be over; OK for none
  /// Rows whose cursor is before this are in the cache, or their entry is one that was refused, is
  /// served stale and is tried again by itself; the next round reads from here. The
  /// cursor's text, empty where there is none and where a query has several.
  std::string position;
  /// How far the cache may lie behind the source, in seconds: since the last round of
  /// polling began after which nothing was missing. Below 0: there was none yet.
  double lag_seconds = -1;
  /// Whether polling finds changes: there is a cursor, or `changes` of a query. Else comparisons
  /// alone do, once a reconcile interval. False before the table was looked up.
  bool has_cursor = false;
  /// Where following is dearer or less sure than it need be: a missing index with the statement
  /// that makes it, a missing privilege. Empty where all is well.
  std::string advice;
  std::uint64_t rows_read = 0;        ///< by polling, those read again too
  std::uint64_t rows_applied = 0;     ///< of those, the ones that were new and are in the cache
  std::uint64_t entries_reread = 0;   ///< for a changed row or a digest that differed
  std::uint64_t entries_changed = 0;  ///< of those, the ones whose content was another
  std::uint64_t repairs = 0;          ///< entries that only reconciling found
  /// Entries that were refused and are served as they were, or not yet, and tried again: the last
  /// error is of one of them. Of 100 the names are kept; 101 is more than that.
  std::uint64_t entries_refused = 0;
};

/// All of them together; fields that have no words here mean what they mean for one.
struct FollowStatus {
  FollowState state = FollowState::kConnecting;  ///< the one that is furthest from following
  absl::Status last_error;                       ///< of that one, else the last there was
  std::string position;                          ///< of one table; of several see `sources`
  double lag_seconds = -1;                       ///< the greatest; below 0 where one has none yet
  std::string advice;                            ///< of several with their names
  std::uint64_t rows_loaded = 0;                 ///< by the initial load
  // Sums.
  std::uint64_t rows_read = 0;
  std::uint64_t rows_applied = 0;
  std::uint64_t entries_reread = 0;
  std::uint64_t entries_changed = 0;
  std::uint64_t repairs = 0;
  std::uint64_t entries_refused = 0;
  /// Complete passes of reconciling: the number of the last one that all have done.
  std::uint64_t passes = 0;
  double last_pass_seconds = -1;      ///< since all had done one; below 0: not yet
  double reconcile_busy_seconds = 0;  ///< spent on passes, the rests between chunks left out
  std::uint64_t errors = 0;           ///< that were met, each try that failed counted
  /// Connections after the first: of lost ones, and one a minute at most after a row of a megabyte
  /// or more, whose memory the client's library keeps as long as its connection.
  std::uint64_t reconnects = 0;
  std::vector<FollowSourceStatus> sources;  ///< in the order in which they were given
};

/// An entry that was replaced or deleted after the initial load. Views, valid during the call.
struct AppliedChange {
  std::string_view outer;
  std::string_view inner;
  bool deleted = false;
  bool repair = false;  ///< found by reconciling
};

/// No interval is above a year.
struct FollowOptions {
  /// From the end of a round to the next; at least 10 ms.
  std::chrono::milliseconds poll_interval{1000};
  /// From the beginning of a pass to the next, from 0. 0: only when asked for.
  std::chrono::milliseconds reconcile_interval{std::chrono::minutes(5)};
  /// Of the time, how much the server may spend on digests, above 0 to 1. A pass that would not be
  /// done within the interval at this share takes more.
  double reconcile_share = 0.2;
  /// Where the user lacks the PROCESS privilege, open transactions cannot be seen: the position
  /// then stays this far behind. One that is open longer may commit rows that only reconciling
  /// finds. Where something reads the server's list of transactions all the time, so that it is not
  /// renewed, the position is held for ten times as long (3 s at the least), then follows at that
  /// distance, and a pass makes up for it when the list is renewed. From 0.
  std::chrono::milliseconds fallback_lag{std::chrono::seconds(30)};
  /// The pause after an error that may pass grows from the first to the second figure, and beyond
  /// 2 s no faster than an eighth of the time that there has been one after the other. The first is
  /// at least 1 ms, the second no less than the first.
  std::chrono::milliseconds retry_min{100};
  std::chrono::milliseconds retry_max{std::chrono::seconds(30)};
  /// The longest pause after an error for a person to mend, to which it grows likewise. A login
  /// that was refused, and an entry that was (its JSON, its outer), are tried again after about as
  /// long from the first on; an entry at once where a row of it changes. At least 1 ms.
  std::chrono::milliseconds slow_retry{std::chrono::seconds(15)};
  /// Whether all of the cache is the one table's: what it lacks is then deleted from the cache.
  /// Else, and always with several tables, only outers under which one has put something are its
  /// own (20 to 40 bytes each, see MeasureFootprint), and others are left alone.
  bool owns_cache = true;
  /// Ends the follower when stop is requested, as Stop does, without waiting.
  std::stop_token stop;

  // Called from the follower's thread, never after Stop has returned. They must not throw, call
  // Stop or take long: applying waits for them.

  /// When the state changes, after each round and now and then during the load.
  std::function<void(const FollowStatus&)> on_status;
  std::function<void(const LoadProgress&)> on_load_progress;
  std::function<void(const AppliedChange&)> on_applied;
};

class Follower {
 public:
  /// Starts following and returns; loading goes on in the follower's thread. `cache` must outlive
  /// the follower, and nobody else may write to the entries that are the table's. InvalidArgument:
  /// an option out of range, or as CheckMySqlOptions; ResourceExhausted: no memory, no thread.
  static absl::StatusOr<std::unique_ptr<Follower>> Start(const MySqlOptions& source, Cache& cache,
                                                         const FollowOptions& options);
  /// The same for several tables of the server that `connection` names; its mapping means nothing.
  /// InvalidArgument also: none is given, or two of them have one constant outer.
  static absl::StatusOr<std::unique_ptr<Follower>> Start(const MySqlOptions& connection,
                                                         const std::vector<MySqlMapping>& mappings,
                                                         Cache& cache,
                                                         const FollowOptions& options);
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  /// As Stop.
  ~Follower();

  /// Ends it. Returns within a second, also while a connection hangs: then the thread, which
  /// touches cache and callbacks no more, ends by its own time-out. What was applied stays.
  void Stop();

  FollowStatus status() const;

  /// What it keeps beside the cache for as long as it follows: the layers "sources", 7 KB each;
  /// "entry digests", 20 to 40 bytes an entry of JSON (record= and list=), or of pair rows of which
  /// one repeats a key, and none for others;
  /// "known rows", 20 to 40 bytes a row that polling meets again, at most 32 MiB (half as much more
  /// while it grows); "buckets", 1 byte an entry, at most 16 MiB, and "named", 10 to 20 bytes for
  /// each of up to 100,000 entries that differed, while it reconciles; and "outers", 20 to 40 bytes
  /// an outer where not all of the cache is one table's.
  Footprint MeasureFootprint() const;

  /// Asks for a pass of reconciling now. The pass is done when status().passes has reached the
  /// number that is returned; it began after this call. Once the follower has ended (kStopped,
  /// kFailed) the number is never reached: who waits for it looks at status().state, too.
  std::uint64_t RequestReconcile();

 private:
  class State;
  explicit Follower(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace strata

#endif  // STRATA_FOLLOW_H_
