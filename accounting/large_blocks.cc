#include "accounting/large_blocks.h"

#include <map>
#include <mutex>
#include <new>

namespace strata {
namespace {

struct Blocks {
  std::mutex mutex;
  std::map<void*, std::size_t> sizes;
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

}  // namespace strata
