// The writing side of the stress test: takes keys from version to version (stress_content.h) by
// every write that strata::Cache has, and says on the board what it does.
//
// Threads: a Script is shared by its writers; each writer runs in one thread and changes keys of
// its own (every second one). What deletes many keys at once waits until the others stand still.
#ifndef STRATA_TESTS_CACHE_STRESS_WRITER_H_
#define STRATA_TESTS_CACHE_STRESS_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <shared_mutex>
#include <vector>

#include "tests/cache/stress_board.h"
#include "tests/cache/stress_content.h"

#include <strata/cache.h>

namespace strata::stress {

/// Puts records that own their bytes into the shape that a write takes.
class HandedIn {
 public:
  void Add(OwnedRecord record) { records_.push_back(std::move(record)); }
  /// Valid until the next Add.
  RecordsView view();

 private:
  std::vector<OwnedRecord> records_;
  Records list_;
};

/// Where every key stands, whoever writes it.
struct Script {
  Script();

  std::vector<State> states;  // by key
  std::shared_mutex turns;    // shared: a key's own writer; exclusive: whole outers
};

class Writer {
 public:
  /// Writes keys whose number is `number` modulo `writers`. All that is given outlives it.
  Writer(Cache& cache, Script& script, Board& board, Faults& faults, std::size_t number,
         std::size_t writers);

  /// Does so many operations and takes itself off the board.
  void Run(std::size_t operations);
  /// Takes one key to its next version.
  void Advance(std::size_t key);
  /// Deletes an outer, or everything.
  void DeleteOuter(std::size_t outer);
  void Clear();

 private:
  void Operate();
  void PutOuter(std::size_t outer);
  void MakeOuter(std::size_t outer);
  void CheckLedger();
  absl::Status Write(std::size_t key, const Action& action, const State& next);
  // The versions in which an outer's keys are gone, and the end of what takes them there.
  void BeginDeleting(std::size_t outer);
  void EndDeleting(std::size_t outer);

  Cache& cache_;
  Script& script_;
  Board& board_;
  Faults& faults_;
  std::vector<std::size_t> keys_;
  std::mt19937_64 random_;
};

}  // namespace strata::stress

#endif  // STRATA_TESTS_CACHE_STRESS_WRITER_H_
