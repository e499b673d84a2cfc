// Finding a free number in a table of numbers that keeps no list of them (dictionary.h, shapes.h):
// from where the last one was found, and not far.
#ifndef STRATA_CACHE_PACKED_FREE_NUMBERS_H_
#define STRATA_CACHE_PACKED_FREE_NUMBERS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace strata::packed {

/// A free number of a table of `size`, of which `free` are; below `limit` if that is not 0. None
/// where none is near `*next`, which is then where to go on. Of a table of which one in 64 is free,
/// and below a limit, 4,096 are looked at; else 64.
template <class IsFree>
std::optional<std::uint32_t> NextFreeNumber(std::size_t size, std::size_t free, std::uint32_t limit,
                                            std::uint32_t* next, IsFree is_free) {
  constexpr std::size_t kFewFree = 64;
  constexpr std::size_t kLookedAt = 64;
  constexpr std::size_t kMostLookedAt = 4096;
  if (free == 0) return std::nullopt;
  const std::size_t end = limit != 0 ? std::min<std::size_t>(limit, size) : size;
  const bool worth_it = limit != 0 || free >= end / kFewFree;
  const std::size_t most = std::min(end, worth_it ? kMostLookedAt : kLookedAt);
  for (std::size_t i = 0; i < most; ++i) {
    if (*next >= end) *next = 0;
    const std::uint32_t number = (*next)++;
    if (is_free(number)) return number;
  }
  return std::nullopt;
}

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_FREE_NUMBERS_H_
