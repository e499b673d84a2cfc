// What each outer costs: the forecast of what deleting it frees is checked by deleting it.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kit/owned_records.h"

#include <strata/cache.h>

namespace strata {
namespace {

// What a walk finds of the bytes that a forecast is about: blobs with their room, strings that
// somebody names, tables.
std::uint64_t HeldBytes(const Cache& cache) {
  const Footprint footprint = cache.MeasureFootprint();
  const Layer* const blobs = footprint.Find("log/blobs");
  return blobs->used_bytes + blobs->slack_bytes + footprint.Find("dictionary/bytes")->used_bytes +
         footprint.Find("index/inners")->total_bytes();
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

TEST(ByOuter, DeletingFreesWhatWasForecast) {
  Cache cache = Filled();
  const auto outers = cache.LargestOuters(100);
  ASSERT_TRUE(outers.ok()) << outers.status();
  ASSERT_EQ(outers->size(), 12u);
  std::vector<std::string> names;
  for (const OuterFootprint& outer : *outers) names.push_back(outer.outer);
  for (const std::string& name : names) {
    // Anew each time: what others shared with a deleted one may now be their own.
    const auto now = cache.LargestOuters(100);
    ASSERT_TRUE(now.ok());
    const auto it = std::find_if(now->begin(), now->end(),
                                 [&](const OuterFootprint& outer) { return outer.outer == name; });
    ASSERT_NE(it, now->end());
    const std::uint64_t before = HeldBytes(cache);
    ASSERT_TRUE(cache.DeleteOuter(name));
    EXPECT_EQ(before - HeldBytes(cache), it->freed_bytes) << name;
  }
  EXPECT_TRUE(cache.Validate().ok());
}

TEST(ByOuter, WhatIsFreedLeavesTheProcessWhenTheCacheIsCleaned) {
  Cache cache = Filled();
  while (cache.Maintain(1 << 20)) {
  }
  const auto outers = cache.LargestOuters(1);
  ASSERT_TRUE(outers.ok());
  ASSERT_EQ(outers->size(), 1u);
  const std::uint64_t before = cache.memory().allocated_bytes;
  ASSERT_TRUE(cache.DeleteOuter(outers->front().outer));
  while (cache.Maintain(1 << 20)) {
  }
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
