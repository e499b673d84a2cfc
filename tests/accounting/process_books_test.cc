// The books of this process: they add up, and each kind of memory that the test makes itself shows
// in the term that is named for it. (That the rest stays below 1 % is process_books_program.cc's.)
#include <strata/process_books.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "tests/kit/sanitizers.h"

#include <strata/memory_door.h>

namespace strata {
namespace {

class ProcessBooksTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kit::kUnderSanitizer) GTEST_SKIP() << "it has an allocator of its own";
  }
};

constexpr std::uint64_t kBytes = std::uint64_t{32} << 20;

ProcessBooks Now(std::span<const Footprint> caches = {}) {
  const absl::StatusOr<ProcessBooks> books = ReadProcessBooks(caches);
  EXPECT_TRUE(books.ok()) << books.status();
  return books.value_or(ProcessBooks{});
}

std::int64_t Term(const ProcessBooks& books, const std::string& of, const std::string& words) {
  for (const MemoryTerm& term : books.terms) {
    if (term.of == of && term.name.find(words) != std::string::npos) return term.bytes;
  }
  ADD_FAILURE() << "no term " << words;
  return 0;
}

class Mapping {
 public:
  explicit Mapping(int flags)
      : address_(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0)) {
    std::memset(address_, 1, kBytes);
  }
  ~Mapping() { munmap(address_, kBytes); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

 private:
  void* address_;
};

TEST_F(ProcessBooksTest, TermsHaveASourceAndFileMemoryHasHardlyARest) {
  const ProcessBooks books = Now();
  EXPECT_EQ(books.rss_bytes, books.anon_bytes + books.file_bytes);
  EXPECT_FALSE(books.allocator.name.empty());
  for (const MemoryTerm& term : books.terms) EXPECT_FALSE(term.source.empty()) << term.name;
  EXPECT_LE(std::abs(books.UnexplainedBytes("file")), 64 << 10);
  EXPECT_GT(Term(books, "file", "program and libraries"), 1 << 20);
  EXPECT_GT(Term(books, "anon", "data of program"), 0);
}

// A child has the pages of files only as it comes by them.
TEST_F(ProcessBooksTest, InAChildOfAForkFileMemoryHasHardlyARest) {
  const pid_t child = fork();
  if (child == 0) _exit(std::abs(Now().UnexplainedBytes("file")) <= 64 << 10 ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(ProcessBooksTest, WhatACacheHeldThatIsGoneIsTakenBack) {
  Footprint footprint = {.layout = "gone"};
  {
    MemoryDoor door;
    void* const block = door.Allocate(0, kBytes);
    std::memset(block, 1, kBytes);
    footprint.allocated_bytes = door.allocated_bytes();
    footprint.heap_blocks = 1;
    footprint.door = door.number();
    door.Free(0, block);
  }
  const ProcessBooks books = Now({&footprint, 1});
  EXPECT_EQ(Term(books, "anon", "change since"),
            -static_cast<std::int64_t>(footprint.allocated_bytes));
  EXPECT_EQ(Term(books, "anon", "layout gone"),
            static_cast<std::int64_t>(footprint.allocated_bytes));
}

TEST_F(ProcessBooksTest, WhatNobodyIsKnownToHaveIsTheRestAndNoTerm) {
  const std::int64_t before = Now().UnexplainedBytes("anon");
  const Mapping unknown(MAP_PRIVATE);
  EXPECT_NEAR(static_cast<double>(Now().UnexplainedBytes("anon") - before),
              static_cast<double>(kBytes), 1 << 20);
}

TEST_F(ProcessBooksTest, SharedMemoryIsATermOfFileMemory) {
  const std::int64_t before = Term(Now(), "file", "shared mappings");
  const Mapping shared(MAP_SHARED);
  EXPECT_EQ(Term(Now(), "file", "shared mappings") - before, static_cast<std::int64_t>(kBytes));
}

TEST_F(ProcessBooksTest, StacksOfThreadsThatStandStillAreFound) {
  const std::int64_t before = Term(Now(), "anon", "stacks");
  std::mutex mutex;
  std::condition_variable changed;
  bool deep = false;
  bool done = false;
  std::thread thread([&] {
    volatile char bytes[4 << 20];
    for (std::size_t i = 0; i < sizeof(bytes); i += 4096) bytes[i] = 1;
    std::unique_lock lock(mutex);
    deep = true;
    changed.notify_all();
    changed.wait(lock, [&] { return done; });
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return deep; });
  }
  EXPECT_GE(Term(Now(), "anon", "stacks"), before + (4 << 20));
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  changed.notify_all();
  thread.join();
}

TEST_F(ProcessBooksTest, StacksOfThreadsThatNeverStandStillAreFound) {
  const std::int64_t before = Term(Now(), "anon", "stacks");
  std::atomic<bool> deep = false;
  std::atomic<bool> done = false;
  std::thread thread([&] {
    volatile char bytes[4 << 20];
    for (std::size_t i = 0; i < sizeof(bytes); i += 4096) bytes[i] = 1;
    deep = true;
    while (!done) bytes[0] = 1;
  });
  while (!deep) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) EXPECT_GE(Term(Now(), "anon", "stacks"), before + (4 << 20));
  done = true;
  thread.join();
}

// So large that glibc gives it a mapping of its own, whatever was freed before.
constexpr std::size_t kLargeBytes = std::size_t{48} << 20;
constexpr std::size_t kTouchedBytes = std::size_t{3} << 20;

// Writes to the beginning of a large block. (One that nobody looks at might be left out.)
void Touch(void* block) {
  std::memset(block, 1, kTouchedBytes);
  asm volatile("" : : "r"(block) : "memory");
}

// One that comes through a door of its own, touched.
class LargeBlock {
 public:
  LargeBlock() : block_(door_.Allocate(0, kLargeBytes)) { Touch(block_); }
  LargeBlock(const LargeBlock&) = delete;
  LargeBlock& operator=(const LargeBlock&) = delete;
  ~LargeBlock() { door_.Free(0, block_); }

  Footprint AsCache() const {
    return {.layout = "test", .allocated_bytes = door_.allocated_bytes(), .heap_blocks = 1};
  }

 private:
  MemoryDoor door_;
  void* block_;
};

constexpr double kNearBytes = 128 << 10;

TEST_F(ProcessBooksTest, OfACachesLargeBlockOnlyWhatWasTouchedIsItsMemory) {
  const std::int64_t before = Now().UnexplainedBytes("anon");
  const LargeBlock block;
  const Footprint cache = block.AsCache();
  const ProcessBooks books = Now({&cache, 1});
  EXPECT_EQ(Term(books, "anon", "layout test"), static_cast<std::int64_t>(cache.allocated_bytes));
  EXPECT_NEAR(static_cast<double>(Term(books, "anon", "of that, not resident")),
              -static_cast<double>(kLargeBytes - kTouchedBytes), kNearBytes);
  EXPECT_NEAR(static_cast<double>(books.UnexplainedBytes("anon")), static_cast<double>(before),
              kNearBytes);
}

TEST_F(ProcessBooksTest, CachesAreToldApartByTheirNamesAndAnOnlyOneByItsLayout) {
  const Footprint one = {.layout = "test", .allocated_bytes = 1000, .cache = "one"};
  const Footprint two = {.layout = "test", .allocated_bytes = 2000, .cache = "two"};
  const ProcessBooks both = Now(std::array{one, two});
  EXPECT_EQ(Term(both, "anon", "layout test of one"), 1000);
  EXPECT_EQ(Term(both, "anon", "layout test of two"), 2000);
  EXPECT_EQ(Now({&two, 1}).terms.front().name, "layout test");
}

TEST_F(ProcessBooksTest, ACacheThatIsGivenTwiceCountsOnce) {
  MemoryDoor door;
  void* const block = door.Allocate(0, kLargeBytes);
  std::memset(block, 1, kLargeBytes);
  const Footprint cache = {.layout = "test",
                           .allocated_bytes = door.allocated_bytes(),
                           .door = door.number(),
                           .heap_blocks = 1,
                           .cache = "one"};
  Footprint again = cache;
  again.cache = "two";
  const Footprint other = {.layout = "test", .allocated_bytes = 1000, .cache = "other"};
  const ProcessBooks books = Now(std::array{cache, again, other, other});
  std::vector<std::int64_t> layouts;
  for (const MemoryTerm& term : books.terms) {
    if (term.name.starts_with("layout ")) layouts.push_back(term.bytes);
  }
  // Of those whose doors are not known nobody can say.
  EXPECT_THAT(layouts, testing::ElementsAre(cache.allocated_bytes, 1000, 1000));
  EXPECT_EQ(Term(books, "anon", "layout test of one"),
            static_cast<std::int64_t>(cache.allocated_bytes));
  EXPECT_NEAR(static_cast<double>(books.UnexplainedBytes("anon")),
              static_cast<double>(Now({&cache, 1}).UnexplainedBytes("anon")), kNearBytes);
  door.Free(0, block);
}

TEST_F(ProcessBooksTest, WhatADoorTookSinceTheMeasurementIsATermAndNoRest) {
  MemoryDoor door;
  void* const first = door.Allocate(0, 1000);
  const Footprint cache = {.layout = "test",
                           .allocated_bytes = door.allocated_bytes(),
                           .door = door.number(),
                           .heap_blocks = 1};
  const ProcessBooks before = Now({&cache, 1});
  EXPECT_EQ(Term(before, "anon", "change since measured"), 0);
  void* const second = door.Allocate(0, kLargeBytes);
  std::memset(second, 1, kLargeBytes);
  const ProcessBooks books = Now({&cache, 1});
  EXPECT_EQ(Term(books, "anon", "change since measured"),
            static_cast<std::int64_t>(MemoryDoor::ReservedBytes(second)));
  EXPECT_NEAR(static_cast<double>(books.UnexplainedBytes("anon")),
              static_cast<double>(before.UnexplainedBytes("anon")), kNearBytes);
  door.Free(0, second);
  door.Free(0, first);
}

// They are missing where they were, and so would be taken back a second time.
TEST_F(ProcessBooksTest, PagesGivenBackSinceTheMeasurementAreMissingOnce) {
  MemoryDoor door;
  char* const range = static_cast<char*>(MemoryDoor::ReserveRange(kBytes));
  ASSERT_NE(range, nullptr);
  ASSERT_TRUE(door.TryTakePages(0, kBytes));
  std::memset(range, 1, kBytes / 2);
  Footprint cache = {.layout = "test",
                     .allocated_bytes = door.allocated_bytes(),
                     .door = door.number(),
                     .pages = {{.begin = range, .size_bytes = kBytes}}};
  cache.absent_page_bytes = MemoryDoor::AbsentBytes(cache.pages);
  EXPECT_EQ(cache.absent_page_bytes, kBytes / 2);
  const std::int64_t before = Now({&cache, 1}).UnexplainedBytes("anon");
  door.ReturnPages(0, range, kBytes / 4);
  EXPECT_NEAR(static_cast<double>(Now({&cache, 1}).UnexplainedBytes("anon")),
              static_cast<double>(before), kNearBytes);
  door.ReturnPages(0, range + kBytes / 4, kBytes - kBytes / 4);
  MemoryDoor::FreeRange(range, kBytes);
}

// Its pages that are not there would otherwise be taken back from what the cache has.
TEST_F(ProcessBooksTest, OfSomebodyElsesLargeBlockNothingIsTakenBackAndWhatWasTouchedIsRest) {
  const LargeBlock block;
  const Footprint cache = block.AsCache();
  const ProcessBooks before = Now({&cache, 1});
  void* const foreign = std::calloc(1, kLargeBytes);
  Touch(foreign);
  const ProcessBooks books = Now({&cache, 1});
  for (const MemoryTerm& term : books.terms) {
    // Terms of the container may come and go meanwhile.
    if (term.of != "anon") continue;
    EXPECT_NEAR(static_cast<double>(term.bytes),
                static_cast<double>(Term(before, "anon", term.name)), kNearBytes)
        << term.name;
  }
  EXPECT_NEAR(static_cast<double>(books.UnexplainedBytes("anon") - before.UnexplainedBytes("anon")),
              static_cast<double>(kTouchedBytes), kNearBytes);
  std::free(foreign);
}

TEST_F(ProcessBooksTest, ReservedAddressesCostNoTimeAndNoTerm) {
  void* const range = MemoryDoor::ReserveRange(std::size_t{1} << 40);
  if (range == nullptr) return;  // the system refuses: nothing to look at
  const std::int64_t before = Now().UnexplainedBytes("anon");
  EXPECT_NEAR(static_cast<double>(Now().UnexplainedBytes("anon")), static_cast<double>(before),
              1 << 20);
  MemoryDoor::FreeRange(range, std::size_t{1} << 40);
}

}  // namespace
}  // namespace strata
