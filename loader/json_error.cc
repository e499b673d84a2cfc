#include "loader/json_error.h"

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
