// Much at once: large entries of which all rows change, many rows behind an open transaction, large
// values. What following them costs, in entries and rows that are read, and what is told meanwhile.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

using std::chrono::milliseconds;

class MySqlFollowLargeTest : public FollowTest {
 protected:
  /// A new round has begun and ended since.
  void AwaitRounds(int count) {
    const int end = rounds_ + count + 1;
    ASSERT_TRUE(WaitUntil([&] { return rounds_ >= end; }));
  }
  FollowOptions CountRounds() {
    FollowOptions options = QuickFollow();
    options.on_status = [this](const FollowStatus&) { ++rounds_; };
    return options;
  }
  std::atomic<int> rounds_{0};
};

TEST_F(MySqlFollowLargeTest, AnEntryIsReadOnceARoundHoweverManyOfItsRowsChanged) {
  MakeTable();
  // Each row of 'large' stands between two of entries that are small.
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v, updated_at) SELECT IF(seq % 2, 'large', "
      "'small'), IF(seq % 2, 'x', seq), seq, 'k', 'v', '2020-01-01' FROM seq_1_to_10000");
  MySqlOptions source = OptionsFor("t");
  source.max_page_rows = 50;
  Follow(source, CountRounds());
  AwaitRounds(1);
  const FollowStatus before = follower().status();
  Run("UPDATE t SET v = CONCAT(v, 'w')");
  ExpectValue("large", "x", 4999, "k", "vw");
  Add("('probe','x',0,'k','v')");
  ExpectValue("probe", "x", 0, "k", "v");
  AwaitRounds(1);
  const FollowStatus after = follower().status();
  EXPECT_EQ(after.entries_changed - before.entries_changed, 5000u + 1 + 1);
  EXPECT_EQ(after.rows_applied - before.rows_applied, 10'000u + 1);
  // It was 100 and more.
  EXPECT_LE(after.entries_reread - before.entries_reread, 5000u + 1 + 1 + 2);
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowLargeTest, RowsBehindAnOpenTransactionAreNotAppliedAgainHoweverMany) {
  constexpr int kRows = 210'000;
  MakeTable();
  Add("('a','x',0,'k','v')");
  Follow(OptionsFor("t"), CountRounds());
  std::unique_ptr<mysql::Session> slow = Connect();
  Must(slow.get(), "START TRANSACTION");
  Must(slow.get(), "INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('slow','x',0,'k','v')");
  Run(
      absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'many', seq DIV 500, "
                   "seq % 500, 'k', 'v' FROM seq_1_to_",
                   kRows));
  ExpectValue("many", absl::StrCat(kRows / 500), 0, "k", "v");
  AwaitRounds(1);
  const FollowStatus before = follower().status();
  AwaitRounds(2);
  const FollowStatus after = follower().status();
  EXPECT_GE(after.rows_read - before.rows_read, 2u * kRows);
  EXPECT_EQ(after.rows_applied, before.rows_applied);
  EXPECT_EQ(after.entries_reread, before.entries_reread);
  Must(slow.get(), "COMMIT");
  ExpectValue("slow", "x", 0, "k", "v");
  slow.reset();
  follower_.reset();
}

TEST_F(MySqlFollowLargeTest, TheCountsOfALongRoundAreToldWhileItGoesOn) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'a', seq, 0, 'k', 'v' FROM "
      "seq_1_to_200");
  std::atomic<int> changes{0};
  std::atomic<std::uint64_t> told{0};
  FollowOptions options = QuickFollow();
  options.on_applied = [&](const AppliedChange&) {
    const int number = ++changes;
    if (number == 1) std::this_thread::sleep_for(milliseconds(300));
    if (number == 200) told = follower().status().entries_reread;
  };
  Follow(OptionsFor("t"), options);
  Run("UPDATE t SET v = 'w'");
  ASSERT_TRUE(WaitUntil([&] { return changes == 200; }));
  EXPECT_TRUE(WaitUntil([&] { return told > 0; }));
  follower_.reset();
}

}  // namespace
}  // namespace strata
