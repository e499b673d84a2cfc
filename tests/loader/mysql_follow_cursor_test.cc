// Following by cursors whose values are not what one would wish: some ahead of all others, many
// alike. Against a real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

class MySqlFollowCursorTest : public FollowTest {
 protected:
  struct Case {
    const char* type;
    const char* now;
    const char* ahead;
  };
  static constexpr Case kCases[] = {
      {"DATETIME(3)", "UTC_TIMESTAMP(3)", "UTC_TIMESTAMP(3) + INTERVAL 3 HOUR"},
      {"DATETIME", "UTC_TIMESTAMP()", "UTC_TIMESTAMP() + INTERVAL 5 MINUTE"},
      {"DATE", "UTC_DATE()", "UTC_DATE() + INTERVAL 1 DAY"},
      {"BIGINT", "7", "1 << 60"}};

  void TearDown() override {
    Run("SET GLOBAL time_zone = DEFAULT");
    FollowTest::TearDown();
  }

  static bool IsInteger(const Case& cursor) { return std::string(cursor.type) == "BIGINT"; }

  // Two hundred entries of long ago and different times, 'ahead' of two and 'a' of now.
  MySqlOptions Make(const Case& cursor) {
    Run("DROP TABLE IF EXISTS t");
    Run(
        absl::StrCat("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(9), "
                     "inner_key VARCHAR(9), seq INT DEFAULT 0, k VARCHAR(9) DEFAULT 'k', v "
                     "VARCHAR(9), changed ",
                     cursor.type, ", KEY (outer_key, inner_key), KEY (changed))"));
    Run(absl::StrCat("INSERT INTO t (outer_key, inner_key, v, changed) SELECT 'many', seq, 'v', ",
                     IsInteger(cursor) ? "seq % 5" : "'2020-01-01' + INTERVAL seq DAY",
                     " FROM seq_1_to_200"));
    Run(absl::StrCat("INSERT INTO t (outer_key, inner_key, v, changed) VALUES ('ahead','1','v',",
                     cursor.ahead, "), ('ahead','2','v',", cursor.now, "), ('a','x','v',",
                     cursor.now, ")"));
    cache().Clear();
    MySqlOptions source = OptionsFor("t");
    source.mapping.cursor = "changed";
    return source;
  }
  void ExpectFollowed(const Case& cursor, const std::string& value) {
    Run(absl::StrCat("UPDATE t SET v = '", value, "', changed = ", cursor.now,
                     " WHERE outer_key = 'a'"));
    ExpectValue("a", "x", 0, "k", value);
  }
};

TEST_F(MySqlFollowCursorTest, ValuesAheadOfAllOthersHideNothing) {
  for (const Case& cursor : kCases) {
    SCOPED_TRACE(cursor.type);
    Follow(Make(cursor));
    for (const char* value : {"1", "2"}) ExpectFollowed(cursor, value);
    Run(absl::StrCat("UPDATE t SET v = 'w', changed = ", cursor.ahead,
                     " WHERE outer_key = 'ahead' AND inner_key = '2'"));
    ExpectValue("ahead", "2", 0, "k", "w");
    for (const char* value : {"3", "4"}) ExpectFollowed(cursor, value);
    // Of integers a pass is due at the beginning, which may come first.
    EXPECT_TRUE(IsInteger(cursor) || follower().status().repairs == 0);
    EXPECT_EQ(follower().status().advice, "");
    follower_.reset();
  }
}

TEST_F(MySqlFollowCursorTest,
       ManyValuesAheadOfTheClockAreToldAndWhatTheyHidIsFoundOnceTheyAreGone) {
  const Case cursor = {"DATETIME(6)", "UTC_TIMESTAMP(6)", "UTC_TIMESTAMP(6) + INTERVAL 9 HOUR"};
  const MySqlOptions source = Make(cursor);
  Run("UPDATE t SET changed = UTC_TIMESTAMP() + INTERVAL 9 HOUR + INTERVAL id SECOND "
      "WHERE outer_key = 'many'");
  Follow(source);
  EXPECT_THAT(follower().status().advice, HasSubstr("\"changed\" are 54"));  // 542 or 543 minutes
  // So it is where all write by the clock of another zone.
  Run("UPDATE t SET v = 'w', changed = UTC_TIMESTAMP(6) + INTERVAL 10 HOUR WHERE id = 1");
  ExpectValue("many", "1", 0, "k", "w");
  Run("UPDATE t SET v = 'hidden', changed = UTC_TIMESTAMP(6) WHERE outer_key = 'a'");
  Run("UPDATE t SET changed = UTC_TIMESTAMP(6) WHERE outer_key IN ('many', 'ahead')");
  ExpectValue("a", "x", 0, "k", "hidden");
  ExpectFollowed(cursor, "after");
  EXPECT_EQ(follower().status().advice, "");
}

// A query's statement of changes gives many rows for one of a base table.
TEST_F(MySqlFollowCursorTest, OfAQuerysChangesValuesAheadHideNothingAndNothingOnceTheyAreGone) {
  for (const Case& cursor : {kCases[0], kCases[1], kCases[3]}) {
    SCOPED_TRACE(cursor.type);
    MySqlOptions source = Make(cursor);
    Run("DROP TABLE IF EXISTS parts");
    Run("CREATE TABLE parts (t INT, n INT, PRIMARY KEY (t, n))");
    Run("INSERT INTO parts SELECT t.id, n.seq FROM t, seq_1_to_20 n");
    MySqlMapping& mapping = source.mapping;
    mapping = MySqlMapping();
    mapping.query = "SELECT id, n, outer_key, inner_key, k, v FROM t JOIN parts ON t = id";
    mapping.id = {"id", "n"};
    mapping.outer = "outer_key";
    mapping.inner = "inner_key";
    mapping.order = "n";
    mapping.columns = {"k", "v"};
    mapping.changes = {
        "SELECT outer_key, CONCAT(inner_key, '') AS i, changed FROM t JOIN parts ON "
        "t = id WHERE changed >= :since"};
    const auto expect_followed = [&](const std::string& value) {
      Run(absl::StrCat("UPDATE t SET v = '", value,
                       "', changed = ", IsInteger(cursor) ? absl::StrCat("30", value) : cursor.now,
                       " WHERE outer_key = 'a'"));
      ExpectValue("a", "x", 19, "v", value);
    };
    Follow(source);
    for (const char* value : {"1", "2"}) expect_followed(value);
    // More than are left aside. All may be read before the statement's end is known here.
    const std::uint64_t read = follower().status().rows_read;
    Run(absl::StrCat("UPDATE t SET changed = ", cursor.ahead, " WHERE outer_key = 'many'"));
    ASSERT_TRUE(WaitUntil([&] { return follower().status().rows_read > read + 1000; }));
    const std::string ahead = follower().status().position;
    Run(absl::StrCat("UPDATE t SET changed = ", cursor.now, " WHERE outer_key <> 'a'"));
    ASSERT_TRUE(WaitUntil([&] {
      const std::string position = follower().status().position;
      return position.size() < ahead.size() || position < ahead;
    }));
    for (const char* value : {"3", "4"}) expect_followed(value);
    follower_.reset();
  }
}

TEST_F(MySqlFollowCursorTest, RowsAreReachedHoweverManyShareAValue) {
  for (const Case& cursor : {kCases[2], kCases[3]}) {
    SCOPED_TRACE(cursor.type);
    MySqlOptions source = Make(cursor);
    source.max_page_rows = 10;  // a round is cut after a hundred pages
    Run(absl::StrCat("UPDATE t SET changed = ", cursor.now, " WHERE outer_key = 'ahead'"));
    Run(absl::StrCat("INSERT INTO t (outer_key, inner_key, v, changed) SELECT 'alike', seq, 'v', ",
                     cursor.now, " FROM seq_1_to_3000"));
    Follow(source);
    Run("UPDATE t SET v = 'late' WHERE outer_key = 'alike'");
    ExpectValue("alike", "3000", 0, "k", "late");
    ExpectValue("alike", "1", 0, "k", "late");
    Run("UPDATE t SET v = 'again' WHERE outer_key = 'alike'");
    ExpectValue("alike", "3000", 0, "k", "again");
    // What stands behind them, too.
    Run(absl::StrCat("UPDATE t SET v = 'new', changed = ", cursor.ahead, " WHERE inner_key = 'x'"));
    ExpectValue("a", "x", 0, "k", "new");
    // Of integers a pass is due at the beginning, which may come first.
    EXPECT_TRUE(IsInteger(cursor) || follower().status().repairs == 0);
    // The newest may have come first.
    for (int inner = 1; inner <= 3000; ++inner) {
      ExpectValue("alike", absl::StrCat(inner), 0, "k", "again");
    }
    ExpectEqual(source);
    follower_.reset();
  }
}

// Nothing below the position is read by polling, and there the rows are.
TEST_F(MySqlFollowCursorTest, IntegersThatBeginAgainFromBelowAskForAPass) {
  for (const int refilled : {200, 3000, 5000}) {
    SCOPED_TRACE(refilled);
    Run("DROP TABLE IF EXISTS t");
    Run("CREATE TABLE t (outer_key VARCHAR(9), inner_key INT, seq INT DEFAULT 0, k VARCHAR(9) "
        "DEFAULT 'k', v VARCHAR(9), id INT PRIMARY KEY, KEY (outer_key, inner_key))");
    const auto fill = [this](const char* value, int rows) {
      Run(absl::StrCat("INSERT INTO t (outer_key, inner_key, v, id) SELECT 'o', seq, '", value,
                       "', seq FROM seq_1_to_", rows));
    };
    fill("old", 3000);
    cache().Clear();
    MySqlOptions source = OptionsFor("t");
    source.mapping.cursor = "id";
    Follow(source);
    // One pass is due at the beginning.
    ASSERT_TRUE(WaitUntil([&] { return follower().status().passes == 1; }));
    const std::uint64_t read = follower().status().rows_read;
    ASSERT_TRUE(WaitUntil([&] { return follower().status().rows_read > read + 32; }));
    Run("START TRANSACTION");
    Run("DELETE FROM t");
    fill("new", refilled);
    Run("COMMIT");
    ExpectValue("o", "1", 0, "k", "new");
    ExpectValue("o", "200", 0, "k", "new");
    EXPECT_TRUE(WaitUntil([&] { return follower().status().passes > 1; }));
    Run("INSERT INTO t (outer_key, inner_key, v, id) SELECT 'o', 0, 'next', MAX(id) + 1 FROM t");
    ExpectValue("o", "0", 0, "k", "next");
    follower_.reset();
    ExpectEqual(OptionsFor("t"));
  }
}

// In autumn, or by another --default-time-zone.
TEST_F(MySqlFollowCursorTest, AServersClockThatIsSetBackHidesNothing) {
  const auto set_zone = [this](const char* zone) {
    Run(absl::StrCat("SET GLOBAL time_zone = ", zone));
  };
  set_zone("'+02:00'");
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(9), inner_key "
      "VARCHAR(9), seq INT DEFAULT 0, k VARCHAR(9) DEFAULT 'k', v VARCHAR(9), changed "
      "DATETIME(6), KEY (outer_key, inner_key), KEY (changed))");
  Run("INSERT INTO t (outer_key, inner_key, v, changed) SELECT 'many', seq, 'v', "
      "UTC_TIMESTAMP(6) + INTERVAL 2 HOUR - INTERVAL seq SECOND FROM seq_1_to_500");
  MySqlOptions source = OptionsFor("t");
  source.mapping.cursor = "changed";
  Follow(source);
  const auto expect_followed = [this](int id, int hours) {
    Run(absl::StrCat("UPDATE t SET v = 'h", hours, "', changed = UTC_TIMESTAMP(6) + INTERVAL ",
                     hours, " HOUR WHERE id = ", id));
    ExpectValue("many", absl::StrCat(id), 0, "k", absl::StrCat("h", hours));
  };
  expect_followed(1, 2);
  for (const auto& [zone, hours] : {std::pair("'+01:00'", 1), std::pair("'-03:00'", -3)}) {
    set_zone(zone);
    // What the pass that is due does not find any more polling does.
    for (int id = 10; id < 15; ++id) expect_followed(id, hours);
    EXPECT_THAT(follower().status().advice,
                HasSubstr(absl::StrCat("was set back by ", 60 * (2 - hours), " minutes")));
  }
  // It has caught up.
  set_zone("'+03:00'");
  for (int id = 400; id < 405; ++id) expect_followed(id, 3);
  EXPECT_TRUE(WaitUntil([&] { return follower().status().advice.empty(); }));
}

}  // namespace
}  // namespace strata
