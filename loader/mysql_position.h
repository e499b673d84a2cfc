// From the bound, a moment, to the position: the cursor's value from which to read.
//
//     TIMESTAMP   the bound itself, cut to the column's precision: versions made after it are not
//                 below it
//     DATETIME    by a clock whose zone is not known. At the moment t the largest version M was
//     DATE        seen: then that clock stood at M or later, and at the bound at M + (bound − t)
//                 or later. (A clock that is set back, as local ones are in autumn, makes versions
//                 that only reconciling finds, until it has passed M again. TIMESTAMP has no such
//                 hour.)
//     integers    the largest that was seen before the bound; equal ones may still come, so that
//                 reading begins with it, not behind it
//
// A value that somebody has put ahead of all others would hide what is written below it. So up to
// kMostAhead different ones in up to kMostRowsAhead rows are no evidence: of times, those ahead of
// the server's clock (UTC, or in the server's zone, the earlier of the two first); of integers,
// which no clock tells apart, the largest never are. That costs reading so many rows again.
//
// Reading begins *at* the position, so that a cut never skips.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_MYSQL_POSITION_H_
#define STRATA_LOADER_MYSQL_POSITION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/status/status.h"

#include "loader/mysql_follow_plan.h"

namespace strata::mysql {

class PositionTracker {
 public:
  static constexpr std::size_t kMostAhead = 16;
  static constexpr std::size_t kMostRowsAhead = 200;

  /// Looks how far the table's versions have come; to be called before the sample whose clock goes
  /// into Note. Does nothing where the kind of cursor does not need it.
  absl::Status ReadLargest(Session* session, const FollowPlan& plan);
  /// What it found, as the cursor's text; nothing where there was nothing.
  const std::optional<std::string>& largest() const { return largest_; }
  /// What was seen was seen before `now_us`.
  void Note(const FollowPlan& plan, std::int64_t now_us);

  /// The position for this bound, as the cursor's text; nothing where the table is to be read from
  /// its beginning.
  std::optional<std::string> At(const FollowPlan& plan, std::int64_t bound_us) const;
  /// Whether what At says rests on nothing older than the bound: at the beginning, with a cursor of
  /// integers, while transactions from before it are open. A pass of reconciling is due when it
  /// has become true.
  bool Certain(const FollowPlan& plan, std::int64_t bound_us) const;
  /// How far the largest was ahead of the server's clock, with more others than are none; 0 where
  /// it was not. That is right where the clock of all that write is so far ahead.
  std::int64_t ahead_us() const { return ahead_us_; }

 private:
  absl::Status ReadLargestInteger(Session* session, const FollowPlan& plan);
  absl::Status ReadLargestTime(Session* session, const FollowPlan& plan);

  struct Seen {
    std::int64_t at_us;
    std::optional<std::string> largest;  // nothing: the table was empty
  };
  std::optional<std::string> largest_;
  std::int64_t ahead_us_ = 0;
  std::optional<Seen> clock_;  // times: the largest, and when it was first known
  std::deque<Seen> integers_;  // oldest first
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_POSITION_H_
