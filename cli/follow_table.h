// `load --follow`: keeps a cache equal to tables until SIGINT or SIGTERM (or SIGHUP).
//
// While it follows the three signals end the following and not the program, so that what is held
// can be written. Trouble and its end are a line each on standard error.
//
// Threads: one; the follower has its own, and so has the server that can be asked meanwhile.
#ifndef STRATA_CLI_FOLLOW_TABLE_H_
#define STRATA_CLI_FOLLOW_TABLE_H_

#include <chrono>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include <strata/cache.h>
#include <strata/follow.h>

#include "cli/source_arg.h"

namespace strata::cli {

struct FollowTimes {
  std::chrono::milliseconds poll{1000};
  std::chrono::milliseconds reconcile{std::chrono::minutes(5)};
};

struct FollowedCache {
  Cache cache;
  FollowStatus status;                  ///< at the end
  std::chrono::nanoseconds elapsed{0};  ///< since all was loaded
};

/// Loads the tables that `source` names (its kind is kMySql) and follows them until a signal comes.
/// Meanwhile the cache and how following goes can be asked for at `listen`, where there is one
/// (cli/listen.h); standard error says at which address, once it can be. An error where the first
/// load cannot be done, or `listen` not be listened on.
absl::StatusOr<FollowedCache> FollowTable(const SourceArg& source, const FollowTimes& times,
                                          const std::optional<std::string>& listen,
                                          bool progress_wanted);

}  // namespace strata::cli

#endif  // STRATA_CLI_FOLLOW_TABLE_H_
