// Measures one layout on one source: what `compare` prints a line of.
//
// Memory is measured in the calling process, so a comparison gives each layout a process of its
// own. Nothing that the measuring itself needs (drawn keys, hash sets, scan buffers) is in the
// memory figures: they are all taken before the first of it is made.
//
// Threads: one layout of a kind at a time in a process (<bench/baselines/layout.h>); the callbacks
// are called from the calling thread.
#ifndef STRATA_BENCH_BASELINES_MEASURE_H_
#define STRATA_BENCH_BASELINES_MEASURE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/baselines/dataset.h"
#include "bench/baselines/layout.h"
#include "bench/baselines/lookups.h"
#include "bench/baselines/memory_state.h"

#include <strata/footprint.h>
#include <strata/load.h>
#include <strata/source.h>

namespace strata {

/// A layout object of `compare --format json`. nullopt where there was nothing to measure on.
struct Measurement {
  std::string layout;
  std::string allocator;
  /// Of what it holds, what it would for one outer without entries.
  std::uint64_t empty_bytes = 0;
  Footprint footprint;  ///< "layers", "total_bytes" and "allocated_bytes"
  /// Resident memory after the load less before it, the allocator's free pages given back both
  /// times. Signed: it is never hidden that a process can shrink.
  std::int64_t rss_delta_bytes = 0;
  std::uint64_t peak_rss_bytes = 0;  ///< of the process, up to the end of the load
  double load_seconds = 0;
  std::uint64_t load_allocated_bytes = 0;
  std::uint64_t load_allocations = 0;
  std::optional<double> lookup_ns;
  std::optional<double> lookup_batch_ns;  ///< where the layout has a batched call
  std::optional<double> scan_ns_per_pair;
  std::string digest;
  std::optional<Dataset> dataset;              ///< where it was asked for
  std::optional<std::uint64_t> std_map_bytes;  ///< where it was asked for: StdMapBytes
};

struct MeasureOptions {
  std::size_t lookups = 300'000;  ///< a round; 0 for none
  std::size_t rounds = 5;         ///< of timing, the median counts; 0: nothing is timed
  bool describe_dataset = false;  ///< fills Measurement::dataset
  bool std_map_bytes = false;     ///< fills Measurement::std_map_bytes
  LoadOptions load = {};
  /// Called as each step begins, with a word for it: "load", "walk", …; empty for none.
  std::function<void(std::string_view step)> on_step = {};
  /// Called before each round of timing (a scan, the lookups, the batched lookups) and returns when
  /// it may begin, with a scan that is not counted, for others ran meanwhile; what it returns, if
  /// not OK, ends the measuring. So layouts that are compared can take turns, and a machine that
  /// grows slower meanwhile slows them all. Empty: rounds follow at once.
  std::function<absl::Status()> await_turn = {};
  /// Called with the loaded layout and its footprint, before anything else is measured; what it
  /// returns, if not OK, ends the measuring. Empty for none.
  std::function<absl::Status(const Layout& layout, const Footprint& footprint)> on_loaded = {};
};

/// Keys of one batched call, and so of one guard.
inline constexpr std::size_t kLookupBatchKeys = 64;

/// Makes the layout, loads what `open` gives and measures. InvalidArgument: no such layout.
/// ResourceExhausted: no memory for the measuring itself. Internal: the layout lost a pair.
/// Otherwise what opening or loading failed with.
absl::StatusOr<Measurement> MeasureLayout(std::string_view layout_name, const OpenSource& open,
                                          const MeasureOptions& options = {});

/// The nanoseconds a lookup, the value's bytes touched, in processor time of the calling thread.
/// All must be hits: Internal, with the key, where one is not. nullopt without lookups.
absl::StatusOr<std::optional<double>> TimeLookups(const Layout& layout, const Lookups& lookups);

/// The same through Layout::LookupMany, kLookupBatchKeys keys a call. nullopt also where the layout
/// has no batched call.
absl::StatusOr<std::optional<double>> TimeBatchedLookups(const Layout& layout,
                                                         const Lookups& lookups);

/// The nanoseconds a pair that visiting everything takes, all bytes touched, in processor time of
/// the calling thread. nullopt without pairs.
std::optional<double> TimeScan(const Layout& layout);

/// Reads every byte of `bytes`, fast; the result is to be used so that the reading stays.
std::uint64_t TouchBytes(std::string_view bytes);

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_MEASURE_H_
