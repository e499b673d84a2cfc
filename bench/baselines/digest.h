// An order-independent digest of content: equal for equal content whatever layout holds it and in
// whatever order it is visited, save that the order of records in a list counts. Empty outers,
// lists and records count too.
//
// Content is taken as a set of facts, none of which occurs twice:
//     this outer is there            (outer)
//     this entry is there            (outer, inner)
//     the entry has a record here    (outer, inner, index)
//     the record has this pair       (outer, inner, index, key, value)
// and the digest is the sum, modulo 2^128, of their 128-bit XXH3 hashes. It finds accidents, not
// malice: it is no cryptographic hash.
//
// Threads: one.
#ifndef STRATA_BENCH_BASELINES_DIGEST_H_
#define STRATA_BENCH_BASELINES_DIGEST_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/baselines/content_hash.h"
#include "bench/baselines/layout.h"

namespace strata {

class Digest final : public ContentVisitor {
 public:
  void OnOuter(std::string_view outer) override;
  void OnEntry(std::string_view inner) override;
  void OnRecord() override;
  void OnPair(std::string_view key, std::string_view value) override;

  /// Of what was visited so far: 32 hexadecimal digits, all zero for nothing.
  std::string Hex() const;

 private:
  ContentHasher hasher_;
  ContentHash sum_;
  ContentHash outer_;   // of the fact that the current outer is there; stands for it in later facts
  ContentHash entry_;   // the same for the entry
  ContentHash record_;  // and the record
  std::uint64_t records_ = 0;  // of the current entry so far
};

/// The digest of all that `layout` holds. One scan.
std::string DigestOf(const Layout& layout);

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_DIGEST_H_
