// Pieces of a list through simdjson into a batch.
//
// A piece is whole records, or whole pairs of one, between two cuts. It is closed with brackets in
// place, parsed, and what the brackets covered is put back:
//
//     [ {"a":"b"} , {"c":"d" , "e":"f"} ]        the list in the window
//     [ {"a":"b"} , {"c":"d" }]                  the piece before the second cut
//                           [{ "e":"f"} ]        the piece behind it
//
// Threads: one at a time. May throw std::bad_alloc.
#ifndef STRATA_LOADER_JSON_LIST_PARSER_H_
#define STRATA_LOADER_JSON_LIST_PARSER_H_

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <strata/source.h>

#include "loader/growing_array.h"

namespace strata {

/// Where in a list a piece stands.
struct ListPlace {
  bool behind_comma = false;  ///< it begins behind a comma, not at the list's '['
  bool in_record = false;     ///< that comma stands between two pairs
  std::size_t record = 0;     ///< the index of the record it begins with or goes on with
};

class ListParser {
 public:
  /// Adds the piece [text, text + size) to the batch's entry. Two bytes in front of it may be
  /// written over, 64 behind it read. `ends_at_comma`, `ends_in_record`: what stands at
  /// text[size]. Moves `place` behind the piece. SUCCESS, MEMALLOC, or malformed.
  simdjson::error_code Parse(char* text, std::size_t size, bool ends_at_comma, bool ends_in_record,
                             ListPlace* place, Batch* batch);

 private:
  simdjson::error_code ParseClosed(std::string_view closed, bool ends_at_comma, bool ends_in_record,
                                   ListPlace* place, Batch* batch);
  simdjson::error_code AddRecord(simdjson::ondemand::value element, Batch* batch,
                                 std::size_t* pair_count);
  simdjson::error_code Text(simdjson::ondemand::raw_json_string raw, GrowingArray<char>* room,
                            std::string_view* text);

  simdjson::ondemand::parser parser_;
  const char* text_end_ = nullptr;  // of the piece being parsed
  GrowingArray<char> key_room_;     // for strings that have escapes
  GrowingArray<char> value_room_;
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_LIST_PARSER_H_
