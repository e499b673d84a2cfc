// A growing array whose elements never move: it lies in a reserved range of addresses and takes
// pages of it as it grows. What a reader beside the writer has found an index to, it may look at
// without asking where the array is now.
//
// Elements begin as zero bytes and are made of atomics, or written before anyone is told their
// index.
//
// A page in the middle on which no element is in use can be given back (ReleasePages) and taken
// again. The elements that lie on it are *absent* meanwhile: they read as zero bytes, or what is
// left of them where they reach into other pages, and must not be written.
//
// Threads: one writer; readers call operator[] with indexes they were given.
#ifndef STRATA_CACHE_PACKED_STABLE_ARRAY_H_
#define STRATA_CACHE_PACKED_STABLE_ARRAY_H_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/try_array.h"

namespace strata::packed {

template <class T, LayerId kLayer>
class StableArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  /// Addresses for up to `most` elements of at most `most_bytes` together; fewer where the process
  /// has few left (MemoryDoor::ReserveUpTo), see ok().
  StableArray(MemoryDoor* door, std::size_t most, std::uint64_t most_bytes = MemoryDoor::kNoLimit)
      : door_(door), released_(door) {
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
      MemoryDoor::UnitePages(HugePageAt(page));
    }
    united_ = std::max(united_, whole);
    return true;
  }
  /// Adds the element that TryGrow made room for; its index.
  std::size_t Add() { return size_++; }

  /// Drops the elements from `size` on, which must be zero bytes and out of readers' reach, and
  /// gives the pages behind the last one back. That must not be absent.
  void Shrink(std::size_t size) {
    assert(size == 0 || !IsAbsent(size - 1));
    size_ = size;
    const std::size_t kept = (size * sizeof(T) + kPageBytes - 1) / kPageBytes * kPageBytes;
    if (kept == taken_bytes_) return;
    ReturnTaken(kept);
    CountAbsent();
  }

  /// Gives back each page on which there are only elements that `is_free(index)`. Nothing happens
  /// where there is no memory for the list of such pages.
  template <class IsFree>
  void ReleasePages(IsFree is_free) {
    const std::size_t pages = size_ * sizeof(T) / kPageBytes;  // none that Add would write to
    if (!TryListPages(pages)) return;
    for (std::size_t page = 0; page < pages; ++page) {
      if (IsReleased(page)) continue;
      std::size_t index = FirstOn(page);
      while (index < EndOn(page) && (IsAbsent(index) || is_free(index))) ++index;
      if (index < EndOn(page)) continue;
      DivideAt(page);
      door_->ReturnPages(kLayer, PageAt(page), kPageBytes);
      MarkReleased(page, true);
    }
    first_released_ = 0;
    CountAbsent();
  }
  bool IsAbsent(std::size_t index) const {
    if (released_bytes_ == 0) return false;
    const std::size_t last = ((index + 1) * sizeof(T) - 1) / kPageBytes;
    for (std::size_t page = index * sizeof(T) / kPageBytes; page <= last; ++page) {
      if (IsReleased(page)) return true;
    }
    return false;
  }
  /// How many are.
  std::size_t absent() const { return absent_; }
  struct Range {
    std::size_t first = 0;
    std::size_t end = 0;
  };
  /// Takes the first released page back; the elements that are no longer absent, none where there
  /// is no such page or no memory.
  Range TryTakeBack() {
    if (released_bytes_ == 0 || !door_->TryTakePages(kLayer, kPageBytes)) return {};
    while (!IsReleased(first_released_)) ++first_released_;
    const std::size_t page = first_released_;
    MarkReleased(page, false);
    Range back{FirstOn(page), EndOn(page)};
    if (IsAbsent(back.first)) ++back.first;
    if (back.end > back.first && IsAbsent(back.end - 1)) --back.end;
    absent_ -= back.end - back.first;
    return back;
  }

  /// Gives everything back. No reader may be about.
  void Clear() {
    ReturnTaken(0);
    released_.Free();
    absent_ = 0;
    size_ = 0;
  }

  /// Adds its pages to `layer`, of them `free` elements, and what is left of absent ones, as dead.
  void AddTo(Layer* layer, std::size_t free) const {
    layer->used_bytes += (size_ - free - absent_) * sizeof(T);
    layer->dead_bytes += (free + absent_) * sizeof(T) - released_bytes_;
    layer->slack_bytes += taken_bytes_ - size_ * sizeof(T);
    released_.AddTo(layer);
  }
  /// Adds the pages it has taken.
  void AddPagesTo(std::vector<AddressRange>* ranges) const {
    ForEachRun(0, [&](std::uint8_t* begin, std::size_t size_bytes) {
      ranges->push_back({.begin = begin, .size_bytes = size_bytes});
    });
  }

 private:
  static constexpr std::size_t kPageBytes = 4096;
  static constexpr std::size_t kSmallestRangeBytes = std::size_t{64} << 20;

  std::uint8_t* PageAt(std::size_t page) const {
    return reinterpret_cast<std::uint8_t*>(elements_) + page * kPageBytes;
  }
  std::uint8_t* HugePageAt(std::size_t page) const {
    return PageAt(page * (MemoryDoor::kHugePageBytes / kPageBytes));
  }
  // The elements of which some byte lies on a page.
  std::size_t FirstOn(std::size_t page) const { return page * kPageBytes / sizeof(T); }
  std::size_t EndOn(std::size_t page) const {
    return std::min(size_, ((page + 1) * kPageBytes - 1) / sizeof(T) + 1);
  }
  bool IsReleased(std::size_t page) const {
    return page / 64 < released_.size() && (released_[page / 64] >> page % 64 & 1) != 0;
  }
  void MarkReleased(std::size_t page, bool released) {
    released_[page / 64] ^= std::uint64_t{1} << page % 64;
    released_bytes_ = released ? released_bytes_ + kPageBytes : released_bytes_ - kPageBytes;
  }
  [[nodiscard]] bool TryListPages(std::size_t pages) {
    const std::size_t words = pages / 64 + 1;
    const std::size_t before = released_.size();
    if (words <= before) return true;
    if (!released_.TryReserve(words)) return false;
    released_.SetSize(words);
    std::fill(released_.begin() + before, released_.end(), std::uint64_t{0});
    return true;
  }
  void CountAbsent() {
    absent_ = 0;
    if (released_bytes_ == 0) return;
    for (std::size_t index = 0; index < size_; ++index) absent_ += IsAbsent(index);
  }
  // Of a huge page that part is to be given back of.
  void DivideAt(std::size_t page) {
    const std::size_t huge = page * kPageBytes / MemoryDoor::kHugePageBytes;
    if (huge >= united_) return;
    MemoryDoor::DividePages(HugePageAt(huge));
  }
  // Calls visit(begin, bytes) for each run of pages from `page` on that it has taken.
  template <class Visit>
  void ForEachRun(std::size_t page, Visit visit) const {
    const std::size_t end = taken_bytes_ / kPageBytes;
    while (page < end) {
      const std::size_t first = page;
      while (page < end && !IsReleased(page)) ++page;
      if (page > first) visit(PageAt(first), (page - first) * kPageBytes);
      while (page < end && IsReleased(page)) ++page;
    }
  }
  // Gives back all pages but for so many bytes of them.
  void ReturnTaken(std::size_t kept_bytes) {
    for (; united_ * MemoryDoor::kHugePageBytes > kept_bytes; --united_) {
      MemoryDoor::DividePages(HugePageAt(united_ - 1));
    }
    std::size_t page = kept_bytes / kPageBytes;
    ForEachRun(page, [&](std::uint8_t* begin, std::size_t size_bytes) {
      door_->ReturnPages(kLayer, begin, size_bytes);
    });
    for (; released_bytes_ > 0 && page < taken_bytes_ / kPageBytes; ++page) {
      if (IsReleased(page)) MarkReleased(page, false);
    }
    taken_bytes_ = kept_bytes;
  }

  MemoryDoor* door_;
  TryArray<std::uint64_t, kLayer> released_;  // a bit for each page that was given back
  T* elements_ = nullptr;
  std::size_t range_bytes_ = 0;
  std::size_t taken_bytes_ = 0;
  std::size_t size_ = 0;
  std::size_t united_ = 0;  // huge pages, from the beginning
  std::size_t released_bytes_ = 0;
  std::size_t first_released_ = 0;  // page; there is none before it
  std::size_t absent_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_STABLE_ARRAY_H_
