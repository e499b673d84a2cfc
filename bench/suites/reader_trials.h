// What reading costs beside others: trials of the cache and, as a yardstick for what the machine's
// memory does to anybody then, of a plain pointer chase over as much memory. A trial's figure is
// the reading threads' processor time a read, so that contention on memory shows and preemption
// does not.
//
//     get      one ReadGuard, Find and a touch of the value's bytes; keys uniform over pairs
//     chase    so many dependent steps along one random cycle over cache lines as take about as
//              long as a get when one thread reads
//     beside   a second thread never pauses: entries overwritten with fresh values of the same
//     a writer lengths, or random lines of other memory written
//
// Threads: one calls; a trial makes its own and ends them.
#ifndef STRATA_BENCH_SUITES_READER_TRIALS_H_
#define STRATA_BENCH_SUITES_READER_TRIALS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "bench/baselines/layout.h"
#include "bench/baselines/lookups.h"
#include "bench/suites/benchmark_data.h"

namespace strata {

/// What a trial found.
struct Trial {
  double read_ns = 0;  ///< processor time a read
  double writes_per_second = 0;
};

/// Runs `threads` reading threads until each has done `reads`; `read` does some of one thread's.
/// All go on until the last is done and only each one's first `reads` count, so that none of them
/// is ever counted alone. `write`, if any, is called by a thread of its own, before the first read
/// to after the last.
Trial RunTrial(std::size_t threads, std::size_t reads,
               absl::FunctionRef<void(std::size_t thread, std::size_t reads)> read,
               std::optional<absl::FunctionRef<void()>> write);

/// Memory in lines of 64 bytes, in 4 KiB pages as the cache's, each line naming the next of one
/// random cycle through all of them. Ends the process with a message where there is no memory.
class LineCycle {
 public:
  explicit LineCycle(std::size_t size_bytes);
  LineCycle(const LineCycle&) = delete;
  LineCycle& operator=(const LineCycle&) = delete;
  ~LineCycle();

  std::size_t size() const { return line_count_; }
  /// The line that so many steps from line `from` lead to.
  std::size_t Walk(std::size_t from, std::size_t steps) const;
  /// Writes into a line; of a cycle that nobody walks, or it would not be one any more.
  void Write(std::size_t line, std::uint64_t word);

 private:
  struct alignas(64) Line {
    volatile std::uint64_t next;
  };
  static_assert(sizeof(Line) == 64);

  std::size_t line_count_;
  Line* lines_;
};

/// A cache that holds a data set, and the chase to compare it with.
class ReaderTrials {
 public:
  /// What the cache holds: the data set, or the same with each value replaced by a fresh one once,
  /// so that a writer that goes on so does not change how large it is.
  enum class Content { kAsLoaded, kOverwritten };

  /// Of each thread in a trial: short, so that many trials can be taken in turn.
  static constexpr std::size_t kReads = 100'000;

  /// Of that data set and content, from here on the only one. Ends the process as
  /// BenchmarkData::Get does.
  static ReaderTrials& Get(const DataSpec& spec, Content content);

  Trial RunGet(std::size_t threads);
  Trial RunChase(std::size_t threads);
  Trial RunGetBesideWriter();
  Trial RunChaseBesideWriter();

  /// What the cache's footprint was when the chase was made as large.
  std::size_t size_bytes() const { return size_bytes_; }
  /// How many steps of the chase stand for one get.
  std::size_t chase_steps() const { return chase_steps_; }

 private:
  explicit ReaderTrials(const DataSpec& spec);
  void OverwriteEverything();
  void MakeChase();
  void ReadSome(std::size_t thread, std::size_t reads);
  void ChaseSome(std::size_t thread, std::size_t reads);

  // Where a reading thread is; a line of its own each.
  struct alignas(64) Place {
    std::size_t key = 0;
    std::size_t line = 0;
    std::uint64_t sum = 0;
  };

  DataSpec spec_;
  Content content_ = Content::kAsLoaded;
  std::unique_ptr<Layout> layout_;
  Lookups lookups_;
  std::vector<Place> places_;
  std::uint64_t overwriters_ = 0;  // so far: each draws other values
  std::size_t size_bytes_ = 0;
  std::size_t chase_steps_ = 1;
  std::unique_ptr<LineCycle> chase_;
  std::unique_ptr<LineCycle> written_;  // what the chase's neighbour writes to
};

}  // namespace strata

#endif  // STRATA_BENCH_SUITES_READER_TRIALS_H_
