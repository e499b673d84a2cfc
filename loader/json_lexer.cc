#include "loader/json_lexer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/json_string.h"
#include "loader/message_text.h"

namespace strata {
namespace {

// Beyond this a document is an attack, not data; the stack is a bit a level.
constexpr std::size_t kMostLevels = std::size_t{1} << 24;
// simdjson's limit, and the cache's for one string.
constexpr std::size_t kMostStringBytes = (std::size_t{1} << 32) - 256;

bool IsDigit(int c) { return c >= '0' && c <= '9'; }

// Which brackets are open: a bit each, set for an object.
class BracketStack {
 public:
  bool empty() const { return depth_ == 0; }
  std::size_t depth() const { return depth_; }
  bool top_is_object() const { return (bits_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0; }
  void Push(bool object) {
    if (depth_ / 64 == bits_.size()) bits_.push_back(0);
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    bits_[depth_ / 64] = object ? bits_[depth_ / 64] | bit : bits_[depth_ / 64] & ~bit;
    ++depth_;
  }
  void Pop() { --depth_; }

 private:
  std::vector<std::uint64_t> bits_;
  std::size_t depth_ = 0;
};

}  // namespace

absl::StatusOr<int> JsonLexer::PeekFurther() {
  while (true) {
    absl::StatusOr<bool> more = window_.More();
    if (!more.ok()) return more.status();
    if (!*more) return kEndOfText;
    while (window_.size() > 0) {
      const char c = *window_.at();
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return static_cast<unsigned char>(c);
      if (c == '\n' && input_.lines) return kEndOfText;
      window_.Skip(1);
    }
  }
}

absl::StatusOr<int> JsonLexer::PeekRaw() {
  if (window_.size() == 0) {
    absl::StatusOr<bool> more = window_.More();
    if (!more.ok()) return more.status();
    if (!*more) return kEndOfText;
  }
  const int c = static_cast<unsigned char>(*window_.at());
  return c == '\n' && input_.lines ? kEndOfText : c;
}

// Where Peek gave 0xef. Files that begin with one, put together line by line, have it inside too.
bool JsonLexer::AtByteOrderMark() {
  while (window_.size() < 3) {
    const absl::StatusOr<bool> more = window_.More();
    if (!more.ok() || !*more) return false;
  }
  return window_.unread().starts_with("\xef\xbb\xbf");
}

absl::Status JsonLexer::Unexpected(const JsonPath& path, std::string_view expected,
                                   std::string_view hint) {
  absl::StatusOr<int> c = Peek();
  if (!c.ok()) return c.status();
  std::string what("expected ");
  what.append(expected);
  what.append(", found ");
  if (*c == 0xef && AtByteOrderMark()) {
    what.append("a byte order mark: remove ");
    what.append(window_.offset() == 0 ? "the file's first three bytes" : "these three bytes");
  } else {
    what.append(DescribeFound(*c, input_.lines));
  }
  what.append(hint);
  return ErrorHere(path, what);
}

absl::Status JsonLexer::ReadColon(const JsonPath& path) {
  absl::StatusOr<int> c = Peek();
  if (!c.ok()) return c.status();
  if (*c != ':') return Unexpected(path, "':' behind the key");
  Take();
  return absl::OkStatus();
}

absl::Status JsonLexer::ReadEnd(const JsonPath& path) {
  absl::StatusOr<int> c = Peek();
  if (!c.ok()) return c.status();
  if (*c == kEndOfText) return absl::OkStatus();
  if (input_.lines) return Unexpected(path, "the end of the line");
  return Unexpected(path, "the end of the document",
                    *c == '{' ? "; if each line is an object, this is NDJSON: say --input-format "
                                "ndjson"
                              : "");
}

// The size of the string at the window's front, both quotes included.
absl::StatusOr<std::size_t> JsonLexer::FindStringEnd(const JsonPath& path, bool* escaped) {
  *escaped = false;
  std::size_t at = 1;
  while (true) {
    while (at < window_.size()) {
      const char* hit = FindQuoteOrBackslash(window_.at() + at, window_.end());
      at = static_cast<std::size_t>(hit - window_.at());
      if (hit == window_.end()) break;
      if (*hit == '"') return at + 1;
      *escaped = true;
      at += 2;
    }
    if (window_.size() > kMostStringBytes) return ErrorHere(path, "a string of 4 GiB or more");
    absl::StatusOr<bool> more = window_.More();
    if (!more.ok()) return more.status();
    if (!*more) {
      StringChecker checker;
      if (checker.Check(window_.unread().substr(1)) == StringChecker::Result::kBad) {
        return input_.Error(window_.offset() + 1 + checker.used(), path, checker.problem());
      }
      return ErrorHere(path, "a string without its closing quote: the input ends in it");
    }
  }
}

absl::Status JsonLexer::ReadString(const JsonPath& path, std::string* out) {
  bool escaped = false;
  absl::StatusOr<std::size_t> size = FindStringEnd(path, &escaped);
  if (!size.ok()) return size.status();
  const std::string_view text(window_.at() + 1, *size - 2);
  unsigned char lowest = 0xff;
  for (const char c : text) lowest = std::min(lowest, static_cast<unsigned char>(c));
  if (escaped || lowest < 0x20 || !simdjson::validate_utf8(text.data(), text.size())) {
    StringChecker checker;
    if (checker.Check(window_.unread().substr(1, *size - 1)) == StringChecker::Result::kBad) {
      return input_.Error(window_.offset() + 1 + checker.used(), path, checker.problem());
    }
    absl::Status unescaped = Unescape(*size, path, out);
    if (!unescaped.ok()) return unescaped;
  } else {
    out->assign(text);
  }
  window_.Skip(*size);
  return absl::OkStatus();
}

// Into `out` itself: simdjson's own buffer is not checked for a failed allocation.
absl::Status JsonLexer::Unescape(std::size_t size, const JsonPath& path, std::string* out) {
  simdjson::error_code error = simdjson::SUCCESS;
  if (unescaper_.capacity() == 0) error = unescaper_.allocate(simdjson::SIMDJSON_PADDING);
  std::string_view text;
  if (error == simdjson::SUCCESS) {
    out->resize(size + simdjson::SIMDJSON_PADDING);
    auto* room = reinterpret_cast<std::uint8_t*>(out->data());
    const auto* raw = reinterpret_cast<const std::uint8_t*>(window_.at() + 1);
    error = unescaper_.unescape(simdjson::ondemand::raw_json_string(raw), room).get(text);
  }
  if (error == simdjson::MEMALLOC) return OutOfMemory();
  if (error != simdjson::SUCCESS) {
    return ErrorHere(path, absl::StrCat("malformed string (", simdjson::error_message(error), ")"));
  }
  out->resize(text.size());
  return absl::OkStatus();
}

absl::Status JsonLexer::SkipString(const JsonPath& path) {
  const std::uint64_t begin = window_.offset();
  StringChecker checker;
  Take();
  while (true) {
    const StringChecker::Result result = checker.Check(window_.unread());
    window_.Skip(checker.used());
    if (result == StringChecker::Result::kBad) return ErrorHere(path, checker.problem());
    if (result == StringChecker::Result::kEnd) return absl::OkStatus();
    absl::StatusOr<bool> more = window_.More();
    if (!more.ok()) return more.status();
    if (!*more) {
      return input_.Error(begin, path, "a string without its closing quote: the input ends in it");
    }
  }
}

absl::Status JsonLexer::SkipLiteral(std::string_view literal, const JsonPath& path) {
  for (const char expected : literal) {
    absl::StatusOr<int> c = PeekRaw();
    if (!c.ok()) return c.status();
    if (*c != expected) {
      return ErrorHere(path,
                       absl::StrCat("expected ", absl::string_view(literal.data(), literal.size()),
                                    ", found ", DescribeFound(*c, input_.lines)));
    }
    Take();
  }
  return absl::OkStatus();
}

// Takes digits; whether there was one.
absl::StatusOr<bool> JsonLexer::SkipDigits() {
  bool any = false;
  while (true) {
    absl::StatusOr<int> c = PeekRaw();
    if (!c.ok()) return c.status();
    if (!IsDigit(*c)) return any;
    any = true;
    Take();
  }
}

absl::Status JsonLexer::SkipNumber(const JsonPath& path) {
  constexpr std::string_view kBad = "a malformed number: digits are missing";
  absl::StatusOr<int> c = PeekRaw();
  if (c.ok() && *c == '-') {
    Take();
    c = PeekRaw();
  }
  if (!c.ok()) return c.status();
  if (!IsDigit(*c)) return ErrorHere(path, kBad);
  if (*c == '0') {
    Take();
  } else if (absl::StatusOr<bool> digits = SkipDigits(); !digits.ok()) {
    return digits.status();
  }
  c = PeekRaw();
  if (c.ok() && *c == '.') {
    Take();
    absl::StatusOr<bool> digits = SkipDigits();
    if (!digits.ok()) return digits.status();
    if (!*digits) return ErrorHere(path, kBad);
    c = PeekRaw();
  }
  if (c.ok() && (*c == 'e' || *c == 'E')) {
    Take();
    c = PeekRaw();
    if (c.ok() && (*c == '+' || *c == '-')) Take();
    absl::StatusOr<bool> digits = SkipDigits();
    if (!digits.ok()) return digits.status();
    if (!*digits) return ErrorHere(path, kBad);
  }
  return c.status();
}

absl::Status JsonLexer::SkipScalar(int first, const JsonPath& path) {
  if (first == '"') return SkipString(path);
  if (first == '-' || IsDigit(first)) return SkipNumber(path);
  if (first == 't') return SkipLiteral("true", path);
  if (first == 'f') return SkipLiteral("false", path);
  if (first == 'n') return SkipLiteral("null", path);
  return Unexpected(path, "a value");
}

absl::Status JsonLexer::SkipValue(const JsonPath& path) {
  enum class Want { kValue, kValueOrEnd, kKey, kKeyOrEnd, kCommaOrEnd };
  BracketStack open;
  Want want = Want::kValue;
  while (true) {
    absl::StatusOr<int> c = Peek();
    if (!c.ok()) return c.status();
    const bool closes =
        !open.empty() && *c == (open.top_is_object() ? '}' : ']') &&
        (want == Want::kValueOrEnd || want == Want::kKeyOrEnd || want == Want::kCommaOrEnd);
    if (closes) {
      Take();
      open.Pop();
      want = Want::kCommaOrEnd;
    } else if (want == Want::kCommaOrEnd) {
      if (*c != ',') {
        return Unexpected(path, open.top_is_object() ? "',' or '}'" : "',' or ']'");
      }
      Take();
      want = open.top_is_object() ? Want::kKey : Want::kValue;
    } else if (want == Want::kKey || want == Want::kKeyOrEnd) {
      if (*c != '"') return Unexpected(path, "a key in double quotes");
      if (absl::Status key = SkipString(path); !key.ok()) return key;
      if (absl::Status colon = ReadColon(path); !colon.ok()) return colon;
      want = Want::kValue;
    } else if (*c == '{' || *c == '[') {
      if (open.depth() == kMostLevels)
        return ErrorHere(path, "nested deeper than 16,777,216 levels");
      Take();
      open.Push(*c == '{');
      want = *c == '{' ? Want::kKeyOrEnd : Want::kValueOrEnd;
    } else {
      if (absl::Status scalar = SkipScalar(*c, path); !scalar.ok()) return scalar;
      want = Want::kCommaOrEnd;
    }
    if (open.empty() && want == Want::kCommaOrEnd) return absl::OkStatus();
  }
}

}  // namespace strata
