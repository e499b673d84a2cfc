// A growing array whose elements never move: it lies in a reserved range of addresses and takes
// pages of it as it grows. What a reader beside the writer has found an index to, it may look at
// without asking where the array is now.
//
// Elements begin as zero bytes and are made of atomics, or written before anyone is told their
// index.
//
// Threads: one writer; readers call operator[] with indexes they were given.
#ifndef STRATA_CACHE_PACKED_STABLE_ARRAY_H_
#define STRATA_CACHE_PACKED_STABLE_ARRAY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <strata/footprint.h>
#include <strata/memory_door.h>

namespace strata::packed {

template <class T, LayerId kLayer>
class StableArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  /// Addresses for up to `most` elements of at most `most_bytes` together; fewer where the process
  /// has few left (MemoryDoor::ReserveUpTo), see ok().
  StableArray(MemoryDoor* door, std::size_t most, std::uint64_t most_bytes = MemoryDoor::kNoLimit)
      : door_(door) {
    // Pages are taken in steps, the last of which may pass what is asked for.
    const std::uint64_t bytes = std::min<std::uint64_t>(most_bytes, most * sizeof(T));
    const std::uint64_t pages = (bytes / kPageBytes + 1) * kPageBytes;
    elements_ = static_cast<T*>(MemoryDoor::ReserveUpTo(
        std::max<std::uint64_t>(pages, kSmallestRangeBytes), kSmallestRangeBytes, &range_bytes_));
  }
  StableArray(const StableArray&) = delete;
  StableArray& operator=(const StableArray&) = delete;
  ~StableArray() {
    Clear();
    if (elements_ != nullptr) MemoryDoor::FreeRange(elements_, range_bytes_);
  }

  bool ok() const { return elements_ != nullptr; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t index) { return elements_[index]; }
  const T& operator[](std::size_t index) const { return elements_[index]; }

  /// Room for one element more; false, and nothing changed, where there is none.
  [[nodiscard]] bool TryGrow() {
    const std::size_t wanted = (size_ + 1) * sizeof(T);
    if (wanted <= taken_bytes_) return true;
    // A sixteenth more, in whole pages: few calls, little slack.
    const std::size_t step =
        (wanted + taken_bytes_ / 16 + kPageBytes - 1) / kPageBytes * kPageBytes;
    const std::size_t more = step - taken_bytes_;
    if (step > range_bytes_ || !door_->TryTakePages(kLayer, more)) return false;
    const std::size_t whole = taken_bytes_ / MemoryDoor::kHugePageBytes;
    taken_bytes_ = step;
    // What is filled of the array by whole huge pages is looked at everywhere.
    for (std::size_t page = united_; page < whole; ++page) {
      MemoryDoor::UnitePages(reinterpret_cast<std::uint8_t*>(elements_) +
                             page * MemoryDoor::kHugePageBytes);
    }
    united_ = std::max(united_, whole);
    return true;
  }
  /// Adds the element that TryGrow made room for; its index.
  std::size_t Add() { return size_++; }

  /// Drops the elements from `size` on, which must be zero bytes and out of readers' reach, and
  /// gives the pages behind the last one back.
  void Shrink(std::size_t size) {
    size_ = size;
    const std::size_t kept = (size * sizeof(T) + kPageBytes - 1) / kPageBytes * kPageBytes;
    if (kept == taken_bytes_) return;
    std::uint8_t* const pages = reinterpret_cast<std::uint8_t*>(elements_);
    for (; united_ * MemoryDoor::kHugePageBytes > kept; --united_) {
      MemoryDoor::DividePages(pages + (united_ - 1) * MemoryDoor::kHugePageBytes);
    }
    door_->ReturnPages(kLayer, pages + kept, taken_bytes_ - kept);
    taken_bytes_ = kept;
  }

  /// Gives everything back. No reader may be about.
  void Clear() {
    if (taken_bytes_ > 0) door_->ReturnPages(kLayer, elements_, taken_bytes_);
    for (; united_ > 0; --united_) {
      MemoryDoor::DividePages(reinterpret_cast<std::uint8_t*>(elements_) +
                              (united_ - 1) * MemoryDoor::kHugePageBytes);
    }
    taken_bytes_ = 0;
    size_ = 0;
  }

  /// Adds its pages to `layer`, of them `free` elements as dead.
  void AddTo(Layer* layer, std::size_t free) const {
    layer->used_bytes += (size_ - free) * sizeof(T);
    layer->dead_bytes += free * sizeof(T);
    layer->slack_bytes += taken_bytes_ - size_ * sizeof(T);
  }
  /// The pages it has taken.
  AddressRange pages() const { return {.begin = elements_, .size_bytes = taken_bytes_}; }

 private:
  static constexpr std::size_t kPageBytes = 4096;
  static constexpr std::size_t kSmallestRangeBytes = std::size_t{64} << 20;

  MemoryDoor* door_;
  T* elements_ = nullptr;
  std::size_t range_bytes_ = 0;
  std::size_t taken_bytes_ = 0;
  std::size_t size_ = 0;
  std::size_t united_ = 0;  // huge pages, from the beginning
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_STABLE_ARRAY_H_
