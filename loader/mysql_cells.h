// Which cell of a selected row holds what.
//
// A column is selected once, however many parts it plays: a table whose primary key is (outer,
// inner, order) would otherwise send each of them twice.
//
// Threads: none of its own; constant once made.
#ifndef STRATA_LOADER_MYSQL_CELLS_H_
#define STRATA_LOADER_MYSQL_CELLS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

struct Cells {
  explicit Cells(const Selection& selection);

  /// What to select, in the order of the cells. The ids come first, each in a cell of its own.
  std::vector<std::string> expressions;
  std::size_t outer;
  std::size_t inner;
  std::size_t order = 0;    ///< only where the selection has one
  std::size_t deleted = 0;  ///< likewise
  std::vector<std::size_t> values;
};

/// Appends to `*key` what puts the row in order within its entry (mysql_sort_key.h); nothing where
/// the selection has no order column. Aborted: the column gave what is not of its kind.
absl::Status AppendRowOrder(const Selection& selection, const Cells& cells, const Row& row,
                            std::string* key);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_CELLS_H_
