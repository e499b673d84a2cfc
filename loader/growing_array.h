// An array that grows in place where the system can: giant entries fill arrays of gigabytes, and a
// vector that doubles by copying would hold both copies at its peak. realloc moves large blocks by
// remapping their pages.
//
// Elements are plain bytes. Growing throws std::bad_alloc and leaves the array as it was.
#ifndef STRATA_LOADER_GROWING_ARRAY_H_
#define STRATA_LOADER_GROWING_ARRAY_H_

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace strata {

template <class T>
class GrowingArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  GrowingArray() = default;
  GrowingArray(GrowingArray&& other) noexcept
      : items_(std::exchange(other.items_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  GrowingArray& operator=(GrowingArray&& other) noexcept {
    std::swap(items_, other.items_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~GrowingArray() { std::free(items_); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t size_bytes() const { return size_ * sizeof(T); }
  std::size_t capacity() const { return capacity_; }
  T* data() { return items_; }
  const T* data() const { return items_; }
  T& operator[](std::size_t index) { return items_[index]; }
  const T& operator[](std::size_t index) const { return items_[index]; }
  T& back() { return items_[size_ - 1]; }
  const T& back() const { return items_[size_ - 1]; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }
  std::span<const T> range(std::size_t begin, std::size_t end) const {
    return {items_ + begin, end - begin};
  }

  void push_back(const T& item) {
    if (size_ == capacity_) Reserve(size_ + 1);
    items_[size_++] = item;
  }

  /// Adds copies of `count` items that lie elsewhere.
  void Append(const T* items, std::size_t count) {
    if (count == 0) return;
    Reserve(size_ + count);
    std::memcpy(items_ + size_, items, count * sizeof(T));
    size_ += count;
  }

  /// Room for `count` items in all; what is beyond size() has no value yet.
  void Reserve(std::size_t count) {
    if (count <= capacity_) return;
    constexpr std::size_t kMostItems = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T);
    if (count > kMostItems) throw std::bad_alloc();
    std::size_t wanted = capacity_ + capacity_ / 2 + 16;
    if (wanted < count) wanted = count;
    if (wanted > kMostItems) wanted = kMostItems;
    void* grown = std::realloc(static_cast<void*>(items_), wanted * sizeof(T));
    if (grown == nullptr) throw std::bad_alloc();
    items_ = static_cast<T*>(grown);
    capacity_ = wanted;
  }

  /// Shortens to `count` items, at most size().
  void Truncate(std::size_t count) { size_ = count; }

  /// Empties it; keeps the memory for the next filling up to `kept_bytes`.
  void Clear(std::size_t kept_bytes) {
    size_ = 0;
    if (capacity_ * sizeof(T) <= kept_bytes) return;
    std::free(items_);
    items_ = nullptr;
    capacity_ = 0;
  }

 private:
  T* items_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace strata

#endif  // STRATA_LOADER_GROWING_ARRAY_H_
