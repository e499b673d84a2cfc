#include "loader/known_rows.h"

namespace strata::mysql {

bool KnownRows::Has(std::uint64_t hash, Since since) const {
  const std::lock_guard lock(mutex_);
  const Slot* const found = rows_.Find(SlotOf(hash, kThis));
  return found != nullptr && (since == Since::kLastRound || (found->bits & kThis) != 0);
}

void KnownRows::BeginRound() {
  const std::lock_guard lock(mutex_);
  if (kept_ == 0) return;
  rows_.Sift([](const Slot& slot) { return (slot.bits & kLast) != 0; });
  rows_.ForEach([](Slot* slot) { slot->bits &= ~kThis; });
  kept_ = again_ = 0;
}

void KnownRows::Keep(std::uint64_t hash) {
  const std::lock_guard lock(mutex_);
  Slot* slot = rows_.Find(SlotOf(hash, kThis));
  if (slot == nullptr) {
    // Together with those of the last round, so that the table's size has a bound.
    if (rows_.size() >= kMostRows) return;
    slot = rows_.Insert(SlotOf(hash, kThis)).first;
  } else if ((slot->bits & kThis) != 0) {
    return;
  } else {
    ++again_;
  }
  slot->bits |= kThis;
  ++kept_;
}

KnownRows::Ended KnownRows::EndRound() {
  const std::lock_guard lock(mutex_);
  const Ended ended = {last_, again_};
  rows_.Sift([](const Slot& slot) { return (slot.bits & kThis) != 0; });
  rows_.ForEach([](Slot* slot) { slot->bits = (slot->bits & ~kThis) | kLast; });
  last_ = rows_.size();
  kept_ = again_ = 0;
  return ended;
}

void KnownRows::AddLayer(Footprint* footprint) const {
  const std::lock_guard lock(mutex_);
  rows_.AddLayer("known rows", footprint);
}

}  // namespace strata::mysql
