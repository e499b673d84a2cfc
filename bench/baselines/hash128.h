// A hash of 128 bits as a number: compared, summed up, hashed again.
//
// Threads: plain values.
#ifndef STRATA_BENCH_BASELINES_HASH128_H_
#define STRATA_BENCH_BASELINES_HASH128_H_

#include <compare>
#include <cstdint>
#include <utility>

namespace strata {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const Hash128&, const Hash128&) = default;
  /// Modulo 2^128.
  Hash128& operator+=(const Hash128& other) {
    low += other.low;
    high += other.high + (low < other.low ? 1 : 0);
    return *this;
  }
  template <class H>
  friend H AbslHashValue(H state, const Hash128& hash) {
    return H::combine(std::move(state), hash.high, hash.low);
  }
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_HASH128_H_
