// Shapes that take more than they save, and numbers of shapes that are free: Maintain gives both
// up.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "cache/packed/packed_map.h"

#include "tests/cache/maintain.h"

namespace strata::packed {
namespace {

std::string Key(std::size_t i) { return "a key of some length " + std::to_string(i); }
std::string Inner(std::size_t i) { return "i" + std::to_string(i); }

// An entry with so many records of these two keys.
void Put(PackedMap* map, std::size_t entry, std::size_t a, std::size_t b, std::size_t records) {
  const std::string keys[] = {Key(a), Key(b)};
  const std::string value = "v" + std::to_string(entry % 100);
  const Pair pairs[] = {{keys[0], value}, {keys[1], value}};
  Records list;
  for (std::size_t i = 0; i < records; ++i) list.Add(pairs);
  ASSERT_TRUE(map->Put("outer" + std::to_string(entry % 50), Inner(entry), list).ok());
}

// So that keys are the dictionary's, and take two or three bytes.
constexpr std::size_t kKeys = 1000;

std::uint64_t BytesOfPairsOfRecords(bool side_by_side, std::size_t* shapes) {
  std::mt19937 random(3);
  std::vector<std::pair<std::size_t, std::size_t>> lists;
  for (std::size_t i = 0; i < 20'000; ++i) {
    const std::size_t a = random() % kKeys;
    lists.insert(lists.end(), 2, {a, (a + 1 + random() % (kKeys - 1)) % kKeys});
  }
  if (!side_by_side) std::shuffle(lists.begin(), lists.end(), random);
  PackedMap map({.seed = 1});
  for (std::size_t i = 0; i < lists.size(); ++i) Put(&map, i, lists[i].first, lists[i].second, 1);
  const std::uint64_t before = map.door().allocated_bytes();
  MaintainToIdle(map, std::size_t{256} << 10);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_FALSE(map.Maintain(std::size_t{1} << 20));
  EXPECT_LE(map.door().allocated_bytes(), before);
  *shapes = map.shapes().size();
  return map.door().allocated_bytes();
}

TEST(PackedShapes, ListsOfKeysInTwoRecordsEachCostNoMoreSideBySideThanShuffled) {
  std::size_t shapes = 0;
  const std::uint64_t shuffled = BytesOfPairsOfRecords(false, &shapes);
  EXPECT_LE(BytesOfPairsOfRecords(true, &shapes), shuffled * 21 / 20);
  EXPECT_LE(shapes, 1000u);
}

TEST(PackedShapes, ThoseThatPayStayAmongThoseThatDoNot) {
  PackedMap map({.seed = 1});
  std::size_t entry = 0;
  for (std::size_t i = 0; i < 20'000; ++i) {
    for (int again = 0; again < 2; ++again) Put(&map, entry++, i % kKeys, (i * 7 + 1) % kKeys, 1);
  }
  for (std::size_t i = 0; i < 10; ++i) Put(&map, entry++, i, kKeys + i, 400);
  MaintainToIdle(map, std::size_t{256} << 10);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_GE(map.shapes().size(), 10u);
  EXPECT_LE(map.shapes().size(), 1500u);
}

constexpr std::size_t kShapes = 20'000;
constexpr std::size_t kKept = 20;  // one in so many
constexpr std::size_t kRecords = 20;

void LoadShapes(PackedMap* map, std::size_t step) {
  for (std::size_t i = 0; i < kShapes; i += step) Put(map, i, 2 * i, 2 * i + 1, kRecords);
}

void DeleteMostShapes(PackedMap* map) {
  for (std::size_t i = 0; i < kShapes; ++i) {
    if (i % kKept == 0) continue;
    ASSERT_TRUE(map->Delete("outer" + std::to_string(i % 50), Inner(i)));
  }
}

std::uint64_t ShapeBytes(const PackedMap& map) {
  return map.MeasureFootprint().Find("shapes")->total_bytes();
}

TEST(PackedShapes, WhatIsLeftOfManyTakesWhatAFreshLoadWould) {
  PackedMap map({.seed = 1});
  LoadShapes(&map, 1);
  ASSERT_EQ(map.shapes().size(), kShapes);
  DeleteMostShapes(&map);
  MaintainToIdle(map, std::size_t{256} << 10);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_EQ(map.shapes().size(), kShapes / kKept);
  PackedMap fresh({.seed = 1});
  LoadShapes(&fresh, kKept);
  MaintainToIdle(fresh, std::size_t{256} << 10);
  EXPECT_LE(ShapeBytes(map), ShapeBytes(fresh) * 5 / 4);
  // Key lists that are left lie in slabs, and their index in few shards.
  EXPECT_GT(fresh.door().totals().heap_blocks, kShapes / kKept);
  EXPECT_LT(map.door().totals().heap_blocks, kShapes / kKept / 4);
  // In a store this small the heads of the log and slabs count.
  EXPECT_LE(map.door().allocated_bytes(), fresh.door().allocated_bytes() * 11 / 10 + (128 << 10));
  // And it grows again.
  LoadShapes(&map, 1);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedShapes, HolesBetweenKeyListsThatWerePackedArePackedAgain) {
  constexpr std::size_t kLong = 8000;
  constexpr std::size_t kStep = 4;
  PackedMap map({.seed = 1});
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < kKeys; ++i) keys.push_back(Key(i));
  for (std::size_t i = 0; i < kLong; ++i) {
    // Forty keys of their own order, in three records.
    std::vector<Pair> pairs;
    for (std::size_t n = 0; n < 40; ++n) pairs.push_back({keys[(i + n * (i % 7 + 1)) % kKeys], ""});
    std::rotate(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(i / kKeys), pairs.end());
    Records list;
    for (int n = 0; n < 3; ++n) list.Add(pairs);
    ASSERT_TRUE(map.Put("outer", Inner(i), list).ok());
  }
  const auto keep = [&](auto stays) {
    for (std::size_t i = 0; i < kLong; ++i) {
      if (!stays(i)) (void)map.Delete("outer", Inner(i));
    }
    MaintainToIdle(map, std::size_t{256} << 10);
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  };
  keep([](std::size_t i) { return i % kStep == 0; });
  // A little less than half of what is left goes, so that not most numbers are free.
  keep([](std::size_t i) { return i % kStep == 0 && i / kStep % 25 < 13; });
  EXPECT_EQ(map.shapes().size(), kLong / kStep / 25 * 13);
  const Footprint footprint = map.MeasureFootprint();
  // Free numbers are dead, too.
  EXPECT_LE(footprint.Find("shapes")->dead_bytes, footprint.Find("shapes")->used_bytes / 2);
  EXPECT_FALSE(map.Maintain(std::size_t{1} << 20));
}

TEST(PackedShapes, AGuardReadsRecordsOfThoseThatAreGivenUp) {
  PackedMap map({.seed = 1});
  LoadShapes(&map, 1);
  ReadPin pin;
  map.eras().Enter(&pin);
  const PackedMap::FoundList deleted = map.Find("outer7", Inner(7), pin);
  const PackedMap::FoundList moved = map.Find("outer40", Inner(40), pin);
  DeleteMostShapes(&map);
  MaintainToIdle(map, std::size_t{256} << 10);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  const auto check = [&](const PackedMap::FoundList& found, std::size_t first_key) {
    const StoredList list = ReadList(found.list);
    ASSERT_EQ(list.count, kRecords);
    const StoredRecord record = ReadRecord(list.records, map.shapes());
    std::size_t key = first_key;
    record.ForEach([&](const Token& token, const Token&) {
      char scratch[kNumberScratchBytes];
      const auto text = ReadWhole(pin, [&] { return map.strings().Text(token, scratch, pin); });
      EXPECT_EQ(text, Key(key++));
      return true;
    });
  };
  check(deleted, 14);
  check(moved, 80);
  map.eras().Leave(&pin);
  MaintainToIdle(map, std::size_t{256} << 10);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_EQ(map.Stats().retained_bytes, 0u);
}

TEST(PackedShapes, GivesUpWhatItCanWhereverMemoryEnds) {
  PackedMap map({.seed = 1});
  LoadShapes(&map, 1);
  DeleteMostShapes(&map);
  for (std::uint64_t granted = 0; granted < 200; granted += 5) {
    map.door_for_tests().FailAfter(granted);
    for (int i = 0; i < 5; ++i) (void)map.Maintain(std::size_t{64} << 10);
    map.door_for_tests().FailAfter(MemoryDoor::kNoLimit);
    ASSERT_TRUE(map.Validate().ok()) << "after " << granted << ": " << map.Validate();
  }
  MaintainToIdle(map, std::size_t{256} << 10);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_EQ(map.counts().entries, kShapes / kKept);
}

}  // namespace
}  // namespace strata::packed
