// What a selection's rows are, as SQL: where they come from, and each row's outer.
//
// Threads: plain functions.
#ifndef STRATA_LOADER_MYSQL_RELATION_H_
#define STRATA_LOADER_MYSQL_RELATION_H_

#include <string>

#include "loader/mysql_schema.h"

namespace strata::mysql {

/// " FROM " and the table, or the query in parentheses and with a name.
std::string FromClause(const Selection& selection);

std::string FromQuery(const std::string& query);

/// What messages call it: table "name", query "SELECT …".
std::string Described(const Selection& selection);
std::string Described(const MySqlMapping& mapping);

/// The error with server and table before it.
absl::Status InTable(const Session& session, const Selection& selection,
                     const absl::Status& status);

/// The row's outer, as the text of the text protocol: the column's value or the constant.
std::string OuterExpression(const Selection& selection);

/// The columns that together name an entry, in this order: the outer, unless it is a constant, and
/// the inner.
std::vector<Column> KeyColumns(const Selection& selection);

/// The configuration's own condition in parentheses; empty where there is none. A line's end ends a
/// comment in it.
std::string OwnCondition(const Selection& selection);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_RELATION_H_
