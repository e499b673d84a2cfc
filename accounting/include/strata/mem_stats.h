// Memory statistics of this process with the names of Go's runtime.MemStats, for who comes from
// there: strata::ReadMemStats(), what it says in one line, and the difference of two.
//
// A field that has no counterpart in the allocator at hand is absent (nullopt), not 0; those of
// Go's that have none anywhere in C++ (its collector's: NextGC, LastGC, PauseTotalNs, PauseNs,
// PauseEnd, NumGC, NumForcedGC, GCSys, GCCPUFraction, EnableGC, DebugGC; Lookups) are not there at
// all, nor is what jemalloc has in one sum only (MSpanInuse, MSpanSys, MCacheInuse, MCacheSys,
// BuckHashSys: see OtherSys). All figures are of the process's whole heap but those whose names
// begin with Cache, which are what went through the doors of strata's caches and layouts alone:
// what can be counted where the allocator does not count.
//
// In jemalloc's figures the caches of threads are not in use; glibc counts its own as in use.
//
// Threads: safe from any.
#ifndef STRATA_MEM_STATS_H_
#define STRATA_MEM_STATS_H_

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace strata {

/// All sizes in bytes.
struct MemStats {
  /// One size class. jemalloc: a bin. glibc has none.
  struct SizeClass {
    std::uint64_t Size = 0;     ///< the largest block of this class, as in Go
    std::uint64_t Mallocs = 0;  ///< blocks handed out since the beginning
    std::uint64_t Frees = 0;    ///< blocks taken back
    std::uint64_t InUse = 0;    ///< blocks in use now: Mallocs - Frees, as the allocator counts it

    friend bool operator==(const SizeClass&, const SizeClass&) = default;
  };

  std::string allocator;  ///< "glibc 2.36 malloc", "jemalloc 5.3.0-…"

  /// Bytes of blocks in use. jemalloc: stats.allocated less tcache_bytes; glibc: uordblks + hblkhd,
  /// 8 bytes of header a block and the threads' caches included.
  std::uint64_t Alloc = 0;
  /// Bytes of all blocks handed out since the beginning. jemalloc: sum of size x nmalloc over bins
  /// and large blocks; glibc does not count it.
  std::optional<std::uint64_t> TotalAlloc;
  /// What allocator, stacks and caches have of the system: HeapSys + OtherSys + StackSys +
  /// CacheSys.
  std::uint64_t Sys = 0;
  /// Blocks handed out, and taken back, since the beginning. jemalloc only.
  std::optional<std::uint64_t> Mallocs;
  std::optional<std::uint64_t> Frees;

  std::uint64_t HeapAlloc = 0;  ///< the same as Alloc, as in Go
  /// Addresses that the heap has of the system, given back or not. jemalloc: active, dirty, muzzy
  /// and retained pages; glibc: arena + hblkhd. Pages that strata's caches map for themselves are
  /// not in it: see CacheSys.
  std::uint64_t HeapSys = 0;
  /// Of HeapSys, free. jemalloc: dirty, muzzy and retained pages; glibc: fordblks, free blocks
  /// wherever they lie, so that HeapInuse has no counterpart.
  std::uint64_t HeapIdle = 0;
  /// Pages with at least one block in use. jemalloc: stats.active.
  std::optional<std::uint64_t> HeapInuse;
  /// Of HeapIdle, given back to the system. jemalloc: muzzy and retained pages.
  std::optional<std::uint64_t> HeapReleased;
  /// Blocks in use. jemalloc: of all bins and large classes.
  std::optional<std::uint64_t> HeapObjects;

  std::uint64_t StackInuse = 0;  ///< resident in stacks of threads, from smaps
  std::uint64_t StackSys = 0;    ///< the same: the system gives a stack's pages one by one
  /// The allocator's own structures: Go's MSpanSys, MCacheSys, BuckHashSys and OtherSys in one.
  /// jemalloc: stats.metadata but for what of it lies on the heap (stats.arenas.4096.internal, 28
  /// KB a thread for its cache), which is in Alloc and HeapInuse; glibc keeps its headers in band.
  std::optional<std::uint64_t> OtherSys;

  std::vector<SizeClass> BySize;  ///< small blocks by class, ascending; empty under glibc

  // The caches' own, counted at their doors, under every allocator.
  std::uint64_t CacheAlloc = 0;       ///< bytes held now: blocks and whole pages
  std::uint64_t CacheTotalAlloc = 0;  ///< bytes handed out since the beginning
  std::uint64_t CacheMallocs = 0;     ///< blocks and stretches of pages handed out
  std::uint64_t CacheFrees = 0;       ///< and taken back
  std::uint64_t CacheSys = 0;         ///< of CacheAlloc, pages mapped past the allocator

  // What Go's struct does not have, and this project began with.
  std::uint64_t Rss = 0;      ///< resident memory of the process
  std::uint64_t PeakRss = 0;  ///< the most it ever was
};

/// Reads them now. A few hundred calls of the allocator and two files of /proc: some 0.1 ms.
/// Unavailable where /proc cannot be read.
absl::StatusOr<MemStats> ReadMemStats();

/// `later` less `earlier`, field by field, signed; absent where one is absent. Sizes of BySize are
/// kept, their counts subtracted; PeakRss is the rise of the peak.
struct MemStatsDelta {
  struct SizeClass {
    std::uint64_t Size = 0;
    std::int64_t Mallocs = 0;
    std::int64_t Frees = 0;
    std::int64_t InUse = 0;
  };

  std::int64_t Alloc = 0;
  std::optional<std::int64_t> TotalAlloc;
  std::int64_t Sys = 0;
  std::optional<std::int64_t> Mallocs;
  std::optional<std::int64_t> Frees;
  std::int64_t HeapAlloc = 0;
  std::int64_t HeapSys = 0;
  std::int64_t HeapIdle = 0;
  std::optional<std::int64_t> HeapInuse;
  std::optional<std::int64_t> HeapReleased;
  std::optional<std::int64_t> HeapObjects;
  std::int64_t StackInuse = 0;
  std::int64_t StackSys = 0;
  std::optional<std::int64_t> OtherSys;
  std::vector<SizeClass> BySize;
  std::int64_t CacheAlloc = 0;
  std::int64_t CacheTotalAlloc = 0;
  std::int64_t CacheMallocs = 0;
  std::int64_t CacheFrees = 0;
  std::int64_t CacheSys = 0;
  std::int64_t Rss = 0;
  std::int64_t PeakRss = 0;
};
MemStatsDelta operator-(const MemStats& later, const MemStats& earlier);

/// One line, the one every Go program has:
///
///     Alloc = 11 MiB  TotalAlloc = 40 MiB  Sys = 17 MiB  Rss = 21 MiB  Cache = 9 MiB
///
/// TotalAlloc is the caches' own where the allocator does not count it, and is then called
/// CacheTotalAlloc.
std::string MemUsageLine(const MemStats& stats);
/// Reads and prints that line and a line end; the reason where it cannot be read.
void PrintMemUsage(std::ostream& out);

class Cache;

/// What ReleaseMemory did.
struct Released {
  std::uint64_t rss_before_bytes = 0;
  std::uint64_t rss_after_bytes = 0;
  /// How much RSS really fell; negative where something else grew meanwhile.
  std::int64_t fell_bytes() const {
    return static_cast<std::int64_t>(rss_before_bytes) - static_cast<std::int64_t>(rss_after_bytes);
  }
};

/// Go's debug.FreeOSMemory, for allocator and kernel alike: the allocator's free pages go back to
/// the system (jemalloc: the calling thread's cache and all arenas; glibc: malloc_trim). RSS is
/// read before and after, so what is returned is what really fell. Unavailable where /proc cannot
/// be read.
absl::StatusOr<Released> ReleaseMemory();
/// The same, after the cache has been cleaned to idle, which takes as long as Cache::Maintain does.
absl::StatusOr<Released> ReleaseMemory(Cache& cache);

}  // namespace strata

#endif  // STRATA_MEM_STATS_H_
