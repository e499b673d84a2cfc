// The one door to memory: every byte a layout holds is obtained and returned here, tagged with the
// structural layer it belongs to.
//
// Three sets of figures check each other: the door's own sum (allocated_bytes()), one number that
// is never read together with another; its running sum of each layer; and what a walk finds.
//
// Invariant: allocated_bytes() is the sum, over all blocks handed out and not yet returned, of the
// bytes the allocator really reserved for each (malloc_usable_size, not what was asked for). It is
// a running sum kept by Allocate and Free alone; Footprint walks (<strata/footprint.h>) find the
// same figure by visiting the structure and never read these counters, so that each checks the
// other.
//
// Threads: one thread at a time may take, return, or set a limit (a cache's writers take turns);
// any thread may read the counters at any time.
#ifndef STRATA_MEMORY_DOOR_H_
#define STRATA_MEMORY_DOOR_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <vector>

namespace strata {

/// Position of a layer in its door's list of layers. Each layout enumerates its own.
using LayerId = std::uint8_t;

/// What went through a door since it was made. All figures are exact.
struct DoorTotals {
  std::uint64_t allocated_bytes = 0;        ///< reserved now, in bytes
  std::uint64_t total_allocated_bytes = 0;  ///< handed out since the beginning, in bytes
  std::uint64_t allocations = 0;            ///< blocks handed out since the beginning
  std::uint64_t frees = 0;                  ///< blocks taken back since the beginning
  std::uint64_t page_bytes = 0;             ///< of what is reserved now, in pages of ranges
  std::uint64_t heap_blocks = 0;            ///< held now of the allocator's blocks
};

/// A stretch of addresses.
struct AddressRange {
  const void* begin = nullptr;
  std::uint64_t size_bytes = 0;
};

/// The door of one cache or layout. Doors of a process know of each other (AllTotals). Neither
/// copied nor moved: blocks' owners keep its address.
class MemoryDoor {
 public:
  /// The most layers one layout may have.
  static constexpr std::size_t kMaxLayers = 32;

  static constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

  constexpr MemoryDoor() = default;
  ~MemoryDoor();
  MemoryDoor(const MemoryDoor&) = delete;
  MemoryDoor& operator=(const MemoryDoor&) = delete;

  /// Reserves at least `size_bytes` (0 counts as 1), aligned for any scalar, for `layer`; null
  /// when the system has no more. The caller returns the block with Free and the same layer.
  [[nodiscard]] void* TryAllocate(LayerId layer, std::size_t size_bytes) noexcept;

  /// As TryAllocate, but ends the process with a message on standard error when there is no
  /// memory: for containers that do not survive an allocator that fails (abseil's tables).
  [[nodiscard]] void* Allocate(LayerId layer, std::size_t size_bytes) noexcept;

  /// Takes back a block of `layer`; null is allowed and does nothing.
  void Free(LayerId layer, void* block) noexcept;

  /// Reserves a range of addresses that costs nothing until pages of it are taken; null when the
  /// system refuses. It begins at a multiple of kHugePageBytes. Not counted: addresses are not
  /// memory. Where the process locks what it maps (mlockall, MCL_FUTURE) it is not locked: all of
  /// it would be resident, and could not be given back. Returned whole with FreeRange.
  static void* ReserveRange(std::size_t size_bytes) noexcept;
  static void FreeRange(void* range, std::size_t size_bytes) noexcept;
  /// Reserves as much of `most_bytes` as leaves the process 63 times as many addresses side by side
  /// (under `ulimit -v`, which is met sooner: once as many), halving it as often as that takes, but
  /// not below `least_bytes`; null where even that is not to be had. So ranges become smaller
  /// before addresses run out, and what is left serves the rest of the process. `*size_bytes`: how
  /// many.
  static void* ReserveUpTo(std::size_t most_bytes, std::size_t least_bytes,
                           std::size_t* size_bytes) noexcept;
  /// All ranges that are reserved now in this process, by any door's owner.
  static std::vector<AddressRange> ReservedRanges();
  /// Of the whole pages in `ranges` those that are not resident now, in bytes: taken and never
  /// touched, or swapped out. None where the kernel does not say. Reads 8 bytes a page.
  static std::optional<std::uint64_t> AbsentBytes(std::span<const AddressRange> ranges);
  /// Takes whole pages of a reserved range for `layer`; they read as zero. They are counted from
  /// here on, though the system finds them one by one as they are touched. False, and nothing
  /// taken, where the limit forbids it.
  [[nodiscard]] bool TryTakePages(LayerId layer, std::size_t size_bytes) noexcept;
  /// Asks the system to back kHugePageBytes of taken pages, at a multiple of that, by one huge
  /// page; whether it did. What is resident does not change if all of it was. Costs a copy of them.
  static bool UnitePages(void* pages) noexcept;
  /// Takes that back, before some of them are returned: no huge page comes into their place.
  static void DividePages(void* pages) noexcept;
  /// Gives pages back to the system at once; the addresses stay reserved.
  void ReturnPages(LayerId layer, void* pages, std::size_t size_bytes) noexcept;

  /// No request is granted that would make allocated_bytes() pass this; kNoLimit to begin with.
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
  void SetLimit(std::uint64_t bytes) noexcept { limit_bytes_ = bytes; }
  std::uint64_t limit_bytes() const noexcept { return limit_bytes_; }

  /// What the last request that was refused asked for, since it was last forgotten; 0: none was.
  std::uint64_t refused_bytes() const noexcept { return refused_bytes_; }
  void ForgetRefused() noexcept { refused_bytes_ = 0; }

  /// For tests of what happens without memory: after `granted` more requests, all fail until this
  /// is called again. kNoLimit, to begin with: none fails for this.
  void FailAfter(std::uint64_t granted) noexcept { granted_ = granted; }
  /// How many of them are left.
  std::uint64_t granted_left() const noexcept { return granted_; }

  /// The bytes the allocator reserved for `block`, which must have come from some door; 0 for
  /// null. Asks the allocator, not the door's counters: footprint walks are built on it.
  static std::size_t ReservedBytes(const void* block) noexcept;

  /// What is reserved now for all layers, or for one, in bytes.
  std::uint64_t allocated_bytes() const noexcept;
  /// Of them, the allocator's blocks: all but pages of ranges.
  std::uint64_t heap_bytes() const noexcept;
  std::uint64_t allocated_bytes(LayerId layer) const noexcept;

  /// What went through all doors of this process, those that are gone included. Threads: any.
  static DoorTotals AllTotals();

  /// Tells this door from all others there ever were in this process; 0 until something was taken.
  /// Threads: whoever may take.
  std::uint64_t number() const noexcept { return number_; }
  /// The totals of the door of that number; none where it is gone. Threads: any.
  static std::optional<DoorTotals> TotalsOf(std::uint64_t number);

  /// All running totals. Each figure is exact; while another thread writes, two of them may be
  /// one operation apart.
  DoorTotals totals() const noexcept;

 private:
  // Whether a request for so many bytes may be granted; counts it where a test counts.
  bool MayGrant(std::size_t size_bytes) noexcept;
  // False, and noted.
  bool Refuse(std::size_t size_bytes) noexcept {
    refused_bytes_ = size_bytes;
    return false;
  }
  void CountTaken(LayerId layer, std::size_t size_bytes) noexcept;
  void CountReturned(LayerId layer, std::size_t size_bytes) noexcept;
  // Enters the list of all doors, when something is taken first: a door may be made by the
  // compiler.
  void Enter() noexcept;

  std::uint64_t limit_bytes_ = kNoLimit;
  std::uint64_t granted_ = kNoLimit;
  std::uint64_t refused_bytes_ = 0;
  std::atomic<std::uint64_t> held_bytes_{0};  // its own sum: never added up from the layers'
  std::array<std::atomic<std::uint64_t>, kMaxLayers> layer_bytes_{};
  std::atomic<std::uint64_t> total_allocated_bytes_{0};
  std::atomic<std::uint64_t> allocations_{0};
  std::atomic<std::uint64_t> frees_{0};
  std::atomic<std::uint64_t> page_bytes_{0};
  std::atomic<std::uint64_t> heap_blocks_{0};
  // 0: not in the list of all doors yet; and its neighbours there.
  std::uint64_t number_ = 0;
  MemoryDoor* before_ = nullptr;
  MemoryDoor* after_ = nullptr;
};

/// A standard allocator that goes through a door: one pointer large, so several caches in one
/// process each keep their own books. The door must outlive every container that uses it.
template <class T, LayerId kLayer>
class DoorAllocator {
 public:
  using value_type = T;
  using propagate_on_container_copy_assignment = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  template <class U>
  struct rebind {
    using other = DoorAllocator<U, kLayer>;
  };

  explicit DoorAllocator(MemoryDoor* door) noexcept : door_(door) {}
  template <class U>
  DoorAllocator(const DoorAllocator<U, kLayer>& other) noexcept  // NOLINT: allocators convert
      : door_(other.door()) {}

  T* allocate(std::size_t count) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
      throw std::bad_array_new_length();
    }
    return static_cast<T*>(door_->Allocate(kLayer, count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t) noexcept { door_->Free(kLayer, block); }

  MemoryDoor* door() const noexcept { return door_; }

  template <class U>
  bool operator==(const DoorAllocator<U, kLayer>& other) const noexcept {
    return door_ == other.door();
  }

 private:
  MemoryDoor* door_;
};

}  // namespace strata

#endif  // STRATA_MEMORY_DOOR_H_
