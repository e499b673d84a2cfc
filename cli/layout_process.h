// One layout in a process of its own, so that no layout's figures carry another's heap.
//
// The parent starts this same program again with a verb that no user types, hands it the job as
// words and what was spooled as a descriptor, and reads the result from a pipe. A job may ask for
// turns on the way: it waits until the parent gives it one, so that several that live at once are
// timed one at a time. A child that dies takes the verb with it: the error names the layout and how
// it died. What the jobs are is cli/layout_jobs.h's to say.
//
// Threads: one.
#ifndef STRATA_CLI_LAYOUT_PROCESS_H_
#define STRATA_CLI_LAYOUT_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "accounting/unique_fd.h"
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

/// A started process. It does not outlive the object, nor the parent.
class LayoutProcess {
 public:
  /// Starts it with `source`, which must be a file or spooled, and reads from its beginning: where
  /// the source is spooled, none may be reading it.
  static absl::StatusOr<std::unique_ptr<LayoutProcess>> Start(const SourceArg& source,
                                                              const LayoutWords& words);
  ~LayoutProcess();
  LayoutProcess(const LayoutProcess&) = delete;
  LayoutProcess& operator=(const LayoutProcess&) = delete;

  /// Waits until it wants a turn or has its result. InvalidArgument: what the job failed with;
  /// Aborted: the child died.
  absl::Status Await();
  bool wants_turn() const { return wants_turn_; }
  /// Lets one that wants a turn go on.
  void GiveTurn();
  /// What the job gave, once Await was OK and it wants no turn.
  const std::string& result() const { return result_; }

 private:
  explicit LayoutProcess(std::string layout) : layout_(std::move(layout)) {}
  absl::Status Start(const SourceArg& source, std::vector<std::string> words);
  /// Waits for the child's end; how it died, "" where it did not.
  std::string Death();

  const std::string layout_;
  pid_t pid_ = 0;      // 0: there is none, or none any more
  UniqueFd answers_;   // where it asks for turns and gives its result
  UniqueFd turns_;     // a byte a turn
  UniqueFd messages_;  // its standard error, so that a failure stays one line
  bool wants_turn_ = false;
  std::string result_;
};

/// Has a new process do the job, which asks for no turns; its result, or the errors of Await.
absl::StatusOr<std::string> RunInProcess(const SourceArg& source, const LayoutWords& words);

/// Asks for a turn and waits for it. Unavailable: there is no parent any more.
absl::Status AwaitTurnInChild();

/// Does the job and gives its result as text.
using LayoutJobRunner =
    absl::FunctionRef<absl::StatusOr<std::string>(const SourceArg&, const LayoutWords&)>;

/// The child: has `run` do what its words say and writes the result. What main returns.
int RunLayoutProcess(int argc, char** argv, LayoutJobRunner run);

}  // namespace strata::cli

#endif  // STRATA_CLI_LAYOUT_PROCESS_H_
