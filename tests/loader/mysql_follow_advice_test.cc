// The indexes that following wants: which are missing, and that the statements which make them run,
// against a real server.
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using MySqlAdviceTest = FollowTest;

TEST_F(MySqlAdviceTest, MissingIndexesAreNamedWithTheStatementThatMakesThem) {
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(9), inner_key "
      "VARCHAR(9), seq INT, k VARCHAR(9), v TEXT, updated_at TIMESTAMP(6) DEFAULT "
      "CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))");
  for (int i = 0; i < 30; ++i) Add(absl::StrCat("('o','i", i, "',0,'k','v')"));
  Follow();
  EXPECT_EQ(RunAdvice(follower().status().advice), 2u);
  // Without the index reconciling goes by slices.
  Run("DELETE FROM t WHERE inner_key < 'i2'");
  ASSERT_TRUE(ReconcileOnce(&follower()));
  ExpectEqual(OptionsFor("t"));
  EXPECT_EQ(follower().status().advice, "");
}

TEST_F(MySqlAdviceTest, TheStatementsThatMakeIndexesCanBeRunOnAnyTable) {
  const std::string wide(60, 'w');
  const struct {
    std::string outer;
    std::string inner;
    std::string types;
    std::string indexes = "";
    std::size_t missing = 2;
    std::string engine = "InnoDB";
  } tables[] = {
      {"o", "i", "o TEXT, i LONGBLOB"},
      {"o", "i", "o TINYTEXT CHARACTER SET latin1, i TINYBLOB"},
      {"o", "i", "o VARCHAR(1000), i VARCHAR(9)"},
      {"o", "i", "o VARCHAR(500), i VARCHAR(500)"},
      {"o", "i", "o VARBINARY(3000), i BIGINT"},
      {"o", "i", "o VARCHAR(767), i BIGINT"},
      {"o", "i", "o SET('a','b'), i VARCHAR(700)"},
      {"o", "i", absl::StrCat("o ENUM('", std::string(240, 'a'), "'), i VARCHAR(760)")},
      {"o", "i", "o VARCHAR(200), i VARCHAR(200)", "", 2, "MyISAM"},
      {"o", "i", "o TEXT, i TEXT", "", 2, "MyISAM"},
      {"o", "i", "o VARCHAR(300), i VARCHAR(300)", "", 2, "Aria"},
      {"o", "i", "o VARCHAR(300), i TEXT", "", 2, "InnoDB ROW_FORMAT=COMPACT"},
      {"o", "i", "o VARCHAR(30), i VARCHAR(30)", "", 2, "MEMORY"},
      {"o", "i", "o VARCHAR(1500) CHARACTER SET latin1, i VARCHAR(1500) CHARACTER SET ascii"},
      {"o", "i", "o ENUM('a','b'), i DATETIME"},
      {wide, "i", absl::StrCat(wide, " VARCHAR(9), i VARCHAR(9)")},
      {"\u00e9`, ' \u00fc", "i", "`\u00e9``, ' \u00fc` VARCHAR(9), i VARCHAR(9)"},
      {"o", "i", "o VARCHAR(9), i VARCHAR(9)", ", INDEX O_I_IDX (seq), INDEX o_i_idx2 (seq)"},
      {"o", "i", "o VARCHAR(9), i VARCHAR(9)", ", INDEX cut (o(5), i(3), seq)", 1},
      {"o", "i", "o VARCHAR(9), i VARCHAR(9)", ", INDEX cut (o(2)), INDEX whole (o, i)", 1},
      {"o", "i", "o VARCHAR(9), i TEXT", ", FULLTEXT INDEX f (i), INDEX cut (o, i(3))", 1},
  };
  for (const auto& table : tables) {
    SCOPED_TRACE(absl::StrCat(table.types, table.indexes));
    Run("DROP TABLE IF EXISTS t");
    Run(absl::StrCat("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, ", table.types,
                     ", seq INT, k VARCHAR(9), v ",
                     table.engine == "MEMORY" ? "VARCHAR(9)" : "TEXT",
                     ", updated_at TIMESTAMP(6) DEFAULT NOW(6)", table.indexes,
                     ") CHARACTER SET utf8mb4 ENGINE=", table.engine));
    MySqlOptions source = OptionsFor("t");
    source.mapping.outer = table.outer;
    source.mapping.inner = table.inner;
    const auto advice = [&source] {
      const absl::StatusOr<std::unique_ptr<Source>> opened = OpenMySqlTable(source);
      EXPECT_TRUE(opened.ok()) << opened.status();
      return opened.ok() ? (*opened)->progress().advice : "";
    };
    const std::string told = advice();
    EXPECT_EQ(RunAdvice(told), table.missing) << told;
    EXPECT_EQ(advice(), "");
  }
}

TEST_F(MySqlAdviceTest, WhereNoIndexCanBeMadeItSaysWhyAndWhatToDo) {
  if (!IsMariaDb()) GTEST_SKIP() << "MySQL has no columns that are COMPRESSED";
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(9) COMPRESSED, "
      "inner_key VARCHAR(9), seq INT, k VARCHAR(9), v TEXT COMPRESSED, updated_at TIMESTAMP(6) "
      "DEFAULT NOW(6) ON UPDATE NOW(6), KEY (updated_at))");
  Add("('o','i',0,'k','v')");
  Follow();
  EXPECT_EQ(follower().status().advice,
            "reading an entry again scans the table: no index takes column \"outer_key\", which "
            "is COMPRESSED: MODIFY it without that");
  Add("('o','j',0,'k','w')");
  ExpectValue("o", "j", 0, "k", "w");
}

}  // namespace
}  // namespace strata
