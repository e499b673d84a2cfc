// What following a table stands on, read from the server anew with each connection: the mapping
// checked against the table as it is now, the cursor column and what its values can be trusted
// for, and which indexes there are.
//
// Threads: plain values; ReadFollowPlan uses the session it is given.
#ifndef STRATA_LOADER_MYSQL_FOLLOW_PLAN_H_
#define STRATA_LOADER_MYSQL_FOLLOW_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

enum class CursorKind {
  kNone,       ///< digests alone find changes
  kTimestamp,  ///< TIMESTAMP: the server's clock, in UTC whatever zone a writer's session has
  kDateTime,   ///< DATETIME: some clock, its zone not known
  kDate,       ///< DATE: the same by days
  kInteger,    ///< a number that grows, by no clock that we know
};

struct FollowPlan {
  Selection selection;
  std::optional<Column> cursor;  ///< none for kNone
  CursorKind cursor_kind = CursorKind::kNone;
  unsigned fraction_digits = 0;  ///< of a time: how many digits of a second its text has
  bool keys_indexed = false;     ///< an index begins with (outer, inner), whole
  std::uint64_t rows_estimate = 0;
  std::string created;     ///< Table::created
  bool made_anew = false;  ///< a query that the server runs for each statement that reads from it
  std::string advice;      ///< what following wants for; empty for nothing
};

/// Of what was looked up. FailedPrecondition: the server is too old. InvalidArgument: a cursor is
/// of a type that does not order changes.
absl::StatusOr<FollowPlan> PlanFollowing(Session* session, Relation relation,
                                         const MySqlMapping& mapping);
/// Looks up and plans.
absl::StatusOr<FollowPlan> ReadFollowPlan(Session* session, const MySqlOptions& options);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_FOLLOW_PLAN_H_
