// What is asked of a query that stands for a table, before its rows are read.
//
// Threads: uses the session it is given.
#ifndef STRATA_LOADER_MYSQL_QUERY_H_
#define STRATA_LOADER_MYSQL_QUERY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

/// The columns of its result, no row read. InvalidArgument: the server cannot run it; `described`
/// is what the message calls it.
absl::StatusOr<std::vector<ResultColumn>> DescribeQuery(Session* session, const std::string& query,
                                                        std::string_view described);

/// Whether the server can run the selection's `where`: no row is read, or, `with_a_row`, it is
/// applied to one, with the subqueries in it. InvalidArgument: it cannot, and the message says so.
absl::Status CheckWhere(Session* session, const Selection& selection, bool with_a_row);

/// Notes the collations of its columns of texts; the query is not run. `columns` as DescribeQuery
/// gave them.
absl::Status ReadCollations(Session* session, const std::string& query, std::string_view described,
                            std::vector<Column>* columns);

/// Whether the server makes the query, or a part of it, anew for each statement that reads from it
/// (GROUP BY, DISTINCT, LIMIT, UNION, …), by its own plan; false where it does not tell.
bool IsMadeAnew(Session* session, const Selection& selection);

/// Asks whether the selection's ids, of a query, are unique and never NULL among the rows that are
/// there: pages by an id that comes twice would lose rows. As the server compares, which is how it
/// pages. How many rows there are; FailedPrecondition: the ids are not, and the message has one, or
/// some are too long to be sorted by. Runs the query once.
absl::StatusOr<std::uint64_t> CheckIds(Session* session, const Selection& selection);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_QUERY_H_
