#include "bench/baselines/memory_state.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

#include <strata/load.h>
#include <strata/process_books.h>
#include <strata/process_memory.h>

namespace strata {

absl::StatusOr<std::uint64_t> ResidentBytes(Trim trim) {
  if (trim == Trim::kYes) TrimAllocator();
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemory();
  if (!memory.ok()) return memory.status();
  return memory->rss_bytes;
}

std::uint64_t FreeMemoryBytes() {
  std::uint64_t bytes = 0;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string name; bytes == 0 && meminfo >> name;) {
    if (name == "MemAvailable:" && meminfo >> bytes) bytes *= 1024;
  }
  const absl::StatusOr<ProcessBooks> process = ReadProcessTotals();
  if (process.ok() && process->cgroup.has_value() && process->cgroup->limit_bytes.has_value()) {
    const std::uint64_t limit_bytes = *process->cgroup->limit_bytes;
    bytes = std::min(bytes, limit_bytes - std::min(limit_bytes, process->cgroup->current_bytes));
  }
  return bytes;
}

absl::StatusOr<MemoryState> MeasureMemoryState(const Layout& layout, std::uint64_t rss_before_bytes,
                                               Trim trim) {
  const absl::StatusOr<std::uint64_t> rss_bytes = ResidentBytes(trim);
  if (!rss_bytes.ok()) return rss_bytes.status();
  const Footprint footprint = layout.MeasureFootprint();
  MemoryState state{.total_bytes = footprint.total_bytes(),
                    .used_bytes = 0,
                    .allocated_bytes = footprint.allocated_bytes,
                    .rss_bytes = *rss_bytes,
                    .rss_delta_bytes = static_cast<std::int64_t>(*rss_bytes) -
                                       static_cast<std::int64_t>(rss_before_bytes)};
  for (const Layer& layer : footprint.layers) state.used_bytes += layer.used_bytes;
  return state;
}

absl::StatusOr<std::unique_ptr<Layout>> MakeLayoutOrSay(std::string_view name) {
  std::unique_ptr<Layout> layout = MakeLayout(name);
  if (layout == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("no layout is called '", std::string(name),
                                                   "'; see strata compare --help for their names"));
  }
  return layout;
}

absl::Status LoadAll(const OpenSource& open, Target& target) {
  const absl::StatusOr<std::unique_ptr<Source>> source = open();
  if (!source.ok()) return source.status();
  return Load(**source, target).status();
}

}  // namespace strata
