// The packed layout over a long life: what is dead goes back, what is learned is put to use. That
// it holds what a map holds is for tests/model/ to check.
#include "cache/packed/packed_map.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cache/maintain.h"

namespace strata::packed {
namespace {

constexpr std::uint64_t kSeed = 42;

std::string Numbered(const char* prefix, std::size_t number) {
  return std::string(prefix) + std::to_string(number);
}

// Twenty records of two keys and values of which some repeat; `turn` makes them differ.
Records MakeList(std::size_t entry, std::size_t turn, std::vector<std::string>* text) {
  text->clear();
  text->reserve(40);
  Records list;
  for (std::size_t i = 0; i < 20; ++i) {
    text->push_back(Numbered("a value often met ", (entry + i) % 50));
    text->push_back(Numbered("a value of this turn alone ", turn * 1000003 + entry * 20 + i));
    const Pair pairs[] = {{"often", (*text)[2 * i]}, {"once", (*text)[2 * i + 1]}};
    list.Add(pairs);
  }
  return list;
}

void PutAll(PackedMap& map, std::size_t entries, std::size_t turn) {
  std::vector<std::string> text;
  for (std::size_t entry = 0; entry < entries; ++entry) {
    const Records list = MakeList(entry, turn, &text);
    ASSERT_TRUE(map.Put(Numbered("outer", entry % 7), Numbered("inner ", entry), list).ok());
  }
}

TEST(PackedMap, KeepsMostOfTheLogAliveWhileEverythingIsOverwritten) {
  PackedMap map({.seed = kSeed});
  for (std::size_t turn = 0; turn < 12; ++turn) PutAll(map, 2000, turn);
  const Footprint footprint = map.MeasureFootprint();
  const double dead = static_cast<double>(footprint.Find("log/dead")->total_bytes());
  EXPECT_LE(dead, 0.12 * static_cast<double>(footprint.total_bytes()));
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedMap, DoesNotGrowWhenEverythingIsOverwrittenWithNewStrings) {
  PackedMap map({.seed = kSeed});
  for (std::size_t turn = 0; turn < 5; ++turn) PutAll(map, 500, turn);
  const std::uint64_t before = map.door().allocated_bytes();
  for (std::size_t turn = 5; turn < 60; ++turn) PutAll(map, 500, turn);
  EXPECT_LE(map.door().allocated_bytes(), before + before / 10 + (std::uint64_t{1} << 19));
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

// Turns in which a value is never met again, then turns in which each is, once its first copy is
// written: that one becomes a token where the cleaner still looks values up.
TEST(PackedMap, LooksStringsUpAgainWhenTheyBeginToRepeatThoughForLongTheyDidNot) {
  constexpr std::size_t kEntries = 40'000;
  constexpr std::size_t kBlock = 500;  // their values are met again within it
  PackedMap map({.seed = kSeed});
  std::mt19937 random(7);
  const auto put_turns = [&](const std::string& values, std::size_t turns, bool repeat) {
    for (std::size_t write = 0; write < turns * kEntries / kBlock; ++write) {
      const std::size_t first = random() % (kEntries / kBlock) * kBlock;
      for (std::size_t i = 0; i < kBlock; ++i) {
        // Every other entry of the block, then those between.
        const std::size_t value = write * kBlock + (repeat ? i % (kBlock / 2) : i);
        const std::size_t entry = first + (2 * i) % kBlock + (2 * i) / kBlock;
        const std::string text = Numbered(values.c_str(), value);
        const Pair pair{"key", text};
        Records list;
        list.Add({&pair, 1});
        ASSERT_TRUE(map.Put("outer", Numbered("i", entry), list).ok());
      }
    }
  };
  const auto blob_bytes = [&] {
    return static_cast<double>(map.MeasureFootprint().Find("log/blobs")->used_bytes);
  };
  put_turns("a value that is met this one time, and never again ", 6, false);
  put_turns("a value that is met twice, and is worth a token then ", 12, true);
  const double by_writes = blob_bytes();
  MaintainToIdle(map);
  EXPECT_LE(by_writes, 1.1 * blob_bytes());
}

TEST(PackedMap, GivesMemoryBackAfterMostIsDeleted) {
  PackedMap map({.seed = kSeed});
  PutAll(map, 10000, 0);
  for (std::size_t entry = 1000; entry < 10000; ++entry) {
    EXPECT_TRUE(map.Delete(Numbered("outer", entry % 7), Numbered("inner ", entry)));
  }
  MaintainToIdle(map);
  PackedMap fresh({.seed = kSeed});
  PutAll(fresh, 1000, 0);
  MaintainToIdle(fresh);
  EXPECT_EQ(map.counts(), fresh.counts());
  const std::uint64_t fresh_bytes = fresh.door().allocated_bytes();
  EXPECT_LE(map.door().allocated_bytes(), fresh_bytes + fresh_bytes / 10 + (2u << 20));
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedMap, KeepsASmallStoreAliveTooWhenMaintained) {
  for (const std::size_t entries : {300u, 600u, 1200u}) {
    PackedMap map({.seed = kSeed});
    for (std::size_t turn = 0; turn < 10; ++turn) PutAll(map, entries, turn);
    MaintainToIdle(map);
    EXPECT_GE(map.Stats().utilisation, 0.88)
        << entries << " entries, " << map.door().allocated_bytes() << " bytes";
    EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  }
}

TEST(PackedMap, TidiesIndexesInStepsOfTheBudget) {
  PackedMap map({.seed = kSeed, .clean_on_write = false});
  // Large outers, each with a table of many shards, then with every second slot erased.
  for (std::size_t i = 0; i < 200000; ++i) {
    ASSERT_TRUE(map.Put(Numbered("outer", i % 4), Numbered("inner ", i), {}).ok());
  }
  for (std::size_t i = 0; i < 200000; i += 2) {
    ASSERT_TRUE(map.Delete(Numbered("outer", i % 4), Numbered("inner ", i)));
  }
  std::uint64_t most = 0;
  std::size_t steps = 0;
  bool more = true;
  while (more) {
    const std::uint64_t before = map.door().totals().total_allocated_bytes;
    more = map.Maintain(std::size_t{16} << 10);
    most = std::max(most, map.door().totals().total_allocated_bytes - before);
    ASSERT_LT(++steps, 100000u);
  }
  // A step rebuilds what its budget allows and one shard, perhaps into a new slab of 256 KiB: not
  // all of an index of some 1,000 KB.
  EXPECT_LE(most, std::uint64_t{356} << 10);
  const Footprint footprint = map.MeasureFootprint();
  EXPECT_LE(footprint.Find("index/inners")->dead_bytes,
            footprint.Find("index/inners")->used_bytes / 8);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  while (map.Maintain(0)) ASSERT_LT(++steps, 1000000u);
}

TEST(PackedMap, CopiesALongOuterKeyNotWithEveryEntry) {
  PackedMap map({.seed = kSeed, .clean_on_write = false});
  const std::string outer(std::size_t{1} << 20, 'k');
  ASSERT_TRUE(map.PutOuter(outer).ok());
  for (std::size_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(map.Put(outer, Numbered("inner ", i), Records{{{"a", "1"}}}).ok());
  }
  // The outer's blob twice: empty, and with the number of its table.
  EXPECT_LE(map.door().totals().total_allocated_bytes, std::uint64_t{4} << 20);
  ReadPin pin = WriterPin();
  EXPECT_NE(map.Find(outer, "inner 39", pin).list, nullptr);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedMap, DeletingAndAddingInAFullShardDoesNotRebuildItEachTime) {
  PackedMap map({.seed = kSeed, .clean_on_write = false});
  // One table; at every size between two splits of its shards.
  std::uint64_t most = 0;
  std::size_t next = 0;
  for (; next < 900; ++next) {
    ASSERT_TRUE(map.Put("outer", Numbered("inner ", next), {}).ok());
    if (next < 420) continue;
    const std::uint64_t before = map.door().totals().total_allocated_bytes;
    for (std::size_t i = 0; i < 32; ++i) {
      ASSERT_TRUE(map.Delete("outer", Numbered("inner ", next)));
      ASSERT_TRUE(map.Put("outer", Numbered("inner ", next), {}).ok());
    }
    most = std::max(most, map.door().totals().total_allocated_bytes - before);
  }
  // 32 rebuilds would take 4 KiB each.
  EXPECT_LE(most, std::uint64_t{64} << 10);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedMap, SharesOneShapeAmongRecordsOfTheSameKeys) {
  PackedMap map({.seed = kSeed});
  PutAll(map, 100, 0);
  EXPECT_EQ(map.shapes().size(), 1u);
  map.Clear();
  EXPECT_EQ(map.shapes().size(), 0u);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedMap, MakesNoShapesOfRandomKeySets) {
  PackedMap map({.seed = kSeed});
  for (std::size_t i = 0; i < 2000; ++i) {
    const std::string a = Numbered("key ", i * 7919 % 50000);
    const std::string b = Numbered("key ", i * 104729 % 49999);
    const Pair pairs[] = {{a, "1"}, {b, "2"}};
    ASSERT_TRUE(map.Append("outer", Numbered("", i), pairs).ok());
  }
  EXPECT_LE(map.shapes().size(), 4u);
}

// Each list of keys is met again, but always in the one record that has it.
TEST(PackedMap, MakesFewShapesOfRandomKeySetsThatAreOverwritten) {
  constexpr std::size_t kEntries = 20'000;
  PackedMap map({.seed = kSeed});
  std::mt19937 random(7);
  for (std::size_t write = 0; write < 10 * kEntries; ++write) {
    const std::size_t entry = random() % kEntries;
    const std::string key = Numbered("", 3 * entry);
    const std::string other = Numbered("", 3 * entry + 1);
    const Pair pairs[] = {{key, "value"}, {other, "value"}};
    Records list;
    list.Add(pairs);
    ASSERT_TRUE(map.Put("outer", Numbered("i", entry), list).ok());
  }
  EXPECT_LE(map.shapes().size(), kEntries / 8);
}

TEST(PackedMap, GivesAShapeToOldKeysThatManyRecordsBeginToHave) {
  PackedMap map({.seed = kSeed});
  const auto put = [&](std::size_t entry, std::size_t keys) {
    const std::string key = Numbered("", 2 * keys);
    const std::string other = Numbered("", 2 * keys + 1);
    const Pair pairs[] = {{key, "value"}, {other, "value"}};
    Records list;
    list.Add(pairs);
    ASSERT_TRUE(map.Put("outer", Numbered("i", entry), list).ok());
  };
  // A shape of one record, and then long none of its keys.
  for (std::size_t entry = 0; entry < 2; ++entry) put(entry, 0);
  for (std::size_t entry = 2; entry < 30'000; ++entry) put(entry, entry);
  ASSERT_EQ(map.shapes().size(), 1u);
  const std::uint64_t before = map.MeasureFootprint().Find("log/blobs")->used_bytes;
  for (std::size_t entry = 3; entry < 3'003; ++entry) put(entry, 0);
  // Two tokens of keys less each.
  EXPECT_LE(map.MeasureFootprint().Find("log/blobs")->used_bytes, before - 2 * 3000);
  EXPECT_EQ(map.shapes().size(), 1u);
}

// Key sets that many records have, but long none of one after the other.
TEST(PackedMap, SharesShapesAmongRecordsOfManySetsInMixedOrder) {
  constexpr std::size_t kSets = 3000;
  constexpr std::size_t kRecords = 30;
  const auto blob_bytes = [&](bool mixed) {
    std::vector<std::size_t> sets;
    for (std::size_t i = 0; i < kSets * kRecords; ++i) sets.push_back(i / kRecords);
    std::mt19937 random(7);
    if (mixed) std::shuffle(sets.begin(), sets.end(), random);
    PackedMap map({.seed = kSeed});
    for (std::size_t entry = 0; entry < sets.size(); ++entry) {
      std::vector<std::string> keys;
      for (std::size_t i = 0; i < 8; ++i) keys.push_back(Numbered("key ", sets[entry] * 3 + i));
      std::vector<Pair> pairs;
      for (const std::string& key : keys) pairs.push_back({key, "1"});
      Records list;
      list.Add(pairs);
      EXPECT_TRUE(map.Put("outer", Numbered("i", entry), list).ok());
    }
    return static_cast<double>(map.MeasureFootprint().Find("log/blobs")->used_bytes);
  };
  EXPECT_LE(blob_bytes(true), 1.35 * blob_bytes(false));
}

TEST(PackedMap, FreesManyUnusedShapesAFewAWrite) {
  PackedMap map({.seed = kSeed});
  constexpr std::size_t kShapes = 20000;
  for (std::size_t i = 0; i < kShapes; ++i) {
    const std::string a = Numbered("key a ", i);
    const std::string b = Numbered("key b ", i);
    const Pair pairs[] = {{a, "1"}, {b, "2"}};
    // The second record makes the shape, the third has it.
    for (int again = 0; again < 3; ++again) {
      ASSERT_TRUE(map.Append("outer", Numbered("", i), pairs).ok());
    }
  }
  ASSERT_EQ(map.shapes().size(), kShapes);
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < kShapes; ++i) {
    const std::uint64_t before = map.door().totals().frees;
    ASSERT_TRUE(map.Put("outer", Numbered("", i), {}).ok());
    most = std::max(most, map.door().totals().frees - before);
  }
  EXPECT_LE(most, 500u);
  EXPECT_LE(map.shapes().size(), 1000u);
  while (map.Maintain(std::size_t{1} << 20)) {
  }
  EXPECT_EQ(map.shapes().size(), 0u);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedMap, PutsStringsMetAgainIntoTheDictionaryAndFreesThemWithTheirLastUse) {
  PackedMap map({.seed = kSeed});
  const std::string often(1000, 'o');
  for (std::size_t i = 0; i < 100; ++i) {
    const Pair pairs[] = {{"k", often}};
    ASSERT_TRUE(map.Append("outer", Numbered("inner", i), pairs).ok());
  }
  EXPECT_LE(map.MeasureFootprint().Find("log/blobs")->used_bytes, 10000u);
  EXPECT_GE(map.MeasureFootprint().Find("dictionary/bytes")->count, 1u);
  EXPECT_TRUE(map.DeleteOuter("outer"));
  EXPECT_EQ(map.MeasureFootprint().Find("dictionary/bytes")->total_bytes(), 0u);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedMap, TakesTheSameBytesInTheLogWhateverTheSeed) {
  PackedMap one({.seed = 1});
  PackedMap two({.seed = 2});
  for (std::size_t turn = 0; turn < 5; ++turn) {
    PutAll(one, 500, turn);
    PutAll(two, 500, turn);
  }
  for (const char* const layer : {"log/blobs", "dictionary/bytes"}) {
    EXPECT_EQ(one.MeasureFootprint().Find(layer)->used_bytes,
              two.MeasureFootprint().Find(layer)->used_bytes)
        << layer;
  }
}

TEST(PackedMap, KeysThatCollideUnderOneSeedDoNotUnderAnother) {
  const PackedMap one({.seed = 1});
  const PackedMap two({.seed = 2});
  const auto place = [](const PackedMap& map, const std::string& key) {
    return map.strings().dictionary().Hash(key) >> 52;  // which shard, of 4,096
  };
  std::set<std::uint64_t> places;
  std::size_t colliding = 0;
  for (std::size_t i = 0; colliding < 200; ++i) {
    const std::string key = Numbered("key ", i);
    if (place(one, key) != 0) continue;
    ++colliding;
    places.insert(place(two, key));
  }
  EXPECT_GE(places.size(), 150u);
}

TEST(PackedMap, FindsItsEntriesUnderAnySeed) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    PackedMap map({.seed = seed});
    PutAll(map, 100, seed);
    EXPECT_TRUE(map.Validate().ok()) << map.Validate();
    ReadPin pin = WriterPin();
    EXPECT_NE(map.Find("outer1", "inner 1", pin).list, nullptr);
    EXPECT_EQ(map.Find("outer1", "inner 2", pin).list, nullptr);
  }
}

}  // namespace
}  // namespace strata::packed
