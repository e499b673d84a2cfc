// How the blocks of each kind of container are counted. Every function asks the allocator for the
// reserved size of each block it finds (Layer::AddBlock) and reads no counter of the door.
//
// What is "used": a node whole; of a bucket array one bucket an element, as many as there are; of a
// flat table's array the slots of its elements, a control byte for every slot and the 16 that
// follow them, as in cache/table_block.h; of a vector its elements; of a string on the heap its
// bytes and the terminating zero. The rest is slack. Nothing is ever dead: these containers free at
// once.
//
// Threads: reads the containers only.
#ifndef STRATA_BENCH_BASELINES_CONTAINER_WALK_H_
#define STRATA_BENCH_BASELINES_CONTAINER_WALK_H_

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "bench/baselines/hidden_blocks.h"

#include <strata/footprint.h>

namespace strata {

/// Adds a string's heap block, if it has one; `layer` counts the strings that do.
template <class A>
void AddString(const std::basic_string<char, std::char_traits<char>, A>& string, Layer& layer) {
  if (const void* const block = StringBlock(string)) {
    layer.AddBlock(block, string.size() + 1);
    ++layer.count;
  }
}

/// Adds the blocks of a container itself, not what its elements hold elsewhere. `elements` counts
/// nodes, live slots or, for vectors, arrays; `buckets` counts bucket arrays.
template <class K, class V, class C, class A>
void AddContainer(const std::map<K, V, C, A>& table, Layer& elements, Layer& /*buckets*/) {
  using Table = std::map<K, V, C, A>;
  for (const auto& value : table) elements.AddBlock(NodeBlock<Table>(value), sizeof(NodeOf<Table>));
  elements.count += table.size();
}

template <class K, class V, class H, class E, class A>
void AddContainer(const std::unordered_map<K, V, H, E, A>& table, Layer& elements, Layer& buckets) {
  using Table = std::unordered_map<K, V, H, E, A>;
  for (const auto& value : table) elements.AddBlock(NodeBlock<Table>(value), sizeof(NodeOf<Table>));
  elements.count += table.size();
  if (const void* const block = BucketBlock(table)) {
    buckets.AddBlock(block, std::min(table.size(), table.bucket_count()) * sizeof(void*));
    ++buckets.count;
  }
}

template <class K, class V, class H, class E, class A>
void AddContainer(const absl::flat_hash_map<K, V, H, E, A>& table, Layer& elements,
                  Layer& /*buckets*/) {
  using Table = absl::flat_hash_map<K, V, H, E, A>;
  constexpr std::size_t kTrailingControlBytes = 16;
  if (const void* const block = BackingBlock(table)) {
    elements.AddBlock(block, table.size() * sizeof(typename Table::value_type) + table.capacity() +
                                 kTrailingControlBytes);
    elements.count += table.size();
  }
}

template <class T, class A>
void AddContainer(const std::vector<T, A>& array, Layer& elements, Layer& /*buckets*/) {
  if (array.capacity() != 0) {
    elements.AddBlock(array.data(), array.size() * sizeof(T));
    ++elements.count;
  }
}

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_CONTAINER_WALK_H_
