// Shapes: ordered key lists that many records share. Such a record stores its shape's number and
// its values only (hidden classes: Chambers, Ungar, Lee, OOPSLA 1989).
//
//     number ──> shapes_  │ hash │ keys ──> │ key tokens, one after another │ │ count │ references
//     │
//
// A key list becomes a shape when it is met again: a small filter remembers the lists met lately,
// so data whose records are random sets of keys makes no shapes. A shape dies with the last record
// of it, and its number is free again. Its key tokens hold references to the dictionary like a
// blob's do.
//
// Threads: one writer, no reader beside it.
#ifndef STRATA_CACHE_PACKED_SHAPES_H_
#define STRATA_CACHE_PACKED_SHAPES_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include <strata/footprint.h>
#include <strata/memory_door.h>
#include <strata/record.h>

#include "cache/packed/layers.h"
#include "cache/packed/shard_table.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

class StringCoder;

using ShapeId = std::uint32_t;

class Shapes {
 public:
  Shapes(MemoryDoor* door, StringCoder* strings)
      : door_(door), strings_(strings), index_(door), shapes_(door), filter_(door) {}
  ~Shapes() { Clear(); }

  /// The shape of these keys, with one more reference; none where they have none, are too few to
  /// gain by one, or memory is short (the record is then written with its keys).
  std::optional<ShapeId> Acquire(RecordView record);
  void AddReference(ShapeId id) { ++shapes_[id].references; }
  void Release(ShapeId id);

  std::size_t key_count(ShapeId id) const { return shapes_[id].count; }
  const std::uint8_t* keys(ShapeId id) const { return shapes_[id].keys; }
  std::uint32_t references(ShapeId id) const { return shapes_[id].references; }
  std::size_t size() const { return index_.size(); }

  void Clear();
  void AddTo(Layer* shapes, Layer* policy) const;
  template <class Visit>
  void ForEach(Visit visit) const {
    index_.ForEach(
        [&](std::uint64_t payload) { visit(static_cast<ShapeId>(payload - kFirstPayload)); });
  }

 private:
  static constexpr std::size_t kFilterSize = 1024;
  static constexpr ShapeId kNone = 0xFFFFFFFF;

  struct Shape {
    std::uint64_t hash;
    std::uint8_t* keys;   // null while the number is free
    std::uint32_t count;  // of keys; a free number's: the next free one
    std::uint32_t references;
  };
  static_assert(sizeof(Shape) == 24);

  static std::uint64_t HashKeys(RecordView record);
  bool HasKeys(const Shape& shape, RecordView record) const;
  bool MetBefore(std::uint64_t hash);
  std::optional<ShapeId> TryMake(RecordView record, std::uint64_t hash);
  auto HashOfPayload() const {
    return [this](std::uint64_t payload) { return shapes_[payload - kFirstPayload].hash; };
  }

  MemoryDoor* door_;
  StringCoder* strings_;
  ShardTable<NarrowSlots, kShapes> index_;
  TryArray<Shape, kShapes> shapes_;
  TryArray<std::uint32_t, kPolicy> filter_;
  ShapeId first_free_ = kNone;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_SHAPES_H_
