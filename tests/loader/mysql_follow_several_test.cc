// Following several sources of one server into one cache. Against a real server.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "tests/kit/sanitizers.h"
#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using std::chrono::milliseconds;
using Duration = std::chrono::steady_clock::duration;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class MySqlFollowSeveralTest : public FollowTest {
 protected:
  // A table like FollowTest's `t`, and its mapping.
  MySqlMapping Make(const std::string& table) {
    if (Rows("SHOW TABLES LIKE 't'").empty()) MakeTable();
    if (table != "t") Run(absl::StrCat("CREATE TABLE ", table, " LIKE t"));
    MySqlMapping mapping;
    mapping.table = table;
    return mapping;
  }
  void Add(const std::string& table, const std::string& values) {
    Run(absl::StrCat("INSERT INTO ", table, " (outer_key, inner_key, seq, k, v) VALUES ", values));
  }
  void Age(const std::string& table) {
    Run(absl::StrCat("UPDATE ", table, " SET updated_at = '2020-01-01'"));
  }
  absl::Status TryFollow(const std::vector<MySqlMapping>& mappings,
                         const FollowOptions& options = QuickFollow()) {
    mappings_ = mappings;
    follower_.reset();
    auto follower = Follower::Start(OptionsFor(""), mappings, cache(), options);
    if (!follower.ok()) return follower.status();
    follower_ = *std::move(follower);
    EXPECT_TRUE(WaitUntil([this] {
      const FollowState state = follower_->status().state;
      return state == FollowState::kFollowing || state == FollowState::kFailed;
    })) << follower_->status().last_error;
    return follower_->status().state == FollowState::kFailed ? follower_->status().last_error
                                                             : absl::OkStatus();
  }
  void FollowAll(const std::vector<MySqlMapping>& mappings,
                 const FollowOptions& options = QuickFollow()) {
    const absl::Status status = TryFollow(mappings, options);
    ASSERT_TRUE(status.ok()) << status;
  }
  // The tables `t` and `s`, an entry x of one outer each.
  void FollowTwo(const std::string& outer_t, const std::string& outer_s,
                 const FollowOptions& options = QuickFollow()) {
    const MySqlMapping t = Make("t");
    const MySqlMapping s = Make("s");
    Add("t", absl::StrCat("('", outer_t, "','x',0,'k','1')"));
    Add("s", absl::StrCat("('", outer_s, "','x',0,'k','2')"));
    FollowAll({t, s}, options);
  }
  // That a fresh load of all of them, and what others have put, is what the cache holds.
  void ExpectAllEqual(Content others = {}) {
    auto source = OpenMySqlTables(OptionsFor(""), mappings_);
    ASSERT_TRUE(source.ok()) << source.status();
    absl::StatusOr<Content> content = ReadAll(source->get());
    ASSERT_TRUE(content.ok()) << content.status();
    content->merge(others);
    EXPECT_EQ(Difference(ContentOf(cache()), *content), "");
    EXPECT_TRUE(cache().Validate().ok());
  }
  // Changes the table's rows, all of the entry (outer, "x"), so many times, and waits for each.
  void ExpectChangesFollowed(const std::string& table, const std::string& outer, int times) {
    for (int i = 0; i < times; ++i) {
      Run(absl::StrCat("UPDATE ", table, " SET v = 'v", i, "'"));
      ExpectValue(outer, "x", 0, "k", absl::StrCat("v", i));
    }
  }
  FollowSourceStatus Told(std::size_t source) { return follower().status().sources.at(source); }

  std::vector<MySqlMapping> mappings_;
};

TEST_F(MySqlFollowSeveralTest, FormsOfEveryKindAreFollowedTogetherIntoOneCache) {
  const MySqlMapping pairs = Make("t");
  MySqlMapping records = Make("r");
  records.columns = {"v", "k"};
  records.where = "k <> 'hidden'";
  Run("CREATE TABLE j (id INT PRIMARY KEY, inner_key VARCHAR(9), payload JSON, changed "
      "TIMESTAMP(6) "
      "DEFAULT NOW(6) ON UPDATE NOW(6), KEY (inner_key), KEY (changed))");
  MySqlMapping lists;
  lists.table = "j";
  lists.outer_const = "fieldA";
  lists.order = "";
  lists.list = "payload";
  lists.cursor = "changed";
  Add("t", "('p','x',0,'k','1'),('p2','x',0,'k','1')");
  Add("r", "('r','x',0,'k','1'),('r','x',1,'hidden','2')");
  Run("INSERT INTO j (id, inner_key, payload) VALUES (1,'l','[{\"k\":\"v\"}]')");
  Age("t");
  Age("r");
  Run("UPDATE j SET changed = '2020-01-01'");
  ASSERT_TRUE(cache().Put("others", "x", Records({{{"k", "v"}}})).ok());
  const Content others = {{"others", {{"x", {{{"k", "v"}}}}}}};
  FollowAll({pairs, records, lists});
  EXPECT_EQ(follower().status().rows_loaded, 4u);
  ASSERT_EQ(follower().status().sources.size(), 3u);
  EXPECT_EQ(Told(1).name, "table \"r\"");
  ExpectAllEqual(others);
  Add("t", "('p','new',0,'k','2')");
  Add("r", "('r','new',0,'k','3')");
  Run("INSERT INTO j (id, inner_key, payload) VALUES (2,'new','[{},{\"n\":\"4\"}]')");
  ExpectValue("p", "new", 0, "k", "2");
  ExpectValue("r", "new", 0, "v", "3");
  ExpectValue("fieldA", "new", 1, "n", "4");
  Run("UPDATE t SET inner_key = 'moved' WHERE inner_key = 'x' AND outer_key = 'p'");
  Run("UPDATE r SET k = 'shown' WHERE k = 'hidden'");
  ExpectValue("p", "moved", 0, "k", "1");
  ExpectValue("r", "x", 1, "k", "shown");
  Age("t");
  Age("r");
  Run("UPDATE j SET changed = '2020-01-01'");
  // Nothing but digests can find these.
  Run("DELETE FROM t WHERE outer_key = 'p2'");
  Run("DELETE FROM r WHERE inner_key = 'new'");
  Run("UPDATE j SET payload = '[]', changed = changed WHERE id = 1");
  {
    // Who asks for the footprint meanwhile gets whole figures.
    const std::jthread asking([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        const Footprint footprint = follower().MeasureFootprint();
        EXPECT_EQ(footprint.total_bytes(), footprint.allocated_bytes);
      }
    });
    ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  }
  EXPECT_EQ(Told(0).repairs, 2u) << "what was deleted, and where a row moved from";
  EXPECT_EQ(Told(1).repairs, 1u);
  EXPECT_EQ(Told(2).repairs, 1u);
  EXPECT_EQ(follower().status().repairs, 4u);
  EXPECT_FALSE(ReadGuard(cache()).HasOuter("p2"));
  ExpectAllEqual(others);
  const Footprint beside = follower().MeasureFootprint();
  EXPECT_EQ(beside.total_bytes(), beside.allocated_bytes);
  EXPECT_EQ(beside.Find("outers")->count, 3u);
  EXPECT_EQ(beside.Find("sources")->count, 3u);
  EXPECT_LT(beside.Find("sources")->total_bytes(), 3u * 8'000) << "a generator of 2.5 KB in each?";
  EXPECT_EQ(beside.Find("entry digests")->count, 2u);
  EXPECT_NE(beside.Find("known rows"), nullptr) << "of each table that has a cursor";
  EXPECT_EQ(beside.Find("buckets"), nullptr) << "no pass goes on";
}

// Whose pass is over wants the next one at once.
TEST_F(MySqlFollowSeveralTest, PassesThatAreDueWithoutAPauseLeaveOutNoSource) {
  const std::vector<MySqlMapping> mappings = {Make("t"), Make("r"), Make("u")};
  for (const std::string table : {"t", "r", "u"}) {
    Add(table, absl::StrCat("('", table, "','x',0,'k','1'),('", table, "','gone',0,'k','1')"));
    Age(table);
  }
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v, updated_at) "
      "SELECT 'many', seq DIV 10, seq, 'k', 'v', '2020-01-01' FROM seq_1_to_60000");
  FollowOptions options = QuickFollow();
  options.reconcile_interval = milliseconds(30);
  FollowAll(mappings, options);
  for (const std::string table : {"u", "r", "t"}) {
    Run(absl::StrCat("DELETE FROM ", table, " WHERE inner_key = 'gone'"));
    EXPECT_TRUE(WaitUntil([&] { return !ReadGuard(cache()).Get(table, "gone"); })) << table;
  }
  ExpectAllEqual();
}

TEST_F(MySqlFollowSeveralTest, AnOuterThatTwoSourcesHaveEndsTheLoadAndNamesBoth) {
  const MySqlMapping t = Make("t");
  const MySqlMapping s = Make("s");
  Add("t", "('o','x',0,'k','1')");
  Add("s", "('o','y',0,'k','2')");
  const absl::Status status = TryFollow({t, s});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("outer \"o\""), HasSubstr("table \"t\""), HasSubstr("table \"s\"")));
  EXPECT_TRUE(ContentOf(cache()).empty());

  MySqlMapping one = t;
  one.outer_const = "c";
  MySqlMapping two = s;
  two.outer_const = "c";
  EXPECT_THAT(std::string(TryFollow({one, two}).message()), HasSubstr("outer \"c\""));
  EXPECT_EQ(TryFollow({}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(MySqlFollowSeveralTest, MeetingAnothersOuterIsToldAndTakenOverWhenThatOneLetsGo) {
  FollowTwo("mine", "yours");
  Add("s", "('mine','y',0,'k','3'),('free','y',0,'k','4')");
  ASSERT_TRUE(WaitUntil([&] { return Told(1).state == FollowState::kWaiting; }));
  EXPECT_EQ(follower().status().state, FollowState::kWaiting);
  EXPECT_THAT(std::string(follower().status().last_error.message()),
              AllOf(HasSubstr("outer \"mine\""), HasSubstr("table \"t\""), HasSubstr("table \"s\""),
                    HasSubstr("where")));
  // All others go on, those of the same table too.
  ExpectValue("free", "y", 0, "k", "4");
  Run("UPDATE t SET v = 'new' WHERE outer_key = 'mine'");
  ExpectValue("mine", "x", 0, "k", "new");
  Run("UPDATE s SET v = 'new' WHERE outer_key = 'yours'");
  ExpectValue("yours", "x", 0, "k", "new");
  ExpectNoEntry("mine", "y");
  EXPECT_EQ(Told(0).state, FollowState::kFollowing);
  EXPECT_GE(Told(0).lag_seconds, 0);
  // A pass of the other one is not what deletes it, nor does it take what is not its own.
  ASSERT_TRUE(ReconcileOnce(&follower()));
  EXPECT_EQ(Value("mine", "x", 0, "k"), "new");
  ExpectNoEntry("mine", "y");
  Run("DELETE FROM t WHERE outer_key = 'mine'");
  ASSERT_TRUE(ReconcileOnce(&follower()));
  ExpectValue("mine", "y", 0, "k", "3");
  EXPECT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kFollowing; }));
  ExpectAllEqual();
}

TEST_F(MySqlFollowSeveralTest, ASourceThatIsBrokenStopsNoOther) {
  FollowTwo("a", "b");
  Run("ALTER TABLE s DROP COLUMN v");
  const auto missing = HasSubstr("column \"v\"");
  ASSERT_TRUE(WaitUntil([&] {
    return testing::Value(std::string(Told(1).last_error.message()), missing);
  })) << Told(1).last_error;
  EXPECT_EQ(Told(1).state, FollowState::kWaiting);
  ExpectChangesFollowed("t", "a", 5);
  Run("DELETE FROM t");
  (void)follower().RequestReconcile();
  ExpectNoEntry("a", "x");
  EXPECT_EQ(Value("b", "x", 0, "k"), "2");
  EXPECT_EQ(Told(0).state, FollowState::kFollowing);
  EXPECT_TRUE(Told(0).last_error.ok()) << Told(0).last_error;
  Run("ALTER TABLE s ADD v TEXT");
  Run("UPDATE s SET v = 'back'");
  ExpectValue("b", "x", 0, "k", "back");
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  ExpectAllEqual();
}

TEST_F(MySqlFollowSeveralTest, AnErrorThatIsInNoListIsItsSourcesAlone) {
  MySqlMapping t = Make("t");
  const MySqlMapping s = Make("s");
  Run("CREATE TABLE least (n INT)");
  Run("INSERT INTO least VALUES (0)");
  t.where = "id > (SELECT n FROM least)";
  Add("t", "('a','x',0,'k','1')");
  Add("s", "('b','x',0,'k','2')");
  FollowAll({t, s});
  Run("INSERT INTO least VALUES (0)");  // 1242: the subquery returns more than one row
  Run("UPDATE t SET v = 'changed'");
  ASSERT_TRUE(WaitUntil([&] { return Told(0).state == FollowState::kRetrying; }));
  EXPECT_THAT(std::string(Told(0).last_error.message()), HasSubstr("1242"));
  ExpectChangesFollowed("s", "b", 20);
  Run("DELETE FROM s");
  (void)follower().RequestReconcile();
  ExpectNoEntry("b", "x");
  EXPECT_EQ(Told(1).state, FollowState::kFollowing);
  EXPECT_EQ(Told(0).state, FollowState::kRetrying);
  Run("DELETE FROM least LIMIT 1");
  ExpectValue("a", "x", 0, "k", "changed");
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  ExpectAllEqual();
}

TEST_F(MySqlFollowSeveralTest, ATableUnderLockKeepsTheOthersForLessThanTwoPolls) {
  FollowOptions options = QuickFollow();
  options.poll_interval = FollowOptions().poll_interval;
  FollowTwo("a", "b", options);
  const std::unique_ptr<mysql::Session> locking = Connect();
  Must(locking.get(), "LOCK TABLES t WRITE");
  // The best of some rounds: other work on the machine may take longer than two polls. What the
  // round itself takes, and the looking, is allowed for.
  const Duration most = 2 * options.poll_interval + milliseconds(kit::kUnderSanitizer ? 500 : 100);
  Duration worst = Duration::max();
  for (int round = 0; round < 5 && worst > most; ++round) {
    worst = Duration::zero();
    for (int i = 0; i < 4; ++i) {
      std::this_thread::sleep_for(milliseconds(100));
      const std::string value = absl::StrCat(round, ".", i);
      Run(absl::StrCat("UPDATE s SET v = '", value, "'"));
      const auto began = std::chrono::steady_clock::now();
      ASSERT_TRUE(WaitUntil([&] { return Value("b", "x", 0, "k") == value; }));
      worst = std::max(worst, std::chrono::steady_clock::now() - began);
    }
  }
  EXPECT_LE(worst, most);
  EXPECT_TRUE(WaitUntil([&] { return Told(0).state == FollowState::kRetrying; }));
  Must(locking.get(), "UPDATE t SET v = 'after'");
  Must(locking.get(), "UNLOCK TABLES");
  ExpectValue("a", "x", 0, "k", "after");
  EXPECT_TRUE(WaitUntil([&] { return Told(0).state == FollowState::kFollowing; }));
  ExpectAllEqual();
}

// Three quarters of the time, for less than a statement waits.
TEST_F(MySqlFollowSeveralTest, ATableThatIsLockedForMomentsAgainAndAgainIsFollowed) {
  FollowTwo("a", "b");
  std::atomic<bool> done{false};
  std::thread locks([this, &done] {
    const std::unique_ptr<mysql::Session> locking = Connect();
    for (int i = 0; !done; ++i) {
      Must(locking.get(), "LOCK TABLES t WRITE");
      Must(locking.get(), absl::StrCat("UPDATE t SET v = 'v", i, "'"));
      std::this_thread::sleep_for(milliseconds(300));
      Must(locking.get(), "UNLOCK TABLES");
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  std::string last = "1";
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(WaitUntil([&] { return Value("a", "x", 0, "k") != last; }, milliseconds(10000)));
    last = Value("a", "x", 0, "k");
  }
  done = true;
  locks.join();
  EXPECT_EQ(follower().status().errors, 0u) << follower().status().last_error;
}

TEST_F(MySqlFollowSeveralTest, ALostConnectionIsMadeAnewForAll) {
  std::vector<MySqlMapping> all;
  for (const char* table : {"t", "s1", "s2", "s3"}) all.push_back(Make(table));
  for (const MySqlMapping& one : all)
    Add(one.table, absl::StrCat("('", one.table, "','x',0,'k','1')"));
  FollowOptions options = QuickFollow();
  options.reconcile_interval = milliseconds(100);
  FollowAll(all, options);
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t before = follower().status().reconnects;
    // Once: one killed again and again while it is being made would never be.
    ASSERT_GT(KillConnections(), 0U);
    ASSERT_TRUE(WaitUntil([&] { return follower().status().reconnects > before; }))
        << follower().status().last_error;
    for (const MySqlMapping& one : all) {
      Run(absl::StrCat("UPDATE ", one.table, " SET v = 'v", i, "'"));
      ExpectValue(one.table, "x", 0, "k", absl::StrCat("v", i));
    }
  }
  Run("DELETE FROM s2");
  ExpectNoEntry("s2", "x");
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  ExpectAllEqual();
  EXPECT_TRUE(WaitUntil([&] { return follower().status().state == FollowState::kFollowing; }));
}

TEST_F(MySqlFollowSeveralTest, OneThatLacksAnIndexIsNamedInTheAdvice) {
  const MySqlMapping t = Make("t");
  const MySqlMapping s = Make("s");
  Run("ALTER TABLE s DROP KEY updated_at");
  FollowAll({t, s});
  EXPECT_THAT(follower().status().advice, HasSubstr("table \"s\": each poll scans the table"));
  EXPECT_THAT(follower().status().advice, Not(HasSubstr("table \"t\"")));
}

// Seconds, though what stays broken is asked for at a slow pace in the end.
TEST_F(MySqlFollowSeveralTest, ATableThatIsBackInAMomentIsFollowedAgainSoon) {
  FollowOptions options = QuickFollow();
  options.slow_retry = std::chrono::hours(1);
  FollowAll({Make("t"), Make("other")}, options);
  Run("RENAME TABLE other TO away");
  ASSERT_TRUE(
      WaitUntil([&] { return follower().status().sources[1].state == FollowState::kWaiting; }));
  Run("RENAME TABLE away TO other");
  Add("other", "('o','i',0,'k','v')");
  ExpectValue("o", "i", 0, "k", "v");
}

}  // namespace
}  // namespace strata
