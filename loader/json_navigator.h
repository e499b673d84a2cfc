// Finds what a JSON pointer names in a document that streams by, and checks everything beside it.
//
// Threads: one at a time. May throw std::bad_alloc.
#ifndef STRATA_LOADER_JSON_NAVIGATOR_H_
#define STRATA_LOADER_JSON_NAVIGATOR_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "loader/json_lexer.h"

namespace strata {

/// A JSON pointer (RFC 6901).
class JsonPointer {
 public:
  /// InvalidArgument where `text` is none.
  static absl::StatusOr<JsonPointer> Parse(std::string_view text);

  std::size_t size() const { return tokens_.size(); }
  const std::string& token(std::size_t level) const { return tokens_[level].key; }
  /// The token as the index of a list, where it can be one.
  std::optional<std::size_t> index(std::size_t level) const { return tokens_[level].index; }
  /// The pointer to the value at `level`, at most size(), as given.
  std::string_view prefix(std::size_t level) const {
    return std::string_view(text_).substr(0, level == 0 ? 0 : tokens_[level - 1].end);
  }
  const std::string& text() const { return text_; }

 private:
  struct Token {
    std::string key;
    std::optional<std::size_t> index;
    std::size_t end;  // behind it in the text
  };
  std::string text_;
  std::vector<Token> tokens_;
};

class JsonNavigator {
 public:
  enum class Stop {
    kRoot,  ///< in front of what the pointer names: take it, then advance again
    kEnd,   ///< behind the document
  };

  /// Both outlive it.
  JsonNavigator(JsonLexer* lexer, const JsonPointer* pointer)
      : lexer_(*lexer), pointer_(*pointer) {}

  /// Begins a document.
  void Reset();
  absl::StatusOr<Stop> Advance();
  /// Whether what the pointer names was met, and not replaced by a key that is given again.
  bool found() const { return found_; }

 private:
  struct Frame {
    bool object;
    bool first = true;
    std::size_t next_index = 0;
  };

  absl::Status Enter();
  absl::Status StepMember();

  JsonLexer& lexer_;
  const JsonPointer& pointer_;
  std::vector<Frame> frames_;  // the open containers on the way to the root
  bool at_value_ = true;       // in front of a value on the way; else behind one
  bool found_ = false;
  std::string key_;
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_NAVIGATOR_H_
