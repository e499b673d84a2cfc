// Durations as the command line writes them: 500ms, 2s, 5m.
//
// Threads: pure functions.
#ifndef STRATA_CLI_DURATION_H_
#define STRATA_CLI_DURATION_H_

#include <chrono>
#include <string_view>

#include "absl/status/statusor.h"

namespace strata::cli {

/// A whole number followed by ms, s or m. An error of the call's words otherwise, and where the
/// number is beyond a year.
absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text);

}  // namespace strata::cli

#endif  // STRATA_CLI_DURATION_H_
