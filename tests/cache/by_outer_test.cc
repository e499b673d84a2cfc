// What each outer costs: the forecast of what deleting it frees is checked by deleting it.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kit/owned_records.h"

#include <strata/cache.h>

namespace strata {
namespace {

// What a walk finds of the bytes that a forecast is about: blobs with their room, strings that
// somebody names, tables, lists of keys.
std::uint64_t HeldBytes(const Cache& cache) {
  const Footprint footprint = cache.MeasureFootprint();
  const Layer* const blobs = footprint.Find("log/blobs");
  return blobs->used_bytes + blobs->slack_bytes + footprint.Find("dictionary/bytes")->used_bytes +
         footprint.Find("index/inners")->total_bytes() + footprint.Find("shapes")->total_bytes();
}

void Clean(Cache& cache) {
  while (cache.Maintain(1 << 20)) {
  }
}

std::string Long(char letter, std::uint64_t number) {
  return std::string(40, letter) + std::to_string(number);
}

// Outers of very different sizes that share some strings and have others of their own.
Cache Filled() {
  absl::StatusOr<Cache> cache = Cache::Create({.clean_on_write = false});
  EXPECT_TRUE(cache.ok());
  for (std::uint64_t outer = 0; outer < 12; ++outer) {
    const std::uint64_t entries = outer * outer * outer;
    EXPECT_TRUE(cache->PutOuter("outer" + std::to_string(outer)).ok());
    for (std::uint64_t entry = 0; entry < entries; ++entry) {
      kit::OwnedRecords list;
      for (std::uint64_t record = 0; record < 1 + entry % 3; ++record) {
        list.BeginRecord();
        list.AddPair("shared", Long('s', entry % 10));
        list.AddPair("own " + std::to_string(outer), Long('o', outer * 1000 + entry % 20));
        list.AddPair("once", Long('x', outer * 1'000'000 + entry * 10 + record));
      }
      EXPECT_TRUE(
          cache->Put("outer" + std::to_string(outer), std::to_string(entry), list.records()).ok());
    }
  }
  const std::string text = Long('g', 1);
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(cache->Append("outer11", "grows", RecordView(std::vector<Pair>{{"a", text}})).ok());
  }
  return *std::move(cache);
}

// Besides what was deleted: a smaller table of shapes, shorter numbers of strings in what is moved.
constexpr std::uint64_t kGainedByCleaning = 64;

// Deletes all outers, each after it was forecast anew: what others shared with a deleted one may
// now be their own.
void ExpectForecastsToHold(Cache& cache) {
  const auto outers = cache.LargestOuters(100);
  ASSERT_TRUE(outers.ok()) << outers.status();
  for (const OuterFootprint& outer : *outers) {
    Clean(cache);
    const auto now = cache.LargestOuters(100);
    ASSERT_TRUE(now.ok());
    const auto it = std::find_if(now->begin(), now->end(), [&](const OuterFootprint& candidate) {
      return candidate.outer == outer.outer;
    });
    ASSERT_NE(it, now->end());
    const std::uint64_t before = HeldBytes(cache);
    ASSERT_TRUE(cache.DeleteOuter(outer.outer));
    Clean(cache);
    const std::uint64_t freed = before - HeldBytes(cache);
    EXPECT_GE(freed, it->freed_bytes) << outer.outer;
    EXPECT_LE(freed, it->freed_bytes + kGainedByCleaning) << outer.outer;
  }
  EXPECT_TRUE(cache.Validate().ok());
}

TEST(ByOuter, DeletingFreesWhatWasForecast) {
  Cache cache = Filled();
  ExpectForecastsToHold(cache);
}

// Outers whose strings recur in others, so many that numbers of several lengths name them.
void PutRecurring(Cache& cache, std::uint64_t outers) {
  std::mt19937_64 draw(5);
  for (std::uint64_t entry = 0; entry < 100 * outers; ++entry) {
    kit::OwnedRecords list;
    for (int record = 0; record < 4; ++record) {
      // Small numbers come often.
      const std::uint64_t text = draw() % 3000 * (draw() % 3000) / 3000;
      list.BeginRecord();
      list.AddPair("title", Long('t', text));
      list.AddPair("text", Long('u', draw()));
      list.AddPair("author", "author " + std::to_string(draw() % 50));
    }
    ASSERT_TRUE(cache
                    .Put("outer" + std::to_string(entry % outers), "inner" + std::to_string(entry),
                         list.records())
                    .ok());
  }
}

// What cleaning gains besides, for what it moves is written anew, is not the deleted outer's.
TEST(ByOuter, DeletingFreesWhatWasForecastToTheByteAndCleaningTakesNothingOfItBack) {
  absl::StatusOr<Cache> cache = Cache::Create({.clean_on_write = false});
  ASSERT_TRUE(cache.ok());
  PutRecurring(*cache, 20);
  for (int i = 0; i < 10; ++i) {
    Clean(*cache);
    const OuterFootprint largest = cache->LargestOuters(1)->front();
    const std::uint64_t before = HeldBytes(*cache);
    ASSERT_TRUE(cache->DeleteOuter(largest.outer));
    EXPECT_EQ(before - HeldBytes(*cache), largest.freed_bytes) << largest.outer;
    Clean(*cache);
    EXPECT_GE(before - HeldBytes(*cache), largest.freed_bytes) << largest.outer;
  }
}

// An outer whose records have keys that nobody else has, all of them long.
void PutWithOwnKeys(Cache& cache, char letter, int keys) {
  std::vector<std::string> names;
  for (int key = 0; key < keys; ++key) {
    names.push_back(std::string(4000, letter) + std::to_string(key));
  }
  kit::OwnedRecords list;
  for (int record = 0; record < 10; ++record) {
    list.BeginRecord();
    for (const std::string& name : names) list.AddPair(name, "1");
  }
  ASSERT_TRUE(cache.Put(std::string("keys of ") + letter, "x", list.records()).ok());
}

TEST(ByOuter, KeysOfItsOwnKeyListsAreForecastAndFreedWhenTheCacheIsCleaned) {
  for (const bool clean_on_write : {false, true}) {
    SCOPED_TRACE(clean_on_write);
    absl::StatusOr<Cache> cache = Cache::Create({.clean_on_write = clean_on_write});
    ASSERT_TRUE(cache.ok());
    for (const char letter : {'a', 'b', 'c'}) PutWithOwnKeys(*cache, letter, 400);
    const auto outers = cache->LargestOuters(1);
    ASSERT_TRUE(outers.ok());
    EXPECT_GT(outers->front().freed_bytes, 400u * 4000);
    ExpectForecastsToHold(*cache);
  }
}

// Their keys have references until they are swept, and would seem to be somebody else's.
TEST(ByOuter, KeyListsThatAreOutOfUseHoldNothingBack) {
  absl::StatusOr<Cache> cache = Cache::Create({.clean_on_write = false});
  ASSERT_TRUE(cache.ok());
  // The first record of all is written with its keys, and so is the first of the second list.
  for (int i = 0; i < 2; ++i) PutWithOwnKeys(*cache, 'a', 100);
  const std::uint64_t alone = cache->LargestOuters(1)->front().freed_bytes;
  // Another list of the same keys, that comes and goes.
  for (int i = 0; i < 2; ++i) PutWithOwnKeys(*cache, 'a', 101);
  PutWithOwnKeys(*cache, 'a', 100);
  EXPECT_EQ(cache->LargestOuters(1)->front().freed_bytes, alone);
}

TEST(ByOuter, WhatIsFreedLeavesTheProcessWhenTheCacheIsCleaned) {
  Cache cache = Filled();
  Clean(cache);
  const auto outers = cache.LargestOuters(1);
  ASSERT_TRUE(outers.ok());
  ASSERT_EQ(outers->size(), 1u);
  const std::uint64_t before = cache.memory().allocated_bytes;
  ASSERT_TRUE(cache.DeleteOuter(outers->front().outer));
  Clean(cache);
  // Whole segments go back, and two may be begun.
  constexpr std::uint64_t kSegments = 3 * (std::uint64_t{256} << 10);
  EXPECT_GE(before - cache.memory().allocated_bytes + kSegments, outers->front().freed_bytes);
}

TEST(ByOuter, TheLargestComeFirstAndNoMoreThanWereAskedFor) {
  const Cache cache = Filled();
  const auto outers = cache.LargestOuters(5);
  ASSERT_TRUE(outers.ok());
  ASSERT_EQ(outers->size(), 5u);
  EXPECT_EQ(outers->front().outer, "outer11");
  EXPECT_EQ(outers->front().counts.entries, 11u * 11 * 11 + 1);
  for (std::size_t i = 1; i < outers->size(); ++i) {
    EXPECT_GE((*outers)[i - 1].exclusive_bytes, (*outers)[i].exclusive_bytes);
    EXPECT_GE((*outers)[i].exclusive_bytes, (*outers)[i].freed_bytes);
  }
  EXPECT_TRUE(cache.LargestOuters(0)->empty());
}

TEST(ByOuter, ExclusiveBytesAndSharesTogetherAreNoMoreThanTheWhole) {
  const Cache cache = Filled();
  const auto outers = cache.LargestOuters(100);
  ASSERT_TRUE(outers.ok());
  double sum = 0;
  for (const OuterFootprint& outer : *outers) {
    sum += static_cast<double>(outer.exclusive_bytes) + outer.shared_bytes;
  }
  const Footprint footprint = cache.MeasureFootprint();
  const auto held = static_cast<double>(HeldBytes(cache));
  EXPECT_LE(sum, static_cast<double>(footprint.total_bytes()));
  EXPECT_GE(sum, 0.9 * held);
}

TEST(ByOuter, AnEmptyCacheHasNone) {
  const absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  EXPECT_TRUE(cache->LargestOuters(10)->empty());
}

}  // namespace
}  // namespace strata
