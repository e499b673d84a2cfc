// Finds what is wrong with a list that the parser refused: the exact byte, the place in the list
// and what was expected. Runs on malformed input only, so it is plain and exact.
#ifndef STRATA_LOADER_JSON_LIST_FAULT_H_
#define STRATA_LOADER_JSON_LIST_FAULT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "loader/json_list_parser.h"

namespace strata {

struct ListFault {
  std::size_t at = 0;                 ///< the byte in the text
  std::optional<std::size_t> record;  ///< where it lies in a record
  /// Where it lies in a pair's value, the key: well formed, escapes and all; a view into the text.
  std::optional<std::string_view> key_as_written;
  std::string what;
  bool nested = false;  ///< an object or a list stands where a pair's value should
};

/// The first fault in `text`, which begins at `place` of a list and goes on to the end of what has
/// been read; where there is none, nothing.
std::optional<ListFault> FindListFault(std::string_view text, const ListPlace& place, bool lines);

}  // namespace strata

#endif  // STRATA_LOADER_JSON_LIST_FAULT_H_
