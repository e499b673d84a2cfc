#include <strata/process_memory.h>

#include <gnu/libc-version.h>
#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "accounting/jemalloc.h"

namespace strata {
namespace {

// Adds up the "Name:   123 kB" lines of a /proc file whose name is `field`.
absl::StatusOr<std::uint64_t> ReadField(const char* path, absl::string_view field) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    std::uint64_t kib = 0;
    if (words.size() == 3 && words[0] == field && absl::SimpleAtoi(words[1], &kib)) {
      return kib * 1024;
    }
  }
  return absl::UnavailableError(
      absl::StrCat(path, ": no line '", field, "': is /proc mounted and readable?"));
}

}  // namespace

absl::StatusOr<ProcessMemory> ReadProcessMemory() {
  const absl::StatusOr<std::uint64_t> rss = ReadField("/proc/self/smaps_rollup", "Rss:");
  if (!rss.ok()) return rss.status();
  const absl::StatusOr<std::uint64_t> anon = ReadField("/proc/self/smaps_rollup", "Anonymous:");
  if (!anon.ok()) return anon.status();
  const absl::StatusOr<std::uint64_t> peak = ReadField("/proc/self/status", "VmHWM:");
  if (!peak.ok()) return peak.status();
  return ProcessMemory{.rss_bytes = *rss,
                       .peak_rss_bytes = std::max(*peak, *rss),
                       .anon_bytes = *anon,
                       .file_bytes = *rss - *anon};
}

absl::StatusOr<ProcessMemory> ReadProcessMemoryRoughly() {
  std::uint64_t bytes[4] = {};
  std::size_t i = 0;
  for (const char* const field : {"VmHWM:", "RssAnon:", "RssFile:", "RssShmem:"}) {
    const absl::StatusOr<std::uint64_t> figure = ReadField("/proc/self/status", field);
    if (!figure.ok()) return figure.status();
    bytes[i++] = *figure;
  }
  const auto [peak, anon, file, shared] = bytes;
  const std::uint64_t rss = anon + file + shared;
  return ProcessMemory{.rss_bytes = rss,
                       .peak_rss_bytes = std::max(peak, rss),
                       .anon_bytes = anon,
                       .file_bytes = file + shared};
}

void TrimAllocator() {
  if (!jemalloc::IsTheAllocator()) {
    malloc_trim(0);
    return;
  }
  jemalloc::Do("thread.tcache.flush");
  jemalloc::Do("arena.4096.purge");
}

std::string AllocatorName() {
  if (jemalloc::IsTheAllocator()) return absl::StrCat("jemalloc ", jemalloc::Version());
  return absl::StrCat("glibc ", gnu_get_libc_version(), " malloc");
}

}  // namespace strata
