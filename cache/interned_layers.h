// The layers of the interned layout, as its door to memory knows them and as footprints name them.
#ifndef STRATA_CACHE_INTERNED_LAYERS_H_
#define STRATA_CACHE_INTERNED_LAYERS_H_

#include <array>

#include <strata/memory_door.h>

namespace strata {

enum InternedLayer : LayerId {
  kOuterTable,   // the one table from outer id to outer
  kOuterObject,  // each outer's fixed part
  kInnerTable,   // each outer's table from inner id to list
  kListArray,    // each list's array of records
  kPairArray,    // each record's array of (key id, value id)
  kStringBytes,  // chunks of string bytes, and the list of chunks
  kStringTable,  // id -> address, length, references
  kStringIndex,  // string -> id
  kInternedLayerCount,
};

inline constexpr std::array<const char*, kInternedLayerCount> kInternedLayerNames = {
    "outers/table",  "outers/objects", "inners/tables", "lists/arrays",
    "records/pairs", "strings/bytes",  "strings/table", "strings/index",
};

}  // namespace strata

#endif  // STRATA_CACHE_INTERNED_LAYERS_H_
