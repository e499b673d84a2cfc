// What entries a layout holds and of what shape, kept apart from it: which entries there are, and
// of each how many records with which keys and values of what lengths. Whoever overwrites or
// deletes entries by it does not read the layout meanwhile.
//
// Invariants
// - Entries are in the order of a hash of (outer, inner): the same for every layout that holds the
//   same content, in whatever order it is visited, and as good as random.
// - A pair knows its rank, its place among its record's keys in order: the same for every layout,
//   too, whatever order its pairs come in.
// - The plan lies in shared memory of its own, and LeaveResidentMemory takes it out of this
//   process's figures, so a layout's RSS is told without it.
//
//     entries | ends of records | pairs (12 bytes) | keys | outers | buckets of keys | strings
//
// The file is as long as the most that may be; what is never written takes no memory.
//
// Threads: one.
#ifndef STRATA_BENCH_BASELINES_ENTRY_PLAN_H_
#define STRATA_BENCH_BASELINES_ENTRY_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "bench/baselines/content_hash_value.h"
#include "bench/baselines/layout.h"

namespace strata {

class ContentHasher;

/// The hash by which entries are in order.
ContentHash EntryHash(ContentHasher& hasher, std::string_view outer, std::string_view inner);

class EntryPlan {
 public:
  struct PairShape {
    std::uint32_t key_number;
    std::uint32_t value_size_bytes;
    std::uint32_t rank;  ///< of its key among the record's, in the order of bytes
  };
  static_assert(sizeof(PairShape) == 12);

  struct Entry {
    ContentHash hash;
    std::string_view outer;
    std::string_view inner;
    std::uint64_t first_record;
    std::uint64_t record_count;
  };

  /// Of all that `layout` holds: two scans. ResourceExhausted where there is no shared memory, or
  /// are 2^32 pairs or more.
  static absl::StatusOr<EntryPlan> Make(const Layout& layout);

  // Views live as long as the plan.

  std::span<const Entry> entries() const { return entries_; }
  /// All outers, those without entries too, in the order they were visited.
  std::span<const std::string_view> outers() const { return outers_; }
  /// The pairs of record `number`, from an entry's first_record on.
  std::span<const PairShape> record(std::uint64_t number) const {
    const std::uint64_t begin = number == 0 ? 0 : record_ends_[number - 1];
    return pairs_.subspan(begin, record_ends_[number] - begin);
  }
  std::string_view key(std::uint32_t number) const { return keys_[number]; }
  std::uint64_t pair_count() const { return pairs_.size(); }

  /// Takes the plan's pages out of the process's resident memory. They come back as they are used.
  void LeaveResidentMemory() const;

 private:
  class Sizes;
  class Filler;
  struct Unmap {
    std::size_t size_bytes;
    void operator()(std::byte* region) const;
  };

  EntryPlan() = default;

  std::unique_ptr<std::byte, Unmap> region_;
  std::span<Entry> entries_;
  std::span<std::uint64_t> record_ends_;
  std::span<PairShape> pairs_;
  std::span<std::string_view> keys_;
  std::span<std::string_view> outers_;
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_ENTRY_PLAN_H_
