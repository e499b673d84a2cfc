// Blocks of memory that are out of readers' reach but may still be looked at: kept until no guard
// lies between their birth and their retirement (eras.h).
//
// Room is made before a block is taken out of reach, so that retiring it cannot fail.
//
// Threads: the writer's.
#ifndef STRATA_CACHE_PACKED_RETIRED_BLOCKS_H_
#define STRATA_CACHE_PACKED_RETIRED_BLOCKS_H_

#include <cstddef>
#include <cstdint>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/eras.h"
#include "cache/packed/layers.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

class RetiredBlocks {
 public:
  RetiredBlocks(MemoryDoor* door, const Eras* eras) : door_(door), eras_(eras), blocks_(door) {}
  ~RetiredBlocks() {
    for (const Block& block : blocks_) door_->Free(block.layer, block.address);
  }

  /// Room for `count` blocks; false where there is no memory.
  [[nodiscard]] bool TryMakeRoom(std::size_t count) {
    return blocks_.TryReserve(blocks_.size() + count);
  }
  /// Takes over a block that TryMakeRoom made room for.
  void Add(LayerId layer, void* address, Era born) {
    blocks_.SetSize(blocks_.size() + 1);
    blocks_.back() = {address, born, eras_->now(), layer};
    bytes_ += MemoryDoor::ReservedBytes(address);
  }

  /// Frees what the guards found by the last Advance do not pin.
  void FreeUnpinned() {
    std::size_t kept = 0;
    for (const Block& block : blocks_) {
      if (eras_->Pinned(block.born, block.retired)) {
        blocks_[kept++] = block;
        continue;
      }
      bytes_ -= MemoryDoor::ReservedBytes(block.address);
      door_->Free(block.layer, block.address);
    }
    blocks_.SetSize(kept);
    if (kept == 0) blocks_.Free();
  }

  std::uint64_t bytes() const { return bytes_; }
  bool empty() const { return blocks_.empty(); }
  /// What waits here, and the list itself.
  void AddTo(Layer* retained, Layer* list) const {
    for (const Block& block : blocks_) {
      ++retained->count;
      retained->dead_bytes += MemoryDoor::ReservedBytes(block.address);
    }
    blocks_.AddTo(list);
  }

 private:
  struct Block {
    void* address;
    Era born;
    Era retired;
    LayerId layer;
  };

  MemoryDoor* door_;
  const Eras* eras_;
  TryArray<Block, kScratch> blocks_;
  std::uint64_t bytes_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_RETIRED_BLOCKS_H_
