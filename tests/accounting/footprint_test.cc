// Layers and their sums.
#include <gtest/gtest.h>

#include <strata/footprint.h>
#include <strata/memory_door.h>

namespace strata {
namespace {

constexpr LayerId kLayer = 0;

TEST(Layer, TotalIsUsedAndSlackAndDead) {
  const Layer layer = {.name = "a", .used_bytes = 10, .slack_bytes = 5, .dead_bytes = 3};
  EXPECT_EQ(layer.total_bytes(), 18U);
}

TEST(Layer, ABlocksUnusedRestIsSlack) {
  MemoryDoor door;
  void* const block = door.Allocate(kLayer, 100);
  const std::uint64_t reserved = MemoryDoor::ReservedBytes(block);
  Layer layer{.name = "a"};
  layer.AddBlock(block, 60, 30);
  EXPECT_EQ(layer.used_bytes, 60U);
  EXPECT_EQ(layer.dead_bytes, 30U);
  EXPECT_EQ(layer.slack_bytes, reserved - 90);
  EXPECT_EQ(layer.total_bytes(), reserved);
  EXPECT_EQ(layer.count, 0U) << "what a block holds is for the walk to count";

  layer.AddBlock(block, reserved);
  EXPECT_EQ(layer.total_bytes(), 2 * reserved);
  EXPECT_EQ(layer.slack_bytes, reserved - 90);
  door.Free(kLayer, block);
}

TEST(Layer, NoBlockIsNoBytes) {
  Layer layer{.name = "a"};
  layer.AddBlock(nullptr, 0);
  EXPECT_EQ(layer.total_bytes(), 0U);
}

TEST(Footprint, TotalIsTheSumOfItsLayers) {
  Footprint footprint;
  EXPECT_EQ(footprint.total_bytes(), 0U);
  footprint.layers = {{.name = "a", .used_bytes = 1, .slack_bytes = 2, .dead_bytes = 4},
                      {.name = "b/c", .used_bytes = 8, .slack_bytes = 16, .dead_bytes = 32}};
  EXPECT_EQ(footprint.total_bytes(), 63U);
}

TEST(Footprint, SumsBeyond32Bits) {
  Footprint footprint;
  for (int i = 0; i < 5; ++i) {
    footprint.layers.push_back({.name = "a", .used_bytes = std::uint64_t{1} << 32});
  }
  EXPECT_EQ(footprint.total_bytes(), std::uint64_t{5} << 32);
}

TEST(Footprint, FindsALayerByItsWholeName) {
  Footprint footprint;
  footprint.layers = {{.name = "strings/bytes", .count = 1}, {.name = "strings/table", .count = 2}};
  ASSERT_NE(footprint.Find("strings/table"), nullptr);
  EXPECT_EQ(footprint.Find("strings/table")->count, 2U);
  EXPECT_EQ(footprint.Find("strings"), nullptr);
  EXPECT_EQ(footprint.Find(""), nullptr);
}

TEST(Counts, AreEqualWhenAllAre) {
  const Counts counts = {.outers = 1, .entries = 2, .records = 3, .pairs = 4};
  EXPECT_EQ(counts, counts);
  EXPECT_NE(counts, (Counts{.outers = 1, .entries = 2, .records = 3, .pairs = 5}));
  EXPECT_NE(counts, Counts{});
}

}  // namespace
}  // namespace strata
