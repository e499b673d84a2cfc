// A column of JSON as records: an object of strings is a record, an array of such objects a list.
// The same rules as for a JSON source: a key that is given again replaces what stood under it when
// the records are put, null in place of a list or a record is an empty one, a value that is no
// string is refused.
//
// Records come in pieces, each of 256 KiB of text or one pair: a list of any length is whole
// nowhere but in its text.
//
// Threads: one at a time. May throw std::bad_alloc.
#ifndef STRATA_LOADER_MYSQL_ROW_JSON_H_
#define STRATA_LOADER_MYSQL_ROW_JSON_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include <strata/record.h>
#include <strata/source.h>

#include "loader/json_list_cutter.h"

namespace strata {

class ListParser;

namespace mysql {

class RowJson {
 public:
  /// Takes the next records, valid until it returns. `goes_on`: the first of them is the rest of
  /// the last one before. An error ends the parsing, which returns it.
  using TakePiece = absl::FunctionRef<absl::Status(const RecordsView& records, bool goes_on)>;

  RowJson();
  RowJson(const RowJson&) = delete;
  RowJson& operator=(const RowJson&) = delete;
  ~RowJson();

  /// Hands the records of `text` to `take`, in order; once at least, also where there are none.
  /// InvalidArgument: malformed, or of another shape, and what was taken counts for nothing; the
  /// message says what is wanted and goes on behind "column x: ".
  absl::Status ParseRecord(std::string_view text, TakePiece take);
  absl::Status ParseList(std::string_view text, TakePiece take);

 private:
  absl::Status ParsePieces(std::string_view records, bool is_list, TakePiece take);
  ListCut NextCut(std::string_view rest);
  void Show(std::string_view text);
  std::string_view Shown() const;

  ListCutter cutter_;
  std::unique_ptr<ListParser> parser_;
  std::string padded_;  // what is parsed next, with the room that the parser wants around it
  Batch batch_;         // of one entry, of a piece
};

}  // namespace mysql
}  // namespace strata

#endif  // STRATA_LOADER_MYSQL_ROW_JSON_H_
