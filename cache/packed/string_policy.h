// Which strings are worth a place in the dictionary: learned as they come, by what kind of place
// they stand in.
//
// A string in the dictionary costs about 14 bytes once and two or three a reference; inline it
// costs its length and one byte each time. So what is met once is better inline, and what comes
// again is better kept. A string not in the dictionary is first looked for in a filter of
// fingerprints of the strings met lately: one that is there has come again, and goes into the
// dictionary now. And for each class of places (the values of one key, say; 256 classes, by a hash)
// two counts are kept, how many strings were met and how many of them had been met before: where
// most had, a new string goes into the dictionary at once, so that not even its first copy is
// written inline.
//
// Nothing here decides what a string *is*, only how many bytes it takes; the cleaner asks again
// when it moves a blob. The fingerprints do not depend on the cache's random seed: the same content
// written in the same order takes the same decisions.
//
// Threads: the writer's.
#ifndef STRATA_CACHE_PACKED_STRING_POLICY_H_
#define STRATA_CACHE_PACKED_STRING_POLICY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/layers.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

class StringPolicy {
 public:
  /// A class of places. Keys, inner keys, and the values under one key.
  using Class = std::uint8_t;
  static constexpr Class kKeys = 0;
  static constexpr Class kInners = 1;
  static Class ValuesOf(std::string_view key);

  /// Strings of up to this length are always inline: a dictionary token is no shorter.
  static constexpr std::size_t kAlwaysInlineBytes = 2;

  explicit StringPolicy(MemoryDoor* door) : filter_(door) {}

  /// A string was met that the dictionary has.
  void MetKnown(Class place) { Count(place, true); }
  /// A string was met that the dictionary does not have: whether it should go there. `store_bytes`
  /// bounds the filter's memory: it takes at most 1/64 of that.
  bool MetUnknown(Class place, std::string_view text, std::uint64_t store_bytes);

  /// Gives the filter back where it takes more than 1/32 of the store, which has become smaller; it
  /// begins anew.
  void Trim(std::uint64_t store_bytes);
  void Clear();
  void AddTo(Layer* layer) const;

 private:
  struct Counts {
    std::uint16_t met = 0;
    std::uint16_t again = 0;
  };
  static constexpr std::size_t kMinFilter = std::size_t{1} << 10;  // fingerprints, two bytes each
  static constexpr std::size_t kMaxFilter = std::size_t{1} << 20;

  void Count(Class place, bool again);
  void GrowFilter(std::uint64_t store_bytes);
  bool Recently(std::string_view text);

  std::array<Counts, 256> classes_{};
  TryArray<std::uint16_t, kPolicy> filter_;
  std::size_t new_in_filter_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_STRING_POLICY_H_
