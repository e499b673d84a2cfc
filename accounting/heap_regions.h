// Where the heap is: the regions of addresses in which doors have had a block from the allocator.
// jemalloc answers for addresses of such a region, and for others ends the process
// (jemalloc_extents.h).
//
// Threads: any, without waiting. Bytes: one table of 32 KiB, process-wide.
#ifndef STRATA_ACCOUNTING_HEAP_REGIONS_H_
#define STRATA_ACCOUNTING_HEAP_REGIONS_H_

#include <array>
#include <atomic>
#include <cstdint>

namespace strata {

class HeapRegions {
 public:
  /// What one region has: the least that a node of jemalloc's map of addresses has, in any build.
  static constexpr unsigned kRegionBits = 27;

  /// The number of the region that has `address`; never 0.
  static std::uintptr_t RegionOf(std::uintptr_t address) noexcept {
    return (address >> kRegionBits) + 1;
  }

  /// A block was had at `address`. Costs a load and a comparison where one was before.
  static void Note(std::uintptr_t address) noexcept {
    const std::uintptr_t region = RegionOf(address);
    std::atomic<std::uintptr_t>& place = places_[region % kPlaces];
    if (place.load(std::memory_order_relaxed) == region) return;
    place.store(region, std::memory_order_relaxed);
  }

  /// Whether one is known to have been had in the region of `address`; false is no proof.
  static bool Has(std::uintptr_t address) noexcept {
    const std::uintptr_t region = RegionOf(address);
    return places_[region % kPlaces].load(std::memory_order_relaxed) == region;
  }

 private:
  // Regions 512 GiB apart share a place, and the later one is kept.
  static constexpr std::size_t kPlaces = 4096;
  static inline std::array<std::atomic<std::uintptr_t>, kPlaces> places_ = {};
};

}  // namespace strata

#endif  // STRATA_ACCOUNTING_HEAP_REGIONS_H_
