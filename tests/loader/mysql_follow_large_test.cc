// Much at once: large entries of which all rows change, many rows behind an open transaction, large
// values. What following them costs, in entries and rows that are read, and what is told meanwhile.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "loader/mysql_entry_read.h"
#include "loader/mysql_schema.h"
#include "tests/kit/peak.h"
#include "tests/kit/sanitizers.h"
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
  const auto began = std::chrono::steady_clock::now();
  Run("UPDATE t SET v = CONCAT(v, 'w')");
  ExpectValue("large", "x", 4999, "k", "vw");
  Add("('probe','x',0,'k','v')");
  ExpectValue("probe", "x", 0, "k", "v");
  AwaitRounds(1);
  const FollowStatus after = follower().status();
  EXPECT_EQ(after.entries_changed - before.entries_changed, 5000u + 1 + 1);
  EXPECT_EQ(after.rows_applied - before.rows_applied, 10'000u + 1);
  // It was 100 and more. In a round that takes long it has a turn each half second.
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  EXPECT_LE(after.entries_reread - before.entries_reread,
            5000u + 1 + 1 + 2 + static_cast<std::uint64_t>(2 * took.count()));
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

TEST_F(MySqlFollowLargeTest, ASmallChangeDoesNotWaitForABigOneThatWasMadeBefore) {
  constexpr int kEntries = 4000;
  MakeTable();
  Run(
      absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'a', seq, 0, 'k', 'v' "
                   "FROM seq_1_to_",
                   kEntries));
  Arrivals arrivals("probe", milliseconds(1));
  Follow(OptionsFor("t"), arrivals.Options());
  Run("UPDATE t SET v = 'w'");
  ASSERT_TRUE(WaitUntil([&] { return arrivals.changes() > 0; }));
  Add("('probe','x',0,'k','v')");
  ASSERT_TRUE(WaitUntil([&] { return arrivals.changes() == kEntries + 1; }));
  EXPECT_GT(arrivals.place(), 0);
  EXPECT_LE(arrivals.place(), kEntries);
  EXPECT_EQ(follower().status().repairs, 0u);
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowLargeTest, ALargeEntryDoesNotWaitForTheEndOfALongRound) {
  constexpr int kEntries = 3000;
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'large', 'x', seq, 'k', 'v' FROM "
      "seq_1_to_300");
  Run(
      absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'a', seq, 0, 'k', 'v' "
                   "FROM seq_1_to_",
                   kEntries));
  Arrivals arrivals("large", milliseconds(1));
  Follow(OptionsFor("t"), arrivals.Options());
  Run("UPDATE t SET v = 'w'");
  ASSERT_TRUE(WaitUntil([&] { return arrivals.changes() == kEntries + 1; }));
  EXPECT_GT(arrivals.place(), 0);
  // The second page names as many small ones as are due.
  EXPECT_LE(arrivals.place(), kEntries * 3 / 4);
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowLargeTest, ASmallChangeDoesNotWaitForManyLargeEntriesThatWereMadeBefore) {
  constexpr int kEntries = 60;
  MakeTable();
  Run(absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'a', seq % ", kEntries,
                   ", seq, 'k', 'v' FROM seq_1_to_", 300 * kEntries));
  Arrivals arrivals("probe", milliseconds(50));
  Follow(OptionsFor("t"), arrivals.Options());
  Run("UPDATE t SET v = 'w'");
  ASSERT_TRUE(WaitUntil([&] { return arrivals.changes() > 0; }));
  Add("('probe','x',0,'k','v')");
  ASSERT_TRUE(WaitUntil([&] { return arrivals.changes() == kEntries + 1; }));
  EXPECT_GT(arrivals.place(), 0);
  EXPECT_LE(arrivals.place(), kEntries);
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowLargeTest, EntriesOfLargeValuesAreReadAFewAtATime) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "a sanitizer keeps what was freed";
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  MakeTable();
  Run("ALTER TABLE t MODIFY v LONGTEXT");
  const auto insert = [this](const char* outer) {
    Run(absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT '", outer,
                     "', seq, 0, 'k', REPEAT(CHAR(64 + seq), 3000000) FROM seq_1_to_20"));
  };
  insert("old");
  Follow();
  std::uint64_t before = kit::BeginPeak();
  Run("UPDATE t SET v = CONCAT(v, 'w')");
  for (const char* inner : {"1", "20"}) {
    ASSERT_TRUE(WaitUntil([&] { return Value("old", inner, 0, "k").ends_with("w"); }));
  }
  ASSERT_TRUE(WaitUntil([&] { return follower().status().rows_applied >= 20; }));
  EXPECT_LT(kit::PeakBytes(), before + 64 * kMiB);
  // Of these the cache has nothing yet.
  before = kit::BeginPeak();
  insert("new");
  // Rows that are met in a second round, behind the position, may be counted again.
  ASSERT_TRUE(WaitUntil([&] { return cache_->counts().entries == 40; }));
  EXPECT_LT(kit::PeakBytes(), before + 60 * kMiB + 64 * kMiB);
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowLargeTest, OneEntryOfManyLargeValuesIsHereOnceBesideTheCache) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "a sanitizer keeps what was freed";
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  MakeTable();
  Run("ALTER TABLE t MODIFY v LONGTEXT");
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'o', 'x', seq, 'k', "
      "REPEAT(CHAR(64 + seq), 3000000) FROM seq_1_to_16");
  std::uint64_t before = kit::BeginPeak();
  Follow();
  const std::uint64_t held = cache_->memory().allocated_bytes;
  EXPECT_LT(kit::PeakBytes(), before + held + 64 * kMiB);
  before = kit::BeginPeak();
  Run("UPDATE t SET v = CONCAT(v, 'w')");
  ASSERT_TRUE(WaitUntil([&] { return Value("o", "x", 15, "k").ends_with("w"); }));
  // Once as it came and once in the cache; as it was, which is served meanwhile, is in `before`.
  EXPECT_LT(kit::PeakBytes(), before + (2 * 46 + 32) * kMiB);
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowLargeTest, OneEntryOfManySmallValuesIsNeverWholeBesideTheCacheWhileItIsLoaded) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "a sanitizer keeps what was freed";
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  constexpr std::uint64_t kRows = 700'000;
  MakeTable();
  Run(
      absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'o', 'x', seq, 'k', "
                   "SHA2(seq, 256) FROM seq_1_to_",
                   kRows));
  const std::uint64_t before = kit::BeginPeak();
  Follow();
  // It was 137: 70 of views and texts in a batch, and once more in the cache's scratch.
  const std::uint64_t held = cache_->memory().allocated_bytes;
  EXPECT_LT(kit::PeakBytes(), before + held + 64 * kMiB);
  EXPECT_EQ(cache_->counts().records, kRows);
  follower_.reset();
  ExpectEqual(OptionsFor("t"));
}

TEST_F(MySqlFollowLargeTest, AnEntryOfManySmallRowsTakesLittleMoreThanItsTextsToReadAgain) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "a sanitizer keeps what was freed";
  constexpr std::uint64_t kRows = 200'000;
  MakeTable();
  Run(
      absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'o', 'x', seq, 'k', "
                   "SHA2(seq, 256) FROM seq_1_to_",
                   kRows));
  Follow();
  const std::uint64_t before = kit::BeginPeak();
  Run("UPDATE t SET v = CONCAT(v, 'w')");
  ASSERT_TRUE(WaitUntil([&] { return Value("o", "x", kRows - 1, "k").ends_with("w"); }));
  // It was 562, and is 386, beside other work once 473. Of a row of 66 bytes: as it came, with its
  // order and id, in the cache's scratch, in the cache, and 40 bytes of views.
  EXPECT_LT(kit::PeakBytes(), before + kRows * 500);
  follower_.reset();
}

TEST_F(MySqlFollowLargeTest, ALargeEntryThatIsStreamedIsAllOfItOrAnError) {
  MakeTable();
  constexpr std::size_t kRows = 20'000;
  Run(
      absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT 'a', 'x', seq, 'k', "
                   "REPEAT('v', 500) FROM seq_1_to_",
                   kRows));
  Add("('a','y',0,'k','v')");
  std::unique_ptr<mysql::Session> reader = Connect();
  const MySqlOptions options = OptionsFor("t");
  const auto relation = mysql::LookUp(reader.get(), options.database, options.mapping);
  ASSERT_TRUE(relation.ok()) << relation.status();
  std::size_t records = 0;
  const auto read = [&](const mysql::EntryName& name) {
    return mysql::ReadLargeEntry(reader.get(), relation->selection, name,
                                 [&](const mysql::EntryAsRead& entry) {
                                   EXPECT_EQ(entry.name, name);
                                   EXPECT_EQ(entry.present, entry.records.size() > 0);
                                   records = entry.records.size();
                                   return absl::OkStatus();
                                 });
  };
  for (const auto& [inner, expected] :
       {std::pair("x", kRows), std::pair("y", std::size_t{1}), std::pair("z", std::size_t{0})}) {
    ASSERT_TRUE(read({"a", inner}).ok());
    EXPECT_EQ(records, expected);
  }
  // Another connection kills what it does, again and again.
  std::string id;
  ASSERT_TRUE(reader
                  ->Query("SELECT CONNECTION_ID()", "testing",
                          [&](const mysql::Row& row) {
                            id = std::string(row[0]);
                            return absl::OkStatus();
                          })
                  .ok());
  std::atomic<bool> stop{false};
  std::thread killer([&] {
    std::unique_ptr<mysql::Session> other = Connect();
    while (!stop) {
      Must(other.get(), "KILL QUERY " + id);
      std::this_thread::sleep_for(milliseconds(7));
    }
  });
  int failed = 0;
  for (int i = 0; i < 200 && failed < 20; ++i) {
    const absl::Status status = read({"a", "x"});
    if (status.ok()) {
      EXPECT_EQ(records, kRows);
    } else {
      ++failed;
    }
  }
  EXPECT_GT(failed, 0);
  stop = true;
  killer.join();
}

}  // namespace
}  // namespace strata
