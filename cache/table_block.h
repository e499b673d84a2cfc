// Where an abseil table keeps its one block of memory. The table hides that block's address, and a
// footprint walk must ask the allocator for the block's size: so the allocator writes the address
// down beside the table as it hands the block out.
//
// Threads: as the table's.
#ifndef STRATA_CACHE_TABLE_BLOCK_H_
#define STRATA_CACHE_TABLE_BLOCK_H_

#include <cstddef>

#include <strata/footprint.h>
#include <strata/memory_door.h>

namespace strata {

/// Lives beside its table, at an address that does not change while the table lives.
struct TableBlock {
  MemoryDoor* door = nullptr;
  const void* address = nullptr;  ///< of the table's block; null while it has none
};

/// The allocator of a table whose block is recorded. While a table grows it holds two blocks for a
/// moment; the newer one is the one that is kept, and freeing the older one leaves the record.
template <class T, LayerId kLayer>
class TableAllocator {
 public:
  using value_type = T;

  explicit TableAllocator(TableBlock* block) noexcept : block_(block) {}
  template <class U>
  TableAllocator(const TableAllocator<U, kLayer>& other) noexcept  // NOLINT: allocators convert
      : block_(other.block()) {}

  T* allocate(std::size_t count) {
    block_->address = block_->door->Allocate(kLayer, count * sizeof(T));
    return static_cast<T*>(const_cast<void*>(block_->address));
  }
  void deallocate(T* block, std::size_t) noexcept {
    if (block_->address == block) block_->address = nullptr;
    block_->door->Free(kLayer, block);
  }

  template <class U>
  struct rebind {
    using other = TableAllocator<U, kLayer>;
  };
  TableBlock* block() const noexcept { return block_; }

  template <class U>
  bool operator==(const TableAllocator<U, kLayer>& other) const noexcept {
    return block_ == other.block();
  }

 private:
  TableBlock* block_;
};

/// Adds a table's block to `layer`. Used: the live slots, and a control byte for every slot with
/// the 16 that follow them (absl/container/internal/raw_hash_set.h); the empty slots are slack.
template <class Table>
void AddTable(const Table& table, const TableBlock& block, Layer* layer) {
  layer->count += table.size();
  if (block.address == nullptr) return;
  constexpr std::size_t kControlTail = 16;
  layer->AddBlock(block.address, table.size() * sizeof(typename Table::value_type) +
                                     table.capacity() + kControlTail);
}

}  // namespace strata

#endif  // STRATA_CACHE_TABLE_BLOCK_H_
