#include "loader/follow_apply.h"

#include <optional>
#include <string>
#include <vector>

namespace strata {

bool SameList(const EntryReader& entry, const RecordsView& records) {
  if (!entry || entry.record_count() != records.size()) return false;
  std::vector<Pair> scratch;
  RecordCursor cached = entry.records();
  for (std::size_t i = 0; i < records.size(); ++i, cached.Next()) {
    PairCursor pair = cached.record().pairs();
    for (const Pair& wanted : UniqueKeys(records[i], &scratch)) {
      if (!pair.valid() || pair.key() != wanted.key || pair.value() != wanted.value) return false;
      pair.Next();
    }
    if (pair.valid()) return false;
  }
  return true;
}

EntrySize SizeOf(const EntryReader& entry, std::size_t most_records, std::size_t most_bytes) {
  EntrySize size;
  if (!entry) return size;
  for (RecordCursor record = entry.records(); record.valid(); record.Next()) {
    ++size.records;
    for (PairCursor pair = record.record().pairs(); pair.valid(); pair.Next()) {
      size.bytes += pair.key().size() + pair.value().size();
      if (size.bytes > most_bytes) return size;
    }
    if (size.records > most_records) return size;
  }
  return size;
}

// The first source that has an entry under it has the outer.
absl::Status EntryApplier::Claim(std::string_view outer) {
  if (claims_.owners == nullptr) return absl::OkStatus();
  const std::optional<std::size_t> other = claims_.owners->Claim(claims_.source, outer);
  if (!other) return absl::OkStatus();
  return OuterOfTwoSources(outer, (*claims_.names)[*other], (*claims_.names)[claims_.source]);
}

absl::StatusOr<bool> EntryApplier::Apply(std::string_view outer, std::string_view inner,
                                         bool present, const RecordsView& records, bool repair) {
  bool changed = false;
  absl::Status status = gate_->Through([&]() -> absl::Status {
    if (present) {
      const bool claimed_now = claims_.owners != nullptr && !claims_.owners->OwnerOf(outer);
      if (absl::Status claimed = Claim(outer); !claimed.ok()) return claimed;
      {
        const ReadGuard guard(*cache_);
        changed = !SameList(guard.Get(outer, inner), records);
      }
      if (!changed) return absl::OkStatus();
      if (absl::Status put = cache_->Put(outer, inner, records); !put.ok()) {
        if (claimed_now) claims_.owners->Release(outer);  // it has nothing of the source's
        return put;
      }
    } else if (Owns(outer)) {
      changed = DeleteWithOuter(outer, inner);
    }
    if (changed && options_->on_applied) {
      options_->on_applied({outer, inner, !present, repair});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return changed;
}

// The last entry takes its outer along, in one step: a table has no outers without rows, and no
// reader sees one.
bool EntryApplier::DeleteWithOuter(std::string_view outer, std::string_view inner) {
  bool last = false;
  {
    const ReadGuard guard(*cache_);
    if (!guard.Get(outer, inner)) return false;
    EntryCursor entries(outer);
    last = entries.Next(guard) && !entries.Next(guard) && entries.status().ok();
  }
  if (!last) return cache_->Delete(outer, inner);
  cache_->DeleteOuter(outer);
  if (claims_.owners != nullptr) claims_.owners->Release(outer);
  return true;
}

bool GatedTarget::Ask(const std::function<bool()>& question) const {
  bool answer = false;
  const absl::Status status = gate_->Through([&] {
    answer = question();
    return absl::OkStatus();
  });
  return status.ok() && answer;
}

bool GatedTarget::empty() const {
  return Ask([this] { return cache_->counts().outers == 0; });
}
bool GatedTarget::HasOuter(std::string_view outer) const {
  return Ask([&] { return ReadGuard(*cache_).HasOuter(outer); });
}
absl::Status GatedTarget::Put(std::string_view outer, std::string_view inner,
                              const RecordsView& records) {
  return gate_->Through([&] { return cache_->Put(outer, inner, records); });
}
absl::Status GatedTarget::AppendRecords(std::string_view outer, std::string_view inner,
                                        const RecordsView& records, double times) {
  return gate_->Through([&] { return cache_->AppendRecords(outer, inner, records, times); });
}
absl::Status GatedTarget::PutOuter(std::string_view outer) {
  return gate_->Through([&] { return cache_->PutOuter(outer); });
}
bool GatedTarget::Delete(std::string_view outer, std::string_view inner) {
  return Ask([&] { return cache_->Delete(outer, inner); });
}
bool GatedTarget::DeleteOuter(std::string_view outer) {
  return Ask([&] { return cache_->DeleteOuter(outer); });
}
void GatedTarget::Clear() {
  (void)Ask([&] {
    if (owners_ == nullptr) {
      cache_->Clear();
      return true;
    }
    // Others may have come into the cache that was empty.
    OuterCursor outers;
    const ReadGuard guard(*cache_);
    while (outers.Next(guard)) {
      if (owners_->OwnerOf(outers.outer())) cache_->DeleteOuter(outers.outer());
    }
    // Without memory to go through them they stay, and stay the sources' own.
    if (!outers.status().ok()) return false;
    owners_->Clear();
    return true;
  });
}

}  // namespace strata
