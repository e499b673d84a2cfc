// What is told of a follower, put together from what is told of its sources.
//
// Threads: plain values.
#ifndef STRATA_LOADER_FOLLOW_STATUS_H_
#define STRATA_LOADER_FOLLOW_STATUS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <strata/follow.h>

namespace strata {

/// What is told of one source.
struct SourceTold {
  FollowSourceStatus status;
  std::uint64_t pass = 0;  ///< the number of its last complete pass, and when that was
  std::optional<std::chrono::steady_clock::time_point> pass_at{};
  /// Then the cache was known to equal the source.
  std::optional<std::chrono::steady_clock::time_point> even_at;
};

/// Fills in of a `*status` that is new but for its last error, rows_loaded, errors, reconnects
/// and reconcile_busy_seconds all that follows from its sources: the state that is furthest from
/// following, the greatest lag, sums, and the error of the source that is worst off, where one is.
void Combine(const std::vector<SourceTold>& sources, FollowStatus* status);

/// The same message, shared with nobody: abseil counts who shares one in code that ThreadSanitizer
/// cannot see.
absl::Status Unshared(const absl::Status& status);

}  // namespace strata

#endif  // STRATA_LOADER_FOLLOW_STATUS_H_
