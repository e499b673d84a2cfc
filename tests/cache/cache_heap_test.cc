// The cache with every allocation of the process's heap failing in turn, the door's and those
// outside it alike (cursors, records with repeated keys, the check of invariants): no exception
// comes out, an error says what was short, and what the cache holds is what it held.
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tests/kit/failing_heap.h"

#include <strata/cache.h>

namespace strata {
namespace {

using Record = std::vector<std::pair<std::string, std::string>>;
using Content = std::map<std::pair<std::string, std::string>, std::vector<Record>>;

std::string Text(std::size_t number) {
  return "a text that is met more than once, number " + std::to_string(number);
}

// An outer with a table and small ones, texts in the dictionary, one list that is long.
void Fill(Cache& cache) {
  for (std::size_t i = 0; i < 30; ++i) {
    const std::string text = Text(i % 7);
    const std::string inner = std::to_string(i);
    for (const std::string& outer : {std::string("large"), "small " + std::to_string(i % 5)}) {
      ASSERT_TRUE(cache.Put(outer, inner, Records{{{"k", text}, {"n", "17"}}, {{"k", text}}}).ok());
    }
    ASSERT_TRUE(cache.Append("large", "long", Records{{{"k", text}}}.view()[0]).ok());
  }
  ASSERT_TRUE(cache.PutOuter("empty").ok());
}

absl::Status Read(const Cache& cache, Content* content) {
  const ReadGuard guard(cache);
  EntryCursor entries;
  while (entries.Next(guard)) {
    const UnarmedHeap unarmed;
    const std::string outer(entries.outer());
    if (!entries.entry()) {
      (*content)[{outer, "no entry"}];
      continue;
    }
    std::vector<Record>& list = (*content)[{outer, std::string(entries.inner())}];
    RecordCursor record = entries.entry().records();
    for (; record.valid(); record.Next()) {
      Record& read = list.emplace_back();
      for (PairCursor pair = record.record().pairs(); pair.valid(); pair.Next()) {
        read.emplace_back(pair.key(), pair.value());
      }
    }
  }
  return entries.status();
}

absl::Status ReadAtOnce(const Cache& cache, Content* content) {
  const ReadGuard guard(cache);
  EntryCursor entries;
  while (entries.Next(guard)) {
    const RecordsView records = entries.records();
    const UnarmedHeap unarmed;
    if (!entries.status().ok()) break;
    const std::string inner(entries.entry() ? entries.inner() : "no entry");
    std::vector<Record>& list = (*content)[{std::string(entries.outer()), inner}];
    for (std::size_t i = 0; i < records.size(); ++i) {
      Record& read = list.emplace_back();
      for (const Pair& pair : records[i]) read.emplace_back(pair.key, pair.value);
    }
  }
  return entries.status();
}

// `act` once for each allocation it makes, that one failing; what it returns where none fails is
// OK.
void FailEachInTurn(const std::function<absl::Status(Cache&)>& act) {
  int failures = 0;
  for (long n = 1;; ++n) {
    ASSERT_LT(n, 10000);
    absl::StatusOr<Cache> cache = Cache::Create();
    ASSERT_TRUE(cache.ok());
    Fill(*cache);
    Content before;
    ASSERT_TRUE(Read(*cache, &before).ok());
    ArmHeap(n);
    const absl::Status status = act(*cache);
    const bool passed = DisarmHeap();
    ASSERT_TRUE(cache->Validate().ok()) << cache->Validate();
    if (!status.ok()) {
      ++failures;
      ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
      Content after;
      ASSERT_TRUE(Read(*cache, &after).ok());
      ASSERT_EQ(after, before) << "with allocation " << n << " failing";
    }
    if (passed) break;
  }
  EXPECT_GT(failures, 0);
}

TEST(CacheHeap, APutThatFindsNoMemoryChangesNothing) {
  // More pairs than are compared without a copy, and a key that repeats.
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < 20; ++i) keys.push_back(Text(100 + i));
  std::vector<Pair> record;
  for (const std::string& key : keys) record.push_back({key, key});
  record.push_back({keys[0], "another"});
  FailEachInTurn([&](Cache& cache) {
    Records list;
    {
      const UnarmedHeap unarmed;
      list.Add(record);
    }
    return cache.Put("large", "new", list);
  });
}

TEST(CacheHeap, AnAppendOrInsertionThatFindsNoMemoryChangesNothing) {
  const std::string text = Text(1);
  const Pair pairs[] = {{"k", text}, {"k", "again"}};
  FailEachInTurn([&](Cache& cache) { return cache.Append("large", "long", pairs); });
  FailEachInTurn([&](Cache& cache) { return cache.InsertRecord("large", "long", 3, pairs); });
  FailEachInTurn([&](Cache& cache) { return cache.Append("new outer", "inner", pairs); });
}

TEST(CacheHeap, AnEditThatFindsNoMemoryChangesNothing) {
  const std::string text = Text(2);
  const std::string long_text(70000, 'l');
  const Pair pairs[] = {{"k", text}, {"m", long_text}};
  FailEachInTurn([&](Cache& cache) { return cache.UpdateRecord("large", "long", 3, pairs); });
  FailEachInTurn([&](Cache& cache) { return cache.UpdateRecord("small 1", "1", 0, pairs); });
}

// Making the words of an error takes memory too.
TEST(CacheHeap, AnErrorThatFindsNoMemoryForItsWordsIsStillAnError) {
  const Pair pairs[] = {{"k", "v"}};
  const std::string_view endless(pairs[0].key.data(), std::size_t{1} << 32);
  const std::function<absl::Status(Cache&)> errors[] = {
      [&](Cache& cache) { return cache.UpdateRecord("large", "1", 99, pairs); },
      [&](Cache& cache) { return cache.UpdateRecord("large", "nobody", 0, pairs); },
      [&](Cache& cache) { return cache.InsertRecord("large", "1", 99, pairs); },
      [&](Cache& cache) { return cache.RemoveRecord("nobody", "1", 0); },
      [&](Cache& cache) { return cache.PutOuter(endless); },
  };
  for (const auto& error : errors) {
    int failures = 0;
    for (long n = 1;; ++n) {
      ASSERT_LT(n, 100);
      absl::StatusOr<Cache> cache = Cache::Create();
      ASSERT_TRUE(cache.ok());
      Fill(*cache);
      const Counts before = cache->counts();
      ArmHeap(n);
      const absl::Status status = error(*cache);
      const bool passed = DisarmHeap();
      EXPECT_FALSE(status.ok());
      EXPECT_EQ(cache->counts(), before);
      EXPECT_TRUE(cache->Validate().ok()) << cache->Validate();
      if (passed) break;
      ++failures;
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    }
    EXPECT_GT(failures, 0);
  }
}

// The first fails for the limit, and then there is no memory to say so.
TEST(CacheHeap, AWriteBeyondTheLimitFailsWithoutMemoryToo) {
  absl::StatusOr<Cache> cache = Cache::Create({.memory_limit_bytes = std::uint64_t{1} << 20});
  ASSERT_TRUE(cache.ok());
  Fill(*cache);
  const std::string large(2 << 20, 'x');
  const Counts before = cache->counts();
  for (long n = 1;; ++n) {
    ASSERT_LT(n, 1000);
    ArmHeap(n);
    const Pair pairs[] = {{"k", large}};
    const absl::Status status = cache->Append("large", "long", pairs);
    const bool passed = DisarmHeap();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_EQ(cache->counts(), before);
    ASSERT_TRUE(cache->Validate().ok()) << cache->Validate();
    if (passed) break;
  }
}

TEST(CacheHeap, AFootprintThatFindsNoMemoryIsEmpty) {
  absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  Fill(*cache);
  int empty = 0;
  for (long n = 1;; ++n) {
    ASSERT_LT(n, 1000);
    ArmHeap(n);
    const Footprint footprint = cache->MeasureFootprint();
    const bool passed = DisarmHeap();
    if (footprint.layers.empty()) {
      EXPECT_TRUE(footprint.layout.empty());
      ++empty;
    } else {
      EXPECT_EQ(footprint.total_bytes(), cache->memory().allocated_bytes);
    }
    if (passed) break;
  }
  EXPECT_GT(empty, 0);
}

TEST(CacheHeap, ACacheThatFindsNoMemoryIsNotMade) {
  int failures = 0;
  for (long n = 1;; ++n) {
    ASSERT_LT(n, 100);
    ArmHeap(n);
    const absl::Status status = Cache::Create().status();
    const bool passed = DisarmHeap();
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
      ++failures;
    }
    if (passed) break;
  }
  EXPECT_GT(failures, 0);
}

TEST(CacheHeap, AnEnumerationThatFindsNoMemorySaysSo) {
  for (const auto read : {&Read, &ReadAtOnce}) {
    FailEachInTurn([&](Cache& cache) {
      Content all;
      return read(cache, &all);
    });
  }
}

TEST(CacheHeap, AMeasurementOfOutersThatFindsNoMemorySaysSo) {
  FailEachInTurn([](Cache& cache) { return cache.LargestOuters(3).status(); });
}

TEST(CacheHeap, ACheckThatFindsNoMemorySaysSo) {
  FailEachInTurn([](Cache& cache) { return cache.Validate(); });
}

TEST(CacheHeap, DeletingAndCleaningNeverFail) {
  for (long n = 1;; ++n) {
    absl::StatusOr<Cache> cache = Cache::Create();
    ASSERT_TRUE(cache.ok());
    Fill(*cache);
    ArmHeap(n);
    EXPECT_TRUE(cache->Delete("large", "long"));
    EXPECT_TRUE(cache->Delete("small 0", "0"));
    EXPECT_TRUE(cache->DeleteOuter("small 1"));
    while (cache->Maintain(1000)) {
    }
    const bool passed = DisarmHeap();
    ASSERT_TRUE(cache->Validate().ok()) << cache->Validate();
    EXPECT_EQ(cache->counts().outers, 6u);
    if (passed) break;
  }
}

}  // namespace
}  // namespace strata
