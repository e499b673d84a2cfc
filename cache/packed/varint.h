// Numbers in as few bytes as they need: seven bits a byte, the lowest first, the high bit set on
// all but the last (LEB128). At most ten bytes for 64 bits.
#ifndef STRATA_CACHE_PACKED_VARINT_H_
#define STRATA_CACHE_PACKED_VARINT_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace strata::packed {

inline constexpr std::size_t kMaxVarintBytes = 10;

inline std::size_t VarintSize(std::uint64_t number) {
  std::size_t size = 1;
  for (; number >= 0x80; number >>= 7) ++size;
  return size;
}

/// Writes at `to`, which has room; returns the byte after.
inline std::uint8_t* WriteVarint(std::uint64_t number, std::uint8_t* to) {
  for (; number >= 0x80; number >>= 7) *to++ = static_cast<std::uint8_t>(number | 0x80);
  *to++ = static_cast<std::uint8_t>(number);
  return to;
}

/// Reads at `from` what WriteVarint wrote; returns the byte after.
inline const std::uint8_t* ReadVarint(const std::uint8_t* from, std::uint64_t* number) {
  std::uint64_t result = *from++;
  if (result < 0x80) [[likely]] {
    *number = result;
    return from;
  }
  // Each step takes back the mark of the byte before.
  for (unsigned shift = 7;; shift += 7) {
    const std::uint64_t byte = *from++;
    result += (byte - 1) << shift;
    if (byte < 0x80) break;
  }
  *number = result;
  return from;
}

/// As ReadVarint, for who reads many of unlike sizes: without a branch on the size where the number
/// is below 2^28 and four bytes from `from` on lie before `end`, which nobody changes meanwhile.
inline const std::uint8_t* ReadVarintBefore(const std::uint8_t* end, const std::uint8_t* from,
                                            std::uint64_t* number) {
  std::uint32_t word = 0;
  if (end - from < static_cast<std::ptrdiff_t>(sizeof(word))) return ReadVarint(from, number);
  std::memcpy(&word, from, sizeof(word));  // little-endian, as all of the log
  const std::uint32_t stops = ~word & 0x80808080;
  if (stops == 0) [[unlikely]] {
    return ReadVarint(from, number);
  }
  word &= stops ^ (stops - 1);
  // Four groups of seven bits become two of fourteen, and one of 28.
  word = (word & 0x007F007F) | (word & 0x7F007F00) >> 1;
  *number = (word & 0x00003FFF) | (word & 0x3FFF0000) >> 2;
  return from + (std::countr_zero(stops) + 1) / 8;
}

/// How a walk reads its varints: one by one, or in words as far as an end.
struct Varints {
  const std::uint8_t* operator()(const std::uint8_t* from, std::uint64_t* number) const {
    return ReadVarint(from, number);
  }
};
struct VarintsBefore {
  const std::uint8_t* end;
  const std::uint8_t* operator()(const std::uint8_t* from, std::uint64_t* number) const {
    return ReadVarintBefore(end, from, number);
  }
};

/// As ReadVarint, for a number whose first byte the writer may change beside a reader: the lowest
/// bits of a blob's head and of an inline entry's are marks.
inline const std::uint8_t* ReadMarkedVarint(const std::uint8_t* from, std::uint64_t* number) {
  const std::uint64_t first = std::atomic_ref<std::uint8_t>(*const_cast<std::uint8_t*>(from++))
                                  .load(std::memory_order_relaxed);
  if (first < 0x80) {
    *number = first;
    return from;
  }
  std::uint64_t rest = 0;
  from = ReadVarint(from, &rest);
  *number = (first & 0x7F) | rest << 7;
  return from;
}

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_VARINT_H_
