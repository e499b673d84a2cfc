// Reclaim: whether a layout gives back what was deleted. It is loaded, a share of its entries is
// deleted, it is maintained to idle and the allocator trimmed; and beside that stands what the
// same layout costs in a fresh process into which only what is left was loaded. At the end the
// table of outers is told to expect a thousand times as many as there were entries, and then to
// shrink: which layouts take memory for what may never come, and which give it back. (All in one
// table, so that data with few outers shows it, too.)
//
// Which entries go depends on a hash of (outer, inner) alone: those with the smallest, in that
// order, which is as good as random. So all layouts, and the fresh load, hold the same after it.
//
// Threads: one layout of a kind at a time in a process (<bench/baselines/layout.h>).
#ifndef STRATA_BENCH_BASELINES_RECLAIM_H_
#define STRATA_BENCH_BASELINES_RECLAIM_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bench/baselines/content_hash_value.h"
#include "bench/baselines/measure.h"
#include "bench/baselines/memory_state.h"

#include <strata/footprint.h>

namespace strata {

/// How many times the entries that were loaded room is made for, once all else is measured; fewer
/// where the buckets of that, 8 bytes each, would take more than a quarter of the memory there is.
inline constexpr std::uint64_t kReserveTimes = 1000;

/// Which entries are gone: those whose EntryHash is `last` or less. Where all are, their outers are
/// gone, too.
struct Deletion {
  std::uint64_t entries = 0;
  ContentHash last = {};  ///< of no meaning where `entries` is 0
  bool everything = false;

  friend bool operator==(const Deletion&, const Deletion&) = default;
};

/// What is left of the data and what it costs.
struct Remainder {
  Counts counts;
  std::string digest;
  MemoryState memory;  ///< maintained to idle, the allocator trimmed

  friend bool operator==(const Remainder&, const Remainder&) = default;
};

struct ReclaimMeasurement {
  std::string layout;
  std::string allocator;
  Deletion deletion;
  Counts loaded_counts;
  MemoryState empty;    ///< made, and nothing in it
  MemoryState loaded;   ///< maintained to idle, the allocator trimmed
  MemoryState deleted;  ///< as the last Delete left it, nothing trimmed
  Remainder released;
  std::uint64_t reserve_times = 0;  ///< kReserveTimes, or as many as there was memory for
  MemoryState reserved;        ///< room made for so many times the loaded entries, nothing trimmed
  MemoryState shrunk;          ///< that given back as far as the layout can, maintained, trimmed
  double delete_seconds = 0;   ///< wall time of the deletes
  double release_seconds = 0;  ///< of maintenance and trimming
};

/// Makes the layout, loads what `open` gives, deletes `share` (0 to 1) of its entries and releases.
/// Fails as MeasureChurn does.
absl::StatusOr<ReclaimMeasurement> MeasureReclaim(std::string_view layout_name,
                                                  const OpenSource& open, double share);

/// Makes the layout and loads what `open` gives, without what `deletion` names.
absl::StatusOr<Remainder> MeasureRemainder(std::string_view layout_name, const OpenSource& open,
                                           const Deletion& deletion);

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_RECLAIM_H_
