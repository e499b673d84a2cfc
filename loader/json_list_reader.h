// Reads one list, whatever its size, from the window into a batch's entry: cuts it, has the pieces
// parsed, explains what is malformed.
//
// Memory beside the entry in the batch: a piece, or one pair where that is larger, with simdjson's
// index of it.
#ifndef STRATA_LOADER_JSON_LIST_READER_H_
#define STRATA_LOADER_JSON_LIST_READER_H_

#include <cstddef>

#include "absl/status/status.h"

#include <strata/source.h>

#include "loader/json_error.h"
#include "loader/json_list_cutter.h"
#include "loader/json_list_parser.h"
#include "loader/json_window.h"

namespace strata {

class JsonListReader {
 public:
  /// Both outlive it.
  JsonListReader(JsonWindow* window, const JsonInput* input, std::size_t piece_bytes)
      : window_(*window), input_(*input), piece_bytes_(piece_bytes), cutter_(input->lines) {}

  /// Takes the list that begins at the window's front and adds its records to the entry that is
  /// open in `batch`.
  absl::Status Read(const JsonPath& path, Batch* batch);

 private:
  absl::StatusOr<ListCut> NextCut(const JsonPath& path, const ListPlace& place);
  absl::Status Explain(const JsonPath& path, const ListPlace& place, simdjson::error_code error);

  JsonWindow& window_;
  const JsonInput& input_;
  const std::size_t piece_bytes_;
  ListCutter cutter_;
  ListParser parser_;
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_LIST_READER_H_
