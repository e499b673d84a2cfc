// Following a query: the entries that its `changes` name, and what only digests find. Against a
// real server.
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "loader/mysql_query_changes.h"
#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(WithSinceTest, ReplacesTheWordOutsideOfQuotesAndComments) {
  const auto with = [](std::string_view sql) { return mysql::WithSince(sql, "7"); };
  EXPECT_EQ(with("a >= :since AND b >= (:since)"), "a >= 7 AND b >= (7)");
  EXPECT_EQ(with("':since' :since"), "':since' 7");
  EXPECT_EQ(with("'it''s :since' \":since\" `:since` :since"),
            "'it''s :since' \":since\" `:since` 7");
  EXPECT_EQ(with("'\\' :since' :since"), "'\\' :since' 7");
  EXPECT_EQ(with("-- :since\n:since # :since\n/* :since */:since"),
            "-- :since\n7 # :since\n/* :since */7");
  EXPECT_EQ(with("1--:since"), "1--7") << "to the server no comment";
  for (const char* none : {"", "since", ":since2", ":sinc", "':since", "-- :since", "/* :since"}) {
    EXPECT_EQ(with(none), std::nullopt) << none;
  }
}

TEST(ClosesWhatItOpensTest, CountsParenthesesOutsideOfQuotesAndComments) {
  for (const char* sql : {"", "a = 1", "(a) = (1)", "a = ')' -- (\n", "((a)) /* ) */", "`)`",
                          "(1--1)", "'/*!'", "/* /*! */"}) {
    EXPECT_TRUE(mysql::ClosesWhatItOpens(sql)) << sql;
  }
  for (const char* sql :
       {"1 = 1) OR (1 = 1", ")", "(", "(a = ')'", "(a -- )", "(a --\r )\n", "(a --\x01 )\n",
        "(a --\x7f )\n", "(a --", "/*! 1 */", "/*!50000 ) OR (*/", "1 /*M!100000 ) OR ( */"}) {
    EXPECT_FALSE(mysql::ClosesWhatItOpens(sql)) << sql;
  }
}

class MySqlFollowQueryTest : public FollowTest {
 protected:
  void SetUp() override {
    FollowTest::SetUp();
    Make("TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6)");
  }
  void Make(const std::string& cursor) {
    Run("DROP TABLE IF EXISTS customer, line");
    Run(absl::StrCat("CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR(20), changed ",
                     cursor, ", KEY (changed))"));
    Run(
        absl::StrCat("CREATE TABLE line (id INT PRIMARY KEY AUTO_INCREMENT, customer INT, "
                     "basket VARCHAR(20), what VARCHAR(20), changed ",
                     cursor, ", KEY (changed), KEY (customer))"));
    Run("INSERT INTO customer (id, name) VALUES (1,'ann'),(2,'Ann'),(3,'bob')");
    Run("INSERT INTO line (customer, basket, what) VALUES (1,'b1','pen'),(1,'b1','ink'),"
        "(2,'b1','cup'),(3,'b2','hat')");
  }
  // A customer's basket is an entry, each of its lines a record with the customer's name in it.
  MySqlOptions Baskets() const {
    MySqlOptions source = OptionsFor("");
    MySqlMapping& mapping = source.mapping;
    mapping.query =
        "SELECT l.id, c.name, l.basket, l.what, c.id AS number FROM line l "
        "JOIN customer c ON c.id = l.customer";
    mapping.id = {"id"};
    mapping.outer = "name";
    mapping.inner = "basket";
    mapping.order = "id";
    mapping.columns = {"what", "number"};
    mapping.changes = {
        "SELECT c.name, l.basket, l.changed FROM line l JOIN customer c ON c.id = l.customer "
        "WHERE l.changed >= :since",
        "SELECT c.name, l.basket, c.changed AS when_ FROM customer c JOIN line l ON c.id = "
        "l.customer WHERE c.changed >= :since -- the other side"};
    return source;
  }
  void Age() {
    Run("UPDATE line SET changed = '2020-01-01'");
    Run("UPDATE customer SET changed = '2020-01-01'");
  }
  std::uint64_t RepairsOfAPass() {
    const std::uint64_t before = follower().status().repairs;
    EXPECT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
    return follower().status().repairs - before;
  }
};

// It is told each time, and the rounds go on.
TEST_F(MySqlFollowQueryTest, AChangeThatNamesAKeyWhichCannotBeHoldsNothingUp) {
  MySqlOptions source = Baskets();
  source.mapping.outer = "number";
  source.mapping.columns = {"what", "name"};
  source.mapping.changes = {
      "SELECT IF(what = 'odd', 'none', customer), basket, changed FROM line WHERE changed >= "
      ":since"};
  Follow(source);
  Run("INSERT INTO line (customer, basket, what) VALUES (3, 'b3', 'odd')");
  ASSERT_TRUE(WaitUntil([&] { return !follower().status().last_error.ok(); }));
  EXPECT_THAT(std::string(follower().status().last_error.message()),
              HasSubstr("\"none\" came, which is no number"));
  Run("INSERT INTO line (customer, basket, what) VALUES (3, 'b4', 'cap')");
  ExpectValue("3", "b4", 0, "what", "cap");
  EXPECT_TRUE(ReconcileOnce(&follower()));
  ExpectEqual(source);
}

TEST_F(MySqlFollowQueryTest, ASmallChangeDoesNotWaitForABigOneThatWasMadeBefore) {
  constexpr int kEntries = 3000;
  Run(
      absl::StrCat("INSERT INTO line (customer, basket, what) SELECT 1, CONCAT('many', seq), 'a' "
                   "FROM seq_1_to_",
                   kEntries));
  Age();
  Arrivals arrivals("probe", milliseconds(1));
  Follow(Baskets(), arrivals.Options());
  Run("UPDATE line SET what = 'b' WHERE basket LIKE 'many%'");
  ASSERT_TRUE(WaitUntil([&] { return arrivals.changes() > 0; }));
  Run("INSERT INTO line (customer, basket, what) VALUES (3, 'probe', 'x')");
  ASSERT_TRUE(WaitUntil([&] { return arrivals.changes() == kEntries + 1; }));
  EXPECT_GT(arrivals.place(), 0);
  EXPECT_LE(arrivals.place(), kEntries);
  EXPECT_EQ(follower().status().repairs, 0u);
  follower_.reset();
  ExpectEqual(Baskets());
}

TEST_F(MySqlFollowQueryTest, ChangesOfEachBaseTableAreFollowed) {
  const MySqlOptions source = Baskets();
  Age();
  Follow(source);
  EXPECT_EQ(follower().status().advice, "");
  EXPECT_EQ(follower().status().rows_loaded, 4u);
  EXPECT_EQ(RepairsOfAPass(), 0u);
  Run("INSERT INTO line (customer, basket, what) VALUES (1,'b1','new'),(3,'b9','shoe')");
  ExpectValue("ann", "b1", 2, "what", "new");
  ExpectValue("bob", "b9", 0, "what", "shoe");
  Run("UPDATE line SET what = 'tea' WHERE what = 'cup'");
  ExpectValue("Ann", "b1", 0, "what", "tea");
  // A change of the other side moves the entry to a new outer: the old one no row names any more.
  Run("UPDATE customer SET name = 'rob' WHERE name = 'bob'");
  ExpectValue("rob", "b2", 0, "what", "hat");
  Run("UPDATE line SET basket = 'moved' WHERE what = 'ink'");
  ExpectValue("ann", "moved", 0, "what", "ink");
  Age();
  EXPECT_EQ(RepairsOfAPass(), 3u) << "bob's two, and the basket that a line left";
  Run("DELETE FROM line WHERE what = 'pen'");
  Run("UPDATE line SET what = 'silent', changed = changed WHERE what = 'tea'");
  Run("DELETE FROM customer WHERE name = 'rob'");
  EXPECT_EQ(RepairsOfAPass(), 4u);
  ExpectEqual(source);
  EXPECT_EQ(RepairsOfAPass(), 0u);
}

TEST_F(MySqlFollowQueryTest, CursorsOfOtherTypesServe) {
  for (const char* cursor : {"DATETIME DEFAULT NOW() ON UPDATE NOW()", "BIGINT DEFAULT 0",
                             "TIMESTAMP DEFAULT NOW() ON UPDATE NOW()"}) {
    SCOPED_TRACE(cursor);
    Make(cursor);
    cache().Clear();
    Follow(Baskets());
    const bool integer = std::string(cursor).starts_with("BIGINT");
    for (int i = 1; i <= 10; ++i) {
      Run(absl::StrCat("UPDATE line SET what = 'w", i, "'",
                       integer ? absl::StrCat(", changed = ", i) : "", " WHERE basket = 'b2'"));
      ExpectValue("bob", "b2", 0, "what", absl::StrCat("w", i));
    }
    ASSERT_TRUE(ReconcileOnce(&follower()));
    ExpectEqual(Baskets());
    follower_.reset();
  }
}

TEST_F(MySqlFollowQueryTest, ARowThatCommitsLateWithTheMomentOfOneThatIsKnownIsNotPassedBy) {
  Follow(Baskets());
  auto slow = mysql::Session::Open(OptionsFor(""));
  ASSERT_TRUE(slow.ok()) << slow.status();
  const auto execute = [&](const std::string& statement) {
    const absl::Status status = (*slow)->Execute(statement, "testing");
    ASSERT_TRUE(status.ok()) << status;
  };
  execute("START TRANSACTION");
  execute("INSERT INTO line (customer, basket, what, changed) VALUES (3,'b2','late',NOW(6))");
  const std::string moment = [&] {
    std::string text;
    (void)(*slow)->Query("SELECT changed FROM line WHERE what = 'late'", "testing",
                         [&](const mysql::Row& row) {
                           text = std::string(row[0]);
                           return absl::OkStatus();
                         });
    return text;
  }();
  // Of the same entry and moment, and there first.
  Run(absl::StrCat("INSERT INTO line (customer, basket, what, changed) VALUES (3,'b2','early',",
                   mysql::QuoteText(moment), ")"));
  ExpectValue("bob", "b2", 1, "what", "early");
  const std::uint64_t read = follower().status().rows_read;
  ASSERT_TRUE(WaitUntil([&] { return follower().status().rows_read > read + 10; }));
  execute("COMMIT");
  // By its id before the early one.
  ExpectValue("bob", "b2", 1, "what", "late");
  ExpectValue("bob", "b2", 2, "what", "early");
}

TEST_F(MySqlFollowQueryTest, AQueryThatNoServerMergesIsFollowedBesideATable) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('table','x',0,'k','1')");
  MySqlMapping sums;
  sums.query =
      "SELECT name, basket, COUNT(*) AS n, GROUP_CONCAT(what ORDER BY what) AS whats FROM "
      "line JOIN customer ON customer.id = customer GROUP BY customer.id, basket";
  sums.id = {"name", "basket"};
  sums.outer_const = "sums";
  sums.inner = "basket";
  sums.order = "name";
  sums.columns = {"n", "whats"};
  sums.where = "n > 1 OR name = 'bob'";
  sums.changes = {"SELECT 'sums', basket, changed FROM line WHERE changed >= :since"};
  MySqlMapping table;
  table.table = "t";
  Run("UPDATE customer SET name = 'other' WHERE name = 'Ann'");
  auto follower = Follower::Start(OptionsFor(""), {sums, table}, cache(), QuickFollow());
  ASSERT_TRUE(follower.ok()) << follower.status();
  follower_ = *std::move(follower);
  ASSERT_TRUE(WaitUntil([this] { return follower_->status().state == FollowState::kFollowing; }))
      << follower_->status().last_error;
  EXPECT_EQ(Value("sums", "b1", 0, "whats"), "ink,pen");
  EXPECT_THAT(follower_->status().sources[0].advice, HasSubstr("keep its result in a table"));
  EXPECT_EQ(RepairsOfAPass(), 0u);
  Run("INSERT INTO line (customer, basket, what) VALUES (2,'b1','two'),(3,'b3','x')");
  ExpectValue("sums", "b1", 1, "whats", "cup,two");
  ExpectValue("sums", "b3", 0, "n", "1");
  Run("UPDATE t SET v = '2'");
  ExpectValue("table", "x", 0, "k", "2");
  Age();
  Run("DELETE FROM line WHERE basket = 'b3' OR what = 'ink'");
  EXPECT_EQ(RepairsOfAPass(), 2u);
  ExpectNoEntry("sums", "b3");
  EXPECT_EQ(Value("sums", "b1", 0, "whats"), "cup,two");
}

TEST_F(MySqlFollowQueryTest, KeysInACharacterSetWithTwoCodesForOneCharacterAreFollowed) {
  Run("CREATE TABLE codes (name VARCHAR(9) CHARACTER SET cp932, no INT, v INT, changed "
      "TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6), PRIMARY KEY (name, no))");
  Run("INSERT INTO codes (name, no, v) VALUES (_cp932 X'8754',1,1),(_cp932 X'FA4A',2,1)");
  MySqlOptions source = OptionsFor("");
  MySqlMapping& mapping = source.mapping;
  mapping.query = "SELECT * FROM codes";
  mapping.id = {"name", "no"};
  mapping.outer = "name";
  mapping.inner = "no";
  mapping.order = "";
  mapping.columns = {"v"};
  mapping.changes = {"SELECT name, no, changed FROM codes WHERE changed >= :since"};
  Follow(source);
  const std::string outer = "\xe2\x85\xa0";
  for (const char* no : {"1", "2"}) {
    EXPECT_EQ(Value(outer, no, 0, "v"), "1");
    Run(absl::StrCat("UPDATE codes SET v = 2 WHERE no = ", no));
    ExpectValue(outer, no, 0, "v", "2");
  }
  EXPECT_EQ(RepairsOfAPass(), 0u);
  ExpectEqual(source);
}

TEST_F(MySqlFollowQueryTest, GroupsThatACollationMakesOfSeveralSpellingsStayWhole) {
  Run("CREATE TABLE sale (id INT PRIMARY KEY, who VARCHAR(40), item VARCHAR(40), qty INT, changed "
      "TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6), KEY (changed)) "
      "COLLATE utf8mb4_general_ci");
  Run("INSERT INTO sale (id, who, item, qty) VALUES (1,'ann','pen',1),(2,'Ann','pen',10),"
      "(3,'bob','pen',100)");
  MySqlOptions source = OptionsFor("");
  source.mapping.query = "SELECT who, item, SUM(qty) AS total FROM sale GROUP BY who, item";
  source.mapping.id = {"who", "item"};
  source.mapping.outer = "who";
  source.mapping.inner = "item";
  source.mapping.order = "";
  source.mapping.columns = {"total"};
  source.mapping.changes = {"SELECT who, item, changed FROM sale WHERE changed >= :since"};
  Follow(source);
  ExpectEqual(source);
  Run("UPDATE sale SET qty = 2 WHERE id = 1");
  ExpectValue("ann", "pen", 0, "total", "12");
  Run("UPDATE sale SET qty = 20 WHERE id = 2");
  EXPECT_EQ(RepairsOfAPass(), 1u) << "the change named a spelling that is no entry";
  EXPECT_EQ(Value("ann", "pen", 0, "total"), "22");
  ExpectEqual(source);
}

TEST_F(MySqlFollowQueryTest, WithoutChangesDigestsFindThemAndTheAdviceSaysSo) {
  MySqlOptions source = Baskets();
  source.mapping.changes.clear();
  FollowOptions options = QuickFollow();
  options.reconcile_interval = milliseconds(50);
  Follow(source, options);
  EXPECT_THAT(follower().status().advice, HasSubstr("changes = ["));
  Run("UPDATE line SET what = 'new' WHERE what = 'hat'");
  ExpectValue("bob", "b2", 0, "what", "new");
}

TEST_F(MySqlFollowQueryTest, SqlOfTheConfigurationsThatWritesIsRefused) {
  Run("CREATE TABLE noted (id INT)");
  Run("CREATE FUNCTION note(i INT) RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO noted VALUES "
      "(i); RETURN 1; END");
  MySqlOptions source = Baskets();
  Follow(source);
  follower_.reset();
  source.mapping.changes = {
      "SELECT c.name, l.basket, l.changed FROM line l JOIN customer c ON c.id = l.customer "
      "WHERE l.changed >= :since AND note(l.id) = 1"};
  auto follower = Follower::Start(source, cache(), QuickFollow());
  ASSERT_TRUE(follower.ok());
  follower_ = *std::move(follower);
  ASSERT_TRUE(WaitUntil([&] { return !follower_->status().last_error.ok(); }));
  EXPECT_THAT(std::string(follower_->status().last_error.message()), HasSubstr("may only read"));
  EXPECT_EQ(Rows("SELECT COUNT(*) FROM noted")[0][0], "0");
}

TEST_F(MySqlFollowQueryTest, ChangesThatCannotServeAreNamedBeforeAnythingIsLoaded) {
  const auto error = [this](const std::string& statement) {
    MySqlOptions source = Baskets();
    source.mapping.changes = {statement};
    follower_.reset();
    auto follower = Follower::Start(source, cache(), QuickFollow());
    EXPECT_TRUE(follower.ok());
    follower_ = *std::move(follower);
    EXPECT_TRUE(WaitUntil([&] { return follower_->status().state == FollowState::kFailed; }));
    EXPECT_EQ(cache().counts().outers, 0u);
    return std::string(follower_->status().last_error.message());
  };
  EXPECT_THAT(error("SELECT name, 'b1' FROM customer WHERE changed >= :since"),
              HasSubstr("2 columns"));
  EXPECT_THAT(error("SELECT name, 'b1', UPPER(name) FROM customer WHERE changed >= :since"),
              HasSubstr("does not order changes"));
  EXPECT_THAT(error("SELECT name, 'b1', gone FROM customer WHERE changed >= :since"),
              HasSubstr("gone"));
  EXPECT_THAT(error("SELECT name, 'b1', changed FROM customer"), HasSubstr(":since"));
}

TEST_F(MySqlFollowQueryTest, ALoadThatDoesNotFollowSaysWhichChangesCannotServe) {
  MySqlOptions source = Baskets();
  EXPECT_EQ((*OpenMySqlTable(source))->progress().advice, "");
  source.mapping.changes.push_back("SELECT name, 'b1' FROM customer WHERE changed >= :since");
  const std::string advice = (*OpenMySqlTable(source))->progress().advice;
  EXPECT_THAT(advice, HasSubstr("following will fail"));
  EXPECT_THAT(advice, HasSubstr("2 columns"));
}

}  // namespace
}  // namespace strata
