#include "loader/json_error.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "loader/message_text.h"

namespace strata {

std::string JsonPath::ToString() const {
  std::string text = EscapeForMessage(root, kLongMessageTextBytes);
  if (outer) text.append(PointerSegment(*outer));
  if (inner) text.append(PointerSegment(*inner));
  if (index) absl::StrAppend(&text, "/", *index);
  if (key) text.append(PointerSegment(*key));
  return text;
}

bool JsonPath::IsShownWhole() const {
  const auto whole = [](const std::optional<std::string_view>& text, std::size_t most_bytes) {
    return !text || EscapeForMessage(*text, most_bytes) == *text;
  };
  return whole(root, kLongMessageTextBytes) && whole(outer, kMessageTextBytes) &&
         whole(inner, kMessageTextBytes) && whole(key, kMessageTextBytes);
}

std::string JsonPath::RootHint() const {
  if (IsShownWhole()) return absl::StrCat("say --root ", ShellWord(ToString()));
  std::string text = "give --root the JSON pointer to it, all keys written out";
  std::string separator = " (";
  const auto add = [&](std::string_view what, const std::string& name) {
    text.append(std::exchange(separator, ", ")).append(what).append(name);
  };
  if (!root.empty()) add("below ", EscapeForMessage(root, kMessageTextBytes));
  if (outer) add("outer ", QuoteForMessage(*outer));
  if (inner) add("inner ", QuoteForMessage(*inner));
  if (index) add("list index ", absl::StrCat(*index));
  if (key) add("key ", QuoteForMessage(*key));
  return absl::StrCat(text, "; ~ in a key is ~0, / is ~1)");
}

std::string DescribeFound(int c, bool lines) {
  switch (c) {
    case kEndOfText:
      return lines ? "the end of the line" : "the end of the input";
    case '{':
      return "an object";
    case '[':
      return "a list";
    case '"':
      return "a string";
    case 't':
    case 'f':
    case 'n':
      return c == 't' ? "true" : c == 'f' ? "false" : "null";
    default:
      break;
  }
  if (c == '-' || (c >= '0' && c <= '9')) return "a number";
  if (c == '\'') return "a single quote (strings stand in double quotes)";
  if (c == '/') return "a comment (JSON has none)";
  if (c > 0x20 && c < 0x7f) return absl::StrFormat("'%c'", static_cast<char>(c));
  return absl::StrFormat("byte 0x%02x", static_cast<unsigned>(c));
}

absl::Status JsonInput::Error(std::uint64_t offset, const JsonPath& path,
                              std::string_view what) const {
  std::string text = EscapeForMessage(name, kLongMessageTextBytes);
  if (lines) absl::StrAppend(&text, ": line ", line, ", byte ", offset);
  if (!lines) absl::StrAppend(&text, ": byte ", offset);
  const std::string place = path.ToString();
  absl::StrAppend(&text, ", at ", place.empty() ? "the top level" : place, ": ");
  text.append(what);
  return absl::InvalidArgumentError(text);
}

}  // namespace strata
