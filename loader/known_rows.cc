#include "loader/known_rows.h"

namespace strata::mysql {

bool KnownRows::Has(const Row& row) const {
  const std::lock_guard lock(mutex_);
  const Slot* const found = rows_.Find(SlotOf(row));
  return found != nullptr && found->content == row.content;
}

void KnownRows::BeginRound() {
  const std::lock_guard lock(mutex_);
  if (kept_ == 0) return;
  rows_.Sift([](const Slot& slot) { return (slot.id & kLast) != 0; });
  rows_.ForEach([](Slot* slot) { slot->id &= ~kThis; });
  kept_ = again_ = 0;
}

void KnownRows::Keep(const Row& row) {
  const std::lock_guard lock(mutex_);
  Slot* slot = rows_.Find(SlotOf(row));
  if (slot == nullptr) {
    // Together with those of the last round, so that the table's size has a bound.
    if (rows_.size() >= kMostRows) return;
    rows_.Insert(SlotOf(row));
    ++kept_;
    return;
  }
  kept_ += (slot->id & kThis) == 0 ? 1 : 0;
  if (slot->content != row.content) {
    *slot = SlotOf(row);  // what the last round met is no more
    return;
  }
  again_ += (slot->id & (kLast | kThis)) == kLast ? 1 : 0;
  slot->id |= kThis;
}

KnownRows::Ended KnownRows::EndRound() {
  const std::lock_guard lock(mutex_);
  const Ended ended = {last_, again_};
  rows_.Sift([](const Slot& slot) { return (slot.id & kThis) != 0; });
  rows_.ForEach([](Slot* slot) { slot->id = (slot->id & ~kThis) | kLast; });
  last_ = rows_.size();
  kept_ = again_ = 0;
  return ended;
}

void KnownRows::AddLayer(Footprint* footprint) const {
  const std::lock_guard lock(mutex_);
  rows_.AddLayer("known rows", footprint);
}

}  // namespace strata::mysql
