// Which outers a load has met, 16 bytes each however long they are: a set of 128-bit SipHash-2-4
// digests under a random key. Two outers that the set takes for one would lose data, so the hash
// is one that cannot be steered; by chance it happens once in 10^20 loads of 10^9 outers.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_OUTER_SET_H_
#define STRATA_LOADER_OUTER_SET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace strata {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

/// SipHash-2-4 with 128 bits of output (Aumasson, Bernstein, 2012) under `key`.
Hash128 SipHash128(const Hash128& key, std::string_view text);

/// A key that nobody can foretell; early in boot, where there is none, address and clock.
Hash128 RandomKey();

class OuterSet {
 public:
  /// Adds it; whether it is new. Throws std::bad_alloc and leaves the set as it was.
  bool Insert(std::string_view outer);
  bool Contains(std::string_view outer) const;
  std::size_t size() const { return size_; }
  void Clear();

 private:
  Hash128 HashOf(std::string_view outer) const;
  void Grow();

  Hash128 key_ = RandomKey();
  std::unique_ptr<Hash128[]> slots_;  // open addressing; an all-zero slot is free
  std::size_t slot_count_ = 0;        // a power of two, or 0
  std::size_t size_ = 0;
};

}  // namespace strata

#endif  // STRATA_LOADER_OUTER_SET_H_
