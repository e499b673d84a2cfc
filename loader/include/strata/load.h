// The apply loop: reads a source to its end into a target.
//
// Threads: the calling thread reads and applies; progress is called from it.
#ifndef STRATA_LOAD_H_
#define STRATA_LOAD_H_

#include <chrono>
#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"

#include <strata/cache.h>
#include <strata/source.h>

namespace strata {

struct LoadProgress {
  SourceProgress source;
  std::uint64_t entries_applied = 0;
  std::chrono::nanoseconds elapsed{0};
};

struct LoadOptions {
  /// Called after each batch, and now and then where a batch takes long; empty for none.
  std::function<void(const LoadProgress&)> on_progress;
  /// Asked as often: true ends the load with Cancelled. Empty for never.
  std::function<bool()> should_stop;
};

/// Loads all of `source`. Into an empty target it is all or nothing: after an error the target is
/// empty again. Into another, whole entries before the error stay, and the error says how many.
/// Entries of the target that the source does not name stay as they are.
absl::StatusOr<LoadProgress> Load(Source& source, Target& target, const LoadOptions& options = {});
absl::StatusOr<LoadProgress> Load(Source& source, Cache& cache, const LoadOptions& options = {});

/// A cache as a target; `cache` must outlive it. Null where there is no memory for it.
std::unique_ptr<Target> MakeTarget(Cache& cache);

}  // namespace strata

#endif  // STRATA_LOAD_H_
