// From the bound, a moment, to the position: the cursor's value from which to read.
//
//     TIMESTAMP   the bound itself, cut to the column's precision: versions made after it are not
//                 below it
//     DATETIME    by a clock whose zone is not known. At the moment t the largest version M was
//     DATE        seen: then that clock stood at M or later, and at the bound at M + (bound − t)
//                 or later. A clock that is set back makes versions below M until it has passed M
//                 again. The server's own is seen to be, by what it is ahead of UTC: then, and so
//                 long, the position goes back by as much. Of another only reconciling finds what
//                 it makes. (TIMESTAMP has no such hour.)
//     integers    the largest that was seen before the bound; equal ones may still come, so that
//                 reading begins with it, not behind it. Where all are below it (the table was
//                 emptied and is filled anew) nothing that was seen before counts
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
#include <string_view>

#include "absl/status/status.h"

#include "loader/mysql_follow_plan.h"

namespace strata::mysql {

/// Whether the integer `a`, in decimal digits, is below `b`.
bool IsBelow(std::string_view a, std::string_view b);

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
  /// By how much the server's own clock was set back, until it has passed the largest again; 0
  /// where it was not.
  std::int64_t set_back_us() const { return set_back_ ? set_back_->by_us : 0; }
  /// Whether the last Note found integers to have begun again from below. A pass is due, and what
  /// At says is not certain.
  bool began_again() const { return began_again_; }

 private:
  absl::Status ReadLargestInteger(Session* session, const FollowPlan& plan);
  absl::Status ReadLargestTime(Session* session, const FollowPlan& plan);

  struct Seen {
    std::int64_t at_us;
    std::optional<std::string> largest;  // nothing: the table was empty
  };
  struct SetBack {
    std::string largest;  // when it was
    std::int64_t by_us;
  };
  void NoteZone(const std::string& utc, const std::string& local);

  std::optional<std::string> largest_;
  std::int64_t ahead_us_ = 0;
  std::optional<std::int64_t> zone_us_;  // what the server's own clock is ahead of UTC
  std::optional<SetBack> set_back_;
  std::optional<std::string> last_integer_;  // the very largest
  bool began_again_ = false;
  std::optional<Seen> clock_;  // times: the largest, and when it was first known
  std::deque<Seen> integers_;  // oldest first
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_POSITION_H_
