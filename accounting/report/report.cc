#include <strata/report.h>

#include <malloc.h>

#include <algorithm>
#include <cstddef>

#include "accounting/report/bench_report.h"

#include <strata/process_memory.h>

namespace strata {

std::optional<double> Median(std::vector<double> figures) {
  if (figures.empty()) return std::nullopt;
  std::sort(figures.begin(), figures.end());
  const std::size_t middle = figures.size() / 2;
  if (figures.size() % 2 == 1) return figures[middle];
  return (figures[middle - 1] + figures[middle]) / 2;
}

std::int64_t ProcessReport::UnexplainedBytes(std::string_view of) const {
  auto rest = static_cast<std::int64_t>(of == "anon" ? anon_bytes : file_bytes);
  for (const MemoryTerm& term : terms) {
    if (term.of == of) rest -= static_cast<std::int64_t>(term.bytes);
  }
  return rest;
}

std::vector<MemoryTerm> TermsOf(const Footprint& footprint) {
  return {{.of = "anon", .name = "layout", .bytes = footprint.allocated_bytes, .source = "door"}};
}

absl::StatusOr<ProcessReport> MeasureProcess(std::string_view allocator) {
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemory();
  if (!memory.ok()) return memory.status();
  ProcessReport process{.rss_bytes = memory->rss_bytes,
                        .peak_rss_bytes = memory->peak_rss_bytes,
                        .anon_bytes = memory->anon_bytes,
                        .file_bytes = memory->file_bytes,
                        .allocator = {.name = std::string(allocator), .heap = std::nullopt},
                        .terms = {}};
  // Under another malloc glibc's figures are of a heap that nobody uses.
  if (allocator.starts_with("glibc ")) {
    const struct mallinfo2 heap = mallinfo2();
    process.allocator.heap = GlibcHeap{.allocated_bytes = heap.uordblks + heap.hblkhd,
                                       .free_bytes = heap.fordblks,
                                       .heap_bytes = heap.arena,
                                       .mapped_bytes = heap.hblkhd};
  }
  return process;
}

}  // namespace strata
