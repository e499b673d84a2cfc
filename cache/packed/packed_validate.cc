// The check of the packed layout's invariants: walks everything the indexes lead to, counts again
// what is kept as a count, and names the first thing that is not as it must be. O(content) in time,
// and a few bytes a string, shape and segment of memory.
#include <map>
#include <new>
#include <unordered_map>

#include "absl/strings/str_cat.h"

#include "cache/packed/packed_map.h"

namespace strata::packed {
namespace {

template <class... Words>
absl::Status Broken(const Words&... words) {
  return absl::InternalError(absl::StrCat("the cache is damaged: ", words...));
}

}  // namespace

// What the walk has counted.
struct PackedMap::Census {
  Counts counts;
  std::unordered_map<StringId, std::uint64_t> strings;
  std::unordered_map<ShapeId, std::uint64_t> shapes;
  std::map<SegmentStore::Segment, std::uint64_t> live_bytes;
};

absl::Status PackedMap::CheckToken(const Token& token, Census* census) const {
  if (token.kind != Token::Kind::kDictionary) return absl::OkStatus();
  const StringId id = static_cast<StringId>(token.number);
  if (!strings_.dictionary().Has(id)) return Broken("a token names string ", id, ", which is free");
  ++census->strings[id];
  return absl::OkStatus();
}

absl::Status PackedMap::CheckList(const StoredEntry& entry, Census* census) const {
  if (absl::Status status = CheckToken(entry.inner, census); !status.ok()) return status;
  ++census->counts.entries;
  const StoredList list = ReadList(entry.list);
  const std::uint8_t* at = list.records;
  for (std::size_t i = 0; i < list.count; ++i) {
    if (list.Start(i, shapes_) != at) return Broken("a list's directory misses record ", i);
    const StoredRecord record = ReadRecord(at, shapes_);
    const bool shaped = record.shape_keys != nullptr;
    if (shaped) ++census->shapes[record.shape];
    absl::Status status;
    at = record.ForEach([&](const Token& key, const Token& value) {
      if (!shaped) status.Update(CheckToken(key, census));
      status.Update(CheckToken(value, census));
      return status.ok();
    });
    if (!status.ok()) return status;
    ++census->counts.records;
    census->counts.pairs += record.pairs;
  }
  if (at != entry.end) return Broken("a list does not end where its entry does");
  return absl::OkStatus();
}

absl::Status PackedMap::CheckOuter(Location location, Census* census) const {
  const auto live = [&](Location at, BlobKind kind) {
    const Blob blob = log_.At(at);
    census->live_bytes[SegmentStore::SegmentOf(at)] += blob.total_bytes;
    return blob.kind == kind;
  };
  if (!live(location, BlobKind::kOuter)) return Broken("an outer's slot leads to no outer");
  ++census->counts.outers;
  const OuterBlob outer = ReadOuter(location);
  if (FindOuterAt(outer.key, strings_.Hash(outer.key)) != location) {
    return Broken("an outer is not found under its key");
  }
  absl::Status status;
  if (!outer.has_table) {
    const std::uint8_t* end = outer.entries;
    ForEachInlineEntry(outer, [&](const StoredEntry& entry) {
      status.Update(CheckList(entry, census));
      end = entry.end;
    });
    if (status.ok() && end != outer.end) return Broken("an outer's entries do not fill its blob");
    return status;
  }
  if (outer.number >= tables_.size() || tables_[outer.number] == nullptr) {
    return Broken("an outer names table ", outer.number, ", which is free");
  }
  const Index& index = tables_[outer.number]->index;
  index.ForEach([&](std::uint64_t payload) {
    if (!status.ok()) return;
    if (!live(payload, BlobKind::kEntry)) {
      status = Broken("an entry's slot leads to no entry");
      return;
    }
    const Blob blob = log_.At(payload);
    const StoredEntry entry = ReadEntryBlob(blob);
    std::uint64_t table = 0;
    ReadVarint(blob.payload, &table);
    if (table != outer.number) status = Broken("an entry names another table than its outer's");
    status.Update(CheckList(entry, census));
    if (!status.ok()) return;
    const std::uint64_t found =
        index.Find(HashOfInner(entry.inner), [&](std::uint64_t other) { return other == payload; });
    if (found != payload) status = Broken("an entry is not found under its key");
  });
  return status;
}

absl::Status PackedMap::CheckReferences(Census* census) const {
  absl::Status status;
  shapes_.ForEach([&](ShapeId id) {
    const std::uint64_t counted = census->shapes[id];
    if (counted != shapes_.references(id)) {
      status.Update(Broken("shape ", id, " counts ", shapes_.references(id), " references and has ",
                           counted));
    }
    const std::uint8_t* at = shapes_.keys(id);
    for (std::size_t i = 0; i < shapes_.key_count(id); ++i) {
      Token token;
      at = ReadToken(at, &token);
      status.Update(CheckToken(token, census));
    }
  });
  if (status.ok() && census->shapes.size() != shapes_.size()) {
    return Broken("records name ", census->shapes.size(), " shapes of ", shapes_.size());
  }
  const Dictionary& dictionary = strings_.dictionary();
  dictionary.ForEach([&](StringId id) {
    const std::uint64_t counted = census->strings[id];
    if (dictionary.CountIsExact(id) && counted != dictionary.references(id)) {
      status.Update(Broken("string ", id, " counts ", dictionary.references(id),
                           " references and has ", counted));
    }
    const Location at = dictionary.LocationOf(id);
    census->live_bytes[SegmentStore::SegmentOf(at)] += dictionary.BlobBytes(id);
    if (log_.At(at).kind != BlobKind::kString)
      status.Update(Broken("string ", id, " is no string"));
  });
  return status;
}

absl::Status PackedMap::Validate() const try {
  Census census;
  absl::Status status;
  outers_.ForEach([&](std::uint64_t location) {
    if (status.ok()) status = CheckOuter(location, &census);
  });
  if (status.ok()) status = CheckReferences(&census);
  if (!status.ok()) return status;
  if (!(census.counts == counts_)) return Broken("the counts are not what the indexes lead to");
  for (SegmentStore::Segment segment = 0; log_.NextSegment(&segment); ++segment) {
    const std::uint64_t live = census.live_bytes[segment];
    if (log_.filled_bytes(segment) != live + log_.dead_bytes(segment)) {
      return Broken("segment ", segment, " is filled with ", log_.filled_bytes(segment),
                    " bytes, of which ", live, " live and ", log_.dead_bytes(segment), " are dead");
    }
  }
  if (MeasureFootprint().total_bytes() != door_.allocated_bytes()) {
    return Broken("the walk and the door to memory disagree");
  }
  return absl::OkStatus();
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("no memory to validate the cache; it was not changed");
}

}  // namespace strata::packed
