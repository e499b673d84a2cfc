#include "loader/mysql_changes.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/mysql_digest.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_relation.h"

namespace strata::mysql {
namespace {

constexpr std::size_t kNoEntry = static_cast<std::size_t>(-1);

// Cells of a row here: ids, cursor, outer, inner, digest.
struct Cells {
  explicit Cells(const Selection& selection) : cursor(selection.id.size()) {}
  std::size_t cursor;
  std::size_t outer = cursor + 1;
  std::size_t inner = cursor + 2;
  std::size_t digest = cursor + 3;
};

std::string Select(const FollowPlan& plan) {
  const Selection& selection = plan.selection;
  std::vector<std::string> list;
  for (const Column& column : selection.id) list.push_back(IdExpression(column));
  list.push_back(IdExpression(*plan.cursor));
  list.push_back(OuterExpression(selection));
  list.push_back(ValueExpression(selection.inner));
  list.push_back(RowDigestExpression(selection));
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

// Whether the cursor `text` is at or behind `until`: of times by their text, of integers, none
// below zero, by their digits.
bool Reaches(const FollowPlan& plan, std::string_view text, std::string_view until) {
  if (plan.cursor_kind != CursorKind::kInteger) return text >= until;
  if (text.starts_with('-') || until.starts_with('-')) return false;
  return text.size() != until.size() ? text.size() > until.size() : text >= until;
}

// Pages of a round behind the sample's own time.
constexpr std::size_t kMostPagesBehind = 100;

std::size_t PageRows(const ChangeReader::Round& round) {
  return std::min(round.max_page_rows, ChangeReader::kMostPageRows);
}

}  // namespace

ChangeReader::ChangeReader() {
  std::random_device random;
  key_.low = std::uint64_t{random()} << 32 | random();
  key_.high = std::uint64_t{random()} << 32 | random();
}

ChangeReader::NewRow ChangeReader::Look(const FollowPlan& plan, const Round& round,
                                        const Row& row) {
  const Cells cells(plan.selection);
  NewRow found{{}, kNoEntry, true};
  scratch_.clear();
  for (std::size_t i = 0; i < plan.selection.id.size(); ++i) {
    absl::StrAppend(&scratch_, row[i].size(), ":");
    scratch_.append(row[i]);
  }
  found.row.id = std::max<std::uint64_t>(SipHash128(key_, scratch_).low, 1);
  scratch_.clear();
  for (std::size_t i = cells.cursor; i <= cells.digest; ++i) {
    absl::StrAppend(&scratch_, row.IsNull(i) ? "N" : "V", row[i].size(), ":");
    scratch_.append(row[i]);
  }
  found.row.content = SipHash128(key_, scratch_).low;
  // Without a digest (the row is larger than a packet) it may have changed without its cursor.
  found.keep = !row.IsNull(cells.digest) &&
               !(round.fresh_from && row[cells.cursor] >= std::string_view(*round.fresh_from));
  return found;
}

absl::Status ChangeReader::ReadPage(Session* session, const FollowPlan& plan, const Round& round,
                                    const std::string& condition, Page* page) {
  const Cells cells(plan.selection);
  std::vector<std::string> order;
  for (const Column& column : PageColumns(plan)) order.push_back(QuoteName(column.name));
  std::map<EntryName, std::size_t> entries;
  const std::string where =
      page->last.empty() ? std::string() : absl::StrCat(" after ", EscapeForMessage(page->last[0]));
  const std::vector<std::string> before = std::move(page->last);
  *page = Page{};
  page->last = before;
  absl::Status status = session->Query(
      absl::StrCat(Select(plan), condition, " ORDER BY ", absl::StrJoin(order, ", "), " LIMIT ",
                   PageRows(round)),
      Doing(plan, where), [&](const Row& row) {
        ++page->rows;
        page->last.assign(1, std::string(row[cells.cursor]));
        for (std::size_t i = 0; i < cells.cursor; ++i) page->last.emplace_back(row[i]);
        NewRow found = Look(plan, round, row);
        if (known_.Has(found.row)) {
          if (found.keep) known_.Keep(found.row);
          return absl::OkStatus();
        }
        if (!row.IsNull(cells.outer) && !row.IsNull(cells.inner)) {
          const auto [entry, fresh] = entries.try_emplace(
              {std::string(row[cells.outer]), std::string(row[cells.inner])}, entries.size());
          if (fresh) page->entries.push_back(entry->first);
          found.entry = entry->second;
        }
        page->new_rows.push_back(found);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  if (page->rows > 0 && page->last == before) {
    return absl::InternalError(absl::StrCat("MySQL ", session->server(), ": ", Doing(plan, where),
                                            ": the same id came again; name another unique key "
                                            "with id="));
  }
  return absl::OkStatus();
}

absl::Status ChangeReader::Read(
    Session* session, const FollowPlan& plan, const Round& round, Counts* counts,
    absl::FunctionRef<absl::StatusOr<std::vector<bool>>(const std::vector<EntryName>&)> refresh) {
  if (!plan.cursor) return absl::OkStatus();
  const std::vector<Column> columns = PageColumns(plan);
  if (cut_.size() != columns.size()) {
    cut_.clear();
    goes_on_ = false;
    known_.BeginRound();
  }
  std::string condition;
  if (goes_on_) {
    absl::StatusOr<std::string> behind = AfterCondition(columns, cut_);
    if (!behind.ok()) return behind.status();
    condition = *std::move(behind);
  } else if (round.from) {
    absl::StatusOr<std::string> literal = IdLiteral(*plan.cursor, *round.from);
    if (!literal.ok()) return literal.status();
    condition = absl::StrCat(" WHERE ", QuoteName(plan.cursor->name), " >= ", *literal);
  } else {
    condition = absl::StrCat(" WHERE ", QuoteName(plan.cursor->name), " IS NOT NULL");
  }
  Page page;
  std::size_t pages_behind = 0;
  while (true) {
    if (absl::Status status = ReadPage(session, plan, round, condition, &page); !status.ok()) {
      return status;
    }
    if (page.rows == 0) {
      absl::Status end = ConfirmEnd(session, plan, condition);
      if (absl::IsAlreadyExists(end)) continue;
      if (!end.ok()) return end;
      break;
    }
    counts->rows_read += page.rows;
    absl::StatusOr<std::vector<bool>> failed = refresh(page.entries);
    if (!failed.ok()) return failed.status();
    for (const NewRow& row : page.new_rows) {
      counts->rows_applied += row.entry == kNoEntry || !(*failed)[row.entry] ? 1 : 0;
      if (row.keep) known_.Keep(row.row);
    }
    // What lies behind the sample's own time is applied at once, too, but for a round that would
    // never end because writers are faster.
    if (round.until && Reaches(plan, page.last[0], *round.until) &&
        (page.rows < PageRows(round) || ++pages_behind > kMostPagesBehind)) {
      if (page.rows < PageRows(round)) break;
      if (goes_on_ || cut_.empty()) cut_ = page.last;
      goes_on_ = !goes_on_;
      return absl::OkStatus();
    }
    absl::StatusOr<std::string> after = AfterCondition(columns, page.last);
    if (!after.ok()) return after.status();
    condition = *std::move(after);
  }
  cut_.clear();
  goes_on_ = false;
  known_.EndRound();
  return absl::OkStatus();
}

}  // namespace strata::mysql
