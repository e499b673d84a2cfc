// What a data set is, whatever layout holds it: the "dataset" object of `compare --format json`.
//
// Threads: plain values; not shared.
#ifndef STRATA_BENCH_BASELINES_DATASET_H_
#define STRATA_BENCH_BASELINES_DATASET_H_

#include <cstdint>
#include <string>

#include "bench/baselines/layout.h"

namespace strata {

struct Dataset {
  Counts counts;
  /// Outers, inners, keys and values together. Counted by 128-bit hashes.
  std::uint64_t distinct_strings = 0;
  /// The length of all strings as they occur: an outer once, an inner once an entry, keys and
  /// values once a pair.
  std::uint64_t text_bytes = 0;
  std::string digest;
};

/// Describes all that `layout` holds: one scan, and about 20 to 40 bytes of memory a distinct
/// string while it lasts.
Dataset DescribeDataset(const Layout& layout);

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_DATASET_H_
