// Blocks of the indexes that are out of readers' reach but may still be looked at: kept until no
// guard lies between their birth and their retirement (eras.h).
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
#include "cache/packed/slab_blocks.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

class RetiredBlocks {
 public:
  RetiredBlocks(MemoryDoor* door, const Eras* eras, IndexBlocks* memory)
      : eras_(eras), memory_(memory), blocks_(door) {}
  ~RetiredBlocks() {
    for (const Block& block : blocks_) memory_->Free(block.address, block.size_bytes);
  }

  /// Room for `count` blocks; false where there is no memory.
  [[nodiscard]] bool TryMakeRoom(std::size_t count) {
    return blocks_.TryReserve(blocks_.size() + count);
  }
  /// Takes over a block that TryMakeRoom made room for.
  void Add(void* address, std::size_t size_bytes, Era born) {
    blocks_.SetSize(blocks_.size() + 1);
    blocks_.back() = {address, size_bytes, born, eras_->now()};
    bytes_ += memory_->ReservedBytes(address, size_bytes);
  }

  /// Frees what the guards found by the last Advance do not pin.
  void FreeUnpinned() {
    std::size_t kept = 0;
    for (const Block& block : blocks_) {
      if (eras_->Pinned(block.born, block.retired)) {
        blocks_[kept++] = block;
        continue;
      }
      bytes_ -= memory_->ReservedBytes(block.address, block.size_bytes);
      memory_->Free(block.address, block.size_bytes);
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
      retained->dead_bytes += memory_->ReservedBytes(block.address, block.size_bytes);
    }
    blocks_.AddTo(list);
  }

 private:
  struct Block {
    void* address;
    std::size_t size_bytes;
    Era born;
    Era retired;
  };

  const Eras* eras_;
  IndexBlocks* memory_;
  TryArray<Block, kScratch> blocks_;
  std::uint64_t bytes_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_RETIRED_BLOCKS_H_
