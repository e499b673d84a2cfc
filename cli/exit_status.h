// How a verb ends: an absl::Status that also knows the program's exit status.
//
// Threads: plain values.
#ifndef STRATA_CLI_EXIT_STATUS_H_
#define STRATA_CLI_EXIT_STATUS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace strata::cli {

/// Relied on by scripts: never renumber.
enum class ExitStatus : int {
  kDone = 0,
  kFault = 1,     ///< the data, the source or the place written to is at fault
  kUsage = 2,     ///< the call's words are off
  kNotFound = 3,  ///< `get` found nothing there
};

/// An error in the call's words: exit status 2.
absl::Status UsageError(std::string_view message);

/// The same for `option`, which means nothing without `other`.
absl::Status OnlyWith(std::string_view option, std::string_view other);

/// A form of the contract that this version does not have: exit status 2, and says so.
absl::Status NotInThisVersion(std::string_view what, std::string_view instead);

/// Nothing is there: exit status 3.
absl::Status NothingThere(std::string_view message);

/// What the program exits with: 0 for OK, what those above say, else kFault.
ExitStatus ExitStatusOf(const absl::Status& status);

/// The message of `status`; Debian's absl::string_view is a type of its own.
std::string MessageOf(const absl::Status& status);

/// "WHAT: the reason of errno `error`, and what to do".
absl::Status SystemError(std::string_view what, int error);

}  // namespace strata::cli

#endif  // STRATA_CLI_EXIT_STATUS_H_
