#include "loader/known_rows.h"

namespace strata::mysql {

bool KnownRows::Has(const Row& row) const {
  const std::lock_guard lock(mutex_);
  // What this round has met is newer.
  const Row* found = rounds_[1 - last_].Find(row);
  if (found == nullptr) found = rounds_[last_].Find(row);
  return found != nullptr && found->content == row.content;
}

void KnownRows::BeginRound() {
  const std::lock_guard lock(mutex_);
  current().Clear();
}

void KnownRows::Keep(const Row& row) {
  const std::lock_guard lock(mutex_);
  if (current().size() < kMostRows) current().Insert(row).first->content = row.content;
}

void KnownRows::EndRound() {
  const std::lock_guard lock(mutex_);
  last().Clear();
  last_ = 1 - last_;
}

void KnownRows::AddLayer(Footprint* footprint) const {
  const std::lock_guard lock(mutex_);
  for (const SlotTable<Row>& round : rounds_) round.AddLayer("known rows", footprint);
}

}  // namespace strata::mysql
