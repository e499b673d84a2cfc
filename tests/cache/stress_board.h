// What writers and readers of the stress test know of each other: the version of each key that was
// begun to be written, and the one that was written. A read that begins after the one and ends
// before the other sees a version in between, or the cache is wrong.
//
// Begun versions are stored before a write and read, relaxed, after a read: whoever sees a write's
// bytes by the cache's own ordering sees that it was begun. Written versions are released and
// acquired by strict readers, which orders all their reads behind those writes; loose readers do
// without, so that nothing but the cache's own ordering stands between them and ThreadSanitizer.
//
// Threads: safe from any.
#ifndef STRATA_TESTS_CACHE_STRESS_BOARD_H_
#define STRATA_TESTS_CACHE_STRESS_BOARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "tests/cache/stress_content.h"

namespace strata::stress {

/// The first faults that anybody found, and how many there were.
class Faults {
 public:
  void Add(const std::string& fault) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (++count_ <= kShown) text_ += fault + "\n";
  }
  /// Empty where there was none.
  std::string text() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return count_ == 0 ? "" : std::to_string(count_) + " faults, first:\n" + text_;
  }

 private:
  static constexpr std::size_t kShown = 8;
  mutable std::mutex mutex_;
  std::size_t count_ = 0;
  std::string text_;
};

class Board {
 public:
  Board() : begun_(Keys().size()), written_(Keys().size()) {}

  // Writers.

  void Begin(std::size_t key, Version version) {
    begun_[key].store(version, std::memory_order_relaxed);
  }
  void End(std::size_t key, Version version) {
    written_[key].store(version, std::memory_order_release);
  }
  // An outer counts how often it came and went: it is there while that is odd.
  void BeginOuter(std::size_t outer, std::uint64_t turns) {
    outers_begun_[outer].store(turns, std::memory_order_relaxed);
  }
  void EndOuter(std::size_t outer, std::uint64_t turns) {
    outers_written_[outer].store(turns, std::memory_order_release);
  }
  void CountWrite() { writes_.fetch_add(1, std::memory_order_relaxed); }
  void EndWriter() { writers_.fetch_sub(1, std::memory_order_relaxed); }
  void AddWriter() { writers_.fetch_add(1, std::memory_order_relaxed); }

  // Anybody.

  Version begun(std::size_t key) const { return begun_[key].load(std::memory_order_relaxed); }
  Version written(std::size_t key) const { return written_[key].load(std::memory_order_acquire); }
  std::uint64_t outer_begun(std::size_t outer) const {
    return outers_begun_[outer].load(std::memory_order_relaxed);
  }
  std::uint64_t outer_written(std::size_t outer) const {
    return outers_written_[outer].load(std::memory_order_acquire);
  }
  std::uint64_t writes() const { return writes_.load(std::memory_order_relaxed); }
  bool writing() const { return writers_.load(std::memory_order_relaxed) > 0; }

 private:
  std::vector<std::atomic<Version>> begun_;
  std::vector<std::atomic<Version>> written_;
  std::atomic<std::uint64_t> outers_begun_[kOuters] = {};
  std::atomic<std::uint64_t> outers_written_[kOuters] = {};
  std::atomic<std::uint64_t> writes_{0};
  std::atomic<int> writers_{0};
};

}  // namespace strata::stress

#endif  // STRATA_TESTS_CACHE_STRESS_BOARD_H_
