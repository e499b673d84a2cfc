// Many threads read one cache at once, while nobody writes: what each sees is what was put.
#include <strata/cache.h>

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace strata {
namespace {

constexpr std::size_t kOuters = 8;
constexpr std::size_t kInners = 200;
constexpr std::size_t kRecords = 20;

std::string OuterName(std::size_t outer) { return "outer" + std::to_string(outer); }
std::string InnerName(std::size_t inner) { return std::to_string(inner); }
std::string ValueOf(std::size_t outer, std::size_t inner, std::size_t record) {
  return std::to_string(outer) + "/" + std::to_string(inner) + "/" + std::to_string(record % 3);
}

void Fill(Cache& cache) {
  for (std::size_t outer = 0; outer < kOuters; ++outer) {
    for (std::size_t inner = 0; inner < kInners; ++inner) {
      for (std::size_t record = 0; record < kRecords; ++record) {
        const std::string value = ValueOf(outer, inner, record);
        const std::string number = InnerName(record);
        const Pair pairs[] = {{"value", value}, {"record", number}};
        ASSERT_TRUE(cache.Append(OuterName(outer), InnerName(inner), pairs).ok());
      }
    }
  }
}

// Looks every pair up, from a place of its own on; the number of wrong answers.
std::size_t LookEverythingUp(const Cache& cache, std::size_t from) {
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kOuters * kInners; ++i) {
    const std::size_t outer = (from + i) % kOuters;
    const std::size_t inner = (from + i / kOuters) % kInners;
    const std::size_t record = i % kRecords;
    const ReadGuard guard(cache);
    const PairCursor value = guard.Find(OuterName(outer), InnerName(inner), record, "value");
    if (!value.valid() || value.value() != ValueOf(outer, inner, record)) ++wrong;
    const PairCursor number = guard.Find(OuterName(outer), InnerName(inner), record, "record");
    if (!number.valid() || number.value() != InnerName(record)) ++wrong;
  }
  return wrong;
}

std::size_t CountByEnumerating(const Cache& cache) {
  std::size_t pairs = 0;
  EntryCursor entries;
  while (true) {
    const ReadGuard guard(cache);
    if (!entries.Next(guard)) break;
    const EntryReader entry = entries.entry();
    for (RecordCursor record = entry.records(); record.valid(); record.Next()) {
      for (PairCursor pair = record.record().pairs(); pair.valid(); pair.Next()) ++pairs;
    }
  }
  return pairs;
}

TEST(Readers, SeeEverythingFromManyThreadsAtOnce) {
  absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  Fill(*cache);
  std::atomic<std::size_t> wrong{0};
  std::atomic<std::size_t> counted{0};
  constexpr std::size_t kThreads = 4;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      wrong += LookEverythingUp(*cache, i * 37);
      counted += CountByEnumerating(*cache);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(counted, kThreads * kOuters * kInners * kRecords * 2);
}

}  // namespace
}  // namespace strata
