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
// 512 slots and the memory never doubles; Tidy joins halves that have become small. A slot is
// erased by a tombstone, and never taken again before a rebuild: who probes beside the writer
// misses nothing.
//
// What fails: only TryGrow asks for memory. After it said yes, one Insert cannot fail.
//
// Threads: one writer. Where TableMemory names eras, any number of readers beside it (Find,
// visits): they see each slot whole, shards and directories are replaced whole and retired.
#ifndef STRATA_CACHE_PACKED_SHARD_TABLE_H_
#define STRATA_CACHE_PACKED_SHARD_TABLE_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/eras.h"
#include "cache/packed/prefetch.h"
#include "cache/packed/retired_blocks.h"
#include "cache/packed/slab_blocks.h"
#include "cache/packed/slots.h"
#include "cache/packed/table_shard.h"

namespace strata::packed {

/// Where a table's memory comes from and goes to. Without `retired` there are no readers beside the
/// writer, and what is replaced is freed at once.
template <LayerId kLayer>
struct TableMemory {
  SlabBlocks<kLayer>* blocks;
  const Eras* eras = nullptr;
  RetiredBlocks* retired = nullptr;

  void* TryAllocate(std::size_t bytes) const { return blocks->TryAllocate(bytes); }
  template <class Block>
  void Free(Block* block) const {
    if (block != nullptr) blocks->Free(block, block->size_bytes());
  }
  template <class Block>
  std::size_t ReservedBytes(const Block& block) const {
    return blocks->ReservedBytes(&block, block.size_bytes());
  }
};

/// How far TidySome has come.
struct TidiedSoFar {
  std::uint64_t from = 0;  // the hash it goes on at; 0: it is not under way
  bool packs = false;
};

/// Trivial to destroy, and empty when all its bytes are 0: Clear gives the memory back.
template <class Slots, LayerId kLayer>
class ShardTable {
 public:
  using Memory = TableMemory<kLayer>;

  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  /// The payload under `hash` that `matches(payload)` accepts; kNoPayload where there is none, or
  /// where the pin's era moved on.
  template <class Matches>
  std::uint64_t Find(std::uint64_t hash, ReadPin& pin, Matches matches) const {
    Shard* const shard = ShardOf(hash, pin);
    if (shard == nullptr) return kNoPayload;
    const std::uint64_t tag = Slots::Tag(hash);
    for (std::size_t at = shard->Home(hash);; at = shard->Next(at)) {
      bool tag_fits = false;
      const std::uint64_t payload =
          Slots::Load(shard->slots(), shard->capacity, at, tag, &tag_fits);
      if (payload == kNoPayload) return kNoPayload;
      if (payload == kTombstone || !tag_fits) continue;
      if (!Holds(pin)) return kNoPayload;
      if (matches(payload)) return payload;
      if (pin.moved) return kNoPayload;
    }
  }

  // For who looks many keys up at once: each step loads what the step before has fetched.
  void PrefetchDirectory() const { PrefetchLine(directory_.load(std::memory_order_relaxed)); }
  void PrefetchShard(std::uint64_t hash, ReadPin& pin) const {
    if (const Shard* const shard = ShardOf(hash, pin)) PrefetchLine(shard);
  }
  void PrefetchSlot(std::uint64_t hash, ReadPin& pin) const {
    Shard* const shard = ShardOf(hash, pin);
    if (shard == nullptr) return;
    const std::size_t home = shard->Home(hash);
    PrefetchLine(Slots::Address(shard->slots(), home));
    if constexpr (Slots::kSlotBytes < 8) {
      PrefetchLine(shard->slots() + std::size_t{shard->capacity} * 4 + home);
    }
  }
  /// The first payload with the hash's tag: most often the one.
  std::uint64_t Guess(std::uint64_t hash, ReadPin& pin) const {
    return Find(hash, pin, [](std::uint64_t) { return true; });
  }

  /// Makes room for one Insert of `hash`; `hash_of(payload)` gives the hash of what is there, and
  /// `hash_of.Fetch(payload, step)`, for steps from 0 to below kFetchSteps, prefetches what that
  /// will look at. False: no memory, nothing changed.
  template <class HashOf>
  [[nodiscard]] bool TryGrow(const Memory& memory, std::uint64_t hash, HashOf hash_of) {
    if (directory() == nullptr) {
      Directory* const first = NewDirectory(memory, 0);
      Shard* const shard = NewShard(memory, kSmallestCapacity, 0);
      if (first == nullptr || shard == nullptr) {
        memory.Free(first);
        memory.Free(shard);
        return false;
      }
      first->places()[0].store(shard, std::memory_order_relaxed);
      directory_.store(first, std::memory_order_release);
      return true;
    }
    while (true) {
      Shard* const shard = ShardOf(hash);
      if (shard->used + std::size_t{1} <= Limit(shard->capacity)) return true;
      // A split retires a shard and perhaps a directory.
      if (memory.retired != nullptr && !memory.retired->TryMakeRoom(2)) return false;
      const std::size_t wanted = CapacityFor(shard->live + std::size_t{1});
      // A shard of the largest size that only lacks room for its tombstones is rebuilt where that
      // gives some: else each write after a deletion would rebuild it.
      const bool is_full = shard->live > Limit(kLargestCapacity) - kLargestCapacity / 32;
      if (is_full && shard->live < shard->used && Split(memory, hash, hash_of)) continue;
      if (wanted <= kLargestCapacity) return Rebuild(memory, hash, wanted, hash_of);
      if (!Split(memory, hash, hash_of)) return false;
    }
  }

  /// Adds a payload that is not there, after TryGrow(hash).
  void Insert(std::uint64_t hash, std::uint64_t payload) {
    Shard* const shard = ShardOf(hash);
    assert(shard->used < Limit(shard->capacity) + 1);
    shard->Add(hash, payload);
    SetSize(size() + 1);
  }

  /// Puts `to` in the place of `from`, which is there.
  void Replace(std::uint64_t hash, std::uint64_t from, std::uint64_t to) {
    Shard* const shard = ShardOf(hash);
    Slots::Store(shard->slots(), shard->capacity, shard->PlaceOf(hash, from), Slots::Tag(hash), to);
  }

  /// Takes out a payload that is there; gives memory back where it can.
  template <class HashOf>
  void Erase(const Memory& memory, std::uint64_t hash, std::uint64_t payload, HashOf hash_of) {
    Shard* const shard = ShardOf(hash);
    Slots::Store(shard->slots(), shard->capacity, shard->PlaceOf(hash, payload), 0, kTombstone);
    --shard->live;
    ++tombstones_;
    SetSize(size() - 1);
    if (shard->capacity > kSmallestCapacity && shard->live < shard->capacity / 4) {
      // A failure leaves the shard as large as it is.
      if (memory.retired != nullptr && !memory.retired->TryMakeRoom(1)) return;
      (void)Rebuild(memory, hash, CapacityFor(shard->live), hash_of);
    }
  }

  /// Whether enough was erased since shards were last rebuilt for Tidy to be worth its time; so
  /// many beside are not.
  bool WantsTidying(std::size_t few) const { return tombstones_ > few + size() / 16; }
  /// Rebuilds the shards that have many tombstones or much more room than they need, and joins
  /// those that have become small, from that of the hash `*from` on, and takes the bytes it has
  /// looked at off `*budget_bytes`. Where those are spent it ends, after one shard at the least;
  /// `*from` is then the hash to go on at, and 0 at the end, where the directory becomes as short
  /// as it may. If `copies` is set, all the others are copied, and the directory, so that they lie
  /// where memory is given out now. False where there is no memory: the rest stays as it is.
  template <class HashOf>
  bool Tidy(const Memory& memory, HashOf hash_of, bool copies, std::uint64_t* from,
            std::size_t* budget_bytes) {
    std::size_t place =
        directory() == nullptr ? 0 : directory()->FirstPlace(*ShardOf(*from), *from);
    *from = 0;
    while (directory() != nullptr && place < directory()->size()) {
      std::size_t looked_at = sizeof(Shard);
      if (!TidyShard(memory, place, hash_of, copies, &looked_at)) return false;
      *budget_bytes -= std::min(*budget_bytes, looked_at);
      place += directory()->Places(*directory()->At(place));
      if (*budget_bytes > 0 || place == directory()->size()) continue;
      *from = directory()->HashAt(place);
      return true;
    }
    if (directory() == nullptr) return true;
    const std::size_t depth = directory()->LeastDepth();
    return (!copies && depth == directory()->depth) || CopyDirectory(memory, depth);
  }

  /// For the only table of a memory, without readers: Tidy where that is worth its time, on from
  /// where the last call ended. Whether there is more of it to do; shards that are left for want of
  /// memory are wanted again the next time.
  template <class HashOf>
  bool TidySome(const Memory& memory, HashOf hash_of, TidiedSoFar* so_far,
                std::size_t budget_bytes) {
    if (so_far->from == 0) {
      so_far->packs = memory.blocks->WantsPacking();
      if (!so_far->packs && !WantsTidying(kFewTombstones)) return false;
      if (so_far->packs) memory.blocks->BeginPacking();
    }
    const typename SlabBlocks<kLayer>::Packing packing(memory.blocks, so_far->packs);
    if (!Tidy(memory, hash_of, so_far->packs, &so_far->from, &budget_bytes)) return false;
    if (so_far->from == 0 && so_far->packs) memory.blocks->EndPacking(0);
    return so_far->from != 0;
  }

  /// Calls `visit(payload)` for each; the table must not change meanwhile.
  template <class Visit>
  void ForEach(Visit visit) const {
    ForEachShard([&](const Shard& shard) { shard.ForEach(visit); });
  }

  /// Visits the payloads of the one shard that `from` falls in; the hash at which the next shard
  /// begins, 0 where this was the last. Where the pin's era moves on the visit is not whole.
  template <class Visit>
  std::uint64_t VisitShardOf(std::uint64_t from, ReadPin& pin, Visit visit) const {
    const Directory* const directory = directory_.load(std::memory_order_acquire);
    if (!Holds(pin) || directory == nullptr) return 0;
    const Shard* const shard = directory->ShardOf(from);
    if (!Holds(pin)) return 0;
    shard->ForEach([&](std::uint64_t payload) {
      if (!pin.moved && Holds(pin)) visit(payload);
    });
    const std::size_t next_place = directory->FirstPlace(*shard, from) + directory->Places(*shard);
    return next_place == directory->size() ? 0 : directory->HashAt(next_place);
  }

  /// What is not as it must be, null where all is: that each payload can be found by its hash, and
  /// the counts.
  template <class HashOf>
  const char* Fault(HashOf hash_of) const {
    std::size_t live = 0;
    std::size_t tombstones = 0;
    const Directory* const directory = this->directory();
    for (std::size_t place = 0; directory != nullptr && place < directory->size();) {
      const Shard& shard = *directory->At(place);
      if (shard.depth > directory->depth) return "a shard is deeper than its directory";
      const std::size_t end = place + directory->Places(shard);
      for (; place < end; ++place) {
        if (directory->At(place) != &shard) return "a shard does not stand in all of its places";
      }
      const auto belongs = [&](std::uint64_t hash) { return directory->ShardOf(hash) == &shard; };
      if (const char* const fault = FaultOf(shard, hash_of, belongs)) return fault;
      live += shard.live;
      tombstones += std::size_t{shard.used} - shard.live;
    }
    if (live != size()) return "a table counts other slots than its shards have";
    return tombstones == tombstones_ ? nullptr : "a table counts other tombstones than there are";
  }

  /// Gives everything back. No reader may be about.
  void Clear(const Memory& memory) {
    Directory* const directory = this->directory();
    if (directory == nullptr) return;
    directory_.store(nullptr, std::memory_order_release);
    for (std::size_t i = 0; i < directory->size(); ++i) {
      Shard* const shard = directory->At(i);
      if (directory->IsLastPlace(i)) memory.Free(shard);
    }
    memory.Free(directory);
    tombstones_ = 0;
    SetSize(0);
  }

  /// What its shards and directory take, in bytes.
  std::uint64_t size_bytes(const Memory& memory) const {
    Layer all;
    AddTo(memory, &all);
    return all.total_bytes();
  }

  /// Adds shards and directory to `layer`: live slots, shard heads and the directory are used,
  /// tombstones dead, empty slots slack.
  void AddTo(const Memory& memory, Layer* layer) const {
    const Directory* const directory = this->directory();
    if (directory == nullptr) return;
    layer->used_bytes += directory->size_bytes();
    layer->slack_bytes += memory.ReservedBytes(*directory) - directory->size_bytes();
    ForEachShard([&](const Shard& shard) {
      const std::size_t used = sizeof(Shard) + shard.live * Slots::kSlotBytes;
      const std::size_t dead = (shard.used - shard.live) * Slots::kSlotBytes;
      layer->count += shard.live;
      layer->used_bytes += used;
      layer->dead_bytes += dead;
      layer->slack_bytes += memory.ReservedBytes(shard) - used - dead;
    });
  }

 private:
  friend struct Tamper;  // tests/cache/packed_validate_test.cc
  static constexpr std::size_t kSmallestCapacity = 8;
  static constexpr std::size_t kLargestCapacity = 512;
  static constexpr std::size_t kFewTombstones = 64;
  static constexpr std::size_t kFetchedAtOnce = 32;
  // A directory of so many places may be made whatever is in the table.
  static constexpr std::size_t kFreeDirectory = std::size_t{1} << 16;
  static constexpr unsigned kLargestDepth = 32;  // of equal hashes there are too many beyond it

  using Shard = TableShard<Slots>;
  using Directory = ShardDirectory<Shard>;

  Directory* directory() const { return directory_.load(std::memory_order_relaxed); }
  // The writer's.
  Shard* ShardOf(std::uint64_t hash) const { return directory()->ShardOf(hash); }
  // A reader's; null where there is none or the era moved on.
  Shard* ShardOf(std::uint64_t hash, ReadPin& pin) const {
    const Directory* const directory = directory_.load(std::memory_order_acquire);
    if (!Holds(pin) || directory == nullptr) return nullptr;
    Shard* const shard = directory->ShardOf(hash);
    return Holds(pin) ? shard : nullptr;
  }
  void SetSize(std::size_t size) { size_.store(size, std::memory_order_relaxed); }

  static std::size_t Limit(std::size_t capacity) { return capacity - capacity / 8; }
  // Room for `live` and a quarter of growth beyond, in multiples of eight slots.
  static std::size_t CapacityFor(std::size_t live) {
    const std::size_t wanted = (live * 8 / 7 + live / 6 + 8) / 8 * 8;
    // The largest size is used up before a split.
    if (wanted > kLargestCapacity && live <= Limit(kLargestCapacity)) return kLargestCapacity;
    return std::max(wanted, kSmallestCapacity);
  }

  template <class Visit>
  void ForEachShard(Visit visit) const {
    const Directory* const directory = this->directory();
    for (std::size_t i = 0; directory != nullptr && i < directory->size(); ++i) {
      if (directory->IsLastPlace(i)) visit(*directory->At(i));
    }
  }
  template <class HashOf, class Belongs>
  static const char* FaultOf(const Shard& shard, HashOf hash_of, Belongs belongs) {
    std::size_t live = 0;
    std::size_t used = 0;
    for (std::size_t at = 0; at < shard.capacity; ++at) {
      const std::uint64_t payload = shard.PayloadAt(at);
      if (payload == kNoPayload) continue;
      ++used;
      if (payload == kTombstone) continue;
      ++live;
      const std::uint64_t hash = hash_of(payload);
      if (!belongs(hash)) return "a slot is in another shard than its hash's";
      bool tag_fits = false;
      (void)Slots::Load(shard.slots(), shard.capacity, at, Slots::Tag(hash), &tag_fits);
      if (!tag_fits) return "a slot's tag is not its hash's";
      for (std::size_t probe = shard.Home(hash); probe != at; probe = shard.Next(probe)) {
        if (shard.PayloadAt(probe) == kNoPayload) return "a slot is out of reach of its hash";
      }
    }
    if (used >= shard.capacity) return "a shard has no empty slot";
    if (live != shard.live || used != shard.used) {
      return "a shard counts other slots than it has";
    }
    return nullptr;
  }

  static Era BirthNow(const Memory& memory) {
    return memory.eras == nullptr ? 0 : memory.eras->now();
  }
  static Shard* NewShard(const Memory& memory, std::size_t capacity, std::size_t depth) {
    const std::size_t bytes = sizeof(Shard) + capacity * Slots::kSlotBytes;
    void* const block = memory.TryAllocate(bytes);
    if (block == nullptr) return nullptr;
    std::memset(block, 0, bytes);
    return new (block) Shard{.born = BirthNow(memory),
                             .capacity = static_cast<std::uint16_t>(capacity),
                             .depth = static_cast<std::uint16_t>(depth),
                             .live = 0,
                             .used = 0};
  }
  static Directory* NewDirectory(const Memory& memory, std::size_t depth) {
    const std::size_t bytes = sizeof(Directory) + (sizeof(Shard*) << depth);
    void* const block = memory.TryAllocate(bytes);
    if (block == nullptr) return nullptr;
    return new (block) Directory{.born = BirthNow(memory), .depth = depth};
  }
  // What takes a shard's place holds its live slots only.
  void RetireShard(const Memory& memory, Shard* shard) {
    tombstones_ -= static_cast<std::size_t>(shard->used - shard->live);
    Retire(memory, shard);
  }
  template <class Block>
  static void Retire(const Memory& memory, Block* block) {
    memory.blocks->NoteReplaced(block->size_bytes());
    if (memory.retired == nullptr) {
      memory.Free(block);
    } else {
      memory.retired->Add(block, block->size_bytes(), block->born);
    }
  }

  struct Hashed {
    std::uint64_t hash;
    std::uint64_t payload;
  };
  using HashedShard = std::array<Hashed, kLargestCapacity>;

  // A shard's payloads and their hashes. What these are computed from lies anywhere in memory: it
  // is fetched for many at once.
  template <class HashOf>
  static std::span<const Hashed> HashAll(const Shard& shard, HashOf hash_of, HashedShard* room) {
    std::size_t count = 0;
    shard.ForEach([&](std::uint64_t payload) { (*room)[count++].payload = payload; });
    for (std::size_t begin = 0; begin < count; begin += kFetchedAtOnce) {
      const auto group = std::span(*room).subspan(begin, std::min(kFetchedAtOnce, count - begin));
      for (int step = 0; step < HashOf::kFetchSteps; ++step) {
        for (const Hashed& hashed : group) hash_of.Fetch(hashed.payload, step);
      }
      for (Hashed& hashed : group) hashed.hash = hash_of(hashed.payload);
    }
    return std::span(*room).first(count);
  }

  // Puts one of this capacity in the shard's place; there is room to retire it.
  template <class HashOf>
  bool Rebuild(const Memory& memory, std::uint64_t hash, std::size_t capacity, HashOf hash_of) {
    const Shard& shard = *ShardOf(hash);
    return Join(memory, directory()->FirstPlace(shard, hash), directory()->Places(shard), capacity,
                hash_of);
  }

  // Calls `visit(shard, place)` for each shard that begins at one of these places; it may put
  // another there.
  template <class Visit>
  void ForEachShardIn(std::size_t place, std::size_t places, Visit visit) const {
    const std::size_t end = place + places;
    while (place < end) {
      Shard* const shard = directory()->At(place);
      const std::size_t next = place + directory()->Places(*shard);
      visit(shard, place);
      place = next;
    }
  }

  // Of how many places from this one on, where a shard begins, a single shard could hold all and
  // need not be split again before it has doubled; of the shard's own at the least.
  std::size_t PlacesToJoin(std::size_t place) const {
    const Directory& all = *directory();
    const std::size_t most = Limit(kLargestCapacity) / 2;
    std::size_t joined = all.Places(*all.At(place));
    std::size_t live = all.At(place)->live;
    // As a higher half it was looked at together with the lower.
    while (joined < all.size() && place % (2 * joined) == 0) {
      std::size_t next = place + joined;
      while (next < place + 2 * joined && live <= most) {
        live += all.At(next)->live;
        next += all.Places(*all.At(next));
      }
      if (live > most) break;
      joined *= 2;
    }
    return joined;
  }

  // A step of Tidy: the shard that begins at this place, and those that are joined with it.
  template <class HashOf>
  bool TidyShard(const Memory& memory, std::size_t place, HashOf hash_of, bool copies,
                 std::size_t* looked_at) {
    const Shard& shard = *directory()->At(place);
    const std::size_t places = PlacesToJoin(place);
    const std::size_t capacity = shard.capacity;
    const bool has_many = std::size_t{shard.used} - shard.live > capacity / 16;
    const bool is_large = CapacityFor(shard.live) < capacity - capacity / 4;
    if (has_many || is_large || places > directory()->Places(shard)) {
      std::size_t shards = 0;
      std::size_t live = 0;
      ForEachShardIn(place, places, [&](const Shard* part, std::size_t) {
        ++shards;
        live += part->live;
        *looked_at += part->size_bytes();
      });
      if (memory.retired != nullptr && !memory.retired->TryMakeRoom(shards)) return false;
      return Join(memory, place, places, CapacityFor(live), hash_of);
    }
    if (!copies) return true;
    *looked_at += capacity * Slots::kSlotBytes;
    if (memory.retired != nullptr && !memory.retired->TryMakeRoom(1)) return false;
    return Copy(memory, directory()->HashAt(place));
  }

  // Puts one shard of this capacity in the place of all that are in these; there is room to retire
  // them.
  template <class HashOf>
  bool Join(const Memory& memory, std::size_t place, std::size_t places, std::size_t capacity,
            HashOf hash_of) {
    const std::size_t depth =
        directory()->depth - static_cast<std::size_t>(std::countr_zero(places));
    Shard* const whole = NewShard(memory, capacity, depth);
    if (whole == nullptr) return false;
    HashedShard room;
    ForEachShardIn(place, places, [&](const Shard* part, std::size_t) {
      for (const Hashed& hashed : HashAll(*part, hash_of, &room)) {
        whole->Add(hashed.hash, hashed.payload);
      }
    });
    ForEachShardIn(place, places, [&](Shard* part, std::size_t first) {
      directory()->Fill(first, directory()->Places(*part), whole);
      RetireShard(memory, part);
    });
    return true;
  }

  // Puts a copy in the shard's place.
  bool Copy(const Memory& memory, std::uint64_t hash) {
    Shard* const shard = ShardOf(hash);
    Shard* const copy = NewShard(memory, shard->capacity, shard->depth);
    if (copy == nullptr) return false;
    std::memcpy(copy->slots(), shard->slots(), shard->capacity * Slots::kSlotBytes);
    copy->live = shard->live;
    copy->used = shard->used;
    directory()->Fill(directory()->FirstPlace(*shard, hash), directory()->Places(*shard), copy);
    Retire(memory, shard);
    return true;
  }

  template <class HashOf>
  bool Split(const Memory& memory, std::uint64_t hash, HashOf hash_of) {
    Shard* const shard = ShardOf(hash);
    const unsigned depth = shard->depth + 1u;
    if (depth > kLargestDepth) return false;
    const auto is_high = [depth](const Hashed& hashed) {
      return (hashed.hash >> (64 - depth) & 1) != 0;
    };
    HashedShard room;
    const std::span<const Hashed> all = HashAll(*shard, hash_of, &room);
    const auto ones = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_high));
    Shard* const low = NewShard(memory, CapacityFor(shard->live - ones), depth);
    Shard* const high = NewShard(memory, CapacityFor(ones), depth);
    if (low == nullptr || high == nullptr ||
        (depth > directory()->depth && !DoubleDirectory(memory))) {
      memory.Free(low);
      memory.Free(high);
      return false;
    }
    for (const Hashed& hashed : all) {
      (is_high(hashed) ? high : low)->Add(hashed.hash, hashed.payload);
    }
    const std::size_t first = directory()->FirstPlace(*shard, hash);
    const std::size_t half = directory()->Places(*shard) / 2;
    directory()->Fill(first, half, low);
    directory()->Fill(first + half, half, high);
    RetireShard(memory, shard);
    return true;
  }

  bool DoubleDirectory(const Memory& memory) {
    const Directory& old = *directory();
    // Hashes that agree in so many bits are not chance, and no directory tells them apart.
    if (2 * old.size() > std::max(kFreeDirectory, size())) return false;
    return CopyDirectory(memory, old.depth + 1);
  }
  // Puts one of this depth, at which all shards have a place, in the directory's place.
  bool CopyDirectory(const Memory& memory, std::size_t depth) {
    Directory* const old = directory();
    if (memory.retired != nullptr && !memory.retired->TryMakeRoom(2)) return false;
    Directory* const copy = NewDirectory(memory, depth);
    if (copy == nullptr) return false;
    for (std::size_t i = 0; i < copy->size(); ++i) {
      copy->Fill(i, 1, old->ShardOf(copy->HashAt(i)));
    }
    directory_.store(copy, std::memory_order_release);
    Retire(memory, old);
    return true;
  }

  std::atomic<Directory*> directory_;
  std::atomic<std::size_t> size_;
  std::size_t tombstones_;  // in all shards
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_SHARD_TABLE_H_
