// The check of the packed layout's invariants: walks everything the indexes lead to, counts again
// what is kept as a count, and names the first thing that is not as it must be. O(content) in time,
// and a few bytes a string, shape and segment of memory.
#include <map>
#include <new>
#include <unordered_map>
#include <vector>

#include "absl/strings/str_cat.h"

#include "cache/packed/packed_map.h"
#include "cache/write_checks.h"

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
  struct OfSegment {
    std::uint64_t live = 0;
    std::uint64_t unused = 0;
    std::uint64_t room = 0;
  };
  std::map<SegmentStore::Segment, OfSegment> segments;
  std::uint64_t marked = 0;  // bytes of inline entries that were deleted and are still there
  std::vector<bool> tables;  // whose use is known
  ReadPin pin = WriterPin();
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
  const std::uint8_t* const end =
      list.word == nullptr ? entry.end : list.records + list.record_bytes;
  if (at != end) return Broken("a list does not end where its entry does");
  return absl::OkStatus();
}

absl::Status PackedMap::CheckOuter(Location location, Census* census) const {
  const Blob blob = log_.At(location);
  census->segments[SegmentStore::SegmentOf(location)].live += blob.total_bytes;
  if (blob.kind != BlobKind::kOuter) return Broken("an outer's slot leads to no outer");
  ++census->counts.outers;
  const OuterBlob outer = ReadOuter(location);
  if (FindOuterAt(outer.key, strings_.Hash(outer.key), census->pin) != location) {
    return Broken("an outer is not found under its key");
  }
  if (outer.has_table) return CheckTable(outer.number, census);
  absl::Status status;
  const std::uint8_t* const end = ForEachStored(outer, [&](const StoredEntry& entry) {
    if (!entry.deleted) {
      status.Update(CheckList(entry, census));
      char scratch[kNumberScratchBytes];
      StoredEntry found;
      const WantedText key(strings_.Text(entry.inner, scratch, census->pin));
      if (!FindInline(outer.inlined(), key, &found, census->pin) || found.begin != entry.begin) {
        status.Update(Broken("an entry in its outer's blob is not found under its key"));
      }
      return;
    }
    const std::size_t bytes = static_cast<std::size_t>(entry.end - entry.begin);
    census->segments[SegmentStore::SegmentOf(location)].live -= bytes;
    census->marked += bytes;
  });
  if (status.ok() && end != outer.end) return Broken("an outer's entries do not fill its blob");
  return status;
}

absl::Status PackedMap::CheckTable(std::uint64_t number, Census* census) const {
  if (number >= tables_.size() || census->tables[number]) {
    return Broken("an outer names table ", number, ", which is another's or out of use");
  }
  census->tables[number] = true;
  absl::Status status;
  const Index& index = tables_[number].index;
  index.ForEach([&](std::uint64_t payload) {
    if (!status.ok()) return;
    const Blob blob = log_.At(payload);
    if (blob.kind != BlobKind::kEntry) {
      status = Broken("an entry's slot leads to no entry");
      return;
    }
    const StoredEntry entry = ReadEntryBlob(blob);
    Census::OfSegment& segment = census->segments[SegmentStore::SegmentOf(payload)];
    segment.live += log_.HeldBytes(payload);
    segment.room += ReadList(entry.list).room_bytes() - log_.UntakenRoom(payload);
    if (TableOf(blob) != number) status = Broken("an entry names another table than its outer's");
    status.Update(CheckList(entry, census));
    if (!status.ok()) return;
    char scratch[kNumberScratchBytes];
    const std::string_view key = strings_.Text(entry.inner, scratch, census->pin);
    const WantedText wanted(key);
    const std::uint64_t found =
        index.Find(strings_.Hash(key), census->pin, [&](std::uint64_t other) {
          return strings_.Equals(ReadEntryBlob(log_.At(other)).inner, wanted, census->pin);
        });
    if (found != payload) status = Broken("an entry is not found under its key");
  });
  if (!status.ok()) return status;
  if (const char* const fault = index.Fault(InnerHash())) {
    return Broken("in table ", number, " ", fault);
  }
  return status;
}

absl::Status PackedMap::CheckReferences(Census* census) const {
  absl::Status status;
  if (const char* const fault = shapes_.Fault()) return Broken("among the shapes ", fault);
  if (const char* const fault = strings_.dictionary().Fault()) {
    return Broken("among the strings ", fault);
  }
  shapes_.ForEach([&](ShapeId id) {
    const std::uint64_t counted = census->shapes[id];
    if (counted != shapes_.references(id)) {
      status.Update(Broken("shape ", id, " counts ", shapes_.references(id), " references and has ",
                           counted));
    }
    shapes_.ForEachKey(id, [&](const Token& key) { status.Update(CheckToken(key, census)); });
  });
  if (status.ok() && census->shapes.size() != shapes_.size()) {
    return Broken("records name ", census->shapes.size(), " shapes of ", shapes_.size());
  }
  const Dictionary& dictionary = strings_.dictionary();
  std::size_t unused = 0;
  dictionary.ForEach([&](StringId id) {
    const std::uint64_t counted = census->strings[id];
    if (dictionary.CountIsExact(id) && counted != dictionary.references(id)) {
      status.Update(Broken("string ", id, " counts ", dictionary.references(id),
                           " references and has ", counted));
    }
    const Location at = dictionary.LocationOf(id);
    Census::OfSegment& segment = census->segments[SegmentStore::SegmentOf(at)];
    if (dictionary.Has(id)) {
      segment.live += dictionary.BlobBytes(id);
    } else {
      segment.unused += dictionary.BlobBytes(id);
      ++unused;
    }
    if (log_.At(at).kind != BlobKind::kString) {
      status.Update(Broken("string ", id, " is no string"));
    }
  });
  if (status.ok() && unused != dictionary.unused()) {
    return Broken(unused, " strings are unused, and ", dictionary.unused(), " counted so");
  }
  return status;
}

absl::Status PackedMap::CheckSegments(Census* census) const {
  if (const char* const fault = log_.Fault()) return Broken(fault);
  if (census->marked != marked_bytes_) {
    return Broken(census->marked, " bytes are of deleted entries, and ", marked_bytes_,
                  " counted so");
  }
  for (SegmentStore::Segment segment = 0; log_.NextSegment(&segment); ++segment) {
    const Census::OfSegment& found = census->segments[segment];
    if (log_.filled_bytes(segment) != found.live + log_.dead_bytes(segment)) {
      return Broken("segment ", segment, " is filled with ", log_.filled_bytes(segment),
                    " bytes, of which ", found.live, " live and ", log_.dead_bytes(segment),
                    " are dead");
    }
    if (log_.unused_bytes(segment) != found.unused || log_.room_bytes(segment) != found.room) {
      return Broken("segment ", segment, " has ", found.unused, " unused bytes and ", found.room,
                    " of room, and counts ", log_.unused_bytes(segment), " and ",
                    log_.room_bytes(segment));
    }
  }
  return absl::OkStatus();
}

absl::Status PackedMap::CheckOuters(Census* census) const {
  const std::uint32_t number = root_.load(std::memory_order_relaxed);
  if (number == kNoTable) return absl::OkStatus();
  census->tables[number] = true;
  absl::Status status;
  const Index& outers = tables_[number].index;
  outers.ForEach([&](std::uint64_t location) {
    if (status.ok()) status = CheckOuter(location, census);
  });
  if (!status.ok()) return status;
  const char* const fault = outers.Fault(OuterHash());
  return fault == nullptr ? absl::OkStatus() : Broken("in the table of outers ", fault);
}

// The tables that are out of use; before those that are in use are met.
absl::Status PackedMap::CheckIdleTables(Census* census) const {
  std::size_t free = 0;
  std::uint64_t retired_bytes = 0;
  for (const std::uint32_t first : {retired_tables_, free_tables_, high_tables_}) {
    for (std::uint32_t at = first; at != kNoTable; at = tables_[at].next) {
      if (at >= tables_.size() || census->tables[at]) {
        return Broken("table ", at, " is out of use twice");
      }
      census->tables[at] = true;
      free += first != retired_tables_;
      retired_bytes += tables_[at].index.size_bytes(table_memory_);
    }
  }
  if (free != free_table_count_) {
    return Broken(free, " tables are free, and ", free_table_count_, " counted so");
  }
  if (retired_bytes != retired_table_bytes_) {
    return Broken("retired tables have ", retired_bytes, " bytes, and ", retired_table_bytes_,
                  " are counted");
  }
  return absl::OkStatus();
}

absl::Status PackedMap::Validate() const try {
  const std::lock_guard lock(mutex_);
  Census census;
  census.tables.resize(tables_.size());
  absl::Status status = CheckIdleTables(&census);
  if (status.ok()) status = CheckOuters(&census);
  if (status.ok()) status = CheckReferences(&census);
  if (status.ok()) status = CheckSegments(&census);
  if (!status.ok()) return status;
  for (std::size_t number = 0; number < tables_.size(); ++number) {
    if (census.tables[number] == tables_.IsAbsent(number)) {
      return Broken("table ", number, census.tables[number] ? " is absent and known" : " is lost");
    }
  }
  if (const char* const fault = index_blocks_.Fault()) return Broken(fault);
  if (!(census.counts == counts_)) return Broken("the counts are not what the indexes lead to");
  if (Measure().total_bytes() != door_.allocated_bytes()) {
    return Broken("the walk and the door to memory disagree");
  }
  return absl::OkStatus();
} catch (const std::bad_alloc&) {
  return NoMemory("no memory to validate the cache; it was not changed");
}

}  // namespace strata::packed
