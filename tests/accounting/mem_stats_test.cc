// Go's statistics, of the allocator at hand: CMakeLists.txt runs this under glibc and again with
// jemalloc in front.
#include <strata/mem_stats.h>

#include <dlfcn.h>

#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/kit/sanitizers.h"

#include <strata/cache.h>
#include <strata/memory_door.h>

namespace strata {
namespace {

using testing::HasSubstr;

MemStats Now() {
  const absl::StatusOr<MemStats> stats = ReadMemStats();
  EXPECT_TRUE(stats.ok()) << stats.status();
  return stats.value_or(MemStats{});
}

bool UnderJemalloc() { return Now().allocator.starts_with("jemalloc "); }

std::vector<std::unique_ptr<char[]>> Blocks(std::size_t count, std::size_t size_bytes) {
  std::vector<std::unique_ptr<char[]>> blocks(count);
  for (auto& block : blocks) {
    block = std::make_unique<char[]>(size_bytes);
    std::memset(block.get(), 1, size_bytes);
  }
  return blocks;
}

TEST(MemStats, TheAllocatorIsTheOneTheTestWasStartedWith) {
  const char* const wanted = std::getenv("STRATA_TEST_ALLOCATOR");
  if (wanted == nullptr) return;  // started by hand
  EXPECT_THAT(Now().allocator, testing::StartsWith(wanted));
}

TEST(MemStats, WhatHasNoCounterpartIsAbsentAndNotZero) {
  const MemStats stats = Now();
  const bool jemalloc = UnderJemalloc();
  EXPECT_EQ(stats.TotalAlloc.has_value(), jemalloc);
  EXPECT_EQ(stats.Mallocs.has_value(), jemalloc);
  EXPECT_EQ(stats.Frees.has_value(), jemalloc);
  EXPECT_EQ(stats.HeapInuse.has_value(), jemalloc);
  EXPECT_EQ(stats.HeapReleased.has_value(), jemalloc);
  EXPECT_EQ(stats.HeapObjects.has_value(), jemalloc);
  EXPECT_EQ(stats.OtherSys.has_value(), jemalloc);
  EXPECT_EQ(!stats.BySize.empty(), jemalloc);
}

TEST(MemStats, GosIdentitiesHold) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "it has an allocator of its own";
  const auto blocks = Blocks(10'000, 500);
  const MemStats stats = Now();
  EXPECT_EQ(stats.HeapAlloc, stats.Alloc);
  EXPECT_GE(stats.Alloc, 5'000'000u);
  EXPECT_LE(stats.Alloc, stats.HeapSys);
  EXPECT_EQ(stats.Sys,
            stats.HeapSys + stats.OtherSys.value_or(0) + stats.StackSys + stats.CacheSys);
  EXPECT_GT(stats.Rss, 5'000'000u);
  EXPECT_GE(stats.PeakRss, stats.Rss);
  if (!UnderJemalloc()) return;
  EXPECT_EQ(stats.HeapSys, *stats.HeapInuse + stats.HeapIdle);
  EXPECT_LE(*stats.HeapReleased, stats.HeapIdle);
  EXPECT_EQ(*stats.HeapObjects, *stats.Mallocs - *stats.Frees);
  for (const MemStats::SizeClass& size : stats.BySize) {
    EXPECT_EQ(size.InUse, size.Mallocs - size.Frees) << size.Size;
  }
}

// Its blocks for threads' caches are on the heap, and in stats.metadata as well.
TEST(MemStats, WhatJemallocHasOnItsOwnHeapIsInSysOnce) {
  if (!UnderJemalloc()) GTEST_SKIP() << "jemalloc's alone";
  using Control = int (*)(const char*, void*, std::size_t*, void*, std::size_t);
  const auto control = reinterpret_cast<Control>(dlsym(RTLD_DEFAULT, "mallctl"));
  ASSERT_NE(control, nullptr);
  const auto figure = [&](const char* name) {
    std::size_t value = 0;
    std::size_t size_bytes = sizeof(value);
    EXPECT_EQ(control(name, &value, &size_bytes, nullptr, 0), 0) << name;
    return value;
  };
  const MemStats stats = Now();
  EXPECT_GT(figure("stats.arenas.4096.internal"), 0u);
  EXPECT_EQ(*stats.OtherSys + figure("stats.arenas.4096.internal"), figure("stats.metadata"));
}

TEST(MemStats, TheDifferenceOfTwoIsWhatHappenedBetweenThem) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "it has an allocator of its own";
  const MemStats before = Now();
  auto blocks = Blocks(10'000, 500);
  const MemStats full = Now();
  const MemStatsDelta rise = full - before;
  EXPECT_GE(rise.Alloc, 5'000'000);
  EXPECT_LT(rise.Alloc, 7'000'000);
  blocks.clear();
  const MemStatsDelta fall = Now() - full;
  EXPECT_LE(fall.Alloc, -4'900'000);
  EXPECT_EQ(rise.Mallocs.has_value(), UnderJemalloc());
  if (rise.Mallocs.has_value()) {
    EXPECT_GE(*rise.Mallocs, 10'000);
    EXPECT_GE(*rise.TotalAlloc, 5'000'000);
    EXPECT_LT(*fall.Mallocs, 1'000);
    std::int64_t of_512 = 0;
    for (const MemStatsDelta::SizeClass& size : rise.BySize) {
      if (size.Size == 512) of_512 = size.InUse;
    }
    EXPECT_GE(of_512, 9'900);
  }
}

TEST(MemStats, TheCachesOwnFiguresAreTheirDoorsWhateverTheAllocator) {
  const MemStats before = Now();
  {
    absl::StatusOr<Cache> cache = Cache::Create();
    ASSERT_TRUE(cache.ok());
    const std::string value(1000, 'v');
    const Records records = {{{"key", value}}};
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(cache->Put("o", std::to_string(i), records).ok());
    const DoorTotals door = cache->memory();
    const MemStatsDelta rise = Now() - before;
    EXPECT_EQ(rise.CacheAlloc, static_cast<std::int64_t>(door.allocated_bytes));
    EXPECT_EQ(rise.CacheTotalAlloc, static_cast<std::int64_t>(door.total_allocated_bytes));
    EXPECT_EQ(rise.CacheMallocs, static_cast<std::int64_t>(door.allocations));
    EXPECT_EQ(rise.CacheFrees, static_cast<std::int64_t>(door.frees));
    EXPECT_EQ(rise.CacheSys, static_cast<std::int64_t>(door.page_bytes));
  }
  // A cache that is gone keeps its place in the running totals.
  const MemStatsDelta after = Now() - before;
  EXPECT_EQ(after.CacheAlloc, 0);
  EXPECT_EQ(after.CacheSys, 0);
  EXPECT_GT(after.CacheTotalAlloc, 100'000);
}

TEST(MemStats, OneLineSaysIt) {
  MemStats stats;
  stats.Alloc = 11u << 20;
  stats.Sys = 17u << 20;
  stats.Rss = (21u << 20) + 5;
  stats.CacheAlloc = 9u << 20;
  stats.CacheTotalAlloc = 40u << 20;
  EXPECT_EQ(MemUsageLine(stats),
            "Alloc = 11 MiB  CacheTotalAlloc = 40 MiB  Sys = 17 MiB  Rss = 21 MiB  Cache = 9 MiB");
  stats.TotalAlloc = 50u << 20;
  EXPECT_THAT(MemUsageLine(stats), HasSubstr("  TotalAlloc = 50 MiB"));
  std::ostringstream out;
  PrintMemUsage(out);
  EXPECT_THAT(out.str(), testing::MatchesRegex("Alloc = [0-9]+ MiB .*MiB\n"));
}

TEST(ReleaseMemory, ReturnsHowMuchRssFell) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "it has an allocator of its own";
  absl::StatusOr<Cache> cache = Cache::Create({.clean_on_write = false});
  ASSERT_TRUE(cache.ok());
  for (int i = 0; i < 20'000; ++i) {
    const std::string value = std::to_string(i) + std::string(2000, 'v');
    const Records records = {{{"key", value}}};
    ASSERT_TRUE(cache->Put("o" + std::to_string(i % 2), std::to_string(i), records).ok());
  }
  EXPECT_TRUE(cache->DeleteOuter("o0"));
  auto blocks = Blocks(100'000, 200);
  blocks.clear();
  const absl::StatusOr<Released> released = ReleaseMemory(*cache);
  ASSERT_TRUE(released.ok()) << released.status();
  EXPECT_EQ(released->fell_bytes(), static_cast<std::int64_t>(released->rss_before_bytes) -
                                        static_cast<std::int64_t>(released->rss_after_bytes));
  // Half of the cache's 40 MB.
  EXPECT_GT(released->fell_bytes(), 18 << 20);
  EXPECT_LE(std::abs(static_cast<std::int64_t>(Now().Rss) -
                     static_cast<std::int64_t>(released->rss_after_bytes)),
            2 << 20);
}

}  // namespace
}  // namespace strata
