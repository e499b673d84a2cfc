#include "loader/json_list_fault.h"

#include "loader/json_error.h"
#include "loader/json_string.h"

namespace strata {
namespace {

class FaultFinder {
 public:
  FaultFinder(std::string_view text, const ListPlace& place, bool lines)
      : text_(text), lines_(lines), place_(place) {}

  // False: a fault was found.
  bool WalkList() {
    bool first = !place_.behind_comma;
    std::size_t index = place_.record;
    bool in_record = place_.in_record;
    while (true) {
      if (!in_record && first && Peek() == ']') return true;
      fault_.record = index;
      if (in_record) {
        if (!WalkPairs(false)) return false;
      } else if (Peek() == 'n') {
        if (!WalkNull()) return false;
      } else if (Peek() == '{') {
        ++at_;
        if (!WalkPairs(true)) return false;
      } else {
        return Expected("a record (an object)");
      }
      fault_.record.reset();
      in_record = first = false;
      ++index;
      const int c = Peek();
      if (c == ']') return true;
      if (c != ',') return Expected("',' or ']' behind the record");
      ++at_;
    }
  }

  ListFault& fault() { return fault_; }

 private:
  int Peek() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c != ' ' && c != '\t' && c != '\r' && (c != '\n' || lines_)) break;
      ++at_;
    }
    if (at_ == text_.size() || (lines_ && text_[at_] == '\n')) return kEndOfText;
    return static_cast<unsigned char>(text_[at_]);
  }

  bool Expected(std::string_view what) {
    fault_.what.assign("expected ").append(what).append(", found ");
    fault_.what.append(DescribeFound(Peek(), lines_));
    fault_.at = at_;
    return false;
  }

  bool WalkNull() {
    for (const char expected : std::string_view("null")) {
      if (at_ == text_.size() || text_[at_] != expected) return Expected("null or a record");
      ++at_;
    }
    return true;
  }

  // A string at the text's front; its text as written.
  bool WalkString(std::string_view* as_written) {
    const std::size_t begin = ++at_;
    StringChecker checker;
    const StringChecker::Result result = checker.Check(text_.substr(begin));
    at_ = begin + checker.used();
    if (result == StringChecker::Result::kEnd) {
      *as_written = text_.substr(begin, checker.used() - 1);
      return true;
    }
    fault_.at = result == StringChecker::Result::kBad ? at_ : begin - 1;
    fault_.what = result == StringChecker::Result::kBad
                      ? checker.problem()
                      : "a string without its closing quote: the input ends in it";
    return false;
  }

  bool WalkPairs(bool may_be_empty) {
    std::string_view as_written;
    if (may_be_empty && Peek() == '}') {
      ++at_;
      return true;
    }
    while (true) {
      if (Peek() != '"') return Expected("a key in double quotes");
      if (!WalkString(&as_written)) return false;
      if (Peek() != ':') return Expected("':' behind the key");
      ++at_;
      fault_.key_as_written = as_written;
      if (const int c = Peek(); c != '"') {
        fault_.nested = c == '{' || c == '[';
        return Expected("a string as the key's value");
      }
      if (!WalkString(&as_written)) return false;
      fault_.key_as_written.reset();
      const int c = Peek();
      if (c != ',' && c != '}') return Expected("',' or '}' behind the pair");
      ++at_;
      if (c == '}') return true;
    }
  }

  const std::string_view text_;
  const bool lines_;
  const ListPlace& place_;
  std::size_t at_ = 0;
  ListFault fault_;
};

}  // namespace

std::optional<ListFault> FindListFault(std::string_view text, const ListPlace& place, bool lines) {
  FaultFinder finder(text, place, lines);
  if (finder.WalkList()) return std::nullopt;
  return std::move(finder.fault());
}

}  // namespace strata
