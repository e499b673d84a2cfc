// UTF-8 one character at a time, for messages, exact error positions and replacement; whole texts
// are checked by simdjson.
#ifndef STRATA_LOADER_UTF8_H_
#define STRATA_LOADER_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace strata {

struct Utf8Step {
  bool valid = false;
  /// Bytes of the character; of an invalid one its maximal invalid part, as the WHATWG decoder
  /// replaces it: at least 1.
  std::size_t size = 1;
  /// Invalid only because `text` ends too early: more bytes might complete it.
  bool cut_off = false;
};

/// The first character of `text`, which is not empty. Overlong forms, surrogates and what lies
/// beyond U+10FFFF are invalid.
inline Utf8Step NextUtf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {true, 1, false};
  if (first < 0xc2 || first > 0xf4) return {false, 1, false};
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  for (std::size_t i = 1; i < size; ++i) {
    if (i == text.size()) return {false, i, true};
    if (byte(i) < low || byte(i) > high) return {false, i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {true, size, false};
}

}  // namespace strata

#endif  // STRATA_LOADER_UTF8_H_
