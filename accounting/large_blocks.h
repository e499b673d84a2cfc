// The large blocks that doors have from the allocator, process-wide: of small ones every page is
// touched, of these some may never have been, and only what is resident is anonymous memory.
//
// Bytes: a node of about 50 a block, on the heap; blocks have 64 KiB at least.
//
// Threads: any; calls take turns, which no block below 64 KiB does.
#ifndef STRATA_ACCOUNTING_LARGE_BLOCKS_H_
#define STRATA_ACCOUNTING_LARGE_BLOCKS_H_

#include <cstddef>
#include <vector>

#include <strata/memory_door.h>

namespace strata {

inline constexpr std::size_t kLargeBlockBytes = std::size_t{64} << 10;

/// Notes a block of kLargeBlockBytes or more; for want of memory it does not.
void NoteLargeBlock(void* block, std::size_t size_bytes) noexcept;
/// The block is about to be given back.
void ForgetLargeBlock(void* block) noexcept;

/// Those that are held now.
std::vector<AddressRange> LargeBlocks();

}  // namespace strata

#endif  // STRATA_ACCOUNTING_LARGE_BLOCKS_H_
