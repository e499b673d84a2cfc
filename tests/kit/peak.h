// The process's highest RSS, from a moment on.
#ifndef STRATA_TESTS_KIT_PEAK_H_
#define STRATA_TESTS_KIT_PEAK_H_

#include <cstdint>
#include <cstdio>
#include <limits>

#include "absl/status/statusor.h"

#include <strata/process_memory.h>

namespace strata::kit {

/// From here on the highest RSS counts anew; what the process has now.
inline std::uint64_t BeginPeak() {
  TrimAllocator();
  std::FILE* const file = std::fopen("/proc/self/clear_refs", "w");
  if (file != nullptr) {
    std::fputs("5", file);
    std::fclose(file);
  }
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemory();
  return memory.ok() ? memory->rss_bytes : 0;
}

/// The highest since; where it cannot be read, more than any bound.
inline std::uint64_t PeakBytes() {
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemory();
  return memory.ok() ? memory->peak_rss_bytes : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace strata::kit

#endif  // STRATA_TESTS_KIT_PEAK_H_
