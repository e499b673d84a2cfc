#include "tests/kit/operation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace strata::kit {
namespace {

constexpr std::size_t kRunWorthNaming = 24;

// Octal, because a hexadecimal escape would swallow the digits behind it.
void AppendEscaped(char byte, std::string* text) {
  const auto value = static_cast<unsigned char>(byte);
  if (byte == '"' || byte == '\\') {
    text->push_back('\\');
    text->push_back(byte);
  } else if (value >= 0x20 && value < 0x7f && byte != '?') {  // "??" would begin a trigraph
    text->push_back(byte);
  } else {
    text->push_back('\\');
    text->push_back(static_cast<char>('0' + (value >> 6)));
    text->push_back(static_cast<char>('0' + ((value >> 3) & 7)));
    text->push_back(static_cast<char>('0' + (value & 7)));
  }
}

std::string Literal(std::string_view bytes, const char* suffix) {
  std::string text = "\"";
  for (const char byte : bytes) AppendEscaped(byte, &text);
  return absl::StrCat(text, "\"", suffix);
}

std::string CharLiteral(char byte) {
  std::string text = "'";
  if (byte == '\'') {
    text += "\\'";
  } else {
    AppendEscaped(byte, &text);
  }
  return text + "'";
}

}  // namespace

bool TakesInner(Operation::Kind kind) {
  using Kind = Operation::Kind;
  switch (kind) {
    case Kind::kPut:
    case Kind::kAppend:
    case Kind::kAppendRecords:
    case Kind::kUpdateRecord:
    case Kind::kInsertRecord:
    case Kind::kRemoveRecord:
    case Kind::kDelete:
    case Kind::kLookup:
    case Kind::kVisitEntry:
      return true;
    default:
      return false;
  }
}

bool TakesIndex(Operation::Kind kind) {
  using Kind = Operation::Kind;
  return kind == Kind::kUpdateRecord || kind == Kind::kInsertRecord ||
         kind == Kind::kRemoveRecord || kind == Kind::kLookup;
}

bool TakesRecords(Operation::Kind kind) {
  return kind == Operation::Kind::kPut || kind == Operation::Kind::kAppendRecords;
}

bool TakesRecord(Operation::Kind kind) {
  using Kind = Operation::Kind;
  return kind == Kind::kAppend || kind == Kind::kUpdateRecord || kind == Kind::kInsertRecord;
}

std::vector<Pair> ViewOf(const OwnedRecord& record) {
  std::vector<Pair> pairs;
  pairs.reserve(record.size());
  for (const auto& [key, value] : record) pairs.push_back({key, value});
  return pairs;
}

Records ViewOf(std::span<const OwnedRecord> records) {
  Records views;
  for (const OwnedRecord& record : records) views.Add(ViewOf(record));
  return views;
}

std::string ToText(std::string_view bytes) {
  std::size_t run = 0;
  while (run < bytes.size() && bytes[bytes.size() - 1 - run] == bytes.back()) ++run;
  if (run < kRunWorthNaming) return Literal(bytes, "sv");
  const std::string tail = absl::StrCat("std::string(", run, ", ", CharLiteral(bytes.back()), ")");
  if (run == bytes.size()) return tail;
  return absl::StrCat(Literal(bytes.substr(0, bytes.size() - run), "s"), " + ", tail);
}

std::string ToText(const OwnedRecord& record) {
  std::string text = "{";
  for (std::size_t i = 0; i < record.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "{" : ", {", ToText(record[i].first), ", ",
                    ToText(record[i].second), "}");
  }
  return text + "}";
}

std::string ToText(const OwnedList& list) {
  std::string text = "{";
  for (std::size_t i = 0; i < list.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", ToText(list[i]));
  }
  return text + "}";
}

std::string ToText(const Operation& operation) {
  using Kind = Operation::Kind;
  static constexpr const char* kNames[Operation::kKinds] = {
      "Put",          "Append",   "AppendRecords", "UpdateRecord", "InsertRecord",
      "RemoveRecord", "PutOuter", "Delete",        "DeleteOuter",  "Clear",
      "Maintain",     "HasOuter", "Lookup",        "VisitEntry",   "Visit"};
  const Kind kind = operation.kind;
  const std::string call = absl::StrCat("layout->", kNames[static_cast<std::size_t>(kind)], "(");
  if (kind == Kind::kClear || kind == Kind::kMaintain) return call + ");";
  if (kind == Kind::kVisit) return call + "visitor);";
  std::string text = ToText(operation.outer);
  if (TakesInner(kind)) absl::StrAppend(&text, ", ", ToText(operation.inner));
  if (TakesIndex(kind)) absl::StrAppend(&text, ", ", operation.index);
  if (kind == Kind::kLookup) {
    return absl::StrCat(call, "{", text, ", ", ToText(operation.key), "}, use);");
  }
  if (kind == Kind::kVisitEntry) absl::StrAppend(&text, ", visitor");
  if (TakesRecords(kind)) absl::StrAppend(&text, ", Records", ToText(operation.records));
  if (kind == Kind::kAppendRecords) absl::StrAppend(&text, ", ", operation.index);
  if (TakesRecord(kind)) {
    absl::StrAppend(&text, ", std::vector<Pair>", ToText(operation.records.front()));
  }
  return absl::StrCat(call, text, ");");
}

std::string ToText(std::span<const Operation> operations) {
  std::string text;
  for (const Operation& operation : operations) {
    absl::StrAppend(&text, "  ", ToText(operation), "\n");
  }
  return text;
}

}  // namespace strata::kit
