// Following in each form that a FILE.toml can describe: rows chosen by SQL, a constant outer,
// columns of JSON. Against a real server.
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

TEST_F(MySqlFollowFormsTest, ColumnsOfAnyNameAreOrderAndIdOfWhatIsCompared) {
  for (const char* name : {"o", "I", "r", "t", "rows", "place", "text"}) {
    for (const bool pair_rows : {true, false}) {
      SCOPED_TRACE(absl::StrCat(name, pair_rows));
      const std::string column = mysql::QuoteName(name);
      Run("DROP TABLE IF EXISTS t");
      Run(
          absl::StrCat("CREATE TABLE t (id INT PRIMARY KEY, outer_key VARCHAR(40), inner_key "
                       "VARCHAR(40), ",
                       column, " INT, k VARCHAR(9), v VARCHAR(9), KEY (outer_key, inner_key))"));
      Run("INSERT INTO t VALUES (1,'a','x',1,'k','1'),(2,'a','x',2,'k','2'),(3,'b','x',1,'k','3')");
      cache().Clear();
      MySqlOptions source = OptionsFor("t");
      source.mapping.order = name;
      if (!pair_rows) source.mapping.columns = {"v"};
      Follow(source);
      EXPECT_EQ(RepairsOfAPass(), 0u);
      Run(absl::StrCat("UPDATE t SET ", column, " = 3 - ", column, " WHERE outer_key = 'a'"));
      Run("DELETE FROM t WHERE id = 3");
      EXPECT_EQ(RepairsOfAPass(), 2u) << "order alone, and a row deleted";
      ExpectEqual(source);
      follower_.reset();
    }
  }
}

TEST_F(MySqlFollowFormsTest, RowsThatRepeatAKeyOfTheirRecordAreReadAgainOnceAndNotInEachPass) {
  MakeTable();
  Add("('a','twice',0,'k','1'),('a','twice',0,'k','2'),('a','twice',1,'k','3'),"
      "('a','once',0,'k','v')");
  Age();
  const MySqlOptions source = OptionsFor("t");
  Follow(source);
  EXPECT_EQ(RepairsOfAPass(), 0u);
  const std::uint64_t reread = follower().status().entries_reread;
  EXPECT_EQ(RepairsOfAPass(), 0u);
  EXPECT_EQ(follower().status().entries_reread, reread);
  // The rows change places, and one goes to the end: the same texts all the time.
  Run("UPDATE t SET v = IF(v = '1', '2', '1'), updated_at = updated_at WHERE v IN ('1', '2')");
  EXPECT_EQ(RepairsOfAPass(), 1u);
  EXPECT_EQ(Value("a", "twice", 0, "k"), "1");
  Run("UPDATE t SET id = 100, updated_at = updated_at WHERE v = '2'");
  EXPECT_EQ(RepairsOfAPass(), 1u);
  EXPECT_EQ(Value("a", "twice", 0, "k"), "2");
  // Silently: of the row that counts, and of the one that does not.
  Run("UPDATE t SET v = 'new', updated_at = updated_at WHERE v = '2'");
  EXPECT_EQ(RepairsOfAPass(), 1u);
  EXPECT_EQ(Value("a", "twice", 0, "k"), "new");
  Run("UPDATE t SET v = 'old', updated_at = updated_at WHERE v = '1'");
  EXPECT_EQ(RepairsOfAPass(), 0u);
  Run("DELETE FROM t WHERE v = 'old'");
  EXPECT_EQ(RepairsOfAPass(), 0u);
  Run("UPDATE t SET v = 'alone', updated_at = updated_at WHERE v = 'new'");
  EXPECT_EQ(RepairsOfAPass(), 1u);
  const std::uint64_t settled = follower().status().entries_reread;
  EXPECT_EQ(RepairsOfAPass(), 0u);
  EXPECT_EQ(follower().status().entries_reread, settled);
  const Footprint footprint = follower().MeasureFootprint();
  EXPECT_EQ(footprint.Find("entry digests")->count, 0u);
  ExpectEqual(source);
}

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

class MySqlFollowJsonTest : public MySqlFollowFormsTest {
 protected:
  // The table `j`; `column` is "record" or "list".
  MySqlOptions MakeJson(const std::string& type, bool list) {
    Run(
        absl::StrCat("CREATE TABLE j (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(20), "
                     "inner_key VARCHAR(20), seq INT, payload ",
                     type,
                     ", updated_at TIMESTAMP(6) "
                     "DEFAULT NOW(6) ON UPDATE NOW(6), KEY (outer_key, inner_key), KEY "
                     "(updated_at)) CHARACTER SET utf8mb4"));
    MySqlOptions source = OptionsFor("j");
    (list ? source.mapping.list : source.mapping.record) = "payload";
    return source;
  }
  void Add(const std::string& place, const std::string& text) {
    Run(absl::StrCat("INSERT INTO j (outer_key, inner_key, seq, payload) VALUES (", place, ",",
                     text == "NULL" ? text : mysql::QuoteText(text), ")"));
  }
  void AgeJson() { Run("UPDATE j SET updated_at = '2020-01-01'"); }
  Layer DigestLayer() {
    const Footprint footprint = follower().MeasureFootprint();
    EXPECT_EQ(footprint.total_bytes(), footprint.allocated_bytes);
    const Layer* layer = footprint.Find("entry digests");
    return layer == nullptr ? Layer() : *layer;
  }
};

TEST_F(MySqlFollowJsonTest, RecordsInAColumnOfJsonAreFollowed) {
  for (const char* type : {"JSON", "LONGTEXT CHARACTER SET latin1", "LONGBLOB"}) {
    SCOPED_TRACE(type);
    Run("DROP TABLE IF EXISTS j");
    cache().Clear();
    const MySqlOptions source = MakeJson(type, false);
    // Texts that no canonical form gives back.
    Add("'a','x',2", R"( {"b" : "2", "a":"\u00e9\n", "b":"3"} )");
    Add("'a','x',1", R"({"first":"1"})");
    Add("'a','null',1", "NULL");
    Add("'a','null',2", "{}");
    for (int i = 0; i < 100; ++i) Add(absl::StrCat("'many','i", i, "',1"), R"({"k":"v"})");
    AgeJson();
    Follow(source);
    EXPECT_EQ(DigestLayer().count, 102u);
    EXPECT_EQ(RepairsOfAPass(), 0u);
    EXPECT_EQ(follower().status().entries_reread, 0u) << "the load has noted what it read";
    Add("'a','x',3", R"({"third":"3"})");
    ExpectValue("a", "x", 2, "third", "3");
    EXPECT_EQ(Value("a", "x", 1, "b"), "3");
    Run(R"(UPDATE j SET payload = '{"first":"changed"}' WHERE id = 2)");
    ExpectValue("a", "x", 0, "first", "changed");
    Run("UPDATE j SET inner_key = 'moved' WHERE id = 1");
    ExpectValue("a", "moved", 0, "a", "\xc3\xa9\n");
    AgeJson();
    EXPECT_EQ(RepairsOfAPass(), 1u) << "the entry that the row moved from";
    // Silently: a text, the order alone, NULL for an empty record (no change), deletions.
    Run(R"(UPDATE j SET payload = '{"k":"w"}', updated_at = updated_at WHERE inner_key = 'i3')");
    Run("UPDATE j SET seq = 9, updated_at = updated_at WHERE id = 2");
    Run("UPDATE j SET payload = NULL, updated_at = updated_at WHERE id = 4");
    Run("DELETE FROM j WHERE inner_key IN ('i5', 'i6')");
    EXPECT_EQ(RepairsOfAPass(), 4u);
    ExpectEqual(source);
    const std::uint64_t reread = follower().status().entries_reread;
    EXPECT_EQ(RepairsOfAPass(), 0u);
    EXPECT_EQ(follower().status().entries_reread, reread);
    EXPECT_EQ(DigestLayer().count, cache().counts().entries);
    // 32 bytes of it: what the allocator may have left too small to be a block.
    EXPECT_LE(DigestLayer().total_bytes(), 40 * cache().counts().entries + 96);
    follower_.reset();
  }
}

// MySQL carries JSON through a sort, in a buffer that is of 256 KiB by default.
TEST_F(MySqlFollowJsonTest, AValueLargerThanTheSortsBufferIsFollowed) {
  MySqlOptions source = MakeJson("JSON", false);
  for (int i = 0; i < 100; ++i) Add(absl::StrCat("'many','i", i, "',1"), R"({"k":"v"})");
  Run("INSERT INTO j (outer_key, inner_key, seq, payload) VALUES ('big', 'x', 1, "
      "JSON_OBJECT('k', REPEAT('x', 10000000)))");
  AgeJson();
  Follow(source);
  EXPECT_EQ(RepairsOfAPass(), 0u);
  Run("UPDATE j SET payload = JSON_OBJECT('k', 'small') WHERE inner_key = 'i7'");
  ExpectValue("many", "i7", 0, "k", "small");
  Run("UPDATE j SET payload = JSON_OBJECT('k', REPEAT('y', 12000000)) WHERE inner_key = 'x'");
  ASSERT_TRUE(WaitUntil([&] { return Value("big", "x", 0, "k").size() == 12'000'000; }))
      << follower().status().last_error;
  EXPECT_TRUE(follower().status().last_error.ok()) << follower().status().last_error;
  ExpectEqual(source);
}

TEST_F(MySqlFollowJsonTest, ListsInAColumnOfJsonAreFollowed) {
  MySqlOptions source = MakeJson("JSON", true);
  source.mapping.outer_const = "fieldA";
  source.mapping.where = "outer_key = 'a'";
  Add("'a','x',2", R"([{"b":"2"}, {}, null])");
  Add("'a','x',1", R"([ {"a":"1"} ])");
  Add("'a','empty',1", "[]");
  Add("'b','x',1", R"([{"not":"chosen"}])");
  AgeJson();
  Follow(source);
  EXPECT_EQ(RepairsOfAPass(), 0u);
  EXPECT_EQ(Value("fieldA", "x", 1, "b"), "2");
  Add("'a','new',1", R"([{"n":"1"},{"n":"2"}])");
  ExpectValue("fieldA", "new", 1, "n", "2");
  Run(R"(UPDATE j SET payload = '[{"n":"3"}]' WHERE inner_key = 'new')");
  ExpectValue("fieldA", "new", 0, "n", "3");
  Run("UPDATE j SET outer_key = 'a' WHERE outer_key = 'b'");
  ExpectValue("fieldA", "x", 1, "not", "chosen");
  Run("UPDATE j SET outer_key = 'c' WHERE inner_key = 'empty'");
  ExpectNoEntry("fieldA", "empty");
  AgeJson();
  // Read in one order and stored in the other.
  Run("UPDATE j SET seq = 3 - seq, updated_at = updated_at WHERE outer_key = 'a' AND id < 3");
  Run("DELETE FROM j WHERE inner_key = 'new'");
  EXPECT_EQ(RepairsOfAPass(), 2u);
  ExpectEqual(source);
  EXPECT_EQ(RepairsOfAPass(), 0u);
}

TEST_F(MySqlFollowJsonTest, TextThatIsNoJsonLeavesItsEntryAsItWasAndAllOthersGoOn) {
  MySqlOptions source = MakeJson("LONGTEXT", false);
  Add("'a','x',1", R"({"k":"good"})");
  Add("'a','y',1", R"({"k":"good"})");
  Follow(source);
  Run(R"(UPDATE j SET payload = '{"k":' WHERE inner_key = 'x')");
  ASSERT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kWaiting; }));
  const std::string error(follower().status().last_error.message());
  EXPECT_THAT(error, HasSubstr("table \"j\", entry \"a\", \"x\": column \"payload\""));
  Run(R"(UPDATE j SET payload = '{"k":"better"}' WHERE inner_key = 'y')");
  ExpectValue("a", "y", 0, "k", "better");
  Add("'b','z',1", R"({"k":"new"})");
  ExpectValue("b", "z", 0, "k", "new");
  EXPECT_EQ(Value("a", "x", 0, "k"), "good");
  Run(R"(UPDATE j SET payload = '{"k":"mended"}' WHERE inner_key = 'x')");
  ExpectValue("a", "x", 0, "k", "mended");
  EXPECT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kFollowing; }));
  EXPECT_EQ(RepairsOfAPass(), 0u);
  ExpectEqual(source);
}

TEST_F(MySqlFollowJsonTest, TextThatIsNoJsonIsLeftOutOfTheFirstLoadWithAllOfItsEntry) {
  MySqlOptions source = MakeJson("LONGTEXT", false);
  Add("'a','whole',1", R"({"k":"good"})");
  Add("'a','bad first',1", R"({"k":)");
  Add("'a','bad first',2", R"({"k":"v"})");
  Add("'a','bad last',1", R"({"k":"v"})");
  Add("'a','scattered',1", R"({"k":"v"})");
  Add("'b','long',1", absl::StrCat(R"({"k":")", std::string(900'000, 'x'), "\"}"));
  Add("'b','long',2", absl::StrCat(R"({"k":")", std::string(900'000, 'y'), "\"}"));
  for (int i = 0; i < 150; ++i) Add(absl::StrCat("'many','i", i, "',1"), R"({"k":"v"})");
  Add("'b','long',3", "no JSON");
  Add("'a','scattered',2", "no JSON");
  Add("'a','bad last',2", "no JSON");
  Add("'a','bad last',3", R"({"k":"v"})");
  Add("'alone','x',1", "no JSON");
  Follow(source, QuickFollow(), FollowState::kWaiting);
  EXPECT_THAT(std::string(follower().status().last_error.message()),
              HasSubstr("column \"payload\": "));
  EXPECT_EQ(cache().counts().entries, 151u);
  EXPECT_EQ(follower().status().entries_refused, 5u);
  EXPECT_EQ(Value("a", "whole", 0, "k"), "good");
  for (const char* inner : {"bad first", "bad last", "scattered"}) ExpectNoEntry("a", inner);
  ExpectNoEntry("b", "long");
  EXPECT_FALSE(ReadGuard(cache()).HasOuter("alone"));
  EXPECT_EQ(DigestLayer().count, 151u);
  Add("'b','new',1", R"({"k":"new"})");
  ExpectValue("b", "new", 0, "k", "new");
  Run(R"(UPDATE j SET payload = '{"k":"mended"}' WHERE payload NOT LIKE '{%}')");
  EXPECT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kFollowing; }));
  EXPECT_EQ(RepairsOfAPass(), 0u);
  EXPECT_EQ(follower().status().entries_refused, 0u);
  ExpectEqual(source);
}

// It is read in pieces; what is compared is its text.
TEST_F(MySqlFollowJsonTest, AListOfMegabytesIsLoadedComparedAndReadAgain) {
  const MySqlOptions source = MakeJson("LONGTEXT", true);
  const auto list = [](int records, const std::string& value) {
    std::string text = "[";
    for (int i = 0; i < records; ++i) {
      absl::StrAppend(&text, i == 0 ? "" : ", ", R"({"k":")", i, R"(","v":")", value, R"("})");
    }
    return text + "]";
  };
  Add("'a','x',2", list(40'000, std::string(60, 'a')));
  Add("'a','x',1", list(10, std::string(300'000, 'b')));
  Add("'a','y',1", "[]");
  AgeJson();
  Follow(source);
  EXPECT_EQ(RepairsOfAPass(), 0u);
  EXPECT_EQ(follower().status().entries_reread, 0u);
  EXPECT_EQ(Value("a", "x", 40'009, "k"), "39999");
  Add("'a','x',3", list(20'000, "c"));
  ExpectValue("a", "x", 60'009, "v", "c");
  Run("UPDATE j SET payload = CONCAT(LEFT(payload, CHAR_LENGTH(payload) - 1), ',1]') WHERE seq = "
      "2");
  ASSERT_TRUE(WaitUntil([&] { return follower().status().entries_refused == 1; }));
  EXPECT_EQ(Value("a", "x", 60'009, "v"), "c") << "served as it was";
  Run("UPDATE j SET payload = '[]' WHERE seq = 2");
  ExpectValue("a", "x", 20'009, "v", "c");
  EXPECT_EQ(RepairsOfAPass(), 0u);
  ExpectEqual(source);
}

TEST_F(MySqlFollowJsonTest, AnEntryWithALongNameIsNotWaitedForOnceItIsMended) {
  MySqlOptions source = MakeJson("LONGTEXT", false);
  Run("ALTER TABLE j DROP KEY outer_key, MODIFY inner_key LONGTEXT");
  Add("'a',REPEAT('x', 9000),1", "no JSON");
  FollowOptions options = QuickFollow();
  options.slow_retry = std::chrono::hours(1);
  Follow(source, options, FollowState::kWaiting);
  Run("UPDATE j SET payload = '{}'");
  EXPECT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kFollowing; }));
}

TEST_F(MySqlFollowJsonTest, OfTheEntriesThatAFirstLoadRefusesThoseWithoutANameAreFoundByPasses) {
  MySqlOptions source = MakeJson("LONGTEXT", false);
  for (int i = 0; i < 150; ++i) Add(absl::StrCat("'many','i", i, "',1"), "no JSON");
  Follow(source, QuickFollow(), FollowState::kWaiting);
  EXPECT_EQ(cache().counts().entries, 0u);
  EXPECT_EQ(follower().status().entries_refused, 101u) << "more than 100";
  Run("UPDATE j SET payload = '{}', updated_at = '2020-01-01'");
  ASSERT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kFollowing; }));
  ExpectEqual(source);
}

TEST_F(MySqlFollowJsonTest, NoOtherEntryWaitsForOneThatIsRefused) {
  MySqlOptions source = MakeJson("LONGTEXT", false);
  Add("'a','x',1", R"({"k":"good"})");
  FollowOptions options = QuickFollow();
  options.slow_retry = std::chrono::hours(1);
  Follow(source, options);
  Run(R"(UPDATE j SET payload = '{"k":' WHERE inner_key = 'x')");
  ASSERT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kWaiting; }));
  const std::string position = follower().status().position;
  for (int i = 0; i < 20; ++i) {
    const std::string value = std::to_string(i);
    Run("REPLACE j (id, outer_key, inner_key, seq, payload) VALUES (9, 'b', 'y', 1, '{\"k\":\"" +
        value + "\"}')");
    ExpectValue("b", "y", 0, "k", value);
  }
  EXPECT_EQ(follower().status().state, FollowState::kWaiting);
  EXPECT_TRUE(WaitUntil([&] { return follower().status().position > position; }));
  EXPECT_TRUE(ReconcileOnce(&follower()));
  EXPECT_EQ(Value("a", "x", 0, "k"), "good");
  const double lag = follower().status().lag_seconds;
  EXPECT_TRUE(WaitUntil([&] { return follower().status().lag_seconds > lag; }));
  // A change of its own is met at once.
  Run(R"(UPDATE j SET payload = '{"k":"mended"}' WHERE inner_key = 'x')");
  ExpectValue("a", "x", 0, "k", "mended");
  EXPECT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kFollowing; }));
  ExpectEqual(source);
}

TEST_F(MySqlFollowJsonTest, RefusedEntriesAreTriedAgainHoweverManyTheyAre) {
  MySqlOptions source = MakeJson("LONGTEXT", false);
  Add("'a','x',1", R"({"k":"good"})");
  Follow(source);
  Run("INSERT INTO j (outer_key, inner_key, seq, payload) SELECT 'many', seq, 1, '[' FROM "
      "seq_1_to_350");
  ASSERT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kWaiting; }));
  Run("UPDATE j SET updated_at = updated_at - INTERVAL 1 HOUR WHERE outer_key = 'many'");
  const std::uint64_t passes = follower().status().passes;
  // Mended where polling does not look: those with names are tried again, the others by a pass.
  Run(R"(UPDATE j SET payload = '{"k":"mended"}', updated_at = updated_at WHERE )"
      "outer_key = 'many'");
  EXPECT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kFollowing; }));
  for (int i = 1; i <= 350; ++i) {
    EXPECT_EQ(Value("many", std::to_string(i), 0, "k"), "mended") << i;
  }
  EXPECT_GT(follower().status().passes, passes);
  ExpectEqual(source);
}

}  // namespace
}  // namespace strata
