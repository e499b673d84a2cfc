#include "loader/mysql_query.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_relation.h"

namespace strata::mysql {

namespace {

// A name or a word of the configuration's SQL that the server does not know will be no other at the
// next try.
absl::Status OfConfiguration(const absl::Status& status, const char* fix) {
  if (!absl::IsUnknown(status) && !absl::IsNotFound(status)) return status;
  return absl::InvalidArgumentError(absl::StrCat(status.message(), "; ", fix));
}

}  // namespace

absl::StatusOr<std::vector<ResultColumn>> DescribeQuery(Session* session, const std::string& query,
                                                        std::string_view described) {
  absl::StatusOr<std::vector<ResultColumn>> columns =
      session->Columns(absl::StrCat("SELECT *", FromQuery(query), " LIMIT 0"),
                       absl::StrCat("looking at ", std::string(described)));
  if (!columns.ok()) {
    return OfConfiguration(columns.status(), "mend the SQL in the configuration");
  }
  return columns;
}

absl::Status CheckWhere(Session* session, const Selection& selection, bool with_a_row) {
  const std::string where = OwnCondition(selection);
  if (where.empty()) return absl::OkStatus();
  const std::string from = FromClause(selection);
  const std::string doing = absl::StrCat("looking at `where` of ", Described(selection));
  const auto nothing = [](const Row&) { return absl::OkStatus(); };
  const auto look = [&]() -> absl::Status {
    if (with_a_row) {
      return session->Query(absl::StrCat("SELECT ", where, from, " LIMIT 1"), doing, nothing);
    }
    return session->Query(absl::StrCat("SELECT 1", from, " WHERE ", where, " LIMIT 0"), doing,
                          nothing);
  };
  // Applied to a row it may call functions, and may only read.
  return OfConfiguration(with_a_row ? session->InSnapshot(doing, look) : look(),
                         "mend `where` in the configuration");
}

absl::Status ReadCollations(Session* session, const std::string& query, std::string_view described,
                            std::vector<Column>* columns) {
  std::vector<std::size_t> asked;
  std::vector<std::string> list;
  for (std::size_t i = 0; i < columns->size(); ++i) {
    if ((*columns)[i].kind != ColumnKind::kText && (*columns)[i].kind != ColumnKind::kNumbered) {
      continue;
    }
    asked.push_back(i);
    list.push_back(absl::StrCat("COLLATION(result.", QuoteName((*columns)[i].name), ")"));
  }
  if (asked.empty()) return absl::OkStatus();
  const std::string doing = absl::StrCat("looking at ", std::string(described));
  bool told = false;
  // One row, with NULLs for the result's, which is never made: LIMIT 0 ends it before it begins.
  absl::Status status = session->Query(
      absl::StrCat("SELECT ", absl::StrJoin(list, ", "), " FROM (SELECT 1 AS one) AS one LEFT JOIN",
                   " (SELECT *", FromQuery(query), " LIMIT 0) AS result ON FALSE"),
      doing, [&](const Row& row) {
        told = true;
        for (std::size_t i = 0; i < asked.size(); ++i) {
          // That of numbers and times is "binary" to MariaDB.
          if (row[i] != "binary") (*columns)[asked[i]].collation = std::string(row[i]);
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return told ? absl::OkStatus() : session->EndedEarly(doing);
}

bool IsMadeAnew(Session* session, const Selection& selection) {
  enum { kId, kSelectType, kTable };
  bool anew = false;
  // Views in it may want a privilege more than reading them does: then nothing is known.
  (void)session->Query(absl::StrCat("EXPLAIN FORMAT=TRADITIONAL SELECT *", FromClause(selection)),
                       "looking how a query is run", [&](const Row& row) {
                         anew = anew || row[kTable].starts_with("<derived");
                         return absl::OkStatus();
                       });
  return anew;
}

absl::StatusOr<std::uint64_t> CheckIds(Session* session, const Selection& selection) {
  const std::string doing =
      absl::StrCat("looking whether the ids are unique in ", Described(selection));
  std::vector<std::string> names;
  std::vector<std::string> texts;
  std::vector<std::string> wrong = {"COUNT(*) > 1"};
  std::vector<std::string> too_long;
  for (const Column& column : selection.id) {
    names.push_back(QuoteName(column.name));
    texts.push_back(IdExpression(column));
    wrong.push_back(absl::StrCat(names.back(), " IS NULL"));
    too_long.push_back(absl::StrCat("COALESCE(LENGTH(", names.back(), "), 0) > ", kLongestQueryId));
  }
  const std::string own = OwnCondition(selection);
  const std::string from = absl::StrCat(FromClause(selection), own.empty() ? "" : " WHERE ", own);
  // Rows with a NULL among them are none of the distinct ones.
  std::vector<std::string> counts;
  absl::Status status = session->Query(
      absl::StrCat("SELECT COUNT(*), COUNT(DISTINCT ", absl::StrJoin(names, ", "),
                   "), COALESCE(SUM(", absl::StrJoin(too_long, " OR "), "), 0)", from),
      doing, [&](const Row& row) {
        for (std::size_t i = 0; i < row.size(); ++i) counts.emplace_back(row[i]);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  std::uint64_t rows = 0;
  if (counts.empty() || !absl::SimpleAtoi(counts[0], &rows)) return session->EndedEarly(doing);
  if (counts[2] != "0") {
    return absl::FailedPreconditionError(absl::StrCat(
        "MySQL ", session->server(), ": ", Described(selection), ": ", counts[2],
        " rows have ids of more than ", kLongestQueryId,
        " bytes, which the server may not sort whole, and rows would be lost; name shorter columns "
        "with id = […], or a digest of the long one: SHA2(…, 256)"));
  }
  if (counts[0] == counts[1]) return rows;
  std::string which;
  const std::string one = absl::StrCat("SELECT ", absl::StrJoin(texts, ", "), from, " GROUP BY ",
                                       absl::StrJoin(names, ", "), " HAVING ",
                                       absl::StrJoin(wrong, " OR "), " LIMIT 1");
  status = session->Query(one, doing, [&](const Row& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&which, i == 0 ? "" : ", ", selection.id[i].name, " = ",
                      row.IsNull(i) ? "NULL" : QuoteForMessage(row[i]));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return absl::FailedPreconditionError(
      absl::StrCat("MySQL ", session->server(), ": ", Described(selection), ": the id ", which,
                   " is that of several rows, or NULL, and rows would be lost; name columns with "
                   "id = […] that together tell rows apart, as the server compares them"));
}

}  // namespace strata::mysql
