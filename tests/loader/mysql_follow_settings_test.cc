// The configuration's own SQL that a server cannot run, settings of a server that are not what one
// would wish, and columns that are given another type.
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

class MySqlFollowSettingsTest : public FollowTest {
 protected:
  // Sets it for all sessions that are opened from here to the test's end.
  void SetGlobal(const std::string& name, const std::string& value) {
    changed_.push_back(absl::StrCat("SET GLOBAL ", name, " = DEFAULT"));
    Run(absl::StrCat("SET GLOBAL ", name, " = ", value));
  }
  void TearDown() override {
    for (const std::string& statement : changed_) Run(statement);
    FollowTest::TearDown();
  }
  std::vector<std::string> changed_;
};

TEST_F(MySqlFollowSettingsTest, AWhereThatCannotBeRunEndsTheFollowerAndALoadAndIsNamed) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  Run("CREATE TABLE least (n INT)");
  Run("INSERT INTO least VALUES (0), (0)");
  for (const auto& [where, error] :
       {std::pair("k = '", "1064"), std::pair("k = 1 /* not closed", "1064"),
        std::pair("missing = 1", "1054"), std::pair("no_function(k) = 1", "1305"),
        std::pair("id > (SELECT n FROM least)", "1242"),
        std::pair("id > 9223372036854775807 + 1", "1690")}) {
    SCOPED_TRACE(where);
    MySqlOptions source = OptionsFor("t");
    source.mapping.where = where;
    Follow(source, QuickFollow(), FollowState::kFailed);
    for (const absl::Status& status : {follower().status().last_error, Load(source).status()}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("mend `where`"));
      EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("error ", error)));
    }
    follower_.reset();
  }
}

TEST_F(MySqlFollowSettingsTest, AWhereThatWritesIsRefusedAndHasWrittenNothing) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  Run("CREATE TABLE written (n INT)");
  Run("CREATE FUNCTION writes() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO written VALUES "
      "(1); "
      "RETURN 1; END");
  MySqlOptions source = OptionsFor("t");
  source.mapping.where = "writes() = 1";
  Follow(source, QuickFollow(), FollowState::kFailed);
  for (const absl::Status& status : {follower().status().last_error, Load(source).status()}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr("error 1792"));
  }
  EXPECT_EQ(Rows("SELECT COUNT(*) FROM written")[0][0], "0");
}

TEST_F(MySqlFollowSettingsTest, AServersOwnLimitOfAJoinIsNotOurs) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'a', seq, 0, 'k', 'v' FROM "
      "seq_1_to_500");
  SetGlobal("max_join_size", "100");
  Follow();
  Add("('a','x',0,'k','v')");
  ExpectValue("a", "x", 0, "k", "v");
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  EXPECT_TRUE(follower().status().last_error.ok()) << follower().status().last_error;
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowSettingsTest, AVectorIsAValueThatIsFollowedAndNoKey) {
  if (IsMariaDb()) GTEST_SKIP() << "has no vectors before 11.7";
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(40), inner_key "
      "VARCHAR(40), seq INT, k VARCHAR(40), v VECTOR(2), w VECTOR(2), updated_at TIMESTAMP(6) "
      "DEFAULT NOW(6) ON UPDATE NOW(6), KEY (outer_key, inner_key), KEY (updated_at))");
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('a','x',0,'k',X'0000803F00000040')");
  Follow();
  Run("UPDATE t SET v = X'0000000000000080'");
  ExpectValue("a", "x", 0, "k", std::string("\0\0\0\0\0\0\0\x80", 8));
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  EXPECT_EQ(follower().status().repairs, 0u);
  ExpectEqual(OptionsFor("t"));
  MySqlOptions source = OptionsFor("t");
  source.mapping.inner = "v";
  EXPECT_THAT(std::string(Load(source).status().message()), HasSubstr("is a vector"));
}

TEST_F(MySqlFollowSettingsTest, AServersOwnWayWithQueriesIsNotOurs) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  SetGlobal("optimizer_switch", "'derived_merge=off'");
  MySqlOptions source = OptionsFor("");
  source.mapping.query = "SELECT id, outer_key, inner_key, seq, k, v FROM t";
  source.mapping.id = {"id"};
  absl::StatusOr<std::unique_ptr<Source>> opened = OpenMySqlTable(source);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT((*opened)->progress().advice, testing::Not(HasSubstr("GROUP BY")));
}

TEST_F(MySqlFollowSettingsTest, ADescendingIndexServesTheCursor) {
  for (const char* type : {"DATETIME", "DATETIME(6)"}) {
    SCOPED_TRACE(type);
    Run("DROP TABLE IF EXISTS t");
    Run(
        absl::StrCat("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(40), "
                     "inner_key VARCHAR(40), seq INT, k VARCHAR(40), v TEXT, updated_at ",
                     type, ", KEY (outer_key, inner_key), KEY (updated_at DESC))"));
    Run("INSERT INTO t (outer_key, inner_key, seq, k, v, updated_at) SELECT 'o', seq, 0, 'k', 'v', "
        "'2020-01-01' + INTERVAL seq SECOND FROM seq_1_to_20000");
    Rows("ANALYZE TABLE t");
    cache().Clear();
    Follow();
    const std::uint64_t before = HandlerReads();
    for (int i = 0; i < 10; ++i) {
      Run(absl::StrCat("UPDATE t SET v = 'v", i, "', updated_at = NOW(6) WHERE id = 7"));
      ExpectValue("o", "7", 0, "k", absl::StrCat("v", i));
    }
    // A scan of the index for each look would be 200,000.
    EXPECT_LT(HandlerReads() - before, 100'000u);
    follower_.reset();
  }
}

// Its rows are older than what was read by then, so that polling does not see them.
TEST_F(MySqlFollowSettingsTest, ATableThatIsExchangedForAnotherIsComparedWithinSeconds) {
  MakeTable();
  Add("('a','x',0,'k','v'), ('a','y',0,'k','v')");
  Run("DO SLEEP(1.1)");  // tables of one second are alike to MySQL
  Run("CREATE TABLE made LIKE t");
  Run("INSERT INTO made SELECT * FROM t");
  Run("UPDATE made SET v = 'made', updated_at = '2020-01-01' WHERE inner_key = 'x'");
  Run("DELETE FROM made WHERE inner_key = 'y'");
  Follow();
  Run("DO SLEEP(1.1)");
  Run("RENAME TABLE t TO old, made TO t");
  ExpectValue("a", "x", 0, "k", "made");
  ExpectNoEntry("a", "y");
  // The pass is counted once it has ended.
  EXPECT_TRUE(WaitUntil([&] { return follower().status().passes == 1; }));
}

TEST_F(MySqlFollowSettingsTest, AServersOwnMomentOfThePastIsNotOurs) {
  if (!IsMariaDb()) GTEST_SKIP() << "MySQL has no tables with versions";
  MakeTable();
  Run("ALTER TABLE t ADD SYSTEM VERSIONING");
  Add("('a','x',0,'k','v')");
  SetGlobal("system_versioning_asof", "'2020-01-01 00:00:00'");
  Follow();
  EXPECT_EQ(Value("a", "x", 0, "k"), "v");
  Run("UPDATE t SET v = 'new'");
  ExpectValue("a", "x", 0, "k", "new");
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  EXPECT_EQ(Value("a", "x", 0, "k"), "new");
}

TEST_F(MySqlFollowSettingsTest, AServersOwnWayToCommitIsNotOurs) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  for (const char* type : {"2", "1"}) {  // RELEASE, CHAIN
    SCOPED_TRACE(type);
    SetGlobal("completion_type", type);
    cache().Clear();
    Follow();
    for (int i = 0; i < 5; ++i) {
      Run(absl::StrCat("UPDATE t SET v = '", type, i, "'"));
      ExpectValue("a", "x", 0, "k", absl::StrCat(type, i));
    }
    EXPECT_EQ(follower().status().reconnects, 0u) << follower().status().last_error;
    EXPECT_TRUE(follower().status().last_error.ok()) << follower().status().last_error;
    follower_.reset();
  }
}

TEST_F(MySqlFollowSettingsTest, AnOrderColumnOfAnotherTypeIsNamedAndAsksForAPass) {
  MakeTable();
  Add("('a','x',2,'k','second'),('a','x',10,'k','tenth'),('b','x',1,'k','v')");
  Follow();
  EXPECT_EQ(Value("a", "x", 0, "k"), "second");
  Run("ALTER TABLE t MODIFY seq VARCHAR(9)");
  Add("('b','x','no number','k','w')");
  ASSERT_TRUE(WaitUntil([&] { return !follower().status().last_error.ok(); }));
  const std::string error(follower().status().last_error.message());
  EXPECT_THAT(error, HasSubstr("table \"t\""));
  EXPECT_THAT(error, HasSubstr("column \"seq\": \"no number\" came, which is no number"));
  EXPECT_THAT(error, HasSubstr("type altered?"));
  ExpectValue("b", "x", 1, "k", "w");
  // By text, "10" is before "2"; no row of it has changed.
  ExpectValue("a", "x", 0, "k", "tenth");
  EXPECT_EQ(follower().status().state, FollowState::kFollowing);
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowSettingsTest, AKeyOfAnotherTypeIsNamedAndFollowed) {
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key INT, inner_key VARCHAR(9), seq "
      "INT, k VARCHAR(9), v TEXT, updated_at TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6), KEY "
      "(outer_key, inner_key), KEY (updated_at))");
  Add("(1,'x',0,'k','v')");
  Follow();
  Run("ALTER TABLE t MODIFY outer_key VARCHAR(9)");
  Add("('abc','x',0,'k','v')");
  ASSERT_TRUE(WaitUntil([&] { return !follower().status().last_error.ok(); }));
  EXPECT_THAT(std::string(follower().status().last_error.message()),
              HasSubstr("table \"t\": column \"outer_key\": \"abc\" came, which is no number"));
  ExpectValue("abc", "x", 0, "k", "v");
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowSettingsTest, ACallbackThatThrowsEndsNothing) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  std::atomic<int> told = 0;
  FollowOptions options = QuickFollow();
  options.on_status = [&told](const FollowStatus&) {
    if (++told <= 4) throw 7;
  };
  Follow(OptionsFor("t"), options);
  Run("UPDATE t SET v = 'w'");
  ExpectValue("a", "x", 0, "k", "w");
}

TEST_F(MySqlFollowSettingsTest, AKeyThatItsColumnNoLongerHoldsIsGone) {
  for (const auto& [type, stays] :
       {std::pair("INT", "7"), std::pair("DECIMAL(4,1)", "7.5"), std::pair("DATE", "2026-11-28"),
        std::pair("TIME", "01:00:00"), std::pair("DOUBLE", "7e20")}) {
    SCOPED_TRACE(type);
    Run("DROP TABLE IF EXISTS t");
    MakeTable();
    for (const char* inner : {"abc", "5-", "1.2.3", "-", "2026-99-99", "e7", stays}) {
      Add(absl::StrCat("('a','", inner, "',0,'k','v')"));
    }
    Follow();
    Run(absl::StrCat("DELETE FROM t WHERE inner_key <> '", stays, "'"));
    Run(absl::StrCat("ALTER TABLE t MODIFY inner_key ", type));
    ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
    ExpectNoEntry("a", "5-");
    ExpectEqual(OptionsFor("t"));
    follower_.reset();
    cache_->Clear();
  }
}

// No row of it has changed, and no pass is asked for.
TEST_F(MySqlFollowSettingsTest, AnAlterThatMakesNoStatementFailIsSeenWithinSeconds) {
  MakeTable();
  Run("ALTER TABLE t MODIFY v DECIMAL(10,1)");
  Add("('a','x',0,'k','1')");
  Follow();
  EXPECT_EQ(Value("a", "x", 0, "k"), "1.0");
  EXPECT_EQ(follower().status().advice, "");
  Run("ALTER TABLE t MODIFY v DECIMAL(10,3)");
  ExpectValue("a", "x", 0, "k", "1.000");
  Run("ALTER TABLE t MODIFY k VARCHAR(9) CHARACTER SET latin1, DROP INDEX outer_key");
  ASSERT_TRUE(WaitUntil([&] { return !follower().status().advice.empty(); }));
  EXPECT_EQ(RunAdvice(follower().status().advice), 1u);
  EXPECT_TRUE(WaitUntil([&] { return follower().status().advice.empty(); }));
  EXPECT_TRUE(follower().status().last_error.ok()) << follower().status().last_error;
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

// No server that is asked again will have them.
TEST_F(MySqlFollowSettingsTest, NamesThatCannotBeAndViewsOfNothingEndTheFollowerAtTheStart) {
  MakeTable();
  Run("CREATE TABLE gone (id INT)");
  Run("CREATE VIEW broken AS SELECT * FROM gone");
  Run("DROP TABLE gone");
  for (const std::string& table :
       {std::string("t "), std::string(65, 't'), std::string("broken")}) {
    Follow(OptionsFor(table), QuickFollow(), FollowState::kFailed);
    EXPECT_THAT(std::string(follower().status().last_error.message()), HasSubstr("table"));
    follower_.reset();
  }
  MySqlOptions source = OptionsFor("t");
  source.database = std::string(65, 'd');
  Follow(source, QuickFollow(), FollowState::kFailed);
  EXPECT_THAT(std::string(follower().status().last_error.message()), HasSubstr("database"));
}

}  // namespace
}  // namespace strata
