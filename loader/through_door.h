// An object whose memory comes through a door, so that a footprint has it.
//
// Threads: as the door: one at a time makes and ends objects.
#ifndef STRATA_LOADER_THROUGH_DOOR_H_
#define STRATA_LOADER_THROUGH_DOOR_H_

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include <strata/memory_door.h>

namespace strata {

/// Ends an object and gives its memory back to the door, which must outlive it.
template <class T>
struct ToDoor {
  MemoryDoor* door = nullptr;

  void operator()(T* object) const {
    object->~T();
    door->Free(0, object);
  }
};

template <class T>
using ThroughDoor = std::unique_ptr<T, ToDoor<T>>;

/// As std::make_unique, in layer 0 of `door`. Throws std::bad_alloc.
template <class T, class... Arguments>
ThroughDoor<T> MakeThroughDoor(MemoryDoor* door, Arguments&&... arguments) {
  static_assert(alignof(T) <= alignof(std::max_align_t), "more than a door's blocks have");
  void* const block = door->TryAllocate(0, sizeof(T));
  if (block == nullptr) throw std::bad_alloc();
  try {
    return {new (block) T(std::forward<Arguments>(arguments)...), ToDoor<T>{door}};
  } catch (...) {
    door->Free(0, block);
    throw;
  }
}

}  // namespace strata

#endif  // STRATA_LOADER_THROUGH_DOOR_H_
