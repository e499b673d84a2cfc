// The proof that nothing is lost: a storm of writers, followed; and that a naive watermark does
// lose rows in the same storm, so that the first could fail. STRATA_STORM_SECONDS says how long
// (4 when it is not set; `make storm` gives it a minute).
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "tests/loader/follow_kit.h"
#include "tests/loader/storm.h"

namespace strata {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr char kZone[] = "Strata/Repeat";

seconds StormLength() {
  const char* given = std::getenv("STRATA_STORM_SECONDS");
  return seconds(given != nullptr ? std::atoi(given) : 4);
}

class MySqlStormTest : public FollowTest {
 protected:
  StormOptions Options() {
    const std::int64_t now = std::stoll(Rows("SELECT UNIX_TIMESTAMP()")[0][0]);
    MakeRepeatingZone(&session(), kZone, now + StormLength().count() / 2);
    StormOptions options;
    options.time_zone = kZone;
    options.seed = 20261126;
    return options;
  }
  void Seed() {
    MakeTable();
    Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT CONCAT('o', seq % 12), "
        "CONCAT('i', seq % 25), seq % 5, CONCAT('k', seq % 4), seq FROM seq_1_to_2000");
  }
  static void Report(const Storm& storm, const FollowStatus& status) {
    std::printf(
        "storm: %lu statements, %lu commits, %lu rollbacks; follower: %lu rows read, %lu "
        "applied, %lu entries read again, %lu changed, %lu repairs in %lu passes\n",
        storm.statements(), storm.commits(), storm.rollbacks(), status.rows_read,
        status.rows_applied, status.entries_reread, status.entries_changed, status.repairs,
        status.passes);
  }
  // How long until cache and table are the same, the writers being done.
  bool BecomeEqual(milliseconds limit) {
    return WaitUntil(
        [this] {
          const absl::StatusOr<Content> table = Load(OptionsFor("t"));
          return table.ok() && Difference(ContentOf(cache()), *table).empty();
        },
        limit);
  }
};

TEST_F(MySqlStormTest, WithoutMovesAndDeletesPollingAloneLosesNothing) {
  Seed();
  StormOptions options = Options();
  options.moves_and_deletes = false;
  Follow();
  Storm storm(OptionsFor("t"), options);
  std::this_thread::sleep_for(StormLength());
  storm.Stop();
  EXPECT_TRUE(BecomeEqual(seconds(20)));
  ExpectEqual(OptionsFor("t"));
  const FollowStatus status = follower().status();
  Report(storm, status);
  EXPECT_EQ(status.passes, 0u);
  EXPECT_GT(storm.commits(), 10u);
  EXPECT_GT(storm.rollbacks(), 2u);
}

TEST_F(MySqlStormTest, AfterOneMoreReconcileTheCacheEqualsTheTable) {
  Seed();
  FollowOptions follow = QuickFollow();
  follow.reconcile_interval = milliseconds(1000);
  Follow(OptionsFor("t"), follow);
  Storm storm(OptionsFor("t"), Options());
  std::this_thread::sleep_for(StormLength());
  storm.Stop();
  ASSERT_TRUE(ReconcileOnce(&follower())) << follower().status().last_error;
  ExpectEqual(OptionsFor("t"));
  const FollowStatus status = follower().status();
  Report(storm, status);
  EXPECT_GT(status.passes, 1u);
}

TEST_F(MySqlStormTest, ANaiveWatermarkLosesRowsOfTheSameStorm) {
  Seed();
  const StormOptions options = Options();
  std::map<std::string, std::string> seen;  // id -> the newest version
  std::string last = "1970-01-02";
  const auto poll = [&] {
    for (const auto& row : Rows(absl::StrCat("SELECT id, updated_at FROM t WHERE updated_at > '",
                                             last, "' ORDER BY updated_at"))) {
      seen[row[0]] = row[1];
      last = row[1];
    }
  };
  poll();
  Storm storm(OptionsFor("t"), options);
  const Clock::time_point end = Clock::now() + StormLength();
  while (Clock::now() < end) {
    poll();
    std::this_thread::sleep_for(milliseconds(50));
  }
  storm.Stop();
  poll();
  int lost = 0;
  int rows = 0;
  for (const auto& row : Rows("SELECT id, updated_at FROM t")) {
    ++rows;
    if (seen[row[0]] != row[1]) ++lost;
  }
  std::printf("naive: %d of %d rows lost, %lu commits\n", lost, rows, storm.commits());
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace strata
