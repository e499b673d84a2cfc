// A pass of reconciling: finds the entries in which table and cache differ.
//
//     the table's side   chunk by chunk: the digest of each entry is compared with the cache's own,
//                        and its name is added to a bucket of hash(outer, inner): count, sum
//     the cache's side   all its entries are subtracted from the buckets; what is not zero then
//                        holds an entry that the table has no rows of, or one that has come or gone
//                        meanwhile: the cache's entries of those buckets are suspects
//
// So every difference is met: an entry of the table by its own digest, one of the cache alone by
// its bucket. Suspects are named, not mended: the caller reads them again. An entry that its digest
// has named is not named again for its bucket (up to 100,000 of them; beyond, it is read twice).
//
// Chunks are ranges of the index on (outer, inner), in the server's own order: keys that its
// collation takes for one are in one chunk. A chunk's rows follow from how long the last one took.
// Without such an index a chunk is a slice by CRC-32 of the keys, and costs a scan of the table.
//
// Bytes: 16 a bucket, a bucket for each 16 entries, 16 MiB at the most (the layer "buckets"), and
// 10 to 20 an entry whose digest differed (the layer "named"), while a pass goes on; and a chunk's
// entries.
//
// Threads: one at a time; AddLayer by any.
#ifndef STRATA_LOADER_MYSQL_RECONCILE_H_
#define STRATA_LOADER_MYSQL_RECONCILE_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "loader/entry_digests.h"
#include "loader/follow_apply.h"
#include "loader/mysql_entry_read.h"
#include "loader/mysql_follow_plan.h"
#include "loader/outer_set.h"
#include "loader/slot_table.h"

namespace strata::mysql {

class ReconcilePass {
 public:
  /// `counts`: of the cache. `digests`: those of the entries whose content does not have them;
  /// outlives it. Throws std::bad_alloc.
  ReconcilePass(const FollowPlan& plan, const Counts& counts, const EntryDigests* digests);
  ReconcilePass(const ReconcilePass&) = delete;
  ReconcilePass& operator=(const ReconcilePass&) = delete;
  ~ReconcilePass();

  /// Does one more chunk and appends the entries to be read again to `*suspects`. Cancelled:
  /// stopped. After another error the same chunk is tried again by the next Step.
  absl::Status Step(Session* session, const FollowPlan& plan, EntryApplier* applier,
                    std::vector<EntryName>* suspects);

  bool done() const { return phase_ == Phase::kDone; }
  /// How many chunks are left on the server's side, by estimate.
  std::size_t chunks_left() const;

  /// Adds the layers "buckets" and "named".
  void AddLayer(Footprint* footprint) const;

 private:
  struct Named {
    std::uint64_t hash = 0;
    bool free() const { return hash == 0; }
    std::uint64_t home() const { return hash; }
    bool SameKey(const Named& other) const { return hash == other.hash; }
  };
  void Name(std::uint64_t hash);
  bool IsNamed(std::uint64_t hash) const;

  enum class Phase { kTable, kCacheSum, kCacheNames, kDone };
  struct Bucket {
    std::uint64_t sum = 0;
    std::uint64_t count = 0;
  };

  absl::StatusOr<std::string> RangeCondition(Session* session, const FollowPlan& plan,
                                             std::vector<std::string>* upper);
  std::string SliceCondition(const FollowPlan& plan) const;
  absl::Status TableStep(Session* session, const FollowPlan& plan, EntryApplier* applier,
                         std::vector<EntryName>* suspects);
  absl::Status ReadChunk(Session* session, const FollowPlan& plan, const std::string& where,
                         EntryApplier* applier, std::vector<EntryName>* suspects);
  absl::Status CacheStep(EntryApplier* applier, std::vector<EntryName>* suspects);
  void Adapt(std::uint64_t rows, std::int64_t took_us);
  Bucket& BucketOf(std::string_view outer, std::string_view inner, std::uint64_t* hash);

  const EntryDigests* digests_;
  Phase phase_ = Phase::kTable;
  Hash128 key_ = RandomKey();
  std::string scratch_;
  MemoryDoor door_;
  std::span<Bucket> buckets_;
  mutable std::mutex named_mutex_;  // of what follows: other threads ask for its layer
  SlotTable<Named> named_;          // entries whose digests differed
  EntryCursor cursor_;

  std::vector<std::string> lower_;  // ranges: the keys of the last chunk's end; empty at first
  std::size_t range_rows_ = 1000;
  std::size_t slice_ = 0;
  std::size_t slices_ = 1;
  std::uint64_t rows_done_ = 0;
  std::uint64_t rows_estimate_ = 0;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_RECONCILE_H_
