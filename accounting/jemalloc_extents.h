// The extents of jemalloc: the runs of pages that it manages, each a large block, a slab of small
// ones, or free.
//
// Threads: an object is one thread's; others may allocate meanwhile.
#ifndef STRATA_ACCOUNTING_JEMALLOC_EXTENTS_H_
#define STRATA_ACCOUNTING_JEMALLOC_EXTENTS_H_

#include <cstdint>
#include <optional>
#include <set>

namespace strata {

struct Extent {
  std::uint64_t bytes = 0;   ///< 0: no extent begins there
  bool may_be_slab = false;  ///< else it is a large block, or free
};

class JemallocExtents {
 public:
  /// Learns where each arena has something, by a block of two sizes that it gives back at once.
  JemallocExtents();

  /// What begins at `page`, the beginning of a mapping or the end of an extent or a page in none.
  /// In the middle of an extent: none, or itself at its last page, and at each page of a slab.
  /// nullopt where jemalloc cannot be asked: it has no such question, or may never have had
  /// anything near that address, and then the question ends the process.
  std::optional<Extent> At(std::uintptr_t page) const;

  /// At `page` does begin that extent, so that jemalloc can be asked at its other end.
  void Learn(std::uintptr_t page, const Extent& extent);

 private:
  // Regions of addresses that doors have not been to.
  std::set<std::uintptr_t> regions_;
};

}  // namespace strata

#endif  // STRATA_ACCOUNTING_JEMALLOC_EXTENTS_H_
