#include "loader/mysql_position.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/mysql_clock.h"
#include "loader/mysql_relation.h"

namespace strata::mysql {
namespace {

// More samples than this are thinned: what matters is the last one before the bound.
constexpr std::size_t kMostSamples = 4096;

bool IsLocalClock(CursorKind kind) {
  return kind == CursorKind::kDateTime || kind == CursorKind::kDate;
}

// Answers one row of expressions.
absl::Status Ask(Session* session, const FollowPlan& plan,
                 const std::vector<std::string>& expressions,
                 const std::vector<std::optional<std::string>*>& answers) {
  bool answered = false;
  const std::string doing = absl::StrCat("reading the last cursor of ", Described(plan.selection));
  absl::Status status = session->Query(absl::StrCat("SELECT ", absl::StrJoin(expressions, ", ")),
                                       doing, [&](const Row& row) {
                                         answered = true;
                                         for (std::size_t i = 0; i < answers.size(); ++i) {
                                           if (!row.IsNull(i)) *answers[i] = std::string(row[i]);
                                         }
                                         return absl::OkStatus();
                                       });
  if (!status.ok() || answered) return status;
  return absl::AbortedError(absl::StrCat("MySQL ", session->server(), ": ", doing, ": no answer"));
}

}  // namespace

absl::Status PositionTracker::ReadLargest(Session* session, const FollowPlan& plan,
                                          const std::optional<std::string>& at_least) {
  largest_ = at_least;
  ahead_us_ = 0;
  if (IsLocalClock(plan.cursor_kind)) return ReadLargestTime(session, plan);
  if (plan.cursor_kind != CursorKind::kInteger) return absl::OkStatus();
  const std::string name = QuoteName(plan.cursor->name);
  return Ask(
      session, plan,
      {absl::StrCat("(SELECT ", name, FromClause(plan.selection), " WHERE ", name,
                    " IS NOT NULL ORDER BY ", name, " DESC LIMIT 1 OFFSET ", kMostAhead, ")")},
      {&largest_});
}

absl::Status PositionTracker::ReadLargestTime(Session* session, const FollowPlan& plan) {
  const std::string name = QuoteName(plan.cursor->name);
  const std::string from = FromClause(plan.selection);
  // A time far ahead of every zone is somebody's mistake.
  const std::string until = absl::StrCat(" WHERE ", name, " <= UTC_TIMESTAMP() + INTERVAL 14 HOUR");
  // What is written meanwhile is not ahead.
  const std::string utc = "UTC_TIMESTAMP(6) + INTERVAL 1 SECOND";
  std::optional<std::string> largest;
  std::optional<std::string> clocks[2];
  absl::Status status = Ask(
      session, plan,
      {absl::StrCat("(SELECT MAX(", name, ")", from, until, ")"), utc,
       absl::StrCat("COALESCE(CONVERT_TZ(", utc, ", '+00:00', @@GLOBAL.time_zone), ", utc, ")")},
      {&largest, &clocks[0], &clocks[1]});
  if (!status.ok() || !largest) return status;
  if (*clocks[1] < *clocks[0]) std::swap(clocks[0], clocks[1]);
  for (const std::optional<std::string>& clock : clocks) {
    if (*largest <= *clock) break;
    const std::string quoted = QuoteText(*clock);
    std::optional<std::string> count;
    std::optional<std::string> below;
    status =
        Ask(session, plan,
            {absl::StrCat("(SELECT COUNT(*) FROM (SELECT 1", from, until, " AND ", name, " > ",
                          quoted, " LIMIT ", kMostAhead + 1, ") AS ahead)"),
             absl::StrCat("(SELECT MAX(", name, ")", from, " WHERE ", name, " <= ", quoted, ")")},
            {&count, &below});
    if (!status.ok()) return status;
    if (count != std::to_string(kMostAhead + 1)) {
      if (below) largest_ = below;
      return absl::OkStatus();
    }
  }
  const auto largest_us = ParseTime(*largest);
  const auto clock_us = ParseTime(*clocks[1]);
  if (largest_us && clock_us && *largest_us > *clock_us) ahead_us_ = *largest_us - *clock_us;
  largest_ = std::move(largest);
  return absl::OkStatus();
}

void PositionTracker::Note(const FollowPlan& plan, std::int64_t now_us) {
  if (plan.cursor_kind == CursorKind::kInteger) {
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
      const std::int64_t at_us = *largest_us + (bound_us - clock_->at_us);
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
