// The states of glibc's arenas, where their chunks end and what lies in their fast bins.
//
//     arena       │ lock │ flags │ … │ 10 fast bins │ top │ … │ 127 bins │ … │ next arena │ …
//     fast bin    → chunk → chunk → …     by size, each linked by the first word of its block,
//                                         scrambled by that word's own address
//
// A block in a fast bin is free, but its chunk says that it is in use, so that it does not merge
// with its neighbours; mallinfo2 has the sum of them, which is not enough: a thread that ends puts
// into fast bins what it kept, with the mark on it, and the walk would count it twice.
//
// The state of the main arena is a variable of libc's without a name. It is known by its links:
// each bin's first chunk leads back to the bin, and the arenas are in a ring.
//
// Threads: safe from any; what others do meanwhile may cut a list short.
#ifndef STRATA_ACCOUNTING_GLIBC_ARENAS_H_
#define STRATA_ACCOUNTING_GLIBC_ARENAS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "accounting/proc_maps.h"

namespace strata {

/// struct malloc_chunk of malloc/malloc.c: what is or'ed to its size, the least there is, and what
/// its address and size are multiples of.
inline constexpr std::uint64_t kChunkFlags = 7;
inline constexpr std::uint64_t kLeastChunkBytes = 32;
inline constexpr std::uintptr_t kChunkAlignment = 16;

/// The address of the main arena's state; 0 where it is not laid out as in the glibc that is known.
std::uintptr_t MainArena(OwnMemory& memory);

/// The main arena's state and all the others'; none where the main one's is not found.
std::vector<std::uintptr_t> AllArenas(OwnMemory& memory);

/// The address of an arena's last chunk, from which it takes new ones.
std::uintptr_t TopOf(std::uintptr_t arena, OwnMemory& memory);

/// Whether the main arena has had to take memory elsewhere than behind the program's break.
bool IsInPieces(std::uintptr_t main_arena, OwnMemory& memory);

/// The first byte behind an arena's state that may belong to a chunk.
std::uintptr_t EndOfState(std::uintptr_t arena);

/// Blocks in fast bins. Sizes are of whole chunks.
struct FastBlocks {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t marked_blocks = 0;  ///< of them with the mark of a thread's cache still on them
  std::uint64_t marked_bytes = 0;
};

/// Of one arena. `mark` is what glibc writes into blocks that a thread keeps.
FastBlocks CountFastBlocks(std::uintptr_t arena, std::optional<std::uint64_t> mark,
                           OwnMemory& memory);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_GLIBC_ARENAS_H_
