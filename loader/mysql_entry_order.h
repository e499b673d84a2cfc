// Whether a table's pages come in the order of its entries, and where one entry surely ends.
//
// A table whose id begins with (outer, inner), as the primary key of a table that was made for this
// use does, gives the rows of an entry one behind the other, almost: to the server keys that its
// collation calls equal are one, so the rows of 'abc', 'ABC' and 'abc ' come mixed. But two
// neighbouring rows whose keys the collation tells apart are a border that no entry crosses. Where
// neighbours are surely told apart is decided here, without asking the server:
//
//     numbers, dates, bytes      where they are not the same
//     collations …_bin           where they are not the same without the spaces at their ends
//     collations of known names  the same without regard to case, if both are printable ASCII
//     others, other characters   never: the border is found later, or at the table's end
//
// Threads: plain functions.
#ifndef STRATA_LOADER_MYSQL_ENTRY_ORDER_H_
#define STRATA_LOADER_MYSQL_ENTRY_ORDER_H_

#include <string>
#include <string_view>

#include "loader/mysql_cells.h"
#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

/// Whether the server surely does not call `a` and `b`, texts of values of that column, equal.
bool SurelyDiffer(const Column& column, std::string_view a, std::string_view b);

/// Whether pages by the selection's id give entries in the order of their keys.
bool ComesInEntryOrder(const Selection& selection);

/// Looks at rows as they come and finds borders.
class EntryBorders {
 public:
  /// `selection` must outlive it.
  explicit EntryBorders(const Selection* selection) : selection_(*selection), cells_(*selection) {}

  /// Whether a border lies between the row before and this one.
  bool IsBefore(const Row& row);

 private:
  const Selection& selection_;
  const Cells cells_;
  bool has_last_ = false;
  std::string outer_;
  std::string inner_;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_ENTRY_ORDER_H_
