// Lists to overwrite entries with: of a planned entry's shape, with values made up for the purpose.
// Some are made before they are written, so that writing them can be timed by itself.
//
// Threads: one.
#ifndef STRATA_BENCH_BASELINES_FRESH_LISTS_H_
#define STRATA_BENCH_BASELINES_FRESH_LISTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "bench/baselines/entry_plan.h"

#include <strata/record.h>

namespace strata {

class FreshLists {
 public:
  /// Gives the value at `rank` of record `index` its text's seed (<bench/baselines/fresh_text.h>).
  /// Called for records in order, and in each for ranks in order.
  using SeedOfValue = absl::FunctionRef<std::uint64_t(std::uint64_t index, std::uint32_t rank,
                                                      std::uint32_t size_bytes)>;

  struct List {
    const EntryPlan::Entry* entry = nullptr;
    Records records;     // into `values` and the plan's keys
    std::string values;  // one behind another
  };

  explicit FreshLists(const EntryPlan& plan) : plan_(plan), lists_(kMaxLists) {}
  FreshLists(const FreshLists&) = delete;
  FreshLists& operator=(const FreshLists&) = delete;

  /// Empties it; memory is kept for the next lists.
  void Clear();
  /// Adds a list for `entry`, which must be of the plan. Not to be called when it is full().
  void Add(const EntryPlan::Entry& entry, SeedOfValue seed_of);
  /// Whether it holds as many as are worth making ahead.
  bool full() const { return size_ == kMaxLists || text_bytes_ >= kMaxTextBytes; }

  std::size_t size() const { return size_; }
  /// Valid until Clear.
  const List& operator[](std::size_t index) const { return lists_[index]; }

 private:
  static constexpr std::size_t kMaxLists = 256;
  static constexpr std::size_t kMaxTextBytes = std::size_t{1} << 18;

  const EntryPlan& plan_;
  std::vector<List> lists_;  // never moved: a short string's bytes would move with it
  std::size_t size_ = 0;
  std::size_t text_bytes_ = 0;
  std::vector<std::uint32_t> sizes_by_rank_;
  std::vector<std::uint64_t> seeds_by_rank_;
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_FRESH_LISTS_H_
