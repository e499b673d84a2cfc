#include "loader/mysql_changes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/mysql_digest.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_position.h"
#include "loader/mysql_relation.h"
#include "loader/view.h"

namespace strata::mysql {
namespace {

using Clock = std::chrono::steady_clock;

// Cells of a row here: ids, cursor, outer, inner, digest, bytes of the values.
struct Cells {
  explicit Cells(const Selection& selection) : cursor(selection.id.size()) {}
  std::size_t cursor;
  std::size_t outer = cursor + 1;
  std::size_t inner = cursor + 2;
  std::size_t digest = cursor + 3;
  std::size_t bytes = cursor + 4;
};

// The bytes of a row's values that may be large; of a query's statement of changes, whose rows have
// none, 0.
std::string BytesOfValues(const Selection& selection) {
  constexpr std::uint64_t kSmallBytes = 4096;
  std::string sum;
  for (const Column& value : selection.values) {
    if (!value.unbounded && value.max_bytes <= kSmallBytes) continue;
    absl::StrAppend(&sum, sum.empty() ? "" : " + ", "COALESCE(LENGTH(", QuoteName(value.name),
                    "), 0)");
  }
  return sum.empty() ? "0" : sum;
}

std::string Select(const FollowPlan& plan) {
  const Selection& selection = plan.selection;
  std::vector<std::string> list;
  for (const Column& column : selection.id) list.push_back(IdExpression(column));
  list.push_back(IdExpression(*plan.cursor));
  list.push_back(OuterExpression(selection));
  list.push_back(ValueExpression(selection.inner));
  list.push_back(RowDigestExpression(selection));
  list.push_back(BytesOfValues(selection));
  return absl::StrCat("SELECT ", absl::StrJoin(list, ", "), FromClause(selection));
}

// The columns that rows are paged by.
std::vector<Column> PageColumns(const FollowPlan& plan) {
  std::vector<Column> columns = {*plan.cursor};
  columns.insert(columns.end(), plan.selection.id.begin(), plan.selection.id.end());
  return columns;
}

std::string Doing(const FollowPlan& plan, const std::string& where) {
  return absl::StrCat("polling ", Described(plan.selection), where);
}

absl::Status ConfirmEnd(Session* session, const FollowPlan& plan, const std::string& condition) {
  const absl::StatusOr<bool> more = session->Exists(
      absl::StrCat("SELECT 1", FromClause(plan.selection), condition), Doing(plan, ""));
  if (!more.ok()) return more.status();
  // There may be new rows by now: the next page has them.
  return *more ? absl::AlreadyExistsError("more rows") : absl::OkStatus();
}

// Whether the cursor `text` is at or behind `until`: of times by their text.
bool Reaches(const FollowPlan& plan, std::string_view text, std::string_view until) {
  return plan.cursor_kind == CursorKind::kInteger ? !IsBelow(text, until) : text >= until;
}

// From one look at the newest rows to the next.
constexpr std::chrono::milliseconds kBetweenNewest{500};
constexpr int kNewestRows = 200;

// Large entries are read a few at a time, for so long at a turn; then not for the longer of a while
// and twice what the turn took, so that one that many pages name costs half as much again at most.
constexpr std::size_t kLargeTogether = 4;
constexpr std::chrono::milliseconds kLargeTurn{250};
constexpr std::chrono::milliseconds kBetweenLarge{500};
constexpr int kLargeRests = 2;

// Pages of a round behind the sample's own time.
constexpr std::size_t kMostPagesBehind = 100;

std::size_t PageRows(const ChangeReader::Round& round) {
  return std::min(round.max_page_rows, ChangeReader::kMostPageRows);
}

}  // namespace

KnownRows::Row ChangeReader::HashOf(const FollowPlan& plan, const Row& row) {
  const Cells cells(plan.selection);
  const auto hash = [&](std::size_t first, std::size_t end) {
    scratch_.clear();
    for (std::size_t i = first; i < end; ++i) {
      absl::StrAppend(&scratch_, row.IsNull(i) ? "N" : "V", row[i].size(), ":");
      scratch_.append(row[i]);
    }
    return SipHash128(key_, scratch_).low;
  };
  return {hash(0, cells.cursor), hash(cells.cursor, cells.digest + 1)};
}

void ChangeReader::Take(const Row& row, Reading* reading) {
  const Cells cells(reading->plan.selection);
  const KnownRows::Row hash = HashOf(reading->plan, row);
  const bool known = known_.Has(hash);
  // Without a digest (the row is larger than a packet) it may have changed without its cursor.
  const std::optional<std::string>& fresh_from = reading->round.fresh_from;
  if (!row.IsNull(cells.digest) &&
      !(fresh_from && row[cells.cursor] >= std::string_view(*fresh_from))) {
    known_.Keep(hash);
  }
  if (known) return;
  if (reading->plan.cursor_kind == CursorKind::kInteger && !last_end_.empty() &&
      !IsBelow(last_end_, row[cells.cursor])) {
    ++new_within_;
  }
  if (row.IsNull(cells.outer) || row.IsNull(cells.inner)) {
    ++reading->counts->rows_applied;
    return;
  }
  const EntryName name = {std::string(row[cells.outer]), std::string(row[cells.inner])};
  std::uint64_t bytes = 0;
  if (!absl::SimpleAtoi(View(row[cells.bytes]), &bytes)) bytes = 0;
  PendingEntries& pending = reading->pending;
  pending.Add(name, !pending.Has(name) && reading->hooks.is_large(name), bytes);
}

absl::Status ChangeReader::ReadPage(Reading* reading, const std::string& condition, Page* page) {
  const FollowPlan& plan = reading->plan;
  const Cells cells(plan.selection);
  std::vector<std::string> order;
  for (const Column& column : PageColumns(plan)) order.push_back(QuoteName(column.name));
  const std::string where =
      page->last.empty() ? std::string() : absl::StrCat(" after ", EscapeForMessage(page->last[0]));
  const std::vector<std::string> before = page->last;
  page->rows = 0;
  absl::Status status = reading->session->Query(
      absl::StrCat(Select(plan), condition, " ORDER BY ", absl::StrJoin(order, ", "), " LIMIT ",
                   PageRows(reading->round)),
      Doing(plan, where), [&](const Row& row) {
        ++page->rows;
        page->last.assign(1, std::string(row[cells.cursor]));
        for (std::size_t i = 0; i < cells.cursor; ++i) page->last.emplace_back(row[i]);
        Take(row, reading);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  if (page->rows > 0 && page->last == before) {
    return absl::InternalError(absl::StrCat("MySQL ", reading->session->server(), ": ",
                                            Doing(plan, where),
                                            ": the same id came again; name another unique key "
                                            "with id="));
  }
  if (page->rows > 0) end_ = page->last[0];
  reading->counts->rows_read += page->rows;
  return reading->hooks.after_page();
}

// They are then known, and passed by when it is their turn.
absl::Status ChangeReader::ApplyNewest(Reading* reading) {
  const Clock::time_point began = Clock::now();
  if (began < reading->next_newest || reading->round.newest == nullptr) return absl::OkStatus();
  const FollowPlan& plan = *reading->round.newest;
  std::vector<std::string> order;
  for (const Column& column : PageColumns(plan)) {
    order.push_back(absl::StrCat(QuoteName(column.name), " DESC"));
  }
  absl::Status status = reading->session->Query(
      absl::StrCat(Select(plan), " WHERE ", QuoteName(plan.cursor->name), " IS NOT NULL ORDER BY ",
                   absl::StrJoin(order, ", "), " LIMIT ", kNewestRows),
      Doing(plan, " for the newest rows"), [&](const Row& row) {
        ++reading->counts->rows_read;
        Take(row, reading);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  // Where no index gives their order that was a scan: the round itself comes first.
  constexpr int kShare = 10;
  const Clock::time_point now = Clock::now();
  reading->next_newest = now + std::max<Clock::duration>(kBetweenNewest, kShare * (now - began));
  return Refresh(reading, reading->pending.TakeSmall());
}

// Small entries when there are many of them; large ones when it is their turn.
absl::Status ChangeReader::RefreshDue(Reading* reading) {
  PendingEntries& pending = reading->pending;
  absl::Status status;
  if (pending.SmallAreDue()) status = Refresh(reading, pending.TakeSmall());
  const Clock::time_point began = Clock::now();
  const bool turn = began >= reading->next_large;
  while (status.ok() && pending.large() > 0 &&
         (pending.LargeAreDue() || (turn && Clock::now() < began + kLargeTurn))) {
    status = Refresh(reading, pending.TakeLarge(kLargeTogether));
  }
  const Clock::time_point now = Clock::now();
  if (turn) {
    reading->next_large =
        now + std::max<Clock::duration>(kBetweenLarge, kLargeRests * (now - began));
  }
  return status;
}

// What waits at the end of a round. Where that takes long the newest rows come before; those that
// they name come last, and are not waited for again.
absl::Status ChangeReader::RefreshRest(Reading* reading) {
  PendingEntries& pending = reading->pending;
  absl::Status status = Refresh(reading, pending.TakeSmall());
  for (std::size_t left = pending.large(); status.ok() && left > 0;) {
    const std::size_t few = std::min(left, kLargeTogether);
    left -= few;
    status = Refresh(reading, pending.TakeLarge(few));
    if (status.ok() && left > 0) status = ApplyNewest(reading);
  }
  while (status.ok() && pending.large() > 0) {
    status = Refresh(reading, pending.TakeLarge(kLargeTogether));
  }
  return status;
}

absl::Status ChangeReader::Refresh(Reading* reading, const Entries& entries) {
  if (entries.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<bool>> failed = reading->hooks.refresh(entries);
  if (!failed.ok()) return failed.status();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!(*failed)[i]) reading->counts->rows_applied += entries[i].second.rows;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ChangeReader::FirstCondition(const FollowPlan& plan,
                                                         const Round& round) const {
  if (goes_on_) return AfterCondition(PageColumns(plan), cut_);
  const std::string cursor = QuoteName(plan.cursor->name);
  if (!round.from) return absl::StrCat(" WHERE ", cursor, " IS NOT NULL");
  absl::StatusOr<std::string> literal = IdLiteral(*plan.cursor, *round.from);
  if (!literal.ok()) return literal.status();
  return absl::StrCat(" WHERE ", cursor, " >= ", *literal);
}

absl::Status ChangeReader::ReadRows(Reading* reading) {
  const FollowPlan& plan = reading->plan;
  const Round& round = reading->round;
  const std::vector<Column> columns = PageColumns(plan);
  absl::StatusOr<std::string> condition = FirstCondition(plan, round);
  if (!condition.ok()) return InTable(*reading->session, plan.selection, condition.status());
  Page page;
  std::size_t pages_behind = 0;
  while (true) {
    absl::Status status = ReadPage(reading, *condition, &page);
    if (!status.ok()) return status;
    if (page.rows == 0) {
      status = ConfirmEnd(reading->session, plan, *condition);
      if (absl::IsAlreadyExists(status)) continue;
      if (!status.ok()) return status;
      break;
    }
    if (status = RefreshDue(reading); !status.ok()) return status;
    if (status = ApplyNewest(reading); !status.ok()) return status;
    // What lies behind the sample's own time is applied at once, too, but for a round that would
    // never end because writers are faster.
    if (round.until && Reaches(plan, page.last[0], *round.until) &&
        (page.rows < PageRows(round) || ++pages_behind > kMostPagesBehind)) {
      if (page.rows < PageRows(round)) break;
      if (goes_on_ || cut_.empty()) cut_ = page.last;
      goes_on_ = !goes_on_;
      return absl::OkStatus();
    }
    condition = AfterCondition(columns, page.last);
    if (!condition.ok()) return InTable(*reading->session, plan.selection, condition.status());
  }
  cut_.clear();
  goes_on_ = false;
  return absl::OkStatus();
}

// Rows that are updated leave their place for one behind the end, and a late commit puts a few
// between: only a table that was filled again has as many others in the place of all.
void ChangeReader::EndRound(const FollowPlan& plan, const Round& round) {
  constexpr std::size_t kLeast = 8;
  const KnownRows::Ended ended = known_.EndRound();
  replaced_ =
      replaced_ || (plan.cursor_kind == CursorKind::kInteger && round.from &&
                    ended.last >= kLeast && ended.again == 0 && new_within_ * 2 >= ended.last);
  last_end_ = std::exchange(end_, {});
  new_within_ = 0;
}

absl::Status ChangeReader::Read(Session* session, const FollowPlan& plan, const Round& round,
                                Counts* counts, const Hooks& hooks) {
  if (!plan.cursor) return absl::OkStatus();
  if (!whole_ || cut_.size() != 1 + plan.selection.id.size()) {
    // Of one that failed, rows may be kept whose entries were not read again.
    cut_.clear();
    goes_on_ = false;
    known_.BeginRound();
    new_within_ = 0;
    end_.clear();
  }
  whole_ = false;
  const Clock::time_point now = Clock::now();
  Reading reading{
      session, plan, round, counts, hooks, {}, now + kBetweenNewest, now + kBetweenLarge};
  absl::Status status = ReadRows(&reading);
  if (status.ok()) status = RefreshRest(&reading);
  if (!status.ok()) return status;
  if (cut_.empty()) EndRound(plan, round);
  whole_ = true;
  return absl::OkStatus();
}

}  // namespace strata::mysql
