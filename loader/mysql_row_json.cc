#include "loader/mysql_row_json.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "loader/json_list_parser.h"
#include "loader/message_text.h"

namespace strata::mysql {
namespace {

constexpr std::size_t kFrontBytes = 2;
constexpr std::string_view kRecordWanted = R"(an object of strings, as in {"key": "value"})";
constexpr std::string_view kListWanted =
    R"(a list of objects of strings, as in [{"key": "value"}])";

std::string_view Strip(std::string_view text) {
  const absl::string_view stripped = absl::StripAsciiWhitespace({text.data(), text.size()});
  return {stripped.data(), stripped.size()};
}

absl::Status Wrong(std::string_view text, std::string_view why, std::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(why), " in ", QuoteForMessage(text),
                                                 "; it is to be ", std::string(wanted)));
}

// The parser's word for an error, to stand within a sentence.
std::string_view Why(simdjson::error_code error) {
  if (error == simdjson::INCORRECT_TYPE) return "a value of another type";
  std::string_view why = simdjson::error_message(error);
  if (why.ends_with('.')) why.remove_suffix(1);
  return why;
}

}  // namespace

RowJson::RowJson() : parser_(std::make_unique<ListParser>()) {}
RowJson::~RowJson() = default;

absl::StatusOr<RecordsView> RowJson::ParseRecord(std::string_view text) {
  const std::string_view record = Strip(text);
  if (record.empty()) return Wrong(text, "no JSON", kRecordWanted);
  absl::StatusOr<RecordsView> records = ParseRecords(record, kRecordWanted);
  if (records.ok() && records->size() != 1) return Wrong(text, "several values", kRecordWanted);
  return records;
}

absl::StatusOr<RecordsView> RowJson::ParseList(std::string_view text) {
  const std::string_view list = Strip(text);
  if (list == "null") return RecordsView();
  if (list.size() < 2 || list.front() != '[' || list.back() != ']') {
    return Wrong(text, "no list", kListWanted);
  }
  return ParseRecords(list.substr(1, list.size() - 2), kListWanted);
}

absl::StatusOr<RecordsView> RowJson::ParseRecords(std::string_view records,
                                                  std::string_view wanted) {
  padded_.assign(kFrontBytes, ' ');
  padded_.append(records);
  padded_.append(simdjson::SIMDJSON_PADDING + kFrontBytes, ' ');
  batch_.Clear();
  batch_.BeginEntry({}, {});
  ListPlace place;
  const simdjson::error_code error =
      parser_->Parse(padded_.data() + kFrontBytes, records.size(), false, false, &place, &batch_);
  batch_.EndEntry();
  if (error == simdjson::MEMALLOC) return OutOfMemory();
  if (error != simdjson::SUCCESS) return Wrong(records, Why(error), wanted);
  return batch_[0].records;
}

}  // namespace strata::mysql
