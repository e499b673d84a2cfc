// Readers beside writers: whatever is read is one version of its key, whole; no key goes back;
// views keep their bytes as long as their guard; and when all is over nothing is kept back.
//
// Bounded by numbers of operations. What is checked and how: stress_content.h, stress_board.h.
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cache/stress_board.h"
#include "tests/cache/stress_content.h"
#include "tests/cache/stress_reader.h"
#include "tests/cache/stress_writer.h"
#include "tests/kit/sanitizers.h"

#include <strata/cache.h>

namespace strata::stress {
namespace {

// ThreadSanitizer makes each operation ten times as slow.
constexpr std::size_t kScale = kit::kUnderSanitizer ? 1 : 4;
constexpr std::size_t kOperations = 8'000 * kScale;  // of each writer
constexpr std::size_t kRounds = 500 * kScale;        // of each reader, at least
constexpr std::size_t kMaintainBytes = std::size_t{1} << 20;

class ReadersBesideWriter : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<Cache> made = Cache::Create();
    ASSERT_TRUE(made.ok()) << made.status();
    cache_ = std::make_unique<Cache>(*std::move(made));
  }

  // A writer of its own thread, on the board from here on.
  void StartWriter(std::size_t number, std::size_t writers) {
    writers_.push_back(
        std::make_unique<Writer>(*cache_, script_, board_, faults_, number, writers));
    threads_.emplace_back([writer = writers_.back().get()] { writer->Run(kOperations); });
  }
  void StartReader(Demand demand) {
    readers_.push_back(
        std::make_unique<Reader>(*cache_, board_, faults_, demand, 100 + readers_.size()));
    threads_.emplace_back([reader = readers_.back().get()] { reader->Run(kRounds); });
  }
  void JoinAll() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  // Takes every key a few versions on, so that there is something to read.
  void Fill() {
    Writer writer(*cache_, script_, board_, faults_, 0, 1);
    for (std::size_t key = 0; key < Keys().size(); ++key) writer.Advance(key);
    writer.Run(0);
  }

  void ExpectNoFaults() { EXPECT_EQ(faults_.text(), ""); }
  void ExpectContentOfScript();
  void ExpectNothingKeptBack();

  std::unique_ptr<Cache> cache_;
  Script script_;
  Board board_;
  Faults faults_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::thread> threads_;
};

// All keys, and their number, stand where the writers left them.
void ReadersBesideWriter::ExpectContentOfScript() {
  std::uint64_t entries = 0;
  std::uint64_t records = 0;
  std::uint64_t pairs = 0;
  const ReadGuard guard(*cache_);
  for (std::size_t key = 0; key < Keys().size(); ++key) {
    const State& state = script_.states[key];
    const Observation seen =
        Observe(key, guard.Get(OuterName(Keys()[key].outer), Keys()[key].inner));
    EXPECT_EQ(seen.fault, "") << "key " << key;
    EXPECT_EQ(seen.present, state.present()) << "key " << key;
    EXPECT_EQ(seen.stamps, state.stamps()) << "key " << key;
    if (!seen.stamps.empty()) {
      EXPECT_EQ(seen.generation, state.generation()) << "key " << key;
    }
    entries += state.present() ? 1 : 0;
    records += state.stamps().size();
    for (const Stamp& stamp : state.stamps()) {
      pairs += RecordOf(key, state.generation(), stamp).size();
    }
  }
  const Counts counts = cache_->counts();
  EXPECT_EQ(counts.entries, entries);
  EXPECT_EQ(counts.records, records);
  EXPECT_EQ(counts.pairs, pairs);
}

// No guard is open: after maintenance to idle nothing waits for readers any more.
void ReadersBesideWriter::ExpectNothingKeptBack() {
  EXPECT_TRUE(cache_->Validate().ok()) << cache_->Validate();
  while (cache_->Maintain(kMaintainBytes)) {
  }
  EXPECT_TRUE(cache_->Validate().ok()) << cache_->Validate();
  const Footprint footprint = cache_->MeasureFootprint();
  EXPECT_EQ(footprint.total_bytes(), footprint.allocated_bytes);
  EXPECT_EQ(footprint.allocated_bytes, cache_->memory().allocated_bytes);
  const Layer* const retained = footprint.Find("retained");
  ASSERT_NE(retained, nullptr);
  EXPECT_EQ(retained->total_bytes(), 0u);
}

TEST_F(ReadersBesideWriter, SeeEveryEntryWholeAndNeverGoBack) {
  StartWriter(0, 1);
  StartReader(Demand::kStrict);
  StartReader(Demand::kLoose);
  StartReader(Demand::kLoose);
  JoinAll();
  ExpectNoFaults();
  for (const auto& reader : readers_) EXPECT_GE(reader->reads(), kRounds / 2);
  ExpectContentOfScript();
  ExpectNothingKeptBack();
}

TEST_F(ReadersBesideWriter, SeeTheSameBesideTwoThatTakeTurns) {
  StartWriter(0, 2);
  StartWriter(1, 2);
  StartReader(Demand::kStrict);
  StartReader(Demand::kLoose);
  JoinAll();
  ExpectNoFaults();
  ExpectContentOfScript();
  ExpectNothingKeptBack();
}

TEST_F(ReadersBesideWriter, HoldViewsOverThousandsOfWrites) {
  Fill();
  constexpr std::uint64_t kHoldWrites = 2'000;
  for (std::size_t i = 0; i < 2; ++i) {
    readers_.push_back(std::make_unique<Reader>(*cache_, board_, faults_, Demand::kStrict, i));
  }
  // The first hold begins before the first write, so one lasts over so many writes at least.
  std::atomic<bool> holding{false};
  writers_.push_back(std::make_unique<Writer>(*cache_, script_, board_, faults_, 0, 1));
  threads_.emplace_back([&] {
    holding.wait(false);
    writers_[0]->Run(kOperations / 2);
  });
  std::optional<ReadGuard> guard(std::in_place, *cache_);
  std::list<HeldEntry> held;
  for (const Key& key : Keys()) {
    if (const EntryReader entry = guard->Get(OuterName(key.outer), key.inner)) {
      held.emplace_back(entry);
    }
  }
  EXPECT_GT(held.size(), Keys().size() / 2);
  holding = true;
  holding.notify_one();
  for (const auto& reader : readers_) {
    threads_.emplace_back([this, reader = reader.get()] {
      do {
        reader->HoldViews(kHoldWrites);
        reader->OpenManyGuards(8);
      } while (board_.writing());
    });
  }
  while (board_.writing() && board_.writes() < kHoldWrites) {
    for (const HeldEntry& entry : held) {
      if (!entry.Unchanged()) faults_.Add("a view changed under its guard");
    }
  }
  guard.reset();
  JoinAll();
  ExpectNoFaults();
  ExpectContentOfScript();
  ExpectNothingKeptBack();
}

TEST_F(ReadersBesideWriter, KeepBackWhatAGuardMayReadAndNoLonger) {
  Fill();
  Writer writer(*cache_, script_, board_, faults_, 0, 1);
  std::optional<ReadGuard> guard(std::in_place, *cache_);
  std::list<HeldEntry> held;
  for (const Key& key : Keys()) {
    if (const EntryReader entry = guard->Get(OuterName(key.outer), key.inner)) {
      held.emplace_back(entry);
    }
  }
  std::thread([&] {
    writer.Clear();
    for (int round = 0; round < 20; ++round) {
      for (std::size_t key = 0; key < Keys().size(); ++key) writer.Advance(key);
    }
    writer.Run(0);
    while (cache_->Maintain(kMaintainBytes)) {
    }
  }).join();
  for (const HeldEntry& entry : held) EXPECT_TRUE(entry.Unchanged());
  const Footprint beside = cache_->MeasureFootprint();
  EXPECT_EQ(beside.total_bytes(), beside.allocated_bytes);
  const Layer* const retained = beside.Find("retained");
  ASSERT_NE(retained, nullptr);
  EXPECT_GT(retained->total_bytes(), 0u);
  EXPECT_TRUE(cache_->Validate().ok()) << cache_->Validate();
  guard.reset();
  ExpectNoFaults();
  ExpectContentOfScript();
  ExpectNothingKeptBack();
  EXPECT_LT(cache_->memory().allocated_bytes, beside.allocated_bytes);
}

TEST_F(ReadersBesideWriter, HoldMoreGuardsAtOnceThanMachinesHaveProcessors) {
  constexpr std::size_t kThreads = 140;
  Fill();
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t holding = 0;
  bool written = false;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads_.emplace_back([&, i] {
      const ReadGuard guard(*cache_);
      const ReadGuard nested(*cache_);
      const Key& key = Keys()[i % Keys().size()];
      const EntryReader entry = nested.Get(OuterName(key.outer), key.inner);
      std::optional<HeldEntry> held;
      if (entry) held.emplace(entry);
      std::unique_lock<std::mutex> lock(mutex);
      if (++holding == kThreads) changed.notify_all();
      changed.wait(lock, [&] { return written; });
      lock.unlock();
      if (held.has_value() && !held->Unchanged()) faults_.Add("a view changed under its guard");
    });
  }
  {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return holding == kThreads; });
  }
  Reader reader(*cache_, board_, faults_, Demand::kStrict, 1);
  reader.OpenManyGuards(300);  // in one thread, beside those of the others
  Writer writer(*cache_, script_, board_, faults_, 0, 1);
  writer.Run(kOperations / 8);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    written = true;
  }
  changed.notify_all();
  JoinAll();
  ExpectNoFaults();
  ExpectContentOfScript();
  ExpectNothingKeptBack();
}

TEST_F(ReadersBesideWriter, MayComeAndGo) {
  constexpr std::size_t kThreads = 50 * kScale;
  StartWriter(0, 1);
  for (std::size_t i = 0; i < kThreads; i += 2) {
    std::thread pair[2];
    for (std::size_t j = 0; j < 2; ++j) {
      pair[j] = std::thread([this, seed = i + j] {
        Reader reader(*cache_, board_, faults_, Demand::kStrict, seed);
        for (std::size_t key = 0; key < Keys().size(); ++key) reader.ReadEntry(key);
        reader.EnumerateEntries(kOuters, Reader::Guards::kOneAStep);
      });
    }
    for (std::thread& thread : pair) thread.join();
  }
  JoinAll();
  ExpectNoFaults();
  ExpectContentOfScript();
  ExpectNothingKeptBack();
}

// One reading thread, which outlives caches: one may lie where another lay, or be moved.
TEST_F(ReadersBesideWriter, SurviveTheCachesTheyRead) {
  constexpr std::size_t kCaches = 10 * kScale;
  Fill();
  for (std::size_t i = 0; i < kCaches; ++i) {
    absl::StatusOr<Cache> made = Cache::Create();
    ASSERT_TRUE(made.ok());
    Cache cache = *std::move(made);
    Script script;
    Board board;
    Writer writer(cache, script, board, faults_, i % 2, 2);
    std::thread writing([&] { writer.Run(400); });
    Reader reader(cache, board, faults_, Demand::kLoose, i);
    Reader other(*cache_, board_, faults_, Demand::kStrict, i);
    {
      const ReadGuard guard_of_other(*cache_);
      reader.Run(20);
      other.OpenManyGuards(10);
    }
    writing.join();
    EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
  }
  ExpectNoFaults();
}

}  // namespace
}  // namespace strata::stress
