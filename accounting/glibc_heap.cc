#include "accounting/glibc_heap.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/status/status.h"

namespace strata {
namespace {

// malloc/malloc.c and malloc/arena.c of glibc 2.36.
constexpr std::uint64_t kInUseBefore = 1;
constexpr std::uint64_t kMapped = 2;
constexpr std::uint64_t kFlags = 7;
constexpr std::uint64_t kLeastChunkBytes = 32;
constexpr std::uint64_t kFenceBytes = 16;  // a chunk of only a header, where a heap ends
constexpr std::uintptr_t kHeapAlignment = std::uintptr_t{64} << 20;
constexpr std::uintptr_t kChunkAlignment = 16;
// An arena's state lies in front of its first heap's chunks.
constexpr std::uintptr_t kMostStateBytes = 8192;

struct Chunk {
  std::uintptr_t begin = 0;
  std::uint64_t bytes = 0;
};

// The word that glibc writes into each block that a thread keeps, behind the link to the next; none
// where it writes none.
std::optional<std::uint64_t> CacheKey(OwnMemory& memory) {
  void* volatile block = std::malloc(24);
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(block);
  std::free(block);
  memory.Forget();
  const std::optional<std::uint64_t> key = memory.Word(address + 8);
  memory.Forget();
  if (!key.has_value() || *key == 0) return std::nullopt;
  return key;
}

// Where the program's break is now: the main heap's end, which may have moved since the mappings
// were read. It moves with what the walk takes itself, too; then the next try finds room.
std::uintptr_t BreakNow() { return reinterpret_cast<std::uintptr_t>(sbrk(0)); }

class Walk {
 public:
  Walk(const std::vector<Mapping>& mappings, const PageMap& page_map)
      : mappings_(mappings), page_map_(page_map) {
    key_ = CacheKey(memory_);
  }

  // False where it went astray.
  absl::StatusOr<bool> Run() {
    for (const Mapping& mapping : mappings_) {
      const bool main = mapping.name == "[heap]";
      if (!main && !mapping.IsPrivateMemory()) continue;
      const std::uintptr_t end = main ? BreakNow() : mapping.end;
      absl::StatusOr<ResidentPages> pages = page_map_.Read(mapping.begin, end);
      if (!pages.ok()) return pages.status();
      pages_ = *std::move(pages);
      memory_.Forget();
      if (main ? !WalkMain(mapping.begin, end) : !WalkOthers(mapping)) return false;
    }
    return true;
  }
  const GlibcHeap& found() const { return found_; }

 private:
  bool WalkMain(std::uintptr_t begin, std::uintptr_t end) {
    if (end <= begin) return false;
    found_.heap_bytes += end - begin;
    return WalkChunks(begin, end, /*count=*/true);
  }

  // Heaps lie at multiples of their greatest size, blocks with a mapping of their own at pages.
  bool WalkOthers(const Mapping& mapping) {
    for (std::uintptr_t at = mapping.begin; at < mapping.end;) {
      if (!pages_.Has(at)) {
        at += kPageBytes;
        continue;
      }
      if (at % kHeapAlignment == 0) {
        if (const std::uintptr_t end = HeapEnd(at, mapping.end); end != 0) {
          if (!WalkHeap(at, end)) return false;
          at = (end + kPageBytes - 1) / kPageBytes * kPageBytes;
          continue;
        }
      }
      const std::uint64_t bytes = MappedBlockBytes(at, mapping.end);
      if (bytes > 0) {
        ++found_.mapped_blocks;
        found_.mapped_bytes += bytes;
      }
      at += std::max<std::uint64_t>(bytes, kPageBytes);
    }
    return true;
  }

  // The end of the heap whose head is at `at`; 0 where there is none.
  std::uintptr_t HeapEnd(std::uintptr_t at, std::uintptr_t mapping_end) {
    const std::optional<std::uint64_t> arena = memory_.Word(at);
    const std::optional<std::uint64_t> before = memory_.Word(at + 8);
    const std::optional<std::uint64_t> size = memory_.Word(at + 16);
    if (!arena.has_value() || !before.has_value() || !size.has_value()) return 0;
    const bool first = *before == 0;
    if (*arena == 0 || *arena % 8 != 0 || *before % kHeapAlignment != 0) return 0;
    // The first heap of an arena holds its state, the others do not.
    if (first != (*arena > at && *arena < at + kMostStateBytes)) return 0;
    if (*size % kChunkAlignment != 0 || *size < kPageBytes || *size > kHeapAlignment) return 0;
    return at + *size <= mapping_end ? at + *size : 0;
  }

  // Where chunks begin depends on how large the states in front are, in this glibc: they are there
  // from where they lead to the heap's very end.
  bool WalkHeap(std::uintptr_t begin, std::uintptr_t end) {
    for (std::uintptr_t at = begin + 2 * kChunkAlignment; at < begin + kMostStateBytes;
         at += kChunkAlignment) {
      if (!WalkChunks(at, end, /*count=*/false)) continue;
      found_.heap_bytes += end - at;
      found_.resident_state_bytes += pages_.Bytes(begin, at);
      return WalkChunks(at, end, /*count=*/true);
    }
    return false;
  }

  std::uint64_t MappedBlockBytes(std::uintptr_t at, std::uintptr_t mapping_end) {
    const std::optional<std::uint64_t> before = memory_.Word(at);
    const std::optional<std::uint64_t> size = memory_.Word(at + 8);
    if (!before.has_value() || !size.has_value() || *before != 0) return 0;
    const std::uint64_t bytes = *size & ~kFlags;
    if ((*size & kFlags) != kMapped || bytes == 0 || bytes % kPageBytes != 0) return 0;
    return bytes <= mapping_end - at ? bytes : 0;
  }

  // From chunk to chunk. Whether that leads to `end`.
  bool WalkChunks(std::uintptr_t begin, std::uintptr_t end, bool count) {
    Chunk chunk{.begin = begin, .bytes = 0};
    std::optional<std::uint64_t> size = memory_.Word(begin + 8);
    while (size.has_value()) {
      chunk.bytes = *size & ~kFlags;
      const std::uintptr_t next = chunk.begin + chunk.bytes;
      if (chunk.bytes == kFenceBytes && end - chunk.begin <= 2 * kFenceBytes) return true;
      if (chunk.bytes < kLeastChunkBytes || chunk.bytes % kChunkAlignment != 0) return false;
      if ((*size & kMapped) != 0 || chunk.bytes > end - chunk.begin) return false;
      if (next == end) {
        if (count) CountTop(chunk);
        return true;
      }
      size = memory_.Word(next + 8);
      if (count && size.has_value()) Count(chunk, (*size & kInUseBefore) != 0);
      chunk.begin = next;
    }
    return false;
  }

  void Count(const Chunk& chunk, bool in_use) {
    const std::uint64_t resident = pages_.Bytes(chunk.begin, chunk.begin + chunk.bytes);
    if (!in_use) {
      found_.free_bytes += chunk.bytes;
      found_.resident_free_bytes += resident;
    } else if (IsCached(chunk)) {
      found_.cached_bytes += chunk.bytes;
      found_.resident_cached_bytes += resident;
    } else {
      ++found_.in_use_blocks;
      found_.in_use_bytes += chunk.bytes;
    }
  }

  void CountTop(const Chunk& chunk) {
    found_.top_bytes += chunk.bytes;
    found_.resident_top_bytes += pages_.Bytes(chunk.begin, chunk.begin + chunk.bytes);
  }

  // Glibc's caches hold blocks of up to 1032 bytes.
  bool IsCached(const Chunk& chunk) {
    constexpr std::uint64_t kMostCachedBytes = 1040;
    if (!key_.has_value() || chunk.bytes > kMostCachedBytes) return false;
    return pages_.Has(chunk.begin + 24) && memory_.Word(chunk.begin + 24) == key_;
  }

  const std::vector<Mapping>& mappings_;
  const PageMap& page_map_;
  OwnMemory memory_;
  std::optional<std::uint64_t> key_;
  ResidentPages pages_;
  GlibcHeap found_;
};

}  // namespace

absl::StatusOr<GlibcHeap> WalkGlibcHeap(const std::vector<Mapping>& mappings,
                                        const PageMap& page_map) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    Walk walk(mappings, page_map);
    const absl::StatusOr<bool> done = walk.Run();
    if (!done.ok()) return done.status();
    if (*done) return walk.found();
  }
  return absl::AbortedError(
      "the heap changed all the while it was walked; ask again when less is being allocated");
}

}  // namespace strata
