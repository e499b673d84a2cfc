#include "accounting/large_blocks.h"

#include <malloc.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <utility>

namespace strata {
namespace {

// Under the mutex of the blocks.
std::uint64_t note_bytes = 0;

// Counts what the allocator really gives.
template <class T>
struct CountingAllocator {
  using value_type = T;

  CountingAllocator() = default;
  template <class U>
  CountingAllocator(const CountingAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    void* const block = std::malloc(count * sizeof(T));
    if (block == nullptr) throw std::bad_alloc();
    note_bytes += malloc_usable_size(block);
    return static_cast<T*>(block);
  }
  void deallocate(T* block, std::size_t) noexcept {
    note_bytes -= malloc_usable_size(block);
    std::free(block);
  }
  friend bool operator==(const CountingAllocator&, const CountingAllocator&) = default;
};

struct Blocks {
  std::mutex mutex;
  std::map<void*, std::size_t, std::less<>, CountingAllocator<std::pair<void* const, std::size_t>>>
      sizes;
};

// Never destroyed: a static cache may end after it would.
Blocks& TheBlocks() {
  static Blocks* const blocks = new Blocks;
  return *blocks;
}

}  // namespace

void NoteLargeBlock(void* block, std::size_t size_bytes) noexcept {
  try {
    Blocks& blocks = TheBlocks();
    const std::lock_guard lock(blocks.mutex);
    blocks.sizes.insert_or_assign(block, size_bytes);
  } catch (const std::bad_alloc&) {
    // Its pages count as resident then.
  }
}

void ForgetLargeBlock(void* block) noexcept {
  try {
    Blocks& blocks = TheBlocks();
    const std::lock_guard lock(blocks.mutex);
    blocks.sizes.erase(block);
  } catch (const std::bad_alloc&) {
    // None was ever noted.
  }
}

std::vector<AddressRange> LargeBlocks() {
  Blocks& blocks = TheBlocks();
  const std::lock_guard lock(blocks.mutex);
  std::vector<AddressRange> ranges;
  ranges.reserve(blocks.sizes.size());
  for (const auto& [block, size_bytes] : blocks.sizes) {
    ranges.push_back({.begin = block, .size_bytes = size_bytes});
  }
  return ranges;
}

std::uint64_t LargeBlockNoteBytes() {
  const std::lock_guard lock(TheBlocks().mutex);
  return note_bytes;
}

}  // namespace strata
