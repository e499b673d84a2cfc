// What "used" means for a table is one thing wherever such a table is counted.
#include "bench/baselines/container_walk.h"

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "cache/table_block.h"
#include "gtest/gtest.h"

#include <strata/footprint.h>
#include <strata/memory_door.h>

namespace strata {
namespace {

using Element = std::pair<const std::uint64_t, std::uint32_t>;

TEST(ContainerWalkTest, FlatTablesOfBaselinesAndCacheAreCountedAlike) {
  using Hash = std::hash<std::uint64_t>;
  using Equal = std::equal_to<std::uint64_t>;
  using Allocator = TableAllocator<Element, 0>;
  MemoryDoor door;
  TableBlock block{.door = &door};
  absl::flat_hash_map<std::uint64_t, std::uint32_t, Hash, Equal, Allocator> of_cache{
      Allocator(&block)};
  absl::flat_hash_map<std::uint64_t, std::uint32_t, Hash, Equal> of_baseline;
  for (std::uint64_t key = 0; key < 300; ++key) {
    Layer cache;
    AddTable(of_cache, block, &cache);
    Layer baseline, buckets;
    AddContainer(of_baseline, baseline, buckets);
    ASSERT_EQ(of_cache.capacity(), of_baseline.capacity());
    ASSERT_EQ(cache.count, baseline.count);
    ASSERT_EQ(cache.used_bytes, baseline.used_bytes) << "with " << key << " elements";
    ASSERT_EQ(cache.slack_bytes, baseline.slack_bytes) << "with " << key << " elements";
    // All control bytes are structure; an empty slot is spare.
    if (key > 0) {
      ASSERT_EQ(cache.used_bytes, key * sizeof(Element) + of_cache.capacity() + 16);
      ASSERT_GE(cache.slack_bytes, (of_cache.capacity() - key) * sizeof(Element));
    }
    of_cache.emplace(key, 0);
    of_baseline.emplace(key, 0);
  }
}

}  // namespace
}  // namespace strata
