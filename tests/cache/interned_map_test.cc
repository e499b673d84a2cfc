// What the interned layout holds in bytes: the footprint, what deleting gives back, what Reserve
// prepares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include "cache/interned_map.h"
#include "tests/kit/footprint_law.h"

#include <strata/cache.h>

namespace strata {
namespace {

using kit::BreachOfLaw;

// The layout under the face's names.
class Interned : public InternedMap {
 public:
  DoorTotals memory() const { return door().totals(); }
  absl::Status Reserve(const Reservation& expected) {
    return InternedMap::Reserve(expected.outers, expected.distinct_strings,
                                expected.distinct_string_bytes);
  }
};

std::string Text(int round, int i) {
  std::string text = "round " + std::to_string(round) + " string " + std::to_string(i) + " ";
  text.resize(60, '.');
  return text;
}

// Entry i of outer i % 20 gets one record with strings of its own.
void Fill(Interned& cache, int entries, int round = 0) {
  for (int i = 0; i < entries; ++i) {
    const std::string value = Text(round, i);
    const std::string key = "key " + value;
    ASSERT_EQ(cache.Put("outer " + std::to_string(i % 20), "inner " + std::to_string(i),
                        Records{{{key, value}}}),
              absl::OkStatus());
  }
}

std::uint64_t Allocated(const Interned& cache) { return cache.memory().allocated_bytes; }

std::uint64_t LayerBytes(const Interned& cache, const char* name) {
  const Footprint footprint = cache.MeasureFootprint();
  const Layer* const layer = footprint.Find(name);
  EXPECT_NE(layer, nullptr) << name;
  return layer == nullptr ? 0 : layer->total_bytes();
}

TEST(InternedMap, TheWalkFindsWhatTheDoorHandedOut) {
  Interned cache;
  EXPECT_EQ(BreachOfLaw(cache.MeasureFootprint(), cache.memory()), std::nullopt);
  Fill(cache, 1000);
  EXPECT_EQ(BreachOfLaw(cache.MeasureFootprint(), cache.memory()), std::nullopt);
  EXPECT_EQ(cache.MeasureFootprint().layout, "interned");
}

TEST(InternedMap, TheFootprintHasALayerForEachPartOfTheStructure) {
  Interned cache;
  Fill(cache, 100);
  const Footprint footprint = cache.MeasureFootprint();
  std::set<std::string> names;
  for (const Layer& layer : footprint.layers) {
    names.insert(layer.name);
    EXPECT_GT(layer.total_bytes(), 0U) << layer.name;
    EXPECT_GT(layer.count, 0U) << layer.name;
  }
  EXPECT_THAT(names, testing::ElementsAre("inners/tables", "lists/arrays", "outers/objects",
                                          "outers/table", "records/pairs", "strings/bytes",
                                          "strings/index", "strings/table"));
  EXPECT_EQ(footprint.Find("outers/table")->count, 20U);
  EXPECT_EQ(footprint.Find("inners/tables")->count, 100U);
  EXPECT_EQ(footprint.Find("lists/arrays")->count, 100U);
  EXPECT_EQ(footprint.Find("records/pairs")->count, 100U);
  EXPECT_EQ(footprint.Find("records/pairs")->used_bytes, 800U);
  // 20 outers, 100 inners, 100 keys and 100 values, all different.
  EXPECT_EQ(footprint.Find("strings/bytes")->count, 320U);
}

TEST(InternedMap, ADistinctStringIsHeldOnce) {
  Interned cache;
  const std::string shared(100'000, 's');
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(cache.Append(shared, std::to_string(i % 10), std::vector<Pair>{{shared, shared}}),
              absl::OkStatus());
  }
  EXPECT_LT(Allocated(cache), 2 * shared.size());
}

TEST(InternedMap, ClearGivesEverythingBack) {
  Interned cache;
  const std::uint64_t when_new = Allocated(cache);
  Fill(cache, 5000);
  ASSERT_GT(Allocated(cache), when_new + 5000 * 120);
  cache.Clear();
  EXPECT_EQ(Allocated(cache), when_new);
  EXPECT_EQ(BreachOfLaw(cache.MeasureFootprint(), cache.memory()), std::nullopt);
}

TEST(InternedMap, ReplacedStringsAreReclaimedRoundAfterRound) {
  Interned cache;
  constexpr int kEntries = 500;
  constexpr int kRounds = 60;
  std::uint64_t most_early = 0;
  std::uint64_t most_late = 0;
  for (int round = 0; round < kRounds; ++round) {
    Fill(cache, kEntries, round);
    std::uint64_t& most = round < kRounds / 4 ? most_early : most_late;
    most = std::max(most, Allocated(cache));
    ASSERT_EQ(BreachOfLaw(cache.MeasureFootprint(), cache.memory()), std::nullopt);
  }
  EXPECT_LE(most_late, most_early + most_early / 10);
  // Against a cache that has seen the last round only.
  Interned fresh;
  Fill(fresh, kEntries, kRounds);
  EXPECT_LE(most_late, 3 * Allocated(fresh));
}

TEST(InternedMap, OutersAndInnersThatComeAndGoAreReclaimedToo) {
  Interned cache;
  std::uint64_t most_early = 0;
  std::uint64_t most_late = 0;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(cache.Put(Text(1, i), Text(2, i), Records{{{Text(3, i), Text(4, i)}}}),
              absl::OkStatus());
    if (i >= 100) {
      ASSERT_TRUE(cache.DeleteOuter(Text(1, i - 100)));
    }
    std::uint64_t& most = i < 5000 ? most_early : most_late;
    most = std::max(most, Allocated(cache));
  }
  EXPECT_EQ(cache.counts().outers, 100U);
  EXPECT_LE(most_late, most_early + most_early / 10);
}

TEST(InternedMap, DeletingGivesTheStringBytesBack) {
  Interned cache;
  Fill(cache, 5000);
  const std::uint64_t full = LayerBytes(cache, "strings/bytes");
  const std::uint64_t full_tables = LayerBytes(cache, "inners/tables");
  for (int i = 0; i < 5000; ++i) {
    if (i % 50 == 0) continue;
    ASSERT_TRUE(cache.Delete("outer " + std::to_string(i % 20), "inner " + std::to_string(i)));
  }
  ASSERT_EQ(cache.counts().entries, 100U);
  EXPECT_LT(LayerBytes(cache, "strings/bytes"), full / 10);
  EXPECT_LT(LayerBytes(cache, "inners/tables"), full_tables / 5);
  EXPECT_LT(Allocated(cache), full);
  EXPECT_EQ(BreachOfLaw(cache.MeasureFootprint(), cache.memory()), std::nullopt);
  // What is left reads as before, though its bytes have moved.
  for (int i = 0; i < 5000; i += 50) {
    const std::string value = Text(0, i);
    const InternedMap::List* const list =
        cache.FindList("outer " + std::to_string(i % 20), "inner " + std::to_string(i));
    ASSERT_NE(list, nullptr);
    const std::size_t at = cache.FindPair(list->front(), "key " + value);
    ASSERT_EQ(at, 0U);
    EXPECT_EQ(cache.Text(list->front()[at].value), value);
  }
}

TEST(InternedMap, AHugeStringIsGivenBackWhenItIsReplaced) {
  Interned cache;
  const std::string huge(std::size_t{8} << 20, 'h');
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", huge}}}), absl::OkStatus());
  ASSERT_GE(Allocated(cache), huge.size());
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", "small"}}}), absl::OkStatus());
  EXPECT_LT(Allocated(cache), huge.size() / 100);
}

TEST(InternedMap, RewritingTheSameContentAllocatesNoStrings) {
  Interned cache;
  Fill(cache, 500);
  const std::uint64_t bytes = LayerBytes(cache, "strings/bytes");
  const std::uint64_t strings = LayerBytes(cache, "strings/table");
  for (int i = 0; i < 10; ++i) Fill(cache, 500);
  EXPECT_EQ(LayerBytes(cache, "strings/bytes"), bytes);
  EXPECT_EQ(LayerBytes(cache, "strings/table"), strings);
  EXPECT_EQ(cache.MeasureFootprint().Find("strings/bytes")->dead_bytes, 0U);
}

TEST(InternedMap, ReserveMakesGrowingCostFewerAllocations) {
  Interned plain;
  Fill(plain, 2000);

  Interned reserved;
  ASSERT_EQ(reserved.Reserve({.outers = 20,
                              .entries = 2000,
                              .distinct_strings = 6020,
                              .distinct_string_bytes = 2000 * (60 + 64 + 10) + 20 * 8}),
            absl::OkStatus());
  EXPECT_EQ(reserved.counts(), Counts{});
  EXPECT_EQ(BreachOfLaw(reserved.MeasureFootprint(), reserved.memory()), std::nullopt);
  const std::uint64_t before = reserved.memory().allocations;
  Fill(reserved, 2000);
  EXPECT_LT(reserved.memory().allocations - before, plain.memory().allocations);
  EXPECT_EQ(reserved.counts(), plain.counts());
  EXPECT_EQ(BreachOfLaw(reserved.MeasureFootprint(), reserved.memory()), std::nullopt);
}

TEST(InternedMap, ReserveOfNothingOrTooLittleIsNoError) {
  Interned cache;
  Fill(cache, 100);
  const Counts before = cache.counts();
  ASSERT_EQ(cache.Reserve({}), absl::OkStatus());
  ASSERT_EQ(cache.Reserve({.outers = 1, .entries = 1, .distinct_strings = 1}), absl::OkStatus());
  EXPECT_EQ(cache.counts(), before);
}

TEST(InternedMap, TheSameReservationAgainTakesNoMoreMemory) {
  Interned cache;
  const Reservation expected = {
      .outers = 10, .entries = 100, .distinct_strings = 1000, .distinct_string_bytes = 1 << 20};
  ASSERT_EQ(cache.Reserve(expected), absl::OkStatus());
  const std::uint64_t once = Allocated(cache);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(cache.Reserve(expected), absl::OkStatus());
  EXPECT_EQ(Allocated(cache), once);
}

TEST(InternedMap, AReservationBeyondAllMemoryIsRefusedAndChangesNothing) {
  Interned cache;
  Fill(cache, 10);
  const Counts before = cache.counts();
  const std::uint64_t allocated = Allocated(cache);
  constexpr std::size_t kAbsurd = std::size_t{1} << 60;
  for (const Reservation& absurd :
       {Reservation{.outers = kAbsurd}, Reservation{.distinct_strings = kAbsurd},
        Reservation{.distinct_string_bytes = kAbsurd}, Reservation{.outers = ~std::size_t{0}}}) {
    EXPECT_TRUE(absl::IsResourceExhausted(cache.Reserve(absurd)));
    EXPECT_EQ(cache.counts(), before);
    EXPECT_EQ(Allocated(cache), allocated);
  }
}

TEST(InternedMap, TwoOfThemKeepTheirBooksApart) {
  Interned first;
  const Interned second;
  const std::uint64_t when_new = Allocated(second);
  Fill(first, 1000);
  EXPECT_EQ(Allocated(second), when_new);
  EXPECT_EQ(BreachOfLaw(second.MeasureFootprint(), second.memory()), std::nullopt);
}

TEST(InternedMap, TheRunningTotalsOnlyGrow) {
  Interned cache;
  DoorTotals last = cache.memory();
  for (int round = 0; round < 20; ++round) {
    if (round % 3 == 2) {
      cache.Clear();
    } else {
      Fill(cache, 50, round);
    }
    const DoorTotals now = cache.memory();
    EXPECT_GE(now.total_allocated_bytes, last.total_allocated_bytes);
    EXPECT_GE(now.allocations, last.allocations);
    EXPECT_GE(now.frees, last.frees);
    EXPECT_GE(now.allocations, now.frees);
    last = now;
  }
}

}  // namespace
}  // namespace strata
