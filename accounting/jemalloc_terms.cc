#include "accounting/jemalloc_terms.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "accounting/jemalloc.h"
#include "accounting/jemalloc_pages.h"
#include "accounting/large_blocks.h"

#include <strata/memory_door.h>

namespace strata {
namespace {

using jemalloc::Figure;
using jemalloc::OfAllArenas;

// The free regions of slabs that are in use, bin by bin.
std::uint64_t FreeRegionBytes() {
  std::uint64_t bytes = 0;
  const std::uint64_t bins = Figure("arenas.nbins");
  for (std::uint64_t bin = 0; bin < bins; ++bin) {
    const std::string kind = absl::StrCat("arenas.bin.", bin);
    const std::string now = OfAllArenas(absl::StrCat("bins.", bin));
    // Another thread may refresh the figures between the two.
    const std::uint64_t slabs = Figure(now + ".curslabs") * Figure(kind + ".slab_size");
    bytes += slabs - std::min(slabs, Figure(now + ".curregs") * Figure(kind + ".size"));
  }
  return bytes;
}

// Blocks with pages of their own.
struct LargeBlocksFound {
  std::uint64_t count = 0;
  /// Of those that are no door's, what is neither resident nor, on a huge page, zeros: they are
  /// handed out, and no term has that. No more than is certain.
  std::uint64_t missing_bytes = 0;
};

// Where the extents of a size are no more than jemalloc has blocks of it, all of them are blocks.
// Are they fewer, the other blocks lie where it could not be asked, and of those no more can be
// resident than is there.
LargeBlocksFound FindLargeBlocks(const JemallocPages& pages, std::uint64_t padding_bytes) {
  LargeBlocksFound found;
  std::uint64_t unseen_bytes = 0;
  const std::uint64_t classes = Figure("arenas.nlextents");
  const std::uint64_t most_cached_bytes = Figure("opt.tcache_max");
  for (std::uint64_t i = 0; i < classes; ++i) {
    const std::uint64_t count = Figure(OfAllArenas(absl::StrCat("lextents.", i, ".curlextents")));
    found.count += count;
    // Threads keep smaller ones, which have a term.
    const std::uint64_t bytes = Figure(absl::StrCat("arenas.lextent.", i, ".size"));
    if (bytes <= most_cached_bytes) continue;
    const auto large = pages.large.find(bytes + padding_bytes);
    const LargeExtents extents = large == pages.large.end() ? LargeExtents{} : large->second;
    if (extents.held + extents.others > count) continue;
    unseen_bytes += (count - extents.held - extents.others) * bytes;
    // The padding has a term; it is hardly ever there.
    found.missing_bytes +=
        extents.missing_bytes - std::min(extents.missing_bytes, extents.others * padding_bytes);
  }
  found.missing_bytes += unseen_bytes - std::min(unseen_bytes, pages.unasked_resident_bytes);
  return found;
}

// The large blocks that doors have, by their pages.
std::vector<Stretch> HeldStretches() {
  std::vector<Stretch> held;
  for (const AddressRange& range : LargeBlocks()) {
    const auto begin = reinterpret_cast<std::uintptr_t>(range.begin);
    held.push_back({.begin = begin, .end = begin + range.size_bytes});
  }
  return held;
}

}  // namespace

absl::Status AddJemallocTerms(const std::vector<Mapping>& mappings,
                              const std::vector<Stretch>& others, std::uint64_t absent_bytes,
                              const PageMap& page_map, AnonTerms* terms) {
  const absl::StatusOr<JemallocPages> pages =
      ReadJemallocPages(mappings, others, HeldStretches(), page_map);
  if (!pages.ok()) return pages.status();
  jemalloc::Refresh();
  const std::uint64_t page = Figure("arenas.page");
  for (const char* const figure :
       {"allocated", "active", "metadata", "resident", "mapped", "retained"}) {
    terms->Figure(absl::StrCat(figure, "_bytes"), Figure(absl::StrCat("stats.", figure)));
  }
  const std::uint64_t dirty_bytes = Figure(OfAllArenas("pdirty")) * page;
  const std::uint64_t muzzy_bytes = Figure(OfAllArenas("pmuzzy")) * page;
  terms->Figure("dirty_bytes", dirty_bytes);
  terms->Figure("muzzy_bytes", muzzy_bytes);
  terms->Figure("foreign_bytes", pages->foreign_bytes);
  const std::uint64_t each_padding_bytes = Figure("opt.cache_oblivious") != 0 ? page : 0;
  const LargeBlocksFound large = FindLargeBlocks(*pages, each_padding_bytes);
  // These count what jemalloc has set aside, which need not be there.
  std::uint64_t said_bytes = 0;
  const auto add = [&](const char* name, std::uint64_t bytes, const char* source) {
    terms->Add(name, bytes, source);
    said_bytes += bytes;
  };
  add("fragmentation: free in slabs", FreeRegionBytes(), "jemalloc, bins");
  add("free regions kept by threads", Figure(OfAllArenas("tcache_bytes")),
      "jemalloc, tcache_bytes");
  add("padding of large blocks", large.count * each_padding_bytes, "jemalloc, lextents");
  add("free pages not yet returned", dirty_bytes, "jemalloc, pdirty");
  add("free pages the kernel may take", muzzy_bytes, "jemalloc, pmuzzy");
  add("jemalloc's blocks for threads", Figure(OfAllArenas("internal")), "jemalloc, internal");
  // What is set aside and not there, the caches' blocks and the program's large ones apart; of
  // these terms no more than they say. All are jemalloc's alone: memory of somebody else moves
  // none. On a huge page it is there as zeros, which have a term of their own: so they are not
  // counted twice. (Zeros of somebody else's block are set aside, too; nothing is taken back of
  // their term, which is the only one that has them.)
  const std::uint64_t set_aside_bytes = Figure("stats.active") + dirty_bytes + muzzy_bytes;
  const std::uint64_t there_bytes =
      pages->resident_block_bytes + absent_bytes + large.missing_bytes;
  terms->TakeBack("of these, not resident",
                  std::min(set_aside_bytes - std::min(set_aside_bytes, there_bytes), said_bytes),
                  "jemalloc, pagemap");
  terms->Add("pages of zeros in huge pages", pages->zero_bytes, "smaps, pages' contents");
  terms->Add("jemalloc's own structures", pages->resident_base_bytes, "base blocks, pagemap");
  return absl::OkStatus();
}

}  // namespace strata
