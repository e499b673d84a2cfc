// A column is selected once, whatever parts it plays.
//
// Threads: one.
#include "loader/mysql_cells.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::mysql {
namespace {

using testing::ElementsAre;

Column Of(const char* name, ColumnKind kind = ColumnKind::kText) {
  Column column;
  column.name = name;
  column.kind = kind;
  return column;
}

Selection PairRows() {
  Selection selection;
  selection.table = "t";
  selection.id = {Of("id", ColumnKind::kInteger)};
  selection.outer = Of("o");
  selection.inner = Of("i");
  selection.order = Of("n", ColumnKind::kInteger);
  selection.values = {Of("k"), Of("v")};
  return selection;
}

TEST(MySqlCells, AreOneAColumn) {
  const Cells cells(PairRows());
  EXPECT_THAT(cells.expressions, ElementsAre("`id`", "`o`", "`i`", "`n`", "`k`", "`v`"));
  EXPECT_EQ(cells.outer, 1u);
  EXPECT_EQ(cells.inner, 2u);
  EXPECT_EQ(cells.order, 3u);
  EXPECT_THAT(cells.values, ElementsAre(4, 5));
}

TEST(MySqlCells, OfAKeyThatIsTheEntryAreShared) {
  Selection selection = PairRows();
  selection.id = {Of("o"), Of("i"), Of("n", ColumnKind::kInteger)};
  const Cells cells(selection);
  EXPECT_THAT(cells.expressions, ElementsAre("`o`", "`i`", "`n`", "`k`", "`v`"));
  EXPECT_EQ(cells.outer, 0u);
  EXPECT_EQ(cells.inner, 1u);
  EXPECT_EQ(cells.order, 2u);
  EXPECT_THAT(cells.values, ElementsAre(3, 4));
}

TEST(MySqlCells, OfOneColumnThatIsAskedForInTwoWaysAreTwo) {
  // As an id a BIT is a number, as a value it is bytes.
  Selection selection = PairRows();
  selection.id = {Of("i", ColumnKind::kBits)};
  selection.inner = selection.id[0];
  const Cells cells(selection);
  EXPECT_EQ(cells.expressions.size(), 6u);
  EXPECT_NE(cells.inner, 0u);
}

}  // namespace
}  // namespace strata::mysql
