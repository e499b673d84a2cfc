// What layouts are measured for, each job in a process of its own (cli/layout_process.h).
//
// `source` must be a file or spooled. InvalidArgument, with what the child failed with: the data,
// or the memory, is at fault. Aborted: the child died. Internal: its result cannot be read.
//
// Threads: one.
#ifndef STRATA_CLI_LAYOUT_JOBS_H_
#define STRATA_CLI_LAYOUT_JOBS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "bench/baselines/churn.h"
#include "bench/baselines/reclaim.h"
#include "cli/layout_process.h"
#include "cli/source_arg.h"

#include <strata/report.h>

namespace strata::cli {

/// The most lookups a round: each costs about a hundred bytes while it is measured.
inline constexpr std::uint64_t kMaxLookups = 100'000'000;

struct LayoutJob {
  std::string layout;
  std::uint64_t lookups = 300'000;
  std::uint64_t rounds = 5;  ///< of timing, scans too; 0: nothing is timed
  /// Whether to count distinct strings and text, too, which takes a scan and memory; where not,
  /// these two figures are 0.
  bool describe_dataset = true;
  std::size_t outers = 0;      ///< so many of the largest are told apart; 0: none
  bool std_map_bytes = false;  ///< whether to say what nested std::map takes, which takes a scan
};

/// Loads `source` into the layout and measures it.
absl::StatusOr<FootprintReport> MeasureInProcess(const SourceArg& source, const LayoutJob& job);

/// The same for several layouts, their timing in turns, a round each, so that a machine that grows
/// slower meanwhile slows them all. They load one after another, and stay until the last one is
/// timed; where memory does not suffice for all, those that wait are timed, and gone, before the
/// next one loads. `on_step` is told what is done.
absl::StatusOr<std::vector<FootprintReport>> MeasureInTurns(
    const SourceArg& source, const std::vector<LayoutJob>& jobs,
    absl::FunctionRef<void(const std::string& step)> on_step);

/// Describes the data alone.
absl::StatusOr<DatasetReport> DescribeInProcess(const SourceArg& source);

/// MeasureChurn there.
absl::StatusOr<ChurnMeasurement> ChurnInProcess(const SourceArg& source, const std::string& layout,
                                                const ChurnOptions& options);

/// MeasureReclaim there.
absl::StatusOr<ReclaimMeasurement> ReclaimInProcess(const SourceArg& source,
                                                    const std::string& layout, double share);

/// MeasureRemainder there.
absl::StatusOr<Remainder> RemainderInProcess(const SourceArg& source, const std::string& layout,
                                             const Deletion& deletion);

/// Does any of these in the child.
absl::StatusOr<std::string> DoLayoutJob(const SourceArg& source, const LayoutWords& words);

}  // namespace strata::cli

#endif  // STRATA_CLI_LAYOUT_JOBS_H_
