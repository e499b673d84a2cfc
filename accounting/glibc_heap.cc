#include "accounting/glibc_heap.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/status/status.h"
#include "accounting/glibc_arenas.h"

namespace strata {
namespace {

// malloc/malloc.c and malloc/arena.c of glibc 2.36.
constexpr std::uint64_t kInUseBefore = 1;
constexpr std::uint64_t kMapped = 2;
constexpr std::uint64_t kFenceBytes = 16;  // a chunk of only a header, where a heap ends
constexpr std::uintptr_t kHeapAlignment = std::uintptr_t{64} << 20;
// An arena's state lies in front of its first heap's chunks.
constexpr std::uintptr_t kMostStateBytes = 8192;

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

void AddTo(GlibcHeap* sum, const GlibcHeap& part) {
  sum->heap_bytes += part.heap_bytes;
  sum->in_use_blocks += part.in_use_blocks;
  sum->in_use_bytes += part.in_use_bytes;
  sum->free_bytes += part.free_bytes;
  sum->resident_free_bytes += part.resident_free_bytes;
  sum->cached_bytes += part.cached_bytes;
  sum->resident_cached_bytes += part.resident_cached_bytes;
  sum->top_bytes += part.top_bytes;
  sum->resident_top_bytes += part.resident_top_bytes;
  sum->resident_state_bytes += part.resident_state_bytes;
  sum->unwalked_bytes += part.unwalked_bytes;
}

void TakeOff(std::uint64_t* from, std::uint64_t what) { *from -= std::min(*from, what); }

// One row of chunks, from `begin` up to `end` or the arena's top in front of it.
class Row {
 public:
  Row(std::uintptr_t begin, std::uintptr_t end, std::uintptr_t arena, const ResidentPages& pages,
      std::optional<std::uint64_t> key, OwnMemory* memory)
      : at_(begin),
        end_(end),
        arena_(arena),
        top_(TopOf(arena, *memory)),
        pages_(pages),
        key_(key),
        memory_(*memory) {
    memory_.Forget();
  }

  void Walk() {
    while (at_ < end_) {
      if (IsFence(at_)) {
        if (end_ - at_ <= 2 * kFenceBytes) break;
        SkipForeign();
      } else if (!Step()) {
        break;
      }
    }
  }
  const GlibcHeap& found() const { return found_; }

  // Where chunks begin at `from` or behind it: whence some lead from one to the next.
  std::uintptr_t FindChunks(std::uintptr_t from) {
    std::uintptr_t at = from;
    while (at < end_ && !IsChain(at)) at += kChunkAlignment;
    return std::min(at, end_);
  }

  // Where the row that begins at `begin` ends, if every chunk leads to the next, and the last one
  // is the top or a pair of fences, at the end of a page; 0 if not.
  std::uintptr_t EndOfPiece(std::uintptr_t begin) {
    for (std::uintptr_t at = begin; at < end_;) {
      const std::uint64_t bytes = BytesAt(at);
      const bool fences = IsFence(at) && IsFence(at + kFenceBytes);
      if (fences || (at == top_ && bytes != 0)) {
        const std::uintptr_t end = fences ? at + 2 * kFenceBytes : at + bytes;
        return end % kPageBytes == 0 ? end : 0;
      }
      if (bytes == 0) return 0;
      at += bytes;
    }
    return 0;
  }

 private:
  // The size of the chunk at `at`, as it is written there; 0 where none can be.
  std::uint64_t BytesAt(std::uintptr_t at) {
    const std::optional<std::uint64_t> size = memory_.Word(at + 8);
    if (!size.has_value() || (*size & kMapped) != 0) return 0;
    const std::uint64_t bytes = *size & ~kChunkFlags;
    if (bytes < kLeastChunkBytes || bytes % kChunkAlignment != 0) return 0;
    return bytes <= end_ - at ? bytes : 0;
  }
  // The one before the first fence may be free.
  bool IsFence(std::uintptr_t at) {
    return (memory_.Word(at + 8).value_or(0) & ~kInUseBefore) == kFenceBytes;
  }
  bool IsEnd(std::uintptr_t at) {
    return at == end_ || at == top_ || (IsFence(at) && end_ - at >= kFenceBytes);
  }

  bool IsChain(std::uintptr_t at) {
    constexpr int kChunksOfAChain = 8;
    for (int i = 0; i < kChunksOfAChain; ++i) {
      if (i > 0 && IsEnd(at)) return true;
      const std::uint64_t bytes = BytesAt(at);
      if (bytes == 0) return false;
      at += bytes;
    }
    return true;
  }

  // Somebody else moved the break; what he took is not the heap's.
  void SkipForeign() {
    found_.heap_bytes += 2 * kFenceBytes;
    found_.in_use_bytes += 2 * kFenceBytes;
    at_ = FindChunks(at_ + 2 * kFenceBytes);
  }

  // Counts the chunk at hand; false where it is the last one.
  bool Step() {
    const std::uint64_t bytes = BytesAt(at_);
    const std::uintptr_t next = at_ + bytes;
    if (bytes != 0 && (next == end_ || at_ == top_)) {
      CountTop(bytes);
      return false;
    }
    if (bytes == 0 && at_ == TopOf(arena_, memory_)) {
      // It grew beyond what was to be walked.
      CountTop(end_ - at_);
      return false;
    }
    const std::optional<std::uint64_t> next_size =
        bytes != 0 && end_ - next >= kFenceBytes ? memory_.Word(next + 8) : std::nullopt;
    if (!next_size.has_value()) {
      GoAstray();
      return at_ < end_;
    }
    const bool in_use = (*next_size & kInUseBefore) != 0;
    if (!in_use && memory_.Word(next) != std::optional<std::uint64_t>(bytes)) {
      GoAstray();
      return at_ < end_;
    }
    Count(bytes, in_use);
    at_ = next;
    return true;
  }

  void GoAstray() {
    memory_.Forget();
    const std::uintptr_t again = FindChunks(at_ + kChunkAlignment);
    found_.heap_bytes += again - at_;
    found_.unwalked_bytes += again - at_;
    at_ = again;
  }

  void Count(std::uint64_t bytes, bool in_use) {
    const std::uint64_t resident = pages_.Bytes(at_, at_ + bytes);
    found_.heap_bytes += bytes;
    if (!in_use) {
      found_.free_bytes += bytes;
      found_.resident_free_bytes += resident;
    } else if (IsCached(bytes)) {
      found_.cached_bytes += bytes;
      found_.resident_cached_bytes += resident;
    } else {
      ++found_.in_use_blocks;
      found_.in_use_bytes += bytes;
    }
  }

  void CountTop(std::uint64_t bytes) {
    found_.heap_bytes += bytes;
    found_.top_bytes += bytes;
    found_.resident_top_bytes += pages_.Bytes(at_, at_ + bytes);
    at_ += bytes;
  }

  // Glibc's caches hold blocks of up to 1032 bytes.
  bool IsCached(std::uint64_t bytes) {
    constexpr std::uint64_t kMostCachedBytes = 1040;
    if (!key_.has_value() || bytes > kMostCachedBytes) return false;
    return pages_.Has(at_ + 24) && memory_.Word(at_ + 24) == key_;
  }

  std::uintptr_t at_;
  const std::uintptr_t end_;
  const std::uintptr_t arena_;
  const std::uintptr_t top_;
  const ResidentPages& pages_;
  const std::optional<std::uint64_t> key_;
  OwnMemory& memory_;
  GlibcHeap found_;
};

class Walk {
 public:
  Walk(const std::vector<Mapping>& mappings, const PageMap& page_map)
      : mappings_(mappings), page_map_(page_map) {
    key_ = CacheKey(memory_);
    main_arena_ = MainArena(memory_);
    in_pieces_ = IsInPieces(main_arena_, memory_);
  }

  absl::StatusOr<GlibcHeap> Run() {
    for (const Mapping& mapping : mappings_) {
      const bool main = mapping.name == "[heap]";
      if (!main && !mapping.IsPrivateMemory()) continue;
      const absl::Status status = main ? WalkMain(mapping.begin) : WalkOthers(mapping);
      if (!status.ok()) return status;
    }
    CountFastBins();
    return found_;
  }

 private:
  // A row whose chunks begin at `begin`, or where the first ones are found behind it: a few times
  // where threads lead it astray, of which the best one counts.
  template <class FindEnd>
  absl::Status WalkRow(std::uintptr_t begin, const FindEnd& find_end, std::uintptr_t arena,
                       bool seek) {
    constexpr int kTries = 4;
    std::optional<GlibcHeap> best;
    for (int i = 0; i < kTries; ++i) {
      const std::uintptr_t end = find_end();
      const absl::StatusOr<ResidentPages> pages =
          page_map_.Read(begin / kPageBytes * kPageBytes, end);
      if (!pages.ok()) return pages.status();
      std::uintptr_t first = begin;
      if (seek) first = Row(begin, end, arena, *pages, key_, &memory_).FindChunks(begin);
      Row row(first, end, arena, *pages, key_, &memory_);
      row.Walk();
      GlibcHeap found = row.found();
      if (seek) {
        found.resident_state_bytes += pages->Bytes(begin / kHeapAlignment * kHeapAlignment, first);
      }
      if (!best.has_value() || found.unwalked_bytes < best->unwalked_bytes) best = found;
      if (best->unwalked_bytes == 0) break;
    }
    AddTo(&found_, *best);
    return absl::OkStatus();
  }

  absl::Status WalkMain(std::uintptr_t begin) {
    return WalkRow(begin, BreakNow, main_arena_, /*seek=*/false);
  }

  // Heaps lie at multiples of their greatest size, blocks with a mapping of their own and pieces of
  // the main heap at pages.
  absl::Status WalkOthers(const Mapping& mapping) {
    absl::StatusOr<ResidentPages> pages = page_map_.Read(mapping.begin, mapping.end);
    if (!pages.ok()) return pages.status();
    memory_.Forget();
    for (std::uintptr_t at = mapping.begin; at < mapping.end;) {
      std::uint64_t bytes = kPageBytes;
      if (pages->Has(at)) {
        const absl::StatusOr<std::uint64_t> found = WalkWhatBeginsAt(at, mapping.end, *pages);
        if (!found.ok()) return found.status();
        bytes = *found;
      }
      at += (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
    }
    return absl::OkStatus();
  }

  // Gives its bytes, or those of a page where it is none of the heap's.
  absl::StatusOr<std::uint64_t> WalkWhatBeginsAt(std::uintptr_t at, std::uintptr_t mapping_end,
                                                 const ResidentPages& pages) {
    if (at % kHeapAlignment == 0) {
      if (const std::uintptr_t end = HeapEnd(at, mapping_end); end != 0) {
        const absl::Status status = WalkHeap(at, end);
        if (!status.ok()) return status;
        return end - at;
      }
    }
    if (const std::uint64_t bytes = MappedBlockBytes(at, mapping_end); bytes > 0) {
      ++found_.mapped_blocks;
      found_.mapped_bytes += bytes;
      return bytes;
    }
    if (in_pieces_ && memory_.Word(at + 8).value_or(0) % 8 == kInUseBefore) {
      const std::uintptr_t end =
          Row(at, mapping_end, main_arena_, pages, key_, &memory_).EndOfPiece(at);
      if (end == 0) return kPageBytes;
      const auto piece_end = [end] { return end; };
      const absl::Status status = WalkRow(at, piece_end, main_arena_, /*seek=*/false);
      if (!status.ok()) return status;
      return end - at;
    }
    return kPageBytes;
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
    // It may have grown since the mappings were read.
    return std::min(at + *size, mapping_end);
  }

  // How large the states in front of the chunks are is a matter of the glibc.
  absl::Status WalkHeap(std::uintptr_t begin, std::uintptr_t end) {
    const std::uintptr_t arena = memory_.Word(begin).value_or(0);
    const bool first = arena > begin && arena < end;
    const std::uintptr_t from = first ? EndOfState(arena) : begin + 2 * kChunkAlignment;
    const std::uintptr_t aligned = (from + kChunkAlignment - 1) / kChunkAlignment * kChunkAlignment;
    return WalkRow(
        aligned, [end] { return end; }, arena, /*seek=*/true);
  }

  std::uint64_t MappedBlockBytes(std::uintptr_t at, std::uintptr_t mapping_end) {
    const std::optional<std::uint64_t> before = memory_.Word(at);
    const std::optional<std::uint64_t> size = memory_.Word(at + 8);
    if (!before.has_value() || !size.has_value() || *before != 0) return 0;
    const std::uint64_t bytes = *size & ~kChunkFlags;
    if ((*size & kChunkFlags) != kMapped || bytes == 0 || bytes % kPageBytes != 0) return 0;
    return bytes <= mapping_end - at ? bytes : 0;
  }

  // They were walked as blocks in use, or as kept by threads where they are marked.
  void CountFastBins() {
    for (const std::uintptr_t arena : AllArenas(memory_)) {
      const FastBlocks fast = CountFastBlocks(arena, key_, memory_);
      found_.fast_bytes += fast.bytes;
      TakeOff(&found_.in_use_blocks, fast.blocks - fast.marked_blocks);
      TakeOff(&found_.in_use_bytes, fast.bytes - fast.marked_bytes);
      TakeOff(&found_.cached_bytes, fast.marked_bytes);
      TakeOff(&found_.resident_cached_bytes, fast.marked_bytes);
    }
  }

  const std::vector<Mapping>& mappings_;
  const PageMap& page_map_;
  OwnMemory memory_;
  std::optional<std::uint64_t> key_;
  std::uintptr_t main_arena_ = 0;
  bool in_pieces_ = false;
  GlibcHeap found_;
};

}  // namespace

absl::StatusOr<GlibcHeap> WalkGlibcHeap(const std::vector<Mapping>& mappings,
                                        const PageMap& page_map) {
  return Walk(mappings, page_map).Run();
}

}  // namespace strata
