// Reading the packed layout: finding, and enumerating in the order of hashes.
#include <algorithm>

#include "cache/packed/packed_map.h"
#include "cache/packed/prefetch.h"

namespace strata::packed {
namespace {

// Puts what a visit of a shard took down in the order of hashes. What was deleted and made again
// during the visit was met twice.
template <class Item, class SameKey>
void SortItems(std::vector<Item>* items, SameKey same_key) {
  std::sort(items->begin(), items->end(),
            [](const Item& a, const Item& b) { return a.hash < b.hash; });
  items->erase(
      std::unique(items->begin(), items->end(),
                  [&](const Item& a, const Item& b) { return a.hash == b.hash && same_key(a, b); }),
      items->end());
}

}  // namespace

PackedMap::OuterBlob PackedMap::ReadOuter(Location location) const {
  const Blob blob = log_.At(location);
  std::uint64_t key_bytes = 0;
  const std::uint8_t* const key = ReadVarint(blob.payload, &key_bytes);
  std::uint64_t number = 0;
  const std::uint8_t* const entries = ReadVarint(key + key_bytes, &number);
  return {.key = {reinterpret_cast<const char*>(key), static_cast<std::size_t>(key_bytes)},
          .has_table = (number & 1) != 0,
          .number = number >> 1,
          .entries = entries,
          .end = blob.payload + blob.payload_bytes};
}

const std::uint8_t* PackedMap::ReadInlineEntry(const std::uint8_t* at, StoredEntry* entry) const {
  entry->begin = at;
  entry->inner_begin = at;
  entry->head = ReadToken(at, &entry->inner);
  std::uint64_t head = 0;
  entry->list = ReadMarkedVarint(entry->head, &head);
  entry->deleted = (head & 1) != 0;
  entry->end = entry->list + (head >> 1);
  return entry->end;
}

PackedMap::StoredEntry PackedMap::ReadEntryBlob(const Blob& blob) const {
  std::uint64_t table = 0;
  StoredEntry entry{.begin = blob.payload, .inner_begin = ReadVarint(blob.payload, &table)};
  entry.list = ReadToken(entry.inner_begin, &entry.inner);
  entry.end = blob.payload + blob.payload_bytes;
  return entry;
}

const PackedMap::Index* PackedMap::root() const {
  const std::uint32_t root = root_.load(std::memory_order_acquire);
  return root == kNoTable ? nullptr : &tables_[root].index;
}

std::uint64_t PackedMap::HashOfInner(const Token& inner, ReadPin& pin) const {
  char scratch[kNumberScratchBytes];
  return strings_.Hash(strings_.Text(inner, scratch, pin));
}

std::uint64_t PackedMap::HashOfOuterAt::operator()(std::uint64_t location) const {
  return map->strings_.Hash(map->ReadOuter(location).key);
}

std::uint64_t PackedMap::HashOfEntryAt::operator()(std::uint64_t location) const {
  ReadPin pin = WriterPin();
  return map->HashOfInner(map->ReadEntryBlob(map->log_.At(location)).inner, pin);
}

Location PackedMap::FindOuterAt(std::string_view outer, std::uint64_t hash, ReadPin& pin) const {
  const Index* const outers = root();
  if (outers == nullptr) return kNowhere;
  return outers->Find(hash, pin,
                      [&](std::uint64_t candidate) { return ReadOuter(candidate).key == outer; });
}

bool PackedMap::FindInline(const InlineEntries& entries, const WantedText& inner,
                           StoredEntry* found, ReadPin& pin) const {
  const std::uint8_t* at = entries.begin;
  for (std::uint64_t i = 0; i < entries.count; ++i) {
    at = ReadInlineEntry(at, found);
    if (!found->deleted && strings_.Equals(found->inner, inner, pin)) return true;
  }
  return false;
}

// Where the pin's era moves on, what this answers is void.
PackedMap::Site PackedMap::Locate(std::string_view outer, std::string_view inner,
                                  ReadPin& pin) const {
  Site site{.outer_hash = strings_.Hash(outer)};
  site.outer = FindOuterAt(outer, site.outer_hash, pin);
  if (site.outer == kNowhere) return site;
  const OuterBlob blob = ReadOuter(site.outer);
  const WantedText wanted(inner);
  if (!blob.has_table) {
    site.found = FindInline(blob.inlined(), wanted, &site.stored, pin);
    return site;
  }
  site.inner_hash = strings_.Hash(inner);
  site.entry = tables_[blob.number].index.Find(site.inner_hash, pin, [&](std::uint64_t candidate) {
    log_.Fetch(candidate);
    return strings_.Equals(ReadEntryBlob(log_.At(candidate)).inner, wanted, pin);
  });
  site.found = site.entry != kNowhere;
  if (site.found) site.stored = ReadEntryBlob(log_.At(site.entry));
  return site;
}

PackedMap::FoundList PackedMap::Find(std::string_view outer, std::string_view inner,
                                     ReadPin& pin) const {
  return ReadWhole(pin, [&]() -> FoundList {
    const Site site = Locate(outer, inner, pin);
    if (!site.found) return {};
    const FoundList found = {site.stored.list, ReadList(site.stored.list).count, site.stored.end};
    (void)Holds(pin);  // the count too is of this era
    return found;
  });
}

bool PackedMap::HasOuter(std::string_view outer, ReadPin& pin) const {
  const std::uint64_t hash = strings_.Hash(outer);
  return ReadWhole(pin, [&] { return FindOuterAt(outer, hash, pin) != kNowhere; });
}

std::size_t PackedMap::EntryCount(const OuterBlob& outer) const {
  if (outer.has_table) return tables_[outer.number].index.size();
  std::size_t count = 0;
  ForEachInlineEntry(outer, [&](const StoredEntry&) { ++count; });
  return count;
}

std::uint64_t PackedMap::NextOuters(std::uint64_t from, std::vector<OuterItem>* items,
                                    ReadPin& pin) const {
  return ReadWhole(pin, [&]() -> std::uint64_t {
    items->clear();
    const Index* const outers = root();
    if (outers == nullptr) return 0;
    outers->VisitShardOf(from, pin,
                         [&](std::uint64_t payload) { PrefetchLine(log_.Address(payload)); });
    const std::uint64_t next = outers->VisitShardOf(from, pin, [&](std::uint64_t payload) {
      const OuterBlob outer = ReadOuter(payload);
      const std::uint64_t hash = strings_.Hash(outer.key);
      if (hash >= from) items->push_back({hash, payload, EntryCount(outer)});
    });
    if (!pin.moved) {
      SortItems(items, [&](const OuterItem& a, const OuterItem& b) {
        return OuterKey(a.location) == OuterKey(b.location);
      });
    }
    return next;
  });
}

bool PackedMap::RefreshOuter(OuterItem* item, ReadPin& pin) const {
  const std::string_view key = OuterKey(item->location);
  return ReadWhole(pin, [&] {
    const Location location = FindOuterAt(key, item->hash, pin);
    if (location == kNowhere) return false;
    item->location = location;
    item->entries = EntryCount(ReadOuter(location));
    return true;
  });
}

std::uint64_t PackedMap::NextEntries(std::string_view outer, const OuterPlace& place,
                                     std::uint64_t from, std::vector<EntryItem>* items,
                                     ReadPin& pin) const {
  const auto add = [&](const StoredEntry& entry) {
    const std::uint64_t hash = HashOfInner(entry.inner, pin);
    if (hash < from) return;
    items->push_back(
        {hash, entry.inner_begin, {entry.list, ReadList(entry.list).count, entry.end}});
  };
  const auto add_all = [&](const OuterBlob& blob) -> std::uint64_t {
    if (!blob.has_table) {
      ForEachInlineEntry(blob, add);
      return 0;
    }
    const Index& index = tables_[blob.number].index;
    index.VisitShardOf(from, pin,
                       [&](std::uint64_t payload) { PrefetchLine(log_.Address(payload)); });
    return index.VisitShardOf(from, pin,
                              [&](std::uint64_t payload) { add(ReadEntryBlob(log_.At(payload))); });
  };
  const auto same_key = [&](const EntryItem& a, const EntryItem& b) {
    char scratch[2][kNumberScratchBytes];
    Token one;
    Token other;
    ReadToken(a.inner, &one);
    ReadToken(b.inner, &other);
    return strings_.Text(one, scratch[0], pin) == strings_.Text(other, scratch[1], pin);
  };
  return ReadWhole(pin, [&]() -> std::uint64_t {
    items->clear();
    const bool known = pin.upper == place.era && version() == place.version;
    const Location at = known ? place.location : FindOuterAt(outer, strings_.Hash(outer), pin);
    if (at == kNowhere) return 0;
    const std::uint64_t next = add_all(ReadOuter(at));
    // The counts too are of this era.
    if (!pin.moved && Holds(pin)) SortItems(items, same_key);
    return next;
  });
}

}  // namespace strata::packed
