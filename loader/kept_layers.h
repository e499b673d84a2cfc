// What the loader keeps beside the cache, as layers of a footprint.
//
// Threads: plain functions.
#ifndef STRATA_LOADER_KEPT_LAYERS_H_
#define STRATA_LOADER_KEPT_LAYERS_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <strata/footprint.h>
#include <strata/memory_door.h>

namespace strata {

/// Adds a block (null: nothing was taken yet) to the layer `name`, which is made where there is
/// none. The sums of its door are to be added, too.
inline void AddBlockToLayer(std::string_view name, const void* block, std::uint64_t used_bytes,
                            std::uint64_t count, Footprint* footprint) {
  std::vector<Layer>& layers = footprint->layers;
  auto layer = std::find_if(layers.begin(), layers.end(),
                            [&](const Layer& other) { return other.name == name; });
  if (layer == layers.end()) {
    layer = layers.insert(layer, Layer());
    layer->name = std::string(name);
  }
  layer->count += count;
  if (block != nullptr) layer->AddBlock(block, used_bytes);
}

/// Adds the sums of a door.
inline void AddDoor(const MemoryDoor& door, Footprint* footprint) {
  footprint->allocated_bytes += door.allocated_bytes();
  footprint->heap_blocks += door.totals().heap_blocks;
}

/// Adds a block that has a door of its own.
inline void AddToLayer(std::string_view name, const void* block, std::uint64_t used_bytes,
                       std::uint64_t count, const MemoryDoor& door, Footprint* footprint) {
  AddBlockToLayer(name, block, used_bytes, count, footprint);
  AddDoor(door, footprint);
}

}  // namespace strata

#endif  // STRATA_LOADER_KEPT_LAYERS_H_
