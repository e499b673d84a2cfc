#include "accounting/jemalloc_extents.h"

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "accounting/heap_regions.h"
#include "accounting/jemalloc.h"

namespace strata {
namespace {

// A slab of one region only is smaller, a large block at least as large.
constexpr std::uint64_t kLeastLargeBytes = std::uint64_t{16} << 10;

// inspect_extent_util_stats_t of jemalloc 5.2 and later.
struct Utilization {
  std::size_t free_regions;
  std::size_t regions;
  std::size_t bytes;
};

}  // namespace

JemallocExtents::JemallocExtents() {
  // Those that jemalloc makes for threads; what a program makes for itself is left alone.
  const std::uint64_t arenas = jemalloc::Read("opt.narenas").value_or(0);
  for (unsigned arena = 0; arena < arenas; ++arena) {
    const std::string initialized = absl::StrCat("arena.", arena, ".initialized");
    if (jemalloc::Read(initialized.c_str()).value_or(0) == 0) continue;
    for (const std::size_t size_bytes : {std::size_t{8}, std::size_t{20} << 10}) {
      const std::uintptr_t address = jemalloc::AddressFrom(arena, size_bytes);
      if (address != 0) regions_.insert(HeapRegions::RegionOf(address));
    }
  }
}

std::optional<Extent> JemallocExtents::At(std::uintptr_t page) const {
  if (!HeapRegions::Has(page) && !regions_.contains(HeapRegions::RegionOf(page))) {
    return std::nullopt;
  }
  Utilization answer = {};
  if (!jemalloc::Ask("experimental.utilization.batch_query", &page, sizeof(page), &answer,
                     sizeof(answer))) {
    return std::nullopt;
  }
  return Extent{.bytes = answer.bytes,
                .may_be_slab = answer.regions > 1 || answer.bytes < kLeastLargeBytes};
}

void JemallocExtents::Learn(std::uintptr_t page, const Extent& extent) {
  regions_.insert(HeapRegions::RegionOf(page + extent.bytes - 1));
}

}  // namespace strata
