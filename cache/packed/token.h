// A token: how a blob holds one string.
//
//     varint  ...xxxx0                 the dictionary's string number x
//     varint  ...xxx01  x bytes        the bytes themselves: strings met once, and very short ones
//     varint  ...xxx11                 the decimal text of x: "0", "7", "50000"; no leading zero
//
// A decimal text of fewer than 19 digits is always a number token, so that two such strings are
// equal exactly when their tokens are. Any other string may be a dictionary token in one blob and
// its own bytes in another.
//
// Threads: plain functions over immutable bytes.
#ifndef STRATA_CACHE_PACKED_TOKEN_H_
#define STRATA_CACHE_PACKED_TOKEN_H_

#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <strata/cache.h>

#include "cache/packed/varint.h"

namespace strata::packed {

using StringId = std::uint32_t;

struct Token {
  enum class Kind : std::uint8_t { kDictionary, kInline, kNumber };
  Kind kind = Kind::kInline;
  std::uint64_t number = 0;             ///< the id, the length in bytes, or the number
  const std::uint8_t* bytes = nullptr;  ///< of kInline

  std::string_view inline_text() const { return {reinterpret_cast<const char*>(bytes), number}; }
};

/// The longest decimal text that is a number token, in digits.
inline constexpr std::size_t kMaxNumberDigits = 18;

/// The number whose decimal text this is; none where it has a leading zero, a sign, another
/// character, or too many digits.
inline std::optional<std::uint64_t> AsNumber(std::string_view text) {
  if (text.empty() || text.size() > kMaxNumberDigits) return std::nullopt;
  if (text[0] == '0' && text.size() > 1) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

inline std::size_t NumberTokenSize(std::uint64_t number) { return VarintSize(number << 2); }
inline std::size_t InlineTokenSize(std::size_t length) {
  return VarintSize(static_cast<std::uint64_t>(length) << 2) + length;
}
inline std::size_t DictionaryTokenSize(StringId id) {
  return VarintSize(static_cast<std::uint64_t>(id) << 1);
}

inline std::uint8_t* WriteNumberToken(std::uint64_t number, std::uint8_t* to) {
  return WriteVarint((number << 2) | 3, to);
}
/// What stands for a text that is left out (string_coder.h): a number token, and its size.
inline constexpr std::uint64_t kStandIn = 0;
inline constexpr std::size_t kStandInBytes = 1;
inline std::uint8_t* WriteDictionaryToken(StringId id, std::uint8_t* to) {
  return WriteVarint(static_cast<std::uint64_t>(id) << 1, to);
}
inline std::uint8_t* WriteInlineToken(std::string_view text, std::uint8_t* to) {
  to = WriteVarint((static_cast<std::uint64_t>(text.size()) << 2) | 1, to);
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

/// Reads a token's head only; returns the byte after the token.
template <class Read = Varints>
inline const std::uint8_t* ReadHead(const std::uint8_t* from, TokenHead* token, Read read = {}) {
  token->bytes = read(from, &token->head);
  return (token->head & 3) == 1 ? token->bytes + (token->head >> 2) : token->bytes;
}
inline Token TokenOf(const TokenHead& token) {
  if ((token.head & 1) == 0) return {Token::Kind::kDictionary, token.head >> 1, nullptr};
  if ((token.head & 2) == 0) return {Token::Kind::kInline, token.head >> 2, token.bytes};
  return {Token::Kind::kNumber, token.head >> 2, nullptr};
}

/// A text that many tokens are compared with.
struct WantedText {
  explicit WantedText(std::string_view wanted) : text(wanted), number(AsNumber(wanted)) {}
  std::string_view text;
  std::optional<std::uint64_t> number;
};

/// Whether a token that is not the dictionary's is that text.
inline bool IsText(const Token& token, const WantedText& wanted) {
  // What can be a number is one in every token.
  if (wanted.number.has_value()) {
    return token.kind == Token::Kind::kNumber && token.number == *wanted.number;
  }
  return token.kind == Token::Kind::kInline && token.inline_text() == wanted.text;
}

/// Reads the token at `from`; returns the byte after it.
inline const std::uint8_t* ReadToken(const std::uint8_t* from, Token* token) {
  TokenHead head;
  from = ReadHead(from, &head);
  *token = TokenOf(head);
  return from;
}

/// The byte after the token at `from`.
template <class Read = Varints>
inline const std::uint8_t* SkipToken(const std::uint8_t* from, Read read = {}) {
  std::uint64_t head = 0;
  from = read(from, &head);
  return (head & 3) == 1 ? from + (head >> 2) : from;
}

/// The eight decimal digits of a number below 100,000,000, the first in the lowest byte. Halves,
/// quarters and digits are divided side by side in one word (P. Khuong, "How to print integers
/// really fast", 2017).
inline std::uint64_t EightDigits(std::uint32_t number) {
  const std::uint64_t high = number / 10000;
  const std::uint64_t halves = high | (number - 10000 * high) << 32;
  const std::uint64_t hundreds = (halves * 10486 >> 20) & 0x0000007F0000007F;
  const std::uint64_t quarters = hundreds | (halves - 100 * hundreds) << 16;
  const std::uint64_t tens = (quarters * 103 >> 10) & 0x000F000F000F000F;
  return tens | (quarters - 10 * tens) << 8;
}

/// The three decimal digits of each number below a thousand as text, the first in the lowest byte.
inline constexpr std::array<std::uint32_t, 1000> kThreeDigits = [] {
  std::array<std::uint32_t, 1000> texts{};
  for (std::uint32_t i = 0; i < texts.size(); ++i) {
    texts[i] = 0x303030 + (i / 100 | i / 10 % 10 << 8 | i % 10 << 16);
  }
  return texts;
}();

/// The text of a kNumber, written into `scratch`, which has kNumberScratchBytes.
inline constexpr std::size_t kNumberScratchBytes = 20;
inline std::string_view NumberText(std::uint64_t number, char* scratch) {
  // Leading zeros are skipped without a branch; the last digit stays, be it 0.
  const auto write = [scratch](std::uint64_t text, int digits) -> std::string_view {
    std::memcpy(scratch, &text, sizeof(text));
    const std::uint64_t last = std::uint64_t{1} << (8 * digits - 8);
    const int zeros = std::countr_zero((text & 0x0F0F0F0F0F0F0F0F) | last) / 8;
    return {scratch + zeros, static_cast<std::size_t>(digits - zeros)};
  };
  if (number < 1000000) [[likely]] {
    const std::uint32_t high = static_cast<std::uint32_t>(number) / 1000;
    const std::uint32_t low = static_cast<std::uint32_t>(number) - 1000 * high;
    return write(kThreeDigits[high] | std::uint64_t{kThreeDigits[low]} << 24, 6);
  }
  if (number < 100000000) {
    return write(EightDigits(static_cast<std::uint32_t>(number)) | 0x3030303030303030, 8);
  }
  const std::to_chars_result result = std::to_chars(scratch, scratch + kNumberScratchBytes, number);
  return {scratch, static_cast<std::size_t>(result.ptr - scratch)};
}

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_TOKEN_H_
