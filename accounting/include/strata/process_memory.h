// What the kernel says this process holds.
//
// Threads: safe from any.
#ifndef STRATA_PROCESS_MEMORY_H_
#define STRATA_PROCESS_MEMORY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace strata {

/// Figures of /proc/self, in bytes.
struct ProcessMemory {
  std::uint64_t rss_bytes = 0;       ///< resident: anonymous + file + shared
  std::uint64_t peak_rss_bytes = 0;  ///< the highest rss_bytes since the program began
  std::uint64_t anon_bytes = 0;      ///< resident anonymous memory
  std::uint64_t file_bytes = 0;      ///< resident file and shared memory
};

/// Reads them now, exactly: /proc/self/smaps_rollup for the resident figures (statm lags behind by
/// up to 64 pages a thread), VmHWM of /proc/self/status for the peak. Takes up to milliseconds.
/// Unavailable where /proc cannot be read.
absl::StatusOr<ProcessMemory> ReadProcessMemory();

/// The same from /proc/self/status alone, in microseconds however large the process is: up to 64
/// pages a thread behind.
absl::StatusOr<ProcessMemory> ReadProcessMemoryRoughly();

/// Gives the allocator's free pages back to the system (glibc: malloc_trim; jemalloc: the calling
/// thread's cache and all arenas are purged), so that RSS shows what is held and not what was.
/// Takes time in proportion to the heap.
void TrimAllocator();

/// Has glibc map each block of a mebibyte or more by itself, as it does until the first such block
/// is freed: from then on it would keep ever larger ones in its heap, up to 32 MiB each, where they
/// stay between smaller ones when they are free. For programs that read rows of megabytes while a
/// cache fills (DESIGN.md, "Bytes beside the finished cache"); a library sets nothing for its
/// process. jemalloc needs none of it, and nothing is done. Threads: any, best before others begin.
void MapLargeBlocks();

/// The name and version of the malloc this process runs on: "glibc 2.36 malloc",
/// "jemalloc 5.3.0-…".
std::string AllocatorName();

}  // namespace strata

#endif  // STRATA_PROCESS_MEMORY_H_
