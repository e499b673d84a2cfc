// The rows that the last round of polling met, by digests of their ids and of all that they were: a
// row that is met again as it was has no entry to be read again.
//
//     | 62 bits of a keyed hash of the id | met by this round | by the last |   8 bytes
//     | keyed hash of the content                                          |   8 bytes
//
// One table has both rounds; of a row that was met with two contents it has the newer one. Two rows
// whose ids share 62 bits share a slot: one of them is taken for new in each round. A row that
// changed is taken for known once in 2^64.
//
// Bytes: a table that is 2/5 to 4/5 full, 20 to 40 bytes a row, at most 32 MiB; while it grows half
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
  static constexpr std::size_t kMostRows = 1'500'000;

  struct Row {
    std::uint64_t id = 0;
    std::uint64_t content = 0;
  };
  /// Whether the last round, or this one so far, kept the row as it is now.
  bool Has(const Row& row) const;

  /// A round begins, which may be read in several parts. What one that failed kept is forgotten,
  /// what the last whole one kept is not.
  void BeginRound();
  /// Keeps the row for the round after this one. Throws std::bad_alloc and keeps it not.
  void Keep(const Row& row);
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
    std::uint64_t id = 0;  // and flags, one of which is set
    std::uint64_t content = 0;
    bool free() const { return id == 0; }
    std::uint64_t home() const { return id >> kFlags; }
    bool SameKey(const Slot& other) const { return home() == other.home(); }
  };
  static_assert(sizeof(Slot) == 16);
  static Slot SlotOf(const Row& row) { return {(row.id << kFlags) | kThis, row.content}; }

  mutable std::mutex mutex_;  // of what follows
  SlotTable<Slot> rows_;
  std::size_t kept_ = 0;   // by this round
  std::size_t again_ = 0;  // of those, by the last one too
  std::size_t last_ = 0;   // by the last one
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_KNOWN_ROWS_H_
