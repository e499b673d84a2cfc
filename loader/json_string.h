// JSON strings byte by byte: where one ends, and whether and where it is wrong.
#ifndef STRATA_LOADER_JSON_STRING_H_
#define STRATA_LOADER_JSON_STRING_H_

#include <cstddef>
#include <string_view>

namespace strata {

/// The first '"' or '\\' in [begin, end), or end. Reads up to 15 bytes behind end.
const char* FindQuoteOrBackslash(const char* begin, const char* end);

/// Checks a string piece by piece, in constant memory: escapes, surrogates, control characters and
/// UTF-8.
class StringChecker {
 public:
  enum class Result {
    kMore,  ///< all of the text belongs to the string, which goes on
    kEnd,   ///< the closing quote was met; used() is behind it
    kBad,   ///< wrong at used(); problem() says how
  };

  /// Takes text that follows the opening quote, or what was taken before.
  Result Check(std::string_view text);
  std::size_t used() const { return used_; }
  const char* problem() const { return problem_; }

 private:
  enum class State { kPlain, kEscape, kHex, kLowBackslash, kLowU, kContinuation };

  bool TakePlain(unsigned char c);
  bool TakeEscape(unsigned char c);
  bool TakeHex(unsigned char c);
  bool TakeContinuation(unsigned char c);
  bool Bad(const char* problem) {
    problem_ = problem;
    return false;
  }

  State state_ = State::kPlain;
  std::size_t used_ = 0;
  const char* problem_ = "";
  unsigned hex_digits_ = 0;
  unsigned hex_value_ = 0;
  bool want_low_ = false;  // a high surrogate was met
  unsigned continuation_bytes_ = 0;
  unsigned char continuation_low_ = 0x80;
  unsigned char continuation_high_ = 0xbf;
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_STRING_H_
