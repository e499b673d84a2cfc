// The large blocks that doors have from the allocator, process-wide: of small ones every page is
// touched, of these some may never have been, and only what is resident is anonymous memory.
//
// Those that jemalloc gives pages of their own are among them, so that their pages can be told from
// free ones.
//
// Bytes: a node of about 50 a block, on the heap, which LargeBlockNoteBytes has; blocks have 16 KiB
// at least.
//
// Threads: any; calls take turns, which no smaller block does.
#ifndef STRATA_ACCOUNTING_LARGE_BLOCKS_H_
#define STRATA_ACCOUNTING_LARGE_BLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include <strata/memory_door.h>

namespace strata {

inline constexpr std::size_t kLargeBlockBytes = std::size_t{16} << 10;

/// Notes a block of kLargeBlockBytes or more; for want of memory it does not.
void NoteLargeBlock(void* block, std::size_t size_bytes) noexcept;
/// The block is about to be given back.
void ForgetLargeBlock(void* block) noexcept;

/// Those that are held now, in order of addresses.
std::vector<AddressRange> LargeBlocks();

/// What the notes themselves take of the heap, as the allocator rounds it.
std::uint64_t LargeBlockNoteBytes();

}  // namespace strata

#endif  // STRATA_ACCOUNTING_LARGE_BLOCKS_H_
