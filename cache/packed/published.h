// A value that one thread writes and any thread reads, whole, without either waiting.
//
//     turn │ value of even turns │ value of odd turns
//
// The writer fills the value that nobody is sent to and then moves the turn on, so a reader starts
// over only where the writer got round twice while it read some dozen words.
//
// Threads: one writer at a time; any number of readers.
#ifndef STRATA_CACHE_PACKED_PUBLISHED_H_
#define STRATA_CACHE_PACKED_PUBLISHED_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace strata::packed {

template <class T>
class Published {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(std::uint64_t) == 0);

 public:
  void Store(const T& value) noexcept {
    const Words words = std::bit_cast<Words>(value);
    const std::uint64_t turn = turn_.load(std::memory_order_relaxed) + 1;
    Slots& slots = values_[turn & 1];
    // Each word is released, so that who sees a new one sees that the turn before was moved on.
    for (std::size_t i = 0; i < kWords; ++i) slots[i].store(words[i], std::memory_order_release);
    turn_.store(turn, std::memory_order_release);
  }

  T Load() const noexcept {
    while (true) {
      const std::uint64_t turn = turn_.load(std::memory_order_acquire);
      const Slots& slots = values_[turn & 1];
      Words words;
      for (std::size_t i = 0; i < kWords; ++i) words[i] = slots[i].load(std::memory_order_acquire);
      if (turn_.load(std::memory_order_relaxed) == turn) return std::bit_cast<T>(words);
    }
  }

 private:
  static constexpr std::size_t kWords = sizeof(T) / sizeof(std::uint64_t);
  using Words = std::array<std::uint64_t, kWords>;
  using Slots = std::array<std::atomic<std::uint64_t>, kWords>;

  std::atomic<std::uint64_t> turn_{0};
  std::array<Slots, 2> values_{};
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_PUBLISHED_H_
