// Outers with tables, most of which are deleted: what is left lies side by side after Maintain, and
// their tables have the lowest numbers.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <strata/cache.h>

#include "cache/packed/packed_map.h"

#include "tests/cache/maintain.h"

namespace strata::packed {
namespace {

constexpr std::size_t kOuters = 6000;
constexpr std::size_t kEntries = 17;  // one more than fit into an outer's blob
constexpr std::size_t kKept = 10;     // one in so many outers

std::string Outer(std::size_t i) { return "outer" + std::to_string(i); }
std::string Inner(std::size_t i) { return "inner" + std::to_string(i); }
std::string Value(std::size_t outer, std::size_t inner) {
  return "value " + std::to_string(outer * 31 + inner);
}

// An entry of one record of one pair; whether there was memory for it.
bool PutPair(PackedMap* map, const std::string& outer, std::size_t inner, std::string_view value) {
  const Pair pairs[] = {{"key", value}};
  const std::size_t end[] = {1};
  return map->Put(outer, Inner(inner), RecordsView(pairs, end)).ok();
}

class PackedPackingTest : public testing::Test {
 protected:
  void Load(PackedMap* map, std::size_t step) {
    for (std::size_t outer = 0; outer < kOuters; outer += step) {
      for (std::size_t inner = 0; inner < kEntries; ++inner) {
        ASSERT_TRUE(PutPair(map, Outer(outer), inner, Value(outer, inner)));
      }
    }
  }
  void DeleteMost(PackedMap* map, std::size_t from = 0) {
    for (std::size_t outer = from; outer < kOuters; ++outer) {
      if (outer % kKept == 0) continue;
      ASSERT_TRUE(map->DeleteOuter(Outer(outer)));
    }
  }
  // Outers of which a pin sees other entries than were put.
  static std::size_t CountWrong(const PackedMap& map, ReadPin& pin) {
    std::size_t wrong = 0;
    for (std::size_t outer = 0; outer < kOuters; outer += kKept) {
      for (std::size_t inner = 0; inner < kEntries; ++inner) {
        wrong += map.Find(Outer(outer), Inner(inner), pin).count != 1;
      }
    }
    return wrong;
  }
};

TEST_F(PackedPackingTest, WhatIsLeftOfManyTablesTakesWhatAFreshLoadWould) {
  PackedMap map({.seed = 1});
  Load(&map, 1);
  const std::uint64_t blocks_before = map.door().totals().heap_blocks;
  DeleteMost(&map);
  MaintainToIdle(map, std::size_t{64} << 10);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  PackedMap fresh({.seed = 1});
  Load(&fresh, kKept);
  MaintainToIdle(fresh, std::size_t{64} << 10);
  EXPECT_LE(map.door().allocated_bytes(), fresh.door().allocated_bytes() * 11 / 10);
  // A shard and a directory an outer; now a few slabs.
  EXPECT_GT(blocks_before, 2 * kOuters);
  EXPECT_LT(map.door().totals().heap_blocks, 100u);
  ReadPin pin = WriterPin();
  EXPECT_EQ(CountWrong(map, pin), 0u);
  // And it grows again, in numbers that are free.
  Load(&map, 1);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_EQ(map.counts().outers, kOuters);
}

TEST_F(PackedPackingTest, ALoadLeavesNoHolesBetweenItsTables) {
  PackedMap map({.seed = 1});
  Load(&map, 1);
  MaintainToIdle(map, std::size_t{64} << 10);
  EXPECT_LT(map.door().totals().heap_blocks, 100u);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST_F(PackedPackingTest, AGuardReadsWhatMovesAndWhatWasDeleted) {
  PackedMap map({.seed = 1});
  Load(&map, 1);
  DeleteMost(&map, 2);
  ReadPin pin;
  map.eras().Enter(&pin);
  ASSERT_EQ(CountWrong(map, pin), 0u);
  const PackedMap::FoundList deleted = map.Find(Outer(1), Inner(3), pin);
  ASSERT_TRUE(map.DeleteOuter(Outer(1)));
  std::size_t calls = 0;
  do {
    ASSERT_EQ(CountWrong(map, pin), 0u);
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
    // A write now and then, among what is being moved.
    ASSERT_TRUE(PutPair(&map, Outer(calls % 60 * kKept), 5, "another"));
    ++calls;
  } while (map.Maintain(std::size_t{32} << 10));
  EXPECT_GT(calls, 10u);
  EXPECT_EQ(CountWrong(map, pin), 0u);
  char scratch[kNumberScratchBytes];
  const StoredList list = ReadList(deleted.list);
  const StoredRecord record = ReadRecord(list.records, map.shapes());
  record.ForEach([&](const Token&, const Token& value) {
    EXPECT_EQ(map.strings().Text(value, scratch, pin), Value(1, 3));
    return true;
  });
  map.eras().Leave(&pin);
  MaintainToIdle(map, std::size_t{64} << 10);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_LT(map.door().totals().heap_blocks, 100u);
  EXPECT_EQ(map.Stats().retained_bytes, 0u);
}

// What a guard would keep beside its copy is not copied, and is when the guard has ended.
TEST_F(PackedPackingTest, WaitsForAGuardThatKeepsMuchAndForgetsNothing) {
  PackedMap map({.seed = 1});
  Load(&map, 1);
  ReadPin pin;
  map.eras().Enter(&pin);
  ASSERT_EQ(CountWrong(map, pin), 0u);
  DeleteMost(&map, 2);
  const std::uint64_t before = map.door().allocated_bytes();
  MaintainToIdle(map, std::size_t{64} << 10);
  EXPECT_LE(map.door().allocated_bytes(), before + (std::uint64_t{1} << 20));
  EXPECT_EQ(CountWrong(map, pin), 0u);
  map.eras().Leave(&pin);
  // Another, for what was deleted last.
  map.eras().Enter(&pin);
  ASSERT_EQ(CountWrong(map, pin), 0u);
  ASSERT_TRUE(map.DeleteOuter(Outer(1)));
  MaintainToIdle(map, std::size_t{64} << 10);
  map.eras().Leave(&pin);
  MaintainToIdle(map, std::size_t{64} << 10);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  // Numbers of tables that are free.
  EXPECT_LE(map.MeasureFootprint().Find("index/inners")->dead_bytes, std::uint64_t{16} << 10);
}

// One large outer among those of high numbers, and a limit that its copy would pass.
TEST_F(PackedPackingTest, LeavesWhatIsTooLargeToBeMovedAndEnds) {
  constexpr std::uint64_t kBig = 17;
  PackedMap map({.seed = 1, .memory_limit_bytes = std::uint64_t{24} << 20});
  Load(&map, 1);
  const std::string value(900'000, 'v');
  for (std::size_t inner = 0; inner < kBig; ++inner) {
    ASSERT_TRUE(PutPair(&map, "big", inner, value));
  }
  DeleteMost(&map);
  MaintainToIdle(map, std::size_t{64} << 10);
  const std::uint64_t cleaned = map.Stats().cleaned_bytes;
  const std::uint64_t held = map.door().allocated_bytes();
  EXPECT_LE(held, kBig * value.size() + (std::uint64_t{4} << 20));
  MaintainToIdle(map, std::size_t{64} << 10);
  EXPECT_EQ(map.Stats().cleaned_bytes, cleaned);
  EXPECT_EQ(map.door().allocated_bytes(), held);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST_F(PackedPackingTest, LosesNothingWhereverMemoryEnds) {
  PackedMap map({.seed = 1});
  Load(&map, 1);
  DeleteMost(&map);
  for (std::uint64_t granted = 0; granted < 400; granted += 7) {
    map.door_for_tests().FailAfter(granted);
    for (int i = 0; i < 20; ++i) (void)map.Maintain(std::size_t{64} << 10);
    map.door_for_tests().FailAfter(MemoryDoor::kNoLimit);
    ASSERT_TRUE(map.Validate().ok()) << "after " << granted << ": " << map.Validate();
    ReadPin pin = WriterPin();
    ASSERT_EQ(CountWrong(map, pin), 0u);
  }
  MaintainToIdle(map, std::size_t{64} << 10);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_LT(map.door().totals().heap_blocks, 100u);
}

// Large outers of which little is left: their shards are joined, and their directories shorter.
class PackedJoiningTest : public testing::Test {
 protected:
  static constexpr std::size_t kLargeOuters = 5;
  static constexpr std::size_t kLargeEntries = 20'000;
  static void Load(PackedMap* map, std::size_t step) {
    for (std::size_t i = 0; i < kLargeOuters * kLargeEntries; i += step) {
      ASSERT_TRUE(PutPair(map, Outer(i % kLargeOuters), i, "value"));
    }
  }
  static void DeleteAllBut(PackedMap* map, std::size_t step) {
    for (std::size_t i = 0; i < kLargeOuters * kLargeEntries; ++i) {
      if (i % step == 0) continue;
      ASSERT_TRUE(map->Delete(Outer(i % kLargeOuters), Inner(i)));
    }
  }
  static std::size_t CountMissing(const PackedMap& map, std::size_t step, ReadPin& pin) {
    std::size_t missing = 0;
    for (std::size_t i = 0; i < kLargeOuters * kLargeEntries; i += step) {
      missing += map.Find(Outer(i % kLargeOuters), Inner(i), pin).count != 1;
    }
    return missing;
  }
};

TEST_F(PackedJoiningTest, WhatIsLeftOfLargeOutersTakesWhatAFreshLoadWould) {
  // A tenth, a hundredth, and so few that most shards are empty.
  for (const std::size_t step : {11u, 101u, 1009u}) {
    PackedMap map({.seed = 1});
    Load(&map, 1);
    DeleteAllBut(&map, step);
    MaintainToIdle(map, std::size_t{64} << 10);
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
    PackedMap fresh({.seed = 1});
    Load(&fresh, step);
    MaintainToIdle(fresh, std::size_t{64} << 10);
    EXPECT_LE(map.door().allocated_bytes(),
              fresh.door().allocated_bytes() * 11 / 10 + (std::uint64_t{32} << 10))
        << "one in " << step;
    ReadPin pin = WriterPin();
    EXPECT_EQ(CountMissing(map, step, pin), 0u);
    // And it grows again.
    Load(&map, 1);
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
    EXPECT_EQ(CountMissing(map, 1, pin), 0u);
  }
}

TEST_F(PackedJoiningTest, AnEnumerationMeetsEachEntryOnceWhileShardsAreJoined) {
  constexpr std::size_t kStep = 101;
  PackedMap map({.seed = 1});
  Load(&map, 1);
  DeleteAllBut(&map, kStep);
  ReadPin pin;
  map.eras().Enter(&pin);
  std::size_t expected = 0;
  for (std::size_t i = 0; i < kLargeOuters * kLargeEntries; i += kStep) {
    expected += i % kLargeOuters == 0;
  }
  std::size_t enumerations = 0;
  bool more = true;
  for (; more; ++enumerations) {
    std::set<std::uint64_t> met;
    std::vector<PackedMap::EntryItem> items;
    std::uint64_t from = 0;
    do {
      // A step of the passes between every two of the enumeration.
      more = map.Maintain(std::size_t{1} << 10);
      from = map.NextEntries(Outer(0), {}, from, &items, pin);
      for (const PackedMap::EntryItem& item : items) {
        ASSERT_TRUE(met.insert(item.hash).second) << "a second time: " << item.hash;
      }
    } while (from != 0);
    ASSERT_EQ(met.size(), expected);
  }
  EXPECT_GT(enumerations, 3u);
  map.eras().Leave(&pin);
  MaintainToIdle(map, std::size_t{64} << 10);
  EXPECT_EQ(map.Stats().retained_bytes, 0u);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST_F(PackedJoiningTest, JoinsWhatItCanWhereverMemoryEnds) {
  constexpr std::size_t kStep = 101;
  PackedMap map({.seed = 1});
  Load(&map, 1);
  DeleteAllBut(&map, kStep);
  for (std::uint64_t granted = 0; granted < 120; granted += 3) {
    map.door_for_tests().FailAfter(granted);
    for (int i = 0; i < 3; ++i) (void)map.Maintain(std::size_t{4} << 10);
    map.door_for_tests().FailAfter(MemoryDoor::kNoLimit);
    ASSERT_TRUE(map.Validate().ok()) << "after " << granted << ": " << map.Validate();
    ReadPin pin = WriterPin();
    ASSERT_EQ(CountMissing(map, kStep, pin), 0u);
  }
}

// A large outer is not moved to a table of a lower number, nor is the table of outers.
TEST_F(PackedPackingTest, FreeTablesBelowALargeOutersTakeNoMemory) {
  constexpr std::size_t kLarge = 5000;
  const auto put_large = [](PackedMap* map) {
    for (std::size_t i = 0; i < kLarge; ++i) ASSERT_TRUE(PutPair(map, "large", i, "value"));
  };
  const auto index_bytes = [](const PackedMap& map) {
    const Footprint footprint = map.MeasureFootprint();
    return footprint.Find("index/inners")->total_bytes();
  };
  PackedMap map({.seed = 1});
  for (int round = 0; round < 3; ++round) {
    Load(&map, 1);
    put_large(&map);
    DeleteMost(&map);
    MaintainToIdle(map, std::size_t{64} << 10);
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
    PackedMap fresh({.seed = 1});
    Load(&fresh, kKept);
    put_large(&fresh);
    MaintainToIdle(fresh, std::size_t{64} << 10);
    EXPECT_LE(index_bytes(map), index_bytes(fresh) * 21 / 20 + (16 << 10));
    ReadPin pin = WriterPin();
    EXPECT_EQ(CountWrong(map, pin), 0u);
    EXPECT_EQ(map.Find("large", Inner(kLarge - 1), pin).count, 1u);
  }
  // What was given back is taken again before the list of tables grows, wherever memory ends.
  bool ok = false;
  for (std::uint64_t granted = 0; !ok; granted += 7) {
    map.door_for_tests().FailAfter(granted);
    ok = true;
    for (std::size_t outer = 0; outer < kOuters && ok; ++outer) {
      for (std::size_t inner = 0; inner < kEntries && ok; ++inner) {
        ok = PutPair(&map, Outer(outer), inner, "value");
      }
    }
    map.door_for_tests().FailAfter(MemoryDoor::kNoLimit);
    ASSERT_TRUE(map.Validate().ok()) << "after " << granted << ": " << map.Validate();
    granted *= 2;
  }
}

TEST(IndexBlocks, GivesASlabBackWithItsLastBlock) {
  MemoryDoor door;
  IndexBlocks blocks(&door);
  constexpr std::size_t kBytes = 1000;
  void* packed[1000];
  {
    for (void*& block : packed) block = blocks.TryAllocate(kBytes);
    blocks.BeginPacking();
    for (void*& block : packed) blocks.Free(block, kBytes);
    const IndexBlocks::Packing packing(&blocks, true);
    for (void*& block : packed) {
      block = blocks.TryAllocate(kBytes);
      blocks.NoteReplaced(kBytes);
    }
  }
  void* const loose = blocks.TryAllocate(kBytes);
  EXPECT_EQ(blocks.ReservedBytes(packed[7], kBytes), kBytes);
  EXPECT_GE(blocks.ReservedBytes(loose, kBytes), kBytes);
  EXPECT_GE(door.allocated_bytes(), 1001 * kBytes);
  // Five slabs and their list; what could not be filled is a block's room in each.
  EXPECT_LE(door.totals().heap_blocks, 7u);
  EXPECT_LE(door.allocated_bytes(), 1010 * kBytes + (std::size_t{16} << 10));
  for (std::size_t i = 0; i < 1000; i += 2) blocks.Free(packed[i], kBytes);
  EXPECT_EQ(blocks.Fault(), nullptr);
  Layer layer;
  blocks.AddTo(&layer);
  EXPECT_EQ(layer.dead_bytes, 500 * kBytes);
  for (std::size_t i = 1; i < 1000; i += 2) blocks.Free(packed[i], kBytes);
  blocks.Free(loose, kBytes);
  blocks.Free(nullptr, kBytes);
  EXPECT_EQ(door.allocated_bytes(), 0u);
}

}  // namespace
}  // namespace strata::packed
