// The walk over glibc's heaps, against what glibc counts itself and against blocks of the test's
// own.
#include "accounting/glibc_heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <latch>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/kit/sanitizers.h"

#include <strata/process_memory.h>

namespace strata {
namespace {

class GlibcHeapTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kit::kUnderSanitizer) GTEST_SKIP() << "it has an allocator of its own";
  }
};

GlibcHeap Walk() {
  const auto mappings = ReadMappings();
  EXPECT_TRUE(mappings.ok()) << mappings.status();
  std::vector<Mapping> some = Merged(*mappings);
  std::erase_if(some, [](const Mapping& mapping) { return mapping.anon_bytes == 0; });
  const absl::StatusOr<PageMap> page_map = PageMap::Open();
  EXPECT_TRUE(page_map.ok()) << page_map.status();
  const absl::StatusOr<GlibcHeap> heap = WalkGlibcHeap(some, *page_map);
  EXPECT_TRUE(heap.ok()) << heap.status();
  return heap.value_or(GlibcHeap{});
}

using Block = std::unique_ptr<char[]>;

std::vector<Block> Blocks(std::size_t count, std::size_t size_bytes) {
  std::vector<Block> blocks(count);
  for (Block& block : blocks) {
    block = std::make_unique<char[]>(size_bytes);
    std::memset(block.get(), 1, size_bytes);
  }
  return blocks;
}

// That the walk found what mallinfo2 counts, but for what the test's own calls change meanwhile.
void ExpectGlibcsFigures(const GlibcHeap& heap) {
  constexpr double kMeanwhileBytes = 64 << 10;
  const struct mallinfo2 info = mallinfo2();
  EXPECT_NEAR(static_cast<double>(heap.in_use_bytes + heap.cached_bytes),
              static_cast<double>(info.uordblks), kMeanwhileBytes);
  EXPECT_NEAR(static_cast<double>(heap.free_bytes + heap.fast_bytes + heap.top_bytes),
              static_cast<double>(info.fordblks), kMeanwhileBytes);
  EXPECT_NEAR(static_cast<double>(heap.fast_bytes), static_cast<double>(info.fsmblks),
              kMeanwhileBytes);
  EXPECT_EQ(heap.unwalked_bytes, 0u);
  EXPECT_EQ(heap.mapped_bytes, info.hblkhd);
  EXPECT_EQ(heap.mapped_blocks, info.hblks);
}

TEST_F(GlibcHeapTest, FindsWhatGlibcCounts) {
  const std::vector<Block> small = Blocks(20'000, 100);
  const std::vector<Block> large = Blocks(5, 1 << 20);
  const GlibcHeap heap = Walk();
  ExpectGlibcsFigures(heap);
  EXPECT_GE(heap.mapped_blocks, 5u);
  EXPECT_EQ(heap.heap_bytes, heap.in_use_bytes + heap.cached_bytes + heap.free_bytes +
                                 heap.fast_bytes + heap.top_bytes);
}

TEST_F(GlibcHeapTest, FindsTheHeapsOfOtherThreads) {
  const GlibcHeap before = Walk();
  std::vector<Block> blocks;
  std::thread([&] { blocks = Blocks(50'000, 100); }).join();
  const GlibcHeap after = Walk();
  ExpectGlibcsFigures(after);
  EXPECT_GE(after.in_use_blocks, before.in_use_blocks + 50'000);
}

TEST_F(GlibcHeapTest, FragmentationIsWhatFreeBlocksHoldOfResidentPages) {
  std::vector<Block> blocks = Blocks(200'000, 200);
  const GlibcHeap full = Walk();
  // One in twenty stays: no page gets free, and none can go back.
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 20 != 0) blocks[i].reset();
  }
  TrimAllocator();
  const GlibcHeap holes = Walk();
  EXPECT_GT(holes.resident_free_bytes, full.resident_free_bytes + (std::uint64_t{35} << 20));
  blocks.clear();
  blocks.shrink_to_fit();
  TrimAllocator();
  const GlibcHeap empty = Walk();
  EXPECT_LT(empty.resident_free_bytes + empty.resident_top_bytes,
            full.resident_free_bytes + full.resident_top_bytes + (std::uint64_t{2} << 20));
}

// So small that what threads do not keep of them goes to fast bins, and there it stays.
constexpr std::size_t kFastBlockBytes = 40;
constexpr std::uint64_t kFastChunkBytes = 48;

// Threads with heaps of their own that stand still: what the test does itself would empty fast
// bins.
class Threads {
 public:
  // Each calls `work`, with its number; all have when this returns.
  template <class Work>
  Threads(int count, const Work& work) : worked_(count) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([&, i] {
        [[maybe_unused]] const auto kept = work(i);
        worked_.count_down();
        done_.wait();
      });
    }
    worked_.wait();
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() {
    done_.count_down();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::latch worked_;
  std::latch done_{1};
  std::vector<std::thread> threads_;
};

TEST_F(GlibcHeapTest, BlocksInFastBinsAreFreeOnes) {
  const GlibcHeap before = Walk();
  const Threads threads(2, [](int) {
    std::vector<Block> blocks = Blocks(30'000, kFastBlockBytes);
    for (Block& block : blocks) block.reset();
    return blocks;
  });
  const GlibcHeap heap = Walk();
  ExpectGlibcsFigures(heap);
  EXPECT_GT(heap.fast_bytes, before.fast_bytes + 59'000 * kFastChunkBytes);
}

// What a thread kept goes to fast bins when it ends, and looks as if it were still kept.
TEST_F(GlibcHeapTest, WhatThreadsLeaveInFastBinsIsCountedOnce) {
  constexpr std::size_t kThreads = 1000;
  constexpr std::size_t kKeptByAThread = 7;
  const GlibcHeap before = Walk();
  std::vector<Block> blocks;
  const Threads threads(1, [&](int) {
    blocks = Blocks(kThreads * kKeptByAThread, kFastBlockBytes);
    return 0;
  });
  for (std::size_t i = 0; i < kThreads; ++i) {
    std::thread([&] {
      for (std::size_t k = 0; k < kKeptByAThread; ++k) blocks[i * kKeptByAThread + k].reset();
    }).join();
  }
  const GlibcHeap heap = Walk();
  ExpectGlibcsFigures(heap);
  constexpr std::uint64_t kLeftBytes = kThreads * kKeptByAThread * kFastChunkBytes;
  EXPECT_GE(heap.fast_bytes, before.fast_bytes + kLeftBytes);
  EXPECT_LT(heap.cached_bytes, before.cached_bytes + kLeftBytes / 4);
}

// A heap of some megabytes with holes in it.
std::vector<Block> Holes() {
  std::vector<Block> blocks = Blocks(4000, 2000);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 50 != 0) blocks[i].reset();
  }
  return blocks;
}
constexpr std::uint64_t kHolesBytes = 7'700'000;

TEST_F(GlibcHeapTest, IsWalkedOnBehindWhatSomebodyElseTookOfTheBreak) {
  const std::vector<Block> before = Blocks(100, 1000);
  constexpr std::intptr_t kForeignBytes = 8192;
  void* const foreign = sbrk(kForeignBytes);
  std::memset(foreign, 0xff, kForeignBytes);
  const std::vector<Block> holes = Holes();
  const GlibcHeap heap = Walk();
  EXPECT_EQ(heap.unwalked_bytes, 0u);
  EXPECT_GT(heap.resident_free_bytes, kHolesBytes);
  // Glibc takes it for memory of its own.
  EXPECT_NEAR(static_cast<double>(heap.heap_bytes + kForeignBytes),
              static_cast<double>(mallinfo2().arena), 16 << 10);
}

TEST_F(GlibcHeapTest, IsWalkedWhereItGoesOnInPieces) {
  const auto end = reinterpret_cast<std::uintptr_t>(sbrk(0));
  void* const wall =
      mmap(reinterpret_cast<void*>(end / kPageBytes * kPageBytes + (1 << 20)), kPageBytes,
           PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ASSERT_NE(wall, MAP_FAILED);
  const std::vector<Block> holes = Holes();
  const GlibcHeap heap = Walk();
  ExpectGlibcsFigures(heap);
  EXPECT_GT(heap.resident_free_bytes, kHolesBytes);
}

TEST_F(GlibcHeapTest, IsKnownButForLittleBesideThreadsThatAllocate) {
  const std::vector<Block> holes = Holes();
  std::atomic<bool> done = false;
  std::latch begun(3);
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 3; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      std::vector<std::string> strings(3000);
      for (int i = 0; !done; ++i) {
        strings[random() % strings.size()] = std::string(random() % 3000, 'x');
        if (i == 10'000) begun.count_down();
      }
    });
  }
  begun.wait();
  for (int i = 0; i < 20; ++i) {
    const GlibcHeap heap = Walk();
    EXPECT_GT(heap.resident_free_bytes, kHolesBytes);
    EXPECT_LT(heap.unwalked_bytes, heap.heap_bytes / 20);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace strata
