// The baselines' allocator: an empty class, so that a container or string that uses it is exactly
// as large as one that uses std::allocator, which the layouts assert. What it has to know is in its
// type: which books (a door that all layouts of one kind in the process share) and which layer.
//
// Out of memory ends the process with a message (MemoryDoor::Allocate).
//
// Threads: one at a time for all layouts of one kind.
#ifndef STRATA_BENCH_BASELINES_LAYER_ALLOCATOR_H_
#define STRATA_BENCH_BASELINES_LAYER_ALLOCATOR_H_

#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>

#include <strata/memory_door.h>

namespace strata {

/// `Books` has a static member `MemoryDoor door`. An array of pointers, which is what
/// std::unordered_map's buckets are, is tagged `kPointerLayer`, all else `kLayer`.
template <class T, class Books, LayerId kLayer, LayerId kPointerLayer = kLayer>
class LayerAllocator {
 public:
  using value_type = T;
  using is_always_equal = std::true_type;
  template <class U>
  struct rebind {
    using other = LayerAllocator<U, Books, kLayer, kPointerLayer>;
  };

  LayerAllocator() = default;
  template <class U>
  LayerAllocator(  // NOLINT: allocators convert
      const LayerAllocator<U, Books, kLayer, kPointerLayer>&) noexcept {}

  T* allocate(std::size_t count) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
      throw std::bad_array_new_length();
    }
    return static_cast<T*>(Books::door.Allocate(kTag, count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t) noexcept { Books::door.Free(kTag, block); }

  template <class U>
  bool operator==(const LayerAllocator<U, Books, kLayer, kPointerLayer>&) const noexcept {
    return true;
  }

 private:
  static constexpr LayerId kTag = std::is_pointer_v<T> ? kPointerLayer : kLayer;
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_LAYER_ALLOCATOR_H_
