// One interface for everything that is compared: the program's compare, the model tests and the
// benchmarks see the cache, the interned layout and the baselines through it. Adding a layout is
// one file that defines a class of this kind and one line in layouts.cc.
//
// Threads: one thread at a time.
#ifndef STRATA_BENCH_BASELINES_LAYOUT_H_
#define STRATA_BENCH_BASELINES_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include <strata/cache.h>
#include <strata/footprint.h>
#include <strata/memory_door.h>
#include <strata/record.h>
#include <strata/source.h>

namespace strata {

/// Takes content as it is visited: an outer, its entries, each entry's records in order, each
/// record's pairs. Views live during the call only.
class ContentVisitor {
 public:
  virtual ~ContentVisitor() = default;
  virtual void OnOuter(std::string_view outer) = 0;
  virtual void OnEntry(std::string_view inner) = 0;
  virtual void OnRecord() = 0;
  virtual void OnPair(std::string_view key, std::string_view value) = 0;
};

/// A point lookup by strings. Views only.
using LookupKey = PairAddress;

/// One way of holding the nested map. What each write means, fails with and leaves behind is
/// strata::Cache's promise (<strata/cache.h>); a layout differs in bytes and time alone, and in
/// the order of a record's keys where its containers have one of their own.
class Layout : public Target {
 public:
  /// The name in the command-line contract: "std_map", "interned", …
  virtual std::string_view name() const = 0;
  /// Whether a record gives its pairs back in first-seen order.
  virtual bool keeps_key_order() const = 0;

  virtual absl::Status Append(std::string_view outer, std::string_view inner,
                              RecordView record) = 0;
  /// Cache::AppendRecords, which makes outer and entry, too; record by record in a layout that has
  /// nothing better.
  absl::Status AppendRecords(std::string_view outer, std::string_view inner,
                             const RecordsView& records, double times) override;
  virtual absl::Status UpdateRecord(std::string_view outer, std::string_view inner,
                                    std::size_t index, RecordView record) = 0;
  virtual absl::Status InsertRecord(std::string_view outer, std::string_view inner,
                                    std::size_t index, RecordView record) = 0;
  virtual absl::Status RemoveRecord(std::string_view outer, std::string_view inner,
                                    std::size_t index) = 0;

  /// Resolves the key from strings and calls `use` with the value's bytes, inside a guard of its
  /// own where the layout has guards. False, and no call, where anything on the way is missing.
  virtual bool Lookup(const LookupKey& key,
                      absl::FunctionRef<void(std::string_view value)> use) const = 0;

  /// Whether LookupMany is more than a loop over Lookup.
  virtual bool has_batched_lookup() const { return false; }
  /// Looks all of `keys` up, inside one guard where the layout has guards, and calls `use` with the
  /// place in `keys` and the value's bytes of each that is found, in no particular order. How many
  /// were found.
  virtual std::size_t LookupMany(
      std::span<const LookupKey> keys,
      absl::FunctionRef<void(std::size_t place, std::string_view value)> use) const {
    std::size_t found = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (Lookup(keys[i], [&](std::string_view value) { use(i, value); })) ++found;
    }
    return found;
  }

  /// Visits one entry (OnRecord and OnPair only); false where there is none.
  virtual bool VisitEntry(std::string_view outer, std::string_view inner,
                          ContentVisitor& visitor) const = 0;
  /// Visits everything.
  virtual void Visit(ContentVisitor& visitor) const = 0;

  virtual Counts counts() const = 0;
  /// Walks the structure; never reads the door's counters but for `allocated_bytes`.
  virtual Footprint MeasureFootprint() const = 0;
  virtual DoorTotals memory() const = 0;
  /// Cache::LargestOuters; Unimplemented in layouts that do not tell outers apart.
  virtual absl::StatusOr<std::vector<OuterFootprint>> LargestOuters(std::size_t most) const {
    return absl::UnimplementedError(
        absl::StrCat("layout ", std::string(name()), " does not tell the bytes of its outers (the ",
                     most, " largest were asked for); use --layout packed"));
  }
  /// Makes room for so many outers, where its containers take such a hint. False where there is no
  /// memory for that; nothing is reserved then.
  virtual bool ReserveOuters(std::size_t) { return true; }
  /// Gives that room back as far as its containers can be asked to.
  virtual void Shrink() {}
  /// Maintenance to idle, where a layout has any.
  virtual void Maintain() {}
  /// Checks a layout's own invariants, where it knows how; Internal names the one that fails.
  virtual absl::Status Validate() const { return absl::OkStatus(); }
};

/// The names of all layouts there are, the baseline std_map first.
std::span<const std::string_view> LayoutNames();

/// An empty layout of that name, null where there is none. Baselines count their memory in books
/// that all instances of one kind share (their allocators are empty classes, so that strings and
/// containers are exactly as large as std's): make one at a time.
std::unique_ptr<Layout> MakeLayout(std::string_view name);

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_LAYOUT_H_
