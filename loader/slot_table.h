// A table of small plain slots found by hash: open addressing, linear probing, no tombstones. Its
// bytes come through a door, so that they are counted and can be found.
//
// A Slot is all zero where it is free, and has
//     bool free() const;
//     std::uint64_t home() const;                 where probing begins; evenly spread bits
//     bool SameKey(const Slot& other) const;
//
// Bytes: slots at most 4/5 full, doubled beyond; while it grows the old ones too.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_SLOT_TABLE_H_
#define STRATA_LOADER_SLOT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "loader/kept_layers.h"

namespace strata {

template <class Slot>
class SlotTable {
  static_assert(std::is_trivially_copyable_v<Slot>);

 public:
  SlotTable() = default;
  SlotTable(const SlotTable&) = delete;
  SlotTable& operator=(const SlotTable&) = delete;
  ~SlotTable() { Clear(); }

  std::size_t size() const { return size_; }

  /// Null where the key is not there. Valid until the table changes.
  Slot* Find(const Slot& key) {
    if (slots_ == nullptr) return nullptr;
    Slot* const slot = &slots_[Probe(slots_, count_, key)];
    return slot->free() ? nullptr : slot;
  }
  const Slot* Find(const Slot& key) const { return const_cast<SlotTable*>(this)->Find(key); }

  /// The slot of that key, made equal to `slot` where there was none; whether it is new. Throws
  /// std::bad_alloc and leaves the table as it was.
  std::pair<Slot*, bool> Insert(const Slot& slot) {
    if ((size_ + 1) * 5 > count_ * 4) Grow();
    Slot* const at = &slots_[Probe(slots_, count_, slot)];
    if (!at->free()) return {at, false};
    *at = slot;
    ++size_;
    return {at, true};
  }

  void Erase(const Slot& key) {
    Slot* const found = Find(key);
    if (found == nullptr) return;
    --size_;
    // What probing would not find beyond the hole moves into it.
    std::size_t hole = static_cast<std::size_t>(found - slots_);
    for (std::size_t next = Next(hole); !slots_[next].free(); next = Next(next)) {
      const std::size_t home = slots_[next].home() & (count_ - 1);
      if (((next - home) & (count_ - 1)) < ((next - hole) & (count_ - 1))) continue;
      slots_[hole] = slots_[next];
      hole = next;
    }
    slots_[hole] = Slot{};
  }

  /// Erases the slots that `keep` does not keep, of which it may be asked twice; gives memory back
  /// where few are left.
  template <class Keep>
  void Sift(const Keep& keep) {
    for (std::size_t index = 0; index < count_;) {
      // What an erasure moves into the hole comes from behind it, or was kept before.
      if (slots_[index].free() || keep(std::as_const(slots_[index]))) {
        ++index;
      } else {
        Erase(Slot(slots_[index]));
      }
    }
    if (size_ == 0) Clear();
    std::size_t count = kFirstSlots;
    while (count < size_ * 2) count *= 2;
    // Kept as it is where there is no memory for a smaller one beside it.
    if (count * 8 <= count_) (void)Resize(count);
  }

  /// Calls `change` for each slot, of which it may change what is not the key nor makes it free.
  template <class Change>
  void ForEach(const Change& change) {
    for (std::size_t index = 0; index < count_; ++index) {
      if (!slots_[index].free()) change(&slots_[index]);
    }
  }

  void Clear() {
    door_.Free(kLayer, slots_);
    slots_ = nullptr;
    count_ = 0;
    size_ = 0;
  }

  /// Adds it to the layer `name`, which is made where there is none, and the door's sum.
  void AddLayer(std::string_view name, Footprint* footprint) const {
    AddToLayer(name, slots_, size_ * sizeof(Slot), size_, door_, footprint);
  }

 private:
  static constexpr LayerId kLayer = 0;
  static constexpr std::size_t kFirstSlots = 16;

  std::size_t Next(std::size_t index) const { return (index + 1) & (count_ - 1); }
  // The slot of the key, or the free one where it would be.
  static std::size_t Probe(const Slot* slots, std::size_t count, const Slot& key) {
    std::size_t index = key.home() & (count - 1);
    while (!slots[index].free() && !slots[index].SameKey(key)) index = (index + 1) & (count - 1);
    return index;
  }
  void Grow() {
    if (!Resize(count_ == 0 ? kFirstSlots : count_ * 2)) throw std::bad_alloc();
  }
  bool Resize(std::size_t count) {
    void* const block = door_.TryAllocate(kLayer, count * sizeof(Slot));
    if (block == nullptr) return false;
    std::memset(block, 0, count * sizeof(Slot));
    Slot* const slots = static_cast<Slot*>(block);
    for (std::size_t i = 0; i < count_; ++i) {
      if (!slots_[i].free()) slots[Probe(slots, count, slots_[i])] = slots_[i];
    }
    door_.Free(kLayer, slots_);
    slots_ = slots;
    count_ = count;
    return true;
  }

  MemoryDoor door_;
  Slot* slots_ = nullptr;
  std::size_t count_ = 0;  // a power of two, or 0
  std::size_t size_ = 0;
};

}  // namespace strata

#endif  // STRATA_LOADER_SLOT_TABLE_H_
