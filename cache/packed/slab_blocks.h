// The memory of very many small structures: the shards and directories of all hash tables
// (shard_table.h), and the key lists of shapes (shapes.h).
//
//     loose    a block of the allocator's each, as writes ask for them
//     packed   one behind the other in slabs of up to 256 KiB
//              │ block │ block │░freed░│ block │ … room │
//
// They come, grow and go in any order, and a page of the allocator's stays while one block on it
// lives: of a tenth of all blocks, each on a page of its own, the pages would be ten times what the
// blocks take. So when much was freed, Maintain copies all that is left into new slabs
// (ShardTable::Tidy, Shapes::BeginGivingUp). A slab goes back to the allocator with its last block.
//
// What fails: TryAllocate, for want of memory.
//
// Threads: the writer's.
#ifndef STRATA_CACHE_PACKED_SLAB_BLOCKS_H_
#define STRATA_CACHE_PACKED_SLAB_BLOCKS_H_

#include <cstddef>
#include <cstdint>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/layers.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

template <LayerId kLayer>
class SlabBlocks {
 public:
  explicit SlabBlocks(MemoryDoor* door) : door_(door), slabs_(door) {}
  SlabBlocks(const SlabBlocks&) = delete;
  SlabBlocks& operator=(const SlabBlocks&) = delete;

  /// A block of so many bytes, a multiple of 8, aligned to 8; null where there is no memory.
  [[nodiscard]] void* TryAllocate(std::size_t size_bytes);
  /// Takes back a block of so many bytes; null is allowed and does nothing.
  void Free(void* block, std::size_t size_bytes);
  /// What a block of so many bytes takes: what the allocator reserved for it, or its own bytes in a
  /// slab.
  std::size_t ReservedBytes(const void* block, std::size_t size_bytes) const {
    return SlabOf(block) == nullptr ? MemoryDoor::ReservedBytes(block) : size_bytes;
  }

  /// Whether packing is worth its time.
  bool WantsPacking() const;
  /// All that is there now will be packed, into slabs that are made from here on.
  void BeginPacking();
  /// Whether a block was packed since then.
  bool IsPacked(const void* block) const {
    const Slab* const slab = SlabOf(block);
    return slab != nullptr && !slab->is_old;
  }
  /// What was freed in slabs of which something is left.
  std::size_t hole_bytes() const;
  /// While blocks are packed, that one of so many bytes is replaced by what was, or will be.
  void NoteReplaced(std::size_t size_bytes) {
    if (packs_) replaced_bytes_ += size_bytes;
  }
  /// All that was there is packed; so many bytes of what it was copied from are still to be freed.
  void EndPacking(std::uint64_t kept_bytes) {
    freed_bytes_ = -static_cast<std::int64_t>(kept_bytes);
  }
  /// While one of these lives, blocks are packed.
  class Packing {
   public:
    Packing(SlabBlocks* blocks, bool packs) : blocks_(blocks) { blocks_->packs_ = packs; }
    Packing(const Packing&) = delete;
    Packing& operator=(const Packing&) = delete;
    ~Packing() { blocks_->packs_ = false; }

   private:
    SlabBlocks* blocks_;
  };

  /// What is not as it must be among the slabs; null where all is. (Whether they count what they
  /// hold the footprint shows, which has it from the tables.)
  const char* Fault() const;
  /// Adds the slabs' list, and of the slabs, which it counts, what no block takes: what was freed
  /// is dead, the room behind the last one slack.
  void AddTo(Layer* layer) const;

 private:
  static constexpr std::size_t kSlabBytes = (std::size_t{256} << 10) - 16;  // with malloc's head
  static constexpr std::size_t kLeastSlabBytes = std::size_t{4} << 10;
  // So little freed is not worth a packing, nor is so small a part of what is held.
  static constexpr std::int64_t kFewBytes = std::int64_t{64} << 10;
  static constexpr std::int64_t kFreedShare = 4;

  struct Slab {
    std::uint8_t* begin;
    std::size_t size_bytes;
    std::size_t filled;  // by blocks, freed ones too
    std::size_t live;    // of those that were not freed
    bool is_old;         // made before BeginPacking
  };

  const Slab* SlabOf(const void* block) const;
  void* TryPack(std::size_t size_bytes);
  std::size_t BytesLeftToPack() const;
  [[nodiscard]] bool AddSlab(std::size_t least_bytes);

  MemoryDoor* door_;
  TryArray<Slab, kLayer> slabs_;     // by their addresses
  std::uint8_t* filling_ = nullptr;  // the slab that is being filled, if any
  std::size_t live_bytes_ = 0;       // of all blocks
  std::size_t to_pack_bytes_ = 0;
  // Since BeginPacking; what replaces blocks may be less than they are.
  std::size_t packed_bytes_ = 0;
  std::size_t replaced_bytes_ = 0;
  std::int64_t freed_bytes_ = 0;  // since the last packing
  bool packs_ = false;
};

extern template class SlabBlocks<kIndex>;
extern template class SlabBlocks<kDictionaryIndex>;
extern template class SlabBlocks<kShapes>;
using IndexBlocks = SlabBlocks<kIndex>;

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_SLAB_BLOCKS_H_
