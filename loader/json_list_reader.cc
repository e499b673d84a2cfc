#include "loader/json_list_reader.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

#include "loader/json_list_fault.h"
#include "loader/message_text.h"

namespace strata {
namespace {

// simdjson takes less than 4 GiB at once.
constexpr std::size_t kMostPairBytes = (std::size_t{1} << 32) - 256;

// What a string says that is well formed, as it is written between its quotes.
absl::StatusOr<std::string> Unescaped(std::string_view as_written) {
  std::string padded(as_written);
  padded.push_back('"');
  padded.append(simdjson::SIMDJSON_PADDING, ' ');
  std::string room(padded.size(), ' ');
  simdjson::ondemand::parser parser;
  std::string_view text;
  simdjson::error_code error = parser.allocate(simdjson::SIMDJSON_PADDING);
  if (error == simdjson::SUCCESS) {
    const simdjson::ondemand::raw_json_string raw(
        reinterpret_cast<const std::uint8_t*>(padded.data()));
    auto* out = reinterpret_cast<std::uint8_t*>(room.data());
    error = parser.unescape(raw, out).get(text);
  }
  if (error != simdjson::SUCCESS) return OutOfMemory();
  return std::string(text);
}

}  // namespace

absl::Status JsonListReader::Read(const JsonPath& path, Batch* batch) {
  window_.Skip(1);
  cutter_.Begin();
  ListPlace place;
  while (true) {
    absl::StatusOr<ListCut> cut = NextCut(path, place);
    if (!cut.ok()) return cut.status();
    const bool at_comma = cut->kind == ListCut::Kind::kPiece;
    const simdjson::error_code error =
        parser_.Parse(window_.mutable_at(), cut->size, at_comma, cut->in_record, &place, batch);
    if (error == simdjson::MEMALLOC) return OutOfMemory();
    if (error != simdjson::SUCCESS) return Explain(path, place, error);
    window_.Skip(cut->size + 1);
    if (!at_comma) return absl::OkStatus();
  }
}

absl::StatusOr<ListCut> JsonListReader::NextCut(const JsonPath& path, const ListPlace& place) {
  while (true) {
    const ListCut cut = cutter_.Next(window_.unread(), piece_bytes_);
    if (cut.kind == ListCut::Kind::kOdd) return Explain(path, place, simdjson::TAPE_ERROR);
    if (cut.kind != ListCut::Kind::kNeedMore) return cut;
    if (window_.size() > kMostPairBytes) {
      return input_.Error(window_.offset(), path, "a pair of 4 GiB or more: split it");
    }
    absl::StatusOr<bool> more = window_.More();
    if (!more.ok()) return more.status();
    if (!*more) return Explain(path, place, simdjson::TAPE_ERROR);
  }
}

absl::Status JsonListReader::Explain(const JsonPath& path, const ListPlace& place,
                                     simdjson::error_code error) {
  std::optional<ListFault> fault = FindListFault(window_.unread(), place, input_.lines);
  if (!fault) {
    return input_.Error(window_.offset(), path,
                        absl::StrCat("malformed list (", simdjson::error_message(error), ")"));
  }
  JsonPath where = path;
  where.index = fault->record;
  std::string key;
  if (fault->key_as_written) {
    absl::StatusOr<std::string> unescaped = Unescaped(*fault->key_as_written);
    if (!unescaped.ok()) return unescaped.status();
    key = *std::move(unescaped);
    where.key = key;
  }
  if (fault->nested) {
    // {"a":{"b":[{"outer":{"inner":[…]}}]}}: the map itself may lie in what was taken for a record.
    JsonPath record = where;
    record.key.reset();
    absl::StrAppend(&fault->what, "; where the map begins deeper, ", record.RootHint());
  }
  return input_.Error(window_.offset() + fault->at, where, fault->what);
}

}  // namespace strata
