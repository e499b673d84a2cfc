#include "loader/mysql_words.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"

#include "loader/view.h"

namespace strata::mysql {

std::optional<unsigned> SecondsOf(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view unit = text.substr(digits);
  std::uint64_t count = 0;
  const std::uint64_t scale_ms = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
  constexpr std::uint64_t kMostSeconds = 24 * 60 * 60;
  if (scale_ms == 0 || digits > 9 || !absl::SimpleAtoi(View(text.substr(0, digits)), &count)) {
    return std::nullopt;
  }
  const std::uint64_t seconds = (count * scale_ms + 999) / 1000;
  if (seconds < 1 || seconds > kMostSeconds) return std::nullopt;
  return static_cast<unsigned>(seconds);
}

std::optional<MySqlSslMode> SslModeOf(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, MySqlSslMode>, 5> kModes = {{
      {"DISABLED", MySqlSslMode::kDisabled},
      {"PREFERRED", MySqlSslMode::kPreferred},
      {"REQUIRED", MySqlSslMode::kRequired},
      {"VERIFY_CA", MySqlSslMode::kVerifyCa},
      {"VERIFY_IDENTITY", MySqlSslMode::kVerifyIdentity},
  }};
  for (const auto& [name, mode] : kModes) {
    if (name == text) return mode;
  }
  return std::nullopt;
}

std::optional<std::uint16_t> PortOf(std::string_view text) {
  unsigned number = 0;
  if (!absl::SimpleAtoi(View(text), &number) || number == 0 ||
      number > std::numeric_limits<std::uint16_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(number);
}

bool IsHostName(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

bool IsIpv6(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

}  // namespace strata::mysql
