// The door to memory: its running sums against what was really handed out.
#include <gtest/gtest.h>

#include <malloc.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/kit/draws.h"
#include "tests/kit/sanitizers.h"

#include <strata/memory_door.h>

namespace strata {
namespace {

constexpr LayerId kFirst = 0;
constexpr LayerId kSecond = 1;

TEST(MemoryDoor, IsAtZeroWhenNew) {
  const MemoryDoor door;
  EXPECT_EQ(door.allocated_bytes(), 0U);
  EXPECT_EQ(door.totals().allocations, 0U);
  EXPECT_EQ(door.totals().frees, 0U);
  EXPECT_EQ(door.totals().total_allocated_bytes, 0U);
}

TEST(MemoryDoor, CountsWhatTheAllocatorReservedAndNotWhatWasAskedFor) {
  MemoryDoor door;
  void* const block = door.Allocate(kFirst, 1);
  EXPECT_EQ(door.allocated_bytes(), malloc_usable_size(block));
  EXPECT_EQ(MemoryDoor::ReservedBytes(block), malloc_usable_size(block));
  door.Free(kFirst, block);
  EXPECT_EQ(door.allocated_bytes(), 0U);
}

TEST(MemoryDoor, KeepsEachLayersSumAndTheRunningTotals) {
  MemoryDoor door;
  void* const a = door.Allocate(kFirst, 100);
  void* const b = door.Allocate(kSecond, 1000);
  const std::size_t a_bytes = MemoryDoor::ReservedBytes(a);
  const std::size_t b_bytes = MemoryDoor::ReservedBytes(b);
  EXPECT_EQ(door.allocated_bytes(kFirst), a_bytes);
  EXPECT_EQ(door.allocated_bytes(kSecond), b_bytes);
  EXPECT_EQ(door.allocated_bytes(), a_bytes + b_bytes);

  door.Free(kFirst, a);
  EXPECT_EQ(door.allocated_bytes(kFirst), 0U);
  EXPECT_EQ(door.allocated_bytes(), b_bytes);
  const DoorTotals totals = door.totals();
  EXPECT_EQ(totals.allocated_bytes, b_bytes);
  EXPECT_EQ(totals.total_allocated_bytes, a_bytes + b_bytes);
  EXPECT_EQ(totals.allocations, 2U);
  EXPECT_EQ(totals.frees, 1U);
  door.Free(kSecond, b);
}

TEST(MemoryDoor, EveryLayerUpToTheLastCounts) {
  MemoryDoor door;
  std::vector<void*> blocks;
  std::uint64_t sum = 0;
  for (std::size_t layer = 0; layer < MemoryDoor::kMaxLayers; ++layer) {
    blocks.push_back(door.Allocate(static_cast<LayerId>(layer), 10 * (layer + 1)));
    sum += MemoryDoor::ReservedBytes(blocks.back());
  }
  EXPECT_EQ(door.allocated_bytes(), sum);
  for (std::size_t layer = 0; layer < blocks.size(); ++layer) {
    door.Free(static_cast<LayerId>(layer), blocks[layer]);
  }
  EXPECT_EQ(door.allocated_bytes(), 0U);
}

TEST(MemoryDoor, NoBytesAreABlockOfTheirOwn) {
  MemoryDoor door;
  void* const a = door.Allocate(kFirst, 0);
  void* const b = door.Allocate(kFirst, 0);
  EXPECT_NE(a, nullptr);
  EXPECT_NE(a, b);
  EXPECT_EQ(door.totals().allocations, 2U);
  door.Free(kFirst, a);
  door.Free(kFirst, b);
}

TEST(MemoryDoor, FreeingNullDoesNothing) {
  MemoryDoor door;
  door.Free(kFirst, nullptr);
  EXPECT_EQ(door.totals().frees, 0U);
  EXPECT_EQ(MemoryDoor::ReservedBytes(nullptr), 0U);
}

TEST(MemoryDoor, BlocksAreAlignedForAnyScalar) {
  MemoryDoor door;
  for (std::size_t size = 1; size < 200; ++size) {
    void* const block = door.Allocate(kFirst, size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t), 0U);
    std::memset(block, 0xAB, size);
    door.Free(kFirst, block);
  }
}

// A size no system has; hidden from the compiler, which would warn of it. Sanitizers end the
// process where the allocator would answer null, unless told otherwise.
volatile std::size_t more_than_there_is = std::numeric_limits<std::size_t>::max() / 4;

TEST(MemoryDoor, TryAllocateAnswersNullWhereThereIsNoMemoryAndCountsNothing) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "its allocator ends the process";
  MemoryDoor door;
  EXPECT_EQ(door.TryAllocate(kFirst, more_than_there_is), nullptr);
  EXPECT_EQ(door.allocated_bytes(), 0U);
  EXPECT_EQ(door.totals().allocations, 0U);
}

TEST(MemoryDoorDeathTest, AllocateEndsTheProcessWithAMessageWhereThereIsNoMemory) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "its allocator ends the process";
  MemoryDoor door;
  EXPECT_DEATH({ door.Free(kFirst, door.Allocate(kFirst, more_than_there_is)); },
               "strata: out of memory: .* raise the memory limit");
}

TEST(MemoryDoor, TheSumEqualsTheLiveBlocksThroughRandomTraffic) {
  MemoryDoor door;
  kit::RandomDraws draws(11);
  std::vector<std::pair<LayerId, void*>> live;
  for (int step = 0; step < 20'000; ++step) {
    if (live.empty() || draws.Below(2) == 0) {
      const auto layer = static_cast<LayerId>(draws.Below(MemoryDoor::kMaxLayers));
      live.emplace_back(layer,
                        door.Allocate(layer, draws.Below(draws.Below(20) == 0 ? 20'000 : 99)));
    } else {
      std::swap(live[draws.Below(live.size())], live.back());
      door.Free(live.back().first, live.back().second);
      live.pop_back();
    }
    if (step % 100 != 0) continue;
    std::map<LayerId, std::uint64_t> sums;
    std::uint64_t sum = 0;
    for (const auto& [layer, block] : live) {
      sums[layer] += MemoryDoor::ReservedBytes(block);
      sum += MemoryDoor::ReservedBytes(block);
    }
    ASSERT_EQ(door.allocated_bytes(), sum);
    for (const auto& [layer, bytes] : sums) ASSERT_EQ(door.allocated_bytes(layer), bytes);
    ASSERT_EQ(door.totals().allocations - door.totals().frees, live.size());
  }
  for (const auto& [layer, block] : live) door.Free(layer, block);
  EXPECT_EQ(door.allocated_bytes(), 0U);
}

TEST(MemoryDoor, CountersMayBeReadWhileAnotherThreadAllocates) {
  MemoryDoor door;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 20'000; ++i) door.Free(kFirst, door.Allocate(kFirst, 64));
    done.store(true);
  });
  std::uint64_t allocations = 0;
  while (!done.load()) {
    const DoorTotals totals = door.totals();
    EXPECT_GE(totals.allocations, allocations);
    EXPECT_LE(totals.allocated_bytes, 256U);
    allocations = totals.allocations;
  }
  writer.join();
  EXPECT_EQ(door.totals().allocations, 20'000U);
  EXPECT_EQ(door.allocated_bytes(), 0U);
}

TEST(DoorAllocator, PutsAContainersMemoryOnItsLayersBooks) {
  MemoryDoor door;
  {
    std::vector<int, DoorAllocator<int, kSecond>> numbers{DoorAllocator<int, kSecond>(&door)};
    numbers.resize(1000);
    EXPECT_EQ(door.allocated_bytes(kSecond), MemoryDoor::ReservedBytes(numbers.data()));
    EXPECT_EQ(door.allocated_bytes(kFirst), 0U);
    EXPECT_GE(door.allocated_bytes(), 4000U);
  }
  EXPECT_EQ(door.allocated_bytes(), 0U);
}

TEST(DoorAllocator, MovingAContainerMovesItsBlockAndItsBooks) {
  MemoryDoor first;
  MemoryDoor second;
  using Numbers = std::vector<int, DoorAllocator<int, kFirst>>;
  Numbers a(100, 7, DoorAllocator<int, kFirst>(&first));
  Numbers b(DoorAllocator<int, kFirst>{&second});
  const int* const data = a.data();
  b = std::move(a);
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(b.get_allocator().door(), &first);
  EXPECT_EQ(second.allocated_bytes(), 0U);
}

TEST(DoorAllocator, IsEqualToAnotherOfTheSameDoorOnly) {
  MemoryDoor first;
  MemoryDoor second;
  EXPECT_TRUE((DoorAllocator<int, kFirst>(&first) == DoorAllocator<char, kFirst>(&first)));
  EXPECT_FALSE((DoorAllocator<int, kFirst>(&first) == DoorAllocator<int, kFirst>(&second)));
}

TEST(DoorAllocator, RefusesACountThatOverflows) {
  MemoryDoor door;
  DoorAllocator<std::uint64_t, kFirst> allocator(&door);
  EXPECT_THROW(allocator.deallocate(allocator.allocate(more_than_there_is), 0),
               std::bad_array_new_length);
}

TEST(MemoryDoor, GrantsNothingThatWouldPassItsLimit) {
  MemoryDoor door;
  door.SetLimit(10000);
  void* const first = door.TryAllocate(0, 6000);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(door.TryAllocate(0, 6000), nullptr);
  EXPECT_FALSE(door.TryTakePages(1, 4096));
  EXPECT_LE(door.allocated_bytes(), 10000u);
  door.Free(0, first);
  EXPECT_TRUE(door.TryTakePages(1, 4096));
  EXPECT_EQ(door.TryAllocate(0, 6000), nullptr);
  door.SetLimit(MemoryDoor::kNoLimit);
  void* const second = door.TryAllocate(0, 6000);
  EXPECT_NE(second, nullptr);
  door.Free(0, second);
}

TEST(MemoryDoor, FailsFromTheRequestOnThatATestChose) {
  MemoryDoor door;
  door.FailAfter(2);
  void* const first = door.TryAllocate(0, 10);
  EXPECT_NE(first, nullptr);
  EXPECT_TRUE(door.TryTakePages(1, 4096));
  EXPECT_EQ(door.granted_left(), 0u);
  EXPECT_EQ(door.TryAllocate(0, 10), nullptr);
  EXPECT_FALSE(door.TryTakePages(1, 4096));
  door.FailAfter(MemoryDoor::kNoLimit);
  EXPECT_TRUE(door.TryTakePages(1, 4096));
  door.Free(0, first);
}

TEST(MemoryDoor, RangesBeginWhereAHugePageMay) {
  constexpr std::size_t kBytes = 3 * MemoryDoor::kHugePageBytes;
  MemoryDoor door;
  void* const range = MemoryDoor::ReserveRange(kBytes);
  ASSERT_NE(range, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(range) % MemoryDoor::kHugePageBytes, 0u);
  ASSERT_TRUE(door.TryTakePages(0, MemoryDoor::kHugePageBytes));
  std::memset(range, 7, MemoryDoor::kHugePageBytes);
  // Whether the system has huge pages or not, the bytes stay.
  (void)MemoryDoor::UnitePages(range);
  EXPECT_EQ(static_cast<unsigned char*>(range)[MemoryDoor::kHugePageBytes - 1], 7);
  MemoryDoor::DividePages(range);
  door.ReturnPages(0, range, MemoryDoor::kHugePageBytes);
  EXPECT_EQ(static_cast<unsigned char*>(range)[0], 0);
  EXPECT_EQ(door.allocated_bytes(), 0u);
  MemoryDoor::FreeRange(range, kBytes);
}

// A process that locks its memory, as long as it lives; whether it may.
class LockedMemory {
 public:
  explicit LockedMemory(int flags) : is_(mlockall(flags) == 0) {}
  ~LockedMemory() { munlockall(); }
  LockedMemory(const LockedMemory&) = delete;
  LockedMemory& operator=(const LockedMemory&) = delete;
  bool is() const { return is_; }

 private:
  bool is_;
};

TEST(MemoryDoor, ARangeCostsNothingInAProcessThatLocksItsMemory) {
  constexpr std::size_t kBytes = 64 * MemoryDoor::kHugePageBytes;
  const LockedMemory locked(MCL_FUTURE);
  // Who may lock a little only may map no more than that.
  void* const probe = mmap(nullptr, 2 * kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!locked.is() || probe == MAP_FAILED) GTEST_SKIP() << "it may not lock so much";
  munmap(probe, 2 * kBytes);
  void* const range = MemoryDoor::ReserveRange(kBytes);
  ASSERT_NE(range, nullptr);
  const AddressRange all = {.begin = range, .size_bytes = kBytes};
  EXPECT_EQ(MemoryDoor::AbsentBytes({&all, 1}), kBytes);
  MemoryDoor::FreeRange(range, kBytes);
}

TEST(MemoryDoor, PagesAreGivenBackAndReadAsZeroWhereMemoryWasLockedSince) {
  MemoryDoor door;
  constexpr std::size_t kBytes = MemoryDoor::kHugePageBytes;
  void* const range = MemoryDoor::ReserveRange(kBytes);
  ASSERT_NE(range, nullptr);
  ASSERT_TRUE(door.TryTakePages(kFirst, kBytes));
  std::memset(range, 7, kBytes);
  const LockedMemory locked(MCL_CURRENT | MCL_ONFAULT);
  if (!locked.is()) GTEST_SKIP() << "it may not lock memory";
  door.ReturnPages(kFirst, range, kBytes);
  const AddressRange all = {.begin = range, .size_bytes = kBytes};
  EXPECT_EQ(MemoryDoor::AbsentBytes({&all, 1}), kBytes);
  EXPECT_EQ(static_cast<unsigned char*>(range)[kBytes - 1], 0);
  MemoryDoor::FreeRange(range, kBytes);
}

TEST(MemoryDoor, IsAskedByItsNumberAsLongAsItIsThere) {
  std::uint64_t number = 0;
  {
    MemoryDoor door;
    EXPECT_EQ(door.number(), 0u);
    void* const block = door.Allocate(kFirst, 100);
    number = door.number();
    const std::optional<DoorTotals> totals = MemoryDoor::TotalsOf(number);
    ASSERT_TRUE(totals.has_value());
    EXPECT_EQ(totals->allocated_bytes, door.allocated_bytes());
    door.Free(kFirst, block);
  }
  MemoryDoor next;
  next.Free(kFirst, next.Allocate(kFirst, 100));
  EXPECT_FALSE(MemoryDoor::TotalsOf(number).has_value());
  EXPECT_FALSE(MemoryDoor::TotalsOf(0).has_value());
  EXPECT_NE(next.number(), number);
}

TEST(MemoryDoor, RangesBecomeSmallerBeforeAddressesRunOut) {
  constexpr std::size_t kMost = std::size_t{1} << 40;
  constexpr std::size_t kLeast = std::size_t{1} << 30;
  std::vector<std::pair<void*, std::size_t>> ranges;
  std::size_t last = kMost;
  while (ranges.size() < 3000) {
    std::size_t bytes = 0;
    void* const range = MemoryDoor::ReserveUpTo(kMost, kLeast, &bytes);
    if (range == nullptr) break;
    ranges.emplace_back(range, bytes);
    EXPECT_LE(bytes, last);
    EXPECT_GE(bytes, kLeast);
    last = bytes;
  }
  EXPECT_GE(ranges.size(), 64u);
  EXPECT_LT(ranges.size(), 3000u);
  EXPECT_LT(last, kMost);
  // The process goes on.
  std::size_t rest = 0;
  void* const other = MemoryDoor::ReserveUpTo(kLeast / 8, kLeast / 8, &rest);
  EXPECT_NE(other, nullptr);
  MemoryDoor::FreeRange(other, rest);
  for (const auto& [range, bytes] : ranges) MemoryDoor::FreeRange(range, bytes);
}

}  // namespace
}  // namespace strata
