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
  if (fault->key) where.key = *fault->key;
  if (fault->nested) {
    // {"a":{"b":[{"outer":{"inner":[…]}}]}}: the map itself may lie in what was taken for a record.
    JsonPath record = where;
    record.key.reset();
    absl::StrAppend(&fault->what, "; where the map begins deeper, say --root ", record.ToString());
  }
  return input_.Error(window_.offset() + fault->at, where, fault->what);
}

}  // namespace strata
