#include "loader/mysql_position.h"

#include <utility>

#include "absl/strings/str_cat.h"

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

}  // namespace

absl::Status PositionTracker::ReadLargest(Session* session, const FollowPlan& plan,
                                          const std::optional<std::string>& at_least) {
  largest_ = at_least;
  if (!IsLocalClock(plan.cursor_kind) && plan.cursor_kind != CursorKind::kInteger) {
    return absl::OkStatus();
  }
  const std::string name = QuoteName(plan.cursor->name);
  // A time far ahead of every zone is somebody's mistake, and would hide all that is to come.
  const std::string below =
      IsLocalClock(plan.cursor_kind)
          ? absl::StrCat(" WHERE ", name, " <= UTC_TIMESTAMP() + INTERVAL 14 HOUR")
          : std::string();
  bool answered = false;
  const std::string doing = absl::StrCat("reading the last cursor of ", Described(plan.selection));
  absl::Status status =
      session->Query(absl::StrCat("SELECT MAX(", name, ")", FromClause(plan.selection), below),
                     doing, [&](const Row& row) {
                       answered = true;
                       if (!row.IsNull(0)) largest_ = std::string(row[0]);
                       return absl::OkStatus();
                     });
  if (!status.ok() || answered) return status;
  return absl::AbortedError(absl::StrCat("MySQL ", session->server(), ": ", doing, ": no answer"));
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
