#include <strata/process_books.h>

#include <algorithm>
#include <utility>

#include "accounting/anon_terms.h"
#include "accounting/cgroup_memory.h"
#include "accounting/proc_maps.h"

#include <strata/process_memory.h>

namespace strata {

std::optional<std::uint64_t> AllocatorBooks::Find(std::string_view figure) const {
  const auto it = std::find_if(figures.begin(), figures.end(),
                               [&](const Figure& candidate) { return candidate.name == figure; });
  if (it == figures.end()) return std::nullopt;
  return it->bytes;
}

std::int64_t ProcessBooks::UnexplainedBytes(std::string_view of) const {
  std::int64_t rest = 0;
  if (of == "anon") {
    rest = static_cast<std::int64_t>(anon_bytes);
  } else if (of == "file") {
    rest = static_cast<std::int64_t>(file_bytes);
  } else if (cgroup.has_value()) {
    rest = static_cast<std::int64_t>(cgroup->working_set_bytes);
  }
  for (const MemoryTerm& term : terms) {
    if (term.of == of) rest -= term.bytes;
  }
  return rest;
}

namespace {

// The totals; no terms yet.
ProcessBooks BooksOf(const ProcessMemory& memory) {
  return {.rss_bytes = memory.rss_bytes,
          .peak_rss_bytes = memory.peak_rss_bytes,
          .anon_bytes = memory.anon_bytes,
          .file_bytes = memory.file_bytes,
          .allocator = {.name = AllocatorName(), .figures = {}},
          .cgroup = std::nullopt,
          .terms = {}};
}

// The books, and by how much anonymous memory changed while their terms were read: that much of it
// may show as rest.
struct Reading {
  ProcessBooks books;
  std::uint64_t moved_bytes = 0;
};

absl::StatusOr<Reading> ReadOnce(std::span<const Footprint> caches) {
  const absl::StatusOr<std::vector<Mapping>> mappings = ReadMappings();
  if (!mappings.ok()) return mappings.status();
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemory();
  if (!memory.ok()) return memory.status();
  Reading reading = {.books = BooksOf(*memory)};
  if (absl::Status status = AddAnonTerms(caches, *mappings, &reading.books); !status.ok()) {
    return status;
  }
  AddFileTerms(*mappings, &reading.books);
  AddCgroup("", &reading.books);
  const absl::StatusOr<ProcessMemory> after = ReadProcessMemory();
  if (!after.ok()) return after.status();
  const auto [less, more] = std::minmax(memory->anon_bytes, after->anon_bytes);
  reading.moved_bytes = more - less;
  return reading;
}

}  // namespace

absl::StatusOr<ProcessBooks> ReadProcessBooks(std::span<const Footprint> caches) {
  // Other threads allocate, and jemalloc gives pages back when it likes: megabytes at once. What
  // moves so much meanwhile is read again; a process that always grows gets the best of these.
  constexpr int kMostReadings = 3;
  constexpr std::uint64_t kStillShare = 1000;
  // Once for the memory that reading takes, which the figures then have in them.
  if (const auto first = ReadMappings(); !first.ok()) return first.status();
  absl::StatusOr<Reading> best = ReadOnce(caches);
  for (int readings = 1; readings < kMostReadings; ++readings) {
    if (!best.ok()) return best.status();
    if (best->moved_bytes <= best->books.anon_bytes / kStillShare) break;
    absl::StatusOr<Reading> next = ReadOnce(caches);
    if (!next.ok() || next->moved_bytes < best->moved_bytes) best = std::move(next);
  }
  if (!best.ok()) return best.status();
  return std::move(best->books);
}

absl::StatusOr<ProcessBooks> ReadProcessTotals() {
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemoryRoughly();
  if (!memory.ok()) return memory.status();
  ProcessBooks books = BooksOf(*memory);
  AddCgroup("", &books, CgroupTerms::kNone);
  return books;
}

}  // namespace strata
