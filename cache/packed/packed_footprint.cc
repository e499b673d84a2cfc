// The footprint of the packed layout, and the check of all its invariants: both walk the structure
// from the indexes down, and neither reads the log's or the door's counters to do so.
#include <utility>

#include "absl/strings/str_cat.h"

#include "cache/packed/packed_map.h"

namespace strata::packed {

Footprint PackedMap::MeasureFootprint() const {
  Footprint footprint{.layout = "packed", .allocated_bytes = door_.allocated_bytes()};
  Layer outer_index{.name = "index/outers"};
  Layer inner_index{.name = "index/inners"};
  Layer dictionary_index{.name = "dictionary/index"};
  Layer dictionary_table{.name = "dictionary/table"};
  Layer dictionary_bytes{.name = "dictionary/bytes"};
  Layer shapes{.name = "shapes"};
  Layer policy{.name = "policy"};
  Layer blobs{.name = "log/blobs"};
  Layer dead{.name = "log/dead"};
  Layer free_bytes{.name = "log/free"};
  Layer segment_list{.name = "log/segments"};
  Layer scratch{.name = "scratch"};

  outers_.AddTo(&outer_index);
  tables_.AddTo(&inner_index);
  free_tables_.AddTo(&inner_index);
  outers_.ForEach([&](std::uint64_t location) {
    ++blobs.count;
    blobs.used_bytes += log_.At(location).total_bytes;
    const OuterBlob outer = ReadOuter(location);
    if (!outer.has_table) return;
    const Table* const table = tables_[outer.number];
    inner_index.AddBlock(table, sizeof(Table));
    table->index.AddTo(&inner_index);
    table->index.ForEach([&](std::uint64_t entry) {
      ++blobs.count;
      blobs.used_bytes += log_.At(entry).total_bytes;
    });
  });
  strings_.dictionary().AddTo(&dictionary_table, &dictionary_index);
  strings_.dictionary().ForEach([&](StringId id) {
    ++dictionary_bytes.count;
    dictionary_bytes.used_bytes += strings_.dictionary().BlobBytes(id);
  });
  shapes_.AddTo(&shapes, &policy);
  strings_.policy().AddTo(&policy);

  // What the log's segments are filled with and no index leads to is dead.
  std::uint64_t filled = 0;
  for (SegmentStore::Segment segment = 0; log_.NextSegment(&segment); ++segment) {
    ++free_bytes.count;
    filled += log_.filled_bytes(segment);
    free_bytes.slack_bytes += log_.taken_bytes(segment) - log_.filled_bytes(segment);
  }
  dead.dead_bytes = filled - blobs.used_bytes - dictionary_bytes.used_bytes;
  log_.AddListTo(&segment_list);
  lists_.AddTo(&scratch);
  body_.AddTo(&scratch);
  token_.AddTo(&scratch);

  footprint.layers = {std::move(outer_index),
                      std::move(inner_index),
                      std::move(dictionary_index),
                      std::move(dictionary_table),
                      std::move(dictionary_bytes),
                      std::move(shapes),
                      std::move(policy),
                      std::move(blobs),
                      std::move(dead),
                      std::move(free_bytes),
                      std::move(segment_list),
                      std::move(scratch)};
  return footprint;
}

}  // namespace strata::packed
