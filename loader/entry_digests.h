// The digests of entries as they were last read, for those whose content the cache does not hold in
// the form in which the server has it: columns of JSON, and pair rows that repeat a key.
//
//     | name, 8 bytes: keyed hash of (outer, inner), never 0 | digest, 8 bytes: keyed hash |
//
// Two entries whose names share 64 bits share a slot: the digest of one of them never matches, and
// it is read again in each pass. Nothing is lost by that.
//
// Threads: any; calls take turns.
#ifndef STRATA_LOADER_ENTRY_DIGESTS_H_
#define STRATA_LOADER_ENTRY_DIGESTS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include <strata/footprint.h>

#include "loader/mysql_digest.h"
#include "loader/outer_set.h"
#include "loader/slot_table.h"

namespace strata::mysql {

class EntryDigests {
 public:
  /// Throws std::bad_alloc and leaves what was known as it was.
  void Set(std::string_view outer, std::string_view inner, const EntryDigest& digest);
  void Erase(std::string_view outer, std::string_view inner);
  /// Whether the entry was last read with this digest; false where it was never read.
  bool Matches(std::string_view outer, std::string_view inner, const EntryDigest& digest) const;
  void Clear();

  std::size_t size() const;
  /// Adds the layer "entry digests".
  void AddLayer(Footprint* footprint) const;

 private:
  struct Slot {
    std::uint64_t name = 0;
    std::uint64_t digest = 0;
    bool free() const { return name == 0; }
    std::uint64_t home() const { return name; }
    bool SameKey(const Slot& other) const { return name == other.name; }
  };
  static_assert(sizeof(Slot) == 16);

  Slot SlotOf(std::string_view outer, std::string_view inner, const EntryDigest& digest) const;

  Hash128 key_ = RandomKey();
  mutable std::mutex mutex_;  // of what follows
  mutable std::string scratch_;
  SlotTable<Slot> slots_;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_ENTRY_DIGESTS_H_
