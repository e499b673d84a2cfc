// How long many operations took, each of them, in a fixed 30 KiB: counts in buckets that grow with
// what they count, 64 to an octave, so a quantile is at most 1/64 above what was measured. The
// maximum is exact.
//
// Threads: one.
#ifndef STRATA_BENCH_BASELINES_LATENCIES_H_
#define STRATA_BENCH_BASELINES_LATENCIES_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace strata {

class Latencies {
 public:
  void Add(std::uint64_t nanoseconds) {
    ++buckets_[BucketOf(nanoseconds)];
    ++count_;
    max_ns_ = std::max(max_ns_, nanoseconds);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t max_ns() const { return max_ns_; }
  /// The least figure, up to the bucket's width, that a `share` (above 0, up to 1) of all do not
  /// exceed; 0 where there are none.
  std::uint64_t QuantileNs(double share) const {
    const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      below += buckets_[i];
      if (buckets_[i] > 0 && below >= rank) return std::min(LastOf(i), max_ns_);
    }
    return max_ns_;
  }

 private:
  static constexpr std::size_t kSubBits = 6;
  static constexpr std::size_t kSub = std::size_t{1} << kSubBits;

  // Below kSub a bucket a nanosecond; above, the highest bit and the kSubBits behind it.
  static std::size_t BucketOf(std::uint64_t nanoseconds) {
    if (nanoseconds < kSub) return nanoseconds;
    const auto shift = static_cast<std::size_t>(std::bit_width(nanoseconds)) - 1 - kSubBits;
    return (shift + 1) * kSub + ((nanoseconds >> shift) & (kSub - 1));
  }
  // The greatest figure of the bucket.
  static std::uint64_t LastOf(std::size_t bucket) {
    if (bucket < kSub) return bucket;
    const std::size_t shift = bucket / kSub - 1;
    return ((std::uint64_t{kSub + bucket % kSub} + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kSubBits + 1)* kSub> buckets_ = {};
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_LATENCIES_H_
