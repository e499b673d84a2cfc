// Shapes: ordered key lists that many records share. Such a record stores its shape's number and
// its values only (hidden classes: Chambers, Ungar, Lee, OOPSLA 1989).
//
//     number ──> shapes_  │ hash │ keys │ count │ references │
//                                  └──> │ a tag of one byte a key │ the keys' tokens │
//
// A key list becomes a shape when it is met again: a small filter remembers the lists met lately,
// so data whose records are random sets of keys makes no shapes. Nor does overwriting them, which
// meets the same lists again, but each in the one record that had it: a shape of one record that is
// no longer young is refused once, and ends with its record; if it was another that had the keys,
// the next one makes it two.
//
// A shape that has lost its last record is unused, and comes back when its keys are met again; when
// an eighth are unused, each write sweeps a few of those that no open guard can have met, and their
// numbers are free. A shape's key tokens hold references to the dictionary like a blob's do.
//
// Threads: one writer; key_count and keys beside it from any thread, for shapes that a view names.
#ifndef STRATA_CACHE_PACKED_SHAPES_H_
#define STRATA_CACHE_PACKED_SHAPES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <strata/footprint.h>
#include <strata/memory_door.h>
#include <strata/record.h>

#include "cache/packed/eras.h"
#include "cache/packed/layers.h"
#include "cache/packed/shard_table.h"
#include "cache/packed/stable_array.h"
#include "cache/packed/token.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

class StringCoder;

using ShapeId = std::uint32_t;

class Shapes {
 public:
  Shapes(MemoryDoor* door, const Eras* eras, StringCoder* strings,
         std::uint64_t most_bytes = MemoryDoor::kNoLimit)
      : memory_{.door = door},
        eras_(eras),
        strings_(strings),
        shapes_(door, kMostShapes, most_bytes),
        filter_(door) {}
  ~Shapes() { Clear(); }
  bool ok() const { return shapes_.ok(); }

  /// The shape of these keys, with one more reference; none where they have none or none that is
  /// worth its bytes, are too few to gain by one or too many, or memory is short (the record is
  /// then written with its keys).
  std::optional<ShapeId> Acquire(RecordView record);
  void AddReference(ShapeId id) { ++shapes_[id].references; }
  void Release(ShapeId id);
  /// Frees unused ones that no guard found by the last Eras::Advance may be looking at. A write's
  /// share of it: a few steps where many are unused, more where it has made more so.
  void SweepSome();
  void SweepAll() { SweepNext(shapes_.size()); }

  std::size_t key_count(ShapeId id) const { return shapes_[id].count; }
  /// The keys' tags, and behind them their tokens. Keys of different tags are different, so that
  /// most need not be looked at.
  const std::uint8_t* tags(ShapeId id) const { return shapes_[id].keys; }
  const std::uint8_t* keys(ShapeId id) const { return shapes_[id].keys + shapes_[id].count; }
  /// Calls visit(token) for each key, in their order.
  template <class Visit>
  void ForEachKey(ShapeId id, Visit visit) const {
    const std::uint8_t* at = keys(id);
    for (std::size_t i = 0; i < key_count(id); ++i) {
      Token token;
      at = ReadToken(at, &token);
      visit(token);
    }
  }
  static std::uint8_t TagOf(std::string_view key) {
    if (key.empty()) return 0;
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(key[at]); };
    return static_cast<std::uint8_t>(key.size() * 31 + byte(0) * 7 + byte(key.size() / 2) * 3 +
                                     byte(key.size() - 1));
  }
  std::uint32_t references(ShapeId id) const { return shapes_[id].references; }
  /// Of all shapes, and of those without a record.
  std::size_t size() const { return index_.size(); }
  std::size_t unused() const { return unused_; }

  /// What is not as it must be in the index and among the numbers; null where all is.
  const char* Fault() const;
  /// Gives everything back. No reader may be about.
  void Clear();
  /// What unused ones that these guards keep take, in bytes of their key lists: that is what is
  /// given back when they go. A look at every shape, where there are unused ones and guards.
  std::uint64_t BytesKept(const Eras::Guards& guards) const;
  /// Adds all there is; the key lists that these guards keep to `retained`.
  void AddTo(const Eras::Guards& guards, Layer* shapes, Layer* retained, Layer* policy) const;
  AddressRange pages() const { return shapes_.pages(); }
  template <class Visit>
  void ForEach(Visit visit) const {
    index_.ForEach(
        [&](std::uint64_t payload) { visit(static_cast<ShapeId>(payload - kFirstPayload)); });
  }

 private:
  friend struct Tamper;  // tests/cache/packed_validate_test.cc
  static constexpr std::size_t kMostShapes = std::size_t{1} << 26;
  static constexpr std::size_t kFilterSize = 1024;
  static constexpr std::size_t kFewUnused = 64;
  static constexpr std::size_t kUnusedShare = 8;
  static constexpr std::size_t kSweepPerWrite = 16;
  static constexpr std::size_t kMostKeys = 0xFFFF;
  // A shape is young for so many ticks of lists met, and until twice as many were met as there are
  // shapes.
  static constexpr std::uint64_t kListsATick = 4096;
  static constexpr std::size_t kYoungTicks = 2;
  static constexpr ShapeId kNone = 0xFFFFFFFF;

  struct Shape {
    std::uint64_t hash = 0;
    std::uint8_t* keys = nullptr;  // tags and tokens; null while the number is free
    std::uint16_t count = 0;       // of keys
    std::uint16_t made = 0;        // or refused, in ticks of lists met
    std::uint32_t references = 0;  // a free number's: the next free one
    Era born = 0;
    Era lost = 0;  // when it lost its last record, while it is unused
  };
  static_assert(sizeof(Shape) == 40);

  std::uint64_t HashKeys(RecordView record) const;
  /// Whether one of these guards may be looking at one that is unused.
  static bool Kept(const Shape& shape, const Eras::Guards& guards) {
    return shape.references == 0 && guards.Pin(shape.born, shape.lost);
  }
  bool HasKeys(const Shape& shape, RecordView record) const;
  bool MetBefore(std::uint64_t hash);
  /// Whether one more record should have it.
  bool IsWorthwhile(Shape* shape);
  std::uint16_t Now() const { return static_cast<std::uint16_t>(lists_met_ / kListsATick); }
  std::optional<ShapeId> TryMake(RecordView record, std::uint64_t hash);
  void SweepNext(std::size_t most);
  void Free(ShapeId id);
  struct HashOf {
    static constexpr int kFetchSteps = 1;
    const Shapes* shapes;
    const Shape& At(std::uint64_t payload) const {
      return shapes->shapes_[payload - kFirstPayload];
    }
    void Fetch(std::uint64_t payload, int) const { PrefetchLine(&At(payload)); }
    std::uint64_t operator()(std::uint64_t payload) const { return At(payload).hash; }
  };
  HashOf HashOfPayload() const { return {this}; }

  TableMemory memory_;
  const Eras* eras_;
  StringCoder* strings_;
  ShardTable<NarrowSlots, kShapes> index_{};
  StableArray<Shape, kShapes> shapes_;
  TryArray<std::uint32_t, kPolicy> filter_;
  ShapeId first_free_ = kNone;
  std::size_t free_ = 0;
  std::size_t unused_ = 0;
  std::size_t newly_unused_ = 0;  // since the last SweepSome
  ShapeId sweep_at_ = 0;
  std::uint64_t lists_met_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_SHAPES_H_
