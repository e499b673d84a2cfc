// One layout measured in a process of its own, so that no layout's figures carry another's heap.
//
// The parent starts this same program again with a verb that no user types, hands it the job as
// words and what was spooled as a descriptor, and reads the result as JSON from a pipe. A child
// that dies takes the comparison with it: the error names the layout and how it died.
//
// Threads: one.
#ifndef STRATA_CLI_LAYOUT_PROCESS_H_
#define STRATA_CLI_LAYOUT_PROCESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "accounting/report/report.h"
#include "cli/source_arg.h"

namespace strata::cli {

/// The hidden verb of the child.
inline constexpr std::string_view kLayoutProcessVerb = "--layout-process";

/// The most lookups a round: each costs about a hundred bytes while it is measured.
inline constexpr std::uint64_t kMaxLookups = 100'000'000;

struct LayoutJob {
  std::string layout;
  std::uint64_t lookups = 300'000;
  /// Whether to count distinct strings and text, too, which takes a scan and memory; where not,
  /// these two figures are 0.
  bool describe_dataset = true;
};

/// Loads `source`, which must be a file or spooled, into the layout in a new process and measures
/// it there. InvalidArgument and the source's other errors: the data is at fault; Aborted: the
/// child died.
absl::StatusOr<FootprintReport> MeasureInProcess(const SourceArg& source, const LayoutJob& job);

/// The child: measures as its words say and writes the result. What main returns.
int RunLayoutProcess(int argc, char** argv);

}  // namespace strata::cli

#endif  // STRATA_CLI_LAYOUT_PROCESS_H_
