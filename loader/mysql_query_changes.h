// The `changes` of a query, each made into what polling reads: a query of its own whose rows have
// an id and a cursor.
//
//     SELECT bytes of outer, bytes of inner, cursor, COUNT(*) FROM (the statement) GROUP BY 1, 2, 3
//
// One row for each entry and moment, so that rows can be told apart and paged; the count tells that
// another row of the same entry and moment has come.
//
// Threads: plain functions; ReadChangesPlan uses the session it is given.
#ifndef STRATA_LOADER_MYSQL_QUERY_CHANGES_H_
#define STRATA_LOADER_MYSQL_QUERY_CHANGES_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "loader/mysql_follow_plan.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

/// `statement` with `literal` for each :since outside of quotes and comments; nothing where there
/// is none.
std::optional<std::string> WithSince(std::string_view statement, std::string_view literal);

/// Whether `sql`, quotes and comments aside, closes each parenthesis that it opens and no other:
/// what we put in parentheses stays within them. False too where it has a comment that some
/// servers run (/*! or /*M!): where its parentheses are depends on the server.
bool ClosesWhatItOpens(std::string_view sql);
/// What to say of SQL that does not: " stands in …".
inline constexpr const char* kBetweenParentheses =
    " stands in parentheses of ours: close in it each ( that it opens, and no other, and write no "
    "/*! comment";

/// One of the statements, looked up.
struct ChangesPlan {
  std::string statement;
  std::string outer;  ///< its columns, as expressions of their bytes
  std::string inner;
  Column cursor;    ///< its own name
  FollowPlan plan;  ///< of the grouped rows; the selection's query is set by SetSince
};

/// InvalidArgument: it cannot be run, has other than three columns, or a cursor that orders
/// nothing.
absl::StatusOr<ChangesPlan> ReadChangesPlan(Session* session, const std::string& statement);

/// Makes the plan's selection what the statement gives from `since` on, as the cursor's text; none:
/// from the first row.
absl::Status SetSince(const std::optional<std::string>& since, ChangesPlan* changes);

/// A plan for looking how far the cursor has come: the statement itself from `since` on.
absl::StatusOr<FollowPlan> LargestPlan(const std::optional<std::string>& since,
                                       const ChangesPlan& changes);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_QUERY_CHANGES_H_
