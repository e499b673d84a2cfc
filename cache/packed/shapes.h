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
// One that is in few records takes more than it saves them. Nobody knows when it is made; but where
// such take much, Maintain gives them up (BeginGivingUp): records that it rewrites get their keys
// back. Where most numbers are free, shapes of high numbers are given up likewise, for second ones
// of low numbers whose key lists are packed (slab_blocks.h), and their list ends behind the last
// that is left.
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
#include "cache/packed/slab_blocks.h"
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
      : door_(door),
        index_blocks_(door),
        memory_{.blocks = &index_blocks_},
        eras_(eras),
        strings_(strings),
        shapes_(door, kMostShapes, most_bytes),
        key_lists_(door),
        filter_(door) {}
  ~Shapes() { Clear(); }
  bool ok() const { return shapes_.ok(); }

  /// The shape of these keys, with one more reference; none where they have none or none that is
  /// worth its bytes, are too few to gain by one or too many, or memory is short (the record is
  /// then written with its keys).
  std::optional<ShapeId> Acquire(RecordView record);
  void AddReference(ShapeId id) {
    ++changes_;
    if (shapes_[id].references++ == 0) --unused_;
  }
  void Release(ShapeId id);
  /// Frees unused ones that no guard found by the last Eras::Advance may be looking at. A write's
  /// share of it: a few steps where many are unused, more where it has made more so.
  void SweepSome();
  void SweepAll() { SweepNext(shapes_.size()); }

  /// Whether shapes that take more than they save, free numbers, or holes between key lists take
  /// much of so many bytes. A look at every shape, where all of them do and many have changed
  /// since.
  bool WantGivingUp(std::uint64_t all_bytes) {
    return WantsLowNumbers(all_bytes) || WantsPacking(all_bytes) || MuchIsLost(all_bytes);
  }
  /// From here to EndGivingUp such shapes are given up, as far as that is wanted.
  void BeginGivingUp(std::uint64_t all_bytes);
  void EndGivingUp();
  /// The shape that a record of this one has when it is rewritten, with one more reference; none
  /// where the record is to name its keys itself.
  std::optional<ShapeId> AddReferenceToBest(ShapeId id);
  /// Gives back what free numbers behind the last other one take.
  void Shrink();
  /// Gives back what the index needs no more, looking at so many bytes of it; whether there is more
  /// of it to do.
  bool Tidy(std::size_t budget_bytes);

  /// What its key list takes, in bytes.
  std::size_t key_list_bytes(ShapeId id) const { return ReservedBytes(shapes_[id]); }
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
  void AddPagesTo(std::vector<AddressRange>* ranges) const { shapes_.AddPagesTo(ranges); }
  template <class Visit>
  void ForEach(Visit visit) const {
    index_.ForEach([&](std::uint64_t payload) { visit(IdOf(payload)); });
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
  static constexpr std::size_t kShortList = 1024;  // so many free numbers are not worth a thought
  static constexpr std::size_t kMostLookedAt = 4096;
  // So small a share of all bytes is not worth rewriting everything.
  static constexpr std::uint64_t kLostShare = 32;

  struct Shape {
    std::uint64_t hash = 0;
    std::uint8_t* keys = nullptr;  // tags and tokens; null while the number is free: all is 0 then
    std::uint16_t count = 0;       // of keys
    std::uint16_t made = 0;        // or refused, in ticks of lists met
    std::uint32_t references = 0;
    Era born = 0;
    Era lost = 0;  // when it lost its last record, while it is unused
  };
  static_assert(sizeof(Shape) == 40);

  static ShapeId IdOf(std::uint64_t payload) {
    return static_cast<ShapeId>(payload - kFirstPayload);
  }
  std::uint64_t HashKeys(RecordView record) const;
  /// Whether one of these guards may be looking at one that is unused.
  static bool Kept(const Shape& shape, const Eras::Guards& guards) {
    return shape.references == 0 && guards.Pin(shape.born, shape.lost);
  }
  bool HasKeys(const Shape& shape, RecordView record) const;
  /// The shape of these keys, of two the one that is not old; none where there is none.
  std::optional<ShapeId> Find(RecordView record, std::uint64_t hash) const;
  /// One of the same keys that is not old.
  std::optional<ShapeId> FindNew(ShapeId id) const;
  bool HaveSameKeys(const Shape& a, const Shape& b) const;
  static std::size_t TokenBytes(const Shape& shape);
  static std::size_t BlockBytes(std::size_t key_list_bytes) { return (key_list_bytes + 7) / 8 * 8; }
  static std::size_t BlockBytes(const Shape& shape) {
    return BlockBytes(shape.count + TokenBytes(shape));
  }
  /// What the block of its key list takes of its slab or of the allocator.
  std::size_t ReservedBytes(const Shape& shape) const {
    return key_lists_.ReservedBytes(shape.keys, BlockBytes(shape));
  }
  bool PacksKeyLists() const { return limit_ != 0 || packs_; }
  /// What it takes more than it saves its records; negative where it saves more.
  std::int64_t BytesLost(const Shape& shape) const;
  bool MuchIsLost(std::uint64_t all_bytes);
  bool WantsLowNumbers(std::uint64_t all_bytes) const;
  bool WantsPacking(std::uint64_t all_bytes) const {
    const std::size_t holes = key_lists_.hole_bytes();
    return holes > all_bytes / kLostShare && holes >= again_at_holes_;
  }
  /// Whether another shape of the same keys is to take its place: its number is to be given up, or
  /// the slab of its key list, or the number of a string that it names.
  bool IsOld(ShapeId id) const;
  /// A free number, below the limit if there is one; none where none is near.
  std::optional<ShapeId> NextFree();
  /// Puts a shape under a free number, or the list's next where there is none, with one reference;
  /// none for want of memory. `write_key(i, tokens)` appends the i-th key's token, and
  /// `tag_of_key(i)` is its tag.
  template <class WriteKey, class TagOfKey>
  std::optional<ShapeId> TryAdd(std::optional<ShapeId> free, std::uint64_t hash, std::size_t count,
                                WriteKey write_key, TagOfKey tag_of_key);
  bool MetBefore(std::uint64_t hash);
  /// Whether one more record should have it.
  bool IsWorthwhile(Shape* shape);
  std::uint16_t Now() const { return static_cast<std::uint16_t>(lists_met_ / kListsATick); }
  std::optional<ShapeId> TryMake(RecordView record, std::uint64_t hash);
  /// Makes one.
  std::optional<ShapeId> TryRenew(ShapeId id);
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

  MemoryDoor* door_;
  SlabBlocks<kShapes> index_blocks_;
  TableMemory<kShapes> memory_;
  const Eras* eras_;
  StringCoder* strings_;
  ShardTable<NarrowSlots, kShapes> index_{};
  TidiedSoFar tidied_;
  StableArray<Shape, kShapes> shapes_;
  SlabBlocks<kShapes> key_lists_;
  TryArray<std::uint32_t, kPolicy> filter_;
  std::size_t free_ = 0;
  ShapeId next_ = 0;                // where NextFree goes on
  ShapeId limit_ = 0;               // while shapes are given lower numbers
  std::size_t again_at_free_ = 0;   // not again before so many are free
  std::size_t again_at_holes_ = 0;  // or so many bytes are holes
  std::size_t unused_ = 0;
  std::size_t newly_unused_ = 0;  // since the last SweepSome
  ShapeId sweep_at_ = 0;
  std::uint64_t lists_met_ = 0;
  std::uint64_t changes_ = 0;          // references come and gone
  std::uint64_t look_at_changes_ = 0;  // when MuchIsLost looks again
  bool renews_ = false;                // those that are old
  bool gives_up_ = false;              // those that take more than they save
  bool packs_ = false;                 // those whose key lists lie between holes, or anywhere
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_SHAPES_H_
