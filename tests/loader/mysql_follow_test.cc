// Following as a whole, against a real server: every kind of change, what is told, and the end.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "tests/kit/sanitizers.h"
#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using Clock = std::chrono::steady_clock;
using MySqlFollowTest = FollowTest;

TEST_F(MySqlFollowTest, InsertsUpdatesAndNewListsAreFollowed) {
  MakeTable();
  Add("('a','x',0,'k','first'),('a','x',1,'k','second'),('b','y',0,'k','other')");
  Follow();
  EXPECT_EQ(follower().status().rows_loaded, 3u);
  EXPECT_EQ(Value("a", "x", 1, "k"), "second");
  Add("('a','x',2,'k','third'),('c','z',5,'n','new')");
  ExpectValue("a", "x", 2, "k", "third");
  ExpectValue("c", "z", 0, "n", "new");
  Run("UPDATE t SET v = 'changed' WHERE v = 'first'");
  ExpectValue("a", "x", 0, "k", "changed");
  // The order alone.
  Run("UPDATE t SET seq = 9 WHERE v = 'changed'");
  ExpectValue("a", "x", 2, "k", "changed");
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowTest, ATombstoneDeletesAtOnceAndItsOuterWithTheLastEntry) {
  MakeTable();
  Run("ALTER TABLE t ADD gone TINYINT NULL");
  Add("('a','x',0,'k','v'),('a','x',1,'k','w'),('b','y',0,'k','v')");
  MySqlOptions source = OptionsFor("t");
  source.mapping.deleted = "gone";
  Follow(source);
  Run("UPDATE t SET gone = 1 WHERE v = 'w'");
  ExpectValue("a", "x", 1, "k", "(none)");
  EXPECT_EQ(Value("a", "x", 0, "k"), "v");
  Run("UPDATE t SET gone = 1 WHERE outer_key = 'b'");
  ExpectNoEntry("b", "y");
  EXPECT_FALSE(ReadGuard(cache()).HasOuter("b"));
  Run("UPDATE t SET gone = 0");
  ExpectValue("b", "y", 0, "k", "v");
  ExpectEqual(source);
}

TEST_F(MySqlFollowTest, WhatReconcilingAloneCanFindIsFoundByIt) {
  MakeTable();
  for (int i = 0; i < 40; ++i) {
    Add(absl::StrCat("('o", i % 7, "','i", i, "',0,'k','v", i, "'),('o", i % 7, "','i", i,
                     "',1,'k','w", i, "')"));
  }
  // Long ago: what is young is read again by polling, and silent changes with it.
  Run("UPDATE t SET updated_at = '2020-01-01'");
  Follow();
  // A hard delete, a row that moves away, one behind the cursor's back, an order behind its back.
  Run("DELETE FROM t WHERE inner_key = 'i3'");
  Run("DELETE FROM t WHERE inner_key = 'i4' AND seq = 0");
  Run("UPDATE t SET inner_key = 'moved' WHERE inner_key = 'i5' AND seq = 1");
  Run("UPDATE t SET v = 'silent', updated_at = updated_at WHERE inner_key = 'i6' AND seq = 0");
  Run("UPDATE t SET seq = 7, updated_at = updated_at WHERE inner_key = 'i8' AND seq = 0");
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v, updated_at) VALUES "
      "('o1','old',0,'k','v','2001-01-01')");
  Run("DELETE FROM t WHERE outer_key = 'o2'");
  ExpectValue("o5", "moved", 0, "k", "w5");
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  ExpectEqual(OptionsFor("t"));
  // i3, i4, i5, i6, i8, old, and the six of o2.
  EXPECT_EQ(follower().status().repairs, 12u);
  EXPECT_FALSE(ReadGuard(cache()).HasOuter("o2"));
  // Nothing is found twice, and nothing where nothing is.
  ASSERT_TRUE(ReconcileOnce(&follower()));
  EXPECT_EQ(follower().status().repairs, 12u);
}

TEST_F(MySqlFollowTest, KeysAreToldApartByTheirBytesWhateverTheCollation) {
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(40) CHARACTER SET "
      "latin1, inner_key VARCHAR(40) COLLATE utf8mb4_general_ci, seq INT, k VARCHAR(9), v TEXT, "
      "updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), "
      "KEY (outer_key, inner_key), KEY (updated_at)) CHARACTER SET utf8mb4");
  Add("('caf\xc3\xa9','abc',0,'k','1'),('caf\xc3\xa9','ABC',0,'k','2'),"
      "('cafe','abc ',0,'k','3'),('CAF\xc3\xa9','abc',0,'k','4')");
  Follow();
  EXPECT_EQ(follower().status().advice, "");
  Run("UPDATE t SET v = CONCAT(v, '!')");
  ExpectValue("caf\xc3\xa9", "abc", 0, "k", "1!");
  ExpectValue("caf\xc3\xa9", "ABC", 0, "k", "2!");
  ExpectValue("cafe", "abc ", 0, "k", "3!");
  ExpectValue("CAF\xc3\xa9", "abc", 0, "k", "4!");
  Run("DELETE FROM t WHERE v = '2!'");
  ASSERT_TRUE(ReconcileOnce(&follower()));
  ExpectEqual(OptionsFor("t"));
  EXPECT_EQ(follower().status().repairs, 1u);
}

TEST_F(MySqlFollowTest, KeysInACharacterSetWithTwoCodesForOneCharacterAreFollowed) {
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(40) CHARACTER SET "
      "cp932, inner_key VARCHAR(40), seq INT, k VARCHAR(9), v TEXT, updated_at TIMESTAMP(6) "
      "DEFAULT NOW(6) ON UPDATE NOW(6), KEY (outer_key, inner_key), KEY (updated_at)) CHARACTER "
      "SET utf8mb4");
  // Both are U+2160; the server makes the first one of that.
  for (const char* code : {"8754", "FA4A"}) {
    Run(absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES (_cp932 X'", code,
                     "','", code, "',0,'k','v')"));
  }
  Follow();
  const std::string outer = "\xe2\x85\xa0";
  for (const char* code : {"8754", "FA4A"}) {
    EXPECT_EQ(Value(outer, code, 0, "k"), "v");
    Run(absl::StrCat("UPDATE t SET v = 'changed' WHERE inner_key = '", code, "'"));
    ExpectValue(outer, code, 0, "k", "changed");
  }
  EXPECT_THAT(follower().status().advice, HasSubstr("convert it to utf8mb4"));
  ASSERT_TRUE(ReconcileOnce(&follower()));
  EXPECT_EQ(follower().status().repairs, 0u);
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowTest, KeysWithCodesThatAreNoCharactersAreFollowedByTheIndex) {
  // MySQL stores none in a column of ascii.
  const std::string set = IsMariaDb() ? "ascii" : "cp1251";
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(40) CHARACTER SET "
      "cp1251, inner_key VARCHAR(40) CHARACTER SET " +
      set +
      ", seq INT, k VARCHAR(9), v TEXT, updated_at TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6), "
      "KEY (outer_key, inner_key), KEY (updated_at)) CHARACTER SET utf8mb4");
  const auto add = [&](const std::string& outer, const std::string& inner, int seq) {
    Run(absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES (_cp1251 X'", outer,
                     "', _", set, " X'", inner, "', ", seq, ", 'k','v')"));
  };
  // "\\%_?" twice, by a code that is none and by '?' itself; others that a careless pattern meets.
  add("5C255F98", IsMariaDb() ? "80" : "98", 0);
  add("5C255F3F", "3F", 1);
  add("5C255F", "61", 0);
  add("98", "61", 0);
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v, updated_at) SELECT CONCAT('row ', seq), "
      "'x', 0, 'k', 'v', '2020-01-01' FROM seq_1_to_20000");
  Rows("ANALYZE TABLE t");  // else the server may take it for one of four rows, and scan it
  Follow();
  EXPECT_EQ(follower().status().advice, "");
  const std::uint64_t before = HandlerReads();
  for (int n = 0; n < 10; ++n) {
    const std::string value = absl::StrCat("changed ", n);
    Run(absl::StrCat("UPDATE t SET v = '", value, "' WHERE seq = 0 AND id IN (1, 3)"));
    ExpectValue("\\%_?", "?", 0, "k", value);
    ExpectValue("\\%_", "a", 0, "k", value);
  }
  // Ten scans would be 200,000.
  EXPECT_LT(HandlerReads() - before, 100'000u);
  // Of this nothing is sure but all of it.
  Run("UPDATE t SET v = 'changed' WHERE id = 4");
  ExpectValue("?", "a", 0, "k", "changed");
  EXPECT_EQ(Value("\\%_?", "?", 1, "k"), "v");
  ASSERT_TRUE(ReconcileOnce(&follower()));
  EXPECT_EQ(follower().status().repairs, 0u);
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowTest, PollsAndEntriesReadAgainAreRangesOfTheirIndexes) {
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(40) CHARACTER SET "
      "latin1, inner_key VARCHAR(40) COLLATE utf8mb4_general_ci, seq INT, k VARCHAR(9), v TEXT, "
      "updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), "
      "KEY (outer_key, inner_key), KEY (updated_at)) CHARACTER SET utf8mb4");
  Run("INSERT INTO t SELECT seq, CONCAT('\xc3\xa9', seq % 100), seq % 5000, seq DIV 5000, 'k', "
      "seq, "
      "'2020-01-01' FROM seq_1_to_20000");
  Follow();
  const std::uint64_t before = HandlerReads();
  for (int id = 100; id < 110; ++id) {
    Run(absl::StrCat("UPDATE t SET v = 'changed ", id, "' WHERE id = ", id));
    ExpectValue(absl::StrCat("\xc3\xa9", id % 100), absl::StrCat(id), 0, "k",
                absl::StrCat("changed ", id));
  }
  // Ten scans for anything would be 200,000; a slow machine polls more often meanwhile.
  EXPECT_LT(HandlerReads() - before, 100'000u);
}

// InnoDB counts a table anew in the background, at most every ten seconds: one that was just filled
// mostly has the statistics of its first rows.
TEST_F(MySqlFollowTest, EntriesAreReadByTheIndexWhileTheStatisticsAreOfASmallTable) {
  for (int round = 0; round < 4; ++round) {
    Run("DROP TABLE IF EXISTS t");
    Run("CREATE TABLE t (id INT PRIMARY KEY, outer_key VARCHAR(9), inner_key VARCHAR(9), seq INT, "
        "k VARCHAR(9), v VARCHAR(99), updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON "
        "UPDATE CURRENT_TIMESTAMP(6), KEY (updated_at), KEY (outer_key, inner_key))");
    Run("INSERT INTO t (id, outer_key, inner_key, seq, k, v) SELECT seq, 'o', seq % 10000, seq, "
        "'k', seq FROM seq_1_to_20000");
    cache().Clear();
    const std::uint64_t before = HandlerReads();
    Follow();  // its first round reads again what is that new
    Run("UPDATE t SET v = 'changed' WHERE id <= 1000");
    for (const int id : {1, 500, 1000}) ExpectValue("o", absl::StrCat(id), 0, "k", "changed");
    follower_.reset();
    // A scan for each 32 of 10,000 entries would be six million.
    EXPECT_LT(HandlerReads() - before, 500'000u) << round;
  }
}

TEST_F(MySqlFollowTest, CursorsOfOtherTypesAndNoneAreFollowed) {
  for (const char* cursor :
       {"DATETIME DEFAULT NOW() ON UPDATE NOW()", "DATETIME(3) DEFAULT NOW(3) ON UPDATE NOW(3)",
        "TIMESTAMP DEFAULT NOW() ON UPDATE NOW()", "BIGINT DEFAULT 0",
        "DATE DEFAULT '2026-01-01'"}) {
    SCOPED_TRACE(cursor);
    Run("DROP TABLE IF EXISTS t");
    Run(
        absl::StrCat("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(9), "
                     "inner_key VARCHAR(9), seq INT, k VARCHAR(9), v VARCHAR(9), stamp ",
                     cursor, ", KEY (outer_key, inner_key), KEY (stamp))"));
    cache().Clear();
    Add("('a','x',0,'k','v')");
    MySqlOptions source = OptionsFor("t");
    source.mapping.cursor = "stamp";
    Follow(source);
    const bool integer = std::string(cursor).starts_with("BIGINT");
    // Often within a second: the unit of some of them.
    for (int i = 1; i <= 20; ++i) {
      Run(absl::StrCat("UPDATE t SET v = ", i % 3, integer ? absl::StrCat(", stamp = ", i) : ""));
      ExpectValue("a", "x", 0, "k", absl::StrCat(i % 3));
    }
    follower_.reset();
  }
  Run("ALTER TABLE t DROP COLUMN stamp");
  FollowOptions options = QuickFollow();
  options.reconcile_interval = milliseconds(100);
  Follow(OptionsFor("t"), options);
  EXPECT_THAT(follower().status().advice, HasSubstr("no cursor column"));
  Run("UPDATE t SET v = 'new'");
  ExpectValue("a", "x", 0, "k", "new");
}

TEST_F(MySqlFollowTest, WithoutThePrivilegeAFixedLagServesAndTheAdviceNamesTheGrant) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  Run("DROP USER IF EXISTS plain@localhost");
  Run("CREATE USER plain@localhost");
  Run(absl::StrCat("GRANT SELECT ON ", mysql::QuoteName(database()), ".* TO plain@localhost"));
  MySqlOptions source = OptionsFor("t");
  source.user = "plain";
  FollowOptions options = QuickFollow();
  options.fallback_lag = std::chrono::seconds(30);
  Follow(source, options);
  EXPECT_THAT(follower().status().advice, HasSubstr("GRANT PROCESS"));
  std::unique_ptr<mysql::Session> slow = Connect();
  Must(slow.get(), "START TRANSACTION");
  Must(slow.get(), "INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('slow','x',0,'k','v')");
  Add("('fast','x',0,'k','v')");
  ExpectValue("fast", "x", 0, "k", "v");
  Must(slow.get(), "COMMIT");
  ExpectValue("slow", "x", 0, "k", "v");
  // What a lag has passed over is looked for where the right is given later.
  EXPECT_EQ(follower().status().passes, 0u);
  Run("GRANT PROCESS ON *.* TO plain@localhost");
  KillConnections();
  EXPECT_TRUE(WaitUntil([&] { return follower().status().passes > 0; }));
  EXPECT_THAT(follower().status().advice, Not(HasSubstr("GRANT PROCESS")));
}

// The thread is in a statement for longer than Stop waits, and nobody keeps the cache for it.
TEST_F(MySqlFollowTest, RowsThatComeAfterStopMeetNoCache) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  MySqlOptions source = OptionsFor("t");
  source.mapping.where = "(seq = 0 OR SLEEP(1) = 0)";
  Follow(source);
  Add("('a','x',1,'k','w')");
  ASSERT_TRUE(WaitUntil([&] { return Connections(" AND STATE = 'User sleep'").size() == 1; }));
  follower_.reset();
  cache_.reset();
  EXPECT_TRUE(WaitUntil([&] { return Connections().empty(); }));
}

TEST_F(MySqlFollowTest, TheConnectionIsRenewedAfterALargeRowAndNotAgainAtOnce) {
  MakeTable();
  Run("ALTER TABLE t MODIFY v LONGTEXT");
  Add("('o','i',0,'k','v')");
  Follow();
  for (const char* text : {"REPEAT('x', 3000000)", "REPEAT('y', 3000000)"}) {
    Run(absl::StrCat("UPDATE t SET v = ", text));
    ASSERT_TRUE(WaitUntil([&] {
      const std::string value = Value("o", "i", 0, "k");
      return value.size() == 3'000'000 && value[0] == text[8];
    }));
    ASSERT_TRUE(WaitUntil([&] { return follower().status().reconnects == 1; }));
  }
  Run("UPDATE t SET v = 'small'");
  ExpectValue("o", "i", 0, "k", "small");
  EXPECT_EQ(follower().status().reconnects, 1u);
  EXPECT_EQ(follower().status().state, FollowState::kFollowing);
  EXPECT_TRUE(follower().status().last_error.ok());
}

TEST_F(MySqlFollowTest, ACursorOfAnotherTypeIsFollowedFromItsOwnPosition) {
  MakeTable();
  Add("('o','i',0,'k','v'),('o','j',0,'k','v')");
  FollowOptions options = QuickFollow();
  options.reconcile_interval = std::chrono::milliseconds(200);  // a pass looks the table up again
  Follow(OptionsFor("t"), options);
  for (const char* type : {"BIGINT NOT NULL DEFAULT 0", "DATETIME(3)", "TIMESTAMP(6)"}) {
    SCOPED_TRACE(type);
    Run("ALTER TABLE t DROP COLUMN updated_at");
    Run(absl::StrCat("ALTER TABLE t ADD COLUMN updated_at ", type));
    Run(absl::StrCat("UPDATE t SET v = '", type, "' WHERE inner_key = 'i'"));
    ExpectValue("o", "i", 0, "k", type);
    const std::uint64_t passes = follower().status().passes;
    EXPECT_TRUE(WaitUntil([&] { return follower().status().passes > passes + 1; }));
  }
  EXPECT_EQ(follower().status().state, FollowState::kFollowing);
  Run("UPDATE t SET v = 'now', updated_at = NOW(6) WHERE inner_key = 'j'");
  ExpectValue("o", "j", 0, "k", "now");
  EXPECT_FALSE(follower().status().position.empty());
}

TEST_F(MySqlFollowTest, KeysOfHundredsOfKilobytesAreReadAgainAFewAtATimeAndLongerOnesAreHeld) {
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(9), inner_key "
      "LONGTEXT, seq INT, k VARCHAR(9), v TEXT, updated_at TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE "
      "NOW(6), KEY "
      "(updated_at))");
  Add("('o','i',0,'k','v')");
  Follow();
  // Twice over in hexadecimal these are more than any packet.
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'o', CONCAT(seq, REPEAT('x', "
      "1000000)), 0, 'k', seq FROM seq_10_to_39");
  for (int i = 10; i < 40; ++i) {
    ExpectValue("o", absl::StrCat(i, std::string(1'000'000, 'x')), 0, "k", std::to_string(i));
  }
  EXPECT_EQ(follower().status().state, FollowState::kFollowing);
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('o', REPEAT('y', 3000000), 0, 'k', "
      "'v')");
  ASSERT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kWaiting; }));
  EXPECT_THAT(std::string(follower().status().last_error.message()), HasSubstr("3000001 bytes"));
  Add("('o','after',0,'k','v')");
  ExpectValue("o", "after", 0, "k", "v");
}

TEST_F(MySqlFollowTest, RowsOfVersionsAheadOfTheClockAreAppliedAtOnce) {
  MakeTable();
  Add("('o','i',0,'k','v')");
  Follow();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v, updated_at) SELECT 'ahead', seq, 0, 'k', "
      "'v', NOW(6) + INTERVAL 10 MINUTE FROM seq_1_to_3500");
  EXPECT_TRUE(WaitUntil([&] { return cache().counts().entries == 3501; }, std::chrono::seconds(30)))
      << cache().counts().entries;
  Add("('o','now',0,'k','v')");
  ExpectValue("o", "now", 0, "k", "v");
}

TEST_F(MySqlFollowTest, ListenerAndStatusTellWhatHappens) {
  MakeTable();
  Add("('a','x',0,'k','v'),('b','y',0,'k','v')");
  std::mutex mutex;
  std::vector<std::string> told;
  std::atomic<int> statuses{0};
  FollowOptions options = QuickFollow();
  options.on_applied = [&](const AppliedChange& change) {
    const std::lock_guard<std::mutex> lock(mutex);
    told.push_back(absl::StrCat(std::string(change.outer), "/", std::string(change.inner),
                                change.deleted ? " deleted" : " put",
                                change.repair ? " by repair" : ""));
  };
  options.on_status = [&](const FollowStatus& status) {
    if (status.state == FollowState::kFollowing) ++statuses;
  };
  Follow(OptionsFor("t"), options);
  Run("UPDATE t SET v = 'w' WHERE outer_key = 'a'");
  ExpectValue("a", "x", 0, "k", "w");
  Run("DELETE FROM t WHERE outer_key = 'b'");
  ASSERT_TRUE(ReconcileOnce(&follower()));
  EXPECT_TRUE(WaitUntil([&] { return statuses > 5; }));
  const FollowStatus status = follower().status();
  EXPECT_EQ(status.state, FollowState::kFollowing);
  EXPECT_TRUE(status.last_error.ok());
  EXPECT_GE(status.lag_seconds, 0);
  EXPECT_LT(status.lag_seconds, 20);
  EXPECT_THAT(status.position, HasSubstr("20"));
  EXPECT_EQ(status.entries_changed, 2u);
  EXPECT_EQ(status.repairs, 1u);
  EXPECT_GE(status.rows_read, 1u);
  follower().Stop();
  EXPECT_EQ(follower().status().state, FollowState::kStopped);
  EXPECT_THAT(told, testing::ElementsAre("a/x put", "b/y deleted by repair"));
}

TEST_F(MySqlFollowTest, ReconcilingTakesItsShareOfTheServersTime) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT CONCAT('o', seq % 50), "
      "seq % 3000, seq, 'k', seq FROM seq_1_to_15000");
  FollowOptions options = QuickFollow();
  options.reconcile_share = 0.2;
  Follow(OptionsFor("t"), options);
  const Clock::time_point began = Clock::now();
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  const double took_s = std::chrono::duration<double>(Clock::now() - began).count();
  const double busy_s = follower().status().reconcile_busy_seconds;
  EXPECT_GT(busy_s, 0);
  // The last chunk's rest is not waited for: it is one of the cache's side, and small.
  EXPECT_GT(took_s, 0.8 * busy_s / 0.2);
}

TEST_F(MySqlFollowTest, APassIsDoneWithinItsIntervalThoughItsShareWouldNotSuffice) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT CONCAT('o', seq % 50), "
      "seq % 3000, seq, 'k', seq FROM seq_1_to_15000");
  FollowOptions options = QuickFollow();
  options.reconcile_share = 1e-5;
  options.reconcile_interval = milliseconds(400);
  Follow(OptionsFor("t"), options);
  const Clock::time_point began = Clock::now();
  ASSERT_TRUE(WaitUntil([&] { return follower().status().passes >= 3; }));
  const double took_s = std::chrono::duration<double>(Clock::now() - began).count();
  // Thousands of seconds, by the share alone.
  EXPECT_LT(took_s, follower().status().reconcile_busy_seconds / options.reconcile_share / 10);
}

TEST_F(MySqlFollowTest, APassWhoseIndexGoesMeanwhileBeginsAnewAndEnds) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'o', seq, 0, 'k', seq FROM "
      "seq_1_to_5000");
  FollowOptions options = QuickFollow();
  options.reconcile_share = 0.05;  // the next chunk comes after nineteen times the first one's time
  Follow(OptionsFor("t"), options);
  const std::uint64_t pass = follower().RequestReconcile();
  ASSERT_TRUE(WaitUntil([&] { return follower().status().reconcile_busy_seconds > 0; }));
  Run("ALTER TABLE t DROP INDEX outer_key");
  Run("DELETE FROM t WHERE seq = 0 AND inner_key = '77'");
  const std::uint64_t connections = follower().status().reconnects;
  KillConnections();
  ASSERT_TRUE(WaitUntil([&] { return follower().status().reconnects > connections; }));
  EXPECT_TRUE(WaitUntil([&] { return follower().status().passes >= pass; }, milliseconds(20'000)));
  ExpectNoEntry("o", "77");
}

TEST_F(MySqlFollowTest, TheSettingsOfASessionAreThoseOfTheNextOneToo) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, outer_key CHAR(5), inner_key CHAR(5), seq INT, k "
      "CHAR(5), v TIMESTAMP NULL, updated_at TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6), KEY "
      "(outer_key, inner_key), KEY (updated_at))");
  Run("INSERT INTO t (id, outer_key, inner_key, seq, k, v) VALUES "
      "(1,'o','i',1,'k','2021-10-31 00:30:00'), (2,'o','i',2,'k','2021-10-31 01:30:00')");
  Follow();
  Run("SET GLOBAL sql_mode = 'ANSI,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES'");
  Run("SET GLOBAL time_zone = '+05:30'");
  Run("SET GLOBAL sql_select_limit = 1");
  KillConnections();
  EXPECT_TRUE(WaitUntil([&] { return follower().status().reconnects == 1; }));
  Run("UPDATE t SET v = v + INTERVAL 1 MINUTE");
  ExpectValue("o", "i", 1, "k", "2021-10-31 01:31:00");
  EXPECT_EQ(Value("o", "i", 0, "k"), "2021-10-31 00:31:00");
  const std::uint64_t repairs = follower().status().repairs;
  EXPECT_TRUE(ReconcileOnce(&follower()));
  EXPECT_EQ(follower().status().repairs, repairs);
  EXPECT_EQ(cache().counts().entries, 1u);
  for (const char* name : {"sql_mode", "time_zone", "sql_select_limit"}) {
    Run(absl::StrCat("SET GLOBAL ", name, " = DEFAULT"));
  }
}

TEST_F(MySqlFollowTest, AnErrorForAPersonBeforeTheFirstLoadEndsTheFollower) {
  auto started = Follower::Start(OptionsFor("missing"), cache(), QuickFollow());
  ASSERT_TRUE(started.ok());
  ASSERT_TRUE(WaitUntil([&] { return (*started)->status().state == FollowState::kFailed; }));
  EXPECT_THAT(std::string((*started)->status().last_error.message()), HasSubstr("missing"));
}

TEST_F(MySqlFollowTest, OutersOfOthersAreLeftAloneWhereTheCacheIsShared) {
  MakeTable();
  Add("('mine','x',0,'k','v'),('mine too','x',0,'k','v')");
  ASSERT_TRUE(cache().Put("other", "x", Records({{{"k", "v"}}})).ok());
  FollowOptions options = QuickFollow();
  options.owns_cache = false;
  Follow(OptionsFor("t"), options);
  Run("DELETE FROM t WHERE outer_key = 'mine'");
  ASSERT_TRUE(ReconcileOnce(&follower()));
  ExpectNoEntry("mine", "x");
  EXPECT_EQ(Value("mine too", "x", 0, "k"), "v");
  EXPECT_EQ(Value("other", "x", 0, "k"), "v");
}

// Takes connections in and never says a word.
class SilentListener {
 public:
  SilentListener() {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd_, 4), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  SilentListener(const SilentListener&) = delete;
  SilentListener& operator=(const SilentListener&) = delete;
  ~SilentListener() {
    if (client_ >= 0) close(client_);
    close(fd_);
  }
  std::uint16_t port() const { return port_; }
  /// Whether somebody has connected, who now waits for the first word.
  bool WaitForClient() {
    client_ = IsReadable(fd_) ? accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC) : -1;
    return client_ >= 0;
  }
  /// Whether that one has given up and closed the connection.
  bool WaitForItsEnd() {
    char byte = 0;
    return IsReadable(client_) && recv(client_, &byte, 1, 0) <= 0;
  }

 private:
  static bool IsReadable(int fd) {
    pollfd one = {fd, POLLIN, 0};
    constexpr int kMostMs = 30'000;
    return poll(&one, 1, kMostMs) == 1;
  }
  int client_ = -1;
  int fd_;
  std::uint16_t port_ = 0;
};

TEST_F(MySqlFollowTest, StopReturnsWithinASecondWhereverTheThreadIs) {
  SilentListener listener;
  MySqlOptions source = OptionsFor("t");
  source.socket.clear();
  source.host = "127.0.0.1";
  source.port = listener.port();
  // What a Stop that waits for the connection takes.
  source.connect_timeout_s = 6;
  source.read_timeout_s = 6;
  // 0.7 s are waited on purpose; the rest is the machine's.
  const milliseconds soon = kit::kUnderSanitizer ? milliseconds(3000) : milliseconds(1000);
  std::atomic<bool> stopped{false};
  std::atomic<int> late{0};
  FollowOptions options = QuickFollow();
  options.on_status = [&](const FollowStatus&) {
    if (stopped) ++late;
  };
  auto hanging = Follower::Start(source, cache(), options);
  ASSERT_TRUE(hanging.ok());
  ASSERT_TRUE(listener.WaitForClient());  // which is in the hand-shake now
  Clock::time_point began = Clock::now();
  (*hanging)->Stop();
  stopped = true;
  EXPECT_LT(Clock::now() - began, soon);
  EXPECT_EQ((*hanging)->status().state, FollowState::kStopped);
  hanging->reset();
  cache_.reset();  // the thread that still hangs may not touch it

  absl::StatusOr<Cache> fresh = Cache::Create();
  cache_ = std::make_unique<Cache>(*std::move(fresh));
  MakeTable();
  std::stop_source stop;
  options = QuickFollow();
  options.stop = stop.get_token();
  Follow(OptionsFor("t"), options);
  stop.request_stop();
  EXPECT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kStopped; }, soon));
  began = Clock::now();
  follower_.reset();
  EXPECT_LT(Clock::now() - began, soon);
  // The thread of the first one ends by its time-out; till then it told nobody.
  EXPECT_TRUE(listener.WaitForItsEnd());
  EXPECT_EQ(late, 0);
}

}  // namespace
}  // namespace strata
