#include <strata/process_books.h>

#include <algorithm>

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

}  // namespace

absl::StatusOr<ProcessBooks> ReadProcessBooks(std::span<const Footprint> caches) {
  // Once for the memory that reading takes, which the figures then have in them.
  if (const auto first = ReadMappings(); !first.ok()) return first.status();
  const absl::StatusOr<std::vector<Mapping>> mappings = ReadMappings();
  if (!mappings.ok()) return mappings.status();
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemory();
  if (!memory.ok()) return memory.status();
  ProcessBooks books = BooksOf(*memory);
  if (absl::Status status = AddAnonTerms(caches, *mappings, &books); !status.ok()) return status;
  AddFileTerms(*mappings, &books);
  AddCgroup("", &books);
  return books;
}

absl::StatusOr<ProcessBooks> ReadProcessTotals() {
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemoryRoughly();
  if (!memory.ok()) return memory.status();
  ProcessBooks books = BooksOf(*memory);
  AddCgroup("", &books, CgroupTerms::kNone);
  return books;
}

}  // namespace strata
