#include <strata/process_books.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
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

// Anonymous memory, and what the doors of the caches say at that moment.
struct Moment {
  ProcessMemory memory;
  DoorsNow doors;
  std::uint64_t width_bytes = 0;  // what the doors took, or gave back, while memory was read
};

absl::StatusOr<Moment> ReadMoment(std::span<const Footprint> caches) {
  const DoorsNow before = AskDoors(caches);
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemory();
  if (!memory.ok()) return memory.status();
  const std::int64_t written_bytes = AskDoors(caches).more_bytes - before.more_bytes;
  return Moment{.memory = *memory,
                .doors = before,
                .width_bytes = static_cast<std::uint64_t>(std::abs(written_bytes))};
}

// Of anonymous memory what no door is known to have.
std::int64_t BesideDoors(const Moment& moment) {
  return static_cast<std::int64_t>(moment.memory.anon_bytes) - moment.doors.more_bytes;
}

// The books, and how much moved while their terms were read that is in none of them: that much may
// show as rest.
struct Reading {
  ProcessBooks books;
  std::uint64_t moved_bytes = 0;
};

absl::StatusOr<Reading> ReadOnce(std::span<const Footprint> caches) {
  const absl::StatusOr<std::vector<Mapping>> mappings = ReadMappings();
  if (!mappings.ok()) return mappings.status();
  const absl::StatusOr<Moment> moment = ReadMoment(caches);
  if (!moment.ok()) return moment.status();
  Reading reading = {.books = BooksOf(moment->memory)};
  if (absl::Status status = AddAnonTerms(caches, moment->doors, *mappings, &reading.books);
      !status.ok()) {
    return status;
  }
  AddFileTerms(*mappings, &reading.books);
  AddCgroup("", &reading.books);
  const absl::StatusOr<Moment> after = ReadMoment(caches);
  if (!after.ok()) return after.status();
  const std::int64_t moved_bytes = BesideDoors(*after) - BesideDoors(*moment);
  reading.moved_bytes =
      std::max(static_cast<std::uint64_t>(std::abs(moved_bytes)), moment->width_bytes);
  return reading;
}

// Whether the cache at `i` is there before it, too.
bool IsRepeated(std::span<const Footprint> caches, std::size_t i) {
  const std::uint64_t door = caches[i].door;
  return door != 0 && std::any_of(caches.begin(), caches.begin() + static_cast<std::ptrdiff_t>(i),
                                  [&](const Footprint& other) { return other.door == door; });
}

bool AnyIsRepeated(std::span<const Footprint> caches) {
  for (std::size_t i = 1; i < caches.size(); ++i) {
    if (IsRepeated(caches, i)) return true;
  }
  return false;
}

std::vector<Footprint> EachOnce(std::span<const Footprint> caches) {
  std::vector<Footprint> once;
  for (std::size_t i = 0; i < caches.size(); ++i) {
    if (!IsRepeated(caches, i)) once.push_back(caches[i]);
  }
  return once;
}

}  // namespace

absl::StatusOr<ProcessBooks> ReadProcessBooks(std::span<const Footprint> caches) {
  if (AnyIsRepeated(caches)) return ReadProcessBooks(EachOnce(caches));
  // Other threads allocate, and jemalloc gives pages back when it likes: megabytes at once. What
  // moves so much meanwhile is read again; a process that always grows gets the best of these.
  constexpr int kMostReadings = 3;
  constexpr std::uint64_t kStillShare = 1000;
  // Once for the memory that reading takes, its code too, which the figures then have in them.
  if (const auto first = ReadMappings(); !first.ok()) return first.status();
  if (const auto first = ReadMoment(caches); !first.ok()) return first.status();
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
