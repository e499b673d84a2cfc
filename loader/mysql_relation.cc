#include "loader/mysql_relation.h"

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_session.h"

namespace strata::mysql {
namespace {

std::string Name(const std::string& table, const std::string& query) {
  if (query.empty()) return absl::StrCat("table ", QuoteForMessage(table));
  return absl::StrCat("query ", QuoteForMessage(query));
}

}  // namespace

std::string FromQuery(const std::string& query) {
  return absl::StrCat(" FROM (", query, "\n) AS ", QuoteName("query"));
}

std::string FromClause(const Selection& selection) {
  if (!selection.query.empty()) return FromQuery(selection.query);
  return absl::StrCat(" FROM ", QuoteName(selection.database), ".", QuoteName(selection.table));
}

std::string Described(const Selection& selection) { return Name(selection.table, selection.query); }

std::string Described(const MySqlMapping& mapping) { return Name(mapping.table, mapping.query); }

absl::Status InTable(const Session& session, const Selection& selection,
                     const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("MySQL ", session.server(), ": ",
                                                  Described(selection), ": ", status.message()));
}

std::string OuterExpression(const Selection& selection) {
  return selection.outer_const ? QuoteText(*selection.outer_const)
                               : ValueExpression(selection.outer);
}

std::vector<Column> KeyColumns(const Selection& selection) {
  if (selection.outer_const) return {selection.inner};
  return {selection.outer, selection.inner};
}

std::string OwnCondition(const Selection& selection) {
  if (selection.where.empty()) return std::string();
  return absl::StrCat("(", selection.where, "\n)");
}

}  // namespace strata::mysql
