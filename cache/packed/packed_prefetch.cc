// Fetching memory ahead of the packed layout's reads: each step touches, for all of a batch, only
// what the step before has fetched, so that the waits overlap. (Group prefetching: Chen, Ailamaki,
// Gibbons, Mowry, "Improving Hash Join Performance through Prefetching", ICDE 2004.)
#include <algorithm>
#include <array>

#include "cache/packed/packed_map.h"

namespace strata::packed {
namespace {

constexpr std::size_t kTogether = 32;
// Of a long list, so many tokens are fetched ahead.
constexpr std::size_t kMostTokens = 128;

// Calls visit(token) for the first tokens of a list.
template <class Visit>
void ForSomeTokens(const std::uint8_t* list, const Shapes& shapes, Visit visit) {
  const StoredList stored = ReadList(list);
  const std::uint8_t* at = stored.records;
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < stored.count && tokens < kMostTokens; ++i) {
    const StoredRecord record = ReadRecord(at, shapes);
    at = record.ForEach([&](const Token& key, const Token& value) {
      if (record.shape_keys == nullptr) visit(key);
      visit(value);
      tokens += 2;
      return true;
    });
  }
}

}  // namespace

void PackedMap::Prefetch(std::span<const EntryAddress> entries, ReadPin& pin) const {
  struct Way {
    std::uint64_t outer_hash = 0;
    std::uint64_t inner_hash = 0;
    Location outer = kNowhere;
    const Index* table = nullptr;
  };
  std::array<Way, kTogether> ways;
  const std::size_t count = std::min(entries.size(), kTogether);
  const auto for_each_table = [&](auto step) {
    for (std::size_t i = 0; i < count && !pin.moved; ++i) {
      if (ways[i].table != nullptr) step(ways[i]);
    }
  };
  BeginRead(pin);
  const Index* const outers = root();
  if (outers == nullptr) return;
  for (std::size_t i = 0; i < count; ++i) {
    ways[i].outer_hash = strings_.Hash(entries[i].outer);
    outers->PrefetchShard(ways[i].outer_hash, pin);
  }
  for (std::size_t i = 0; i < count; ++i) outers->PrefetchSlot(ways[i].outer_hash, pin);
  for (std::size_t i = 0; i < count && !pin.moved; ++i) {
    ways[i].outer = outers->Guess(ways[i].outer_hash, pin);
    if (ways[i].outer != kNowhere) log_.Fetch(ways[i].outer);
  }
  for (std::size_t i = 0; i < count && !pin.moved; ++i) {
    if (ways[i].outer == kNowhere) continue;
    const OuterBlob outer = ReadOuter(ways[i].outer);
    if (!outer.has_table) continue;
    ways[i].inner_hash = strings_.Hash(entries[i].inner);
    ways[i].table = &tables_[outer.number].index;
    __builtin_prefetch(ways[i].table);
  }
  for_each_table([&](Way& way) { way.table->PrefetchDirectory(); });
  for_each_table([&](Way& way) { way.table->PrefetchShard(way.inner_hash, pin); });
  for_each_table([&](Way& way) { way.table->PrefetchSlot(way.inner_hash, pin); });
  for_each_table([&](Way& way) {
    const Location entry = way.table->Guess(way.inner_hash, pin);
    if (entry != kNowhere) log_.Fetch(entry);
  });
}

void PackedMap::PrefetchKeys(const std::uint8_t* record) const {
  ReadRecord(record, shapes_).ForEach([&](const Token& key, const Token&) {
    strings_.PrefetchEntry(key);
    return true;
  });
}

void PackedMap::PrefetchKeyTexts(const std::uint8_t* record, ReadPin& pin) const {
  BeginRead(pin);
  ReadRecord(record, shapes_).ForEach([&](const Token& key, const Token&) {
    strings_.PrefetchText(key, pin);
    return true;
  });
}

void PackedMap::PrefetchToken(const std::uint8_t* token) const {
  Token read;
  ReadToken(token, &read);
  strings_.PrefetchEntry(read);
}

void PackedMap::PrefetchText(const std::uint8_t* token, ReadPin& pin) const {
  BeginRead(pin);
  Token read;
  ReadToken(token, &read);
  strings_.PrefetchText(read, pin);
}

void PackedMap::PrefetchList(const std::uint8_t* list) const {
  ForSomeTokens(list, shapes_, [&](const Token& token) { strings_.PrefetchEntry(token); });
}

void PackedMap::PrefetchListTexts(const std::uint8_t* list, ReadPin& pin) const {
  BeginRead(pin);
  ForSomeTokens(list, shapes_, [&](const Token& token) { strings_.PrefetchText(token, pin); });
}

}  // namespace strata::packed
