// Random names and records over a small universe, for tests of layouts: few enough names that
// operations meet, lengths from empty to 100 bytes so that strings lie in and out of their objects.
//
// Threads: one.
#ifndef STRATA_TESTS_BASELINES_RANDOM_CONTENT_H_
#define STRATA_TESTS_BASELINES_RANDOM_CONTENT_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <strata/record.h>

namespace strata {

class RandomContent {
 public:
  explicit RandomContent(std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kStrings; ++i) {
      const std::size_t length = i == 0 ? 0 : 1 + Below(100);
      std::string string(length, '\0');
      for (char& byte : string) byte = static_cast<char>(Below(256));
      strings_.push_back(std::move(string));
    }
  }

  /// Uniform below `limit`.
  std::size_t Below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }
  const std::string& Outer() { return strings_[Below(8)]; }
  const std::string& Inner() { return strings_[Below(12)]; }
  const std::string& Key() { return strings_[Below(kStrings)]; }
  const std::string& Value() { return strings_[Below(kStrings)]; }

  /// 0 to 20 pairs, keys repeating at times.
  std::vector<Pair> Record() {
    std::vector<Pair> pairs(Below(4) == 0 ? Below(21) : Below(4));
    for (Pair& pair : pairs) pair = {Key(), Value()};
    return pairs;
  }
  /// 0 to 6 records.
  Records List() {
    Records list;
    for (std::size_t i = Below(7); i > 0; --i) list.Add(Record());
    return list;
  }

 private:
  static constexpr std::size_t kStrings = 40;
  std::mt19937_64 random_;
  std::vector<std::string> strings_;
};

}  // namespace strata

#endif  // STRATA_TESTS_BASELINES_RANDOM_CONTENT_H_
