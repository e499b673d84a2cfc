#include "bench/baselines/reclaim.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bench/baselines/content_hash.h"
#include "bench/baselines/digest.h"
#include "bench/baselines/entry_plan.h"

#include <strata/process_memory.h>

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Passes on to a layout what is not deleted.
class RemainderTarget final : public Target {
 public:
  RemainderTarget(Layout& layout, const Deletion& deletion)
      : layout_(layout), deletion_(deletion) {}

  bool empty() const override { return layout_.empty(); }
  bool HasOuter(std::string_view outer) const override { return layout_.HasOuter(outer); }
  absl::Status Put(std::string_view outer, std::string_view inner,
                   const RecordsView& records) override {
    if (deletion_.everything) return absl::OkStatus();
    if (deletion_.entries > 0 && EntryHash(hasher_, outer, inner) <= deletion_.last) {
      return layout_.PutOuter(outer);
    }
    return layout_.Put(outer, inner, records);
  }
  absl::Status PutOuter(std::string_view outer) override {
    return deletion_.everything ? absl::OkStatus() : layout_.PutOuter(outer);
  }
  bool Delete(std::string_view outer, std::string_view inner) override {
    return layout_.Delete(outer, inner);
  }
  bool DeleteOuter(std::string_view outer) override { return layout_.DeleteOuter(outer); }
  void Clear() override { layout_.Clear(); }

 private:
  Layout& layout_;
  Deletion deletion_;
  ContentHasher hasher_;
};

absl::Status NotDeleted(const Layout& layout) {
  return absl::InternalError(
      absl::StrCat("layout ", std::string(layout.name()),
                   " does not delete an entry that it holds: was there memory enough? If so, this "
                   "is a bug in the layout; please report it"));
}

absl::Status Delete(const EntryPlan& plan, double share, Layout& layout, Deletion* deletion) {
  const std::span<const EntryPlan::Entry> entries = plan.entries();
  const double wanted = std::round(share * static_cast<double>(entries.size()));
  deletion->everything = share >= 1;
  deletion->entries = deletion->everything
                          ? entries.size()
                          : std::min(static_cast<std::uint64_t>(wanted), entries.size());
  for (const EntryPlan::Entry& entry : entries.first(deletion->entries)) {
    if (!layout.Delete(entry.outer, entry.inner)) return NotDeleted(layout);
    deletion->last = entry.hash;
  }
  if (!deletion->everything) return absl::OkStatus();
  for (const std::string_view outer : plan.outers()) {
    if (!layout.DeleteOuter(outer)) return NotDeleted(layout);
  }
  return absl::OkStatus();
}

absl::Status MeasureRest(const Layout& layout, std::uint64_t rss_before_bytes,
                         Remainder* remainder) {
  const absl::StatusOr<MemoryState> memory =
      MeasureMemoryState(layout, rss_before_bytes, Trim::kYes);
  if (!memory.ok()) return memory.status();
  remainder->memory = *memory;
  remainder->counts = layout.counts();
  remainder->digest = DigestOf(layout);
  return absl::OkStatus();
}

absl::Status DeleteAndRelease(std::uint64_t rss_before_bytes, double share, Layout& layout,
                              ReclaimMeasurement* reclaim) {
  {
    const absl::StatusOr<EntryPlan> plan = EntryPlan::Make(layout);
    if (!plan.ok()) return plan.status();
    TrimAllocator();  // what planning took and gave back is not what deleting leaves
    const Clock::time_point begin = Clock::now();
    absl::Status status = Delete(*plan, share, layout, &reclaim->deletion);
    if (!status.ok()) return status;
    reclaim->delete_seconds = SecondsSince(begin);
    plan->LeaveResidentMemory();
    const absl::StatusOr<MemoryState> memory =
        MeasureMemoryState(layout, rss_before_bytes, Trim::kNo);
    if (!memory.ok()) return memory.status();
    reclaim->deleted = *memory;
  }
  const Clock::time_point begin = Clock::now();
  layout.Maintain();
  TrimAllocator();
  reclaim->release_seconds = SecondsSince(begin);
  return MeasureRest(layout, rss_before_bytes, &reclaim->released);
}

std::uint64_t TimesThatFit(std::uint64_t entries, std::uint64_t free_bytes) {
  const std::uint64_t buckets = free_bytes / 4 / sizeof(void*);
  return std::min(kReserveTimes, buckets / std::max<std::uint64_t>(1, entries));
}

absl::Status ReserveAndShrink(std::uint64_t rss_before_bytes, Layout& layout,
                              ReclaimMeasurement* reclaim) {
  const std::uint64_t entries = reclaim->loaded_counts.entries;
  reclaim->reserve_times = TimesThatFit(entries, FreeMemoryBytes());
  while (reclaim->reserve_times > 0 && !layout.ReserveOuters(reclaim->reserve_times * entries)) {
    reclaim->reserve_times /= 2;
  }
  absl::StatusOr<MemoryState> memory = MeasureMemoryState(layout, rss_before_bytes, Trim::kNo);
  if (!memory.ok()) return memory.status();
  reclaim->reserved = *memory;
  layout.Shrink();
  layout.Maintain();
  memory = MeasureMemoryState(layout, rss_before_bytes, Trim::kYes);
  if (!memory.ok()) return memory.status();
  reclaim->shrunk = *memory;
  return absl::OkStatus();
}

absl::StatusOr<ReclaimMeasurement> Measure(std::string_view layout_name, const OpenSource& open,
                                           double share) {
  const absl::StatusOr<std::uint64_t> rss_before_bytes = ResidentBytes(Trim::kYes);
  if (!rss_before_bytes.ok()) return rss_before_bytes.status();
  const absl::StatusOr<std::unique_ptr<Layout>> made = MakeLayoutOrSay(layout_name);
  if (!made.ok()) return made.status();
  Layout& layout = **made;
  ReclaimMeasurement reclaim;
  reclaim.layout = layout_name;
  reclaim.allocator = AllocatorName();
  absl::StatusOr<MemoryState> memory = MeasureMemoryState(layout, *rss_before_bytes, Trim::kYes);
  if (!memory.ok()) return memory.status();
  reclaim.empty = *memory;
  if (absl::Status status = LoadAll(open, layout); !status.ok()) return status;
  layout.Maintain();
  memory = MeasureMemoryState(layout, *rss_before_bytes, Trim::kYes);
  if (!memory.ok()) return memory.status();
  reclaim.loaded = *memory;
  reclaim.loaded_counts = layout.counts();
  absl::Status status = DeleteAndRelease(*rss_before_bytes, share, layout, &reclaim);
  if (status.ok()) status = ReserveAndShrink(*rss_before_bytes, layout, &reclaim);
  if (!status.ok()) return status;
  return reclaim;
}

absl::StatusOr<Remainder> LoadRemainder(std::string_view layout_name, const OpenSource& open,
                                        const Deletion& deletion) {
  const absl::StatusOr<std::uint64_t> rss_before_bytes = ResidentBytes(Trim::kYes);
  if (!rss_before_bytes.ok()) return rss_before_bytes.status();
  const absl::StatusOr<std::unique_ptr<Layout>> layout = MakeLayoutOrSay(layout_name);
  if (!layout.ok()) return layout.status();
  {
    RemainderTarget target(**layout, deletion);
    if (absl::Status status = LoadAll(open, target); !status.ok()) return status;
  }
  (*layout)->Maintain();
  Remainder remainder;
  absl::Status status = MeasureRest(**layout, *rss_before_bytes, &remainder);
  if (!status.ok()) return status;
  return remainder;
}

absl::Status OutOfMemory(std::string_view layout_name) {
  return absl::ResourceExhaustedError(absl::StrCat("out of memory while layout ",
                                                   std::string(layout_name),
                                                   " was measured; raise the memory limit"));
}

}  // namespace

absl::StatusOr<ReclaimMeasurement> MeasureReclaim(std::string_view layout_name,
                                                  const OpenSource& open, double share) {
  try {
    return Measure(layout_name, open, share);
  } catch (const std::bad_alloc&) {
    return OutOfMemory(layout_name);
  }
}

absl::StatusOr<Remainder> MeasureRemainder(std::string_view layout_name, const OpenSource& open,
                                           const Deletion& deletion) {
  try {
    return LoadRemainder(layout_name, open, deletion);
  } catch (const std::bad_alloc&) {
    return OutOfMemory(layout_name);
  }
}

}  // namespace strata
