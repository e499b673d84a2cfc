// Enumerations. They go in the order of hashes, so a place in one is a hash and survives every
// write. A cursor takes down what one shard holds from its place on, in one era. Those items are
// good under any guard that keeps that era; written since, they are looked up one by one as their
// turn comes, and under a younger guard the shard is taken down anew. Two keys of one level whose
// 64-bit hashes are equal stand at one place; a cursor that takes a shard down anew just between
// them passes over the second.
#include <strata/cache.h>

#include <algorithm>
#include <array>
#include <new>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "cache/packed/list_decoder.h"
#include "cache/packed/packed_map.h"
#include "cache/write_checks.h"

namespace strata {

using packed::Era;
using packed::PackedMap;
using packed::ReadPin;

namespace {

// Walks one level in the order of hashes.
template <class Item>
class HashOrder {
 public:
  /// The next item, null at the end. `fill(from, items)` takes down the items at or after `from` as
  /// far as one shard goes, and answers where to go on, 0 at the end; `refresh(item)` looks an item
  /// up again, false where it is gone.
  template <class Fill, class Refresh>
  const Item* Next(const PackedMap& map, ReadPin& pin, Fill fill, Refresh refresh) {
    // Under an older guard than the one they were taken down under nothing keeps the items; under a
    // younger one nothing does if their era is over.
    const bool kept = pin.lower == era_ || (pin.lower < era_ && &pin == filled_by_);
    if (!kept && next_ < items_.size()) {
      items_.clear();
      next_ = 0;
      ended_ = wrapped_;
      from_ = after_;
    }
    while (true) {
      while (next_ == items_.size()) {
        if (ended_) return nullptr;
        version_ = map.version();
        from_ = fill(from_, &items_);
        era_ = pin.upper;
        filled_by_ = &pin;
        next_ = 0;
        ended_ = from_ == 0;
      }
      Item& item = items_[next_++];
      after_ = item.hash + 1;
      wrapped_ = after_ == 0;
      if (map.version() == version_ || refresh(&item)) return &item;
    }
  }
  /// Begins another level, and keeps its memory.
  void Restart() {
    items_.clear();
    next_ = 0;
    from_ = after_ = 0;
    era_ = 0;
    filled_by_ = nullptr;
    version_ = 0;
    ended_ = wrapped_ = false;
  }
  /// The era the item last given was found in.
  Era era() const { return era_; }
  /// The item `steps` behind the one last given, null where none is taken down yet.
  const Item* Ahead(std::size_t steps) const {
    const std::size_t at = next_ - 1 + steps;
    return at < items_.size() ? &items_[at] : nullptr;
  }

 private:
  std::vector<Item> items_;
  std::size_t next_ = 0;
  std::uint64_t from_ = 0;   // where the next shard begins
  std::uint64_t after_ = 0;  // the place just behind the item last given
  Era era_ = 0;              // the items were taken down in it
  const ReadPin* filled_by_ = nullptr;
  std::uint64_t version_ = 0;
  bool ended_ = false;    // items_ is the last shard's
  bool wrapped_ = false;  // there is no place behind
};

absl::Status CursorStatus(bool out_of_memory) {
  if (!out_of_memory) return absl::OkStatus();
  return NoMemory("no memory to enumerate on: free some and begin again");
}

// The next outer, null at the end.
const PackedMap::OuterItem* NextOuter(HashOrder<PackedMap::OuterItem>& order, const PackedMap& map,
                                      ReadPin& pin) {
  return order.Next(
      map, pin, [&](std::uint64_t from, auto* items) { return map.NextOuters(from, items, pin); },
      [&](PackedMap::OuterItem* item) { return map.RefreshOuter(item, pin); });
}

}  // namespace

struct OuterCursor::State {
  HashOrder<PackedMap::OuterItem> order;
  std::string_view outer;
  std::size_t entry_count = 0;
  bool out_of_memory = false;
};

OuterCursor::OuterCursor() : state_(new (std::nothrow) State), failed_(state_ == nullptr) {}
OuterCursor::OuterCursor(OuterCursor&&) noexcept = default;
OuterCursor& OuterCursor::operator=(OuterCursor&&) noexcept = default;
OuterCursor::~OuterCursor() = default;

bool OuterCursor::Next(const ReadGuard& guard) try {
  if (state_ == nullptr || state_->out_of_memory) return false;
  const PackedMap& map = *guard.map_;
  const PackedMap::OuterItem* const item = NextOuter(state_->order, map, guard.pin_);
  if (item == nullptr) return false;
  state_->outer = map.OuterKey(item->location);
  state_->entry_count = item->entries;
  return true;
} catch (const std::bad_alloc&) {
  state_->out_of_memory = true;
  return false;
}

absl::Status OuterCursor::status() const {
  return CursorStatus(failed_ || (state_ != nullptr && state_->out_of_memory));
}

std::string_view OuterCursor::outer() const {
  return state_ == nullptr ? std::string_view() : state_->outer;
}
std::size_t OuterCursor::entry_count() const { return state_ == nullptr ? 0 : state_->entry_count; }

// A longer list is decoded when it is asked for: what is fetched for it ahead would be gone again.
constexpr std::ptrdiff_t kDecodeAheadBytes = 4096;

struct EntryCursor::State {
  bool all = true;
  bool inside = false;    // among the entries of outer_key
  std::string outer_key;  // of the outer whose entries are being met
  PackedMap::OuterPlace outer_place;
  HashOrder<PackedMap::OuterItem> outers;
  HashOrder<PackedMap::EntryItem> entries;
  std::string_view inner;
  char scratch[20];
  EntryReader entry;
  bool out_of_memory = false;

  // For who reads whole lists: of the third entry from here the tokens are taken down and of the
  // second the strings fetched while this one is looked at.
  std::array<packed::ListDecoder, 4> decoders;
  std::size_t steps = 0;
  bool reads_records = false;
  bool began_outer = false;
  packed::ListDecoder& Decoder(std::size_t ahead) {
    return decoders[(steps + ahead) % decoders.size()];
  }
  void FetchAhead(const PackedMap& map, ReadPin& pin) {
    ++steps;
    if (const auto* const item = entries.Ahead(6)) {
      const PackedMap::FoundList& found = item->found;
      packed::FetchLines(found.list, std::min(PackedMap::kFetchListBytes,
                                              static_cast<std::size_t>(found.end - found.list)));
    }
    if (!reads_records) return;
    const auto* const soon = entries.Ahead(2);
    const bool holds = soon != nullptr && Decoder(2).Holds(soon->found, pin);
    const auto* const later = entries.Ahead(3);
    if (later != nullptr && later->found.end - later->found.list <= kDecodeAheadBytes) {
      Decoder(3).Begin(map, later->found, pin, holds ? &Decoder(2) : nullptr);
    }
    if (holds) Decoder(2).Fetch(map, pin);
  }

  /// The next entry of outer_key, null at their end.
  const PackedMap::EntryItem* NextEntry(const PackedMap& map, ReadPin& pin) {
    return entries.Next(
        map, pin,
        [&](std::uint64_t from, auto* items) {
          return map.NextEntries(outer_key, outer_place, from, items, pin);
        },
        [&](PackedMap::EntryItem* item) {
          const std::string_view text = map.Text(item->inner, scratch, pin);
          item->found = map.Find(outer_key, text, pin);
          return item->found.list != nullptr;
        });
  }
};

EntryCursor::EntryCursor() : state_(new (std::nothrow) State), failed_(state_ == nullptr) {}
EntryCursor::EntryCursor(std::string_view outer) : EntryCursor() {
  if (state_ == nullptr) return;
  state_->all = false;
  state_->inside = true;
  try {
    state_->outer_key = outer;
  } catch (const std::bad_alloc&) {
    state_ = nullptr;
    failed_ = true;
  }
}
EntryCursor::EntryCursor(EntryCursor&&) noexcept = default;
EntryCursor& EntryCursor::operator=(EntryCursor&&) noexcept = default;
EntryCursor::~EntryCursor() = default;

bool EntryCursor::Next(const ReadGuard& guard) try {
  if (state_ == nullptr || state_->out_of_memory) return false;
  State& at = *state_;
  const PackedMap& map = *guard.map_;
  at.entry = {};
  at.inner = {};
  at.began_outer = false;
  while (true) {
    if (at.inside) {
      if (const PackedMap::EntryItem* const item = at.NextEntry(map, guard.pin_)) {
        at.FetchAhead(map, guard.pin_);
        at.inner = map.Text(item->inner, at.scratch, guard.pin_);
        at.entry = EntryReader(&guard, item->found.list, item->found.count);
        return true;
      }
      if (!at.all) return false;
      at.inside = false;
    }
    const std::uint64_t version = map.version();
    const PackedMap::OuterItem* const next = NextOuter(at.outers, map, guard.pin_);
    if (next == nullptr) return false;
    at.outer_key = map.OuterKey(next->location);
    at.outer_place = {next->location, at.outers.era(), version};
    at.entries.Restart();
    at.began_outer = true;
    if (next->entries == 0) return true;
    at.inside = true;
  }
} catch (const std::bad_alloc&) {
  state_->out_of_memory = true;
  return false;
}

absl::Status EntryCursor::status() const {
  return CursorStatus(failed_ || (state_ != nullptr && state_->out_of_memory));
}

std::string_view EntryCursor::outer() const {
  return state_ == nullptr ? std::string_view() : state_->outer_key;
}
std::string_view EntryCursor::inner() const {
  return state_ == nullptr ? std::string_view() : state_->inner;
}
EntryReader EntryCursor::entry() const { return state_ == nullptr ? EntryReader() : state_->entry; }
bool EntryCursor::began_outer() const { return state_ != nullptr && state_->began_outer; }

RecordsView EntryCursor::records() try {
  if (state_ == nullptr) return {};
  State& at = *state_;
  at.reads_records = true;
  if (!at.entry) return {};
  const PackedMap& map = *at.entry.guard_->map_;
  const PackedMap::FoundList found = {at.entry.list_, at.entry.count_, nullptr};
  ReadPin& pin = at.entry.guard_->pin_;
  packed::ListDecoder& decoder = at.Decoder(0);
  if (!decoder.Holds(found, pin)) decoder.Begin(map, found, pin, nullptr);
  return decoder.Finish(map, pin);
} catch (const std::bad_alloc&) {
  state_->out_of_memory = true;
  return {};
}

}  // namespace strata
