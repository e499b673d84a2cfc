// The dialect's statements said to a server: each is understood and means what it is to mean. No
// statement here is one server's alone, so that these can be run against any:
//
//     STRATA_TEST_MYSQL_SOCKET=… STRATA_TEST_MYSQL_USER=root mysql_follow_test
//     --gtest_filter=MySqlDialect*
#include "loader/mysql_dialect.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "loader/mysql_bound.h"
#include "loader/mysql_follow_plan.h"
#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

class MySqlDialectTest : public FollowTest {
 protected:
  std::string Variable(const std::string& name) { return Rows("SELECT @@SESSION." + name)[0][0]; }
};

TEST_F(MySqlDialectTest, TheServerIsToldByItsVersionAndTheSettingsHold) {
  const std::string version = Rows(mysql::kVersionStatement)[0][0];
  EXPECT_EQ(IsMariaDb(), version.find("MariaDB") != std::string::npos) << version;
  EXPECT_TRUE(session().dialect().CheckFollowing().ok()) << version;
  EXPECT_EQ(Variable("character_set_client"), "utf8mb4");
  EXPECT_EQ(Variable("character_set_results"), "utf8mb4");
  EXPECT_EQ(Variable("time_zone"), "+00:00");
  EXPECT_EQ(Variable("sql_mode"), "");
  EXPECT_EQ(Variable("sql_select_limit"), "18446744073709551615");
  EXPECT_EQ(Variable("net_write_timeout"), "3600");
  EXPECT_EQ(Variable("wait_timeout"), "86400");
  EXPECT_EQ(Variable("max_sort_length"), "16384");
  EXPECT_GE(std::stoull(Variable("sort_buffer_size")), 4'194'304u);
  EXPECT_EQ(Variable("group_concat_max_len"), "1073741824");
  if (IsMariaDb()) {
    EXPECT_EQ(Variable("idle_transaction_timeout"), "0");
    EXPECT_EQ(Variable("idle_readonly_transaction_timeout"), "0");
  } else {
    EXPECT_EQ(Variable("information_schema_stats_expiry"), "0");
  }
}

TEST_F(MySqlDialectTest, AStatementsLimitEndsItAndALowerOneOfTheServersStays) {
  const std::unique_ptr<mysql::Session> limited = Connect();
  Must(limited.get(), limited->dialect().StatementLimit(1));
  // A statement that would take many seconds, in small steps.
  const absl::Status status = limited->Query(
      "SELECT COUNT(*) FROM information_schema.COLUMNS a, information_schema.COLUMNS b, "
      "information_schema.COLUMNS c WHERE CONCAT(a.COLUMN_NAME, b.COLUMN_NAME) = c.COLUMN_NAME",
      "testing", [](const mysql::Row&) { return absl::OkStatus(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  const std::string name = IsMariaDb() ? "max_statement_time" : "max_execution_time";
  Must(&session(), session().dialect().StatementLimit(30));
  const std::string lower = Variable(name);
  Must(&session(), session().dialect().StatementLimit(60));
  EXPECT_EQ(Variable(name), lower);
}

TEST_F(MySqlDialectTest, TheHashIsSha256InHexadecimalDigits) {
  EXPECT_EQ(Rows("SELECT LOWER(" + mysql::HashExpression("CONCAT('a', X'6263')") + ")")[0][0],
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Rows("SELECT " + mysql::HashExpression("NULL"))[0][0], kNullCell);
}

TEST_F(MySqlDialectTest, OpenWorkIsOthersStatementsAndTransactionsThatHaveWritten) {
  MakeTable();
  const std::unique_ptr<mysql::Session> writer = Connect();
  const std::unique_ptr<mysql::Session> reader = Connect();
  const auto id = [](mysql::Session* of) {
    std::string text;
    (void)of->Query("SELECT CONNECTION_ID()", "testing", [&](const mysql::Row& row) {
      text.assign(row[0]);
      return absl::OkStatus();
    });
    return text;
  };
  const std::string writers = id(writer.get());
  const std::string readers = id(reader.get());
  Must(writer.get(), "START TRANSACTION");
  Must(writer.get(), "INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('a','x',0,'k','v')");
  Must(reader.get(), "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
  const auto of = [](const mysql::OpenWork& work, const std::string& connection) {
    return std::count_if(work.transactions.begin(), work.transactions.end(),
                         [&](const auto& one) { return one.connection == connection; });
  };
  mysql::OpenWork work;
  // A list that somebody else has just read is not renewed, and says so.
  ASSERT_TRUE(WaitUntil([&] {
    const auto read = mysql::ReadOpenWork(&session());
    EXPECT_TRUE(read.ok()) << read.status();
    if (!read.ok()) return true;
    work = *read;
    if (!work.fresh) std::this_thread::sleep_for(std::chrono::milliseconds(120));
    return work.fresh;
  }));
  EXPECT_EQ(of(work, writers), 1);
  EXPECT_EQ(of(work, readers), 0);
  for (const auto& transaction : work.transactions) {
    if (transaction.connection != writers) continue;
    EXPECT_LT(std::abs(transaction.age_s), 30);
  }
  const auto now_us = mysql::ReadServerTime(&session());
  ASSERT_TRUE(now_us.ok());
  EXPECT_GT(*now_us, work.now_us);
  EXPECT_LT(*now_us - work.now_us, 10'000'000);
  // At once again: the list is the old one, which was not made for this sample.
  const auto again = mysql::ReadOpenWork(&session());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->fresh && again->now_us - work.now_us < 50'000);
  // No transaction is left open: what is committed now is seen.
  Must(writer.get(), "COMMIT");
  EXPECT_EQ(Rows("SELECT COUNT(*) FROM t")[0][0], "1");
}

TEST_F(MySqlDialectTest, AnEventsStatementIsSeenRunning) {
  Run("SET GLOBAL event_scheduler = ON");
  Run("CREATE EVENT e ON SCHEDULE AT CURRENT_TIMESTAMP DO SELECT SLEEP(30)");
  EXPECT_TRUE(WaitUntil([&] {
    const auto work = mysql::ReadOpenWork(&session());
    EXPECT_TRUE(work.ok()) << work.status();
    return !work.ok() || std::any_of(work->statements.begin(), work->statements.end(),
                                     [](const auto& one) { return one.running_s >= 1; });
  }));
  for (const auto& row : Rows("SHOW PROCESSLIST")) {
    if (row[7] == "SELECT SLEEP(30)") Run("KILL " + row[0]);
  }
  Run("SET GLOBAL event_scheduler = OFF");
}

TEST_F(MySqlDialectTest, AnIndexThatIsKeptAndNotUsedIsAdvisedToBeMade) {
  MakeTable();
  const auto advice = [&] {
    const auto plan = mysql::ReadFollowPlan(&session(), OptionsFor("t"));
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan.ok() ? plan->advice : std::string();
  };
  EXPECT_EQ(advice(), "");
  Run(absl::StrCat("ALTER TABLE t ALTER INDEX updated_at ", IsMariaDb() ? "IGNORED" : "INVISIBLE"));
  EXPECT_THAT(advice(), HasSubstr("each poll scans the table: CREATE INDEX"));
}

TEST_F(MySqlDialectTest, EveryStatementOfFollowingAndReconcilingIsUnderstood) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('a','x',0,'k','v'),"
      "('a','x',1,'k','w'),('b','y',0,'k','v'),('b','z',0,'k','v')");
  Run("UPDATE t SET updated_at = '2020-01-01'");
  Follow();
  Run("DELETE FROM t WHERE outer_key = 'a' AND seq = 1");
  Run("UPDATE t SET v = 'changed' WHERE inner_key = 'y'");
  ExpectValue("b", "y", 0, "k", "changed");
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  ExpectEqual(OptionsFor("t"));
  EXPECT_EQ(follower().status().repairs, 1u);
  EXPECT_TRUE(follower().status().last_error.ok()) << follower().status().last_error;
}

}  // namespace
}  // namespace strata
