#include <strata/footprint.h>

#include <algorithm>
#include <cassert>
#include <numeric>

#include <strata/memory_door.h>

namespace strata {

void Layer::AddBlock(const void* block, std::uint64_t used, std::uint64_t dead) {
  const std::uint64_t reserved = MemoryDoor::ReservedBytes(block);
  assert(used + dead <= reserved);
  used_bytes += used;
  dead_bytes += dead;
  slack_bytes += reserved - used - dead;
}

std::uint64_t Footprint::total_bytes() const {
  return std::accumulate(
      layers.begin(), layers.end(), std::uint64_t{0},
      [](std::uint64_t sum, const Layer& layer) { return sum + layer.total_bytes(); });
}

const Layer* Footprint::Find(std::string_view name) const {
  const auto it = std::find_if(layers.begin(), layers.end(),
                               [&](const Layer& layer) { return layer.name == name; });
  return it == layers.end() ? nullptr : &*it;
}

}  // namespace strata
