// What the kernel says of this process, against memory that the test maps and touches itself.
#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/kit/sanitizers.h"

#include <strata/process_memory.h>

namespace strata {
namespace {

constexpr std::size_t kMapped = std::size_t{64} << 20;
// What the test itself uses meanwhile; a sanitizer has a byte of shadow for eight, and where the
// kernel gives no shared page of zeros to who only reads, checking an access takes that byte.
constexpr std::size_t kTolerance =
    (std::size_t{2} << 20) + (kit::kUnderSanitizer ? kMapped / 8 : 0);

ProcessMemory Now() {
  const absl::StatusOr<ProcessMemory> memory = ReadProcessMemory();
  EXPECT_TRUE(memory.ok()) << memory.status();
  return memory.value_or(ProcessMemory{});
}

class Mapping {
 public:
  explicit Mapping(int flags, int file = -1)
      : address_(mmap(nullptr, kMapped, PROT_READ | PROT_WRITE, flags, file, 0)) {
    EXPECT_NE(address_, MAP_FAILED);
  }
  ~Mapping() { munmap(address_, kMapped); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  void Touch(std::size_t size) { std::memset(address_, 1, size); }

 private:
  void* address_;
};

TEST(ProcessMemory, TheFiguresFitTogether) {
  const ProcessMemory memory = Now();
  EXPECT_GT(memory.anon_bytes, 0U);
  EXPECT_GT(memory.file_bytes, 0U);
  EXPECT_EQ(memory.rss_bytes, memory.anon_bytes + memory.file_bytes);
  EXPECT_GE(memory.peak_rss_bytes, memory.rss_bytes);
}

TEST(ProcessMemory, FiguresReadWhileAThreadAllocatesAreOfOneMoment) {
  const ProcessMemory calm = Now();
  std::atomic<bool> done{false};
  std::thread allocates([&] {
    while (!done.load()) {
      Mapping mapping(MAP_PRIVATE | MAP_ANONYMOUS);
      mapping.Touch(kMapped);
    }
  });
  // Files' pages stay what they are, whatever anonymous memory does between two looks.
  constexpr std::uint64_t kMoved = std::uint64_t{1} << 20;
  for (int i = 0; i < 300; ++i) {
    for (const auto& memory : {ReadProcessMemory(), ReadProcessMemoryRoughly()}) {
      ASSERT_TRUE(memory.ok());
      EXPECT_EQ(memory->rss_bytes, memory->anon_bytes + memory->file_bytes);
      EXPECT_LT(memory->file_bytes, calm.file_bytes + kMoved);
      EXPECT_GT(memory->file_bytes + kMoved, calm.file_bytes);
    }
  }
  done.store(true);
  allocates.join();
}

TEST(ProcessMemory, RssGrowsByWhatIsTouchedAndNotByWhatIsMapped) {
  const ProcessMemory before = Now();
  Mapping mapping(MAP_PRIVATE | MAP_ANONYMOUS);
  EXPECT_LT(Now().rss_bytes, before.rss_bytes + kTolerance);
  mapping.Touch(kMapped / 2);
  const ProcessMemory half = Now();
  EXPECT_GE(half.anon_bytes, before.anon_bytes + kMapped / 2);
  EXPECT_LT(half.anon_bytes, before.anon_bytes + kMapped / 2 + kTolerance);
  mapping.Touch(kMapped);
  EXPECT_GE(Now().rss_bytes, before.rss_bytes + kMapped);
}

TEST(ProcessMemory, RssFallsWhenMemoryIsGivenBackAndThePeakStays) {
  ProcessMemory full;
  {
    Mapping mapping(MAP_PRIVATE | MAP_ANONYMOUS);
    mapping.Touch(kMapped);
    full = Now();
  }
  const ProcessMemory after = Now();
  EXPECT_LT(after.rss_bytes, full.rss_bytes - kMapped + kTolerance);
  // The kernel keeps the peak in batches of pages, a few behind the exact figure.
  EXPECT_GE(after.peak_rss_bytes + kTolerance, full.rss_bytes);
}

TEST(ProcessMemory, SharedMemoryCountsAsFileAndNotAsAnonymous) {
  // smaps counts pages of a shared anonymous mapping as shared memory, as those of a file.
  const int file = memfd_create("process_memory_test", 0);
  ASSERT_GE(file, 0);
  ASSERT_EQ(ftruncate(file, static_cast<off_t>(kMapped)), 0);
  const ProcessMemory before = Now();
  {
    Mapping mapping(MAP_SHARED, file);
    mapping.Touch(kMapped);
    const ProcessMemory after = Now();
    EXPECT_GE(after.file_bytes + kTolerance, before.file_bytes + kMapped);
    EXPECT_LT(after.anon_bytes, before.anon_bytes + kTolerance);
  }
  close(file);
}

TEST(ProcessMemory, TrimGivesFreedBlocksBackToTheSystem) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "it has an allocator of its own";
  // Small blocks with one kept at the end: free alone leaves such memory with the process.
  std::vector<std::string*> blocks;
  for (int i = 0; i < 300'000; ++i) blocks.push_back(new std::string(200, 'x'));
  std::string* const last = blocks.back();
  blocks.pop_back();
  const ProcessMemory full = Now();
  for (const std::string* const block : blocks) delete block;
  TrimAllocator();
  const ProcessMemory trimmed = Now();
  EXPECT_LT(trimmed.rss_bytes + (std::size_t{40} << 20), full.rss_bytes);
  delete last;
}

}  // namespace
}  // namespace strata
