// Lists that grow, one record after another: each record is where its index says, costs no more
// than it must, and what the writing took beside the content is given back.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <strata/cache.h>

#include "cache/packed/eras.h"
#include "cache/packed/packed_map.h"
#include "cache/packed/segment_store.h"
#include "gtest/gtest.h"
#include "tests/cache/maintain.h"

namespace strata::packed {
namespace {

TEST(PackedAppend, FindsEachRecordByItsIndexWhileTheListGrows) {
  Cache cache = *Cache::Create();
  std::vector<std::string> values;
  for (std::size_t i = 0; i < 3000; ++i) {
    values.push_back(std::to_string(i) + std::string(i * 7919 % 61, 'v'));
    const Pair pairs[] = {{"key", values.back()}, {"other", "x"}};
    ASSERT_TRUE(cache.Append("outer", "inner", pairs).ok());
    if (i % 97 != 0 && i + 1 != 3000) continue;
    const ReadGuard guard(cache);
    ASSERT_EQ(guard.Get("outer", "inner").record_count(), values.size());
    for (std::size_t at = 0; at < values.size(); ++at) {
      const PairCursor pair = guard.Find("outer", "inner", at, "key");
      ASSERT_TRUE(pair.valid()) << at << " of " << values.size();
      ASSERT_EQ(pair.value(), values[at]) << at << " of " << values.size();
    }
    ASSERT_TRUE(cache.Validate().ok()) << cache.Validate();
  }
}

TEST(PackedAppend, FindsEachRecordWhateverPartsAndHintsTheListCameWith) {
  for (const double times : {0.0, 0.5, 1.0, 1.3, 40.0, 1e9}) {
    Cache cache = *Cache::Create({.memory_limit_bytes = std::size_t{64} << 20});
    std::vector<std::string> values;
    for (std::size_t part = 0; part < 150; ++part) {
      const std::size_t begin = values.size();
      const std::size_t end = begin + part * 7919 % 41;
      Records records;
      while (values.size() < end) {
        const std::size_t i = values.size();
        values.push_back(std::to_string(i) + std::string(i % 100 == 7 ? 5000 : i % 61, 'v'));
      }
      for (std::size_t i = begin; i < end; ++i) {
        const Pair pairs[] = {{"key", values[i]}, {"other", "x"}};
        records.Add(pairs);
      }
      ASSERT_TRUE(cache.AppendRecords("outer", "inner", records, times).ok());
      const ReadGuard guard(cache);
      ASSERT_EQ(guard.Get("outer", "inner").record_count(), end);
      for (std::size_t at = part % 10 == 0 ? 0 : begin; at < end; ++at) {
        const PairCursor pair = guard.Find("outer", "inner", at, "key");
        ASSERT_TRUE(pair.valid()) << at << " of " << end;
        ASSERT_EQ(pair.value(), values[at]) << at << " of " << end;
      }
    }
    EXPECT_EQ(cache.counts().records, values.size());
    EXPECT_EQ(cache.counts().pairs, 2 * values.size());
    ASSERT_TRUE(cache.Validate().ok()) << cache.Validate();
  }
}

// What was copied for want of room would have been moved in the log.
TEST(PackedAppend, AListWhoseLengthIsKnownIsCopiedOnceAndKeepsLittleRoom) {
  PackedMap map({.seed = 7, .clean_on_write = false});
  const auto part = [](std::size_t number, std::vector<std::string>* texts) {
    Records records;
    for (std::size_t i = 0; i < 1000; ++i) {
      texts->push_back("met once: " + std::to_string((number * 1000 + i) * 7919 + 100'000'000));
    }
    for (const std::string& text : *texts) records.Add(std::vector<Pair>{{"key", text}});
    return records;
  };
  std::vector<std::string> texts;
  ASSERT_TRUE(map.Put("outer", "inner", part(0, &texts)).ok());
  constexpr std::size_t kParts = 100;
  for (std::size_t given = 1; given < kParts; ++given) {
    texts.clear();
    const double times = static_cast<double>(kParts) / static_cast<double>(given);
    ASSERT_TRUE(map.AppendRecords("outer", "inner", part(given, &texts), times).ok());
  }
  EXPECT_GT(map.Stats().utilisation, 0.93);
  const std::uint64_t before = map.door().allocated_bytes();
  while (map.Maintain(std::size_t{1} << 20)) {
  }
  EXPECT_LT(map.Stats().cleaned_bytes, 100u);
  EXPECT_LE(map.door().allocated_bytes(), before);
}

// A list of so many records of a kilobyte, of which `times` as many were to come.
absl::Status PutWithRoom(PackedMap* map, const std::string& inner, std::size_t records,
                         double times) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < records; ++i) {
    texts.push_back(inner + " " + std::to_string(i) + std::string(1000, 'v'));
  }
  Records list;
  for (const std::string& text : texts) list.Add(std::vector<Pair>{{"key", text}});
  if (absl::Status put = map->Put("outer", inner, list); !put.ok()) return put;
  return map->AppendRecords("outer", inner, Records{{{"key", "last"}}}, times);
}

TEST(PackedAppend, ALongListIsNotCopiedForRoomThatIsNotFilled) {
  PackedMap map({.seed = 7});
  ASSERT_TRUE(PutWithRoom(&map, "long", 20'000, 3).ok());
  ASSERT_TRUE(PutWithRoom(&map, "short", 2'000, 3).ok());
  MaintainToIdle(map);
  EXPECT_GT(map.Stats().cleaned_bytes, 2'000'000u);
  EXPECT_LT(map.Stats().cleaned_bytes, 4'000'000u);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

// A limit of 128 MiB comes with 1.5 GiB of addresses.
TEST(PackedAppend, RoomThatIsNotFilledGivesItsAddressesBackWhereTheyAreWanted) {
  for (const bool maintained : {false, true}) {
    PackedMap map({.seed = 7, .memory_limit_bytes = std::size_t{128} << 20});
    for (int i = 0; i < 20; ++i) {
      const absl::Status put = PutWithRoom(&map, "list " + std::to_string(i), 1'000, 340);
      ASSERT_TRUE(put.ok()) << i << put;
    }
    ASSERT_TRUE(PutWithRoom(&map, "long", 17'000, 1000).ok());
    if (maintained) MaintainToIdle(map);
    for (int i = 0; i < 16; ++i) {
      const std::string large(std::size_t{3} << 20, static_cast<char>('a' + i));
      const Records list = {{{"key", large}}};
      const absl::Status put = map.Put("other", std::to_string(i), list);
      ASSERT_TRUE(put.ok()) << i << put;
    }
    EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  }
}

// Of a long list the pages that are full are huge ones, though its room has none.
TEST(PackedAppend, RoomWithoutPagesKeepsNoOthersFromBeingUnited) {
  MemoryDoor door;
  Eras eras(&door);
  SegmentStore log(&door, &eras);
  constexpr std::size_t kBytes = 8 * MemoryDoor::kHugePageBytes;
  Location location = kNowhere;
  std::uint8_t* const blob = log.Append(SegmentStore::Head::kWrite, BlobKind::kEntry, kBytes,
                                        &location, {kBytes / 2, kBytes / 8});
  ASSERT_NE(blob, nullptr);
  EXPECT_EQ(log.untaken_bytes(), kBytes / 8 - SegmentStore::kStepBytes);
  std::memset(blob, 1, kBytes / 2);
  std::memset(blob + kBytes / 8 * 5, 1, kBytes / 8 * 3);
  std::size_t united = 0;
  while (log.UniteOne()) ++united;
  EXPECT_TRUE(united == 0 || united == 6) << united;  // 0: the kernel has none
  EXPECT_EQ(log.Fault(), nullptr);
  EXPECT_EQ(door.allocated_bytes(kSegments), log.taken_bytes());
}

// A hint that is far too high costs addresses and no memory.
TEST(PackedAppend, RoomThatIsNotFilledTakesNoPagesOfALongList) {
  PackedMap map({.seed = 7, .memory_limit_bytes = std::size_t{64} << 20});
  std::size_t records = 0;
  const auto append = [&](std::size_t count, double times) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) {
      texts.push_back("met once: " + std::to_string(records++ * 7919 + 100'000'000));
    }
    Records part;
    for (const std::string& text : texts) part.Add(std::vector<Pair>{{"key", text}});
    return map.AppendRecords("outer", "inner", part, times);
  };
  ASSERT_TRUE(append(20'000, 0).ok());
  const auto in_use = [&] { return map.MeasureFootprint().Find("log/blobs")->total_bytes(); };
  const double each = static_cast<double>(in_use()) / 20'000;
  for (const std::size_t count : {1u, 10u, 500u, 70'000u, 3u}) {
    ASSERT_TRUE(append(count, 50).ok());
    EXPECT_NEAR(static_cast<double>(in_use()), each * static_cast<double>(records), 100'000);
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  }
  EXPECT_GT(map.Stats().utilisation, 0.95);
  EXPECT_NEAR(static_cast<double>(map.LargestOuters(1)->front().exclusive_bytes),
              static_cast<double>(in_use()), 100'000);
  const std::uint64_t before = map.door().allocated_bytes();
  MaintainToIdle(map);
  EXPECT_LE(map.door().allocated_bytes(), before);
  // Another outer, so that what is given back is the list's alone.
  ASSERT_TRUE(map.PutOuter("other").ok());
  ASSERT_TRUE(map.DeleteOuter("outer"));
  MaintainToIdle(map);
  EXPECT_LE(map.door().allocated_bytes(), std::uint64_t{256} << 10);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

// A record that was coded twice would have met its own strings before.
TEST(PackedAppend, CodesARecordOnceAndKeepsAStringMetOnceInline) {
  PackedMap map({.seed = 7});
  for (std::size_t i = 0; i < 5000; ++i) {
    const std::string value = "met once: " + std::to_string(i * 7919);
    const Pair pairs[] = {{"key", value}};
    ASSERT_TRUE(map.Append("outer", "inner", pairs).ok());
  }
  EXPECT_LE(map.MeasureFootprint().Find("dictionary/bytes")->count, 1u);  // "key"
  EXPECT_EQ(map.shapes().size(), 0u);
}

// A shape is made of key lists that come again: in another record.
TEST(PackedAppend, MakesNoShapeOfKeysThatComeOnce) {
  PackedMap map({.seed = 7});
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < 4000; ++i) keys.push_back("key " + std::to_string(i));
  for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
    const Pair pairs[] = {{keys[i], "a"}, {keys[i + 1], "b"}};
    ASSERT_TRUE(map.Append("outer", "inner", pairs).ok());
  }
  EXPECT_EQ(map.shapes().size(), 0u);
}

// A list without room is written anew for a record that is appended, with the record that it had.
TEST(PackedAppend, AListThatIsWrittenAnewNeedsRoomForItselfAndNoCopyBeside) {
  std::vector<std::string> texts;
  for (int i = 0; i < 50'000; ++i) {
    texts.push_back("key" + std::to_string(i));
    texts.push_back(std::to_string(i) + std::string(100, 'v'));
  }
  Records large;
  large.BeginRecord();
  for (std::size_t i = 0; i < texts.size(); i += 2) large.AddPair(texts[i], texts[i + 1]);
  const Pair small[] = {{"key", "small"}};
  // The least limit under which it goes, in MiB.
  std::size_t limit = 0;
  for (std::size_t mib = 6; limit == 0 && mib < 40; ++mib) {
    Cache cache = *Cache::Create({.memory_limit_bytes = mib << 20});
    if (!cache.Put("outer", "inner", large).ok()) continue;
    while (cache.Maintain(std::size_t{1} << 20)) {
    }
    if (!cache.Append("outer", "inner", small).ok()) continue;
    limit = mib;
    const ReadGuard guard(cache);
    ASSERT_EQ(guard.Get("outer", "inner").record_count(), 2u);
    EXPECT_EQ(guard.Find("outer", "inner", 0, "key49999").value(), texts.back());
    EXPECT_EQ(guard.Find("outer", "inner", 1, "key").value(), "small");
    EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
  }
  // The list twice, as it was and as it is. With a copy of the record it was 19.
  EXPECT_GT(limit, 0u);
  EXPECT_LE(limit, 15u);
}

TEST(PackedAppend, MaintainGivesBackWhatItTookToWriteALongListAnew) {
  PackedMap map({.seed = 7});
  for (std::size_t i = 0; i < 50000; ++i) {
    const std::string value = "value " + std::to_string(i);
    const Pair pairs[] = {{"key", value}};
    ASSERT_TRUE(map.Append("outer", "inner", pairs).ok());
  }
  while (map.Maintain(std::size_t{1} << 20)) {
  }
  const auto scratch_bytes = [&] { return map.MeasureFootprint().Find("scratch")->total_bytes(); };
  EXPECT_LE(scratch_bytes(), std::uint64_t{256} << 10);
  map.Clear();
  EXPECT_EQ(scratch_bytes(), 0u);
}

}  // namespace
}  // namespace strata::packed
