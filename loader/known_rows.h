// The rows that the last round of polling met, by digests of their ids and of all that they were: a
// row that is met again as it was has no entry to be read again.
//
//     | id, 8 bytes: keyed hash, never 0 | content, 8 bytes: keyed hash |     16 bytes a row
//
// Two rows whose ids share 64 bits share a slot: one of them is taken for new in each round. A row
// that changed is taken for known once in 2^64.
//
// Bytes: tables that are 2/5 to 4/5 full, one of the last round and, while one goes on, one of it.
//
// Threads: any; calls take turns.
#ifndef STRATA_LOADER_KNOWN_ROWS_H_
#define STRATA_LOADER_KNOWN_ROWS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include <strata/footprint.h>

#include "loader/slot_table.h"

namespace strata::mysql {

class KnownRows {
 public:
  /// No more are kept of a round: others are taken for new in the next.
  static constexpr std::size_t kMostRows = 200'000;

  struct Row {
    std::uint64_t id = 0;  ///< never 0
    std::uint64_t content = 0;
    bool free() const { return id == 0; }
    std::uint64_t home() const { return id; }
    bool SameKey(const Row& other) const { return id == other.id; }
  };
  static_assert(sizeof(Row) == 16);

  /// Whether the last round, or this one so far, kept the row as it is now.
  bool Has(const Row& row) const;

  /// A round begins, which may be read in several parts. What one that failed kept is forgotten,
  /// what the last whole one kept is not.
  void BeginRound();
  /// Keeps the row for the round after this one. Throws std::bad_alloc and keeps it not.
  void Keep(const Row& row);
  /// The round is whole: it is the last one now.
  void EndRound();

  /// Adds the layer "known rows".
  void AddLayer(Footprint* footprint) const;

 private:
  SlotTable<Row>& last() { return rounds_[last_]; }
  SlotTable<Row>& current() { return rounds_[1 - last_]; }

  mutable std::mutex mutex_;  // of what follows
  std::array<SlotTable<Row>, 2> rounds_;
  std::size_t last_ = 0;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_KNOWN_ROWS_H_
