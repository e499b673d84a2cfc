// A hash of 128 bits (content_hash.h) as a number: compared, summed up, hashed again.
//
// Threads: plain values.
#ifndef STRATA_BENCH_BASELINES_CONTENT_HASH_VALUE_H_
#define STRATA_BENCH_BASELINES_CONTENT_HASH_VALUE_H_

#include <compare>
#include <cstdint>
#include <utility>

namespace strata {

struct ContentHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const ContentHash&, const ContentHash&) = default;
  /// Modulo 2^128.
  ContentHash& operator+=(const ContentHash& other) {
    low += other.low;
    high += other.high + (low < other.low ? 1 : 0);
    return *this;
  }
  template <class H>
  friend H AbslHashValue(H state, const ContentHash& hash) {
    return H::combine(std::move(state), hash.high, hash.low);
  }
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_CONTENT_HASH_VALUE_H_
