#include "cli/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "bench/baselines/layout.h"
#include "cli/exit_status.h"

namespace strata::cli {
namespace {

// Names the contract gives to what is still to come.
constexpr std::array<std::string_view, 1> kLaterLayouts = {"frozen"};
constexpr std::array<std::string_view, 3> kLaterFormats = {"html", "pprof", "openmetrics"};

template <class Range>
bool Contains(const Range& range, std::string_view name) {
  return std::find(range.begin(), range.end(), name) != range.end();
}

template <class Range>
std::string List(const Range& range) {
  std::string text;
  for (const std::string_view name : range) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

}  // namespace

absl::StatusOr<std::uint64_t> ParseNumber(std::string_view option, std::string_view text,
                                          std::uint64_t max) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, number);
  if (text.empty() || result.ec != std::errc() || result.ptr != end || number > max) {
    return UsageError(
        absl::StrFormat("%s: '%s' is no number from 0 to %d: write it in decimal "
                        "digits",
                        option, text, max));
  }
  return number;
}

absl::StatusOr<double> ParseShare(std::string_view option, std::string_view text) {
  double share = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result result =
      std::from_chars(text.data(), end, share, std::chars_format::fixed);
  // Compared so that what is not a number at all ("nan") is refused, too.
  if (result.ec != std::errc() || result.ptr != end || !(share >= 0 && share <= 1)) {
    return UsageError(
        absl::StrFormat("%s: '%s' is no share from 0 to 1: write it as in 0.5", option, text));
  }
  return share;
}

absl::StatusOr<std::uint64_t> ParseQuantity(std::string_view option, std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1},        {"k", 1e3},     {"M", 1e6},     {"G", 1e9},     {"T", 1e12},   {"P", 1e15},
      {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}};
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  const std::string_view digits = text.substr(0, end);
  const std::from_chars_result read =
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = read.ec == std::errc() && read.ptr == digits.data() + digits.size();
  for (const auto& [unit, bytes] : kUnits) {
    if (!whole || text.substr(end) != unit) continue;
    // Beyond 2^63 no figure of memory is right.
    if (number * bytes >= 0x1p63) break;
    return static_cast<std::uint64_t>(number * bytes + 0.5);
  }
  return UsageError(absl::StrFormat(
      "%s: '%s' is no number of bytes: write it as 17367Mi, 1.5Gi or 18210619392", option, text));
}

absl::Status CheckLayout(std::string_view layout) {
  if (Contains(LayoutNames(), layout)) return absl::OkStatus();
  if (Contains(kLaterLayouts, layout)) {
    return NotInThisVersion(absl::StrFormat("the layout '%s'", layout),
                            "give " + List(LayoutNames()));
  }
  return UsageError(
      absl::StrFormat("there is no layout '%s': give %s", layout, List(LayoutNames())));
}

absl::StatusOr<std::vector<std::string>> ParseLayouts(std::string_view list) {
  std::vector<std::string> layouts;
  if (list.empty()) {
    for (const std::string_view name : LayoutNames()) layouts.emplace_back(name);
    return layouts;
  }
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view name = list.substr(0, comma);
    if (absl::Status status = CheckLayout(name); !status.ok()) return status;
    if (Contains(layouts, name)) {
      return UsageError(absl::StrFormat("--layouts: '%s' is named twice: name it once", name));
    }
    layouts.emplace_back(name);
    if (comma == std::string_view::npos) return layouts;
    list.remove_prefix(comma + 1);
  }
}

absl::Status CheckFormat(std::string_view format, std::initializer_list<std::string_view> here) {
  if (Contains(here, format)) return absl::OkStatus();
  if (Contains(kLaterFormats, format)) {
    return NotInThisVersion(absl::StrFormat("--format %s", format), "give " + List(here));
  }
  return UsageError(absl::StrFormat("--format: there is no '%s': give %s", format, List(here)));
}

}  // namespace strata::cli
