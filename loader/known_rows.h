// The rows that the last round of polling met, by digests of all that they were: a row that is met
// again as it was has no entry to be read again.
//
//     | 62 bits of a keyed hash of id and content | met by this round | met by the last |   8 bytes
//
// One table has both rounds. A row that changed is taken for known once in 2^62 divided by the rows
// that are known.
//
// Bytes: a table that is 2/5 to 4/5 full, 10 to 20 bytes a row, at most 32 MiB; while it grows half
// as much more.
//
// Threads: any; calls take turns.
#ifndef STRATA_LOADER_KNOWN_ROWS_H_
#define STRATA_LOADER_KNOWN_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>

#include <strata/footprint.h>

#include "loader/slot_table.h"

namespace strata::mysql {

class KnownRows {
 public:
  /// No more are kept: others are taken for new in each round.
  static constexpr std::size_t kMostRows = 3'000'000;

  /// What was kept by the last whole round counts, and what by the one that goes on; or the latter
  /// alone.
  enum class Since { kLastRound, kThisRound };
  /// Whether a row of that hash was kept.
  bool Has(std::uint64_t hash, Since since) const;

  /// A round begins, which may be read in several parts. What one that failed kept is forgotten,
  /// what the last whole one kept is not.
  void BeginRound();
  /// Keeps the row for the round after this one. Throws std::bad_alloc and keeps it not.
  void Keep(std::uint64_t hash);
  struct Ended {
    std::size_t last = 0;   ///< rows that the last round kept
    std::size_t again = 0;  ///< those among them that this one kept, too
  };
  /// The round is whole: it is the last one now.
  Ended EndRound();

  /// Adds the layer "known rows".
  void AddLayer(Footprint* footprint) const;

 private:
  static constexpr std::uint64_t kLast = 1;
  static constexpr std::uint64_t kThis = 2;
  static constexpr unsigned kFlags = 2;  // bits
  struct Slot {
    std::uint64_t bits = 0;
    bool free() const { return bits == 0; }
    std::uint64_t home() const { return bits >> kFlags; }
    bool SameKey(const Slot& other) const { return home() == other.home(); }
  };
  static_assert(sizeof(Slot) == 8);
  static Slot SlotOf(std::uint64_t hash, std::uint64_t flag) { return {(hash << kFlags) | flag}; }

  mutable std::mutex mutex_;  // of what follows
  SlotTable<Slot> rows_;
  std::size_t kept_ = 0;   // by this round
  std::size_t again_ = 0;  // of those, by the last one too
  std::size_t last_ = 0;   // by the last one
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_KNOWN_ROWS_H_
