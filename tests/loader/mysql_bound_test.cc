// The bound from samples as they come, the server's times, what errors ask for, and how long the
// server rests between chunks. No server.
#include "loader/mysql_bound.h"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "loader/follow_pace.h"
#include "loader/follow_retry.h"
#include "loader/mysql_clock.h"

namespace strata::mysql {
namespace {

constexpr std::int64_t kS = kSecondUs;
constexpr std::int64_t kT = 1'800'000'000 * kS;

OpenWork At(std::int64_t now_us, std::vector<OpenWork::Statement> statements = {},
            std::vector<OpenWork::Transaction> transactions = {}) {
  return {now_us, true, std::move(statements), std::move(transactions)};
}

TEST(BoundTracker, OfAnIdleServerIsTheLastSample) {
  BoundTracker bounds;
  EXPECT_EQ(bounds.Add(At(kT)), kT - kS);
  EXPECT_EQ(bounds.Add(At(kT + kS)), kT);
  EXPECT_EQ(bounds.Add(At(kT + 2 * kS)), kT + kS);
}

TEST(BoundTracker, StaysWhereItIsWhenAskedTooOften) {
  BoundTracker bounds;
  bounds.Add(At(kT));
  EXPECT_EQ(bounds.Add(At(kT + kS)), kT);
  EXPECT_EQ(bounds.Add(At(kT + kS + BoundTracker::kLeastSpacingUs - 1)), kT);
  EXPECT_EQ(bounds.Add(At(kT + kS + BoundTracker::kLeastSpacingUs)), kT + kS);
}

TEST(BoundTracker, AnOpenTransactionHoldsItAndItsEndLetsItGo) {
  BoundTracker bounds;
  bounds.Add(At(kT));
  bounds.Add(At(kT + kS));
  // New now: it began after the last sample but one.
  EXPECT_EQ(bounds.Add(At(kT + 2 * kS, {}, {{"77", "5", 0}})), kT);
  EXPECT_EQ(bounds.Add(At(kT + 3 * kS, {}, {{"77", "5", 1}})), kT);
  EXPECT_EQ(bounds.Add(At(kT + 9 * kS, {}, {{"77", "5", 7}})), kT);
  EXPECT_EQ(bounds.Add(At(kT + 10 * kS)), kT + 9 * kS);
}

TEST(BoundTracker, ATransactionIsAsOldAsTheStatementThatWaitedBeforeIt) {
  BoundTracker bounds;
  bounds.Add(At(kT));
  // Running for 30 s, waiting for a table's lock; no transaction is to be seen.
  EXPECT_LE(bounds.Add(At(kT + 30 * kS, {{"5", 29}})), kT);
  EXPECT_EQ(bounds.Add(At(kT + 40 * kS, {{"5", 39}})), kT);
  // It is done; the server's list does not have its transaction yet.
  EXPECT_EQ(bounds.Add(At(kT + 41 * kS)), kT);
  // Now it has, and says that it began just now.
  EXPECT_EQ(bounds.Add(At(kT + 42 * kS, {}, {{"77", "5", 2}})), kT);
  EXPECT_EQ(bounds.Add(At(kT + 90 * kS, {}, {{"77", "5", 50}})), kT);
  EXPECT_EQ(bounds.Add(At(kT + 91 * kS)), kT + 90 * kS);
}

TEST(BoundTracker, NeverGoesBack) {
  BoundTracker bounds;
  bounds.Add(At(kT));
  bounds.Add(At(kT + kS));
  EXPECT_EQ(bounds.Add(At(kT + 2 * kS)), kT + kS);
  EXPECT_EQ(bounds.Add(At(kT + 3 * kS, {{"5", 100}})), kT + kS);
}

TEST(BoundTracker, BeginsAnewWhereTheClockWasSetBack) {
  BoundTracker bounds;
  bounds.Add(At(kT));
  bounds.Add(At(kT + kS));
  EXPECT_EQ(bounds.Add(At(kT - 3600 * kS)), kT - 3601 * kS);
}

TEST(BoundTracker, TellsWhenTheLastTransactionOfTheFirstSampleHasEnded) {
  BoundTracker bounds;
  bounds.Add(At(kT, {}, {{"77", "5", 10}, {"78", "6", 1}}));
  EXPECT_TRUE(bounds.FirstAreOpen());
  bounds.Add(At(kT + kS, {}, {{"78", "6", 2}, {"79", "7", 0}}));
  EXPECT_TRUE(bounds.FirstAreOpen());
  bounds.Add(At(kT + 2 * kS, {}, {{"79", "7", 1}}));
  EXPECT_FALSE(bounds.FirstAreOpen());
  BoundTracker idle;
  idle.Add(At(kT));
  idle.Add(At(kT + kS, {}, {{"80", "5", 0}}));
  EXPECT_FALSE(idle.FirstAreOpen());
}

TEST(BoundTracker, AtTheBeginningAgesServeAlsoThoseOfARepeatedHour) {
  BoundTracker bounds;
  EXPECT_EQ(bounds.Add(At(kT, {{"4", 7}}, {{"77", "5", 10}})), kT - 11 * kS);
  BoundTracker repeated;
  // Began at 2:30, before the clock was set back; now it is 2:10.
  EXPECT_EQ(repeated.Add(At(kT, {}, {{"77", "5", -1200}})), kT - (3600 - 1200 + 1) * kS);
}

TEST(Clock, ReadsAndWritesTheServersTimes) {
  EXPECT_EQ(ParseTime("1970-01-01 00:00:00"), 0);
  EXPECT_EQ(ParseTime("2026-10-25 02:30:00.25"), 1792895400250000);
  EXPECT_EQ(ParseTime("2026-10-25"), 1792886400000000);
  for (const char* bad : {"0000-00-00 00:00:00", "", "2026-10", "2026-10-25 02:30", "now",
                          "2026-13-01", "2026-10-25 02:30:00.1234567"}) {
    EXPECT_FALSE(ParseTime(bad).has_value()) << bad;
  }
  EXPECT_EQ(FormatTime(1792895400259999, 6), "2026-10-25 02:30:00.259999");
  EXPECT_EQ(FormatTime(1792895400259999, 2), "2026-10-25 02:30:00.25");
  EXPECT_EQ(FormatTime(1792895400999999, 0), "2026-10-25 02:30:00");
  EXPECT_EQ(FormatDate(1792895400999999), "2026-10-25");
  EXPECT_EQ(FormatTime(-1, 6), "1969-12-31 23:59:59.999999");
}

TEST(RetryPauses, DoubleUpToTheMostAndBeginAnewAfterASuccess) {
  using std::chrono::milliseconds;
  RetryPauses pauses(milliseconds(100), milliseconds(1000), 1);
  for (const int most : {100, 200, 400, 800, 1000, 1000}) {
    const milliseconds pause = pauses.Next();
    EXPECT_GE(pause, milliseconds(most / 2));
    EXPECT_LE(pause, milliseconds(most));
  }
  pauses.Reset();
  EXPECT_LE(pauses.Next(), milliseconds(100));
}

TEST(RetryPauses, WhatWasAwayForSecondsIsMetWithinTwoAndWhatStaysAwayIsAskedForRarely) {
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    RetryPauses pauses(milliseconds(100), seconds(30), seed);
    milliseconds now{0};
    milliseconds pause{0};
    int tries = 0;
    for (; now < minutes(10); now += pause, ++tries) {
      pause = pauses.Next();
      // An outage that ends as the pause begins is over for as long as that.
      if (now < seconds(16)) {
        EXPECT_LE(pause, seconds(2)) << now.count();
      } else {
        EXPECT_LE(pause, now / 8);
      }
    }
    EXPECT_GE(pause, seconds(15));
    EXPECT_LE(tries, 90);
  }
}

TEST(RetryPauses, DifferFromFollowerToFollower) {
  using std::chrono::milliseconds;
  int differ = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    RetryPauses one(milliseconds(1000), milliseconds(1000), seed);
    RetryPauses other(milliseconds(1000), milliseconds(1000), seed + 100);
    if (one.Next() != other.Next()) ++differ;
  }
  EXPECT_GT(differ, 15);
}

// A source by a clock of chunks: what a pass takes, and when its passes ended.
struct FakeSource {
  explicit FakeSource(int chunks) : chunks_a_pass(chunks) {}

  int chunks_a_pass;
  int chunks_left = 0;
  std::uint64_t goes_on = 0;  // the number of the pass that does
  std::uint64_t done = 0;
  std::vector<int> ends;

  bool fails = false;
  bool behind = false;  // it gives way

  std::uint64_t pass_done() const { return done; }
  bool gives_way() const { return behind; }
  void SetGivesWay(bool gives_way) { behind = gives_way; }
  void Chunk(std::uint64_t pass, int now) {
    if (chunks_left == 0) {
      chunks_left = chunks_a_pass;
      goes_on = pass;
    }
    if (--chunks_left > 0) return;
    done = goes_on;
    ends.push_back(now);
  }
};

TEST(FurthestBehind, APassAsLongAsTheIntervalKeepsNoOtherSourceFromItsOwn) {
  constexpr int kInterval = 10;
  constexpr int kTwoRounds = 2 * (12 + 1 + 3);
  // The first one's passes alone take longer than the interval.
  const std::vector<std::unique_ptr<FakeSource>> sources = [] {
    std::vector<std::unique_ptr<FakeSource>> made;
    for (const int chunks : {12, 1, 3}) made.push_back(std::make_unique<FakeSource>(chunks));
    return made;
  }();
  for (int now = 0; now < 1000; ++now) {
    const std::uint64_t wanted = 1 + static_cast<std::uint64_t>(now / kInterval);
    FakeSource* const next = FurthestBehind(sources, [wanted](const FakeSource& source) {
      return source.chunks_left > 0 || source.done < wanted;
    });
    if (next != nullptr) next->Chunk(wanted, now);
  }
  for (const auto& source : sources) {
    ASSERT_FALSE(source->ends.empty());
    int last = 0;
    for (const int end : source->ends) {
      EXPECT_LE(end - last, kTwoRounds) << source->chunks_a_pass;
      last = end;
    }
    EXPECT_GE(last, 1000 - kTwoRounds) << source->chunks_a_pass;
  }
}

TEST(FurthestBehind, IsNobodyWhereNobodyIsDue) {
  const std::vector<std::unique_ptr<FakeSource>> none;
  EXPECT_EQ(FurthestBehind(none, [](const FakeSource&) { return true; }), nullptr);
}

TEST(NextForChunk, OnesThatAlwaysFailAreTriedAgainAndKeepNobodyFromHisPasses) {
  std::vector<std::unique_ptr<FakeSource>> sources;
  for (int i = 0; i < 4; ++i) sources.push_back(std::make_unique<FakeSource>(1));
  sources[0]->fails = sources[1]->fails = true;
  std::map<const FakeSource*, int> turns;
  for (int now = 0; now < 100; ++now) {
    // A pass is due again as soon as it is done.
    FakeSource* const next = NextForChunk(sources, [](const FakeSource&) { return true; });
    ASSERT_NE(next, nullptr);
    ++turns[next];
    if (next->fails) {
      next->SetGivesWay(true);
      continue;
    }
    next->Chunk(static_cast<std::uint64_t>(now) + 1, now);
    for (const auto& source : sources) source->SetGivesWay(false);
  }
  for (const auto& source : sources) EXPECT_GE(turns[source.get()], 15);
  EXPECT_EQ(sources[0]->done, 0u);
  EXPECT_GE(sources[2]->ends.size(), 15u);
  // Where nobody else is due they take turns.
  const auto failing = [](const FakeSource& source) { return source.fails; };
  FakeSource* const first = NextForChunk(sources, failing);
  first->SetGivesWay(true);
  FakeSource* const second = NextForChunk(sources, failing);
  EXPECT_NE(first, second);
  second->SetGivesWay(true);
  EXPECT_EQ(NextForChunk(sources, failing), first);
}

TEST(RestAfterChunk, LetsTheChunksTakeTheirShareOfTheTime) {
  using std::chrono::milliseconds;
  EXPECT_EQ(RestAfterChunk(milliseconds(100), 0.25, std::nullopt, 7), milliseconds(300));
  EXPECT_EQ(RestAfterChunk(milliseconds(100), 1, std::nullopt, 7), milliseconds(0));
  EXPECT_EQ(RestAfterChunk(milliseconds(0), 0.25, std::nullopt, 7), milliseconds(0));
  // With time enough the interval changes nothing.
  EXPECT_EQ(RestAfterChunk(milliseconds(100), 0.25, std::chrono::minutes(5), 7), milliseconds(300));
}

TEST(RestAfterChunk, RestsLessWhereThePassWouldNotBeDoneInItsInterval) {
  using std::chrono::milliseconds;
  // 800 ms for the 4 chunks that are left: 200 each, of which the chunk takes 100.
  EXPECT_EQ(RestAfterChunk(milliseconds(100), 0.01, milliseconds(800), 3), milliseconds(100));
  EXPECT_EQ(RestAfterChunk(milliseconds(100), 0.01, milliseconds(200), 3), milliseconds(0));
  EXPECT_EQ(RestAfterChunk(milliseconds(100), 0.01, milliseconds(-50), 3), milliseconds(0));
}

// By a clock of its own: a pass of chunks of uneven cost, each followed by its rest.
TEST(RestAfterChunk, APassByAFakeClockTakesItsShareOrItsIntervalWhicheverIsShorter) {
  using std::chrono::milliseconds;
  using Duration = std::chrono::steady_clock::duration;
  const std::vector<int> costs_ms = {5, 80, 120, 100, 90, 250, 100, 10, 95, 150};
  const auto pass = [&](double share, std::optional<Duration> interval) {
    Duration now{0};
    std::size_t left = costs_ms.size();
    for (const int cost : costs_ms) {
      now += milliseconds(cost);
      --left;
      now +=
          RestAfterChunk(milliseconds(cost), share,
                         interval ? std::optional<Duration>(*interval - now) : std::nullopt, left);
    }
    return now;
  };
  const Duration busy = milliseconds(1000);
  EXPECT_EQ(pass(0.2, std::nullopt), 5 * busy);
  EXPECT_EQ(pass(0.2, std::chrono::seconds(60)), 5 * busy);
  EXPECT_LE(pass(0.001, std::chrono::seconds(3)), std::chrono::seconds(3));
  EXPECT_GT(pass(0.001, std::chrono::seconds(3)), std::chrono::seconds(2));
  // Not to be done in time: without a rest, then.
  EXPECT_EQ(pass(0.001, milliseconds(1)), busy);
}

}  // namespace
}  // namespace strata::mysql
