// A hash table from a 64-bit hash to a 40- or 32-bit payload, in many small shards.
//
//     directory (2^depth pointers, by the hash's top bits)
//       │    │    │    │            a shard of smaller depth stands in several places
//       ▼    ▼    └─┬──┘
//     shard: capacity, live, used │ slot │ slot │ slot │ …   at most 512 slots, 4 KiB
//     slot:  tag (some bits of the hash) and payload; linear probing from a place the hash's low
//            bits choose
//
// The table knows neither keys nor values: who asks compares what the payload leads to. A shard
// grows by a quarter, and one that is full at 512 slots splits in two by the next bit of the hash
// (extendible hashing: Fagin, Nievergelt, Pippenger, Strong, TODS 1979), so a write moves at most
// 512 slots and the memory never doubles. A slot is erased by a tombstone; a rebuild drops those.
//
// What fails: only TryGrow asks for memory. After it said yes, one Insert cannot fail.
//
// Threads: one writer, no reader beside it (the slots are small enough to become atomic).
#ifndef STRATA_CACHE_PACKED_SHARD_TABLE_H_
#define STRATA_CACHE_PACKED_SHARD_TABLE_H_

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/try_array.h"

namespace strata::packed {

/// Payloads 0 and 1 are taken: an empty slot and a tombstone.
inline constexpr std::uint64_t kNoPayload = 0;
inline constexpr std::uint64_t kTombstone = 1;
inline constexpr std::uint64_t kFirstPayload = 2;

/// Eight bytes a slot: 24 bits of tag over 40 of payload.
struct WideSlots {
  static constexpr std::size_t kSlotBytes = 8;
  static std::uint64_t Tag(std::uint64_t hash) { return (hash >> 32) & 0xFFFFFF; }
  static std::uint64_t Payload(const std::uint8_t* slots, std::size_t, std::size_t at) {
    return Load(slots, at) & ((std::uint64_t{1} << 40) - 1);
  }
  static bool HasTag(const std::uint8_t* slots, std::size_t, std::size_t at, std::uint64_t tag) {
    return Load(slots, at) >> 40 == tag;
  }
  static void Store(std::uint8_t* slots, std::size_t, std::size_t at, std::uint64_t tag,
                    std::uint64_t payload) {
    const std::uint64_t slot = tag << 40 | payload;
    std::memcpy(slots + at * 8, &slot, 8);
  }

 private:
  static std::uint64_t Load(const std::uint8_t* slots, std::size_t at) {
    std::uint64_t slot;
    std::memcpy(&slot, slots + at * 8, 8);
    return slot;
  }
};

/// Five bytes a slot: an array of 32-bit payloads, then one of 8-bit tags.
struct NarrowSlots {
  static constexpr std::size_t kSlotBytes = 5;
  static std::uint64_t Tag(std::uint64_t hash) { return (hash >> 32) & 0xFF; }
  static std::uint64_t Payload(const std::uint8_t* slots, std::size_t, std::size_t at) {
    std::uint32_t payload;
    std::memcpy(&payload, slots + at * 4, 4);
    return payload;
  }
  static bool HasTag(const std::uint8_t* slots, std::size_t capacity, std::size_t at,
                     std::uint64_t tag) {
    return slots[capacity * 4 + at] == tag;
  }
  static void Store(std::uint8_t* slots, std::size_t capacity, std::size_t at, std::uint64_t tag,
                    std::uint64_t payload) {
    const std::uint32_t narrow = static_cast<std::uint32_t>(payload);
    std::memcpy(slots + at * 4, &narrow, 4);
    slots[capacity * 4 + at] = static_cast<std::uint8_t>(tag);
  }
};

template <class Slots, LayerId kLayer>
class ShardTable {
 public:
  explicit ShardTable(MemoryDoor* door) : door_(door), directory_(door) {}
  ShardTable(const ShardTable&) = delete;
  ShardTable& operator=(const ShardTable&) = delete;
  ~ShardTable() { Clear(); }

  std::size_t size() const { return size_; }

  /// The payload under `hash` that `matches(payload)` accepts; kNoPayload where there is none.
  template <class Matches>
  std::uint64_t Find(std::uint64_t hash, Matches matches) const {
    if (directory_.empty()) return kNoPayload;
    const Shard& shard = *directory_[DirectoryIndex(hash)];
    const std::uint64_t tag = Slots::Tag(hash);
    for (std::size_t at = shard.Home(hash);; at = shard.Next(at)) {
      const std::uint64_t payload = Slots::Payload(shard.slots(), shard.capacity, at);
      if (payload == kNoPayload) return kNoPayload;
      if (payload != kTombstone && Slots::HasTag(shard.slots(), shard.capacity, at, tag) &&
          matches(payload)) {
        return payload;
      }
    }
  }

  /// Makes room for one Insert of `hash`; `hash_of(payload)` gives the hash of what is there.
  /// False: no memory, nothing changed.
  template <class HashOf>
  [[nodiscard]] bool TryGrow(std::uint64_t hash, HashOf hash_of) {
    if (directory_.empty()) {
      Shard* const first = NewShard(kSmallestCapacity, 0);
      if (first == nullptr) return false;
      if (!directory_.TryPushBack(first)) {
        door_->Free(kLayer, first);
        return false;
      }
      return true;
    }
    while (true) {
      Shard* const shard = directory_[DirectoryIndex(hash)];
      if (shard->used + std::size_t{1} <= Limit(shard->capacity)) return true;
      const std::size_t wanted = CapacityFor(shard->live + std::size_t{1});
      if (wanted <= kLargestCapacity) return Rebuild(hash, wanted, hash_of);
      if (!Split(hash, hash_of)) return false;
    }
  }

  /// Adds a payload that is not there, after TryGrow(hash).
  void Insert(std::uint64_t hash, std::uint64_t payload) {
    Shard* const shard = directory_[DirectoryIndex(hash)];
    assert(shard->used < Limit(shard->capacity) + 1);
    Place(shard, hash, payload);
    ++size_;
  }

  /// Puts `to` in the place of `from`, which is there.
  void Replace(std::uint64_t hash, std::uint64_t from, std::uint64_t to) {
    Shard* const shard = directory_[DirectoryIndex(hash)];
    Slots::Store(shard->slots(), shard->capacity, PlaceOf(*shard, hash, from), Slots::Tag(hash),
                 to);
  }

  /// Takes out a payload that is there; gives memory back where it can.
  template <class HashOf>
  void Erase(std::uint64_t hash, std::uint64_t payload, HashOf hash_of) {
    Shard* const shard = directory_[DirectoryIndex(hash)];
    Slots::Store(shard->slots(), shard->capacity, PlaceOf(*shard, hash, payload), 0, kTombstone);
    --shard->live;
    --size_;
    if (shard->capacity > kSmallestCapacity && shard->live < shard->capacity / 4) {
      // A failure leaves the shard as large as it is.
      (void)Rebuild(hash, CapacityFor(shard->live), hash_of);
    }
  }

  /// Calls `visit(payload)` for each; the table must not change meanwhile.
  template <class Visit>
  void ForEach(Visit visit) const {
    ForEachShard([&](const Shard& shard) { ForEachSlot(shard, visit); });
  }

  /// Visits the payloads of the one shard that `from` falls in; the hash at which the next shard
  /// begins, 0 where this was the last.
  template <class Visit>
  std::uint64_t VisitShardOf(std::uint64_t from, Visit visit) const {
    if (directory_.empty()) return 0;
    const Shard& shard = *directory_[DirectoryIndex(from)];
    ForEachSlot(shard, visit);
    const std::size_t next_place = FirstPlace(shard, from) + Places(shard);
    return next_place == directory_.size() ? 0 : std::uint64_t{next_place} << (64 - depth_);
  }

  void Clear() {
    for (std::size_t i = directory_.size(); i-- > 0;) {
      // A shard's last place in the directory has all bits below its depth set.
      if (IsLastPlace(i)) door_->Free(kLayer, directory_[i]);
    }
    directory_.Free();
    depth_ = 0;
    size_ = 0;
  }

  /// Adds shards and directory to `layer`: live slots, shard heads and the directory are used,
  /// tombstones dead, empty slots slack.
  void AddTo(Layer* layer) const {
    directory_.AddTo(layer);
    ForEachShard([&](const Shard& shard) {
      layer->count += shard.live;
      layer->AddBlock(&shard, sizeof(Shard) + shard.live * Slots::kSlotBytes,
                      (shard.used - shard.live) * Slots::kSlotBytes);
    });
  }

 private:
  static constexpr std::size_t kSmallestCapacity = 8;
  static constexpr std::size_t kLargestCapacity = 512;
  static constexpr unsigned kLargestDepth = 32;  // of equal hashes there are too many beyond it

  struct Shard {
    std::uint16_t capacity;
    std::uint16_t live;
    std::uint16_t used;  // live and tombstones; always below capacity, so that probing ends
    std::uint16_t depth;

    std::uint8_t* slots() { return reinterpret_cast<std::uint8_t*>(this + 1); }
    const std::uint8_t* slots() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
    std::size_t Home(std::uint64_t hash) const { return ((hash & 0xFFFFFFFF) * capacity) >> 32; }
    std::size_t Next(std::size_t at) const { return at + 1 == capacity ? 0 : at + 1; }
  };
  static_assert(sizeof(Shard) == 8);

  static std::size_t Limit(std::size_t capacity) { return capacity - capacity / 8; }
  // Room for `live` and a quarter of growth beyond, in multiples of eight slots.
  static std::size_t CapacityFor(std::size_t live) {
    const std::size_t wanted = (live * 8 / 7 + live / 6 + 8) / 8 * 8;
    // The largest size is used up before a split.
    if (wanted > kLargestCapacity && live <= Limit(kLargestCapacity)) return kLargestCapacity;
    return std::max(wanted, kSmallestCapacity);
  }

  std::size_t DirectoryIndex(std::uint64_t hash) const {
    return depth_ == 0 ? 0 : static_cast<std::size_t>(hash >> (64 - depth_));
  }
  bool IsLastPlace(std::size_t index) const {
    return index + 1 == directory_.size() || directory_[index + 1] != directory_[index];
  }
  template <class Visit>
  void ForEachShard(Visit visit) const {
    for (std::size_t i = 0; i < directory_.size(); ++i) {
      if (IsLastPlace(i)) visit(*directory_[i]);
    }
  }

  Shard* NewShard(std::size_t capacity, unsigned depth) {
    const std::size_t bytes = sizeof(Shard) + capacity * Slots::kSlotBytes;
    Shard* const shard = static_cast<Shard*>(door_->TryAllocate(kLayer, bytes));
    if (shard == nullptr) return nullptr;
    std::memset(static_cast<void*>(shard), 0, bytes);
    shard->capacity = static_cast<std::uint16_t>(capacity);
    shard->depth = static_cast<std::uint16_t>(depth);
    return shard;
  }

  static void Place(Shard* shard, std::uint64_t hash, std::uint64_t payload) {
    std::size_t at = shard->Home(hash);
    while (Slots::Payload(shard->slots(), shard->capacity, at) != kNoPayload) at = shard->Next(at);
    Slots::Store(shard->slots(), shard->capacity, at, Slots::Tag(hash), payload);
    ++shard->live;
    ++shard->used;
  }

  static std::size_t PlaceOf(const Shard& shard, std::uint64_t hash, std::uint64_t payload) {
    std::size_t at = shard.Home(hash);
    while (Slots::Payload(shard.slots(), shard.capacity, at) != payload) {
      assert(Slots::Payload(shard.slots(), shard.capacity, at) != kNoPayload);
      at = shard.Next(at);
    }
    return at;
  }

  template <class Visit>
  static void ForEachSlot(const Shard& shard, Visit visit) {
    for (std::size_t at = 0; at < shard.capacity; ++at) {
      const std::uint64_t payload = Slots::Payload(shard.slots(), shard.capacity, at);
      if (payload >= kFirstPayload) visit(payload);
    }
  }

  // A shard's places in the directory lie side by side: the first of them, and how many.
  std::size_t FirstPlace(const Shard& shard, std::uint64_t hash) const {
    return DirectoryIndex(hash) / Places(shard) * Places(shard);
  }
  std::size_t Places(const Shard& shard) const { return std::size_t{1} << (depth_ - shard.depth); }

  template <class HashOf>
  bool Rebuild(std::uint64_t hash, std::size_t capacity, HashOf hash_of) {
    Shard* const shard = directory_[DirectoryIndex(hash)];
    Shard* const rebuilt = NewShard(capacity, shard->depth);
    if (rebuilt == nullptr) return false;
    ForEachSlot(*shard, [&](std::uint64_t payload) { Place(rebuilt, hash_of(payload), payload); });
    std::fill_n(directory_.begin() + FirstPlace(*shard, hash), Places(*shard), rebuilt);
    door_->Free(kLayer, shard);
    return true;
  }

  template <class HashOf>
  bool Split(std::uint64_t hash, HashOf hash_of) {
    Shard* const shard = directory_[DirectoryIndex(hash)];
    const unsigned depth = shard->depth + 1u;
    if (depth > kLargestDepth) return false;
    std::size_t ones = 0;
    ForEachSlot(*shard,
                [&](std::uint64_t payload) { ones += hash_of(payload) >> (64 - depth) & 1; });
    if (depth > depth_ && !DoubleDirectory()) return false;
    Shard* const low = NewShard(CapacityFor(shard->live - ones), depth);
    Shard* const high = NewShard(CapacityFor(ones), depth);
    if (low == nullptr || high == nullptr) {
      door_->Free(kLayer, low);
      door_->Free(kLayer, high);
      return false;
    }
    ForEachSlot(*shard, [&](std::uint64_t payload) {
      const std::uint64_t its_hash = hash_of(payload);
      Place((its_hash >> (64 - depth) & 1) != 0 ? high : low, its_hash, payload);
    });
    const std::size_t first = FirstPlace(*shard, hash);
    const std::size_t half = Places(*shard) / 2;
    std::fill_n(directory_.begin() + first, half, low);
    std::fill_n(directory_.begin() + first + half, half, high);
    door_->Free(kLayer, shard);
    return true;
  }

  bool DoubleDirectory() {
    const std::size_t places = std::max<std::size_t>(directory_.size(), 1);
    if (!directory_.TryReserve(2 * places)) return false;
    directory_.SetSize(2 * places);
    for (std::size_t i = places; i-- > 0;)
      directory_[2 * i] = directory_[2 * i + 1] = directory_[i];
    ++depth_;
    return true;
  }

  MemoryDoor* door_;
  TryArray<Shard*, kLayer> directory_;
  unsigned depth_ = 0;
  std::size_t size_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_SHARD_TABLE_H_
