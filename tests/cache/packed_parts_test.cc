// The parts of the packed layout, each by its promise: tokens, the sharded index, the log.
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "cache/packed/segment_store.h"
#include "cache/packed/shard_table.h"
#include "cache/packed/stable_array.h"
#include "cache/packed/token.h"
#include "cache/packed/varint.h"
#include "gtest/gtest.h"

namespace strata::packed {
namespace {

TEST(Varint, GivesBackEveryNumberInTheBytesItSays) {
  for (unsigned bits = 0; bits < 64; ++bits) {
    for (const std::uint64_t delta : {std::uint64_t{0}, std::uint64_t{1}}) {
      const std::uint64_t number = (std::uint64_t{1} << bits) - delta;
      std::uint8_t bytes[kMaxVarintBytes];
      const std::uint8_t* const end = WriteVarint(number, bytes);
      EXPECT_EQ(static_cast<std::size_t>(end - bytes), VarintSize(number));
      std::uint64_t read = 0;
      EXPECT_EQ(ReadVarint(bytes, &read), end);
      EXPECT_EQ(read, number);
    }
  }
}

TEST(Varint, IsReadAlikeHoweverManyBytesFollow) {
  for (unsigned bits = 0; bits < 64; ++bits) {
    for (const std::uint64_t delta : {std::uint64_t{0}, std::uint64_t{1}}) {
      const std::uint64_t number = (std::uint64_t{1} << bits) - delta;
      for (const std::uint8_t next : {std::uint8_t{0}, std::uint8_t{0xFF}}) {
        std::uint8_t bytes[kMaxVarintBytes + 8];
        std::fill(std::begin(bytes), std::end(bytes), next);
        const std::uint8_t* const end = WriteVarint(number, bytes);
        for (std::size_t more = 0; more <= 8; ++more) {
          std::uint64_t read = 0;
          EXPECT_EQ(ReadVarintBefore(end + more, bytes, &read), end);
          EXPECT_EQ(read, number);
        }
      }
    }
  }
}

TEST(Token, WritesEveryNumberAsItsDecimals) {
  char scratch[kNumberScratchBytes];
  const auto check = [&](std::uint64_t number) {
    ASSERT_EQ(NumberText(number, scratch), std::to_string(number));
  };
  for (std::uint64_t number = 0; number < 200000; ++number) check(number);
  for (std::uint64_t power = 10; power <= 100000000000000000; power *= 10) {
    for (std::uint64_t step = 0; step < 3; ++step) check(power - 1 + step);
  }
  std::mt19937_64 random(17);
  for (int i = 0; i < 200000; ++i) check(random() % 1000000000000000000 >> (random() % 60));
}

TEST(Token, TakesForANumberOnlyWhatComesBackLetterByLetter) {
  for (const char* const text : {"0", "7", "50000", "999999999999999999"}) {
    const auto number = AsNumber(text);
    ASSERT_TRUE(number.has_value()) << text;
    char scratch[kNumberScratchBytes];
    EXPECT_EQ(NumberText(*number, scratch), text);
  }
  for (const char* const text :
       {"", "00", "01", "-1", "+1", "1.0", " 1", "1 ", "1e3", "1000000000000000000"}) {
    EXPECT_FALSE(AsNumber(text).has_value()) << text;
  }
}

TEST(Token, EachKindIsReadAsItWasWritten) {
  std::vector<std::uint8_t> bytes(1000);
  std::uint8_t* to = WriteNumberToken(123456, bytes.data());
  to = WriteInlineToken(std::string(100, 'x'), to);
  to = WriteInlineToken("", to);
  to = WriteDictionaryToken(std::numeric_limits<StringId>::max(), to);
  Token token;
  const std::uint8_t* at = ReadToken(bytes.data(), &token);
  EXPECT_EQ(token.kind, Token::Kind::kNumber);
  EXPECT_EQ(token.number, 123456u);
  at = ReadToken(at, &token);
  EXPECT_EQ(token.inline_text(), std::string(100, 'x'));
  at = ReadToken(at, &token);
  EXPECT_EQ(token.kind, Token::Kind::kInline);
  EXPECT_EQ(token.number, 0u);
  at = ReadToken(at, &token);
  EXPECT_EQ(token.kind, Token::Kind::kDictionary);
  EXPECT_EQ(token.number, std::numeric_limits<StringId>::max());
  EXPECT_EQ(at, to);
}

// The hash of a number, which is computed from nothing that could be fetched.
struct HashOfNumber {
  static constexpr int kFetchSteps = 1;
  std::uint64_t factor;
  std::uint64_t mask;
  std::uint64_t common = 0;
  void Fetch(std::uint64_t, int) const {}
  std::uint64_t operator()(std::uint64_t payload) const {
    return (payload * factor & mask) | common;
  }
};

// A table of numbers whose hash is a given function of them, beside a plain map.
template <class Slots>
void ChurnTable(std::uint64_t seed, std::uint64_t hash_mask, std::size_t most,
                bool readers = false) {
  MemoryDoor door;
  Eras eras(&door);
  IndexBlocks blocks(&door);
  RetiredBlocks retired(&door, &eras, &blocks);
  const std::uint64_t empty_bytes = door.allocated_bytes();
  TableMemory<kIndex> memory = {.blocks = &blocks};
  if (readers) memory = {.blocks = &blocks, .eras = &eras, .retired = &retired};
  ShardTable<Slots, kIndex> table{};
  ReadPin pin = WriterPin();
  std::map<std::uint64_t, bool> model;
  std::mt19937_64 random(seed);
  const HashOfNumber hash_of = {0x9E3779B97F4A7C15u, hash_mask};
  const auto find = [&](std::uint64_t payload) {
    return table.Find(hash_of(payload), pin, [&](std::uint64_t other) { return other == payload; });
  };
  for (std::size_t step = 0; step < 20000; ++step) {
    if (step % 700 == 0) {
      // All of it moves, a few shards at a time.
      const IndexBlocks::Packing packing(&blocks, step % 1400 == 0);
      std::uint64_t from = 0;
      do {
        std::size_t budget_bytes = 2000;
        ASSERT_TRUE(table.Tidy(memory, hash_of, true, &from, &budget_bytes));
      } while (from != 0);
      ASSERT_EQ(table.Fault(hash_of), nullptr);
      ASSERT_EQ(blocks.Fault(), nullptr);
    }
    const std::uint64_t payload = kFirstPayload + random() % most;
    const bool filling = step / 4000 % 2 == 0;
    if (model.count(payload) == 0) {
      ASSERT_EQ(find(payload), kNoPayload);
      if (!filling && random() % 4 != 0) continue;
      ASSERT_TRUE(table.TryGrow(memory, hash_of(payload), hash_of));
      table.Insert(hash_of(payload), payload);
      model[payload] = true;
    } else {
      ASSERT_EQ(find(payload), payload);
      if (filling && random() % 4 != 0) continue;
      table.Erase(memory, hash_of(payload), payload, hash_of);
      model.erase(payload);
    }
    ASSERT_EQ(table.size(), model.size());
  }
  std::map<std::uint64_t, bool> met;
  std::uint64_t from = 0;
  do {
    from = table.VisitShardOf(from, pin, [&](std::uint64_t payload) { met[payload] = true; });
  } while (from != 0);
  EXPECT_EQ(met, model);
  Layer layer;
  table.AddTo(memory, &layer);
  EXPECT_EQ(readers, !retired.empty());
  eras.Advance();
  retired.FreeUnpinned();
  blocks.AddTo(&layer);
  EXPECT_EQ(layer.total_bytes() + empty_bytes, door.allocated_bytes());
  table.Clear(memory);
  EXPECT_EQ(door.allocated_bytes(), empty_bytes);
}

TEST(ShardTable, HoldsWhatAMapHoldsThroughGrowthSplitsAndErasure) {
  const std::uint64_t all = ~std::uint64_t{0};
  ChurnTable<WideSlots>(1, all, 3000);
  ChurnTable<NarrowSlots>(2, all, 3000);
  ChurnTable<WideSlots>(3, all, 20);
  ChurnTable<WideSlots>(6, all, 3000, true);
}

TEST(ShardTable, HoldsKeysWhoseHashesNearlyCollide) {
  // Tags and places all alike: only the top bits, by which shards split, differ.
  ChurnTable<WideSlots>(4, 0xFFF0000000000000u, 3000);
  ChurnTable<NarrowSlots>(5, 0xFFF0000000000000u, 3000);
}

TEST(ShardTable, RefusesMoreEqualHashesThanAShardHoldsAtABoundedCost) {
  MemoryDoor door;
  IndexBlocks blocks(&door);
  const TableMemory<kIndex> memory = {.blocks = &blocks};
  ShardTable<WideSlots, kIndex> table{};
  const HashOfNumber hash_of = {0, 0, 0x123456789ABCDEF};
  std::uint64_t payload = kFirstPayload;
  while (payload < 10000 && table.TryGrow(memory, hash_of(payload), hash_of)) {
    table.Insert(hash_of(payload), payload);
    ++payload;
  }
  EXPECT_GT(payload, 400u);
  EXPECT_LT(payload, 10000u);
  EXPECT_LT(door.allocated_bytes(), std::uint64_t{1} << 20);
  table.Clear(memory);
}

// Elements that come and go at random, beside a plain list of them: whole pages of free ones are
// given back and taken again, and every byte is told of.
TEST(StableArray, GivesBackPagesOfFreeElementsAndTakesThemAgain) {
  struct Element {
    std::uint64_t value;  // 0: free
    std::uint64_t rest[5];
  };
  MemoryDoor door;
  StableArray<Element, kIndex> array(&door, 1 << 20);
  std::vector<std::uint64_t> model;
  std::mt19937_64 random(5);
  const auto free_present = [&] {
    std::size_t free = 0;
    for (std::size_t i = 0; i < model.size(); ++i) free += model[i] == 0 && !array.IsAbsent(i);
    return free;
  };
  std::size_t most_absent = 0;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(array.TryGrow());
      model.push_back(random() | 1);
      array[array.Add()].value = model.back();
    }
    // Runs of elements go, never the last.
    for (int run = 0; run < 8; ++run) {
      const std::size_t first = random() % model.size();
      const std::size_t end = std::min(model.size() - 1, first + random() % 1500);
      for (std::size_t i = first; i < end; ++i) {
        if (!array.IsAbsent(i)) array[i] = {};
        model[i] = 0;
      }
    }
    array.ReleasePages([&](std::size_t i) { return model[i] == 0; });
    most_absent = std::max(most_absent, array.absent());
    for (std::size_t taken = random() % 8; taken > 0; --taken) {
      const auto back = array.TryTakeBack();
      for (std::size_t i = back.first; i < back.end; ++i) {
        ASSERT_FALSE(array.IsAbsent(i));
        ASSERT_EQ(array[i].value, 0u);
        array[i].value = model[i] = random() | 1;
      }
    }
    if (round % 16 == 15) {
      std::size_t size = model.size() / 2;
      while (model[size - 1] == 0) --size;
      for (std::size_t i = size; i < model.size(); ++i) {
        if (!array.IsAbsent(i)) array[i] = {};
      }
      model.resize(size);
      array.Shrink(size);
    }
    ASSERT_EQ(array.size(), model.size());
    std::size_t absent = 0;
    for (std::size_t i = 0; i < model.size(); ++i) {
      absent += array.IsAbsent(i);
      ASSERT_EQ(array[i].value, model[i]) << i;
    }
    ASSERT_EQ(array.absent(), absent);
    Layer layer;
    array.AddTo(&layer, free_present());
    ASSERT_EQ(layer.total_bytes(), door.allocated_bytes());
  }
  EXPECT_GT(most_absent, 1000u);
  array.Clear();
  EXPECT_EQ(door.allocated_bytes(), 0u);
}

TEST(SegmentStore, GivesBackBlobsOfEverySizeAndTheirPages) {
  MemoryDoor door;
  Eras eras(&door);
  SegmentStore log(&door, &eras);
  ASSERT_TRUE(log.ok());
  std::mt19937_64 random(7);
  std::map<Location, std::string> blobs;
  for (const std::size_t size :
       std::initializer_list<std::size_t>{0, 1, 31, 32, 5000, 262143, 262144, 262145, 1000000}) {
    for (int i = 0; i < 20; ++i) {
      const std::string text(size, static_cast<char>('a' + random() % 26));
      Location location = kNowhere;
      std::uint8_t* const to =
          log.Append(SegmentStore::Head::kWrite, BlobKind::kString, size, &location);
      ASSERT_NE(to, nullptr);
      std::copy(text.begin(), text.end(), to);
      blobs[location] = text;
    }
  }
  EXPECT_EQ(door.allocated_bytes(kSegments), log.taken_bytes());
  for (const auto& [location, text] : blobs) {
    const Blob blob = log.At(location);
    EXPECT_EQ(blob.kind, BlobKind::kString);
    EXPECT_EQ(std::string(blob.payload, blob.payload + blob.payload_bytes), text);
    log.Kill(location);
    EXPECT_EQ(log.At(location).kind, BlobKind::kDead);
  }
  EXPECT_EQ(log.dead_bytes(), log.filled_bytes());
  log.Seal();
  for (SegmentStore::Segment segment = 0; log.NextSegment(&segment); ++segment) log.Retire(segment);
  EXPECT_EQ(door.allocated_bytes(kSegments), log.retired_bytes());
  eras.Advance();
  log.FreeUnpinned();
  EXPECT_EQ(door.allocated_bytes(kSegments), 0u);
  EXPECT_EQ(log.filled_bytes(), 0u);
}

// A log of `segments` full segments and the one that is being written.
void FillSegments(SegmentStore& log, std::size_t segments) {
  for (std::size_t i = 0; i <= 2 * segments; ++i) {  // two fill one
    Location location = kNowhere;
    ASSERT_NE(log.Append(SegmentStore::Head::kWrite, BlobKind::kString, 120'000, &location),
              nullptr);
  }
}

TEST(SegmentStore, TakesASegmentsPagesAsItFills) {
  MemoryDoor door;
  Eras eras(&door);
  SegmentStore log(&door, &eras);
  Location location = kNowhere;
  for (std::size_t filled = 0; filled < SegmentStore::kSegmentBytes / 2; filled += 1000) {
    ASSERT_NE(log.Append(SegmentStore::Head::kWrite, BlobKind::kString, 990, &location), nullptr);
    EXPECT_EQ(door.allocated_bytes(kSegments), log.taken_bytes());
    EXPECT_LE(log.taken_bytes(), log.filled_bytes() + SegmentStore::kStepBytes);
  }
}

TEST(SegmentStore, ARetiredRunTakesNoMorePagesForTheGroupItReachesInto) {
  MemoryDoor door;
  Eras eras(&door);
  SegmentStore log(&door, &eras);
  FillSegments(log, 6);
  // Segments 7 to 9: all but the first reach into the second group.
  Location run = 0;
  ASSERT_NE(log.Append(SegmentStore::Head::kWrite, BlobKind::kString, 600'000, &run), nullptr);
  ASSERT_EQ(SegmentStore::SegmentOf(run), 7u);
  log.Kill(run, 0);
  log.Retire(SegmentStore::SegmentOf(run));
  FillSegments(log, 8);
  EXPECT_EQ(log.Fault(), nullptr) << log.Fault();
  log.FreeUnpinned();
  EXPECT_EQ(log.retired_bytes(), 0u);
  EXPECT_EQ(log.Fault(), nullptr) << log.Fault();
}

TEST(SegmentStore, LooksAtSoManySegmentsASearchAndRetiresTheDeadOnesOnItsWay) {
  MemoryDoor door;
  Eras eras(&door);
  SegmentStore log(&door, &eras);
  FillSegments(log, 12);
  const auto kill = [&](SegmentStore::Segment segment, int blobs) {
    std::size_t offset = 0;
    Location location = kNowhere;
    Blob blob;
    for (; blobs > 0; --blobs) {
      ASSERT_TRUE(log.NextBlob(segment, &offset, &location, &blob));
      log.Kill(location);
    }
  };
  kill(1, 1);
  kill(5, 2);
  kill(10, 1);
  const auto search = [&](std::size_t most) {
    return log.Search({.least_share = 0.05, .with_room = false, .most_looked_at = most});
  };
  EXPECT_EQ(search(4), 1u);
  EXPECT_EQ(log.retired_bytes(), 0u);
  EXPECT_EQ(search(4), SegmentStore::kNoSegment);
  EXPECT_GE(log.retired_bytes(), 240'000u);
  EXPECT_EQ(search(4), 10u);
  EXPECT_EQ(search(4), SegmentStore::kNoSegment) << "of the head";
  EXPECT_EQ(search(4), 1u) << "once more from the first";
  EXPECT_EQ(search(13), 10u) << "of all";
  EXPECT_EQ(log.Fault(), nullptr) << log.Fault();
  eras.Advance();
  log.FreeUnpinned();
  EXPECT_EQ(log.retired_bytes(), 0u);
  EXPECT_EQ(log.Fault(), nullptr) << log.Fault();
}

TEST(SegmentStore, EmptiesTheEmptiestGroupIntoTheRoomOfFullerOnes) {
  MemoryDoor door;
  Eras eras(&door);
  SegmentStore log(&door, &eras);
  FillSegments(log, 24);  // three groups of eight, and a head in the fourth
  EXPECT_EQ(log.Scattered(), SegmentStore::kNoSegment) << "all groups are full";
  const auto free_segment = [&](SegmentStore::Segment segment) {
    std::size_t offset = 0;
    Location location = kNowhere;
    Blob blob;
    while (log.NextBlob(segment, &offset, &location, &blob)) log.Kill(location);
    log.Retire(segment);
    eras.Advance();
    log.FreeUnpinned();
  };
  // Two of the first group are left and one of the second is free: no room for two.
  for (SegmentStore::Segment segment = 2; segment < 9; ++segment) free_segment(segment);
  EXPECT_EQ(log.Scattered(), SegmentStore::kNoSegment);
  free_segment(9);
  EXPECT_EQ(log.Scattered(), 0u);
  // What is written next fills the fuller group.
  Location location = kNowhere;
  ASSERT_NE(log.Append(SegmentStore::Head::kClean, BlobKind::kString, 120'000, &location), nullptr);
  EXPECT_EQ(SegmentStore::SegmentOf(location), 8u);
}

}  // namespace
}  // namespace strata::packed
