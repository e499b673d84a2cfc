#include "accounting/glibc_arenas.h"

#include <dlfcn.h>
#include <link.h>
#include <malloc.h>

#include <atomic>

namespace strata {
namespace {

// struct malloc_state of malloc/malloc.c, glibc 2.27 to 2.41: where its fields lie.
constexpr std::uintptr_t kFlagsAt = 4;
constexpr std::uintptr_t kFastBinsAt = 16;
constexpr std::uintptr_t kTopAt = 96;
constexpr std::uintptr_t kBinsAt = 112;
constexpr std::uintptr_t kNextAt = 2160;
constexpr std::uintptr_t kLastFieldAt = 2192;
constexpr unsigned kFastBins = 10;
constexpr unsigned kBins = 127;
constexpr std::uint32_t kNonContiguous = 2;
constexpr std::size_t kMostArenas = std::size_t{1} << 16;

// The fields of struct malloc_chunk.
constexpr std::uintptr_t kSizeAt = 8;
constexpr std::uintptr_t kLinkAt = 16;
constexpr std::uintptr_t kBackLinkAt = 24;

// A bin is two words that stand for the links of a chunk.
std::uintptr_t BinChunk(std::uintptr_t arena, unsigned bin) {
  return arena + kBinsAt + std::uintptr_t{bin} * 16 - kLinkAt;
}

bool LeadsBack(std::uintptr_t bin, OwnMemory& memory) {
  const std::uintptr_t first = memory.Word(bin + kLinkAt).value_or(0);
  if (first == 0 || first % 8 != 0) return false;
  return memory.Word(first + kBackLinkAt) == bin;
}

// All arenas from `arena` round to itself; none where the links lead elsewhere.
std::vector<std::uintptr_t> Ring(std::uintptr_t arena, OwnMemory& memory) {
  std::vector<std::uintptr_t> arenas = {arena};
  while (arenas.size() < kMostArenas) {
    const std::uintptr_t next = memory.Word(arenas.back() + kNextAt).value_or(0);
    if (next == arena) return arenas;
    if (next == 0 || next % 8 != 0) break;
    arenas.push_back(next);
  }
  return {};
}

// Other threads may be changing some bins.
bool IsArena(std::uintptr_t at, OwnMemory& memory) {
  constexpr unsigned kMostInMotion = 27;
  unsigned astray = 0;
  for (unsigned bin = 0; bin < kBins && astray <= kMostInMotion; ++bin) {
    if (!LeadsBack(BinChunk(at, bin), memory)) ++astray;
  }
  return astray <= kMostInMotion && !Ring(at, memory).empty();
}

struct Libc {
  std::uintptr_t code = 0;  // an address in it
  std::vector<Stretch> data;
};

int CollectLibcData(dl_phdr_info* object, std::size_t, void* result) {
  Libc& libc = *static_cast<Libc*>(result);
  std::vector<Stretch> data;
  bool is = false;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
    const Stretch stretch{.begin = begin, .end = begin + segment.p_memsz};
    is = is || stretch.Has(libc.code);
    if ((segment.p_flags & PF_W) != 0) data.push_back(stretch);
  }
  if (!is) return 0;
  libc.data = std::move(data);
  return 1;
}

std::uintptr_t FindMainArena(OwnMemory& memory) {
  void* const code = dlsym(RTLD_DEFAULT, "mallinfo2");
  Libc libc;
  // A program that is linked statically has it in itself.
  libc.code = code != nullptr ? reinterpret_cast<std::uintptr_t>(code)
                              : reinterpret_cast<std::uintptr_t>(&mallinfo2);
  dl_iterate_phdr(CollectLibcData, &libc);
  for (const Stretch& data : libc.data) {
    for (std::uintptr_t at = (data.begin + 7) / 8 * 8; at + kLastFieldAt < data.end; at += 8) {
      if (IsArena(at, memory)) return at;
    }
  }
  return 0;
}

}  // namespace

std::uintptr_t MainArena(OwnMemory& memory) {
  static std::atomic<std::uintptr_t> known = 0;
  if (known.load(std::memory_order_relaxed) == 0) {
    memory.Forget();
    known.store(FindMainArena(memory), std::memory_order_relaxed);
  }
  return known.load(std::memory_order_relaxed);
}

std::vector<std::uintptr_t> AllArenas(OwnMemory& memory) {
  const std::uintptr_t main = MainArena(memory);
  memory.Forget();
  return main == 0 ? std::vector<std::uintptr_t>{} : Ring(main, memory);
}

std::uintptr_t TopOf(std::uintptr_t arena, OwnMemory& memory) {
  if (arena == 0) return 0;
  memory.Forget();
  return memory.Word(arena + kTopAt).value_or(0);
}

bool IsInPieces(std::uintptr_t main_arena, OwnMemory& memory) {
  if (main_arena == 0) return false;
  memory.Forget();
  // The flags are the upper half of the first word.
  const std::uint64_t word = memory.Word(main_arena).value_or(0);
  return ((word >> (8 * kFlagsAt)) & kNonContiguous) != 0;
}

std::uintptr_t EndOfState(std::uintptr_t arena) { return arena + kLastFieldAt; }

FastBlocks CountFastBlocks(std::uintptr_t arena, std::optional<std::uint64_t> mark,
                           OwnMemory& memory) {
  // A list that another thread changes might lead in a circle.
  constexpr std::uint64_t kMostBlocks = std::uint64_t{1} << 28;
  FastBlocks found;
  for (unsigned bin = 0; bin < kFastBins; ++bin) {
    memory.Forget();
    const std::uint64_t bytes = kLeastChunkBytes + kChunkAlignment * bin;
    std::uintptr_t chunk = memory.Word(arena + kFastBinsAt + 8 * std::uintptr_t{bin}).value_or(0);
    while (chunk != 0 && chunk % kChunkAlignment == 0 && found.blocks < kMostBlocks) {
      if ((memory.Word(chunk + kSizeAt).value_or(0) & ~kChunkFlags) != bytes) break;
      ++found.blocks;
      found.bytes += bytes;
      if (mark.has_value() && memory.Word(chunk + kBackLinkAt) == mark) {
        ++found.marked_blocks;
        found.marked_bytes += bytes;
      }
      const std::optional<std::uint64_t> link = memory.Word(chunk + kLinkAt);
      if (!link.has_value()) break;
      chunk = *link ^ ((chunk + kLinkAt) / kPageBytes);
    }
  }
  return found;
}

}  // namespace strata
