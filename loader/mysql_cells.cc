#include "loader/mysql_cells.h"

#include <algorithm>
#include <utility>

#include "loader/mysql_pages.h"
#include "loader/mysql_relation.h"
#include "loader/mysql_sort_key.h"

namespace strata::mysql {
namespace {

// The cell that the expression's text has among `list`, at its end if it is new.
std::size_t CellOf(std::string expression, std::vector<std::string>* list) {
  const auto found = std::find(list->begin(), list->end(), expression);
  const auto cell = static_cast<std::size_t>(found - list->begin());
  if (found == list->end()) list->push_back(std::move(expression));
  return cell;
}

}  // namespace

Cells::Cells(const Selection& selection) {
  for (const Column& column : selection.id) expressions.push_back(IdExpression(column));
  outer = CellOf(OuterExpression(selection), &expressions);
  inner = CellOf(ValueExpression(selection.inner), &expressions);
  if (selection.order) order = CellOf(OrderExpression(*selection.order), &expressions);
  if (selection.deleted) deleted = CellOf(DeletedExpression(*selection.deleted), &expressions);
  for (const Column& column : selection.values) {
    values.push_back(CellOf(ValueExpression(column), &expressions));
  }
}

absl::Status AppendRowOrder(const Selection& selection, const Cells& cells, const Row& row,
                            std::string* key) {
  if (!selection.order) return absl::OkStatus();
  if (row.IsNull(cells.order)) {
    AppendNullOrder(key);
    return absl::OkStatus();
  }
  const absl::Status status = AppendOrder(selection.order->kind, row[cells.order], key);
  if (!absl::IsInvalidArgument(status)) return status;
  return OfAnotherType(*selection.order, std::string(status.message()));
}

}  // namespace strata::mysql
