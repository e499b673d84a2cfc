// What Maintain makes of indexes after deletions: beside guards, without memory, and in outers that
// have become small.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

#include <strata/cache.h>

namespace strata {
namespace {

class PackedTidyTest : public testing::Test {
 protected:
  static Cache NewCache(std::uint64_t limit_bytes = 0) {
    return *Cache::Create({.memory_limit_bytes = limit_bytes});
  }
  static std::string Inner(std::size_t i) { return "in" + std::to_string(i); }
  std::string Text(std::size_t size) {
    std::string text(size, ' ');
    for (char& c : text) c = static_cast<char>('a' + random_() % 26);
    return text;
  }
  bool Put(Cache& cache, const std::string& outer, std::size_t inner, const std::string& value) {
    const Pair pair[] = {{"k", value}};
    const std::size_t end[] = {1};
    return cache.Put(outer, Inner(inner), RecordsView(pair, end)).ok();
  }
  static void MaintainToIdle(Cache& cache) {
    for (int i = 0; i < 10000 && cache.Maintain(1 << 20); ++i) {
    }
    EXPECT_FALSE(cache.Maintain(1 << 20));
  }
  /// What the same content takes in a cache that never held anything else.
  static std::uint64_t FreshBytes(const Cache& cache) {
    Cache fresh = NewCache();
    const ReadGuard guard(cache);
    EntryCursor entries;
    while (entries.Next(guard)) {
      if (entries.entry()) {
        EXPECT_TRUE(fresh.Put(entries.outer(), entries.inner(), entries.records()).ok());
      }
    }
    MaintainToIdle(fresh);
    return fresh.memory().allocated_bytes;
  }

  std::mt19937 random_{7};
};

TEST_F(PackedTidyTest, LeavesATableAloneThatOnlyAGuardKeeps) {
  Cache cache = NewCache();
  for (std::size_t i = 0; i < 100; ++i) ASSERT_TRUE(Put(cache, "big", i, "v"));
  auto guard = std::make_unique<ReadGuard>(cache);
  ASSERT_TRUE(guard->Get("big", Inner(1)));
  for (std::size_t i = 0; i < 3000; ++i) ASSERT_TRUE(Put(cache, "churn", i % 20, Text(2000)));
  MaintainToIdle(cache);
  // Entries in segments that the guard does not keep, behind a table that it does.
  for (std::size_t i = 100; i < 3000; ++i) ASSERT_TRUE(Put(cache, "big", i, Text(500)));
  for (std::size_t i = 100; i < 1000; ++i) ASSERT_TRUE(cache.Delete("big", Inner(i)));
  ASSERT_TRUE(cache.DeleteOuter("big"));
  for (std::size_t i = 0; i < 6000; ++i) {
    ASSERT_TRUE(Put(cache, "new" + std::to_string(i % 300), i, Text(900)));
    if (i == 1500) cache.Maintain(1 << 18);
  }
  MaintainToIdle(cache);
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
  guard.reset();
  MaintainToIdle(cache);
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
  EXPECT_EQ(cache.Stats().retained_bytes, 0u);
}

TEST_F(PackedTidyTest, DoesWhatFoundNoMemoryWhenThereIsSome) {
  Cache cache = NewCache(std::uint64_t{8} << 20);
  std::size_t entries = 0;
  while (Put(cache, "big", entries, Text(3))) ++entries;
  auto guard = std::make_unique<ReadGuard>(cache);
  ASSERT_TRUE(guard->Get("big", Inner(1)));
  for (std::size_t i = 0; i < entries; ++i) {
    if (i % 50 == 0) continue;
    ASSERT_TRUE(cache.Delete("big", Inner(i)));
  }
  MaintainToIdle(cache);
  guard.reset();
  MaintainToIdle(cache);
  EXPECT_LE(cache.memory().allocated_bytes, FreshBytes(cache) * 3 / 2 + (128 << 10));
}

TEST_F(PackedTidyTest, TakesNothingOfTheCleanersToDelete) {
  constexpr std::uint64_t kLimit = std::uint64_t{8} << 20;
  constexpr std::uint64_t kCleaners = std::uint64_t{512} << 10;
  Cache cache = NewCache(kLimit);
  std::size_t entries = 0;
  while (Put(cache, "big", entries, Text(3))) ++entries;
  const ReadGuard guard(cache);
  ASSERT_TRUE(guard.Get("big", Inner(1)));
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < entries; ++i) {
    if (i % 50 == 0) continue;
    ASSERT_TRUE(cache.Delete("big", Inner(i)));
    most = std::max(most, cache.memory().allocated_bytes);
  }
  EXPECT_LE(most, kLimit - kCleaners / 2);  // the cleaner itself may take of it
}

// Outers that had tables, and would have none if they were loaded as they are now.
TEST_F(PackedTidyTest, PutsTheEntriesOfSmallTablesBackIntoTheirOuters) {
  constexpr std::size_t kOuters = 3000;
  constexpr std::size_t kEntries = 20;
  Cache cache = NewCache();
  std::map<std::size_t, std::string> values;
  const auto outer = [](std::size_t i) { return "outer" + std::to_string(i / kEntries); };
  for (std::size_t i = 0; i < kOuters * kEntries; ++i) {
    values[i] = Text(5 + i % 40);
    ASSERT_TRUE(Put(cache, outer(i), i, values[i]));
  }
  const auto all_there = [&](const ReadGuard& guard) {
    for (const auto& [i, value] : values) {
      if (guard.Find(outer(i), Inner(i), 0, "k").value() != value) return false;
    }
    return true;
  };
  const ReadGuard guard(cache);
  const EntryReader deleted = guard.Get(outer(0), Inner(0));
  const std::string deleted_value = values[0];
  for (std::size_t i = 0; i < kOuters * kEntries; ++i) {
    if (i % 10 == 7) continue;
    ASSERT_TRUE(cache.Delete(outer(i), Inner(i)));
    values.erase(i);
  }
  MaintainToIdle(cache);
  EXPECT_TRUE(all_there(guard));
  EXPECT_EQ(deleted.record(0).Find("k").value(), deleted_value);
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
  EXPECT_EQ(cache.counts().entries, values.size());
}

TEST_F(PackedTidyTest, IsAsSmallAsAFreshLoadWhenMostOfEachOuterIsDeleted) {
  Cache cache = NewCache();
  for (std::size_t i = 0; i < 60000; ++i) {
    ASSERT_TRUE(Put(cache, "outer" + std::to_string(i / 20), i, Text(5 + i % 40)));
  }
  for (std::size_t i = 0; i < 60000; ++i) {
    if (i % 10 == 7) continue;
    ASSERT_TRUE(cache.Delete("outer" + std::to_string(i / 20), Inner(i)));
  }
  MaintainToIdle(cache);
  EXPECT_LE(cache.memory().allocated_bytes, FreshBytes(cache) * 11 / 10 + (64 << 10));
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
  // And grows again.
  for (std::size_t i = 0; i < 60000; ++i) {
    ASSERT_TRUE(Put(cache, "outer" + std::to_string(i / 20), i, Text(9)));
  }
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
}

// As a fresh load would: the key would be copied with every entry that is written.
TEST_F(PackedTidyTest, LeavesOutersOfLongKeysTheirTables) {
  constexpr std::size_t kOuters = 50;
  Cache cache = NewCache();
  for (std::size_t i = 0; i < kOuters * 17; ++i) {
    ASSERT_TRUE(Put(cache, std::string(3000, 'o') + std::to_string(i / 17), i, "v"));
  }
  for (std::size_t i = 0; i < kOuters * 17; ++i) {
    if (i % 17 == 0) continue;
    ASSERT_TRUE(cache.Delete(std::string(3000, 'o') + std::to_string(i / 17), Inner(i)));
  }
  MaintainToIdle(cache);
  std::uint64_t in_tables = 0;
  for (const Layer& layer : cache.MeasureFootprint().layers) {
    if (layer.name == "index/inners") in_tables = layer.count;
  }
  EXPECT_EQ(in_tables, kOuters);
}

TEST_F(PackedTidyTest, KeepsNothingOfWhatWasClearedBesideAGuard) {
  Cache cache = NewCache();
  for (std::size_t i = 0; i < 100000; ++i) {
    ASSERT_TRUE(Put(cache, "outer" + std::to_string(i / 20), i, "v"));
  }
  auto guard = std::make_unique<ReadGuard>(cache);
  ASSERT_TRUE(guard->Get("outer7", Inner(140)));
  cache.Clear();
  EXPECT_TRUE(guard->Get("outer7", Inner(140)).record_count() == 0);
  MaintainToIdle(cache);
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
  guard.reset();
  MaintainToIdle(cache);
  EXPECT_LE(cache.memory().allocated_bytes, std::uint64_t{64} << 10);
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
}

}  // namespace
}  // namespace strata
