// The check of the packed layout's invariants: each thing it checks is damaged here, and it must
// say which.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cache/packed/packed_map.h"
#include "gtest/gtest.h"

namespace strata::packed {

/// Reaches into the parts to damage them.
struct Tamper {
  using Index = PackedMap::Index;

  explicit Tamper(PackedMap& whole) : map(whole) {}

  SegmentStore::Info& segment(SegmentStore::Segment number) { return map.log_.segments_[number]; }
  SegmentStore& log() { return map.log_; }
  Dictionary& dictionary() { return map.strings_.dictionary(); }
  Shapes& shapes() { return map.shapes_; }
  Index& outers() { return map.tables_[map.root_.load()].index; }
  Index::Shard& shard_of_outers() { return *outers().directory()->At(0); }
  // The slot of a shard that its first payload lies in.
  std::uint64_t& first_slot(Index::Shard& shard) {
    std::uint64_t* slot = reinterpret_cast<std::uint64_t*>(shard.slots());
    while ((*slot & ((std::uint64_t{1} << 40) - 1)) < kFirstPayload) ++slot;
    return *slot;
  }
  // A table that an outer has.
  std::uint32_t table_in_use() {
    std::uint32_t number = 0;
    while (number == map.root_.load() || map.tables_[number].index.size() == 0) ++number;
    return number;
  }
  Index::Shard& shard_of_inners() { return *map.tables_[table_in_use()].index.directory()->At(0); }

  void MoveFilled() { map.log_.filled_bytes_ += 8; }
  void MoveDead() { map.log_.dead_bytes_ += 8; }
  void MoveRoom() { map.log_.room_bytes_ += 8; }
  void MoveTaken() { map.log_.taken_bytes_ += 4096; }
  void MoveRetired() { map.log_.retired_bytes_ += 4096; }
  void ListUsedAsRetired() { map.log_.retired_ = 0; }
  void RetireUnlisted() {
    map.log_.Seal();
    SegmentStore::Segment used = 0;
    if (!map.log_.NextSegment(&used)) return;
    segment(used).state = SegmentStore::State::kRetired;
  }
  void MoveGroup() { ++map.log_.groups_[0].used; }
  void MoveTableSize() { outers().SetSize(outers().size() + 1); }
  void MoveTombstones() { ++outers().tombstones_; }
  void MoveFreeTables() { ++map.free_table_count_; }
  void LoseFreeTables() {
    map.free_tables_ = PackedMap::kNoTable;
    map.free_table_count_ = 0;
  }
  void MoveRetiredTables() { map.retired_table_bytes_ += 16; }
  void MoveMarked() { ++map.marked_bytes_; }
  void MoveCounts() { ++map.counts_.pairs; }
  void MoveFreeNumbers() { ++dictionary().free_; }
  // A number that is free, but holds something.
  void FillFreeNumber() {
    StringId free = 0;
    while (dictionary().Entry(free) != 0) ++free;
    dictionary().SetEntry(free, 8);
    --dictionary().free_;
  }
  void MoveReferences() {
    StringId used = 0;
    while (!dictionary().Has(used)) ++used;
    dictionary().SetEntry(used, dictionary().Entry(used) + Dictionary::kOneReference);
  }
  void MoveFreeShapes() { ++shapes().free_; }
  void MoveUnusedShapes() { ++shapes().unused_; }
  void MoveReferencesOfShape() {
    ShapeId used = 0;
    while (shapes().shapes_[used].keys == nullptr || shapes().shapes_[used].references == 0) ++used;
    ++shapes().shapes_[used].references;
  }
  void MoveHashOfShape() {
    ShapeId used = 0;
    while (shapes().shapes_[used].keys == nullptr || shapes().shapes_[used].references == 0) ++used;
    shapes().shapes_[used].hash ^= std::uint64_t{1} << 33;
  }
  // A second slot for an outer that has one.
  void DoubleOuter() {
    Index::Shard& shard = shard_of_outers();
    const std::uint64_t location = first_slot(shard) & ((std::uint64_t{1} << 40) - 1);
    // The same key again, in a blob of its own.
    const Location copy =
        map.WriteOuter(SegmentStore::Head::kWrite, map.OuterKey(location), 0, nullptr, 0);
    const std::uint64_t hash = map.OuterHash()(location);
    if (!map.GrowRoot(hash)) return;
    map.SetOuter(hash, kNowhere, copy);
  }
  // Two entries of one key in a table.
  void DoubleEntry() {
    const std::uint32_t table = table_in_use();
    Index& index = map.tables_[table].index;
    Location from = kNowhere;
    index.ForEach([&](std::uint64_t payload) { from = payload; });
    const Blob blob = map.log_.At(from);
    Location to = kNowhere;
    std::uint8_t* const bytes =
        map.log_.Append(SegmentStore::Head::kWrite, BlobKind::kEntry, blob.payload_bytes, &to);
    std::copy(blob.payload, blob.payload + blob.payload_bytes, bytes);
    const std::uint64_t hash = map.InnerHash()(from);
    if (index.TryGrow(map.table_memory_, hash, map.InnerHash())) index.Insert(hash, to);
  }

  PackedMap& map;
};

namespace {

std::string Numbered(const char* prefix, std::size_t number) {
  return prefix + std::to_string(number);
}

// Tables, small outers, strings and shapes in use and free, tombstones.
void Fill(PackedMap& map) {
  for (std::size_t turn = 0; turn < 3; ++turn) {
    for (std::size_t i = 0; i < 300; ++i) {
      const std::string value = Numbered("a value that is met twice ", turn * 1000 + i);
      const std::string key = Numbered("key ", i % 10 + turn * 10);
      const Records list = {{{"a", value}, {key, value}}};
      ASSERT_TRUE(map.Put("large", Numbered("inner ", i), list).ok());
      ASSERT_TRUE(map.Put(Numbered("small ", i % 60), Numbered("inner ", i), list).ok());
      ASSERT_TRUE(map.Put(Numbered("gone ", i % 3), Numbered("inner ", i), list).ok());
    }
  }
  // A table behind those that will be free, which go back where none is.
  for (std::size_t i = 0; i < 300; ++i) {
    ASSERT_TRUE(map.Put("late", Numbered("inner ", i), Records{{{"a", "b"}}}).ok());
  }
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(map.DeleteOuter(Numbered("gone ", i)));
  for (std::size_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(map.Delete("large", Numbered("inner ", i)));
    ASSERT_TRUE(map.Delete(Numbered("small ", i % 60), Numbered("inner ", i)));
  }
  for (std::size_t i = 0; i < 10; ++i) ASSERT_TRUE(map.DeleteOuter(Numbered("small ", i)));
  for (int i = 0; i < 3; ++i) map.Maintain(std::size_t{1} << 20);
}

TEST(PackedValidate, NamesWhatIsDamaged) {
  struct Damage {
    const char* says;
    std::function<void(Tamper&)> act;
  };
  const std::vector<Damage> damages = {
      {"as filled than its segments", [](Tamper& t) { t.MoveFilled(); }},
      {"as dead than its segments", [](Tamper& t) { t.MoveDead(); }},
      {"as room than its segments", [](Tamper& t) { t.MoveRoom(); }},
      {"as taken than its segments", [](Tamper& t) { t.MoveTaken(); }},
      {"as retired than its segments", [](Tamper& t) { t.MoveRetired(); }},
      {"listed as retired that is not", [](Tamper& t) { t.ListUsedAsRetired(); }},
      {"a retired segment is not listed", [](Tamper& t) { t.RetireUnlisted(); }},
      {"a group counts", [](Tamper& t) { t.MoveGroup(); }},
      {"a run", [](Tamper& t) { t.segment(0).run = 3; }},
      {"more is dead than is filled",
       [](Tamper& t) { t.segment(0).dead = t.segment(0).filled + 1; }},
      {"filled beyond its pages", [](Tamper& t) { t.segment(0).filled = 1 << 20; }},
      {"a table counts other slots", [](Tamper& t) { t.MoveTableSize(); }},
      {"other tombstones", [](Tamper& t) { t.MoveTombstones(); }},
      {"a shard counts other slots", [](Tamper& t) { ++t.shard_of_outers().live; }},
      {"a shard counts other slots", [](Tamper& t) { ++t.shard_of_inners().used; }},
      {"an outer is not found under its key",
       [](Tamper& t) { t.first_slot(t.shard_of_outers()) ^= std::uint64_t{1} << 41; }},
      {"an entry is not found under its key",
       [](Tamper& t) { t.first_slot(t.shard_of_inners()) ^= std::uint64_t{1} << 41; }},
      {"not found under its key", [](Tamper& t) { t.DoubleOuter(); }},
      {"an entry is not found under its key", [](Tamper& t) { t.DoubleEntry(); }},
      {"tables are free", [](Tamper& t) { t.MoveFreeTables(); }},
      {"is lost", [](Tamper& t) { t.LoseFreeTables(); }},
      {"retired tables have", [](Tamper& t) { t.MoveRetiredTables(); }},
      {"bytes are of deleted entries", [](Tamper& t) { t.MoveMarked(); }},
      {"the counts are not", [](Tamper& t) { t.MoveCounts(); }},
      {"other numbers are free", [](Tamper& t) { t.MoveFreeNumbers(); }},
      {"a number is neither free", [](Tamper& t) { t.FillFreeNumber(); }},
      {"references and has", [](Tamper& t) { t.MoveReferences(); }},
      {"other shapes are free", [](Tamper& t) { t.MoveFreeShapes(); }},
      {"other shapes are unused", [](Tamper& t) { t.MoveUnusedShapes(); }},
      {"references and has", [](Tamper& t) { t.MoveReferencesOfShape(); }},
      {"among the shapes a slot's tag", [](Tamper& t) { t.MoveHashOfShape(); }},
  };
  for (const Damage& damage : damages) {
    PackedMap map({.seed = 7});
    Fill(map);
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
    Tamper tamper(map);
    damage.act(tamper);
    const absl::Status status = map.Validate();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << damage.says;
    EXPECT_NE(std::string(status.message()).find(damage.says), std::string::npos)
        << "expected \"" << damage.says << "\": " << status;
  }
}

}  // namespace
}  // namespace strata::packed
