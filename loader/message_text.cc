#include "loader/message_text.h"

#include <cerrno>
#include <new>
#include <system_error>

#include "absl/strings/str_cat.h"

#include "loader/utf8.h"

namespace strata {
namespace {

void AppendHexByte(std::string* out, unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  out->append("\\x");
  out->push_back(kDigits[byte >> 4]);
  out->push_back(kDigits[byte & 15]);
}

const char* WhatToDo(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return "; check the name";
    case EISDIR:
      return "; name a file in it";
    case EACCES:
    case EPERM:
      return "; check who may use it";
    case EROFS:
      return "; name a place that can be written";
    case ENOSPC:
    case EDQUOT:
      return "; make room there, or name another place";
    case EMFILE:
    case ENFILE:
      return "; raise the limit of open files (ulimit -n)";
    default:
      return "";
  }
}

}  // namespace

std::string EscapeForMessage(std::string_view text, std::size_t most_bytes) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size() && at < most_bytes) {
    const Utf8Step step = NextUtf8(text.substr(at));
    const auto first = static_cast<unsigned char>(text[at]);
    // U+0080 to U+009F are control characters too.
    const bool control =
        first < 0x20 || first == 0x7f ||
        (first == 0xc2 && step.valid && static_cast<unsigned char>(text[at + 1]) < 0xa0);
    if (step.valid && !control) {
      out.append(text, at, step.size);
    } else {
      for (std::size_t i = 0; i < step.size; ++i) {
        AppendHexByte(&out, static_cast<unsigned char>(text[at + i]));
      }
    }
    at += step.size;
  }
  if (at < text.size()) out.append("…");
  return out;
}

std::string QuoteForMessage(std::string_view text) {
  return absl::StrCat("\"", EscapeForMessage(text), "\"");
}

std::string PointerSegment(std::string_view key) {
  std::string segment = "/";
  for (const char c : EscapeForMessage(key)) {
    if (c == '~') {
      segment.append("~0");
    } else if (c == '/') {
      segment.append("~1");
    } else {
      segment.push_back(c);
    }
  }
  return segment;
}

std::string ShellWord(std::string_view text) {
  constexpr std::string_view kPlain = "/_-.,:=@%+";
  bool plain = !text.empty();
  std::string quoted = "'";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    // A ~ means a home directory only in front; a byte above 0x7f is a part of a letter.
    plain = plain && (letter || kPlain.find(c) != std::string_view::npos || (c == '~' && i > 0) ||
                      static_cast<unsigned char>(c) >= 0x80);
    quoted.append(c == '\'' ? "'\\''" : std::string(1, c));
  }
  return plain ? std::string(text) : quoted + "'";
}

std::string ErrnoText(int error) { return std::system_category().message(error) + WhatToDo(error); }

absl::Status OutOfMemory() noexcept {
  try {
    return absl::ResourceExhaustedError("out of memory: raise the memory limit or load less");
  } catch (const std::bad_alloc&) {
    return absl::Status(absl::StatusCode::kResourceExhausted, "");
  }
}

}  // namespace strata
