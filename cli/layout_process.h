// One layout in a process of its own, so that no layout's figures carry another's heap.
//
// The parent starts this same program again with a verb that no user types, hands it the job as
// words and what was spooled as a descriptor, and reads the result from a pipe. A child that dies
// takes the verb with it: the error names the layout and how it died. What the jobs are is
// cli/layout_jobs.h's to say.
//
// Threads: one.
#ifndef STRATA_CLI_LAYOUT_PROCESS_H_
#define STRATA_CLI_LAYOUT_PROCESS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "cli/source_arg.h"

namespace strata::cli {

/// The hidden verb of the child.
inline constexpr std::string_view kLayoutProcessVerb = "--layout-process";

/// A job as the child is told it.
struct LayoutWords {
  std::string job;
  std::string layout;
  std::vector<std::string> details;  ///< the job's own
};

/// Does the job and gives its result as text.
using LayoutJobRunner =
    absl::FunctionRef<absl::StatusOr<std::string>(const SourceArg&, const LayoutWords&)>;

/// Has a new process do the job with `source`, which must be a file or spooled; its result.
/// InvalidArgument: what the job failed with; Aborted: the child died.
absl::StatusOr<std::string> RunInProcess(const SourceArg& source, const LayoutWords& words);

/// The child: has `run` do what its words say and writes the result. What main returns.
int RunLayoutProcess(int argc, char** argv, LayoutJobRunner run);

}  // namespace strata::cli

#endif  // STRATA_CLI_LAYOUT_PROCESS_H_
