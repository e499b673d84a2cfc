// Following in each form that a FILE.toml can describe: rows chosen by SQL, a constant outer.
// Against a real server.
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

class MySqlFollowFormsTest : public FollowTest {
 protected:
  void Add(const std::string& values) {
    Run("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES " + values);
  }
  // Long ago: what is young is read again by polling, and silent changes with it.
  void Age() { Run("UPDATE t SET updated_at = '2020-01-01'"); }
  // One more pass of comparing: how many entries it repaired.
  std::uint64_t RepairsOfAPass() {
    const std::uint64_t before = follower().status().repairs;
    EXPECT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
    return follower().status().repairs - before;
  }
};

TEST_F(MySqlFollowFormsTest, RowsThatComeIntoAWhereAndLeaveItAreFollowed) {
  for (const bool indexed : {true, false}) {
    SCOPED_TRACE(indexed);
    Run("DROP TABLE IF EXISTS t");
    MakeTable();
    Run("ALTER TABLE t ADD active TINYINT NOT NULL DEFAULT 1");
    if (!indexed) Run("ALTER TABLE t DROP KEY outer_key");
    cache().Clear();
    Add("('a','x',0,'k','1'),('a','x',1,'k','2'),('a','y',0,'k','3'),('b','x',0,'k','4')");
    Run("UPDATE t SET active = 0 WHERE v IN ('2', '4')");
    Age();
    MySqlOptions source = OptionsFor("t");
    source.mapping.where = "active = 1 OR active > 7 -- no others";
    Follow(source);
    EXPECT_EQ(cache().counts().pairs, 2u);
    EXPECT_EQ(RepairsOfAPass(), 0u);
    Run("UPDATE t SET active = 8 WHERE v = '4'");
    ExpectValue("b", "x", 0, "k", "4");
    Run("UPDATE t SET active = 1 WHERE v = '2'");
    ExpectValue("a", "x", 1, "k", "2");
    Run("UPDATE t SET active = 0 WHERE v = '1'");
    ExpectValue("a", "x", 0, "k", "2");
    Run("UPDATE t SET active = 3 WHERE v = '3'");
    ExpectNoEntry("a", "y");
    Run("UPDATE t SET inner_key = 'moved' WHERE v = '2'");
    ExpectValue("a", "moved", 0, "k", "2");
    // What polling cannot see: a row that leaves silently, one that comes, one deleted, one moved.
    Age();
    ExpectValue("a", "moved", 0, "k", "2");
    EXPECT_EQ(RepairsOfAPass(), 1u) << "the entry that the row moved from";
    Run("UPDATE t SET active = 0, updated_at = updated_at WHERE v = '4'");
    Run("UPDATE t SET active = 1, updated_at = updated_at WHERE v = '3'");
    Run("DELETE FROM t WHERE v = '2'");
    EXPECT_EQ(RepairsOfAPass(), 3u);
    EXPECT_EQ(Value("a", "y", 0, "k"), "3");
    ExpectEqual(source);
    EXPECT_EQ(RepairsOfAPass(), 0u);
    follower_.reset();
  }
}

TEST_F(MySqlFollowFormsTest, ARowThatLeavesTheWhereWithinItsCursorsUnitIsFollowed) {
  MakeTable(0);
  Run("ALTER TABLE t ADD active TINYINT NOT NULL DEFAULT 1");
  Add("('a','x',0,'k','1')");
  MySqlOptions source = OptionsFor("t");
  source.mapping.where = "active = 1";
  Follow(source);
  for (int i = 0; i < 10; ++i) {
    Run("UPDATE t SET active = 0");
    ExpectNoEntry("a", "x");
    Run("UPDATE t SET active = 1");
    ExpectValue("a", "x", 0, "k", "1");
  }
}

TEST_F(MySqlFollowFormsTest, AConstantOuterIsFollowedByTheInnerKeyAlone) {
  for (const bool indexed : {true, false}) {
    SCOPED_TRACE(indexed);
    Run("DROP TABLE IF EXISTS t");
    Run(
        absl::StrCat("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, inner_key VARCHAR(20), "
                     "seq INT, k VARCHAR(9), v TEXT, updated_at TIMESTAMP(6) DEFAULT NOW(6) ON "
                     "UPDATE NOW(6), KEY (updated_at)",
                     indexed ? ", KEY (inner_key)" : "", ") CHARACTER SET utf8mb4"));
    Run("INSERT INTO t (inner_key, seq, k, v) SELECT CONCAT('i', seq DIV 2), seq, 'k', seq FROM "
        "seq_1_to_3000");
    Run("INSERT INTO t (inner_key, seq, k, v) VALUES ('I7', 0, 'k', 'upper'), (NULL, 0, 'k', 'n')");
    Age();
    cache().Clear();
    ASSERT_TRUE(cache().Put("other", "x", Records({{{"k", "v"}}})).ok());
    const std::string outer = "it's `one` \xf0\x9f\xa6\x84";
    MySqlOptions source = OptionsFor("t");
    source.mapping.outer = "no such column";
    source.mapping.outer_const = outer;
    FollowOptions options = QuickFollow();
    options.owns_cache = false;
    Follow(source, options);
    EXPECT_EQ(follower().status().advice.find(
                  "CREATE INDEX `inner_key_idx` ON `t` (`inner_key`)") != std::string::npos,
              !indexed)
        << follower().status().advice;
    EXPECT_EQ(RepairsOfAPass(), 0u);
    Run("INSERT INTO t (inner_key, seq, k, v) VALUES ('new', 0, 'k', 'v')");
    ExpectValue(outer, "new", 0, "k", "v");
    Run("UPDATE t SET v = 'changed' WHERE v = '8'");
    ExpectValue(outer, "i4", 0, "k", "changed");
    Run("UPDATE t SET inner_key = 'moved' WHERE v = '9'");
    ExpectValue(outer, "moved", 0, "k", "9");
    Age();
    Run("DELETE FROM t WHERE inner_key IN ('i5', 'i7')");
    Run("UPDATE t SET v = 'silent', updated_at = updated_at WHERE v = '12'");
    // i4, i5, i6, i7, and I7, which the server takes for i7.
    EXPECT_EQ(RepairsOfAPass(), 5u);
    const absl::StatusOr<Content> table = Load(source);
    ASSERT_TRUE(table.ok()) << table.status();
    Content expected = *table;
    expected["other"] = {{"x", {{{"k", "v"}}}}};
    EXPECT_EQ(Difference(ContentOf(cache()), expected), "");
    Run("DELETE FROM t");
    EXPECT_GT(RepairsOfAPass(), 1400u);
    EXPECT_FALSE(ReadGuard(cache()).HasOuter(outer));
    EXPECT_EQ(Value("other", "x", 0, "k"), "v");
    follower_.reset();
  }
}

}  // namespace
}  // namespace strata
