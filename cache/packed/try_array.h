// A growing array of trivial values whose memory comes through the door and whose growth may fail:
// what std::vector would be if push_back answered false instead of throwing.
//
// Threads: one.
#ifndef STRATA_CACHE_PACKED_TRY_ARRAY_H_
#define STRATA_CACHE_PACKED_TRY_ARRAY_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include <strata/footprint.h>
#include <strata/memory_door.h>

namespace strata::packed {

template <class T, LayerId kLayer>
class TryArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit TryArray(MemoryDoor* door) : door_(door) {}
  TryArray(const TryArray&) = delete;
  TryArray& operator=(const TryArray&) = delete;
  ~TryArray() { Free(); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity_bytes() const { return capacity_ * sizeof(T); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](std::size_t index) { return data_[index]; }
  const T& operator[](std::size_t index) const { return data_[index]; }
  T& back() { return data_[size_ - 1]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  /// Room for `capacity` in all; false, and nothing changed, where there is no memory.
  [[nodiscard]] bool TryReserve(std::size_t capacity) {
    if (capacity <= capacity_) return true;
    capacity = std::max(capacity, capacity_ + capacity_ / 4 + 8);
    T* const grown = static_cast<T*>(door_->TryAllocate(kLayer, capacity * sizeof(T)));
    if (grown == nullptr) return false;
    if (size_ > 0) std::memcpy(static_cast<void*>(grown), data_, size_ * sizeof(T));
    door_->Free(kLayer, data_);
    data_ = grown;
    capacity_ = capacity;
    return true;
  }
  [[nodiscard]] bool TryPushBack(const T& value) {
    const T kept = value;  // `value` may lie in this array
    if (!TryReserve(size_ + 1)) return false;
    data_[size_++] = kept;
    return true;
  }
  /// Sets the size to one that TryReserve made room for; what is new is not initialised.
  void SetSize(std::size_t size) { size_ = size; }
  void PopBack() { --size_; }
  void Clear() { size_ = 0; }
  /// Gives the memory back.
  void Free() {
    door_->Free(kLayer, data_);
    data_ = nullptr;
    size_ = 0;
    capacity_ = 0;
  }

  /// Adds its block to `layer`, the elements in use as used.
  void AddTo(Layer* layer) const {
    if (data_ != nullptr) layer->AddBlock(data_, size_ * sizeof(T));
  }

 private:
  MemoryDoor* door_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_TRY_ARRAY_H_
