// What nested std::map takes for what another layout holds, found without holding it: each list is
// built there, weighed at the door, and taken away again. So the ratio to the baseline costs a scan
// and the memory of the longest list, where loading it a second time costs ten times the memory.
//
// Threads: one; no std_map layout may be in the process meanwhile, for its books are one set.
#ifndef STRATA_BENCH_BASELINES_STD_MAP_BYTES_H_
#define STRATA_BENCH_BASELINES_STD_MAP_BYTES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "bench/baselines/layout.h"

namespace strata {

/// The layout that all others are compared with.
inline constexpr std::string_view kReferenceLayout = "std_map";

/// Footprint::total_bytes of a std_map that was loaded with `layout`'s content, in bytes; of
/// `layout` itself where it is one. Nodes and strings of equal size take what the allocator gives
/// them here, which differs from what it gave in a real load by at most a few thousandths: a block
/// may get 16 bytes more where it falls into a hole of the heap. Fails as
/// Layout::Put does.
absl::StatusOr<std::uint64_t> StdMapBytes(const Layout& layout);

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_STD_MAP_BYTES_H_
