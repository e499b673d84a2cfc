// The reading side of the stress test: reads in every way that strata::Cache has and checks all it
// sees against what the board says can be there.
//
// Threads: each reader is used by one thread.
#ifndef STRATA_TESTS_CACHE_STRESS_READER_H_
#define STRATA_TESTS_CACHE_STRESS_READER_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/cache/stress_board.h"
#include "tests/cache/stress_content.h"

#include <strata/cache.h>

namespace strata::stress {

/// Whether a reader demands to see what was written before it began to read, or only that no key
/// goes back (<tests/cache/stress_board.h>).
enum class Demand { kStrict, kLoose };

/// All the bytes of an entry, and where they end; the same for the same content.
std::string Flattened(const EntryReader& entry);

/// Views of one entry and copies of what they gave. Moving it moves no cursor, so views live on.
class HeldEntry {
 public:
  explicit HeldEntry(const EntryReader& entry);
  /// Whether the views still give the same bytes, by walking anew and by views taken long ago.
  bool Unchanged() const;

 private:
  EntryReader entry_;
  std::string bytes_;
  std::vector<PairCursor> cursors_;  // on the first pairs of the first records
  std::vector<std::string_view> views_;
  std::vector<std::string> copies_;
};

class Reader {
 public:
  /// All that is given outlives it.
  Reader(const Cache& cache, const Board& board, Faults& faults, Demand demand, std::uint64_t seed);

  /// Reads in random ways, no guard held for long, until nobody writes; at least `rounds` times.
  void Run(std::size_t rounds);

  /// One entry, under a guard of its own.
  void ReadEntry(std::size_t key);
  void FindPair(std::size_t key);
  /// Some random ones at once, then their entries.
  void FindManyPairs();
  void AskOuter(std::size_t outer);
  enum class Guards { kOneForAll, kOneAStep };
  void EnumerateOuters(Guards guards);
  /// The entries of one outer, or all for kOuters.
  void EnumerateEntries(std::size_t outer, Guards guards);
  /// Holds views under one guard while `writes` more writes happen, reading on under further
  /// guards meanwhile.
  void HoldViews(std::uint64_t writes);
  /// So many guards open at once, in this thread; they end in the order they began.
  void OpenManyGuards(std::size_t guards);
  /// The running counters, which are read under no guard.
  void AskCounts();

  std::uint64_t reads() const { return reads_; }

 private:
  void ReadSomething();
  // The earliest version of the key that a read may see that begins now.
  Version Earliest(std::size_t key) const;
  std::vector<Version> EarliestOfAll() const;
  // Finds the version of what was read, at or after `from`; one that does not exist is a fault.
  void Check(std::size_t key, Version from, const Observation& seen);
  void CheckPair(std::size_t key, std::size_t index, Version from, const PairCursor& pair);
  void CheckMet(std::size_t outer, const std::vector<Version>& from,
                const std::vector<std::size_t>& met);
  void Fault(std::size_t key, Version from, const std::string& what);

  const Cache& cache_;
  const Board& board_;
  Faults& faults_;
  const Demand demand_;
  std::mt19937_64 random_;
  std::vector<Version> seen_;  // by key
  std::uint64_t reads_ = 0;
};

}  // namespace strata::stress

#endif  // STRATA_TESTS_CACHE_STRESS_READER_H_
