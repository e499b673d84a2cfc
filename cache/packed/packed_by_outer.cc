// What each outer costs: its own blobs and table, the strings and shapes that it alone names, and
// its share of those it does not; and what deleting it would free.
//
// A string is an outer's own where all references that the dictionary counts are from there: from
// its lists, which are given up when the outer goes, and from the keys of its own shapes, which the
// cleaner sweeps then. Shapes that are unused already hold nothing back: their references are not
// counted, though the dictionary has them until they are swept.
#include <algorithm>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/packed/packed_map.h"
#include "cache/write_checks.h"

namespace strata::packed {

// What the walk over one outer has counted; `unused` is of the whole cache.
struct PackedMap::OuterCensus {
  std::unordered_map<StringId, std::uint64_t> unused;  // references of unused shapes
  Counts counts;
  std::unordered_map<StringId, std::uint64_t> strings;
  std::unordered_map<ShapeId, std::uint64_t> shapes;

  void CountToken(const Token& token) {
    if (token.kind == Token::Kind::kDictionary) ++strings[static_cast<StringId>(token.number)];
  }
  std::uint64_t UnusedReferences(StringId id) const {
    const auto it = unused.find(id);
    return it == unused.end() ? 0 : it->second;
  }
  void Clear() {
    counts = {};
    strings.clear();
    shapes.clear();
  }
};

void PackedMap::CountUnusedShapes(OuterCensus* census) const {
  if (shapes_.unused() == 0) return;
  shapes_.ForEach([&](ShapeId shape) {
    if (shapes_.references(shape) > 0) return;
    shapes_.ForEachKey(shape, [&](const Token& key) {
      if (key.kind == Token::Kind::kDictionary) {
        ++census->unused[static_cast<StringId>(key.number)];
      }
    });
  });
}

void PackedMap::CountOuterList(const StoredEntry& entry, OuterCensus* census) const {
  census->CountToken(entry.inner);
  ++census->counts.entries;
  const StoredList list = ReadList(entry.list);
  const std::uint8_t* at = list.records;
  for (std::size_t i = 0; i < list.count; ++i) {
    const StoredRecord record = ReadRecord(at, shapes_);
    const bool shaped = record.shape_keys != nullptr;
    if (shaped) ++census->shapes[record.shape];
    at = record.ForEach([&](const Token& key, const Token& value) {
      if (!shaped) census->CountToken(key);
      census->CountToken(value);
      return true;
    });
    ++census->counts.records;
    census->counts.pairs += record.pairs;
  }
}

OuterFootprint PackedMap::MeasureOuter(Location location, OuterCensus* census) const {
  census->Clear();
  const OuterBlob outer = ReadOuter(location);
  OuterFootprint found;
  found.outer = outer.key;
  std::uint64_t own_bytes = log_.At(location).total_bytes;
  if (outer.has_table) {
    const Index& index = tables_[outer.number].index;
    own_bytes += index.size_bytes(table_memory_);
    index.ForEach([&](std::uint64_t payload) {
      const Blob blob = log_.At(payload);
      own_bytes += log_.HeldBytes(payload);
      CountOuterList(ReadEntryBlob(blob), census);
    });
  } else {
    ForEachInlineEntry(outer, [&](const StoredEntry& entry) { CountOuterList(entry, census); });
  }
  found.counts = census->counts;
  found.counts.outers = 1;

  // From here on the keys of its own shapes count among what it names.
  std::uint64_t shape_bytes = 0;
  for (const auto& [id, count] : census->shapes) {
    if (shapes_.references(id) != count) continue;
    shape_bytes += shapes_.key_list_bytes(id);
    shapes_.ForEachKey(id, [&](const Token& key) { census->CountToken(key); });
  }
  const Dictionary& dictionary = strings_.dictionary();
  std::uint64_t string_bytes = 0;
  std::uint64_t entry_bytes = 0;
  for (const auto& [id, count] : census->strings) {
    const std::uint64_t bytes = dictionary.BlobBytes(id) + Dictionary::kEntryBytes;
    if (dictionary.CountIsExact(id) &&
        dictionary.references(id) == count + census->UnusedReferences(id)) {
      string_bytes += bytes;
      entry_bytes += Dictionary::kEntryBytes;
    } else {
      found.shared_bytes += static_cast<double>(bytes) * static_cast<double>(count) /
                            static_cast<double>(dictionary.references(id));
    }
  }
  found.exclusive_bytes = own_bytes + string_bytes + shape_bytes;
  found.freed_bytes = found.exclusive_bytes - entry_bytes;
  return found;
}

absl::StatusOr<std::vector<OuterFootprint>> PackedMap::LargestOuters(std::size_t most) const try {
  const auto larger = [](const OuterFootprint& a, const OuterFootprint& b) {
    return std::pair(a.exclusive_bytes, std::string_view(b.outer)) >
           std::pair(b.exclusive_bytes, std::string_view(a.outer));
  };
  const std::lock_guard lock(mutex_);
  std::vector<OuterFootprint> largest;  // a heap, the smallest of them in front
  OuterCensus census;
  const Index* const outers = root();
  if (outers == nullptr || most == 0) return largest;
  CountUnusedShapes(&census);
  outers->ForEach([&](std::uint64_t location) {
    largest.push_back(MeasureOuter(location, &census));
    std::push_heap(largest.begin(), largest.end(), larger);
    if (largest.size() <= most) return;
    std::pop_heap(largest.begin(), largest.end(), larger);
    largest.pop_back();
  });
  std::sort(largest.begin(), largest.end(), larger);
  return largest;
} catch (const std::bad_alloc&) {
  return NoMemory("no memory to measure the cache's outers; it was not changed: ask for fewer");
}

}  // namespace strata::packed
