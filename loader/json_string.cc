#include "loader/json_string.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace strata {

const char* FindQuoteOrBackslash(const char* begin, const char* end) {
#if defined(__SSE2__)
  const __m128i quotes = _mm_set1_epi8('"');
  const __m128i backslashes = _mm_set1_epi8('\\');
  for (; begin < end; begin += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
    const int found = _mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(block, quotes), _mm_cmpeq_epi8(block, backslashes)));
    if (found != 0) {
      const char* hit = begin + __builtin_ctz(static_cast<unsigned>(found));
      return hit < end ? hit : end;
    }
  }
  return end;
#else
  while (begin < end && *begin != '"' && *begin != '\\') ++begin;
  return begin;
#endif
}

StringChecker::Result StringChecker::Check(std::string_view text) {
  for (used_ = 0; used_ < text.size(); ++used_) {
    const auto c = static_cast<unsigned char>(text[used_]);
    bool fine = true;
    switch (state_) {
      case State::kPlain:
        if (c == '"') {
          ++used_;
          return Result::kEnd;
        }
        if (c >= 0x20 && c < 0x80 && c != '\\') continue;
        fine = TakePlain(c);
        break;
      case State::kEscape:
        fine = TakeEscape(c);
        break;
      case State::kHex:
        fine = TakeHex(c);
        break;
      case State::kLowBackslash:
        state_ = State::kLowU;
        fine = c == '\\' || Bad("a high surrogate without its low one");
        break;
      case State::kLowU:
        state_ = State::kHex;
        fine = c == 'u' || Bad("a high surrogate without its low one");
        break;
      case State::kContinuation:
        fine = TakeContinuation(c);
        break;
    }
    if (!fine) return Result::kBad;
  }
  return Result::kMore;
}

bool StringChecker::TakePlain(unsigned char c) {
  if (c == '\\') {
    state_ = State::kEscape;
    return true;
  }
  if (c < 0x20) return Bad("a control character in a string (write it as \\u00NN)");
  if (c < 0xc2 || c > 0xf4) return Bad("bytes that are not UTF-8");
  state_ = State::kContinuation;
  continuation_bytes_ = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
  continuation_low_ = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
  continuation_high_ = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
  return true;
}

bool StringChecker::TakeEscape(unsigned char c) {
  if (c == 'u') {
    state_ = State::kHex;
    return true;
  }
  state_ = State::kPlain;
  if (std::string_view("\"\\/bfnrt").find(static_cast<char>(c)) == std::string_view::npos) {
    return Bad("an escape that JSON does not know");
  }
  return true;
}

bool StringChecker::TakeHex(unsigned char c) {
  const unsigned lower = c | 0x20U;
  if (c >= '0' && c <= '9') {
    hex_value_ = hex_value_ * 16 + (c - '0');
  } else if (lower >= 'a' && lower <= 'f') {
    hex_value_ = hex_value_ * 16 + (lower - 'a' + 10);
  } else {
    return Bad("a \\u escape without four hexadecimal digits");
  }
  if (++hex_digits_ < 4) return true;
  const unsigned unit = hex_value_;
  hex_digits_ = hex_value_ = 0;
  const bool high = unit >= 0xd800 && unit < 0xdc00;
  const bool low = unit >= 0xdc00 && unit < 0xe000;
  if (want_low_ && !low) return Bad("a high surrogate without its low one");
  if (!want_low_ && low) return Bad("a low surrogate without its high one");
  want_low_ = high;
  state_ = high ? State::kLowBackslash : State::kPlain;
  return true;
}

bool StringChecker::TakeContinuation(unsigned char c) {
  if (c < continuation_low_ || c > continuation_high_) return Bad("bytes that are not UTF-8");
  continuation_low_ = 0x80;
  continuation_high_ = 0xbf;
  if (--continuation_bytes_ == 0) state_ = State::kPlain;
  return true;
}

}  // namespace strata
