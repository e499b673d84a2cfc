// Numbers in as few bytes as they need: seven bits a byte, the lowest first, the high bit set on
// all but the last (LEB128). At most ten bytes for 64 bits.
#ifndef STRATA_CACHE_PACKED_VARINT_H_
#define STRATA_CACHE_PACKED_VARINT_H_

#include <cstddef>
#include <cstdint>

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
  result &= 0x7F;
  for (unsigned shift = 7;; shift += 7) {
    const std::uint64_t byte = *from++;
    result |= (byte & 0x7F) << shift;
    if (byte < 0x80) break;
  }
  *number = result;
  return from;
}

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_VARINT_H_
