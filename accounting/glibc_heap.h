// Walks the heaps of glibc's malloc, block by block, and says what each byte of them is.
//
//     main heap   │ chunk │ chunk │ … │ top │          [heap], up to the program's break
//     other heaps │ state of heap and arena │ chunk │ … │ top │   at multiples of 64 MiB
//     mapped      │ 0 │ size|2 │ block …   │           a large block's own mapping
//
//     chunk       │ size of the one before, if that is free │ size|flags │ block … │
//                   flags: 1 the one before is in use, 2 mapped, 4 of another heap than the main
//                   one
//
// Where the fragmentation is: glibc tells how much of the heap is free (mallinfo2), not how much of
// that is still resident, since malloc_trim gives pages in the middle back. So the walk asks the
// kernel for the state of each page (pagemap) and counts, of free blocks, the bytes on pages that
// are there. What of the caches' blocks is not there is the doors' to say (large_blocks.h): of
// other blocks in use no term has anything.
//
// The main heap is not always one row of chunks. Where somebody else moves the program's break, two
// chunks of only a header (fences) end the row, and another begins behind what is his. Where the
// break cannot move, the heap goes on in pieces that are mapped, without a head, each such a row.
//
// Threads: safe from any. Threads that allocate meanwhile lead the walk astray: a heap where that
// happens is walked again a few times, and the best walk of it counts. There the walk finds its way
// back behind the place, and says how many bytes it does not know. It takes nothing for free that
// the chunk behind does not say is free, with the same size.
#ifndef STRATA_ACCOUNTING_GLIBC_HEAP_H_
#define STRATA_ACCOUNTING_GLIBC_HEAP_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "accounting/proc_maps.h"

namespace strata {

/// What the heaps are made of. Blocks in use and free ones add up to all heaps; sizes are of whole
/// chunks, the 8 bytes of each one's header included.
struct GlibcHeap {
  std::uint64_t heap_bytes = 0;     ///< of all heaps, chunks and tops, without their states
  std::uint64_t in_use_blocks = 0;  ///< handed out; none of those mapped on their own
  std::uint64_t in_use_bytes = 0;
  std::uint64_t mapped_blocks = 0;  ///< handed out, with a mapping each
  std::uint64_t mapped_bytes = 0;
  std::uint64_t free_bytes = 0;           ///< in bins, to be handed out again
  std::uint64_t resident_free_bytes = 0;  ///< of them on resident pages: the fragmentation
  std::uint64_t cached_bytes = 0;         ///< kept by threads for themselves
  std::uint64_t resident_cached_bytes = 0;
  std::uint64_t fast_bytes = 0;  ///< free, in fast bins; all of them are resident
  std::uint64_t top_bytes = 0;   ///< at the ends of heaps, never handed out, or not lately
  std::uint64_t resident_top_bytes = 0;
  std::uint64_t resident_state_bytes = 0;  ///< the states of heaps and arenas but the main one's
  std::uint64_t unwalked_bytes = 0;        ///< of heaps, where threads led the walk astray
};

/// Walks now. `mappings` are those of a moment ago. Unavailable where /proc cannot be read.
absl::StatusOr<GlibcHeap> WalkGlibcHeap(const std::vector<Mapping>& mappings,
                                        const PageMap& page_map);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_GLIBC_HEAP_H_
