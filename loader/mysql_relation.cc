#include "loader/mysql_relation.h"

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

std::string FromClause(const Selection& selection) {
  return absl::StrCat(" FROM ", QuoteName(selection.database), ".", QuoteName(selection.table));
}

std::string Described(const Selection& selection) {
  return absl::StrCat("table ", QuoteForMessage(selection.table));
}

std::string Described(const MySqlMapping& mapping) {
  return absl::StrCat("table ", QuoteForMessage(mapping.table));
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
