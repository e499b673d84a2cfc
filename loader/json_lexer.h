// Tokens of the levels outside lists, and the checked skipping of values of any shape and size.
//
// Memory: one key at a time; a skipped value costs a bit a level of nesting, whatever its size.
// Threads: one at a time. May throw std::bad_alloc.
#ifndef STRATA_LOADER_JSON_LEXER_H_
#define STRATA_LOADER_JSON_LEXER_H_

#include <simdjson.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "loader/json_error.h"
#include "loader/json_window.h"

namespace strata {

class JsonLexer {
 public:
  /// Both outlive it.
  JsonLexer(JsonWindow* window, const JsonInput* input) : window_(*window), input_(*input) {}

  /// The next character that is not white space, not taken; kEndOfText at the end of the input.
  /// In lines the end of a line is the end of the text too.
  absl::StatusOr<int> Peek() {
    while (window_.size() > 0) {
      const char c = *window_.at();
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return static_cast<unsigned char>(c);
      if (c == '\n' && input_.lines) return kEndOfText;
      window_.Skip(1);
    }
    return PeekFurther();
  }
  /// Takes the character that Peek gave.
  void Take() { window_.Skip(1); }

  /// Takes a string, unescaped, where Peek gave its quote. `path` is for messages.
  absl::Status ReadString(const JsonPath& path, std::string* out);
  /// Takes `null` where Peek gave its 'n'.
  absl::Status ReadNull(const JsonPath& path) { return SkipLiteral("null", path); }
  /// Takes ':' with the white space around it.
  absl::Status ReadColon(const JsonPath& path);
  /// Takes any value, white space before it too, and checks it to the letter.
  absl::Status SkipValue(const JsonPath& path);
  /// Takes a line's end, or reports what stands there: text behind the document.
  absl::Status ReadEnd(const JsonPath& path);

  /// "expected X, found Y" at what Peek gives.
  absl::Status Unexpected(const JsonPath& path, std::string_view expected,
                          std::string_view hint = {});
  absl::Status ErrorHere(const JsonPath& path, std::string_view what) const {
    return input_.Error(window_.offset(), path, what);
  }

 private:
  absl::StatusOr<int> PeekFurther();
  absl::StatusOr<int> PeekRaw();
  bool AtByteOrderMark();
  absl::Status SkipString(const JsonPath& path);
  absl::Status SkipLiteral(std::string_view literal, const JsonPath& path);
  absl::Status SkipNumber(const JsonPath& path);
  absl::StatusOr<bool> SkipDigits();
  absl::Status SkipScalar(int first, const JsonPath& path);
  absl::StatusOr<std::size_t> FindStringEnd(const JsonPath& path, bool* escaped);
  absl::Status Unescape(std::size_t size, const JsonPath& path, std::string* out);

  JsonWindow& window_;
  const JsonInput& input_;
  simdjson::ondemand::parser unescaper_;
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_LEXER_H_
