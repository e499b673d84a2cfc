// Many lookups side by side, and fetching memory ahead of reads that follow: each step touches, for
// all of a batch, only what the step before has fetched, so that the waits overlap. (Group
// prefetching: Chen, Ailamaki, Gibbons, Mowry, "Improving Hash Join Performance through
// Prefetching", ICDE 2004.)
#include <algorithm>
#include <array>
#include <cassert>

#include "cache/packed/packed_map.h"
#include "cache/packed/prefetch.h"

namespace strata::packed {
namespace {

// Of one list; more would push each other out again.
constexpr std::size_t kMostPrefetched = 128;

}  // namespace

// One lookup of a batch, on its way. What it guesses by a tag is checked when the key is there.
struct PackedMap::Way {
  std::uint64_t outer_hash = 0;
  std::uint64_t inner_hash = 0;
  Location outer = kNowhere;
  Location entry = kNowhere;
  const Index* table = nullptr;
  InlineEntries inlined{};  // where there is no table
  enum class State : std::uint8_t { kUnderWay, kAbsent, kFound, kAlone } state = State::kUnderWay;
  FoundList found{};
};

// From the hashes to the entries' first lines.
void PackedMap::GuessEntries(std::span<const EntryAddress> entries, std::span<Way> ways,
                             ReadPin& pin) const {
  const Index* const outers = root();
  const auto for_each = [&](auto step) {
    for (std::size_t i = 0; i < ways.size() && !pin.moved; ++i) {
      if (ways[i].state == Way::State::kUnderWay) step(ways[i], entries[i]);
    }
  };
  const auto for_each_table = [&](auto step) {
    for_each([&](Way& way, const EntryAddress&) {
      if (way.table != nullptr) step(way);
    });
  };
  for_each([&](Way& way, const EntryAddress& entry) {
    way.outer_hash = strings_.Hash(entry.outer);
    if (outers == nullptr) {
      way.state = Way::State::kAbsent;
    } else {
      outers->PrefetchShard(way.outer_hash, pin);
    }
  });
  for_each([&](Way& way, const EntryAddress&) { outers->PrefetchSlot(way.outer_hash, pin); });
  for_each([&](Way& way, const EntryAddress&) {
    way.outer = outers->Guess(way.outer_hash, pin);
    if (way.outer == kNowhere) {
      way.state = Way::State::kAbsent;
    } else {
      FetchLines(log_.Address(way.outer), kFetchOuterBytes);
    }
  });
  for_each([&](Way& way, const EntryAddress& entry) {
    const OuterBlob outer = ReadOuter(way.outer);
    if (outer.key != entry.outer) {
      way.state = Way::State::kAlone;
    } else if (outer.has_table) {
      way.inner_hash = strings_.Hash(entry.inner);
      way.table = &tables_[outer.number].index;
      PrefetchLine(way.table);
    } else {
      way.inlined = outer.inlined();
    }
  });
  for_each_table([&](Way& way) { way.table->PrefetchDirectory(); });
  for_each_table([&](Way& way) { way.table->PrefetchShard(way.inner_hash, pin); });
  for_each_table([&](Way& way) { way.table->PrefetchSlot(way.inner_hash, pin); });
  for_each_table([&](Way& way) {
    way.entry = way.table->Guess(way.inner_hash, pin);
    if (way.entry == kNowhere) {
      way.state = Way::State::kAbsent;
    } else {
      // The inner's token and the list's marks.
      FetchLines(log_.Address(way.entry), kFetchHeadBytes);
    }
  });
}

// Whether the guesses are what was asked for.
void PackedMap::SettleGuesses(std::span<const EntryAddress> entries, std::span<Way> ways,
                              ReadPin& pin) const {
  for (std::size_t i = 0; i < ways.size() && !pin.moved; ++i) {
    Way& way = ways[i];
    if (way.state != Way::State::kUnderWay) continue;
    const WantedText wanted(entries[i].inner);
    StoredEntry stored;
    bool found = false;
    if (way.table == nullptr) {
      found = FindInline(way.inlined, wanted, &stored, pin);
      way.state = Way::State::kAbsent;
    } else {
      stored = ReadEntryBlob(log_.At(way.entry));
      found = strings_.Equals(stored.inner, wanted, pin);
      way.state = Way::State::kAlone;
    }
    if (!found) continue;
    way.found = {stored.list, ReadList(stored.list).count, stored.end};
    way.state = Way::State::kFound;
  }
}

void PackedMap::FindTogether(std::span<const EntryAddress> entries, std::span<FoundList> found,
                             ReadPin& pin) const {
  assert(entries.size() <= kTogether);
  std::array<Way, kTogether> all;
  const std::span<Way> ways = std::span(all).first(entries.size());
  BeginRead(pin);
  GuessEntries(entries, ways, pin);
  SettleGuesses(entries, ways, pin);
  const bool whole = !pin.moved && Holds(pin);
  for (std::size_t i = 0; i < ways.size(); ++i) {
    // Another key's tag, or a writer, was in the way.
    const bool alone = !whole || ways[i].state == Way::State::kAlone;
    found[i] = alone ? Find(entries[i].outer, entries[i].inner, pin) : ways[i].found;
  }
}

RecordPlace PackedMap::FetchRecord(const FoundList& found, std::size_t index) const {
  const StoredList list = ReadList(found.list);
  // As much as one walks over, to the next mark.
  RecordPlace place = list.PlaceOf(index);
  const std::size_t next = (index >> list.marks.stride_bits) + 1;
  const std::uint8_t* const end =
      next <= list.marks.Count(list.count) ? list.AtMark(next) : found.end;
  FetchLines(place.from, std::min(kFetchRecordBytes, static_cast<std::size_t>(end - place.from)));
  // Behind the records of a growing list the writer may be at work.
  place.end = list.word == nullptr && found.end != nullptr ? found.end : place.from;
  return place;
}

void PackedMap::PrefetchList(const std::uint8_t* list) const {
  std::size_t left = kMostPrefetched;
  const auto prefetch = [&](const Token& token) {
    if (token.kind != Token::Kind::kDictionary || left == 0) return;
    strings_.PrefetchEntry(token);
    --left;
  };
  const StoredList stored = ReadList(list);
  const std::uint8_t* at = stored.records;
  for (std::size_t i = 0; i < stored.count && i < kMostPrefetched; ++i) {
    const StoredRecord record = ReadRecord(at, shapes_);
    at = record.ForEach([&](const Token& key, const Token& value) {
      if (record.shape_keys == nullptr) prefetch(key);
      prefetch(value);
      return true;
    });
  }
}

void PackedMap::HashOfOuterAt::Fetch(std::uint64_t location, int) const {
  PrefetchLine(map->log_.Address(location));
}

void PackedMap::HashOfEntryAt::Fetch(std::uint64_t location, int step) const {
  if (step == 0) return PrefetchLine(map->log_.Address(location));
  const Token inner = map->ReadEntryBlob(map->log_.At(location)).inner;
  if (step == 1) return map->strings_.PrefetchEntry(inner);
  ReadPin pin = WriterPin();
  map->strings_.PrefetchText(inner, pin);
}

}  // namespace strata::packed
