// What jemalloc cannot say of its pages, read from the pages themselves.
//
//     base block   │ size, a multiple of 2 MiB │ next block │ jemalloc's own structures, sparse … │
//     extent       │ pages of a large block, a slab, or free ones …                  │ next extent
//     …
//
// stats.metadata counts what was set aside for its structures, most of which is never touched; the
// pages of its base blocks that are resident are what it costs.
//
// stats.active, pdirty and pmuzzy count pages as they are set aside, too: a region that a thread
// keeps for itself, or a page given back, may never have been touched. So what is resident is
// counted here, in extents: jemalloc says of an address whether an extent begins there, and how
// large it is (experimental.utilization.batch_query). Memory of somebody else, though it may lie
// beside jemalloc's in one mapping, is so told apart. jemalloc must not be asked in a region of
// addresses where it never had anything: there all is taken for its own.
//
// An extent does not say whether it is a block or free. jemalloc counts blocks by their sizes,
// though: where the extents of a size are as many as its blocks, all of them are blocks.
//
// Under huge pages (thp:always) pages that it holds free, or never used, are resident beside used
// ones: they hold nothing but zeros, for that is how the kernel gives and takes them. Pages in
// slabs and in blocks that doors have are not among them, zeros or not: other terms have these.
//
// Threads: safe from any; what others allocate meanwhile may be taken for somebody else's.
#ifndef STRATA_ACCOUNTING_JEMALLOC_PAGES_H_
#define STRATA_ACCOUNTING_JEMALLOC_PAGES_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "accounting/proc_maps.h"

namespace strata {

/// Extents of one size that are no slabs: blocks of that size, or free.
struct LargeExtents {
  std::uint64_t held = 0;           ///< how many of them are blocks that doors have
  std::uint64_t others = 0;         ///< and how many are not
  std::uint64_t missing_bytes = 0;  ///< of the others, what is not resident or counted as zeros
};

struct JemallocPages {
  std::uint64_t base_bytes = 0;           ///< of base blocks, touched or not
  std::uint64_t resident_base_bytes = 0;  ///< of them on resident pages
  /// Resident pages of zeros in mappings that may have huge pages, outside base blocks, slabs and
  /// blocks that are held. (How much is on huge pages now tells too little: one that was divided
  /// keeps its pages.)
  std::uint64_t zero_bytes = 0;
  /// All other resident pages of its extents: those of blocks handed out, and free ones not given
  /// back.
  std::uint64_t resident_block_bytes = 0;
  /// Of these, what lies where jemalloc could not be asked.
  std::uint64_t unasked_resident_bytes = 0;
  std::uint64_t foreign_bytes = 0;              ///< resident pages that are in none of its extents
  std::map<std::uint64_t, LargeExtents> large;  ///< by the size of the extents, in bytes
};

/// Looks at `mappings`, the private memory that may be jemalloc's, adjacent ones merged, but not at
/// what lies in `others`: stacks, data of programs. `held` are blocks whose owners count them, in
/// order of addresses: what lies in them is theirs, zeros or not. Reads every resident page where
/// there are huge pages. Unavailable where /proc cannot be read.
absl::StatusOr<JemallocPages> ReadJemallocPages(const std::vector<Mapping>& mappings,
                                                const std::vector<Stretch>& others,
                                                const std::vector<Stretch>& held,
                                                const PageMap& page_map);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_JEMALLOC_PAGES_H_
