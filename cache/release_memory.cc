// ReleaseMemory for a cache: cleaned first, so that the allocator has what to give back.
#include <cstddef>

#include <strata/cache.h>
#include <strata/mem_stats.h>
#include <strata/process_memory.h>

namespace strata {

absl::StatusOr<Released> ReleaseMemory(Cache& cache) {
  constexpr std::size_t kStepBytes = std::size_t{1} << 20;  // writers take turns between steps
  const absl::StatusOr<ProcessMemory> before = ReadProcessMemory();
  if (!before.ok()) return before.status();
  while (cache.Maintain(kStepBytes)) {
  }
  absl::StatusOr<Released> released = ReleaseMemory();
  if (released.ok()) released->rss_before_bytes = before->rss_bytes;
  return released;
}

}  // namespace strata
