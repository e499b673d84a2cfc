// Words of the command line that several verbs share: numbers, lists of layouts, formats.
//
// Threads: pure functions.
#ifndef STRATA_CLI_WORDS_H_
#define STRATA_CLI_WORDS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace strata::cli {

/// Decimal digits alone, at most `max`; `option` is for the message.
absl::StatusOr<std::uint64_t> ParseNumber(std::string_view option, std::string_view text,
                                          std::uint64_t max);

/// A decimal number from 0 to 1: digits and at most one point; `option` is for the message.
absl::StatusOr<double> ParseShare(std::string_view option, std::string_view text);

/// Bytes as Kubernetes writes them: 17367Mi, 1.5Gi, 512M, 1000000; `option` is for the message.
absl::StatusOr<std::uint64_t> ParseQuantity(std::string_view option, std::string_view text);

/// "a,b,c" as layouts that there are, each once; all of them for "".
absl::StatusOr<std::vector<std::string>> ParseLayouts(std::string_view list);

/// OK where there is such a layout.
absl::Status CheckLayout(std::string_view layout);

/// OK where `format` is one of `here`; the contract's others are not in this version.
absl::Status CheckFormat(std::string_view format, std::initializer_list<std::string_view> here);

}  // namespace strata::cli

#endif  // STRATA_CLI_WORDS_H_
