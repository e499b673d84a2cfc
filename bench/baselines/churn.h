// Churn: a layout's content overwritten again and again, and what that costs in time and bytes.
//
// First entries drawn uniformly at random, with a fixed seed, are each Put with a list of the shape
// they have (records, keys, lengths of values) and with fresh values, until a multiple of the data
// has been written. Then, where asked for, rounds in which every entry is overwritten once.
//
// The same for all layouts, whatever order they visit their content in: which entries, in which
// order, and which value stands where. So their digests stay equal.
//
// Processor time is that of all threads of the process, less what preparing the lists took, which
// are made up to 256 at a time and outside of it. Latencies are each Put's wall time
// (steady_clock): a thread's own processor time costs a system call a reading, as long as a short
// Put. What a neighbour on the machine takes away is in them, and the greatest may be his alone.
//
// Threads: one layout of a kind at a time in a process (<bench/baselines/layout.h>).
#ifndef STRATA_BENCH_BASELINES_CHURN_H_
#define STRATA_BENCH_BASELINES_CHURN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/baselines/entry_plan.h"
#include "bench/baselines/measure.h"
#include "bench/baselines/memory_state.h"

#include <strata/footprint.h>

namespace strata {

struct ChurnOptions {
  std::uint64_t times = 10;  ///< the data is written, in pairs (in entries where it has no pair)
  /// After that, in which every entry is overwritten with strings that no round before had (but
  /// those too short to differ), each standing in two places, and maintained to idle.
  std::uint64_t rounds = 0;
};

/// The content at one moment. `shape_digest` is its digest with each value's length in the value's
/// place: overwriting does not change it.
struct ContentState {
  Counts counts;
  std::string digest;
  std::string shape_digest;

  friend bool operator==(const ContentState&, const ContentState&) = default;
};

struct ChurnSample {
  std::uint64_t round = 0;  ///< how many were done
  MemoryState memory;

  friend bool operator==(const ChurnSample&, const ChurnSample&) = default;
};

struct ChurnMeasurement {
  std::string layout;
  std::string allocator;
  std::uint64_t writes = 0;
  std::uint64_t pairs_written = 0;
  double wall_seconds = 0;
  double cpu_seconds = 0;            ///< of all threads
  std::optional<double> put_p50_us;  ///< these four in wall time; nullopt without writes
  std::optional<double> put_p99_us;
  std::optional<double> put_p999_us;
  std::optional<double> put_max_us;
  MemoryState memory_before;  ///< loaded and maintained to idle
  MemoryState memory_after;   ///< as the last write left it
  ContentState content_before;
  ContentState content_after;  ///< of the churn; not of the rounds
  /// Before the first round, after each tenth and after the last; empty without rounds.
  std::vector<ChurnSample> rounds;
  std::string digest_after_rounds;  ///< empty without rounds

  /// What serves live content of all bytes after the churn, over all layers; nullopt of nothing.
  std::optional<double> Utilisation() const;
  std::optional<double> WallNsPerWrite() const;
  std::optional<double> CpuNsPerWrite() const;
};

/// The rounds that a layout is given to settle.
inline constexpr std::uint64_t kWarmUpRounds = 20;
/// Rounds from one sample to the next.
inline constexpr std::uint64_t kRoundsASample = 10;

/// From the sample after the warm-up to the last one: by how many per cent of the former the bytes
/// have grown a round, on the average. nullopt where there are no rounds beyond the warm-up.
std::optional<double> TotalGrowthPercentPerRound(const std::vector<ChurnSample>& rounds);
/// The same for rss_delta_bytes; nullopt also where that is not above 0.
std::optional<double> RssGrowthPercentPerRound(const std::vector<ChurnSample>& rounds);

/// Makes the layout, loads what `open` gives, overwrites it and measures. InvalidArgument: no such
/// layout. ResourceExhausted: no memory for the measuring itself. Otherwise what opening, loading
/// or a write failed with.
absl::StatusOr<ChurnMeasurement> MeasureChurn(std::string_view layout_name, const OpenSource& open,
                                              const ChurnOptions& options = {});

/// One round: overwrites every entry of the plan once, in an order that is another in each round.
/// Fails as Put does.
absl::Status OverwriteAll(const EntryPlan& plan, std::uint64_t round, Layout& layout);

/// What `layout` holds now. Two scans.
ContentState MeasureContentState(const Layout& layout);

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_CHURN_H_
