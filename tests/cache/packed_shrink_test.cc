// The dictionary's table of numbers when most strings are gone: strings that are left get numbers
// of their own below a limit, and the table ends behind the last. Whoever reads meanwhile reads on,
// and what finds no memory leaves everything as it was.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "cache/packed/packed_map.h"
#include "gtest/gtest.h"
#include "tests/cache/maintain.h"

namespace strata::packed {
namespace {

constexpr std::size_t kEntries = 12000;
constexpr std::size_t kKept = 600;

std::string Inner(std::size_t entry) { return "inner " + std::to_string(entry); }
// A string that two entries have, so that it lies in the dictionary.
std::string Shared(std::size_t entry) {
  return "a text that two entries have, number " + std::to_string(entry / 2);
}

// The kept ones are spread over all there are, and so are their strings' numbers.
bool IsKept(std::size_t entry) { return entry / 2 % (kEntries / kKept) == 0; }

void Fill(PackedMap& map, std::size_t entries = kEntries) {
  for (std::size_t entry = 0; entry < entries; ++entry) {
    const std::string text = Shared(entry);
    const Pair pairs[] = {{"key", text}};
    Records list;
    list.Add(pairs);
    ASSERT_TRUE(map.Put("outer", Inner(entry), list).ok());
  }
}

void DeleteMost(PackedMap& map, std::size_t entries = kEntries) {
  for (std::size_t entry = 0; entry < entries; ++entry) {
    if (!IsKept(entry)) {
      ASSERT_TRUE(map.Delete("outer", Inner(entry)));
    }
  }
}

std::string ValueOf(const PackedMap& map, const PackedMap::FoundList& found, ReadPin& pin) {
  std::string text;
  char scratch[kNumberScratchBytes];
  ReadRecord(ReadList(found.list).records, map.shapes())
      .ForEach([&](const Token&, const Token& value) {
        text = ReadWhole(pin, [&] { return map.strings().Text(value, scratch, pin); });
        return true;
      });
  return text;
}

void ExpectContent(const PackedMap& map, std::size_t entries = kEntries) {
  ReadPin pin = WriterPin();
  for (std::size_t entry = 0; entry < entries; ++entry) {
    const PackedMap::FoundList found = map.Find("outer", Inner(entry), pin);
    ASSERT_EQ(found.list != nullptr, IsKept(entry)) << entry;
    if (found.list != nullptr) {
      ASSERT_EQ(ValueOf(map, found, pin), Shared(entry));
    }
  }
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

std::uint64_t TableBytes(const PackedMap& map) {
  return map.MeasureFootprint().Find("dictionary/table")->total_bytes();
}

TEST(PackedShrink, EndsTheTableOfNumbersWhereTheStringsThatAreLeftNeedIt) {
  PackedMap map({.seed = 1, .clean_on_write = false});
  Fill(map);
  MaintainToIdle(map, std::size_t{64} << 10);
  const std::uint64_t before = TableBytes(map);
  DeleteMost(map);
  EXPECT_EQ(TableBytes(map), before);  // nobody has cleaned
  MaintainToIdle(map, std::size_t{64} << 10);
  EXPECT_LE(TableBytes(map), before / 2);
  ExpectContent(map);
}

TEST(PackedShrink, WritesAloneShortenATableThatIsMuchOfTheCache) {
  constexpr std::size_t kMany = 6 * kEntries;  // beside which the segments being filled are few
  PackedMap map({.seed = 1});
  Fill(map, kMany);
  MaintainToIdle(map, std::size_t{64} << 10);
  const std::uint64_t before = TableBytes(map);
  DeleteMost(map, kMany);
  // Another outer is written to, with texts that are met once and stay out of the dictionary.
  for (std::size_t write = 0; write < 8 * kEntries && TableBytes(map) > before / 2; ++write) {
    const std::string text = "met this one time " + std::to_string(write);
    const Pair pairs[] = {{"key", text}};
    Records list;
    list.Add(pairs);
    ASSERT_TRUE(map.Put("other", Inner(write % 1000), list).ok());
  }
  EXPECT_LE(TableBytes(map), before / 2);
  ExpectContent(map, kMany);
}

// Writes begin to shorten the table while most is still to be deleted, and do not come far.
TEST(PackedShrink, MaintainEndsWhatWritesLeftUndone) {
  constexpr std::size_t kMany = 20 * kEntries;
  const auto fill = [](PackedMap& map, bool all) {
    for (std::size_t entry = 0; entry < kMany; ++entry) {
      if (!all && entry % 20 >= 2) continue;
      const std::string text = Shared(entry);
      const Pair pairs[] = {{"key", text}};
      Records list;
      list.Add(pairs);
      ASSERT_TRUE(map.Put("outer", Inner(entry), list).ok());
    }
  };
  PackedMap map({.seed = 1});
  fill(map, true);
  std::vector<std::size_t> dying;
  for (std::size_t entry = 0; entry < kMany; ++entry) {
    if (entry % 20 >= 2) dying.push_back(entry);
  }
  std::shuffle(dying.begin(), dying.end(), std::mt19937(7));
  for (const std::size_t entry : dying) ASSERT_TRUE(map.Delete("outer", Inner(entry)));
  MaintainToIdle(map, std::size_t{64} << 10);
  PackedMap fresh({.seed = 1});
  fill(fresh, false);
  MaintainToIdle(fresh, std::size_t{64} << 10);
  EXPECT_LE(map.door().allocated_bytes(),
            1.1 * static_cast<double>(fresh.door().allocated_bytes()));
  EXPECT_LE(TableBytes(map), 3 * TableBytes(fresh));
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedShrink, GivesNumbersThatAreFreeAgainToNewStrings) {
  PackedMap map({.seed = 1});
  Fill(map);
  DeleteMost(map);
  MaintainToIdle(map, std::size_t{64} << 10);
  const std::uint64_t shrunk = TableBytes(map);
  for (int turn = 0; turn < 3; ++turn) {
    Fill(map);
    DeleteMost(map);
    MaintainToIdle(map, std::size_t{64} << 10);
    EXPECT_EQ(TableBytes(map), shrunk) << turn;
    ExpectContent(map);
  }
}

TEST(PackedShrink, WritesBetweenItsStepsKeepAllTheyWrite) {
  PackedMap map({.seed = 1});
  Fill(map);
  DeleteMost(map);
  // A little at a time, and in between what was deleted comes back and goes.
  std::size_t turn = 0;
  while (map.Maintain(4096)) {
    const std::size_t entry = turn++ % kEntries;
    const std::string text = Shared(entry);
    const Pair pairs[] = {{"key", text}};
    Records list;
    list.Add(pairs);
    ASSERT_TRUE(map.Put("outer", Inner(entry), list).ok());
    if (!IsKept(entry)) {
      ASSERT_TRUE(map.Delete("outer", Inner(entry)));
    }
  }
  EXPECT_GT(turn, 10u);
  ExpectContent(map);
}

TEST(PackedShrink, KeepsWhatAGuardSawAndEndsTheTableWhenItIsGone) {
  PackedMap map({.seed = 1});
  Fill(map);
  MaintainToIdle(map, std::size_t{64} << 10);
  const std::uint64_t before = TableBytes(map);
  ReadPin pin;
  map.eras().Enter(&pin);
  std::vector<PackedMap::FoundList> seen;
  for (std::size_t entry = 0; entry < kEntries; ++entry) {
    seen.push_back(map.Find("outer", Inner(entry), pin));
  }
  DeleteMost(map);
  MaintainToIdle(map, std::size_t{64} << 10);
  for (std::size_t entry = 0; entry < kEntries; ++entry) {
    ASSERT_EQ(ValueOf(map, seen[entry], pin), Shared(entry));
  }
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  map.eras().Leave(&pin);
  MaintainToIdle(map, std::size_t{64} << 10);
  EXPECT_LE(TableBytes(map), before / 2);
  ExpectContent(map);
}

TEST(PackedShrink, LosesNothingWhicheverRequestOfItFails) {
  // How many there are is not known beforehand; each is let fail, then every seventh, and so on.
  std::uint64_t granted = 0;
  std::uint64_t step = 1;
  while (true) {
    PackedMap map({.seed = 1});
    Fill(map);
    DeleteMost(map);
    map.door_for_tests().FailAfter(granted);
    MaintainToIdle(map, std::size_t{64} << 10);
    const bool failed = map.door_for_tests().granted_left() == 0;
    map.door_for_tests().FailAfter(MemoryDoor::kNoLimit);
    ASSERT_NO_FATAL_FAILURE(ExpectContent(map)) << granted;
    MaintainToIdle(map, std::size_t{64} << 10);
    ASSERT_NO_FATAL_FAILURE(ExpectContent(map)) << granted;
    if (!failed) break;
    if (granted > 16) step = 7;
    granted += step;
  }
  EXPECT_GT(granted, 16u);
}

}  // namespace
}  // namespace strata::packed
