// The resumable cursors over outers and entries: what they meet, also while the cache changes
// between two calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/kit/draws.h"

#include <strata/cache.h>

namespace strata {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

using Entry = std::pair<std::string, std::string>;

void PutValue(Cache& cache, const std::string& outer, const std::string& inner) {
  ASSERT_EQ(cache.Put(outer, inner, Records{{{"of", inner}}}), absl::OkStatus());
}

// How often each outer is met, a new guard each time; `between` runs with no guard open.
std::map<std::string, int> MeetOuters(
    const Cache& cache, const std::function<void()>& between = [] {}) {
  std::map<std::string, int> met;
  OuterCursor cursor;
  while (true) {
    {
      const ReadGuard guard(cache);
      if (!cursor.Next(guard)) break;
      ++met[std::string(cursor.outer())];
    }
    between();
  }
  const ReadGuard guard(cache);
  EXPECT_FALSE(cursor.Next(guard)) << "a cursor at its end stays there";
  return met;
}

// The same for entries; an outer without entries counts as (outer, "no entry").
std::map<Entry, int> MeetEntries(
    const Cache& cache, EntryCursor cursor, const std::function<void()>& between = [] {}) {
  std::map<Entry, int> met;
  while (true) {
    {
      const ReadGuard guard(cache);
      if (!cursor.Next(guard)) break;
      if (cursor.entry()) {
        ++met[{std::string(cursor.outer()), std::string(cursor.inner())}];
      } else {
        ++met[{std::string(cursor.outer()), "no entry"}];
      }
    }
    between();
  }
  const ReadGuard guard(cache);
  EXPECT_FALSE(cursor.Next(guard)) << "a cursor at its end stays there";
  return met;
}

TEST(OuterCursor, MeetsEachOuterOnceWithItsNumberOfEntries) {
  Cache cache = *Cache::Create();
  PutValue(cache, "two", "a");
  PutValue(cache, "two", "b");
  PutValue(cache, "", "a");
  ASSERT_EQ(cache.PutOuter("none"), absl::OkStatus());

  const ReadGuard guard(cache);
  std::map<std::string, std::size_t> met;
  OuterCursor cursor;
  while (cursor.Next(guard)) met.emplace(cursor.outer(), cursor.entry_count());
  EXPECT_THAT(met, UnorderedElementsAre(Pair("two", 2), Pair("", 1), Pair("none", 0)));
}

TEST(OuterCursor, EndsAtOnceInAnEmptyCacheAndStaysAtItsEnd) {
  EXPECT_THAT(MeetOuters(*Cache::Create()), IsEmpty());
}

TEST(EntryCursor, MeetsEverythingOnceAndOutersWithoutEntriesToo) {
  Cache cache = *Cache::Create();
  PutValue(cache, "o", "a");
  PutValue(cache, "o", "");
  PutValue(cache, "p", "a");
  ASSERT_EQ(cache.PutOuter("none"), absl::OkStatus());
  EXPECT_THAT(MeetEntries(cache, EntryCursor()),
              UnorderedElementsAre(Pair(Pair("o", "a"), 1), Pair(Pair("o", ""), 1),
                                   Pair(Pair("p", "a"), 1), Pair(Pair("none", "no entry"), 1)));
}

TEST(EntryCursor, OfOneOuterMeetsItsEntriesAlone) {
  Cache cache = *Cache::Create();
  PutValue(cache, "o", "a");
  PutValue(cache, "o", "b");
  PutValue(cache, "p", "c");
  ASSERT_EQ(cache.PutOuter("none"), absl::OkStatus());
  EXPECT_THAT(MeetEntries(cache, EntryCursor("o")),
              UnorderedElementsAre(Pair(Pair("o", "a"), 1), Pair(Pair("o", "b"), 1)));
  EXPECT_THAT(MeetEntries(cache, EntryCursor("none")), IsEmpty());
  EXPECT_THAT(MeetEntries(cache, EntryCursor("not there")), IsEmpty());
}

TEST(EntryCursor, GivesTheContentOfTheEntryItStandsOn) {
  Cache cache = *Cache::Create();
  for (int i = 0; i < 100; ++i) PutValue(cache, "o", std::to_string(i));
  const ReadGuard guard(cache);
  EntryCursor cursor("o");
  while (cursor.Next(guard)) {
    EXPECT_EQ(cursor.entry().record(0).Find("of").value(), cursor.inner());
  }
}

TEST(EntryCursor, GivesAllRecordsOfAnEntryAtOnceWhateverTheirStringsLieIn) {
  Cache cache = *Cache::Create();
  const std::string shared(40, 's');
  const std::string once(50, 'o');
  for (const char* const inner : {"0", "1", "2", "3", "4"}) {
    // Numbers, strings of the dictionary, strings of their own; a shape from the second on.
    ASSERT_TRUE(
        cache.Put("o", inner, Records{{{"17", shared}, {"k", once}}, {}, {{"k", inner}}}).ok());
  }
  ASSERT_TRUE(cache.Put("o", "none", Records{}).ok());
  ASSERT_TRUE(cache.PutOuter("p").ok());
  const ReadGuard guard(cache);
  EntryCursor cursor;
  std::size_t outers = 0;
  std::size_t entries = 0;
  while (cursor.Next(guard)) {
    if (cursor.began_outer()) ++outers;
    const RecordsView records = cursor.records();
    if (!cursor.entry() || cursor.inner() == "none") {
      EXPECT_EQ(records.size(), 0u);
      continue;
    }
    ++entries;
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records[0][0], (strata::Pair{"17", shared}));
    EXPECT_EQ(records[0][1], (strata::Pair{"k", once}));
    EXPECT_EQ(records[1].size(), 0u);
    EXPECT_EQ(records[2][0], (strata::Pair{"k", cursor.inner()}));
  }
  EXPECT_EQ(outers, 2u);
  EXPECT_EQ(entries, 5u);
}

TEST(EntryCursor, GivesLongListsWhole) {
  Cache cache = *Cache::Create();
  std::vector<std::string> texts;
  Records list;
  for (std::size_t i = 0; i < 1000; ++i) {
    texts.push_back("a text of two entries " + std::to_string(i));
  }
  for (const std::string& text : texts) {
    const strata::Pair pairs[] = {{"k", text}};
    list.Add(pairs);
  }
  for (const char* const inner : {"a", "b", "c"}) ASSERT_TRUE(cache.Put("o", inner, list).ok());
  const ReadGuard guard(cache);
  EntryCursor cursor("o");
  while (cursor.Next(guard)) {
    const RecordsView records = cursor.records();
    ASSERT_EQ(records.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(records[i][0].value, texts[i]);
  }
}

TEST(EntryCursor, GivesNothingThatItDecodedAheadUnderAnotherGuard) {
  Cache cache = *Cache::Create();
  // Of one size each time and large, so that entries come to lie where others lay; the numbers are
  // what a cursor writes out when it decodes.
  int written = 100000;
  const auto write_all = [&] {
    ++written;
    for (int i = 0; i < 8; ++i) {
      const std::string number = std::to_string(written);
      const std::string filler = number + std::to_string(i) + std::string(60000, '.');
      ASSERT_EQ(cache.Put("o", std::to_string(i), Records{{{"number", number}, {"f", filler}}}),
                absl::OkStatus());
    }
  };
  for (int round = 0; round < 30; ++round) {
    EntryCursor cursor("o");
    for (int met = 0; met < 8; ++met) {
      for (int i = 0; i <= round % 6; ++i) write_all();
      const ReadGuard guard(cache);
      ASSERT_TRUE(cursor.Next(guard));
      const RecordsView records = cursor.records();
      ASSERT_EQ(records.size(), 1u);
      EXPECT_EQ(records[0][0].value, std::to_string(written));
    }
  }
}

TEST(EntryCursor, KeepsItsOwnCopyOfTheOutersName) {
  Cache cache = *Cache::Create();
  PutValue(cache, "o", "a");
  auto name = std::make_unique<std::string>("o");
  EntryCursor cursor(*name);
  name->assign("#");
  name.reset();
  EXPECT_THAT(MeetEntries(cache, std::move(cursor)), ElementsAre(Pair(Pair("o", "a"), 1)));
}

TEST(Cursors, HaveEndedWhereTheyWereMovedFrom) {
  Cache cache = *Cache::Create();
  PutValue(cache, "a", "1");
  PutValue(cache, "b", "2");
  const ReadGuard guard(cache);
  OuterCursor outers;
  ASSERT_TRUE(outers.Next(guard));
  OuterCursor outers_on = std::move(outers);
  EXPECT_EQ(outers.status(), absl::OkStatus());
  EXPECT_FALSE(outers.Next(guard));
  EXPECT_EQ(outers.outer(), "");
  EXPECT_EQ(outers.entry_count(), 0u);
  EXPECT_TRUE(outers_on.Next(guard));
  EntryCursor entries;
  ASSERT_TRUE(entries.Next(guard));
  EntryCursor entries_on = std::move(entries);
  EXPECT_EQ(entries.status(), absl::OkStatus());
  EXPECT_FALSE(entries.Next(guard));
  EXPECT_EQ(entries.outer(), "");
  EXPECT_EQ(entries.inner(), "");
  EXPECT_FALSE(entries.entry());
  EXPECT_FALSE(entries.began_outer());
  EXPECT_EQ(entries.records().size(), 0u);
  EXPECT_EQ(entries.status(), absl::OkStatus());
  EXPECT_TRUE(entries_on.Next(guard));
  entries = std::move(entries_on);
  EXPECT_FALSE(entries.Next(guard));
}

TEST(Cursors, AreMovedInMidCourse) {
  Cache cache = *Cache::Create();
  for (int i = 0; i < 10; ++i) PutValue(cache, "o", std::to_string(i));
  const ReadGuard guard(cache);
  EntryCursor first;
  ASSERT_TRUE(first.Next(guard));
  EntryCursor second = std::move(first);
  EXPECT_EQ(second.outer(), "o");
  int met = 1;
  while (second.Next(guard)) ++met;
  EXPECT_EQ(met, 10);
}

TEST(Cursors, ARewrittenEntryIsMetWithItsNewContent) {
  Cache cache = *Cache::Create();
  for (int i = 0; i < 50; ++i) PutValue(cache, "o", std::to_string(i));
  int round = 0;
  const auto rewrite_all = [&] {
    ++round;
    const std::string value = "rewritten " + std::to_string(round);
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(cache.Put("o", std::to_string(i), Records{{{"of", value}}}), absl::OkStatus());
    }
  };
  EntryCursor cursor("o");
  for (int met = 0; met < 50; ++met) {
    rewrite_all();
    const ReadGuard guard(cache);
    ASSERT_TRUE(cursor.Next(guard));
    EXPECT_EQ(cursor.entry().record(0).Find("of").value(), "rewritten " + std::to_string(round));
  }
}

// Some outers and entries stay for the whole course; others come and go between the calls, in
// numbers that make the tables grow. What stays is met once, nothing is met twice that was not
// there twice.
class CursorsWhileTheCacheChanges : public testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override {
    for (int i = 0; i < 60; ++i) PutValue(cache_, "stays " + std::to_string(i % 12), Inner(i));
    for (int i = 0; i < 12; ++i) staying_outers_.insert("stays " + std::to_string(i));
    for (int i = 0; i < 60; ++i) staying_.insert({"stays " + std::to_string(i % 12), Inner(i)});
    for (int i = 0; i < 30; ++i) Disturb();
  }

  // A random change that leaves alone what stays.
  void Disturb() {
    for (int i = 0; i < 5; ++i) {
      const std::string outer = random_.Below(2) == 0 ? "stays " + std::to_string(random_.Below(12))
                                                      : "goes " + std::to_string(random_.Below(20));
      const std::string inner = "guest " + std::to_string(random_.Below(15));
      switch (random_.Below(5)) {
        case 0:
          cache_.Delete(outer, inner);
          break;
        case 1:
          if (!staying_outers_.contains(outer)) cache_.DeleteOuter(outer);
          break;
        default:
          PutValue(cache_, outer, inner);
      }
    }
    ++disturbances_;
    PutValue(cache_, "new " + std::to_string(disturbances_), "x");
    PutValue(cache_, "stays 3", "new " + std::to_string(disturbances_));
  }

  static std::string Inner(int i) { return "inner " + std::to_string(i); }

  Cache cache_ = *Cache::Create();
  kit::RandomDraws random_{GetParam()};
  std::set<std::string> staying_outers_;
  std::set<Entry> staying_;
  int disturbances_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Seeds, CursorsWhileTheCacheChanges, testing::Range<std::uint64_t>(1, 21));

TEST_P(CursorsWhileTheCacheChanges, OutersThatStayAreMetOnceAndOthersAtMostOnce) {
  const std::map<std::string, int> met = MeetOuters(cache_, [&] { Disturb(); });
  for (const std::string& outer : staying_outers_) EXPECT_EQ(met.count(outer), 1U) << outer;
  for (const auto& [outer, times] : met) EXPECT_EQ(times, 1) << outer;
}

TEST_P(CursorsWhileTheCacheChanges, EntriesThatStayAreMetOnceAndOthersAtMostOnce) {
  const std::map<Entry, int> met = MeetEntries(cache_, EntryCursor(), [&] { Disturb(); });
  for (const Entry& entry : staying_) EXPECT_EQ(met.count(entry), 1U) << entry.second;
  for (const auto& [entry, times] : met) EXPECT_EQ(times, 1) << entry.first << " " << entry.second;
}

TEST_P(CursorsWhileTheCacheChanges, EntriesOfOneOuterThatStayAreMetOnce) {
  const std::map<Entry, int> met = MeetEntries(cache_, EntryCursor("stays 3"), [&] { Disturb(); });
  for (const Entry& entry : staying_) {
    if (entry.first != "stays 3") continue;
    EXPECT_EQ(met.count(entry), 1U) << entry.second;
  }
  for (const auto& [entry, times] : met) {
    EXPECT_EQ(entry.first, "stays 3");
    EXPECT_EQ(times, 1) << entry.second;
  }
}

// A string that goes and one that comes may share what the engine names strings by. That must not
// show: an outer deleted and made again is still one outer.
TEST(Cursors, AnOuterMadeAgainAmongOthersThatGoIsMetAtMostOnce) {
  for (int victim = 0; victim < 8; ++victim) {
    Cache cache = *Cache::Create();
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(cache.PutOuter("outer " + std::to_string(i)), absl::OkStatus());
    }
    const std::string last_to_go = "outer " + std::to_string(victim);
    std::string first_met;
    const std::map<std::string, int> met = MeetOuters(cache, [&] {
      if (!first_met.empty()) return;
      {
        const ReadGuard guard(cache);
        OuterCursor cursor;
        ASSERT_TRUE(cursor.Next(guard));
        first_met = cursor.outer();
      }
      cache.DeleteOuter(first_met);
      cache.DeleteOuter(last_to_go);
      ASSERT_EQ(cache.PutOuter(first_met), absl::OkStatus());
    });
    for (const auto& [outer, times] : met) EXPECT_EQ(times, 1) << outer << ", victim " << victim;
  }
}

TEST(Cursors, AnEntryMadeAgainAmongOthersThatGoIsMetAtMostOnce) {
  for (int victim = 0; victim < 8; ++victim) {
    Cache cache = *Cache::Create();
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(cache.Put("o", "inner " + std::to_string(i), {}), absl::OkStatus());
    }
    const std::string last_to_go = "inner " + std::to_string(victim);
    bool done = false;
    const std::map<Entry, int> met = MeetEntries(cache, EntryCursor("o"), [&] {
      if (std::exchange(done, true)) return;
      std::string first_met;
      {
        const ReadGuard guard(cache);
        EntryCursor cursor("o");
        ASSERT_TRUE(cursor.Next(guard));
        first_met = cursor.inner();
      }
      cache.Delete("o", first_met);
      cache.Delete("o", last_to_go);
      ASSERT_EQ(cache.Put("o", first_met, {}), absl::OkStatus());
    });
    for (const auto& [entry, times] : met) EXPECT_EQ(times, 1) << entry.second;
  }
}

TEST(Cursors, ACursorOfOneOuterNeverGivesAnothersEntries) {
  Cache cache = *Cache::Create();
  for (int i = 0; i < 8; ++i) {
    PutValue(cache, "other", std::to_string(i));  // keeps the inners' strings alive
    PutValue(cache, "mine", std::to_string(i));
  }
  bool done = false;
  const std::map<Entry, int> met = MeetEntries(cache, EntryCursor("mine"), [&] {
    if (std::exchange(done, true)) return;
    cache.DeleteOuter("mine");
    for (int i = 0; i < 8; ++i) PutValue(cache, "next", std::to_string(i));
  });
  for (const auto& [entry, times] : met) EXPECT_EQ(entry.first, "mine") << entry.second;
}

}  // namespace
}  // namespace strata
