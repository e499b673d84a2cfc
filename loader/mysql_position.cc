#include "loader/mysql_position.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "loader/mysql_clock.h"
#include "loader/mysql_relation.h"

namespace strata::mysql {
namespace {

// More samples than this are thinned: what matters is the last one before the bound.
constexpr std::size_t kMostSamples = 4096;

bool IsLocalClock(CursorKind kind) {
  return kind == CursorKind::kDateTime || kind == CursorKind::kDate;
}

std::string Doing(const FollowPlan& plan) {
  return absl::StrCat("reading the last cursor of ", Described(plan.selection));
}

// The one row of an answer.
absl::Status ReadRow(Session* session, const FollowPlan& plan, const std::string& statement,
                     std::vector<std::optional<std::string>>* cells) {
  cells->clear();
  absl::Status status = session->Query(statement, Doing(plan), [&](const Row& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      cells->push_back(row.IsNull(i) ? std::nullopt : std::optional(std::string(row[i])));
    }
    return absl::OkStatus();
  });
  return status.ok() && cells->empty() ? session->EndedEarly(Doing(plan)) : status;
}

// The largest values of the cursor that fulfil `condition`, from the largest on, up to one more
// than may be no evidence.
absl::Status ReadNewest(Session* session, const FollowPlan& plan, const std::string& condition,
                        std::vector<std::string>* newest) {
  const std::string name = QuoteName(plan.cursor->name);
  newest->clear();
  bool ended = false;
  absl::Status status =
      session->Query(absl::StrCat("(SELECT ", name, FromClause(plan.selection), " WHERE ",
                                  condition, " ORDER BY ", name, " DESC LIMIT ",
                                  PositionTracker::kMostRowsAhead + 1, ") UNION ALL SELECT NULL"),
                     Doing(plan), [&](const Row& row) {
                       ended = row.IsNull(0);
                       if (!ended) newest->emplace_back(row[0]);
                       return absl::OkStatus();
                     });
  return status.ok() && !ended ? session->EndedEarly(Doing(plan)) : status;
}

// As an expression, NULL where there is none. Not MAX, for which MySQL uses an index only where it
// ascends.
std::string Largest(const std::string& column, const std::string& from,
                    const std::string& condition) {
  return absl::StrCat("(SELECT ", column, from, " WHERE ", condition, " ORDER BY ", column,
                      " DESC LIMIT 1)");
}

// Where, of values in order, the first lies that is behind kMostAhead different ones; their size
// where there are no more.
std::size_t BehindMostAhead(const std::vector<std::string>& values) {
  std::size_t different = 0;
  std::size_t at = 0;
  for (; at < values.size(); ++at) {
    if (at == 0 || values[at] != values[at - 1]) ++different;
    if (different > PositionTracker::kMostAhead) break;
  }
  return at;
}

}  // namespace

bool IsBelow(std::string_view a, std::string_view b) {
  const bool negative = a.starts_with('-');
  if (negative != b.starts_with('-')) return negative;
  const bool shorter_or_less = a.size() != b.size() ? a.size() < b.size() : a < b;
  return a != b && shorter_or_less != negative;
}

absl::Status PositionTracker::ReadLargest(Session* session, const FollowPlan& plan) {
  ahead_us_ = 0;
  if (IsLocalClock(plan.cursor_kind)) return ReadLargestTime(session, plan);
  if (plan.cursor_kind == CursorKind::kInteger) return ReadLargestInteger(session, plan);
  return absl::OkStatus();
}

absl::Status PositionTracker::ReadLargestInteger(Session* session, const FollowPlan& plan) {
  std::vector<std::string> newest;
  absl::Status status = ReadNewest(
      session, plan, absl::StrCat(QuoteName(plan.cursor->name), " IS NOT NULL"), &newest);
  if (!status.ok()) return status;
  largest_.reset();
  last_integer_.reset();
  if (!newest.empty()) last_integer_ = newest.front();
  std::size_t at = BehindMostAhead(newest);
  if (at == newest.size()) {
    if (newest.size() <= kMostRowsAhead) return absl::OkStatus();
    // How many rows have the lowest of these nobody knows, and reading them each time would be
    // dear.
    at = static_cast<std::size_t>(std::find(newest.begin(), newest.end(), newest.back()) -
                                  newest.begin());
    if (at > 0) --at;
  }
  largest_ = newest[at];
  return absl::OkStatus();
}

absl::Status PositionTracker::ReadLargestTime(Session* session, const FollowPlan& plan) {
  const std::string name = QuoteName(plan.cursor->name);
  const std::string from = FromClause(plan.selection);
  // A time far ahead of every zone is somebody's mistake.
  const std::string until = absl::StrCat(name, " <= UTC_TIMESTAMP() + INTERVAL 14 HOUR");
  // What is written meanwhile is not ahead.
  const std::string utc = "UTC_TIMESTAMP(6) + INTERVAL 1 SECOND";
  std::vector<std::optional<std::string>> cells;
  absl::Status status = ReadRow(
      session, plan,
      absl::StrCat("SELECT ", Largest(name, from, until), ", ", utc, ", COALESCE(CONVERT_TZ(", utc,
                   ", '+00:00', @@GLOBAL.time_zone), ", utc, ")"),
      &cells);
  if (!status.ok()) return status;
  NoteZone(*cells[1], *cells[2]);
  const std::optional<std::string> largest = cells[0];
  const std::set<std::string> clocks = {*cells[1], *cells[2]};  // mostly one
  for (const std::string& clock : clocks) {
    if (!largest || *largest <= clock) break;
    const std::string literal = QuoteText(clock);
    std::vector<std::string> ahead;
    status = ReadNewest(session, plan, absl::StrCat(name, " > ", literal, " AND ", until), &ahead);
    if (!status.ok()) return status;
    if (ahead.size() > kMostRowsAhead || BehindMostAhead(ahead) < ahead.size()) continue;
    std::vector<std::optional<std::string>> below;
    status = ReadRow(
        session, plan,
        absl::StrCat("SELECT ", Largest(name, from, absl::StrCat(name, " <= ", literal))), &below);
    if (status.ok()) largest_ = below[0];
    return status;
  }
  const std::string& later = *clocks.rbegin();
  const std::int64_t largest_us = ParseTime(largest.value_or(later)).value_or(0);
  ahead_us_ = std::max<std::int64_t>(largest_us - ParseTime(later).value_or(0), 0);
  largest_ = largest;
  return absl::OkStatus();
}

// Over a new connection too: the server may have been started anew with another zone.
void PositionTracker::NoteZone(const std::string& utc, const std::string& local) {
  const std::optional<std::int64_t> utc_us = ParseTime(utc);
  const std::optional<std::int64_t> local_us = ParseTime(local);
  if (!utc_us || !local_us) return;
  const std::int64_t now_us = *local_us - *utc_us;
  const std::int64_t before_us = zone_us_.value_or(now_us);
  zone_us_ = now_us;
  if (now_us < before_us && clock_) {
    set_back_ = SetBack{std::max(set_back_ ? set_back_->largest : "", *clock_->largest),
                        set_back_us() + before_us - now_us};
  }
}

void PositionTracker::Note(const FollowPlan& plan, std::int64_t now_us) {
  began_again_ = false;
  if (plan.cursor_kind == CursorKind::kInteger) {
    const std::optional<std::string> before =
        integers_.empty() ? std::nullopt : integers_.back().largest;
    if (before && (!last_integer_ || IsBelow(*last_integer_, *before))) {
      began_again_ = true;
      integers_.clear();
    }
    if (integers_.size() == kMostSamples) {
      // Each second one goes: a position further back costs reading, and loses nothing.
      std::deque<Seen> kept;
      for (std::size_t i = 0; i < integers_.size(); i += 2) kept.push_back(std::move(integers_[i]));
      integers_ = std::move(kept);
    }
    integers_.push_back({now_us, largest_});
    return;
  }
  if (!largest_) return;
  // Later than M it can only have been at M's first sight.
  if (!clock_ || clock_->largest != largest_) clock_ = Seen{now_us, largest_};
  if (set_back_ && *largest_ > set_back_->largest) set_back_.reset();
}

std::optional<std::string> PositionTracker::At(const FollowPlan& plan,
                                               std::int64_t bound_us) const {
  switch (plan.cursor_kind) {
    case CursorKind::kNone:
      return std::nullopt;
    case CursorKind::kTimestamp:
      return FormatTime(bound_us, plan.fraction_digits);
    case CursorKind::kDateTime:
    case CursorKind::kDate: {
      const std::optional<std::int64_t> largest_us =
          clock_ ? ParseTime(*clock_->largest) : std::nullopt;
      if (!largest_us) return std::nullopt;
      const std::int64_t at_us = *largest_us - set_back_us() + (bound_us - clock_->at_us);
      return plan.cursor_kind == CursorKind::kDate ? FormatDate(at_us)
                                                   : FormatTime(at_us, plan.fraction_digits);
    }
    case CursorKind::kInteger: {
      if (integers_.empty()) return std::nullopt;
      std::optional<std::string> position = integers_.front().largest;
      for (const Seen& seen : integers_) {
        if (seen.at_us > bound_us) break;
        position = seen.largest;
      }
      return position;
    }
  }
  return std::nullopt;
}

bool PositionTracker::Certain(const FollowPlan& plan, std::int64_t bound_us) const {
  return plan.cursor_kind != CursorKind::kInteger || integers_.empty() ||
         integers_.front().at_us <= bound_us;
}

}  // namespace strata::mysql
