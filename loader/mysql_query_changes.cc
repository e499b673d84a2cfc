#include "loader/mysql_query_changes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "loader/message_text.h"
#include "loader/mysql_digest.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_query.h"
#include "loader/mysql_relation.h"

namespace strata::mysql {
namespace {

constexpr std::string_view kSince = ":since";

// How many bytes from `sql`'s beginning on are a quoted text or a comment: 0 for none.
std::size_t OpaqueBytes(std::string_view sql) {
  const auto up_to = [sql](std::string_view end, std::size_t from) {
    const std::size_t at = sql.find(end, from);
    return at == std::string_view::npos ? sql.size() : at + end.size();
  };
  const char first = sql.front();
  // Two dashes begin a comment before white space or a control character, or as the last of all.
  const bool dashes =
      sql.starts_with("--") &&
      (sql.size() == 2 || static_cast<unsigned char>(sql[2]) <= ' ' || sql[2] == 127);
  if (first == '#' || dashes) return up_to("\n", 1);
  if (sql.starts_with("/*")) return up_to("*/", 2);
  if (first != '\'' && first != '"' && first != '`') return 0;
  for (std::size_t at = 1; at < sql.size(); ++at) {
    if (sql[at] == '\\' && first != '`') {
      ++at;
    } else if (sql[at] == first) {
      // A doubled one is itself; what follows is read as the next text.
      return at + 1;
    }
  }
  return sql.size();
}

bool IsWord(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The literal of the first there can be.
std::string Beginning(CursorKind kind) {
  switch (kind) {
    case CursorKind::kTimestamp:
      return QuoteText("1970-01-01 00:00:01");
    case CursorKind::kDateTime:
    case CursorKind::kDate:
      return QuoteText("0001-01-01");
    case CursorKind::kInteger:
    case CursorKind::kNone:
      break;
  }
  return "-9223372036854775808";
}

absl::StatusOr<std::string> Since(const std::optional<std::string>& since,
                                  const ChangesPlan& changes) {
  std::string literal = Beginning(changes.plan.cursor_kind);
  if (since) {
    absl::StatusOr<std::string> given = IdLiteral(changes.cursor, *since);
    if (!given.ok()) return given.status();
    literal = *std::move(given);
  }
  return *WithSince(changes.statement, literal);
}

CursorKind KindOfCursor(std::string_view type, const Column& column) {
  if (type == "timestamp") return CursorKind::kTimestamp;
  if (type == "datetime") return CursorKind::kDateTime;
  if (type == "date") return CursorKind::kDate;
  const bool integer = column.kind == ColumnKind::kInteger && type != "year";
  return integer ? CursorKind::kInteger : CursorKind::kNone;
}

Column Named(std::string name, ColumnKind kind) {
  Column column;
  column.name = std::move(name);
  column.kind = kind;
  column.nullable = false;
  return column;
}

}  // namespace

std::optional<std::string> WithSince(std::string_view statement, std::string_view literal) {
  std::string result;
  bool any = false;
  while (!statement.empty()) {
    std::size_t bytes = OpaqueBytes(statement);
    const bool since = bytes == 0 && statement.starts_with(kSince) &&
                       (statement.size() == kSince.size() || !IsWord(statement[kSince.size()]));
    if (since) {
      result.append(literal);
      any = true;
      bytes = kSince.size();
    } else {
      if (bytes == 0) bytes = 1;
      result.append(statement.substr(0, bytes));
    }
    statement.remove_prefix(bytes);
  }
  return any ? std::optional(result) : std::nullopt;
}

bool ClosesWhatItOpens(std::string_view sql) {
  std::size_t open = 0;
  while (!sql.empty()) {
    if (sql.starts_with("/*!") || sql.starts_with("/*M!")) return false;
    const std::size_t opaque = OpaqueBytes(sql);
    if (opaque == 0 && sql.front() == '(') ++open;
    if (opaque == 0 && sql.front() == ')' && open-- == 0) return false;
    sql.remove_prefix(std::max<std::size_t>(opaque, 1));
  }
  return open == 0;
}

absl::StatusOr<ChangesPlan> ReadChangesPlan(Session* session, const std::string& statement) {
  const std::string described = absl::StrCat("changes ", QuoteForMessage(statement));
  const auto wrong = [&](std::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("MySQL ", session->server(), ": ", described, ": ", std::string(what)));
  };
  if (!ClosesWhatItOpens(statement)) return wrong(absl::StrCat("it", kBetweenParentheses));
  const std::optional<std::string> nothing = WithSince(statement, "NULL");
  if (!nothing) return wrong("it has no :since; write … WHERE cursor >= :since");
  const auto columns = DescribeQuery(session, *nothing, described);
  if (!columns.ok()) return columns.status();
  if (columns->size() != 3) {
    return wrong(absl::StrCat("it has ", columns->size(),
                              " columns; select three: outer, inner and the cursor"));
  }
  ChangesPlan changes;
  changes.statement = statement;
  const auto column = [&](std::size_t i) {
    return DescribeColumn((*columns)[i].name, (*columns)[i].type);
  };
  changes.outer = BytesExpression(column(0));
  changes.inner = BytesExpression(column(1));
  changes.cursor = column(2);
  const std::string type = (*columns)[2].type.substr(0, (*columns)[2].type.find_first_of(" ("));
  FollowPlan& plan = changes.plan;
  plan.cursor_kind = KindOfCursor(type, changes.cursor);
  plan.fraction_digits = (*columns)[2].fraction_digits;
  if (plan.cursor_kind == CursorKind::kNone) {
    return wrong(absl::StrCat("its third column, the cursor ", QuoteForMessage(changes.cursor.name),
                              ", is of type ", type,
                              ", which does not order changes; select a TIMESTAMP, DATETIME, DATE "
                              "or integer"));
  }
  plan.cursor = Named("cursor", changes.cursor.kind);
  Selection& selection = plan.selection;
  selection.outer = Named("outer", ColumnKind::kBytes);
  selection.inner = Named("inner", ColumnKind::kBytes);
  selection.id = {*plan.cursor, selection.outer, selection.inner};
  selection.values = {Named("rows", ColumnKind::kInteger)};
  selection.pair_rows = false;
  return changes;
}

absl::Status SetSince(const std::optional<std::string>& since, ChangesPlan* changes) {
  absl::StatusOr<std::string> statement = Since(since, *changes);
  if (!statement.ok()) return statement.status();
  changes->plan.selection.query =
      absl::StrCat("SELECT ", changes->outer, " AS `outer`, ", changes->inner, " AS `inner`, ",
                   QuoteName(changes->cursor.name), " AS `cursor`, COUNT(*) AS `rows`",
                   FromQuery(*statement), " WHERE ", changes->outer, " IS NOT NULL AND ",
                   changes->inner, " IS NOT NULL GROUP BY 1, 2, 3");
  return absl::OkStatus();
}

absl::StatusOr<FollowPlan> LargestPlan(const std::optional<std::string>& since,
                                       const ChangesPlan& changes) {
  absl::StatusOr<std::string> statement = Since(since, changes);
  if (!statement.ok()) return statement.status();
  FollowPlan plan;
  plan.cursor = changes.cursor;
  plan.cursor_kind = changes.plan.cursor_kind;
  plan.fraction_digits = changes.plan.fraction_digits;
  plan.selection.query = *std::move(statement);
  return plan;
}

}  // namespace strata::mysql
