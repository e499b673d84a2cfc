#include <strata/process_memory.h>

#include <gnu/libc-version.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
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

// The lines "Name:   123 kB" of a /proc file that are named so, in bytes. Of one reading: figures
// of two would be of two moments, and their difference below zero beside a thread that allocates.
template <std::size_t kCount>
absl::StatusOr<std::array<std::uint64_t, kCount>> ReadFields(
    const char* path, const std::array<absl::string_view, kCount>& fields) {
  std::array<std::uint64_t, kCount> bytes{};
  std::array<bool, kCount> found{};
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    std::uint64_t kib = 0;
    if (words.size() != 3 || !absl::SimpleAtoi(words[1], &kib)) continue;
    const auto field = std::find(fields.begin(), fields.end(), words[0]);
    if (field == fields.end()) continue;
    const auto i = static_cast<std::size_t>(field - fields.begin());
    bytes[i] = kib * 1024;
    found[i] = true;
  }
  for (std::size_t i = 0; i < kCount; ++i) {
    if (found[i]) continue;
    return absl::UnavailableError(
        absl::StrCat(path, ": no line '", fields[i], "': is /proc mounted and readable?"));
  }
  return bytes;
}

template <std::size_t kCount>
using Names = std::array<absl::string_view, kCount>;

}  // namespace

absl::StatusOr<ProcessMemory> ReadProcessMemory() {
  const auto resident = ReadFields("/proc/self/smaps_rollup", Names<2>{"Rss:", "Anonymous:"});
  if (!resident.ok()) return resident.status();
  const auto peak = ReadFields("/proc/self/status", Names<1>{"VmHWM:"});
  if (!peak.ok()) return peak.status();
  const auto [rss, anon] = *resident;
  return ProcessMemory{.rss_bytes = rss,
                       .peak_rss_bytes = std::max((*peak)[0], rss),
                       .anon_bytes = anon,
                       .file_bytes = rss - anon};
}

absl::StatusOr<ProcessMemory> ReadProcessMemoryRoughly() {
  const auto read =
      ReadFields("/proc/self/status", Names<4>{"VmHWM:", "RssAnon:", "RssFile:", "RssShmem:"});
  if (!read.ok()) return read.status();
  const auto [peak, anon, file, shared] = *read;
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

void MapLargeBlocks() {
  if (!jemalloc::IsTheAllocator()) mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

std::string AllocatorName() {
  if (jemalloc::IsTheAllocator()) return absl::StrCat("jemalloc ", jemalloc::Version());
  return absl::StrCat("glibc ", gnu_get_libc_version(), " malloc");
}

}  // namespace strata
