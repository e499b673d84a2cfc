// Fetching memory before it is looked at.
//
// Threads: any; nothing is read or written as the language sees it.
#ifndef STRATA_CACHE_PACKED_PREFETCH_H_
#define STRATA_CACHE_PACKED_PREFETCH_H_

#include <cstddef>
#include <cstdint>

namespace strata::packed {

/// Fetches the line of an address, which need not be one.
inline void PrefetchLine(const void* at) {
  __builtin_prefetch(at);
  // GCC takes a function that does nothing but prefetch for one without effect, and drops its
  // calls; an empty statement with an effect that it cannot know keeps them.
  asm volatile("");
}

/// Fetches the lines of so many bytes, at least one, side by side.
inline void FetchLines(const std::uint8_t* from, std::size_t bytes) {
  const std::uint8_t* const last = from + bytes - 1;
  for (const std::uint8_t* at = from; at < last; at += 64) PrefetchLine(at);
  PrefetchLine(last);
}

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_PREFETCH_H_
