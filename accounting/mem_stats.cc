#include <strata/mem_stats.h>

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "accounting/jemalloc.h"
#include "accounting/proc_maps.h"
#include "accounting/thread_stacks.h"

#include <strata/memory_door.h>
#include <strata/process_memory.h>

namespace strata {
namespace {

using jemalloc::Figure;

// Of one of its classes, all arenas together.
std::uint64_t OfClass(const char* kind, std::uint64_t number, const char* figure) {
  return Figure(jemalloc::OfAllArenas(absl::StrCat(kind, ".", number, ".", figure)));
}

void ReadBins(MemStats* stats) {
  const std::uint64_t bins = Figure("arenas.nbins");
  for (std::uint64_t bin = 0; bin < bins; ++bin) {
    stats->BySize.push_back({.Size = Figure(absl::StrCat("arenas.bin.", bin, ".size")),
                             .Mallocs = OfClass("bins", bin, "nmalloc"),
                             .Frees = OfClass("bins", bin, "ndalloc"),
                             .InUse = OfClass("bins", bin, "curregs")});
  }
}

void ReadJemalloc(MemStats* stats) {
  jemalloc::Refresh();
  const std::uint64_t page = Figure("arenas.page");
  const std::uint64_t dirty_bytes = Figure(jemalloc::OfAllArenas("pdirty")) * page;
  const std::uint64_t returned_bytes =
      Figure(jemalloc::OfAllArenas("pmuzzy")) * page + Figure("stats.retained");
  ReadBins(stats);
  std::uint64_t total_bytes = 0;
  std::uint64_t mallocs = 0;
  std::uint64_t frees = 0;
  std::uint64_t objects = 0;
  for (const MemStats::SizeClass& bin : stats->BySize) {
    total_bytes += bin.Size * bin.Mallocs;
    mallocs += bin.Mallocs;
    frees += bin.Frees;
    objects += bin.InUse;
  }
  const std::uint64_t classes = Figure("arenas.nlextents");
  for (std::uint64_t i = 0; i < classes; ++i) {
    const std::uint64_t made = OfClass("lextents", i, "nmalloc");
    total_bytes += Figure(absl::StrCat("arenas.lextent.", i, ".size")) * made;
    mallocs += made;
    frees += OfClass("lextents", i, "ndalloc");
    objects += OfClass("lextents", i, "curlextents");
  }
  // Another thread may refresh the figures between the two.
  const std::uint64_t allocated = Figure("stats.allocated");
  stats->Alloc = allocated - std::min(allocated, Figure(jemalloc::OfAllArenas("tcache_bytes")));
  stats->TotalAlloc = total_bytes;
  stats->Mallocs = mallocs;
  stats->Frees = frees;
  stats->HeapObjects = objects;
  stats->HeapInuse = Figure("stats.active");
  stats->HeapReleased = returned_bytes;
  stats->HeapIdle = dirty_bytes + returned_bytes;
  stats->HeapSys = *stats->HeapInuse + stats->HeapIdle;
  // Of stats.metadata the rest is on the heap, in pages that HeapInuse has.
  stats->OtherSys = Figure(jemalloc::OfAllArenas("base"));
}

void ReadGlibc(MemStats* stats) {
  const struct mallinfo2 heap = mallinfo2();
  stats->Alloc = heap.uordblks + heap.hblkhd;
  stats->HeapIdle = heap.fordblks;
  stats->HeapSys = heap.arena + heap.hblkhd;
}

std::int64_t Less(std::uint64_t later, std::uint64_t earlier) {
  return static_cast<std::int64_t>(later - earlier);
}

std::optional<std::int64_t> Less(const std::optional<std::uint64_t>& later,
                                 const std::optional<std::uint64_t>& earlier) {
  if (!later.has_value() || !earlier.has_value()) return std::nullopt;
  return Less(*later, *earlier);
}

}  // namespace

absl::StatusOr<MemStats> ReadMemStats() {
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemory();
  if (!memory.ok()) return memory.status();
  const absl::StatusOr<std::uint64_t> stack_bytes = StackBytes();
  if (!stack_bytes.ok()) return stack_bytes.status();
  MemStats stats;
  stats.allocator = AllocatorName();
  if (jemalloc::IsTheAllocator()) {
    ReadJemalloc(&stats);
  } else {
    ReadGlibc(&stats);
  }
  stats.HeapAlloc = stats.Alloc;
  stats.StackInuse = stats.StackSys = *stack_bytes;
  const DoorTotals doors = MemoryDoor::AllTotals();
  stats.Sys = stats.HeapSys + stats.OtherSys.value_or(0) + stats.StackSys + doors.page_bytes;
  stats.CacheAlloc = doors.allocated_bytes;
  stats.CacheTotalAlloc = doors.total_allocated_bytes;
  stats.CacheMallocs = doors.allocations;
  stats.CacheFrees = doors.frees;
  stats.CacheSys = doors.page_bytes;
  stats.Rss = memory->rss_bytes;
  stats.PeakRss = memory->peak_rss_bytes;
  return stats;
}

MemStatsDelta operator-(const MemStats& later, const MemStats& earlier) {
  MemStatsDelta delta{.Alloc = Less(later.Alloc, earlier.Alloc),
                      .TotalAlloc = Less(later.TotalAlloc, earlier.TotalAlloc),
                      .Sys = Less(later.Sys, earlier.Sys),
                      .Mallocs = Less(later.Mallocs, earlier.Mallocs),
                      .Frees = Less(later.Frees, earlier.Frees),
                      .HeapAlloc = Less(later.HeapAlloc, earlier.HeapAlloc),
                      .HeapSys = Less(later.HeapSys, earlier.HeapSys),
                      .HeapIdle = Less(later.HeapIdle, earlier.HeapIdle),
                      .HeapInuse = Less(later.HeapInuse, earlier.HeapInuse),
                      .HeapReleased = Less(later.HeapReleased, earlier.HeapReleased),
                      .HeapObjects = Less(later.HeapObjects, earlier.HeapObjects),
                      .StackInuse = Less(later.StackInuse, earlier.StackInuse),
                      .StackSys = Less(later.StackSys, earlier.StackSys),
                      .OtherSys = Less(later.OtherSys, earlier.OtherSys),
                      .BySize = {},
                      .CacheAlloc = Less(later.CacheAlloc, earlier.CacheAlloc),
                      .CacheTotalAlloc = Less(later.CacheTotalAlloc, earlier.CacheTotalAlloc),
                      .CacheMallocs = Less(later.CacheMallocs, earlier.CacheMallocs),
                      .CacheFrees = Less(later.CacheFrees, earlier.CacheFrees),
                      .CacheSys = Less(later.CacheSys, earlier.CacheSys),
                      .Rss = Less(later.Rss, earlier.Rss),
                      .PeakRss = Less(later.PeakRss, earlier.PeakRss)};
  for (std::size_t i = 0; i < later.BySize.size() && i < earlier.BySize.size(); ++i) {
    delta.BySize.push_back({.Size = later.BySize[i].Size,
                            .Mallocs = Less(later.BySize[i].Mallocs, earlier.BySize[i].Mallocs),
                            .Frees = Less(later.BySize[i].Frees, earlier.BySize[i].Frees),
                            .InUse = Less(later.BySize[i].InUse, earlier.BySize[i].InUse)});
  }
  return delta;
}

std::string MemUsageLine(const MemStats& stats) {
  const auto mib = [](std::uint64_t bytes) { return absl::StrCat(bytes >> 20, " MiB"); };
  const bool counted = stats.TotalAlloc.has_value();
  return absl::StrCat(
      "Alloc = ", mib(stats.Alloc), counted ? "  TotalAlloc = " : "  CacheTotalAlloc = ",
      mib(stats.TotalAlloc.value_or(stats.CacheTotalAlloc)), "  Sys = ", mib(stats.Sys),
      "  Rss = ", mib(stats.Rss), "  Cache = ", mib(stats.CacheAlloc));
}

void PrintMemUsage(std::ostream& out) {
  const absl::StatusOr<MemStats> stats = ReadMemStats();
  if (stats.ok()) {
    out << MemUsageLine(*stats) << "\n";
  } else {
    out << stats.status() << "\n";
  }
}

absl::StatusOr<Released> ReleaseMemory() {
  const absl::StatusOr<ProcessMemory> before = ReadProcessMemory();
  if (!before.ok()) return before.status();
  TrimAllocator();
  const absl::StatusOr<ProcessMemory> after = ReadProcessMemory();
  if (!after.ok()) return after.status();
  return Released{.rss_before_bytes = before->rss_bytes, .rss_after_bytes = after->rss_bytes};
}

}  // namespace strata
