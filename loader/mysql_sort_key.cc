#include "loader/mysql_sort_key.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "loader/message_text.h"

namespace strata::mysql {
namespace {

constexpr char kNull = 0x00;
constexpr char kValue = 0x01;

void AppendEscaped(std::string_view text, std::string* key) {
  while (true) {
    const std::size_t zero = text.find('\0');
    key->append(text.substr(0, zero));
    if (zero == std::string_view::npos) break;
    key->append("\x00\xff", 2);
    text.remove_prefix(zero + 1);
  }
  key->append("\x00\x00", 2);
}

std::size_t ReadEscaped(std::string_view key, std::string* text) {
  text->clear();
  std::size_t at = 0;
  while (true) {
    const std::size_t zero = key.find('\0', at);
    text->append(key.substr(at, zero - at));
    at = zero + 2;
    if (key[zero + 1] == '\0') return at;
    text->push_back('\0');
  }
}

void AppendBigEndian(std::uint64_t value, std::string* key) {
  char bytes[sizeof value];
  for (std::size_t i = 0; i < sizeof value; ++i) {
    bytes[i] = static_cast<char>(static_cast<unsigned char>(value >> (56 - 8 * i)));
  }
  key->append(bytes, sizeof bytes);
}

absl::Status NoNumber(std::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat(QuoteForMessage(text), " came, which is no number"));
}

absl::Status AppendDecimal(std::string_view text, std::string* key) {
  std::string_view digits = text;
  const bool negative = !digits.empty() && digits.front() == '-';
  if (negative) digits.remove_prefix(1);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  std::string_view whole = digits.substr(0, point);
  std::string_view fraction = digits.substr(std::min(point + 1, digits.size()));
  const auto is_digits = [](std::string_view part) {
    return part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if ((whole.empty() && fraction.empty()) || !is_digits(whole) || !is_digits(fraction)) {
    return NoNumber(text);
  }
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  fraction = fraction.substr(0, fraction.find_last_not_of('0') + 1);
  if (whole.size() > 0x7f) return NoNumber(text);
  const std::size_t begin = key->size();
  key->push_back(static_cast<char>(0x80 + whole.size()));
  key->append(whole);
  key->append(fraction);
  key->push_back('\0');
  if (negative && !(whole.empty() && fraction.empty())) {
    for (std::size_t i = begin; i < key->size(); ++i) (*key)[i] = static_cast<char>(~(*key)[i]);
  }
  return absl::OkStatus();
}

absl::Status AppendReal(std::string_view text, std::string* key) {
  double number = 0;
  if (!absl::SimpleAtod(absl::string_view(text.data(), text.size()), &number) ||
      std::isnan(number)) {
    return NoNumber(text);
  }
  if (number == 0) number = 0;  // of -0, too
  std::uint64_t bits = std::bit_cast<std::uint64_t>(number);
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  bits = (bits & kSign) != 0 ? ~bits : bits | kSign;
  AppendBigEndian(bits, key);
  return absl::OkStatus();
}

}  // namespace

void SetEntryPrefix(std::string_view outer, std::string_view inner, std::string* key) {
  key->clear();
  AppendEscaped(outer, key);
  AppendEscaped(inner, key);
}

bool IsPlainPrefix(std::string_view outer, std::string_view inner, std::string_view prefix) {
  if (prefix.size() != PlainPrefixBytes(outer, inner) || !prefix.starts_with(outer)) return false;
  prefix.remove_prefix(outer.size());
  if (prefix[0] != '\0' || prefix[1] != '\0') return false;
  return prefix.substr(2).starts_with(inner);
}

std::size_t ReadEntryPrefix(std::string_view key, std::string* outer, std::string* inner) {
  const std::size_t at = ReadEscaped(key, outer);
  return at + ReadEscaped(key.substr(at), inner);
}

void AppendNullOrder(std::string* key) { key->push_back(kNull); }

absl::Status AppendOrder(ColumnKind kind, std::string_view text, std::string* key) {
  key->push_back(kValue);
  switch (kind) {
    case ColumnKind::kInteger:
    case ColumnKind::kDecimal:
    case ColumnKind::kBits:
    case ColumnKind::kNumbered:
    case ColumnKind::kTime:
      return AppendDecimal(text, key);
    case ColumnKind::kReal:
      return AppendReal(text, key);
    case ColumnKind::kText:
    case ColumnKind::kBytes:
      AppendEscaped(text, key);
      return absl::OkStatus();
  }
  return absl::InternalError("a column of unknown kind");
}

void AppendArrival(std::uint64_t arrival, std::string* key) { AppendBigEndian(arrival, key); }

std::uint64_t ReadArrival(std::string_view key) {
  std::uint64_t arrival = 0;
  for (const char byte : key.substr(key.size() - kArrivalBytes)) {
    arrival = arrival << 8 | static_cast<unsigned char>(byte);
  }
  return arrival;
}

std::uint64_t HashPrefix(std::string_view prefix) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 / the golden ratio
  std::uint64_t hash = prefix.size() * kOdd;
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * kOdd;
    hash ^= hash >> 32;
  };
  while (prefix.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, prefix.data(), sizeof word);
    mix(word);
    prefix.remove_prefix(sizeof word);
  }
  std::uint64_t rest = 0;
  if (!prefix.empty()) std::memcpy(&rest, prefix.data(), prefix.size());
  mix(rest);
  return hash;
}

}  // namespace strata::mysql
