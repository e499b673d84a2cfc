// Applies whole entries to the cache, through the gate: replaces what differs, deletes what is
// gone, tells the listener, and knows which outers are the source's own.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_FOLLOW_APPLY_H_
#define STRATA_LOADER_FOLLOW_APPLY_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/cache.h>
#include <strata/follow.h>
#include <strata/source.h>

#include "loader/follow_gate.h"
#include "loader/outer_owners.h"

namespace strata {

/// Whether the entry's list is `records`, as a Put of them would leave it.
bool SameList(const EntryReader& entry, const RecordsView& records);

/// How large an entry is: its records, and the bytes of their keys and values, where they are more
/// than `most_bytes` or `most_records` those of the first that are.
struct EntrySize {
  std::size_t records = 0;
  std::size_t bytes = 0;
};
/// Of none, 0.
EntrySize SizeOf(const EntryReader& entry, std::size_t most_records, std::size_t most_bytes);

/// Whose outers are whose.
struct OuterClaims {
  /// Null: all of the cache is the one source's.
  OuterOwners* owners = nullptr;
  std::size_t source = 0;                           ///< this one's number
  const std::vector<std::string>* names = nullptr;  ///< what messages call each
};

class EntryApplier {
 public:
  /// All must outlive it.
  EntryApplier(Cache* cache, FollowGate* gate, const FollowOptions* options,
               OuterClaims claims = {})
      : cache_(cache), gate_(gate), options_(options), claims_(claims) {}

  /// Makes the entry what the source has: `records`, or nothing where it is not `present`. Whether
  /// that was a change. Cancelled: stopped; InvalidArgument: the outer is another source's; else
  /// the errors of Cache::Put.
  absl::StatusOr<bool> Apply(std::string_view outer, std::string_view inner, bool present,
                             const RecordsView& records, bool repair);

  /// Whether entries of the cache under this outer are the source's.
  bool Owns(std::string_view outer) const {
    return claims_.owners == nullptr || claims_.owners->OwnerOf(outer) == claims_.source;
  }
  /// `body(cache)`, through the gate: its status, or Cancelled where the cache may be gone.
  template <class Body>
  absl::Status Look(const Body& body) const {
    return gate_->Through([&] { return body(*cache_); });
  }

 private:
  absl::Status Claim(std::string_view outer);
  bool DeleteWithOuter(std::string_view outer, std::string_view inner);

  Cache* cache_;
  FollowGate* gate_;
  const FollowOptions* options_;
  OuterClaims claims_;
};

/// What the initial load writes to: the cache, through the gate. After that is closed nothing is
/// there and nothing can be written.
class GatedTarget final : public Target {
 public:
  /// All must outlive it. `owners`: Clear takes their outers and no others; null: all.
  GatedTarget(Cache* cache, FollowGate* gate, OuterOwners* owners)
      : cache_(cache), gate_(gate), owners_(owners) {}
  bool empty() const override;
  bool HasOuter(std::string_view outer) const override;
  absl::Status Put(std::string_view outer, std::string_view inner,
                   const RecordsView& records) override;
  bool appends() const override { return true; }
  absl::Status AppendRecords(std::string_view outer, std::string_view inner,
                             const RecordsView& records, double times) override;
  absl::Status PutOuter(std::string_view outer) override;
  bool Delete(std::string_view outer, std::string_view inner) override;
  bool DeleteOuter(std::string_view outer) override;
  void Clear() override;

 private:
  bool Ask(const std::function<bool()>& question) const;
  Cache* cache_;
  FollowGate* gate_;
  OuterOwners* owners_;
};

}  // namespace strata

#endif  // STRATA_LOADER_FOLLOW_APPLY_H_
