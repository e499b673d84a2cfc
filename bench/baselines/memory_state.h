// What a layout costs at one moment, and loading it: the steps that every measurement of changing
// content has in common.
//
// Threads: one layout of a kind at a time in a process (<bench/baselines/layout.h>).
#ifndef STRATA_BENCH_BASELINES_MEMORY_STATE_H_
#define STRATA_BENCH_BASELINES_MEMORY_STATE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/baselines/layout.h"

#include <strata/source.h>

namespace strata {

using OpenSource = std::function<absl::StatusOr<std::unique_ptr<Source>>()>;

struct MemoryState {
  std::uint64_t total_bytes = 0;      ///< found by walking
  std::uint64_t used_bytes = 0;       ///< of these, what serves live content
  std::uint64_t allocated_bytes = 0;  ///< the door's running sum
  std::uint64_t rss_bytes = 0;        ///< of the process
  std::int64_t rss_delta_bytes = 0;   ///< less what it had before the layout was made

  friend bool operator==(const MemoryState&, const MemoryState&) = default;
};

/// Whether free pages of the allocator are given back before RSS is read.
enum class Trim : bool { kNo, kYes };

/// RSS of the process now. Unavailable where /proc cannot be read.
absl::StatusOr<std::uint64_t> ResidentBytes(Trim trim);

/// What may be made resident now without driving others out: of the machine, and of the container.
/// 0 where the machine does not say.
std::uint64_t FreeMemoryBytes();

/// What `layout` costs now. RSS is read before the walk. Unavailable as above.
absl::StatusOr<MemoryState> MeasureMemoryState(const Layout& layout, std::uint64_t rss_before_bytes,
                                               Trim trim);

/// An empty layout of that name. InvalidArgument: there is none.
absl::StatusOr<std::unique_ptr<Layout>> MakeLayoutOrSay(std::string_view name);

/// Loads what `open` gives into `target`. Fails as opening and loading do.
absl::Status LoadAll(const OpenSource& open, Target& target);

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_MEMORY_STATE_H_
