// The source as a whole: connecting, failing, one snapshot, and into a cache. Against a real
// server.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include <strata/load.h>

#include "tests/loader/mysql_test_server.h"

namespace strata {
namespace {

using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

class MySqlSourceTest : public MySqlServerTest {
 protected:
  static constexpr std::size_t kRows = 100'000;

  void MakeManyPairs() {
    Run("CREATE TABLE pairs (id BIGINT PRIMARY KEY, outer_key VARCHAR(20), inner_key VARCHAR(20), "
        "seq INT, k VARCHAR(20), v VARCHAR(100))");
    Run(
        absl::StrCat("INSERT INTO pairs SELECT seq, seq % 10, seq % 1000, seq DIV 1000, "
                     "'k', REPEAT('v', seq % 50) FROM seq_1_to_",
                     kRows));
  }
  static std::size_t RecordCount(const Content& content) {
    std::size_t records = 0;
    for (const auto& [outer, entries] : content) {
      for (const auto& [inner, list] : entries) records += list.size();
    }
    return records;
  }
  std::unique_ptr<Source> MustOpen(const MySqlOptions& options) {
    absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(options);
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }
  // The server's number of the connection that reads the test's table.
  std::string ReaderConnection() {
    const auto rows = Rows(absl::StrCat(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND DB = ",
        mysql::QuoteText(database())));
    EXPECT_EQ(rows.size(), 1u);
    return rows.empty() ? "0" : rows[0][0];
  }
};

TEST_F(MySqlSourceTest, LoadsIntoACacheAndTellsProgressWhileFetching) {
  MakeManyPairs();
  std::unique_ptr<Source> source = MustOpen(OptionsFor("pairs"));
  ASSERT_NE(source, nullptr);
  EXPECT_GT(source->progress().rows_total, kRows / 2);
  absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  std::uint64_t calls_while_fetching = 0;
  LoadOptions options;
  options.on_progress = [&](const LoadProgress& progress) {
    if (progress.source.rows_read < kRows) ++calls_while_fetching;
  };
  const absl::StatusOr<LoadProgress> loaded = strata::Load(*source, *cache, options);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->source.rows_read, kRows);
  EXPECT_EQ(loaded->entries_applied, 1000u);
  EXPECT_EQ(cache->counts().entries, 1000u);
  EXPECT_EQ(cache->counts().records, kRows);
  EXPECT_EQ(cache->counts().outers, 10u);
  EXPECT_GT(calls_while_fetching, 5u) << "a page each";
}

TEST_F(MySqlSourceTest, StopsInTheMiddleOfFetchingWhenAsked) {
  MakeManyPairs();
  std::unique_ptr<Source> source = MustOpen(OptionsFor("pairs"));
  ASSERT_NE(source, nullptr);
  int pages = 0;
  source->SetPulse([&pages] { return ++pages < 3; });
  const absl::StatusOr<Content> content = ReadAll(source.get());
  EXPECT_EQ(content.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(pages, 3);
  EXPECT_LT(source->progress().rows_read, kRows);
}

TEST_F(MySqlSourceTest, AllPagesAreOfOneSnapshot) {
  MakeManyPairs();
  const absl::StatusOr<Content> before = Load(OptionsFor("pairs"));
  ASSERT_TRUE(before.ok());
  std::unique_ptr<Source> source = MustOpen(OptionsFor("pairs"));
  ASSERT_NE(source, nullptr);
  bool changed = false;
  source->SetPulse([&] {
    if (!changed) {
      Run("DELETE FROM pairs WHERE id % 3 = 0");
      Run("UPDATE pairs SET outer_key = 'moved', id = id + 1000000 WHERE id % 3 = 1");
    }
    changed = true;
    return true;
  });
  const absl::StatusOr<Content> during = ReadAll(source.get());
  ASSERT_TRUE(during.ok()) << during.status();
  EXPECT_TRUE(changed);
  EXPECT_TRUE(*during == *before);
}

TEST_F(MySqlSourceTest, AKilledConnectionIsAnErrorAndNeverAShortTable) {
  MakeManyPairs();
  std::unique_ptr<Source> source = MustOpen(OptionsFor("pairs"));
  ASSERT_NE(source, nullptr);
  bool killed = false;
  source->SetPulse([&] {
    if (!killed) Run(absl::StrCat("KILL CONNECTION ", ReaderConnection()));
    killed = true;
    return true;
  });
  const absl::StatusOr<Content> content = ReadAll(source.get());
  EXPECT_EQ(content.status().code(), absl::StatusCode::kUnavailable) << content.status();
  EXPECT_THAT(Message(content.status()), HasSubstr("table \"pairs\" after id "));
  Batch batch;
  EXPECT_FALSE(source->Read(&batch).ok()) << "after an error the source is done";
  EXPECT_TRUE(batch.empty());
}

TEST_F(MySqlSourceTest, KilledQueriesAreErrorsOrGoneOnFromAndNeverAShortTable) {
  MakeManyPairs();
  std::atomic<bool> stop{false};
  std::atomic<int> kills{0};
  std::thread killer([&] {
    absl::StatusOr<std::unique_ptr<mysql::Session>> other =
        mysql::Session::Open(OptionsFor("pairs"));
    ASSERT_TRUE(other.ok()) << other.status();
    // Kills every statement that reads the table, again and again.
    while (!stop) {
      std::vector<std::string> found;
      const absl::Status listed = (*other)->Query(
          "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT `id`%'", "listing",
          [&found](const mysql::Row& row) {
            found.emplace_back(row[0]);
            return absl::OkStatus();
          });
      ASSERT_TRUE(listed.ok()) << listed;
      for (const std::string& id : found) {
        if ((*other)->Execute("KILL QUERY " + id, "killing").ok()) ++kills;
      }
    }
  });
  // A page that was killed in its middle is gone on from; one that was killed at its beginning is
  // an error.
  int failed = 0;
  constexpr int kKills = 50;
  for (int attempt = 0; attempt < 300 && kills < kKills; ++attempt) {
    const absl::StatusOr<Content> content = Load(OptionsFor("pairs"));
    if (content.ok()) {
      EXPECT_EQ(RecordCount(*content), kRows);
    } else {
      ++failed;
      EXPECT_EQ(content.status().code(), absl::StatusCode::kAborted) << content.status();
      EXPECT_THAT(Message(content.status()),
                  testing::AnyOf(HasSubstr("1317"), HasSubstr("ended a statement early")));
    }
  }
  stop = true;
  killer.join();
  EXPECT_GE(kills, kKills) << failed << " loads failed";
}

TEST_F(MySqlSourceTest, AStatementTimeOutIsAnErrorOrGoneOnFromAndNeverAShortTable) {
  MakeManyPairs();
  std::unique_ptr<Source> source = MustOpen(OptionsFor("pairs"));
  ASSERT_NE(source, nullptr);
  // The shortest limits that either server has; MySQL's may be met by nothing here.
  const std::string limit = IsMariaDb() ? "max_statement_time" : "max_execution_time";
  Run(absl::StrCat("SET GLOBAL ", limit, " = ", IsMariaDb() ? "0.0005" : "1"));
  // Sessions take the limit when they begin: this one has none, the next one has.
  EXPECT_TRUE(ReadAll(source.get()).ok());
  const absl::StatusOr<Content> content = Load(OptionsFor("pairs"));
  Run(absl::StrCat("SET GLOBAL ", limit, " = 0"));
  if (content.ok()) {
    EXPECT_EQ(RecordCount(*content), kRows);
  } else {
    EXPECT_EQ(content.status().code(), absl::StatusCode::kAborted) << content.status();
    EXPECT_THAT(Message(content.status()), testing::AnyOf(HasSubstr("1969"), HasSubstr("3024"),
                                                          HasSubstr("ended a statement early")));
  }
}

TEST_F(MySqlSourceTest, AServersRowLimitDoesNotShortenTheTable) {
  MakeManyPairs();
  Run("SET GLOBAL sql_select_limit = 5");
  const absl::StatusOr<Content> content = Load(OptionsFor("pairs"));
  Run("SET GLOBAL sql_select_limit = DEFAULT");
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(RecordCount(*content), kRows);
}

TEST_F(MySqlSourceTest, TheServersModesDoNotChangeWhatIsRead) {
  Run("CREATE TABLE pairs (id INT PRIMARY KEY, outer_key CHAR(5), inner_key CHAR(5), seq INT, "
      "k CHAR(5), v TIMESTAMP NULL)");
  Run("INSERT INTO pairs VALUES (1,'o','i',1,'k','2021-10-31 00:30:00'), "
      "(2,'o','i',2,'k','2021-10-31 01:30:00')");
  Run("SET GLOBAL sql_mode = 'ANSI,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES'");
  Run("SET GLOBAL time_zone = '+05:30'");
  const absl::StatusOr<Content> content = Load(OptionsFor("pairs"));
  Run("SET GLOBAL sql_mode = DEFAULT");
  Run("SET GLOBAL time_zone = DEFAULT");
  ASSERT_TRUE(content.ok()) << content.status();
  const Content expected = {
      {"o", {{"i", {{{"k", "2021-10-31 00:30:00"}}, {{"k", "2021-10-31 01:30:00"}}}}}}};
  EXPECT_EQ(*content, expected);
}

TEST_F(MySqlSourceTest, APlainLoadNamesTheIndexesThatFollowingWouldWant) {
  Run("CREATE TABLE pairs (id INT PRIMARY KEY, outer_key CHAR(5), inner_key CHAR(5), seq INT, k "
      "CHAR(5), v CHAR(5), updated_at TIMESTAMP(6) NULL)");
  const auto advice = [this] {
    const absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(OptionsFor("pairs"));
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? (*source)->progress().advice : "";
  };
  EXPECT_THAT(advice(), HasSubstr("CREATE INDEX `outer_key_inner_key_idx` ON `pairs` (`outer_key`, "
                                  "`inner_key`)"));
  EXPECT_THAT(advice(), HasSubstr("CREATE INDEX `updated_at_idx` ON `pairs` (`updated_at`)"));
  // They are made as it says, and nothing is left to say.
  Run("CREATE INDEX `outer_key_inner_key_idx` ON `pairs` (`outer_key`, `inner_key`)");
  Run("CREATE INDEX `updated_at_idx` ON `pairs` (`updated_at`)");
  EXPECT_EQ(advice(), "");
}

TEST_F(MySqlSourceTest, NoServerIsSaidWithWhereItWasLookedFor) {
  MySqlOptions options = OptionsFor("pairs");
  options.socket = "/nonexistent/mysqld.sock";
  const absl::Status socket = OpenMySqlTable(options).status();
  EXPECT_EQ(socket.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(socket), HasSubstr("/nonexistent/mysqld.sock"));
  options.socket.clear();
  options.host = "127.0.0.1";
  options.port = 1;
  const absl::Status tcp = OpenMySqlTable(options).status();
  EXPECT_EQ(tcp.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(tcp), HasSubstr("127.0.0.1:1"));
  options.host = "::1";
  const absl::Status ipv6 = OpenMySqlTable(options).status();
  EXPECT_EQ(ipv6.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(ipv6), HasSubstr("[::1]:1"));
  EXPECT_THAT(Message(ipv6), Not(HasSubstr("Unknown server host")));
}

TEST_F(MySqlSourceTest, AServerThatNeverSpeaksTimesOut) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_GE(listener, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  MySqlOptions options = OptionsFor("pairs");
  options.socket.clear();
  options.host = "127.0.0.1";
  options.port = ntohs(address.sin_port);
  options.connect_timeout_s = 1;
  const auto begin = std::chrono::steady_clock::now();
  const absl::Status status = OpenMySqlTable(options).status();
  const auto took = std::chrono::steady_clock::now() - begin;
  close(listener);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_LT(took, std::chrono::seconds(20));
}

TEST_F(MySqlSourceTest, AWrongPasswordIsRefusedWithoutShowingIt) {
  Run("DROP USER IF EXISTS 'guarded'@'localhost'");
  Run("CREATE USER 'guarded'@'localhost' IDENTIFIED BY 'right-one'");
  MySqlOptions options = OptionsFor("pairs");
  options.user = "guarded";
  options.password = "wr0ng-s3cret";
  const absl::Status status = OpenMySqlTable(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(Message(status), HasSubstr("guarded"));
  EXPECT_THAT(Message(status), HasSubstr("--defaults-file"));
  EXPECT_THAT(Message(status), Not(HasSubstr("s3cret")));
  options.password = "right-one";
  const absl::Status no_rights = OpenMySqlTable(options).status();
  EXPECT_EQ(no_rights.code(), absl::StatusCode::kPermissionDenied) << no_rights;
  EXPECT_THAT(Message(no_rights), Not(HasSubstr("right-one")));
  Run("DROP USER 'guarded'@'localhost'");
}

TEST_F(MySqlSourceTest, WithoutTlsOnTheServerRequiredRefusesAndPreferredDoesNot) {
  Run("CREATE TABLE pairs (id INT PRIMARY KEY, outer_key CHAR(1), inner_key CHAR(1), seq INT, "
      "k CHAR(1), v CHAR(1))");
  MySqlOptions options = OptionsFor("pairs");
  for (const MySqlSslMode mode : {MySqlSslMode::kDisabled, MySqlSslMode::kPreferred}) {
    options.ssl_mode = mode;
    EXPECT_TRUE(OpenMySqlTable(options).ok());
  }
  options.ssl_mode = MySqlSslMode::kRequired;
  const absl::Status required = OpenMySqlTable(options).status();
  EXPECT_EQ(required.code(), absl::StatusCode::kFailedPrecondition) << required;
  EXPECT_THAT(Message(required), HasSubstr("not encrypted"));
  for (const MySqlSslMode mode : {MySqlSslMode::kVerifyCa, MySqlSslMode::kVerifyIdentity}) {
    options.ssl_mode = mode;
    options.ssl_ca.clear();
    EXPECT_THAT(Message(OpenMySqlTable(options).status()), HasSubstr("ssl_ca=FILE"));
    options.ssl_ca = "/etc/ssl/certs/ca-certificates.crt";
    EXPECT_THAT(
        OpenMySqlTable(options).status().code(),
        AnyOf(Eq(absl::StatusCode::kFailedPrecondition), Eq(absl::StatusCode::kUnavailable)));
  }
}

TEST_F(MySqlSourceTest, NoTemporarySpaceIsSaid) {
  MakeManyPairs();
  MySqlOptions options = OptionsFor("pairs");
  options.sort_memory_bytes = 100'000;
  options.temporary_directory = "/nonexistent";
  const absl::Status status = Load(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(Message(status), HasSubstr("TMPDIR"));
}

}  // namespace
}  // namespace strata
