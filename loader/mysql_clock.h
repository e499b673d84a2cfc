// Times as the server writes them, and as microseconds since 1970 in UTC.
//
// Threads: pure functions.
#ifndef STRATA_LOADER_MYSQL_CLOCK_H_
#define STRATA_LOADER_MYSQL_CLOCK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata::mysql {

inline constexpr std::int64_t kSecondUs = 1'000'000;

/// "2026-10-25 02:30:00.25", "2026-10-25"; nothing where it is no such time ("0000-00-00" is none).
std::optional<std::int64_t> ParseTime(std::string_view text);

/// Cut, never rounded up, to so many digits of a second.
std::string FormatTime(std::int64_t time_us, unsigned fraction_digits);
/// Cut to the day.
std::string FormatDate(std::int64_t time_us);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_CLOCK_H_
