#include "cli/duration.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <string>

#include "absl/strings/str_format.h"
#include "cli/exit_status.h"

namespace strata::cli {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t milliseconds;
};
constexpr std::array<Unit, 3> kUnits = {{{"ms", 1}, {"s", 1000}, {"m", 60'000}}};
constexpr std::uint64_t kYearInMilliseconds = std::uint64_t{366} * 24 * 60 * 60'000;

}  // namespace

absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  std::uint64_t number = 0;
  const std::from_chars_result end =
      std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest = text.substr(static_cast<std::size_t>(end.ptr - text.data()));
  for (const Unit& unit : kUnits) {
    if (end.ec != std::errc() || rest != unit.name) continue;
    if (number > kYearInMilliseconds / unit.milliseconds) break;
    return std::chrono::milliseconds(number * unit.milliseconds);
  }
  return UsageError(
      absl::StrFormat("'%s' is no duration: write it as 500ms, 2s or 5m, at most a year", text));
}

}  // namespace strata::cli
