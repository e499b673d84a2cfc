// `packed`: strata::Cache and the engine behind it, as one more layout to compare. Nothing but
// forwarding: what it costs is the cache's, not this file's.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "bench/baselines/layout.h"

#include <strata/cache.h>

namespace strata {
namespace {

void VisitRecords(const EntryReader& entry, ContentVisitor& visitor) {
  for (RecordCursor record = entry.records(); record.valid(); record.Next()) {
    visitor.OnRecord();
    for (PairCursor pair = record.record().pairs(); pair.valid(); pair.Next()) {
      visitor.OnPair(pair.key(), pair.value());
    }
  }
}

// As all layouts here: without memory the process ends.
void EndWithout(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "strata: %s\n", status.ToString().c_str());
  std::abort();
}

class Packed final : public Layout {
 public:
  explicit Packed(Cache cache) : cache_(std::move(cache)) {}

  std::string_view name() const override { return "packed"; }
  bool keeps_key_order() const override { return true; }
  bool empty() const override { return cache_.counts().outers == 0; }
  bool HasOuter(std::string_view outer) const override { return ReadGuard(cache_).HasOuter(outer); }

  absl::Status Put(std::string_view outer, std::string_view inner,
                   const RecordsView& records) override {
    return cache_.Put(outer, inner, records);
  }
  absl::Status PutOuter(std::string_view outer) override { return cache_.PutOuter(outer); }
  absl::Status Append(std::string_view outer, std::string_view inner, RecordView record) override {
    return cache_.Append(outer, inner, record);
  }
  absl::Status AppendRecords(std::string_view outer, std::string_view inner,
                             const RecordsView& records, double times) override {
    return cache_.AppendRecords(outer, inner, records, times);
  }
  absl::Status UpdateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record) override {
    return cache_.UpdateRecord(outer, inner, index, record);
  }
  absl::Status InsertRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record) override {
    return cache_.InsertRecord(outer, inner, index, record);
  }
  absl::Status RemoveRecord(std::string_view outer, std::string_view inner,
                            std::size_t index) override {
    return cache_.RemoveRecord(outer, inner, index);
  }
  bool Delete(std::string_view outer, std::string_view inner) override {
    return cache_.Delete(outer, inner);
  }
  bool DeleteOuter(std::string_view outer) override { return cache_.DeleteOuter(outer); }
  void Clear() override { cache_.Clear(); }

  bool Lookup(const LookupKey& key,
              absl::FunctionRef<void(std::string_view value)> use) const override {
    const ReadGuard guard(cache_);
    const PairCursor pair = guard.Find(key.outer, key.inner, key.index, key.key);
    if (!pair.valid()) return false;
    use(pair.value());
    return true;
  }

  bool has_batched_lookup() const override { return true; }
  std::size_t LookupMany(
      std::span<const LookupKey> keys,
      absl::FunctionRef<void(std::size_t place, std::string_view value)> use) const override {
    const ReadGuard guard(cache_);
    std::array<PairCursor, kBatchKeys> pairs;
    std::size_t found = 0;
    for (std::size_t begin = 0; begin < keys.size(); begin += pairs.size()) {
      const std::size_t size = std::min(pairs.size(), keys.size() - begin);
      guard.FindMany(keys.subspan(begin, size), std::span(pairs).first(size));
      for (std::size_t i = 0; i < size; ++i) {
        if (!pairs[i].valid()) continue;
        use(begin + i, pairs[i].value());
        ++found;
      }
    }
    return found;
  }

  bool VisitEntry(std::string_view outer, std::string_view inner,
                  ContentVisitor& visitor) const override {
    const ReadGuard guard(cache_);
    const EntryReader entry = guard.Get(outer, inner);
    if (!entry) return false;
    VisitRecords(entry, visitor);
    return true;
  }

  void Visit(ContentVisitor& visitor) const override {
    const ReadGuard guard(cache_);
    EntryCursor entries;
    while (entries.Next(guard)) {
      if (entries.began_outer()) visitor.OnOuter(entries.outer());
      if (!entries.entry()) continue;
      visitor.OnEntry(entries.inner());
      const RecordsView records = entries.records();
      for (std::size_t i = 0; i < records.size(); ++i) {
        visitor.OnRecord();
        for (const Pair& pair : records[i]) visitor.OnPair(pair.key, pair.value);
      }
    }
    EndWithout(entries.status());
  }

  Counts counts() const override { return cache_.counts(); }
  Footprint MeasureFootprint() const override { return cache_.MeasureFootprint(); }
  DoorTotals memory() const override { return cache_.memory(); }
  absl::StatusOr<std::vector<OuterFootprint>> LargestOuters(std::size_t most) const override {
    return cache_.LargestOuters(most);
  }
  bool ReserveOuters(std::size_t outers) override {
    return cache_.Reserve({.outers = outers}).ok();
  }
  void Maintain() override {
    while (cache_.Maintain(kMaintainBytes)) {
    }
  }

  absl::Status Validate() const override { return cache_.Validate(); }

 private:
  // Cursors are made once a call, so a batch is no larger than what is usually asked for at once.
  static constexpr std::size_t kBatchKeys = 64;
  static constexpr std::size_t kMaintainBytes = std::size_t{1} << 20;

  Cache cache_;
};

}  // namespace

std::unique_ptr<Layout> MakePacked() {
  absl::StatusOr<Cache> cache = Cache::Create({.name = "packed"});
  EndWithout(cache.status());
  return std::make_unique<Packed>(*std::move(cache));
}

}  // namespace strata
