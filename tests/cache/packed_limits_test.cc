// The packed layout without memory: every request failing in turn, a ceiling, and what guards hold
// back. After a write that failed the map is what it was, to the last pair.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cache/packed/packed_map.h"
#include "gtest/gtest.h"

namespace strata::packed {
namespace {

using Record = std::vector<std::pair<std::string, std::string>>;
using Content = std::map<std::pair<std::string, std::string>, std::vector<Record>>;

std::string Long(char letter, std::size_t size) { return std::string(size, letter); }

// Everything the map holds, read through an enumeration.
Content ReadAll(const PackedMap& map) {
  Content content;
  ReadPin pin = WriterPin();
  char scratch[2][kNumberScratchBytes];
  std::vector<PackedMap::OuterItem> outers;
  std::uint64_t from = 0;
  do {
    from = map.NextOuters(from, &outers, pin);
    for (const PackedMap::OuterItem& outer : outers) {
      const std::string key(map.OuterKey(outer.location));
      content[{key, "(outer)"}] = {};
      std::vector<PackedMap::EntryItem> entries;
      std::uint64_t next = 0;
      do {
        next = map.NextEntries(key, {}, next, &entries, pin);
        for (const PackedMap::EntryItem& entry : entries) {
          std::vector<Record>& list =
              content[{key, std::string(map.Text(entry.inner, scratch[0], pin))}];
          const StoredList stored = ReadList(entry.found.list);
          const std::uint8_t* at = stored.records;
          for (std::size_t i = 0; i < stored.count; ++i) {
            Record& record = list.emplace_back();
            ReadRecord(at, map.shapes()).ForEach([&](const Token& key_token, const Token& value) {
              record.emplace_back(map.strings().Text(key_token, scratch[0], pin),
                                  map.strings().Text(value, scratch[1], pin));
              return true;
            });
            at = SkipRecord(at, map.shapes());
          }
        }
      } while (next != 0);
    }
  } while (from != 0);
  return content;
}

std::vector<Pair> PairsOf(std::size_t record) {
  static const std::string kOften = Long('o', 40);
  static const std::string kSeldom[] = {Long('a', 30), Long('b', 31), Long('c', 32)};
  return {{"name", kOften}, {"place", kSeldom[record % 3]}, {"number", "12345"}};
}

Records ListOf(std::size_t records) {
  Records list;
  for (std::size_t i = 0; i < records; ++i) list.Add(PairsOf(i));
  return list;
}

// A map with small outers and a large one, shapes, dictionary strings and a list that grows.
void Fill(PackedMap& map) {
  for (std::size_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(map.Put("large", std::to_string(i), ListOf(1 + i % 5)).ok());
    ASSERT_TRUE(map.Put("small" + std::to_string(i % 7), std::to_string(i), ListOf(2)).ok());
  }
  for (std::size_t i = 0; i < 30; ++i) {
    ASSERT_TRUE(map.Append("large", "grows", PairsOf(i)).ok());
  }
}

// Runs `write` with the first request failing, then the second, and so on until it gets through;
// how often it failed.
std::size_t FailInTurn(const std::function<absl::Status(PackedMap&)>& write) {
  std::size_t failures = 0;
  for (std::uint64_t granted = 0; granted < 2000; ++granted) {
    PackedMap map({.seed = 7});
    Fill(map);
    const Content before = ReadAll(map);
    const Counts counts = map.counts();
    map.door_for_tests().FailAfter(granted);
    const absl::Status status = write(map);
    map.door_for_tests().FailAfter(MemoryDoor::kNoLimit);
    EXPECT_TRUE(map.Validate().ok()) << map.Validate() << " after " << granted << " requests";
    if (status.ok()) return failures;
    ++failures;
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_EQ(ReadAll(map), before) << "after " << granted << " requests";
    EXPECT_EQ(map.counts(), counts);
    // And it is not worse off for it.
    EXPECT_TRUE(write(map).ok());
    EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  }
  ADD_FAILURE() << "never got through";
  return failures;
}

TEST(PackedLimits, APutOfANewOuterThatFailsAnywhereChangesNothing) {
  EXPECT_GE(FailInTurn([](PackedMap& map) { return map.Put("new", "inner", ListOf(500)); }), 2u);
}

TEST(PackedLimits, APutThatMakesATableAndFailsAnywhereChangesNothing) {
  EXPECT_GE(FailInTurn([](PackedMap& map) { return map.Put("small1", "new", ListOf(300)); }), 3u);
}

TEST(PackedLimits, APutOfNewStringsThatFailsAnywhereChangesNothing) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 600; ++i) texts.push_back("text " + std::to_string(i / 2));
  EXPECT_GE(FailInTurn([&](PackedMap& map) {
              Records list;
              for (const std::string& text : texts) {
                const Pair pairs[] = {{"k", text}, {text, "v"}};
                list.Add(pairs);
              }
              return map.Put("large", "3", list);
            }),
            5u);
}

TEST(PackedLimits, APutOfALargeBlobThatFailsAnywhereChangesNothing) {
  const std::string large = Long('x', 3 << 20);
  EXPECT_GE(FailInTurn([&](PackedMap& map) {
              Records list;
              const Pair pairs[] = {{"k", large}};
              list.Add(pairs);
              return map.Put("large", "2", list);
            }),
            2u);
}

// Of large texts beside small ones, some of them met before; sizes about those that are left out.
TEST(PackedLimits, APutOfLargeTextsThatFailsAnywhereChangesNothing) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 12; ++i) {
    texts.push_back(Long(static_cast<char>('a' + i % 8), StringCoder::kLeaveOutBytes - 2 + i));
  }
  Records list;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<Pair> pairs = PairsOf(i);
    for (std::size_t j = 0; j < i % 4; ++j) pairs.push_back({j == 0 ? "1" : "2", texts[i - j]});
    list.Add(pairs);
  }
  EXPECT_GE(FailInTurn([&](PackedMap& map) { return map.Put("large", "2", list); }), 3u);
  PackedMap map({.seed = 7});
  ASSERT_TRUE(map.Put("a", "x", list).ok());
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  const std::vector<Record> stored = ReadAll(map).at({"a", "x"});
  ASSERT_EQ(stored.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Record record;
    std::vector<Pair> scratch;
    for (const Pair& pair : UniqueKeys(list.view()[i], &scratch)) {
      record.emplace_back(pair.key, pair.value);
    }
    EXPECT_EQ(stored[i], record) << i;
  }
}

// They go into the log from where they are: a list that is put takes its memory once.
TEST(PackedLimits, AListOfLargeTextsNeedsRoomForItselfAlone) {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 20; ++i) {
    texts.push_back(Long(static_cast<char>('a' + i), 2 * kMiB));
  }
  Records list;
  for (const std::string& text : texts) {
    const Pair pairs[] = {{"k", text}};
    list.Add(pairs);
  }
  PackedMap map({.seed = 7, .memory_limit_bytes = 48 * kMiB});
  const absl::Status put = map.Put("a", "x", list);
  EXPECT_TRUE(put.ok()) << put;
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedLimits, AnAppendOrEditThatFailsAnywhereChangesNothing) {
  const std::string large = Long('y', 300 << 10);
  const Pair pairs[] = {{"other", large}};
  EXPECT_GE(FailInTurn([&](PackedMap& map) { return map.Append("large", "grows", pairs); }), 1u);
  const Records part = {{{"other", large}}, {{"k", "v"}}, {{"k", "w"}, {"l", "x"}}};
  EXPECT_GE(FailInTurn([&](PackedMap& map) { return map.AppendRecords("large", "grows", part); }),
            1u);
  EXPECT_GE(FailInTurn([&](PackedMap& map) { return map.AppendRecords("large", "new", part, 3); }),
            1u);
  EXPECT_GE(FailInTurn([&](PackedMap& map) { return map.UpdateRecord("large", "4", 2, pairs); }),
            1u);
  EXPECT_GE(FailInTurn([&](PackedMap& map) { return map.InsertRecord("small2", "2", 1, pairs); }),
            1u);
  FailInTurn([&](PackedMap& map) { return map.RemoveRecord("large", "grows", 3); });
  FailInTurn([&](PackedMap& map) { return map.PutOuter("another"); });
}

TEST(PackedLimits, DeletingNeverFails) {
  PackedMap map({.seed = 7});
  Fill(map);
  Content expected = ReadAll(map);
  map.door_for_tests().FailAfter(0);
  for (std::size_t i = 0; i < 40; i += 2) {
    const std::string inner = std::to_string(i);
    const std::string outer = "small" + std::to_string(i % 7);
    EXPECT_TRUE(map.Delete(outer, inner));
    EXPECT_FALSE(map.Delete(outer, inner));
    expected.erase({outer, inner});
    EXPECT_TRUE(map.Delete("large", inner));
    expected.erase({"large", inner});
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  }
  EXPECT_EQ(ReadAll(map), expected);
  EXPECT_TRUE(map.DeleteOuter("large"));
  std::erase_if(expected, [](const auto& entry) { return entry.first.first == "large"; });
  EXPECT_EQ(ReadAll(map), expected);
  // What stayed for want of memory goes with the next write of its outer, and with cleaning.
  map.door_for_tests().FailAfter(MemoryDoor::kNoLimit);
  EXPECT_TRUE(map.Put("small1", "new", ListOf(1)).ok());
  expected[{"small1", "new"}] = {
      {{"name", Long('o', 40)}, {"place", Long('a', 30)}, {"number", "12345"}}};
  EXPECT_EQ(ReadAll(map), expected);
  map.door_for_tests().FailAfter(0);
  map.Clear();
  map.door_for_tests().FailAfter(MemoryDoor::kNoLimit);
  EXPECT_EQ(map.counts(), Counts{});
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

constexpr std::uint64_t kLimit = std::uint64_t{8} << 20;

std::string ValueOf(std::size_t number, std::size_t turn) {
  return std::to_string(turn) + " of " + std::to_string(number) + Long('v', 300);
}

absl::Status PutNumbered(PackedMap& map, std::size_t number, std::size_t turn) {
  const std::string value = ValueOf(number, turn);
  Records list;
  const Pair pairs[] = {{"key", value}};
  list.Add(pairs);
  return map.Put("outer", std::to_string(number), list);
}

// Puts until one does not fit; how many did.
std::size_t FillUp(PackedMap& map, absl::Status* last) {
  for (std::size_t i = 0;; ++i) {
    *last = PutNumbered(map, i, 0);
    EXPECT_LE(map.door().allocated_bytes(), kLimit);
    if (!last->ok()) return i;
  }
}

TEST(PackedLimits, WhatIsDeletedAtTheLimitMakesRoomForAsMuch) {
  for (const bool clean_on_write : {true, false}) {
    PackedMap map({.seed = 7, .memory_limit_bytes = 8 << 20, .clean_on_write = clean_on_write});
    const auto put = [&](std::size_t i, char letter) {
      // Small outers: their entries lie in them.
      const std::string value = std::to_string(i * 7919) + Long(letter, 30);
      return map.Put("outer" + std::to_string(i / 8), "inner" + std::to_string(i % 8),
                     Records{{{"k", value}}});
    };
    std::size_t fitted = 0;
    while (put(fitted, 'a').ok()) ++fitted;
    ASSERT_GT(fitted, 10000u);
    for (std::size_t i = 0; i < fitted; ++i) {
      ASSERT_TRUE(map.Delete("outer" + std::to_string(i / 8), "inner" + std::to_string(i % 8)));
    }
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
    EXPECT_EQ(map.MeasureFootprint().total_bytes(), map.door().allocated_bytes());
    while (map.Maintain(std::size_t{1} << 20)) {
    }
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
    std::size_t again = 0;
    while (again < fitted && put(again, 'b').ok()) ++again;
    EXPECT_GT(again, fitted / 10 * 9) << "of " << fitted;
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  }
}

TEST(PackedLimits, HoldsNoMoreThanItsLimitAndSaysSo) {
  PackedMap map({.seed = 7, .memory_limit_bytes = kLimit});
  absl::Status last;
  const std::size_t fitted = FillUp(map, &last);
  EXPECT_EQ(last.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(last.message().find(std::to_string(kLimit)), absl::string_view::npos) << last;
  EXPECT_EQ(last.message().find("guard"), absl::string_view::npos) << last;
  // All but the cleaner's share and what is not content is content.
  EXPECT_GE(fitted * 300, kLimit * 8 / 10);
  EXPECT_EQ(map.counts().entries, fitted);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  // With a tenth deleted, overwriting goes on for ever: the cleaner makes room.
  const std::size_t kept = fitted * 9 / 10;
  for (std::size_t i = kept; i < fitted; ++i) ASSERT_TRUE(map.Delete("outer", std::to_string(i)));
  for (std::size_t turn = 1; turn < 4; ++turn) {
    for (std::size_t i = 0; i < kept; ++i) {
      ASSERT_TRUE(PutNumbered(map, i, turn).ok()) << turn << " " << i;
      ASSERT_LE(map.door().allocated_bytes(), kLimit);
    }
  }
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedLimits, NamesTheOldestGuardWhereGuardsHoldTheMemory) {
  PackedMap map({.seed = 7, .memory_limit_bytes = kLimit});
  for (std::size_t i = 0; i < 14000; ++i) ASSERT_TRUE(PutNumbered(map, i, 0).ok()) << i;
  ReadPin guard;
  map.eras().Enter(&guard);
  const std::uint8_t* const list = map.Find("outer", "77", guard).list;
  absl::Status status;
  for (std::size_t turn = 1; turn < 4 && status.ok(); ++turn) {
    for (std::size_t i = 0; i < 14000 && status.ok(); ++i) status = PutNumbered(map, i, turn);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("guard"), absl::string_view::npos) << status;
  EXPECT_LE(map.door().allocated_bytes(), kLimit);
  EXPECT_TRUE(map.Delete("outer", "5"));
  // The guard's view is what it was.
  char scratch[kNumberScratchBytes];
  std::string value;
  ReadRecord(ReadList(list).records, map.shapes()).ForEach([&](const Token&, const Token& token) {
    value = ReadWhole(guard, [&] { return map.strings().Text(token, scratch, guard); });
    return true;
  });
  EXPECT_EQ(value, ValueOf(77, 0));
  map.eras().Leave(&guard);
  for (std::size_t i = 0; i < 14000; ++i) ASSERT_TRUE(PutNumbered(map, i, 9).ok()) << i;
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

// Three times the same text of its own: it is in the dictionary, and stays there.
absl::Status PutShared(PackedMap& map, std::size_t number, std::size_t turn) {
  const std::string text = ValueOf(number, turn);
  return map.Put("outer", std::to_string(number), Records{{{"a", text}, {"b", text}, {"c", text}}});
}

TEST(PackedLimits, StringsKeptForAGuardAreRetainedAndTheGuardIsNamed) {
  constexpr std::size_t kEntries = 8000;
  PackedMap map({.seed = 7, .memory_limit_bytes = kLimit});
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(PutShared(map, i, 0).ok()) << i;
  ReadPin guard;
  map.eras().Enter(&guard);
  ASSERT_NE(map.Find("outer", "77", guard).list, nullptr);
  EXPECT_EQ(map.Stats().retained_bytes, map.MeasureFootprint().Find("retained")->total_bytes());
  absl::Status status;
  for (std::size_t i = 0; i < kEntries && status.ok(); ++i) status = PutShared(map, i, 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("guard"), absl::string_view::npos) << status;
  const Footprint full = map.MeasureFootprint();
  EXPECT_GE(map.Stats().retained_bytes, kLimit / 8);
  EXPECT_EQ(map.Stats().retained_bytes, full.Find("retained")->total_bytes());
  EXPECT_EQ(full.total_bytes(), map.door().allocated_bytes());
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  map.eras().Leave(&guard);
  const Footprint freed = map.MeasureFootprint();
  EXPECT_EQ(freed.total_bytes(), map.door().allocated_bytes());
  EXPECT_EQ(map.Stats().retained_bytes, freed.Find("retained")->total_bytes());
  // The strings are dead now, and the segments that were retired not yet looked at.
  EXPECT_GE(full.Find("retained")->total_bytes(),
            freed.Find("retained")->total_bytes() + kLimit / 16);
  EXPECT_GE(freed.Find("log/dead")->total_bytes(),
            full.Find("log/dead")->total_bytes() + kLimit / 16);
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(PutShared(map, i, 9).ok()) << i;
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedLimits, AGuardThatKeepsTooLittleBackIsNotNamed) {
  PackedMap map({.seed = 7, .memory_limit_bytes = kLimit});
  absl::Status last;
  const std::size_t fitted = FillUp(map, &last);
  ReadPin guard;
  map.eras().Enter(&guard);
  ASSERT_NE(map.Find("outer", "777", guard).list, nullptr);
  // Some of these have the index grow, and retire a shard, before they find no room.
  std::size_t failed = 0;
  for (std::size_t i = fitted; i < fitted + 1000; ++i) {
    const absl::Status status = PutNumbered(map, i, 0);
    if (status.ok()) continue;
    ++failed;
    ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    ASSERT_EQ(status.message().find("guard"), absl::string_view::npos) << status;
  }
  EXPECT_GT(failed, 0u);
  map.eras().Leave(&guard);
}

TEST(PackedLimits, AppendsToALongListCopyItSeldomAndItEndsAsCompactAsPut) {
  PackedMap grown({.seed = 7});
  PackedMap put({.seed = 7});
  Records list;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 20000; ++i) texts.push_back("text " + std::to_string(i));
  for (const std::string& text : texts) {
    const Pair pairs[] = {{"key", text}};
    list.Add(pairs);
    ASSERT_TRUE(grown.Append("outer", "inner", pairs).ok());
  }
  ASSERT_TRUE(put.Put("outer", "inner", list).ok());
  // Bytes handed out since the beginning bound the bytes written: a copy a write would be
  // gigabytes.
  EXPECT_LE(grown.door().totals().total_allocated_bytes, std::uint64_t{40} << 20);
  EXPECT_TRUE(grown.Validate().ok()) << grown.Validate();
  EXPECT_EQ(ReadAll(grown), ReadAll(put));
  for (PackedMap* const map : {&grown, &put}) {
    ASSERT_TRUE(map->Put("other", "inner", {}).ok());
    while (map->Maintain(std::size_t{1} << 20)) {
    }
  }
  const std::uint64_t put_bytes = put.MeasureFootprint().Find("log/blobs")->total_bytes();
  EXPECT_LE(grown.MeasureFootprint().Find("log/blobs")->total_bytes(), put_bytes + put_bytes / 100);
}

}  // namespace
}  // namespace strata::packed
