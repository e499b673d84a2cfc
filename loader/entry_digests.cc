#include "loader/entry_digests.h"

#include <cstring>
#include <type_traits>

#include "loader/mysql_sort_key.h"

namespace strata::mysql {

EntryDigests::Slot EntryDigests::SlotOf(std::string_view outer, std::string_view inner,
                                        const EntryDigest& digest) const {
  Slot slot;
  SetEntryPrefix(outer, inner, &scratch_);
  slot.name = SipHash128(key_, scratch_).low;
  if (slot.name == 0) slot.name = 1;
  static_assert(std::has_unique_object_representations_v<EntryDigest>);
  char bytes[sizeof digest];
  std::memcpy(bytes, &digest, sizeof digest);
  slot.digest = SipHash128(key_, {bytes, sizeof bytes}).high;
  return slot;
}

void EntryDigests::Set(std::string_view outer, std::string_view inner, const EntryDigest& digest) {
  const std::lock_guard lock(mutex_);
  const Slot slot = SlotOf(outer, inner, digest);
  slots_.Insert(slot).first->digest = slot.digest;
}

void EntryDigests::Erase(std::string_view outer, std::string_view inner) {
  const std::lock_guard lock(mutex_);
  slots_.Erase(SlotOf(outer, inner, {}));
}

bool EntryDigests::Matches(std::string_view outer, std::string_view inner,
                           const EntryDigest& digest) const {
  const std::lock_guard lock(mutex_);
  const Slot slot = SlotOf(outer, inner, digest);
  const Slot* const found = slots_.Find(slot);
  return found != nullptr && found->digest == slot.digest;
}

void EntryDigests::Clear() {
  const std::lock_guard lock(mutex_);
  slots_.Clear();
}

std::size_t EntryDigests::size() const {
  const std::lock_guard lock(mutex_);
  return slots_.size();
}

void EntryDigests::AddLayer(Footprint* footprint) const {
  const std::lock_guard lock(mutex_);
  slots_.AddLayer("entry digests", footprint);
}

}  // namespace strata::mysql
