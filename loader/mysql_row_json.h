// A column of JSON as records: an object of strings is a record, an array of such objects a list.
// The same rules as for a JSON source: a key that is given again replaces what stood under it when
// the records are put, null in place of a list or a record is an empty one, a value that is no
// string is refused.
//
// Threads: one at a time. May throw std::bad_alloc.
#ifndef STRATA_LOADER_MYSQL_ROW_JSON_H_
#define STRATA_LOADER_MYSQL_ROW_JSON_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include <strata/record.h>
#include <strata/source.h>

namespace strata {

class ListParser;

namespace mysql {

class RowJson {
 public:
  RowJson();
  RowJson(const RowJson&) = delete;
  RowJson& operator=(const RowJson&) = delete;
  ~RowJson();

  /// The records of `text`, valid until the next call. InvalidArgument: malformed, or of another
  /// shape; the message says what is wanted and goes on behind "column x: ".
  absl::StatusOr<RecordsView> ParseRecord(std::string_view text);
  absl::StatusOr<RecordsView> ParseList(std::string_view text);

 private:
  absl::StatusOr<RecordsView> ParseRecords(std::string_view records, std::string_view wanted);

  std::unique_ptr<ListParser> parser_;
  std::string padded_;  // the text with the room that the parser wants around it
  Batch batch_;         // of one entry
};

}  // namespace mysql
}  // namespace strata

#endif  // STRATA_LOADER_MYSQL_ROW_JSON_H_
