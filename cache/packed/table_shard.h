// The two kinds of blocks that a hash table in shards is made of (shard_table.h).
//
//     directory  born, depth │ shard │ shard │ …    2^depth places, by a hash's top bits
//     shard      born, capacity, depth, live, used │ slot │ slot │ …
//
// A shard of a smaller depth than its directory stands in as many places side by side.
//
// Threads: one writer. Readers beside it look at a directory's depth and places, and at a shard's
// capacity, depth and slots; the counts are the writer's.
#ifndef STRATA_CACHE_PACKED_TABLE_SHARD_H_
#define STRATA_CACHE_PACKED_TABLE_SHARD_H_

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "cache/packed/eras.h"
#include "cache/packed/slots.h"

namespace strata::packed {

template <class Slots>
struct TableShard {
  Era born;
  std::uint16_t capacity;
  std::uint16_t depth;
  std::uint16_t live;
  std::uint16_t used;  // live and tombstones; always below capacity, so that probing ends

  std::size_t size_bytes() const { return sizeof(TableShard) + capacity * Slots::kSlotBytes; }
  // Slots are atomics, or nobody reads beside the writer.
  std::uint8_t* slots() const {
    return reinterpret_cast<std::uint8_t*>(const_cast<TableShard*>(this) + 1);
  }
  std::size_t Home(std::uint64_t hash) const { return ((hash & 0xFFFFFFFF) * capacity) >> 32; }
  std::size_t Next(std::size_t at) const { return at + 1 == capacity ? 0 : at + 1; }

  std::uint64_t PayloadAt(std::size_t at) const {
    bool ignored = false;
    return Slots::Load(slots(), capacity, at, 0, &ignored);
  }
  /// Where a payload is that is there.
  std::size_t PlaceOf(std::uint64_t hash, std::uint64_t payload) const {
    std::size_t at = Home(hash);
    while (PayloadAt(at) != payload) {
      assert(PayloadAt(at) != kNoPayload);
      at = Next(at);
    }
    return at;
  }
  /// Adds a payload; there is an empty slot.
  void Add(std::uint64_t hash, std::uint64_t payload) {
    std::size_t at = Home(hash);
    while (PayloadAt(at) != kNoPayload) at = Next(at);
    Slots::Store(slots(), capacity, at, Slots::Tag(hash), payload);
    ++live;
    ++used;
  }
  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::size_t at = 0; at < capacity; ++at) {
      const std::uint64_t payload = PayloadAt(at);
      if (payload >= kFirstPayload) visit(payload);
    }
  }
};

template <class Shard>
struct ShardDirectory {
  Era born;
  std::uint64_t depth;

  std::atomic<Shard*>* places() const {
    return reinterpret_cast<std::atomic<Shard*>*>(const_cast<ShardDirectory*>(this) + 1);
  }
  std::size_t size() const { return std::size_t{1} << depth; }
  std::size_t size_bytes() const { return sizeof(ShardDirectory) + size() * sizeof(Shard*); }
  Shard* At(std::size_t place) const { return places()[place].load(std::memory_order_acquire); }
  std::size_t PlaceOf(std::uint64_t hash) const {
    return depth == 0 ? 0 : static_cast<std::size_t>(hash >> (64 - depth));
  }
  Shard* ShardOf(std::uint64_t hash) const { return At(PlaceOf(hash)); }
  /// The first hash of a place.
  std::uint64_t HashAt(std::size_t place) const {
    return depth == 0 ? 0 : std::uint64_t{place} << (64 - depth);
  }
  bool IsLastPlace(std::size_t place) const {
    return place + 1 == size() || At(place + 1) != At(place);
  }
  // A shard's places lie side by side: the first of them, and how many.
  std::size_t Places(const Shard& shard) const { return std::size_t{1} << (depth - shard.depth); }
  std::size_t FirstPlace(const Shard& shard, std::uint64_t hash) const {
    return PlaceOf(hash) / Places(shard) * Places(shard);
  }
  void Fill(std::size_t first, std::size_t count, Shard* shard) {
    for (std::size_t i = 0; i < count; ++i) {
      places()[first + i].store(shard, std::memory_order_release);
    }
  }
  /// The smallest depth at which no place would lead to two shards.
  std::size_t LeastDepth() const {
    for (std::size_t least = depth; least > 0; --least) {
      // At that depth every second place begins a pair.
      const std::size_t places_each = std::size_t{1} << (depth - least);
      for (std::size_t place = 0; place < size(); place += 2 * places_each) {
        if (At(place) != At(place + places_each)) return least;
      }
    }
    return 0;
  }
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_TABLE_SHARD_H_
