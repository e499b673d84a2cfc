// What goes wrong in a year of following, one by one and in random order, while writers write:
// afterwards cache and table are the same, and during it readers are served.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "tests/loader/faulty_server.h"
#include "tests/loader/follow_kit.h"
#include "tests/loader/storm.h"

namespace strata {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

class MySqlFaultTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* folder = std::getenv("STRATA_TEST_MYSQL_DIR");
    ASSERT_NE(folder, nullptr) << "run this through tests/kit/private_mariadb.sh run -- PROGRAM";
    server_ = new FaultyServer(folder);
    ASSERT_TRUE(server_->ok());
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  void SetUp() override {
    proxy_ = std::make_unique<SilentProxy>(server_->socket() + "p", server_->socket());
    Run("DROP DATABASE IF EXISTS storm", "mysql");
    Run("CREATE DATABASE storm CHARACTER SET utf8mb4", "mysql");
    Run("CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(40), inner_key "
        "VARCHAR(40), seq INT, k VARCHAR(40), v LONGTEXT, updated_at TIMESTAMP(6) NOT NULL DEFAULT "
        "CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (outer_key, inner_key, seq), KEY "
        "(updated_at))");
    Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT CONCAT('o', seq % 12), "
        "CONCAT('i', seq % 25), seq % 5, CONCAT('k', seq % 4), seq FROM seq_1_to_2000");
    Run("INSERT INTO t (id, outer_key, inner_key, seq, k, v) VALUES (-1,'keep','x',0,'k','kept')");
    // A server that is killed may lose its last second; not this.
    Run("FLUSH ENGINE LOGS");
    Run("DROP USER IF EXISTS follower@localhost");
    Run("CREATE USER follower@localhost");
    Run("GRANT PROCESS ON *.* TO follower@localhost");
    Run("GRANT SELECT ON storm.* TO follower@localhost");
    MakeCache(0);
  }
  void TearDown() override {
    follower_.reset();
    proxy_.reset();
  }
  void MakeCache(std::uint64_t limit_bytes) {
    follower_.reset();
    Options options;
    options.memory_limit_bytes = limit_bytes;
    absl::StatusOr<Cache> cache = Cache::Create(options);
    ASSERT_TRUE(cache.ok());
    cache_ = std::make_unique<Cache>(*std::move(cache));
  }

  static MySqlOptions Direct(const std::string& database = "storm") {
    MySqlOptions options;
    options.socket = server_->socket();
    options.user = "root";
    options.database = database;
    options.mapping.table = "t";
    return options;
  }
  MySqlOptions Proxied() const {
    MySqlOptions options = Direct();
    options.socket = proxy_->socket();
    options.user = "follower";
    options.connect_timeout_s = 1;
    options.read_timeout_s = 2;
    return options;
  }
  static absl::Status TryRun(const std::string& statement, const std::string& database = "storm") {
    auto session = mysql::Session::Open(Direct(database));
    if (!session.ok()) return session.status();
    MakeSequences(session->get(), statement);
    return (*session)->Execute(statement, "breaking things");
  }
  static void Run(const std::string& statement, const std::string& database = "storm") {
    const absl::Status status = TryRun(statement, database);
    ASSERT_TRUE(status.ok()) << status << "\n" << statement;
  }
  static std::vector<std::string> FollowersConnections(mysql::Session* session) {
    std::vector<std::string> ids;
    (void)session->Query("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'follower'",
                         "looking", [&](const mysql::Row& row) {
                           ids.emplace_back(row[0]);
                           return absl::OkStatus();
                         });
    return ids;
  }
  static std::vector<std::string> FollowersConnections() {
    auto session = mysql::Session::Open(Direct());
    return session.ok() ? FollowersConnections(session->get()) : std::vector<std::string>();
  }
  // Ends the follower's connection as soon as there is one. Once: one killed again and again while
  // it is being made would never be.
  static void EndConnection(mysql::Session* session) {
    EXPECT_TRUE(WaitUntil([&] {
      const std::vector<std::string> ids = FollowersConnections(session);
      for (const std::string& id : ids) {
        (void)session->Execute("KILL CONNECTION " + id, "killing");
      }
      return !ids.empty();
    }));
  }

  void Follow() {
    FollowOptions options = QuickFollow();
    options.poll_interval = milliseconds(10);
    options.reconcile_interval = milliseconds(1500);
    auto follower = Follower::Start(Proxied(), *cache_, options);
    ASSERT_TRUE(follower.ok()) << follower.status();
    follower_ = *std::move(follower);
    ASSERT_TRUE(Reaches(FollowState::kFollowing)) << follower_->status().last_error;
  }
  bool Reaches(FollowState state, milliseconds limit = seconds(60)) {
    return WaitUntil([&] { return follower_->status().state == state; }, limit);
  }
  // Counts of the rounds that went well: there is a new one.
  bool GoesOn() {
    const std::string position = follower_->status().position;
    return WaitUntil([&] {
      const FollowStatus now = follower_->status();
      return now.state == FollowState::kFollowing && now.position > position;
    });
  }
  void ExpectServed() const {
    const ReadGuard guard(*cache_);
    const PairCursor pair = guard.Find("keep", "x", 0, "k");
    ASSERT_TRUE(pair.valid());
    EXPECT_EQ(pair.value(), "kept");
  }
  void ExpectEqual() {
    ASSERT_TRUE(GoesOn()) << follower_->status().last_error;
    ASSERT_TRUE(ReconcileOnce(follower_.get())) << follower_->status().last_error;
    auto source = OpenMySqlTable(Direct());
    ASSERT_TRUE(source.ok()) << source.status();
    const absl::StatusOr<Content> table = ReadAll(source->get());
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(Difference(ContentOf(*cache_), *table), "");
    EXPECT_TRUE(cache_->Validate().ok());
    ExpectServed();
  }
  static StormOptions LightStorm(std::uint64_t seed) {
    StormOptions options;
    options.writers = 3;
    options.max_hold_ms = 300;
    options.seed = seed;
    return options;
  }
  // The fault while writers write; then cache and table must come together.
  void Survives(const std::function<void()>& fault) {
    Follow();
    {
      Storm storm(Direct(), LightStorm(7));
      ASSERT_TRUE(GoesOn());
      fault();
      ExpectServed();
      EXPECT_TRUE(GoesOn()) << follower_->status().last_error;
    }
    ExpectEqual();
  }

  // The faults. Each ends what it began.

  void KillServer() {
    server_->Kill();
    EXPECT_TRUE(Reaches(FollowState::kRetrying));
    ExpectServed();
    ASSERT_TRUE(server_->Start());
  }
  void KillConnection() {
    auto session = mysql::Session::Open(Direct());
    ASSERT_TRUE(session.ok()) << session.status();
    const std::uint64_t before = follower_->status().reconnects;
    EndConnection(session->get());
    EXPECT_TRUE(WaitUntil([&] { return follower_->status().reconnects > before; }));
  }
  void KillQueries() {
    const std::string before(follower_->status().last_error.message());
    int tries = 0;
    // Sooner or later one is hit in the middle of a page.
    EXPECT_TRUE(WaitUntil([&] {
      for (const std::string& id : FollowersConnections()) (void)TryRun("KILL QUERY " + id);
      return ++tries >= 60;
    }));
  }
  void LimitStatementTime() {
    // Opened before, it has no limit of its own.
    auto session = mysql::Session::Open(Direct());
    ASSERT_TRUE(session.ok()) << session.status();
    const bool maria = IsMariaDb(**session);
    const std::string limit = maria ? "SET GLOBAL max_statement_time = "  // seconds
                                    : "SET GLOBAL max_execution_time = ";
    ASSERT_TRUE((*session)->Execute(limit + (maria ? "0.0001" : "1"), "limiting").ok());
    // The follower's next connection is born with the limit.
    EndConnection(session->get());
    EXPECT_TRUE(WaitUntil([&] {
      return absl::StrContains(follower_->status().last_error.message(), maria ? "1969" : "3024");
    })) << follower_->status().last_error;
    EXPECT_TRUE(Reaches(FollowState::kRetrying));
    ExpectServed();
    ASSERT_TRUE((*session)->Execute(limit + "0", "mending").ok());
  }
  void LockTable() {
    auto session = mysql::Session::Open(Direct());
    ASSERT_TRUE(session.ok());
    ASSERT_TRUE((*session)->Execute("LOCK TABLES t WRITE", "locking").ok());
    EXPECT_TRUE(WaitUntil([&] {
      return absl::StrContains(follower_->status().last_error.message(), "1205");
    })) << follower_->status().last_error;
    ExpectServed();
    ASSERT_TRUE((*session)->Execute("UNLOCK TABLES", "unlocking").ok());
  }
  // One of two transactions that lock the same rows in opposite orders; how many were rolled back.
  static int DeadlockOnce() {
    std::array<absl::Status, 2> ends;
    std::atomic<int> first_done{0};
    const auto write = [&](int writer) {
      auto session = mysql::Session::Open(Direct());
      const auto execute = [&](const std::string& statement) {
        return session.ok() ? (*session)->Execute(statement, "deadlocking") : session.status();
      };
      const auto update = [&](int row) {
        return execute(
            absl::StrCat("UPDATE t SET v = CONCAT(v, '", writer, "') WHERE id = ", -10 - row));
      };
      absl::Status status = execute("START TRANSACTION");
      if (status.ok()) status = update(writer);
      ++first_done;
      WaitUntil([&] { return first_done == 2; });
      if (status.ok()) status = update(1 - writer);
      if (status.ok()) status = execute("COMMIT");
      ends[static_cast<std::size_t>(writer)] = status;
    };
    std::thread other([&] { write(1); });
    write(0);
    other.join();
    return static_cast<int>(std::count_if(ends.begin(), ends.end(), [](const absl::Status& end) {
      return absl::StrContains(end.message(), "1213");
    }));
  }
  void DeadlockWriters() {
    EXPECT_TRUE(WaitUntil([&] {
      return TryRun(
                 "INSERT INTO t (id, outer_key, inner_key, seq, k, v) VALUES "
                 "(-10,'d','1',0,'k','0'),(-11,'d','2',0,'k','0') ON DUPLICATE KEY UPDATE "
                 "v = '0'")
          .ok();
    }));
    EXPECT_TRUE(WaitUntil([] { return DeadlockOnce() > 0; }));
  }
  void SilenceNetwork() {
    proxy_->SetSilent(true);
    EXPECT_TRUE(Reaches(FollowState::kRetrying));
    ExpectServed();
    proxy_->SetSilent(false);
  }
  void RenameAway() {
    EXPECT_TRUE(WaitUntil([&] { return TryRun("RENAME TABLE t TO away").ok(); }));
    EXPECT_TRUE(WaitUntil([&] {
      const FollowStatus now = follower_->status();
      return now.state == FollowState::kWaiting &&
             absl::StrContains(now.last_error.message(), "table \"t\"") &&
             absl::StrContains(now.last_error.message(), "1146");
    })) << follower_->status().last_error;
    ExpectServed();
    EXPECT_TRUE(WaitUntil([&] { return TryRun("RENAME TABLE away TO t").ok(); }));
  }
  void DropColumn() {
    EXPECT_TRUE(WaitUntil([&] { return TryRun("ALTER TABLE t RENAME COLUMN v TO w").ok(); }));
    EXPECT_TRUE(WaitUntil([&] {
      return absl::StrContains(follower_->status().last_error.message(), "has no column \"v\"");
    })) << follower_->status().last_error;
    ExpectServed();
    EXPECT_TRUE(WaitUntil([&] { return TryRun("ALTER TABLE t RENAME COLUMN w TO v").ok(); }));
  }

  static FaultyServer* server_;
  std::unique_ptr<SilentProxy> proxy_;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Follower> follower_;
};

FaultyServer* MySqlFaultTest::server_ = nullptr;

TEST_F(MySqlFaultTest, ServerKilledAndStartedAgain) {
  Survives([this] { KillServer(); });
}
TEST_F(MySqlFaultTest, ConnectionKilled) {
  Survives([this] { KillConnection(); });
}
TEST_F(MySqlFaultTest, QueriesKilledInTheMiddle) {
  Survives([this] { KillQueries(); });
}
TEST_F(MySqlFaultTest, StatementTimeLimitPassed) {
  Survives([this] { LimitStatementTime(); });
}
TEST_F(MySqlFaultTest, LockWaitTimeOut) {
  Survives([this] { LockTable(); });
}
TEST_F(MySqlFaultTest, Deadlock) {
  Survives([this] { DeadlockWriters(); });
}
TEST_F(MySqlFaultTest, SilentNetwork) {
  Survives([this] { SilenceNetwork(); });
}
TEST_F(MySqlFaultTest, TableRenamedAwayAndBack) {
  Survives([this] { RenameAway(); });
}
TEST_F(MySqlFaultTest, ColumnGoneAndBack) {
  Survives([this] { DropColumn(); });
}

TEST_F(MySqlFaultTest, ADroppedColumnIsAClearErrorAndTheLastGoodContentStays) {
  Follow();
  Run("ALTER TABLE t DROP COLUMN v");
  ASSERT_TRUE(Reaches(FollowState::kWaiting));
  ASSERT_TRUE(WaitUntil([&] {
    return absl::StrContains(follower_->status().last_error.message(), "has no column \"v\"");
  }));
  const Counts before = cache_->counts();
  // Through several tries.
  const double lag = follower_->status().lag_seconds;
  ASSERT_TRUE(WaitUntil([&] { return follower_->status().lag_seconds > lag + 1; }));
  EXPECT_EQ(follower_->status().state, FollowState::kWaiting);
  EXPECT_EQ(cache_->counts(), before);
  ExpectServed();
}

TEST_F(MySqlFaultTest, AtTheMemoryLimitStaleContentIsServedAndDeletionsMakeRoom) {
  MakeCache(6u << 20);
  Follow();
  Run("INSERT INTO t (id, outer_key, inner_key, seq, k, v) SELECT 800000 + seq, 'large', seq, 0, "
      "'k', CONCAT(seq, REPEAT(SHA2(seq, 256), 5000)) FROM seq_1_to_40");
  ASSERT_TRUE(Reaches(FollowState::kOutOfMemory)) << follower_->status().last_error;
  EXPECT_EQ(follower_->status().last_error.code(), absl::StatusCode::kResourceExhausted);
  ExpectServed();
  Storm storm(Direct(), LightStorm(3));
  // What has no room does not keep out what makes room.
  ASSERT_TRUE(WaitUntil([] { return TryRun("DELETE FROM t WHERE outer_key = 'large'").ok(); }));
  ASSERT_TRUE(Reaches(FollowState::kFollowing)) << follower_->status().last_error;
  storm.Stop();
  ExpectEqual();
}

TEST_F(MySqlFaultTest, InRandomOrderAllOfThem) {
  const unsigned seed = 20261126;
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::vector<std::function<void()>> faults = {
      [this] { KillServer(); },         [this] { KillConnection(); }, [this] { KillQueries(); },
      [this] { LimitStatementTime(); }, [this] { LockTable(); },      [this] { DeadlockWriters(); },
      [this] { SilenceNetwork(); },     [this] { RenameAway(); },     [this] { DropColumn(); },
  };
  std::mt19937 random(seed);
  std::shuffle(faults.begin(), faults.end(), random);
  Follow();
  Storm storm(Direct(), LightStorm(11));
  for (const auto& fault : faults) {
    fault();
    ExpectServed();
    // Some of them come before the last one is over.
    if (random() % 2 == 0) {
      EXPECT_TRUE(GoesOn()) << follower_->status().last_error;
    }
    if (HasFatalFailure()) return;
  }
  EXPECT_TRUE(GoesOn()) << follower_->status().last_error;
  storm.Stop();
  ExpectEqual();
}

}  // namespace
}  // namespace strata
