// The layers of the packed layout, as its door to memory knows them and as footprints name them.
#ifndef STRATA_CACHE_PACKED_LAYERS_H_
#define STRATA_CACHE_PACKED_LAYERS_H_

#include <strata/memory_door.h>

namespace strata::packed {

// What is obtained through the door. Segments hold blobs of several layers; the footprint's walk
// tells them apart.
enum PackedLayer : LayerId {
  kSegments,         // pages of the log
  kSegmentList,      // what is known of each segment
  kIndex,            // hash of an outer key -> its blob; of an inner key, a table a large outer
  kDictionaryIndex,  // hash of a string -> its number
  kDictionaryTable,  // number -> location and references
  kShapes,           // key lists shared by records
  kPolicy,           // what is learned about strings and key lists
  kScratch,          // the writer's buffers
  kReaders,          // who reads since when
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_LAYERS_H_
