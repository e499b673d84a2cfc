// Fetching memory ahead of the packed layout's reads: each step touches, for all of a batch, only
// what the step before has fetched, so that the waits overlap. (Group prefetching: Chen, Ailamaki,
// Gibbons, Mowry, "Improving Hash Join Performance through Prefetching", ICDE 2004.)
#include <array>
#include <cassert>

#include "cache/packed/packed_map.h"

namespace strata::packed {
void PackedMap::Prefetch(std::span<const EntryAddress> entries, ReadPin& pin) const {
  struct Way {
    std::uint64_t outer_hash = 0;
    std::uint64_t inner_hash = 0;
    Location outer = kNowhere;
    const Index* table = nullptr;
  };
  std::array<Way, kTogether> ways;
  const std::size_t count = entries.size();
  assert(count <= kTogether);
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

void PackedMap::PrefetchList(const std::uint8_t* list, ListStrings* strings) const {
  strings->count = 0;
  const auto add = [&](const Token& token) {
    if (token.kind != Token::Kind::kDictionary || strings->count == strings->ids.size()) return;
    strings_.PrefetchEntry(token);
    strings->ids[strings->count++] = static_cast<StringId>(token.number);
  };
  const StoredList stored = ReadList(list);
  const std::uint8_t* at = stored.records;
  for (std::size_t i = 0; i < stored.count && i < strings->ids.size(); ++i) {
    const StoredRecord record = ReadRecord(at, shapes_);
    at = record.ForEach([&](const Token& key, const Token& value) {
      if (record.shape_keys == nullptr) add(key);
      add(value);
      return true;
    });
  }
}

void PackedMap::PrefetchTexts(const ListStrings& strings, ReadPin& pin) const {
  BeginRead(pin);
  for (std::size_t i = 0; i < strings.count; ++i) {
    strings_.dictionary().PrefetchText(strings.ids[i], pin);
  }
}

}  // namespace strata::packed
