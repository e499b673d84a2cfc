// Which server it is, and the exact statements of each. No server; mysql_dialect_server_test.cc
// says them to one.
#include "loader/mysql_dialect.h"

#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::mysql {
namespace {

using ::testing::HasSubstr;

TEST(Dialect, MariaDbTellsItselfAndAllElseIsMySql) {
  struct Case {
    const char* version;
    Dialect::Server server;
    unsigned major;
    unsigned minor;
    unsigned patch;
  };
  for (const Case& expected : {
           Case{"10.11.6-MariaDB-0+deb12u1", Dialect::Server::kMariaDb, 10, 11, 6},
           Case{"11.4.2-MariaDB-log", Dialect::Server::kMariaDb, 11, 4, 2},
           Case{"5.5.5-10.6.18-MariaDB", Dialect::Server::kMariaDb, 10, 6, 18},
           Case{"5.5.68-MariaDB", Dialect::Server::kMariaDb, 5, 5, 68},
           Case{"10.6.12-mariadb-custom", Dialect::Server::kMariaDb, 10, 6, 12},
           Case{"8.0.36", Dialect::Server::kMySql, 8, 0, 36},
           Case{"8.0.36-28.1", Dialect::Server::kMySql, 8, 0, 36},
           Case{"8.0.mysql_aurora.3.04.0", Dialect::Server::kMySql, 8, 0, 0},
           Case{"8.4.0-commercial", Dialect::Server::kMySql, 8, 4, 0},
           Case{"9.7.0", Dialect::Server::kMySql, 9, 7, 0},
           Case{"5.7.44-log", Dialect::Server::kMySql, 5, 7, 44},
           Case{"", Dialect::Server::kMySql, 0, 0, 0},
       }) {
    const Dialect dialect = Dialect::Of(expected.version);
    EXPECT_EQ(dialect.server(), expected.server) << expected.version;
    const auto [version, server, major, minor, patch] = expected;
    EXPECT_TRUE(dialect.AtLeast(major, minor, patch)) << version;
    EXPECT_FALSE(dialect.AtLeast(major, minor, patch + 1)) << version;
    EXPECT_FALSE(dialect.AtLeast(major, minor + 1)) << version;
    EXPECT_FALSE(dialect.AtLeast(major + 1, 0)) << version;
  }
}

TEST(Dialect, ServersWithoutWindowFunctionsAreNotFollowed) {
  for (const char* enough :
       {"10.2.0-MariaDB", "10.11.6-MariaDB", "11.0.0-MariaDB", "8.0.11", "9.7.0", "26.10.0"}) {
    EXPECT_TRUE(Dialect::Of(enough).CheckFollowing().ok()) << enough;
  }
  for (const char* old : {"10.1.48-MariaDB", "5.5.68-MariaDB", "5.7.44", "5.6.51", "nonsense"}) {
    const absl::Status status = Dialect::Of(old).CheckFollowing();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << old;
    EXPECT_THAT(std::string(status.message()), HasSubstr(old));
    EXPECT_THAT(std::string(status.message()), HasSubstr("MySQL 8.0"));
  }
}

TEST(Dialect, SessionsDifferInStatisticsAndInWhatEndsIdleTransactions) {
  const std::vector<std::string> alike = {
      "SET NAMES utf8mb4",
      "SET SESSION time_zone = '+00:00'",
      "SET SESSION sql_mode = ''",
      "SET SESSION sql_select_limit = 18446744073709551615",
      "SET SESSION net_write_timeout = 3600",
      "SET SESSION wait_timeout = 86400",
      "SET SESSION max_sort_length = 16384",
      "SET SESSION sort_buffer_size = CAST(GREATEST(@@sort_buffer_size, 4194304) AS UNSIGNED)",
      "SET SESSION group_concat_max_len = 1073741824",
      "SET SESSION completion_type = 'NO_CHAIN'",
      "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
  };
  const auto switches = [](const std::string& pushdown, std::vector<std::string>* settings) {
    for (const auto& [name, value] :
         {std::pair(pushdown, "off"), std::pair(std::string("derived_merge"), "on")}) {
      settings->push_back(
          absl::StrCat("SET SESSION optimizer_switch = IF(@@optimizer_switch LIKE '%", name,
                       "=%', '", name, "=", value, "', @@optimizer_switch)"));
    }
  };
  std::vector<std::string> maria = alike;
  switches("condition_pushdown_for_derived", &maria);
  EXPECT_EQ(Dialect::Of("10.2.44-MariaDB").SessionSettings(), maria);
  std::vector<std::string> oracle = alike;
  switches("derived_condition_pushdown", &oracle);
  EXPECT_EQ(Dialect::Of("5.7.44").SessionSettings(), oracle);
  oracle[7] =
      "SET SESSION sort_buffer_size = CAST(GREATEST(@@sort_buffer_size, 4194304, "
      "LEAST(@@max_allowed_packet, 268435456)) AS UNSIGNED)";
  maria = alike;
  maria.emplace_back("SET SESSION idle_transaction_timeout = 0");
  maria.emplace_back("SET SESSION idle_readonly_transaction_timeout = 0");
  maria.emplace_back("SET SESSION system_versioning_asof = DEFAULT");
  switches("condition_pushdown_for_derived", &maria);
  EXPECT_EQ(Dialect::Of("10.11.6-MariaDB").SessionSettings(), maria);
  EXPECT_EQ(Dialect::Of("11.4.2-MariaDB").SessionSettings(), maria);
  oracle.emplace_back("SET SESSION information_schema_stats_expiry = 0");
  EXPECT_EQ(Dialect::Of("8.0.29").SessionSettings(), oracle);
  oracle.emplace_back("SET SESSION show_gipk_in_create_table_and_information_schema = ON");
  EXPECT_EQ(Dialect::Of("8.0.30").SessionSettings(), oracle);
  EXPECT_EQ(Dialect::Of("8.4.0").SessionSettings(), oracle);
  EXPECT_EQ(Dialect::Of("9.7.0").SessionSettings(), oracle);
}

TEST(Dialect, WhatDecidesWhatIsReadIsReadBackAsItWasSet) {
  std::string set;
  for (const char* version : {"10.11.6-MariaDB", "8.4.0"}) {
    for (const std::string& one : Dialect::Of(version).SessionSettings()) set += one + "\n";
    for (const std::string& one : Dialect::Of(version).FollowingSettings(60)) set += one + "\n";
  }
  const auto is_set = [&set](const Setting& setting, const std::string& value) {
    return set.find(std::string(setting.name) + " = " + value + "\n") != std::string::npos;
  };
  for (const Setting& setting : CheckedSessionSettings()) {
    const std::string value(setting.value);
    if (setting.name.starts_with("character_set_")) {
      EXPECT_THAT(set, HasSubstr("SET NAMES " + value));
    } else if (setting.of_every_server) {
      EXPECT_TRUE(is_set(setting, value) || is_set(setting, "'" + value + "'")) << setting.name;
    } else {
      EXPECT_THAT(set, HasSubstr("ISOLATION LEVEL REPEATABLE READ"));
      EXPECT_EQ(value, "REPEATABLE-READ");
    }
  }
  EXPECT_EQ(SettingsStatement(CheckedFollowingSettings()),
            "SHOW SESSION VARIABLES WHERE Variable_name IN ('autocommit', 'tx_read_only', "
            "'transaction_read_only')");
}

TEST(Dialect, AFollowersSessionsOnlyReadAndWaitForNoLockLongerThanTheyMust) {
  const Dialect maria = Dialect::Of("10.11.6-MariaDB");
  EXPECT_EQ(
      maria.FollowingSettings(60),
      (std::vector<std::string>{"SET SESSION autocommit = 1", "SET SESSION TRANSACTION READ ONLY",
                                "SET SESSION lock_wait_timeout = 1", maria.StatementLimit(120)}));
  EXPECT_EQ(Dialect::Of("8.4.0").FollowingSettings(60)[2], "SET SESSION lock_wait_timeout = 1");
}

TEST(Dialect, AStatementsLimitIsInSecondsOnMariaDbAndInMillisecondsOnMySql) {
  EXPECT_EQ(Dialect::Of("10.11.6-MariaDB").StatementLimit(120),
            "SET SESSION max_statement_time = IF(@@max_statement_time = 0 OR "
            "@@max_statement_time > 120, 120, @@max_statement_time)");
  EXPECT_EQ(Dialect::Of("8.4.0").StatementLimit(120),
            "SET SESSION max_execution_time = CAST(IF(@@max_execution_time = 0 OR "
            "@@max_execution_time > 120000, 120000, @@max_execution_time) AS UNSIGNED)");
}

TEST(Dialect, AnIndexIsUnusedWhereMariaDbIgnoresItOrMySqlDoesNotSeeIt) {
  const Dialect maria = Dialect::Of("10.11.6-MariaDB");
  EXPECT_TRUE(maria.IndexIsUnused("YES"));
  EXPECT_FALSE(maria.IndexIsUnused("NO"));
  EXPECT_FALSE(maria.IndexIsUnused(""));
  const Dialect oracle = Dialect::Of("8.4.0");
  EXPECT_TRUE(oracle.IndexIsUnused("NO"));
  EXPECT_FALSE(oracle.IndexIsUnused("YES"));
  EXPECT_FALSE(oracle.IndexIsUnused(""));
}

TEST(Dialect, WhatIsNotSaidAlikeIsSaidInNoOtherWay) {
  EXPECT_EQ(HashExpression("CONCAT(a, b)"), "SHA2(CONCAT(a, b), 256)");
  EXPECT_STREQ(kVersionStatement, "SELECT VERSION()");
  EXPECT_STREQ(kCipherStatement, "SHOW SESSION STATUS LIKE 'Ssl_cipher'");
  EXPECT_STREQ(kClockStatement, "SELECT UTC_TIMESTAMP(6), CONNECTION_ID()");
  EXPECT_STREQ(kConnectionsStatement, "SHOW PROCESSLIST");
  EXPECT_STREQ(kSnapshotTransaction, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
  EXPECT_EQ(TransactionsStatement("mark"),
            "SELECT 'mark', IF(trx_mysql_thread_id = CONNECTION_ID(), 'own', 'other'), "
            "trx_mysql_thread_id, trx_id, TIMESTAMPDIFF(SECOND, trx_started, "
            "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), "
            "IF(trx_mysql_thread_id = CONNECTION_ID(), trx_query, NULL) "
            "FROM information_schema.INNODB_TRX "
            "WHERE trx_rows_modified > 0 OR trx_mysql_thread_id = CONNECTION_ID() "
            "UNION ALL SELECT '', 'end', NULL, NULL, NULL, NULL");
}

TEST(Dialect, EventsRunAsConnectAndAreWaitedForAndTheServersOwnThreadsAreNot) {
  EXPECT_TRUE(RunsAStatement("app", "Query"));
  EXPECT_TRUE(RunsAStatement("app", "Execute"));
  EXPECT_TRUE(RunsAStatement("definer", "Connect"));
  EXPECT_FALSE(RunsAStatement("app", "Sleep"));
  EXPECT_FALSE(RunsAStatement("system user", "Connect"));
  EXPECT_FALSE(RunsAStatement("system user", "Query"));
  EXPECT_FALSE(RunsAStatement("event_scheduler", "Daemon"));
  EXPECT_FALSE(RunsAStatement("unauthenticated user", "Connect"));
  EXPECT_FALSE(RunsAStatement("replica", "Binlog Dump"));
  EXPECT_FALSE(RunsAStatement("replica", "Binlog Dump GTID"));
}

TEST(Classify, TheSameMisfortuneIsOneClassWhicheverServerTellsIt) {
  // MariaDB's number, then MySQL's.
  for (const auto& [maria, oracle, code] :
       {std::tuple(1969, 3024, absl::StatusCode::kAborted),
        std::tuple(1927, 3169, absl::StatusCode::kUnavailable),
        std::tuple(4151, 3118, absl::StatusCode::kPermissionDenied),
        std::tuple(1317, 1317, absl::StatusCode::kAborted),
        std::tuple(2013, 4031, absl::StatusCode::kUnavailable)}) {
    EXPECT_EQ(Classify(maria).code, code) << maria;
    EXPECT_EQ(Classify(oracle).code, code) << oracle;
    EXPECT_STREQ(Classify(maria).advice, Classify(oracle).advice) << maria;
  }
  EXPECT_THAT(Classify(2061).advice, HasSubstr("caching_sha2_password"));
  EXPECT_THAT(Classify(3159).advice, HasSubstr("ssl_mode=REQUIRED"));
  EXPECT_EQ(Classify(99999).code, absl::StatusCode::kUnknown);
  EXPECT_EQ(Classify(2026, false).code, absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Classify(2026, true).code, absl::StatusCode::kUnavailable) << "lost under TLS";
}

}  // namespace
}  // namespace strata::mysql
