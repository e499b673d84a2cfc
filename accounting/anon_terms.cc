#include "accounting/anon_terms.h"

#include <link.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "accounting/anon_term_list.h"
#include "accounting/glibc_heap.h"
#include "accounting/jemalloc.h"
#include "accounting/jemalloc_terms.h"
#include "accounting/large_blocks.h"
#include "accounting/thread_stacks.h"

#include <strata/memory_door.h>

namespace strata {
namespace {

// What glibc's malloc adds to a block's usable bytes.
constexpr std::uint64_t kBlockHeaderBytes = 8;
constexpr std::uint64_t kLargestSparseBytes = std::uint64_t{64} << 30;

bool IsReserved(const Mapping& mapping, const std::vector<AddressRange>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& range) {
    const auto begin = reinterpret_cast<std::uintptr_t>(range.begin);
    return mapping.begin >= begin && mapping.begin < begin + range.size_bytes;
  });
}

// Whether nobody can have it from an allocator: nothing is in it, or hardly anything of very much,
// as in what sanitizers and virtual machines reserve. Looking at its pages would take for ever.
bool IsReservation(const Mapping& mapping) {
  const std::uint64_t bytes = mapping.end - mapping.begin;
  return mapping.anon_bytes == 0 ||
         (bytes > kLargestSparseBytes && mapping.anon_bytes < bytes / 100);
}

absl::StatusOr<std::uint64_t> AbsentBytes(std::span<const AddressRange> ranges) {
  const std::optional<std::uint64_t> bytes = MemoryDoor::AbsentBytes(ranges);
  if (!bytes.has_value()) {
    return absl::UnavailableError("/proc/self/pagemap cannot be read: is /proc mounted?");
  }
  return *bytes;
}

// The caches' bytes as their doors count them, and what of them is not there. Gives how much of
// that is of blocks of the allocator's.
absl::StatusOr<std::uint64_t> AddCaches(std::span<const Footprint> caches, const DoorsNow& doors,
                                        AnonTerms* terms) {
  std::uint64_t absent_page_bytes = 0;
  std::uint64_t block_bytes = 0;
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const Footprint& cache = caches[i];
    // Scripts rely on the name of the only one.
    const bool named = caches.size() > 1 && !cache.cache.empty();
    terms->Add(named ? absl::StrCat("layout ", cache.layout, " of ", cache.cache)
                     : absl::StrCat("layout ", cache.layout),
               cache.allocated_bytes, "door");
    if (doors.gone[i]) continue;
    const absl::StatusOr<std::uint64_t> absent =
        cache.absent_page_bytes ? *cache.absent_page_bytes : AbsentBytes(cache.pages);
    if (!absent.ok()) return absent.status();
    absent_page_bytes += *absent;
    block_bytes += cache.allocated_bytes;
    for (const AddressRange& range : cache.pages) {
      block_bytes -= std::min<std::uint64_t>(block_bytes, range.size_bytes);
    }
  }
  terms->AddSigned("change since measured", doors.more_bytes, "door");
  absl::StatusOr<std::uint64_t> absent = AbsentBytes(LargeBlocks());
  if (!absent.ok()) return absent.status();
  // They may be of caches that are not asked for.
  const std::uint64_t absent_block_bytes = std::min(*absent, block_bytes);
  terms->TakeBack("of that, not resident", absent_page_bytes + absent_block_bytes, "pagemap");
  return absent_block_bytes;
}

absl::Status AddGlibc(const DoorsNow& doors, const std::vector<Mapping>& mappings,
                      const PageMap& page_map, AnonTerms* terms) {
  const struct mallinfo2 info = mallinfo2();
  terms->Figure("allocated_bytes", info.uordblks + info.hblkhd);
  terms->Figure("free_bytes", info.fordblks);
  terms->Figure("heap_bytes", info.arena);
  terms->Figure("mapped_bytes", info.hblkhd);
  terms->Add("headers of the layout's blocks", doors.heap_blocks * kBlockHeaderBytes,
             "door, 8 a block");
  const absl::StatusOr<GlibcHeap> heap = WalkGlibcHeap(mappings, page_map);
  if (!heap.ok()) return heap.status();
  terms->Figure("walked_in_use_bytes", heap->in_use_bytes + heap->mapped_bytes);
  terms->Figure("walked_in_use_blocks", heap->in_use_blocks + heap->mapped_blocks);
  terms->Figure("unwalked_bytes", heap->unwalked_bytes);
  // Said with each term, so that every form of the books has it.
  const std::string gap = heap->unwalked_bytes == 0
                              ? ""
                              : absl::StrCat(" but for ", heap->unwalked_bytes, " B in motion");
  const std::string walk = absl::StrCat("heap walk", gap, ", pagemap");
  terms->Add("fragmentation: free, resident", heap->resident_free_bytes, walk);
  terms->Add("fragmentation: in fast bins", heap->fast_bytes, "fast bins of the arenas");
  terms->Add("free blocks kept by threads", heap->resident_cached_bytes, walk);
  terms->Add("unused ends of heaps", heap->resident_top_bytes, walk);
  terms->Add("states of arenas", heap->resident_state_bytes, walk);
  return absl::OkStatus();
}

// Writable segments of the program and its libraries.
int CollectData(dl_phdr_info* object, std::size_t, void* ranges) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) == 0) continue;
    const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
    static_cast<std::vector<Stretch>*>(ranges)->push_back(
        {.begin = begin / kPageBytes * kPageBytes,
         .end = (begin + segment.p_memsz + kPageBytes - 1) / kPageBytes * kPageBytes});
  }
  return 0;
}

absl::StatusOr<std::uint64_t> ResidentBytes(const std::vector<Stretch>& stretches,
                                            const PageMap& page_map) {
  std::uint64_t bytes = 0;
  for (const auto& [begin, end] : stretches) {
    const absl::StatusOr<ResidentPages> pages = page_map.Read(begin, end);
    if (!pages.ok()) return pages.status();
    bytes += pages->Bytes(begin, end);
  }
  return bytes;
}

}  // namespace

DoorsNow AskDoors(std::span<const Footprint> caches) {
  DoorsNow now;
  for (const Footprint& cache : caches) {
    const bool known = cache.door != 0;
    const std::optional<DoorTotals> totals =
        known ? MemoryDoor::TotalsOf(cache.door)
              : DoorTotals{.allocated_bytes = cache.allocated_bytes,
                           .heap_blocks = cache.heap_blocks};
    now.gone.push_back(!totals.has_value());
    const DoorTotals held = totals.value_or(DoorTotals{});
    now.heap_blocks += held.heap_blocks;
    now.more_bytes += static_cast<std::int64_t>(held.allocated_bytes) -
                      static_cast<std::int64_t>(cache.allocated_bytes);
  }
  return now;
}

absl::Status AddAnonTerms(std::span<const Footprint> caches, const DoorsNow& doors,
                          const std::vector<Mapping>& mappings, ProcessBooks* books) {
  AnonTerms terms(books);
  const absl::StatusOr<PageMap> page_map = PageMap::Open();
  if (!page_map.ok()) return page_map.status();
  const absl::StatusOr<std::uint64_t> absent_block_bytes = AddCaches(caches, doors, &terms);
  if (!absent_block_bytes.ok()) return absent_block_bytes.status();
  // What the allocator may have: not the ranges that caches reserve.
  std::vector<Mapping> others;
  const std::vector<AddressRange> ranges = MemoryDoor::ReservedRanges();
  std::copy_if(mappings.begin(), mappings.end(), std::back_inserter(others),
               [&](const Mapping& mapping) { return !IsReserved(mapping, ranges); });
  others = Merged(others);
  std::erase_if(others, IsReservation);
  const Stacks stacks = FindStacks(mappings);
  std::vector<Stretch> data;
  dl_iterate_phdr(CollectData, &data);
  std::vector<Stretch> foreign = stacks.where;
  foreign.insert(foreign.end(), data.begin(), data.end());
  const absl::Status status =
      jemalloc::IsTheAllocator()
          ? AddJemallocTerms(others, foreign, *absent_block_bytes, *page_map, &terms)
          : AddGlibc(doors, others, *page_map, &terms);
  if (!status.ok()) return status;
  terms.Add("notes of large blocks", LargeBlockNoteBytes(), "counted");
  terms.Add("stacks", stacks.anon_bytes, "smaps");
  const absl::StatusOr<std::uint64_t> data_bytes = ResidentBytes(data, *page_map);
  if (!data_bytes.ok()) return data_bytes.status();
  terms.Add("data of program and libraries", *data_bytes, "pagemap");
  return absl::OkStatus();
}

void AddFileTerms(const std::vector<Mapping>& mappings, ProcessBooks* books) {
  std::set<std::string_view> programs;
  for (const Mapping& mapping : mappings) {
    if (mapping.executable && !mapping.name.empty()) programs.insert(mapping.name);
  }
  std::uint64_t program_bytes = 0;
  std::uint64_t shared_bytes = 0;
  std::uint64_t other_bytes = 0;
  for (const Mapping& mapping : mappings) {
    const std::uint64_t bytes = mapping.rss_bytes - mapping.anon_bytes;
    if (programs.contains(mapping.name)) {
      program_bytes += bytes;
    } else if (mapping.shared) {
      shared_bytes += bytes;
    } else {
      other_bytes += bytes;
    }
  }
  const auto add = [&](const char* name, std::uint64_t bytes) {
    books->terms.push_back(
        {.of = "file", .name = name, .bytes = static_cast<std::int64_t>(bytes), .source = "smaps"});
  };
  add("program and libraries", program_bytes);
  add("shared mappings", shared_bytes);
  add("private mappings of files", other_bytes);
}

}  // namespace strata
