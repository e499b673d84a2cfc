// Which of several tables an outer belongs to: the first that named it.
//
// 16 bytes an outer: they are told apart by a keyed 128-bit hash, as OuterSet does.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_OUTER_OWNERS_H_
#define STRATA_LOADER_OUTER_OWNERS_H_

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "loader/outer_set.h"

namespace strata {

class OuterOwners {
 public:
  explicit OuterOwners(std::size_t count) : sets_(count) {}

  /// Notes that `owner` has the outer, unless another has it: that one then. Throws std::bad_alloc.
  std::optional<std::size_t> Claim(std::size_t owner, std::string_view outer) {
    if (!sets_[owner].Insert(outer)) return std::nullopt;
    for (std::size_t other = 0; other < sets_.size(); ++other) {
      if (other != owner && sets_[other].Contains(outer)) return other;
    }
    return std::nullopt;
  }

 private:
  std::vector<OuterSet> sets_;
};

}  // namespace strata

#endif  // STRATA_LOADER_OUTER_OWNERS_H_
