#include "loader/outer_owners.h"

#include <string>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"

namespace strata {

OuterOwners::Slot OuterOwners::SlotOf(std::string_view outer, std::size_t owner) const {
  const Hash128 hash = SipHash128(key_, outer);
  return {.low = hash.low, .high = (hash.high & ~std::uint64_t{0xffff}) | (owner + 1)};
}

std::optional<std::size_t> OuterOwners::Claim(std::size_t owner, std::string_view outer) {
  const std::lock_guard lock(mutex_);
  const std::size_t has = slots_.Insert(SlotOf(outer, owner)).first->owner();
  return has == owner ? std::nullopt : std::optional(has);
}

std::optional<std::size_t> OuterOwners::OwnerOf(std::string_view outer) const {
  const std::lock_guard lock(mutex_);
  const Slot* const slot = slots_.Find(SlotOf(outer, 0));
  return slot == nullptr ? std::nullopt : std::optional(slot->owner());
}

void OuterOwners::Release(std::string_view outer) {
  const std::lock_guard lock(mutex_);
  slots_.Erase(SlotOf(outer, 0));
}

void OuterOwners::Clear() {
  const std::lock_guard lock(mutex_);
  slots_.Clear();
}

void OuterOwners::AddLayer(Footprint* footprint) const {
  const std::lock_guard lock(mutex_);
  slots_.AddLayer("outers", footprint);
}

absl::Status OuterOfTwoSources(std::string_view outer, std::string_view first,
                               std::string_view second) {
  return absl::InvalidArgumentError(absl::StrCat(
      "outer ", QuoteForMessage(outer), " comes from ", std::string(first), " and from ",
      std::string(second),
      ", and an outer belongs to one source: leave it out of one of them (where = …)"));
}

}  // namespace strata
