// Proves each address of bench/baselines/hidden_blocks.h against what an allocator handed out.
#include "bench/baselines/hidden_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <map>
#include <string>
#include <type_traits>

namespace strata {
namespace {

using Blocks = std::map<const void*, std::size_t>;  // address -> bytes asked for

Blocks& LiveBlocks() {
  static Blocks blocks;
  return blocks;
}

// Notes every block that is out.
template <class T>
struct NotingAllocator {
  using value_type = T;
  using is_always_equal = std::true_type;
  NotingAllocator() = default;
  template <class U>
  NotingAllocator(const NotingAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(std::size_t count) {
    T* const block = static_cast<T*>(std::malloc(count * sizeof(T)));
    LiveBlocks()[block] = count * sizeof(T);
    return block;
  }
  void deallocate(T* block, std::size_t) {
    LiveBlocks().erase(block);
    std::free(block);
  }
  template <class U>
  bool operator==(const NotingAllocator<U>&) const {
    return true;
  }
};

using String = std::basic_string<char, std::char_traits<char>, NotingAllocator<char>>;
using Pair = std::pair<const int, std::string>;
using Map = std::map<int, std::string, std::less<>, NotingAllocator<Pair>>;
using UnorderedMap =
    std::unordered_map<int, std::string, std::hash<int>, std::equal_to<>, NotingAllocator<Pair>>;
using CachedHashMap = std::unordered_map<std::string, int, std::hash<std::string>, std::equal_to<>,
                                         NotingAllocator<std::pair<const std::string, int>>>;
using FlatMap =
    absl::flat_hash_map<int, std::string, absl::Hash<int>, std::equal_to<>, NotingAllocator<Pair>>;

template <class Table>
Blocks NodesOf(const Table& table) {
  Blocks found;
  for (const auto& value : table) found[NodeBlock<Table>(value)] = sizeof(NodeOf<Table>);
  return found;
}

TEST(HiddenBlocks, MapNodesAreTheBlocksHandedOut) {
  Map map;
  for (int i = 0; i < 1000; ++i) {
    map[(i * 7919) % 1000] = "value";
    if (i % 3 == 0) map.erase(i / 2);
    ASSERT_EQ(NodesOf(map), LiveBlocks()) << "after step " << i;
  }
}

TEST(HiddenBlocks, UnorderedMapNodesAndBucketsAreTheBlocksHandedOut) {
  UnorderedMap map;
  for (int i = 0; i < 1000; ++i) {
    map[(i * 7919) % 1000] = "value";
    if (i % 3 == 0) map.erase(i / 2);
    Blocks found = NodesOf(map);
    ASSERT_NE(BucketBlock(map), nullptr);
    found[BucketBlock(map)] = map.bucket_count() * sizeof(void*);
    ASSERT_EQ(found, LiveBlocks()) << "after step " << i;
  }
}

TEST(HiddenBlocks, UnorderedMapNodesThatKeepTheirHashAreFoundToo) {
  CachedHashMap map;
  for (int i = 0; i < 100; ++i) map[std::to_string(i)] = i;
  Blocks found = NodesOf(map);
  found[BucketBlock(map)] = map.bucket_count() * sizeof(void*);
  EXPECT_EQ(found, LiveBlocks());
}

TEST(HiddenBlocks, UnorderedMapsInObjectBucketIsNoBlock) {
  UnorderedMap map;
  EXPECT_EQ(map.bucket_count(), 1u);
  EXPECT_EQ(BucketBlock(map), nullptr);
  EXPECT_TRUE(LiveBlocks().empty());
}

TEST(HiddenBlocks, FlatHashMapsFirstWordIsItsBackingArray) {
  FlatMap map;
  for (int i = 0; i < 1000; ++i) {
    map[(i * 7919) % 1000] = "value";
    if (i % 3 == 0) map.erase(i / 2);
    ASSERT_EQ(LiveBlocks().size(), 1u);
    ASSERT_EQ(BackingBlock(map), LiveBlocks().begin()->first) << "after step " << i;
  }
  map.clear();
  EXPECT_EQ(BackingBlock(map) != nullptr, !LiveBlocks().empty());
}

TEST(HiddenBlocks, EmptyFlatHashMapHasNoBlock) {
  const FlatMap map;
  EXPECT_EQ(BackingBlock(map), nullptr);
  EXPECT_TRUE(LiveBlocks().empty());
}

TEST(HiddenBlocks, StringIsABlockOnceItLeavesTheObject) {
  for (std::size_t length = 0; length < 100; ++length) {
    const String string(length, 'x');
    if (LiveBlocks().empty()) {
      EXPECT_EQ(StringBlock(string), nullptr) << length;
    } else {
      EXPECT_EQ(StringBlock(string), LiveBlocks().begin()->first) << length;
    }
    EXPECT_EQ(LiveBlocks().empty(), length <= 15) << length;
  }
}

}  // namespace
}  // namespace strata
