#include <strata/memory_door.h>

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>
#include <type_traits>

#include "accounting/heap_regions.h"
#include "accounting/large_blocks.h"
#include "accounting/proc_maps.h"

namespace strata {
namespace {

// One thread at a time writes a counter, so a plain load and store is enough and a reader never
// sees a torn figure; a locked add would cost every baseline some 5 ns an allocation.
void Add(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

// MADV_COLLAPSE, of Linux 6.1, which Debian 12's headers do not name.
constexpr int kCollapse = 25;

void Subtract(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) - by, std::memory_order_relaxed);
}

// What the allocator reserved for a block. (ReservedBytes takes a pointer to const, and GCC takes
// that for a read of the fresh block's bytes.)
std::size_t UsableBytes(void* block) noexcept { return malloc_usable_size(block); }

// The ranges of the whole process. Never destroyed: a static cache may end after it would.
struct Ranges {
  std::mutex mutex;
  std::vector<AddressRange> reserved;
};

Ranges& TheRanges() {
  static Ranges* const ranges = new Ranges;
  return *ranges;
}

// False where there is no memory to write it down.
bool WriteDown(const AddressRange& range) noexcept {
  try {
    Ranges& ranges = TheRanges();
    const std::lock_guard lock(ranges.mutex);
    ranges.reserved.push_back(range);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// All doors there are, and the totals of those that were. Nothing is to be destroyed, as above; nor
// allocated, for a door must not fail where it enters the list.
struct Doors {
  std::mutex mutex;
  MemoryDoor* first = nullptr;
  std::uint64_t entered = 0;  // how many ever did
  DoorTotals gone;
};
static_assert(std::is_trivially_destructible_v<Doors>);

Doors& TheDoors() {
  static constinit Doors doors;
  return doors;
}

bool AddressesAreLimited() noexcept {
  rlimit limit;
  return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

// Whether so many addresses lie free side by side.
bool AreFree(std::size_t size_bytes) noexcept {
  void* const all =
      mmap(nullptr, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return false;
  munmap(all, size_bytes);
  return true;
}

void AddTo(DoorTotals* sum, const DoorTotals& totals) {
  sum->allocated_bytes += totals.allocated_bytes;
  sum->total_allocated_bytes += totals.total_allocated_bytes;
  sum->allocations += totals.allocations;
  sum->frees += totals.frees;
  sum->page_bytes += totals.page_bytes;
  sum->heap_blocks += totals.heap_blocks;
}

}  // namespace

void MemoryDoor::Enter() noexcept {
  Doors& doors = TheDoors();
  const std::lock_guard lock(doors.mutex);
  number_ = ++doors.entered;
  after_ = doors.first;
  if (after_ != nullptr) after_->before_ = this;
  doors.first = this;
}

MemoryDoor::~MemoryDoor() {
  if (number_ == 0) return;
  Doors& doors = TheDoors();
  const std::lock_guard lock(doors.mutex);
  AddTo(&doors.gone, totals());
  (before_ == nullptr ? doors.first : before_->after_) = after_;
  if (after_ != nullptr) after_->before_ = before_;
}

DoorTotals MemoryDoor::AllTotals() {
  Doors& doors = TheDoors();
  const std::lock_guard lock(doors.mutex);
  DoorTotals sum = doors.gone;
  for (const MemoryDoor* door = doors.first; door != nullptr; door = door->after_) {
    AddTo(&sum, door->totals());
  }
  return sum;
}

std::optional<DoorTotals> MemoryDoor::TotalsOf(std::uint64_t number) {
  Doors& doors = TheDoors();
  const std::lock_guard lock(doors.mutex);
  for (const MemoryDoor* door = doors.first; door != nullptr; door = door->after_) {
    if (door->number_ == number) return door->totals();
  }
  return std::nullopt;
}

bool MemoryDoor::MayGrant(std::size_t size_bytes) noexcept {
  if (granted_ != kNoLimit) {
    if (granted_ == 0) return Refuse(size_bytes);
    --granted_;
  }
  const bool fits = size_bytes <= limit_bytes_ && allocated_bytes() <= limit_bytes_ - size_bytes;
  return fits || Refuse(size_bytes);
}

void MemoryDoor::CountTaken(LayerId layer, std::size_t size_bytes) noexcept {
  if (number_ == 0) Enter();
  Add(held_bytes_, size_bytes);
  Add(layer_bytes_[layer], size_bytes);
  Add(total_allocated_bytes_, size_bytes);
  Add(allocations_, 1);
}

void MemoryDoor::CountReturned(LayerId layer, std::size_t size_bytes) noexcept {
  Subtract(held_bytes_, size_bytes);
  Subtract(layer_bytes_[layer], size_bytes);
  Add(frees_, 1);
}

void* MemoryDoor::TryAllocate(LayerId layer, std::size_t size_bytes) noexcept {
  if (!MayGrant(size_bytes)) return nullptr;
  void* const block = std::malloc(size_bytes == 0 ? 1 : size_bytes);
  if (block == nullptr) {
    Refuse(size_bytes);
    return nullptr;
  }
  HeapRegions::Note(reinterpret_cast<std::uintptr_t>(block));
  const std::size_t reserved_bytes = UsableBytes(block);
  // The allocator rounds up, and the limit is one on what it reserved.
  if (limit_bytes_ != kNoLimit && allocated_bytes() + reserved_bytes > limit_bytes_) {
    std::free(block);
    Refuse(reserved_bytes);
    return nullptr;
  }
  CountTaken(layer, reserved_bytes);
  Add(heap_blocks_, 1);
  if (reserved_bytes >= kLargeBlockBytes) NoteLargeBlock(block, reserved_bytes);
  return block;
}

void* MemoryDoor::Allocate(LayerId layer, std::size_t size_bytes) noexcept {
  void* const block = TryAllocate(layer, size_bytes);
  if (block == nullptr) {
    std::fprintf(stderr,
                 "strata: out of memory: %zu bytes for layer %u of a layout whose tables do not "
                 "survive a failed allocation; raise the memory limit\n",
                 size_bytes, static_cast<unsigned>(layer));
    std::abort();
  }
  return block;
}

void MemoryDoor::Free(LayerId layer, void* block) noexcept {
  if (block == nullptr) return;
  const std::size_t reserved_bytes = UsableBytes(block);
  if (reserved_bytes >= kLargeBlockBytes) ForgetLargeBlock(block);
  CountReturned(layer, reserved_bytes);
  Subtract(heap_blocks_, 1);
  std::free(block);
}

void* MemoryDoor::ReserveRange(std::size_t size_bytes) noexcept {
  // A little more, so that what is cut off at both ends leaves a multiple to begin at.
  auto* const all =
      static_cast<std::uint8_t*>(mmap(nullptr, size_bytes + kHugePageBytes, PROT_NONE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (all == MAP_FAILED) return nullptr;
  const std::size_t skip =
      (kHugePageBytes - reinterpret_cast<std::uintptr_t>(all) % kHugePageBytes) % kHugePageBytes;
  if (skip > 0) munmap(all, skip);
  munmap(all + skip + size_bytes, kHugePageBytes - skip);
  // Without this one touched page could make two megabytes resident, and the resident size would no
  // longer be what was taken.
  madvise(all + skip, size_bytes, MADV_NOHUGEPAGE);
  // Where the process locks what it maps (mlockall) all of it would be there at once, and stay:
  // unlocked while there is nothing to touch.
  munlock(all + skip, size_bytes);
  if (mprotect(all + skip, size_bytes, PROT_READ | PROT_WRITE) == 0 &&
      WriteDown({.begin = all + skip, .size_bytes = size_bytes}))
    return all + skip;
  munmap(all + skip, size_bytes);
  return nullptr;
}

void* MemoryDoor::ReserveUpTo(std::size_t most_bytes, std::size_t least_bytes,
                              std::size_t* size_bytes) noexcept {
  const std::size_t shares = AddressesAreLimited() ? 2 : 64;
  std::size_t pages = (most_bytes + kHugePageBytes - 1) / kHugePageBytes;
  for (; pages > 0 && pages * kHugePageBytes >= least_bytes; pages /= 2) {
    const std::size_t bytes = pages * kHugePageBytes;
    if (!AreFree(bytes * shares)) continue;
    void* const range = ReserveRange(bytes);
    if (range == nullptr) continue;
    *size_bytes = bytes;
    return range;
  }
  return nullptr;
}

bool MemoryDoor::UnitePages(void* pages) noexcept {
  madvise(pages, kHugePageBytes, MADV_HUGEPAGE);
  if (madvise(pages, kHugePageBytes, kCollapse) == 0) return true;
  DividePages(pages);
  return false;
}

void MemoryDoor::DividePages(void* pages) noexcept {
  madvise(pages, kHugePageBytes, MADV_NOHUGEPAGE);
}

void MemoryDoor::FreeRange(void* range, std::size_t size_bytes) noexcept {
  if (range == nullptr) return;
  Ranges& ranges = TheRanges();
  const std::lock_guard lock(ranges.mutex);
  // Before the addresses can be another's.
  std::erase_if(ranges.reserved, [&](const AddressRange& one) { return one.begin == range; });
  munmap(range, size_bytes);
}

std::vector<AddressRange> MemoryDoor::ReservedRanges() {
  Ranges& ranges = TheRanges();
  const std::lock_guard lock(ranges.mutex);
  return ranges.reserved;
}

std::optional<std::uint64_t> MemoryDoor::AbsentBytes(std::span<const AddressRange> ranges) {
  const absl::StatusOr<PageMap> page_map = PageMap::Open();
  if (!page_map.ok()) return std::nullopt;
  std::uint64_t bytes = 0;
  for (const AddressRange& range : ranges) {
    const auto at = reinterpret_cast<std::uintptr_t>(range.begin);
    const std::uintptr_t begin = (at + kPageBytes - 1) / kPageBytes * kPageBytes;
    const std::uintptr_t end = (at + range.size_bytes) / kPageBytes * kPageBytes;
    if (end <= begin) continue;
    const absl::StatusOr<ResidentPages> pages = page_map->Read(begin, end);
    if (!pages.ok()) return std::nullopt;
    bytes += end - begin - pages->Bytes(begin, end);
  }
  return bytes;
}

bool MemoryDoor::TryTakePages(LayerId layer, std::size_t size_bytes) noexcept {
  if (!MayGrant(size_bytes)) return false;
  CountTaken(layer, size_bytes);
  Add(page_bytes_, size_bytes);
  return true;
}

void MemoryDoor::ReturnPages(LayerId layer, void* pages, std::size_t size_bytes) noexcept {
  if (madvise(pages, size_bytes, MADV_DONTNEED) != 0) {
    // Somebody has locked all memory since the range was reserved, and what is locked stays.
    munlock(pages, size_bytes);
    madvise(pages, size_bytes, MADV_DONTNEED);
  }
  CountReturned(layer, size_bytes);
  Subtract(page_bytes_, size_bytes);
}

std::size_t MemoryDoor::ReservedBytes(const void* block) noexcept {
  return UsableBytes(const_cast<void*>(block));
}

std::uint64_t MemoryDoor::heap_bytes() const noexcept {
  return allocated_bytes() - page_bytes_.load(std::memory_order_relaxed);
}

std::uint64_t MemoryDoor::allocated_bytes() const noexcept {
  return held_bytes_.load(std::memory_order_relaxed);
}

std::uint64_t MemoryDoor::allocated_bytes(LayerId layer) const noexcept {
  return layer_bytes_[layer].load(std::memory_order_relaxed);
}

DoorTotals MemoryDoor::totals() const noexcept {
  const auto read = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  return {.allocated_bytes = read(held_bytes_),
          .total_allocated_bytes = read(total_allocated_bytes_),
          .allocations = read(allocations_),
          .frees = read(frees_),
          .page_bytes = read(page_bytes_),
          .heap_blocks = read(heap_blocks_)};
}

}  // namespace strata
