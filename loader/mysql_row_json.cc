#include "loader/mysql_row_json.h"

#include <algorithm>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "loader/json_list_fault.h"
#include "loader/json_list_parser.h"
#include "loader/message_text.h"

namespace strata::mysql {
namespace {

constexpr std::size_t kFrontBytes = 2;
constexpr std::size_t kBackBytes = simdjson::SIMDJSON_PADDING + kFrontBytes;
constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
constexpr std::size_t kKeptBytes = 4 * kPieceBytes;
constexpr std::string_view kRecordWanted = R"(an object of strings, as in {"key": "value"})";
constexpr std::string_view kListWanted =
    R"(a list of objects of strings, as in [{"key": "value"}])";

std::string_view Strip(std::string_view text) {
  const absl::string_view stripped = absl::StripAsciiWhitespace({text.data(), text.size()});
  return {stripped.data(), stripped.size()};
}

absl::Status Wrong(std::string_view text, std::string_view why, bool is_list) {
  const std::string_view wanted = is_list ? kListWanted : kRecordWanted;
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

// Of `rest`, which stands at `place` of the column's records. The message says which record and
// key, and shows the text from the fault on.
absl::Status Refusal(std::string_view rest, const ListPlace& place, simdjson::error_code error,
                     bool is_list) {
  const std::string text = std::string(rest) + "]";  // a list's own, which was taken off
  const std::optional<ListFault> fault = FindListFault(text, place, false);
  if (!fault || (fault->at >= rest.size() && !is_list)) return Wrong(rest, Why(error), is_list);
  std::string where;
  if (is_list && fault->record) {
    where = absl::StrCat("record ", *fault->record, " (from 0), ");
  }
  if (fault->key_as_written) {
    absl::StrAppend(&where, "key ", QuoteForMessage(*fault->key_as_written), ": ");
  }
  const std::string_view shown = is_list ? std::string_view(text) : rest;
  return Wrong(shown.substr(fault->at), where + fault->what, is_list);
}

}  // namespace

RowJson::RowJson() : cutter_(false), parser_(std::make_unique<ListParser>()) {}
RowJson::~RowJson() = default;

absl::Status RowJson::ParseRecord(std::string_view text, TakePiece take) {
  const std::string_view record = Strip(text);
  if (record.empty()) return Wrong(text, "no JSON", false);
  return ParsePieces(record, false, take);
}

absl::Status RowJson::ParseList(std::string_view text, TakePiece take) {
  const std::string_view list = Strip(text);
  if (list == "null") return take(RecordsView(), false);
  if (list.size() < 2 || list.front() != '[' || list.back() != ']') {
    return Wrong(text, "no list", true);
  }
  return ParsePieces(list.substr(1, list.size() - 2), true, take);
}

absl::Status RowJson::ParsePieces(std::string_view records, bool is_list, TakePiece take) {
  const absl::Cleanup forget = [this] {
    batch_.Clear();
    if (padded_.capacity() > kKeptBytes) std::string().swap(padded_);
  };
  cutter_.Begin();
  ListPlace place;
  for (std::string_view rest = records;;) {
    const ListCut cut = NextCut(rest);
    if (cut.kind == ListCut::Kind::kOdd) return Refusal(rest, place, simdjson::TAPE_ERROR, is_list);
    if (cut.kind == ListCut::Kind::kListEnd && cut.size < rest.size()) {
      return Wrong(rest.substr(cut.size), Why(simdjson::TRAILING_CONTENT), is_list);
    }
    const bool at_comma = cut.kind == ListCut::Kind::kPiece;
    const bool goes_on = place.in_record;
    batch_.BeginEntry({}, {});
    if (goes_on) batch_.BeginRecord();
    const simdjson::error_code error = parser_->Parse(padded_.data() + kFrontBytes, cut.size,
                                                      at_comma, cut.in_record, &place, &batch_);
    batch_.EndEntry();
    if (error == simdjson::MEMALLOC) return OutOfMemory();
    if (error != simdjson::SUCCESS) return Refusal(rest, place, error, is_list);
    if (!is_list && place.record + (place.in_record ? 1 : 0) > 1) {
      return Wrong(records, "several values", is_list);
    }
    absl::Status taken = take(batch_[0].records, goes_on);
    if (!taken.ok()) return taken;
    if (!at_comma) return absl::OkStatus();
    batch_.Clear();
    rest.remove_prefix(cut.size + 1);
  }
}

// Shows the parser the next piece of `rest`, which ends at a comma or is all of it. A list's end
// before that is one too many: its own was taken off.
ListCut RowJson::NextCut(std::string_view rest) {
  for (std::size_t size = kPieceBytes; size < rest.size();) {
    size = std::min(2 * size, rest.size());
    Show(rest.substr(0, size));
    const ListCut cut = cutter_.Next(Shown(), kPieceBytes);
    if (cut.kind != ListCut::Kind::kNeedMore) return cut;
  }
  Show(rest);
  return {ListCut::Kind::kListEnd, rest.size(), false};
}

void RowJson::Show(std::string_view text) {
  const std::size_t size = kFrontBytes + text.size() + kBackBytes;
  if (std::max(size, padded_.capacity()) > kKeptBytes) {  // growing would be here twice
    std::string().swap(padded_);
    padded_.reserve(size);
  }
  padded_.assign(kFrontBytes, ' ').append(text).append(kBackBytes, ' ');
}

std::string_view RowJson::Shown() const {
  return std::string_view(padded_).substr(kFrontBytes, padded_.size() - kFrontBytes - kBackBytes);
}

}  // namespace strata::mysql
