// The point lookups that layouts are timed with: drawn once from content, uniform over its pairs
// and the same for every layout that holds the same content, in whatever order it visits it.
//
// Each pair has a hash of (outer, inner, index, key). The pairs with the smallest hashes are drawn
// and looked up in the order of their hashes; where there are fewer pairs than lookups wanted, all
// of them follow again, each time in another shuffled order. Where keys or values are so long that
// the lookups would take gigabytes or minutes, there are fewer of them: the first ones of that
// order, for every layout the same.
//
// Threads: one.
#ifndef STRATA_BENCH_BASELINES_LOOKUPS_H_
#define STRATA_BENCH_BASELINES_LOOKUPS_H_

#include <cstddef>
#include <span>
#include <vector>

#include "bench/baselines/layout.h"

namespace strata {

/// A list of keys and the bytes they name, laid out in the order of the lookups so that reading
/// the keys costs next to nothing beside the lookups themselves.
class Lookups {
 public:
  Lookups() = default;
  Lookups(Lookups&&) = default;
  Lookups& operator=(Lookups&&) = default;
  Lookups(const Lookups&) = delete;
  Lookups& operator=(const Lookups&) = delete;

  /// `count` keys of pairs that `layout` holds; none where it holds no pair. Fewer, but one at the
  /// least, where all together would have more bytes of keys than 64 MiB and 256 a lookup, or would
  /// read more bytes of values than 1 GiB and 4 KiB a lookup. Two scans.
  static Lookups Draw(const Layout& layout, std::size_t count);

  /// These lookups with each key lengthened until `layout` has no such pair: misses that go all the
  /// way to the record.
  Lookups Missing(const Layout& layout) const;

  std::span<const LookupKey> keys() const { return keys_; }
  bool empty() const { return keys_.empty(); }

 private:
  // Copies of `keys`, which may point anywhere.
  explicit Lookups(std::span<const LookupKey> keys);

  std::vector<char> bytes_;
  std::vector<LookupKey> keys_;
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_LOOKUPS_H_
