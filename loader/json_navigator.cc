#include "loader/json_navigator.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"

namespace strata {
namespace {

// RFC 6901: digits without leading zeros.
std::optional<std::size_t> ListIndex(std::string_view token) {
  if (token.empty() || token.size() > 18 || (token.size() > 1 && token[0] == '0')) {
    return std::nullopt;
  }
  std::size_t index = 0;
  for (const char c : token) {
    if (c < '0' || c > '9') return std::nullopt;
    index = index * 10 + static_cast<std::size_t>(c - '0');
  }
  return index;
}

}  // namespace

absl::StatusOr<JsonPointer> JsonPointer::Parse(std::string_view text) {
  JsonPointer pointer;
  pointer.text_ = std::string(text);
  if (text.empty()) return pointer;
  const std::string shown = EscapeForMessage(text, kLongMessageTextBytes);
  if (text[0] != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("--root ", shown, ": a JSON pointer begins with '/': say /", shown));
  }
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find('/', at + 1);
    if (end == std::string_view::npos) end = text.size();
    std::string key;
    for (std::size_t i = at + 1; i < end; ++i) {
      if (text[i] != '~') {
        key.push_back(text[i]);
        continue;
      }
      ++i;
      if (i == end || (text[i] != '0' && text[i] != '1')) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--root ", shown, ": in a JSON pointer '~' is written ~0 and '/' in a key ~1"));
      }
      key.push_back(text[i] == '0' ? '~' : '/');
    }
    std::optional<std::size_t> index = ListIndex(key);
    pointer.tokens_.push_back({std::move(key), index, end});
    at = end;
  }
  return pointer;
}

void JsonNavigator::Reset() {
  frames_.clear();
  at_value_ = true;
  found_ = false;
}

absl::StatusOr<JsonNavigator::Stop> JsonNavigator::Advance() {
  while (true) {
    if (at_value_) {
      at_value_ = false;
      if (frames_.size() == pointer_.size()) {
        found_ = true;
        return Stop::kRoot;
      }
      if (absl::Status entered = Enter(); !entered.ok()) return entered;
    } else if (frames_.empty()) {
      return Stop::kEnd;
    } else if (absl::Status stepped = StepMember(); !stepped.ok()) {
      return stepped;
    }
  }
}

// Goes into the container that holds the pointer's next token; a scalar holds none.
absl::Status JsonNavigator::Enter() {
  const std::size_t level = frames_.size();
  absl::StatusOr<int> c = lexer_.Peek();
  if (!c.ok()) return c.status();
  if (*c != '{' && *c != '[') {
    return lexer_.SkipValue({.root = pointer_.prefix(level)});
  }
  lexer_.Take();
  frames_.push_back({.object = *c == '{'});
  return absl::OkStatus();
}

absl::Status JsonNavigator::StepMember() {
  const std::size_t level = frames_.size() - 1;
  Frame& frame = frames_.back();
  JsonPath path{.root = pointer_.prefix(level)};
  absl::StatusOr<int> c = lexer_.Peek();
  if (!c.ok()) return c.status();
  if (*c == (frame.object ? '}' : ']')) {
    lexer_.Take();
    frames_.pop_back();
    return absl::OkStatus();
  }
  if (!frame.first) {
    if (*c != ',') return lexer_.Unexpected(path, frame.object ? "',' or '}'" : "',' or ']'");
    lexer_.Take();
    c = lexer_.Peek();
    if (!c.ok()) return c.status();
  }
  frame.first = false;
  bool on_the_way = false;
  if (frame.object) {
    if (*c != '"') return lexer_.Unexpected(path, "a key in double quotes");
    if (absl::Status read = lexer_.ReadString(path, &key_); !read.ok()) return read;
    path.key = key_;
    if (absl::Status colon = lexer_.ReadColon(path); !colon.ok()) return colon;
    on_the_way = key_ == pointer_.token(level);
  } else {
    path.index = frame.next_index++;
    on_the_way = path.index == pointer_.index(level);
  }
  if (!on_the_way) return lexer_.SkipValue(path);
  found_ = false;
  at_value_ = true;
  return absl::OkStatus();
}

}  // namespace strata
