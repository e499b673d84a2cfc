#include "loader/json_list_cutter.h"

#include <array>
#include <cstdint>

#include "loader/json_string.h"

namespace strata {
namespace {

enum class Class : std::uint8_t {
  kOdd,
  kSpace,
  kNewline,
  kQuote,
  kComma,
  kColon,
  kOpen,
  kClose,
  kListEnd,
  kNullLetter
};

constexpr std::array<Class, 256> MakeClasses() {
  std::array<Class, 256> classes{};
  classes[' '] = classes['\t'] = classes['\r'] = Class::kSpace;
  classes['\n'] = Class::kNewline;
  classes['"'] = Class::kQuote;
  classes[','] = Class::kComma;
  classes[':'] = Class::kColon;
  classes['{'] = Class::kOpen;
  classes['}'] = Class::kClose;
  classes[']'] = Class::kListEnd;
  classes['n'] = classes['u'] = classes['l'] = Class::kNullLetter;
  return classes;
}

constexpr std::array<Class, 256> kClasses = MakeClasses();

}  // namespace

void ListCutter::Begin() {
  at_ = 0;
  in_string_ = escaped_ = in_record_ = false;
  last_comma_ = kNone;
}

ListCut ListCutter::CutAtLast() {
  const ListCut cut{ListCut::Kind::kPiece, last_comma_, last_comma_in_record_};
  at_ -= last_comma_ + 1;
  last_comma_ = kNone;
  return cut;
}

// Passes the rest of a string; false where the text ends in it.
bool ListCutter::PassString(std::string_view text) {
  const char* at = text.data() + at_;
  const char* const end = text.data() + text.size();
  if (escaped_ && at < end) {
    escaped_ = false;
    ++at;
  }
  while (true) {
    at = FindQuoteOrBackslash(at, end);
    if (at == end || *at == '"') break;
    at += 2;
    if (at > end) {
      escaped_ = true;
      at = end;
      break;
    }
  }
  in_string_ = at == end;
  at_ = static_cast<std::size_t>(at - text.data()) + (in_string_ ? 0 : 1);
  return !in_string_;
}

ListCut ListCutter::Next(std::string_view text, std::size_t most_bytes) {
  if (in_string_ && !PassString(text)) at_ = text.size();
  while (at_ < text.size()) {
    const Class c = kClasses[static_cast<unsigned char>(text[at_])];
    bool fits = true;
    switch (c) {
      case Class::kSpace:
        break;
      case Class::kNewline:
        fits = !lines_;
        break;
      case Class::kQuote:
        if (!in_record_) return {ListCut::Kind::kOdd, at_, false};
        ++at_;
        PassString(text);
        continue;
      case Class::kComma:
        if (at_ > most_bytes && last_comma_ != kNone) return CutAtLast();
        last_comma_ = at_;
        last_comma_in_record_ = in_record_;
        if (at_ > most_bytes) {
          ++at_;
          return CutAtLast();
        }
        break;
      case Class::kColon:
        fits = in_record_;
        break;
      case Class::kOpen:
        fits = !in_record_;
        in_record_ = true;
        break;
      case Class::kClose:
        fits = in_record_;
        in_record_ = false;
        break;
      case Class::kListEnd:
        if (in_record_) return {ListCut::Kind::kOdd, at_, false};
        if (at_ > most_bytes && last_comma_ != kNone) return CutAtLast();
        return {ListCut::Kind::kListEnd, at_, false};
      case Class::kNullLetter:
        fits = !in_record_;
        break;
      case Class::kOdd:
        fits = false;
        break;
    }
    if (!fits) return {ListCut::Kind::kOdd, at_, false};
    ++at_;
  }
  if (at_ > most_bytes && last_comma_ != kNone) return CutAtLast();
  return {ListCut::Kind::kNeedMore, 0, false};
}

}  // namespace strata
