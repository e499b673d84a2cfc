#include "loader/mysql_clock.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_format.h"

namespace strata::mysql {
namespace {

using Days = std::chrono::sys_days;
using Microseconds = std::chrono::microseconds;

// Takes `digits` decimal digits and, where it is not 0, the character `behind` from `*text`.
bool Take(std::string_view* text, std::size_t digits, char behind, unsigned* number) {
  if (text->size() < digits) return false;
  *number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const char c = (*text)[i];
    if (c < '0' || c > '9') return false;
    *number = *number * 10 + static_cast<unsigned>(c - '0');
  }
  text->remove_prefix(digits);
  if (behind == 0) return true;
  if (text->empty() || text->front() != behind) return false;
  text->remove_prefix(1);
  return true;
}

std::chrono::year_month_day DateOf(std::int64_t time_us) {
  return std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time<Microseconds>(Microseconds(time_us)));
}

}  // namespace

std::optional<std::int64_t> ParseTime(std::string_view text) {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!Take(&text, 4, '-', &year) || !Take(&text, 2, '-', &month) || !Take(&text, 2, 0, &day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(month), std::chrono::day(day));
  if (!date.ok()) return std::nullopt;
  std::int64_t us = Microseconds(Days(date).time_since_epoch()).count();
  if (text.empty()) return us;
  text.remove_prefix(1);
  if (!Take(&text, 2, ':', &hour) || !Take(&text, 2, ':', &minute) || !Take(&text, 2, 0, &second)) {
    return std::nullopt;
  }
  us += (std::int64_t{hour} * 3600 + minute * 60 + second) * kSecondUs;
  if (text.empty()) return us;
  text.remove_prefix(1);
  unsigned fraction = 0;
  const std::size_t digits = text.size();
  if (digits > 6 || !Take(&text, digits, 0, &fraction)) return std::nullopt;
  std::int64_t scale = 1;
  for (std::size_t i = digits; i < 6; ++i) scale *= 10;
  return us + fraction * scale;
}

std::string FormatDate(std::int64_t time_us) {
  const std::chrono::year_month_day date = DateOf(time_us);
  return absl::StrFormat("%04d-%02u-%02u", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string FormatTime(std::int64_t time_us, unsigned fraction_digits) {
  const std::int64_t day_us = Microseconds(Days(DateOf(time_us)).time_since_epoch()).count();
  const std::int64_t of_day_us = time_us - day_us;
  const std::int64_t seconds = of_day_us / kSecondUs;
  std::string text = absl::StrFormat("%s %02d:%02d:%02d", FormatDate(time_us), seconds / 3600,
                                     seconds / 60 % 60, seconds % 60);
  if (fraction_digits == 0) return text;
  const std::string fraction = absl::StrFormat(".%06d", of_day_us % kSecondUs);
  return text + fraction.substr(0, 1 + std::min(fraction_digits, 6u));
}

}  // namespace strata::mysql
