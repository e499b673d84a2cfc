// Open transactions: what they have written is not passed over when they commit, and they hold
// nothing else back; also where the server's list of them is stale.
#include <atomic>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

class MySqlFollowOpenTest : public FollowTest {
 protected:
  // A transaction left open would keep the database from being dropped.
  void TearDown() override {
    writer_.reset();
    locker_.reset();
    FollowTest::TearDown();
  }
  /// Begins an INSERT of ('late','x',0,'k','0') into t that waits for a lock of table `other`: it
  /// makes its version, and has not been seen by InnoDB till the wait ends. Returns when the server
  /// shows that, and `and_so` of its PROCESSLIST.
  void BeginLateInsert(std::string_view and_so) {
    const std::uint64_t id_before = std::stoull(Rows("SELECT CONNECTION_ID()")[0][0]);
    locker_ = Connect();
    Must(locker_.get(), "LOCK TABLES other WRITE");
    writer_ = Connect();
    Must(writer_.get(), "SET autocommit = 0");
    insert_ = std::thread([this] {
      Must(writer_.get(),
           "INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'late','x',0,'k',COUNT(*) "
           "FROM other");
    });
    ASSERT_TRUE(WaitUntil([&] {
      return Rows(absl::StrCat("SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE LIKE "
                               "'%lock%' AND ID > ",
                               id_before, std::string(and_so)))
                 .size() == 1;
    }));
  }
  /// Lets it go on and end; its transaction is open then.
  void EndLateInsert() {
    Must(locker_.get(), "UNLOCK TABLES");
    insert_.join();
  }

  std::unique_ptr<mysql::Session> locker_;
  std::unique_ptr<mysql::Session> writer_;
  std::thread insert_;
};

TEST_F(MySqlFollowOpenTest,
       ACommittedChangeIsThereWhileAnotherTransactionStaysOpenAndThatOneLater) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  Follow();
  std::unique_ptr<mysql::Session> slow = Connect();
  Must(slow.get(), "START TRANSACTION");
  Must(slow.get(), "INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('slow','x',0,'k','v')");
  for (int i = 0; i < 10; ++i) {
    Add(absl::StrCat("('fast','x',", i, ",'k','", i, "')"));
    ExpectValue("fast", "x", static_cast<std::size_t>(i), "k", absl::StrCat(i));
  }
  ExpectNoEntry("slow", "x");
  // Rows that came after the one to be committed do not make it be passed over.
  Must(slow.get(), "COMMIT");
  ExpectValue("slow", "x", 0, "k", "v");
}

// In rounds, not by the clock: the one that goes on may miss it, the next one has it.
TEST_F(MySqlFollowOpenTest, ACommittedChangeIsThereWithTheSecondRoundThoughAnotherIsOpen) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  std::atomic<int> rounds{0};
  std::atomic<int> wanted{-1};  // a record's index
  std::atomic<int> found{0};
  FollowOptions options = QuickFollow();
  options.on_status = [&](const FollowStatus&) {
    const int round = ++rounds;
    const int index = wanted;
    if (index < 0 || Value("fast", "x", static_cast<std::size_t>(index), "k") != "v") return;
    found = round;
    wanted = -1;
  };
  Follow(OptionsFor("t"), options);
  std::unique_ptr<mysql::Session> slow = Connect();
  Must(slow.get(), "START TRANSACTION");
  Must(slow.get(), "INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('slow','x',0,'k','v')");
  for (int i = 0; i < 20; ++i) {
    wanted = i;
    Add(absl::StrCat("('fast','x',", i, ",'k','v')"));
    const int committed = rounds;
    ASSERT_TRUE(WaitUntil([&] { return wanted < 0; })) << i;
    EXPECT_LE(found, committed + 2) << i;
  }
  follower_.reset();
}

TEST_F(MySqlFollowOpenTest, AStatementThatWaitedForATablesLockIsNotPassedOver) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  Run("CREATE TABLE other LIKE t");
  Follow();
  ASSERT_NO_FATAL_FAILURE(BeginLateInsert(""));
  // The follower goes on for some seconds, the writer's row is older than all of them.
  const Clock::time_point end = Clock::now() + milliseconds(2500);
  int added = 0;
  while (Clock::now() < end) {
    Add(absl::StrCat("('busy','x',", added, ",'k','v')"));
    ExpectValue("busy", "x", static_cast<std::size_t>(added), "k", "v");
    ++added;
  }
  EndLateInsert();
  // Now in a transaction that InnoDB takes for a new one.
  const std::uint64_t rounds = follower().status().rows_read;
  ASSERT_TRUE(WaitUntil([&] {
    Add(absl::StrCat("('busy','x',", added++, ",'k','v')"));
    return follower().status().rows_read > rounds + 50;
  }));
  Must(writer_.get(), "COMMIT");
  ExpectValue("late", "x", 0, "k", "0");
}

TEST_F(MySqlFollowOpenTest, OneThatWaitedForATablesLockBeforeTheFollowerBeganIsNotPassedOver) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  Run("CREATE TABLE other LIKE t");
  // Its version is then older than trx_started by more than the first sample's grace.
  ASSERT_NO_FATAL_FAILURE(BeginLateInsert(" AND TIME > 3"));
  EndLateInsert();
  Follow();
  const std::uint64_t passes = follower().status().passes;
  for (int i = 0; i < 5; ++i) {
    Add(absl::StrCat("('busy','x',", i, ",'k','v')"));
    ExpectValue("busy", "x", static_cast<std::size_t>(i), "k", "v");
  }
  ExpectNoEntry("late", "x");
  EXPECT_EQ(follower().status().passes, passes) << "nothing has ended";
  Must(writer_.get(), "COMMIT");
  ExpectValue("late", "x", 0, "k", "0");
}

// Reads InnoDB's list of transactions all the time, so that the server never renews it.
class RestlessMonitor {
 public:
  explicit RestlessMonitor(std::unique_ptr<mysql::Session> session)
      : session_(std::move(session)), thread_([this] { Read(); }) {}
  RestlessMonitor(const RestlessMonitor&) = delete;
  RestlessMonitor& operator=(const RestlessMonitor&) = delete;
  ~RestlessMonitor() { End(); }
  void End() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int reads() const { return reads_; }

 private:
  void Read() {
    const mysql::SessionThread thread;
    while (!stop_) {
      (void)session_->Query("SELECT trx_id FROM information_schema.INNODB_TRX", "testing",
                            [](const mysql::Row&) { return absl::OkStatus(); });
      ++reads_;
      std::this_thread::sleep_for(milliseconds(1));  // the processor is the others' too
    }
  }
  std::unique_ptr<mysql::Session> session_;
  std::atomic<bool> stop_{false};
  std::atomic<int> reads_{0};
  std::thread thread_;
};

TEST_F(MySqlFollowOpenTest, AMonitorThatKeepsTheListOfTransactionsStaleLosesNothing) {
  for (const bool from_the_start : {false, true}) {
    SCOPED_TRACE(from_the_start ? "from the start" : "later");
    Run("DROP TABLE IF EXISTS t");
    MakeTable();
    Add("('a','x',0,'k','v')");
    cache().Clear();
    std::optional<RestlessMonitor> monitor;
    if (from_the_start) monitor.emplace(Connect());
    Follow();
    if (!monitor) monitor.emplace(Connect());
    ASSERT_TRUE(WaitUntil([&] { return monitor->reads() > 20; }));
    // Not in the list, which is older than it.
    std::unique_ptr<mysql::Session> slow = Connect();
    Must(slow.get(), "START TRANSACTION");
    Must(slow.get(),
         "INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('slow','x',0,'k','v')");
    const Clock::time_point end = Clock::now() + milliseconds(2500);
    for (int added = 0; Clock::now() < end; ++added) {
      Add(absl::StrCat("('busy','x',", added, ",'k','v')"));
      ExpectValue("busy", "x", static_cast<std::size_t>(added), "k", "v");
    }
    Must(slow.get(), "COMMIT");
    ExpectValue("slow", "x", 0, "k", "v");
    EXPECT_EQ(follower().status().passes, 0u);
    // And it is said what keeps the position.
    EXPECT_TRUE(WaitUntil([&] { return !follower().status().advice.empty(); }));
    EXPECT_THAT(follower().status().advice, HasSubstr("INNODB_TRX"));
    const std::string held = follower().status().position;
    monitor.reset();
    EXPECT_TRUE(WaitUntil([&] { return follower().status().position > held; }));
    EXPECT_TRUE(WaitUntil([&] { return follower().status().advice.empty(); }));
    // Where a lag had to serve at the beginning, a pass makes up for what was open for longer.
    if (from_the_start) {
      EXPECT_TRUE(WaitUntil([&] { return follower().status().passes == 1; }));
    }
    ExpectEqual(OptionsFor("t"));
    follower_.reset();
  }
}

TEST_F(MySqlFollowOpenTest, AMonitorHoldsThePositionForNoLongerThanTenTimesTheLag) {
  MakeTable();
  Add("('a','x',0,'k','v')");
  FollowOptions options = QuickFollow();
  options.fallback_lag = milliseconds(100);
  Follow(OptionsFor("t"), options);
  RestlessMonitor monitor(Connect());
  std::unique_ptr<mysql::Session> slow = Connect();
  Must(slow.get(), "START TRANSACTION");
  Must(slow.get(), "INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('slow','x',0,'k','v')");
  ASSERT_TRUE(WaitUntil([&] { return !follower().status().advice.empty(); }));
  EXPECT_THAT(follower().status().advice, HasSubstr("INNODB_TRX"));
  // It goes on past the transaction that is open, for otherwise it would be there for ever.
  ASSERT_TRUE(WaitUntil(
      [&] { return absl::StrContains(follower().status().advice, "lags by a fixed time"); }));
  const std::string held = follower().status().position;
  EXPECT_TRUE(WaitUntil([&] { return follower().status().position > held; }));
  Add("('busy','x',0,'k','v')");
  ExpectValue("busy", "x", 0, "k", "v");
  const std::string now = Rows("SELECT NOW(6)")[0][0];
  ASSERT_TRUE(WaitUntil([&] { return follower().status().position > now; }));
  Must(slow.get(), "COMMIT");
  EXPECT_EQ(follower().status().passes, 0u);
  monitor.End();
  // A pass makes up for it, and nobody had to ask.
  ExpectValue("slow", "x", 0, "k", "v");
  EXPECT_TRUE(WaitUntil([&] { return follower().status().passes == 1; }));
  EXPECT_TRUE(WaitUntil([&] { return follower().status().advice.empty(); }));
  ExpectEqual(OptionsFor("t"));
}

}  // namespace
}  // namespace strata
