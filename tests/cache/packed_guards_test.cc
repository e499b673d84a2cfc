// What guards keep of strings and shapes: what was there while they were used, said to be kept for
// them, and nothing that came later.
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cache/packed/packed_map.h"
#include "gtest/gtest.h"
#include "tests/cache/maintain.h"

namespace strata::packed {
namespace {

std::uint64_t BytesOf(const PackedMap& map, const char* layer) {
  return map.MeasureFootprint().Find(layer)->total_bytes();
}

// What writes do now and then, at a moment of the test's.
void NextEra(PackedMap& map) { const_cast<Eras&>(map.eras()).Advance(); }

// Two records of the same keys, which are this entry's own in this round: a shape of its own. And a
// text three times: a string of the dictionary.
absl::Status PutShaped(PackedMap& map, std::size_t round, std::size_t number, std::size_t keys) {
  const std::string own = std::to_string(round) + " " + std::to_string(number) + " ";
  std::vector<std::string> names;
  for (std::size_t i = 0; i < keys; ++i) names.push_back("key " + std::to_string(i));
  names.push_back(own + "name of this one's own");
  std::vector<Pair> pairs;
  for (const std::string& name : names) pairs.push_back({name, "1"});
  const std::string text = own + std::string(50, 't');
  pairs.front().value = text;
  const RecordView record(pairs.data(), pairs.size());
  Records list;
  for (int i = 0; i < 3; ++i) list.Add(record);
  return map.Put("outer", std::to_string(number), list);
}

TEST(PackedGuards, ShapesThatAGuardKeepsAreRetained) {
  constexpr std::size_t kEntries = 2000;
  PackedMap map({.seed = 7});
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(PutShaped(map, 0, i, 100).ok());
  ASSERT_GE(map.shapes().size(), kEntries);
  ReadPin guard;
  map.eras().Enter(&guard);
  ASSERT_NE(map.Find("outer", "77", guard).list, nullptr);
  for (std::size_t i = 0; i < kEntries; ++i)
    ASSERT_TRUE(map.Put("outer", std::to_string(i), {}).ok());
  MaintainToIdle(map);
  ASSERT_GE(map.shapes().size(), kEntries);
  // 101 keys each, of a byte or more and a tag.
  constexpr std::uint64_t kKeyBytes = kEntries * 101 * 2;
  const Footprint kept = map.MeasureFootprint();
  EXPECT_GE(kept.Find("retained")->total_bytes(), kKeyBytes);
  EXPECT_LE(kept.Find("shapes")->total_bytes(), kKeyBytes / 4);
  EXPECT_EQ(map.Stats().retained_bytes, kept.Find("retained")->total_bytes());
  EXPECT_EQ(kept.total_bytes(), map.door().allocated_bytes());
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  map.eras().Leave(&guard);
  // Dead now; and with the next cleaning gone.
  EXPECT_GE(BytesOf(map, "shapes"), kKeyBytes);
  EXPECT_EQ(map.Stats().retained_bytes, BytesOf(map, "retained"));
  MaintainToIdle(map);
  EXPECT_EQ(map.shapes().size(), 0u);
  EXPECT_EQ(BytesOf(map, "retained"), 0u);
}

TEST(PackedGuards, AForgottenGuardKeepsNoShapesOrStringsThatCameLater) {
  constexpr std::size_t kEntries = 1000;
  PackedMap map({.seed = 7, .audit_every_writes = 997});
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(PutShaped(map, 0, i, 10).ok());
  ReadPin guard;
  map.eras().Enter(&guard);
  ASSERT_NE(map.Find("outer", "77", guard).list, nullptr);
  std::uint64_t bytes_after_few = 0;
  std::size_t strings_after_few = 0;
  for (std::size_t round = 1; round <= 60; ++round) {
    for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(PutShaped(map, round, i, 10).ok());
    if (round != 20) continue;
    MaintainToIdle(map);
    bytes_after_few = map.door().allocated_bytes();
    strings_after_few = map.strings().dictionary().size();
  }
  MaintainToIdle(map);
  // Those that were there, and those that are; of strings also what shares a segment with the old.
  EXPECT_LE(map.shapes().size(), 2 * kEntries + kEntries / 2);
  EXPECT_LE(map.strings().dictionary().size(), strings_after_few + 3 * kEntries);
  EXPECT_LE(map.door().allocated_bytes(), bytes_after_few + bytes_after_few / 4);
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  map.eras().Leave(&guard);
  MaintainToIdle(map);
  EXPECT_LE(map.shapes().size(), kEntries + kEntries / 8);
}

TEST(PackedGuards, TheOneThatKeepsShapesIsNamedWhereTheyFillTheLimit) {
  constexpr std::uint64_t kLimit = std::uint64_t{8} << 20;
  PackedMap map({.seed = 7, .memory_limit_bytes = kLimit});
  constexpr std::size_t kEntries = 4000;
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(PutShaped(map, 0, i, 200).ok()) << i;
  ReadPin guard;
  map.eras().Enter(&guard);
  ASSERT_NE(map.Find("outer", "77", guard).list, nullptr);
  absl::Status status;
  for (std::size_t i = 0; i < 2 * kEntries && status.ok(); ++i) {
    status = PutShaped(map, 1, i % kEntries, 200);
  }
  ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_NE(status.message().find("guard"), absl::string_view::npos) << status;
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  map.eras().Leave(&guard);
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(PutShaped(map, 1, i, 200).ok()) << i;
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

// Entries of strings of their own, each twice, put in no order.
class Putter {
 public:
  explicit Putter(PackedMap* map) : map_(map) {}
  absl::Status Put(std::size_t entry) {
    const std::string text = "a text that is the " + std::to_string(++texts_) + "th of its kind";
    const Records list = {{{"a", text}}, {{"b", text}}};
    return map_->Put("outer", std::to_string(entry), list);
  }
  /// One of so many, from `first` on.
  absl::Status PutAny(std::size_t entries, std::size_t first = 0) {
    return Put(first + random_() % entries);
  }

 private:
  PackedMap* map_;
  std::size_t texts_ = 0;
  std::mt19937 random_{7};
};

// In each guard's life each segment loses strings; before a string knew when it was lost itself,
// 0.5 of the bytes were in use.
TEST(PackedGuards, RenewedAllTheTimeTheyKeepLittleMoreThanWhatDiedInTheLivesOfTwo) {
  constexpr std::size_t kEntries = 40'000;
  constexpr std::size_t kRenewed = 500;  // writes
  PackedMap map({.seed = 7});
  Putter putter(&map);
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(putter.Put(i).ok());
  for (std::size_t i = 0; i < 10 * kEntries / kRenewed; ++i) {
    ReadPin guard;
    map.eras().Enter(&guard);
    ASSERT_NE(map.Find("outer", "77", guard).list, nullptr);
    for (std::size_t n = 0; n < kRenewed; ++n) ASSERT_TRUE(putter.PutAny(kEntries).ok());
    map.eras().Leave(&guard);
  }
  const Footprint footprint = map.MeasureFootprint();
  std::uint64_t used = 0;
  for (const Layer& layer : footprint.layers) used += layer.used_bytes;
  EXPECT_GE(static_cast<double>(used), 0.75 * static_cast<double>(footprint.total_bytes()));
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
}

TEST(PackedGuards, OfOneSegmentsStringsTheyKeepThoseLostSinceTheyBegan) {
  constexpr std::size_t kEntries = 2000;
  PackedMap map({.seed = 7, .clean_on_write = false});
  Putter putter(&map);
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(putter.Put(i).ok());
  for (std::size_t i = 0; i < kEntries / 2; ++i)
    ASSERT_TRUE(map.Delete("outer", std::to_string(i)));
  NextEra(map);
  ReadPin guard;
  map.eras().Enter(&guard);
  ASSERT_NE(map.Find("outer", "1999", guard).list, nullptr);
  for (std::size_t i = kEntries / 2; i < kEntries; ++i) {
    ASSERT_TRUE(map.Delete("outer", std::to_string(i)));
  }
  const Dictionary& strings = map.strings().dictionary();
  ASSERT_EQ(strings.size(), kEntries);
  MaintainToIdle(map);
  EXPECT_EQ(strings.size(), kEntries / 2);
  EXPECT_EQ(strings.unused(), strings.size());
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  map.eras().Leave(&guard);
  MaintainToIdle(map);
  EXPECT_EQ(strings.size(), 0u);
}

// All that is lost is lost in the guard's life: what is moved is there twice.
TEST(PackedGuards, NothingIsCopiedForOneBesideWhichAllIsDeleted) {
  constexpr std::size_t kEntries = 40'000;
  PackedMap map({.seed = 7});
  Putter putter(&map);
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(putter.Put(i).ok());
  MaintainToIdle(map);
  NextEra(map);
  const std::uint64_t full = map.door().allocated_bytes();
  ReadPin guard;
  map.eras().Enter(&guard);
  ASSERT_NE(map.Find("outer", "77", guard).list, nullptr);
  map.Clear();
  EXPECT_LE(map.door().allocated_bytes(), full);
  MaintainToIdle(map);
  EXPECT_LE(map.door().allocated_bytes(), full);
  map.eras().Leave(&guard);
  MaintainToIdle(map);
  EXPECT_LE(map.door().allocated_bytes(), full / 20);
}

// The reserve for cleaning must not go into segments that stay beside their copies.
TEST(PackedGuards, AtTheLimitWhatAShortOneKeptComesBackThoughALongOneStays) {
  PackedMap map({.seed = 7, .memory_limit_bytes = std::uint64_t{20} << 20});
  Putter putter(&map);
  std::size_t entries = 0;
  while (putter.Put(entries).ok()) ++entries;
  const std::size_t first = entries * 4 / 10;
  for (std::size_t i = 0; i < first; ++i) ASSERT_TRUE(map.Delete("outer", std::to_string(i)));
  const std::string one = std::to_string(first);
  ReadPin lasting;
  map.eras().Enter(&lasting);
  ASSERT_NE(map.Find("outer", one, lasting).list, nullptr);
  ReadPin brief;
  for (std::size_t i = 0, refused = 0; i < 8 * entries && refused < 2000; ++i) {
    if (i % 500 == 0) {
      if (i > 0) map.eras().Leave(&brief);
      map.eras().Enter(&brief);
      ASSERT_NE(map.Find("outer", one, brief).list, nullptr);
    }
    if (!putter.PutAny(entries - first, first).ok()) ++refused;
  }
  for (std::size_t i = first; i < entries; ++i) {
    if (i % 10 == 0) continue;
    ASSERT_TRUE(map.Delete("outer", std::to_string(i)));
  }
  MaintainToIdle(map);
  map.eras().Leave(&brief);
  EXPECT_TRUE(putter.Put(first).ok());
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  map.eras().Leave(&lasting);
  for (std::size_t i = 0; i < entries; ++i) ASSERT_TRUE(putter.Put(i).ok()) << i;
}

// Of the era of a loss 16 bits are kept.
TEST(PackedGuards, TheyKeepStringsHoweverManyErasPass) {
  constexpr std::size_t kEntries = 2000;
  PackedMap map({.seed = 7, .clean_on_write = false});
  Putter putter(&map);
  for (std::size_t i = 0; i < kEntries; ++i) ASSERT_TRUE(putter.Put(i).ok());
  ReadPin guard;
  map.eras().Enter(&guard);
  ASSERT_NE(map.Find("outer", "0", guard).list, nullptr);
  map.DeleteOuter("outer");
  const Dictionary& strings = map.strings().dictionary();
  for (std::size_t i = 0; i < (std::size_t{1} << 16) + 5; ++i) {
    NextEra(map);
    if (i % (std::size_t{1} << 13) == 0) MaintainToIdle(map);
    ASSERT_EQ(strings.size(), kEntries) << i;
  }
  MaintainToIdle(map);
  EXPECT_EQ(strings.size(), kEntries);
  map.eras().Leave(&guard);
  MaintainToIdle(map);
  EXPECT_EQ(strings.size(), 0u);
}

}  // namespace
}  // namespace strata::packed
