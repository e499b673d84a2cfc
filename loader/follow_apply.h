// Applies whole entries to the cache, through the gate: replaces what differs, deletes what is
// gone, tells the listener, and knows which outers are the follower's own.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_FOLLOW_APPLY_H_
#define STRATA_LOADER_FOLLOW_APPLY_H_

#include <cstddef>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/cache.h>
#include <strata/follow.h>
#include <strata/source.h>

#include "loader/follow_gate.h"
#include "loader/outer_set.h"

namespace strata {

/// Whether the entry's list is `records`, as a Put of them would leave it.
bool SameList(const EntryReader& entry, const RecordsView& records);

class EntryApplier {
 public:
  /// All must outlive it.
  EntryApplier(Cache* cache, FollowGate* gate, const FollowOptions* options)
      : cache_(cache), gate_(gate), options_(options) {}

  /// Makes the entry what the table has: `records`, or nothing where it is not `present`. Whether
  /// that was a change. Cancelled: stopped; else the errors of Cache::Put.
  absl::StatusOr<bool> Apply(std::string_view outer, std::string_view inner, bool present,
                             const RecordsView& records, bool repair);

  /// For the initial load: the cache, through the gate.
  Target& target() { return target_; }

  /// Whether entries of the cache under this outer are the table's.
  bool Owns(std::string_view outer) const {
    return options_->owns_cache || own_outers_.Contains(outer);
  }
  const Cache& cache() const { return *cache_; }
  FollowGate& gate() { return *gate_; }

 private:
  // What Load writes to. After the gate is closed nothing is there and nothing can be written.
  class GatedTarget final : public Target {
   public:
    explicit GatedTarget(EntryApplier* applier) : applier_(applier) {}
    bool empty() const override;
    bool HasOuter(std::string_view outer) const override;
    absl::Status Put(std::string_view outer, std::string_view inner,
                     const RecordsView& records) override;
    absl::Status PutOuter(std::string_view outer) override;
    bool Delete(std::string_view outer, std::string_view inner) override;
    bool DeleteOuter(std::string_view outer) override;
    void Clear() override;

   private:
    bool Ask(const std::function<bool()>& question) const;
    EntryApplier* applier_;
  };

  void Own(std::string_view outer) {
    if (!options_->owns_cache) own_outers_.Insert(outer);
  }
  bool DeleteWithOuter(std::string_view outer, std::string_view inner);

  Cache* cache_;
  FollowGate* gate_;
  const FollowOptions* options_;
  OuterSet own_outers_;  // filled only where the cache is shared with others
  GatedTarget target_{this};
};

}  // namespace strata

#endif  // STRATA_LOADER_FOLLOW_APPLY_H_
