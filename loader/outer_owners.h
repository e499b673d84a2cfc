// Which of several sources an outer belongs to: the first that named it, until it lets go.
//
//     | hash, 14 bytes | owner + 1, 2 bytes |     16 bytes an outer
//
// Outers are told apart by a keyed 112-bit hash (SipHash, as OuterSet has it): two that were taken
// for one would lose data, and by chance that happens once in 10^16 loads of 10^9 outers.
//
// Threads: any; calls take turns.
#ifndef STRATA_LOADER_OUTER_OWNERS_H_
#define STRATA_LOADER_OUTER_OWNERS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "absl/status/status.h"

#include <strata/footprint.h>

#include "loader/outer_set.h"
#include "loader/slot_table.h"

namespace strata {

class OuterOwners {
 public:
  static constexpr std::size_t kMostOwners = 0xfffe;

  /// Notes that `owner`, below kMostOwners, has the outer, unless another has it: that one then.
  /// Throws std::bad_alloc.
  std::optional<std::size_t> Claim(std::size_t owner, std::string_view outer);
  std::optional<std::size_t> OwnerOf(std::string_view outer) const;
  /// Whoever names it next has it.
  void Release(std::string_view outer);
  void Clear();

  /// Adds the layer "outers".
  void AddLayer(Footprint* footprint) const;

 private:
  struct Slot {
    std::uint64_t low = 0;
    std::uint64_t high = 0;  // the lowest 16 bits: the owner + 1, so that none is all zero
    bool free() const { return high == 0; }
    std::uint64_t home() const { return low; }
    bool SameKey(const Slot& other) const {
      return low == other.low && (high ^ other.high) >> 16 == 0;
    }
    std::size_t owner() const { return (high & 0xffff) - 1; }
  };
  static_assert(sizeof(Slot) == 16);

  Slot SlotOf(std::string_view outer, std::size_t owner) const;

  Hash128 key_ = RandomKey();
  mutable std::mutex mutex_;  // of what follows
  SlotTable<Slot> slots_;
};

/// The InvalidArgument of an outer that two sources name, as messages call them.
absl::Status OuterOfTwoSources(std::string_view outer, std::string_view first,
                               std::string_view second);

}  // namespace strata

#endif  // STRATA_LOADER_OUTER_OWNERS_H_
