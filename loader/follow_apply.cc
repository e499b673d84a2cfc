#include "loader/follow_apply.h"

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

absl::StatusOr<bool> EntryApplier::Apply(std::string_view outer, std::string_view inner,
                                         bool present, const RecordsView& records, bool repair) {
  bool changed = false;
  absl::Status status = gate_->Through([&]() -> absl::Status {
    if (present) {
      {
        const ReadGuard guard(*cache_);
        changed = !SameList(guard.Get(outer, inner), records);
      }
      Own(outer);
      if (!changed) return absl::OkStatus();
      if (absl::Status put = cache_->Put(outer, inner, records); !put.ok()) return put;
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

// The last entry takes its outer along: a table has no outers without rows.
bool EntryApplier::DeleteWithOuter(std::string_view outer, std::string_view inner) {
  if (!cache_->Delete(outer, inner)) return false;
  bool last = false;
  {
    const ReadGuard guard(*cache_);
    EntryCursor rest(outer);
    last = !rest.Next(guard) && rest.status().ok();
  }
  if (last) cache_->DeleteOuter(outer);
  return true;
}

bool EntryApplier::GatedTarget::Ask(const std::function<bool()>& question) const {
  bool answer = false;
  const absl::Status status = applier_->gate_->Through([&] {
    answer = question();
    return absl::OkStatus();
  });
  return status.ok() && answer;
}

bool EntryApplier::GatedTarget::empty() const {
  return Ask([this] { return applier_->cache_->counts().outers == 0; });
}
bool EntryApplier::GatedTarget::HasOuter(std::string_view outer) const {
  return Ask([&] { return ReadGuard(*applier_->cache_).HasOuter(outer); });
}
absl::Status EntryApplier::GatedTarget::Put(std::string_view outer, std::string_view inner,
                                            const RecordsView& records) {
  return applier_->gate_->Through([&] {
    applier_->Own(outer);
    return applier_->cache_->Put(outer, inner, records);
  });
}
absl::Status EntryApplier::GatedTarget::PutOuter(std::string_view outer) {
  return applier_->gate_->Through([&] {
    applier_->Own(outer);
    return applier_->cache_->PutOuter(outer);
  });
}
bool EntryApplier::GatedTarget::Delete(std::string_view outer, std::string_view inner) {
  return Ask([&] { return applier_->cache_->Delete(outer, inner); });
}
bool EntryApplier::GatedTarget::DeleteOuter(std::string_view outer) {
  return Ask([&] { return applier_->cache_->DeleteOuter(outer); });
}
void EntryApplier::GatedTarget::Clear() {
  (void)Ask([&] {
    Cache& cache = *applier_->cache_;
    if (applier_->options_->owns_cache) {
      cache.Clear();
      return true;
    }
    // Others may have come into the cache that was empty.
    OuterCursor outers;
    const ReadGuard guard(cache);
    while (outers.Next(guard)) {
      if (applier_->Owns(outers.outer())) cache.DeleteOuter(std::string(outers.outer()));
    }
    return true;
  });
}

}  // namespace strata
