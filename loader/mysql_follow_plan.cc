#include "loader/mysql_follow_plan.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/mysql_charset.h"
#include "loader/mysql_indexes.h"
#include "loader/mysql_query.h"
#include "loader/mysql_relation.h"
#include "loader/view.h"

namespace strata::mysql {
namespace {

// The column that `options` asks for, or "updated_at" where the table has it.
std::optional<Column> CursorOf(const Table& table, const MySqlMapping& mapping) {
  const std::string wanted = mapping.cursor.value_or("updated_at");
  std::optional<Column> found;
  for (const Column& column : table.columns) {
    if (column.name == wanted) return column;
    if (absl::EqualsIgnoreCase(column.name, wanted)) found = column;
  }
  return found;
}

absl::Status ReadCursorType(Session* session, const MySqlMapping& mapping, FollowPlan* plan) {
  const std::string doing = absl::StrCat("looking up table ", QuoteForMessage(mapping.table));
  std::string type;
  absl::Status status =
      session->Query(absl::StrCat("SELECT DATA_TYPE, COALESCE(DATETIME_PRECISION, 0) FROM "
                                  "information_schema.COLUMNS WHERE TABLE_SCHEMA = ",
                                  QuoteText(plan->selection.database),
                                  " AND TABLE_NAME = ", QuoteText(plan->selection.table),
                                  " AND COLUMN_NAME = ", QuoteText(plan->cursor->name)),
                     doing, [&](const Row& row) {
                       type = absl::AsciiStrToLower(View(row[0]));
                       if (!absl::SimpleAtoi(View(row[1]), &plan->fraction_digits))
                         plan->fraction_digits = 0;
                       return absl::OkStatus();
                     });
  if (!status.ok()) return status;
  if (type == "timestamp") {
    plan->cursor_kind = CursorKind::kTimestamp;
  } else if (type == "datetime") {
    plan->cursor_kind = CursorKind::kDateTime;
  } else if (type == "date") {
    plan->cursor_kind = CursorKind::kDate;
  } else if (plan->cursor->kind == ColumnKind::kInteger && type != "year") {
    plan->cursor_kind = CursorKind::kInteger;
  } else if (type.empty()) {
    return absl::AbortedError(absl::StrCat(doing, ": the server did not tell the cursor's type"));
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "MySQL ", session->server(), ": table ", QuoteForMessage(mapping.table), ": the cursor ",
        QuoteForMessage(plan->cursor->name), " is of type ", type,
        ", which does not order changes; name a TIMESTAMP, DATETIME or integer column with "
        "cursor=COLUMN"));
  }
  return absl::OkStatus();
}

absl::Status JudgeIndexes(Session* session, FollowPlan* plan) {
  const auto indexes = ReadIndexes(session, plan->selection);
  if (!indexes.ok()) return indexes.status();
  const Selection& selection = plan->selection;
  std::vector<std::string> advice;
  std::vector<std::string> keys;
  for (const Column& key : KeyColumns(selection)) {
    keys.push_back(key.name);
    if (WayBackOf(key.collation) != WayBack::kSeveralCodes) continue;
    // Neither an entry nor a range's end is sure to be found by the text that came.
    advice.push_back(absl::StrCat(
        "reading an entry again scans the table, because the collation of column ",
        QuoteForMessage(key.name), ", ", key.collation,
        ", is of a character set with several codes for one character: convert it to utf8mb4"));
  }
  const bool sure = advice.empty();
  plan->keys_indexed = sure && indexes->Order(keys);
  std::vector<std::pair<const char*, std::vector<std::string>>> missing;
  if (sure && !indexes->Find(keys)) {
    missing.emplace_back("reading an entry again scans the table: ", keys);
  }
  if (plan->cursor && !indexes->Order({plan->cursor->name})) {
    missing.emplace_back("each poll scans the table: ", std::vector{plan->cursor->name});
  }
  if (!missing.empty()) {
    const absl::StatusOr<IndexLimits> limits = ReadIndexLimits(session, selection);
    if (!limits.ok()) return limits.status();
    for (const auto& [why, columns] : missing) {
      const std::string never = WhyNoIndex(*limits, columns);
      advice.push_back(absl::StrCat(
          why, never.empty() ? IndexStatement(selection, *limits, *indexes, columns) : never));
    }
  }
  if (!plan->cursor) {
    advice.push_back(
        "there is no cursor column (cursor=), so changes are found by reconciling alone");
  }
  plan->advice = absl::StrJoin(advice, "; ");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FollowPlan> PlanFollowing(Session* session, Relation relation,
                                         const MySqlMapping& mapping) {
  if (absl::Status old = session->dialect().CheckFollowing(); !old.ok()) return old;
  FollowPlan plan;
  plan.selection = std::move(relation.selection);
  plan.rows_estimate = relation.table.rows_estimate;
  plan.created = relation.table.created;
  if (!mapping.query.empty()) {
    std::vector<std::string> advice;
    if (mapping.changes.empty()) {
      advice.push_back("there are no changes = […], so changes are found by reconciling alone");
    }
    plan.made_anew = IsMadeAnew(session, plan.selection);
    if (plan.made_anew) {
      advice.push_back(
          "the server makes the query anew for each page, each slice of digests and each reading "
          "of entries again (it holds GROUP BY, DISTINCT, LIMIT, UNION or the like): where that is "
          "dear, keep its result in a table and load that");
    }
    plan.advice = absl::StrJoin(advice, "; ");
    return plan;
  }
  plan.cursor = CursorOf(relation.table, mapping);
  if (plan.cursor) {
    absl::Status status = ReadCursorType(session, mapping, &plan);
    // A column that nobody named serves where it can.
    const bool usable = status.ok() || mapping.cursor.has_value() ||
                        status.code() != absl::StatusCode::kInvalidArgument;
    if (!usable) {
      plan.cursor.reset();
    } else if (!status.ok()) {
      return status;
    }
  }
  if (absl::Status status = JudgeIndexes(session, &plan); !status.ok()) return status;
  return plan;
}

absl::StatusOr<FollowPlan> ReadFollowPlan(Session* session, const MySqlOptions& options) {
  absl::StatusOr<Relation> relation = LookUp(session, options.database, options.mapping);
  if (!relation.ok()) return relation.status();
  return PlanFollowing(session, *std::move(relation), options.mapping);
}

}  // namespace strata::mysql
