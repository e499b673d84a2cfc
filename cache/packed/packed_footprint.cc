// The footprint of the packed layout, and the check of all its invariants: both walk the structure
// from the indexes down, and neither reads the log's or the door's counters to do so.
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

#include "cache/packed/packed_map.h"

namespace strata::packed {
namespace {

constexpr std::uint64_t kLeastLookedUpBytes = std::uint64_t{1} << 20;

// The strings that are named, and those that nobody names but a guard may still be reading; the
// bytes of the latter. The others that nobody names are dead.
std::uint64_t AddStrings(const Dictionary& dictionary, const SegmentStore& log,
                         const Eras::Guards& guards, Layer* named, Layer* retained) {
  std::uint64_t kept_bytes = 0;
  dictionary.ForEach([&](StringId id) {
    if (dictionary.Has(id)) {
      ++named->count;
      named->used_bytes += dictionary.BlobBytes(id);
    } else if (log.UnusedPinned(SegmentStore::SegmentOf(dictionary.LocationOf(id)), guards)) {
      ++retained->count;
      kept_bytes += dictionary.BlobBytes(id);
    }
  });
  retained->dead_bytes += kept_bytes;
  return kept_bytes;
}

}  // namespace

Footprint PackedMap::MeasureFootprint() const try {
  const std::lock_guard lock(mutex_);
  Footprint footprint = Measure();
  // The walk of a small one takes a microsecond, and asking the kernel ten.
  if (door_.totals().page_bytes >= kLeastLookedUpBytes) {
    footprint.absent_page_bytes = MemoryDoor::AbsentBytes(footprint.pages);
  }
  return footprint;
} catch (const std::bad_alloc&) {
  return {};
}

// The indexes, and what they lead to.
void PackedMap::AddIndexes(Layer* outer_index, Layer* inner_index, Layer* blobs) const {
  const auto add_blob = [&](Location location, std::size_t room, std::size_t dead) {
    ++blobs->count;
    blobs->used_bytes += log_.HeldBytes(location) - room - dead;
    blobs->slack_bytes += room;
  };
  const Index* const outers = root();
  if (outers == nullptr) return;
  outers->AddTo(table_memory_, outer_index);
  outers->ForEach([&](std::uint64_t location) {
    const OuterBlob outer = ReadOuter(location);
    std::size_t dead = 0;
    if (!outer.has_table) {
      ForEachStored(outer, [&](const StoredEntry& entry) {
        if (entry.deleted) dead += static_cast<std::size_t>(entry.end - entry.begin);
      });
    }
    add_blob(location, 0, dead);
    if (!outer.has_table) return;
    const Index& inners = tables_[outer.number].index;
    inners.AddTo(table_memory_, inner_index);
    inners.ForEach([&](std::uint64_t entry) {
      const std::size_t room = ReadList(ReadEntryBlob(log_.At(entry)).list).room_bytes();
      add_blob(entry, room - log_.UntakenRoom(entry), 0);
    });
  });
}

// Tables that are out of reach and still kept; how many.
std::size_t PackedMap::AddRetiredTables(Layer* retained) const {
  std::size_t count = 0;
  for (std::uint32_t table = retired_tables_; table != kNoTable; table = tables_[table].next) {
    retained->dead_bytes += tables_[table].index.size_bytes(table_memory_);
    ++count;
  }
  retained->count += count;
  return count;
}

Footprint PackedMap::Measure() const {
  Footprint footprint{.layout = "packed",
                      .counts = counts_,
                      .allocated_bytes = door_.allocated_bytes(),
                      .door = door_.number(),
                      .memory_limit_bytes = MemoryLimit(),
                      .oldest_guard_seconds = eras_.CountReaders().oldest_seconds,
                      .heap_blocks = door_.totals().heap_blocks,
                      .pages = TakenPages()};
  Layer outer_index{.name = "index/outers"};
  Layer inner_index{.name = "index/inners"};
  Layer index_free{.name = "index/free"};
  Layer dictionary_index{.name = "dictionary/index"};
  Layer dictionary_table{.name = "dictionary/table"};
  Layer dictionary_bytes{.name = "dictionary/bytes"};
  Layer shapes{.name = "shapes"};
  Layer policy{.name = "policy"};
  Layer blobs{.name = "log/blobs"};
  Layer dead{.name = "log/dead"};
  Layer free_bytes{.name = "log/free"};
  Layer segment_list{.name = "log/segments"};
  Layer retained{.name = "retained"};
  Layer readers{.name = "readers"};
  Layer scratch{.name = "scratch"};

  AddIndexes(&outer_index, &inner_index, &blobs);
  const std::size_t retired_tables = AddRetiredTables(&retained);
  tables_.AddTo(&inner_index, free_table_count_ + retired_tables);
  index_blocks_.AddTo(&index_free);
  const Dictionary& dictionary = strings_.dictionary();
  dictionary.AddTo(&dictionary_table, &dictionary_index);
  const Eras::Guards guards = eras_.Look();
  const std::uint64_t kept_strings =
      AddStrings(dictionary, log_, guards, &dictionary_bytes, &retained);
  shapes_.AddTo(guards, &shapes, &retained, &policy);
  strings_.policy().AddTo(&policy);

  // What the log's segments are filled with and no index leads to is dead.
  std::uint64_t filled = 0;
  for (SegmentStore::Segment segment = 0; log_.NextSegment(&segment); ++segment) {
    ++free_bytes.count;
    filled += log_.filled_bytes(segment);
    free_bytes.slack_bytes += log_.taken_bytes(segment) - log_.filled_bytes(segment);
  }
  dead.dead_bytes = filled - blobs.total_bytes() - dictionary_bytes.used_bytes - kept_strings;
  for (SegmentStore::Segment segment = 0; log_.NextRetired(&segment); ++segment) {
    ++retained.count;
    retained.dead_bytes += log_.taken_bytes(segment);
  }
  retired_.AddTo(&retained, &scratch);
  log_.AddListTo(&segment_list);
  eras_.AddTo(&readers);
  lists_.AddTo(&scratch);
  body_.AddTo(&scratch);
  token_.AddTo(&scratch);

  footprint.layers = {std::move(outer_index),
                      std::move(inner_index),
                      std::move(index_free),
                      std::move(dictionary_index),
                      std::move(dictionary_table),
                      std::move(dictionary_bytes),
                      std::move(shapes),
                      std::move(policy),
                      std::move(blobs),
                      std::move(dead),
                      std::move(free_bytes),
                      std::move(segment_list),
                      std::move(retained),
                      std::move(readers),
                      std::move(scratch)};
  return footprint;
}

}  // namespace strata::packed
