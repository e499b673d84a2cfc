// 128-bit hashes (XXH3) of sequences of strings and numbers. Every field is written with its
// length before it, so different sequences never have the same bytes:
//
//     tag (1) | field | field …      string: length (8, little-endian) | bytes
//                                    number: 8 bytes, little-endian
//
// Not keyed: whoever chooses the strings can make collisions. Internal to bench/baselines.
//
// Threads: one a hasher.
#ifndef STRATA_BENCH_BASELINES_CONTENT_HASH_H_
#define STRATA_BENCH_BASELINES_CONTENT_HASH_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/baselines/content_hash_value.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace strata {

/// Hashes one sequence after another, in one buffer that it keeps.
class ContentHasher {
 public:
  /// Begins a sequence; sequences with different tags are different.
  ContentHasher& Begin(char tag) {
    bytes_.assign(1, tag);
    return *this;
  }
  ContentHasher& Number(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
      bytes_.push_back(static_cast<char>(static_cast<unsigned char>(number >> shift)));
    }
    return *this;
  }
  ContentHasher& String(std::string_view string) {
    Number(string.size());
    bytes_.append(string);
    return *this;
  }
  ContentHasher& Hash(const ContentHash& hash) { return Number(hash.high).Number(hash.low); }

  /// Of the sequence since Begin.
  ContentHash hash() const {
    const XXH128_hash_t hash = XXH3_128bits(bytes_.data(), bytes_.size());
    return {.high = hash.high64, .low = hash.low64};
  }

 private:
  std::string bytes_;
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_CONTENT_HASH_H_
