// The walk over glibc's heaps, against what glibc counts itself and against blocks of the test's
// own.
#include "accounting/glibc_heap.h"

#include <malloc.h>

#include <cstring>
#include <memory>
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
              static_cast<double>(info.uordblks + info.fsmblks), kMeanwhileBytes);
  EXPECT_NEAR(static_cast<double>(heap.free_bytes + heap.top_bytes),
              static_cast<double>(info.fordblks - info.fsmblks), kMeanwhileBytes);
  EXPECT_EQ(heap.mapped_bytes, info.hblkhd);
  EXPECT_EQ(heap.mapped_blocks, info.hblks);
}

TEST_F(GlibcHeapTest, FindsWhatGlibcCounts) {
  const std::vector<Block> small = Blocks(20'000, 100);
  const std::vector<Block> large = Blocks(5, 1 << 20);
  const GlibcHeap heap = Walk();
  ExpectGlibcsFigures(heap);
  EXPECT_GE(heap.mapped_blocks, 5u);
  EXPECT_EQ(heap.heap_bytes,
            heap.in_use_bytes + heap.cached_bytes + heap.free_bytes + heap.top_bytes);
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

}  // namespace
}  // namespace strata
