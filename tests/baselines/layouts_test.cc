// The list of layouts and what holds for each of them as a whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "bench/baselines/layout.h"

namespace strata {
namespace {

TEST(Layouts, NaiveBaselineIsFirstAndNamesAreUnique) {
  ASSERT_FALSE(LayoutNames().empty());
  EXPECT_EQ(LayoutNames().front(), "std_map");
  EXPECT_THAT(LayoutNames(),
              testing::IsSupersetOf({"std_map", "std_unordered_map", "flat_hash_map", "interned"}));
  EXPECT_EQ(std::set(LayoutNames().begin(), LayoutNames().end()).size(), LayoutNames().size());
}

TEST(Layouts, EachIsMadeByItsNameAndBeginsEmpty) {
  for (const std::string_view name : LayoutNames()) {
    const std::unique_ptr<Layout> layout = MakeLayout(name);
    ASSERT_NE(layout, nullptr) << name;
    EXPECT_EQ(layout->name(), name);
    EXPECT_TRUE(layout->empty()) << name;
    EXPECT_EQ(layout->counts(), Counts{}) << name;
  }
}

TEST(Layouts, UnknownNameIsNull) {
  EXPECT_EQ(MakeLayout("no such layout"), nullptr);
  EXPECT_EQ(MakeLayout(""), nullptr);
}

// Which layer a byte is booked under: the walk must not only add up, it must name the right thing.
TEST(Layouts, LongStringsAreBookedWhereTheyStand) {
  const std::string outer(100, 'o');
  const std::string inner(200, 'i');
  const std::string key(300, 'k');
  const std::string value(400, 'v');
  for (const char* const name : {"std_map", "std_unordered_map", "flat_hash_map"}) {
    SCOPED_TRACE(name);
    const std::unique_ptr<Layout> layout = MakeLayout(name);
    ASSERT_TRUE(layout->Put(outer, inner, Records{{{key, value}, {"short", "short"}}}).ok());
    const Footprint footprint = layout->MeasureFootprint();
    for (const auto& [layer_name, used_bytes] :
         {std::pair("outers/strings", 101u), std::pair("inners/strings", 201u),
          std::pair("keys/strings", 301u), std::pair("values/strings", 401u)}) {
      const Layer* const layer = footprint.Find(layer_name);
      ASSERT_NE(layer, nullptr) << layer_name;
      EXPECT_EQ(layer->count, 1u) << layer_name;
      EXPECT_EQ(layer->used_bytes, used_bytes) << layer_name;
    }
    const Layer* const object = footprint.Find("object");
    ASSERT_NE(object, nullptr);
    EXPECT_EQ(object->count, 1u);
  }
}

TEST(Layouts, MapsOfNodesCountTheirNodes) {
  for (const char* const name : {"std_map", "std_unordered_map"}) {
    SCOPED_TRACE(name);
    const std::unique_ptr<Layout> layout = MakeLayout(name);
    ASSERT_TRUE(layout->Put("a", "x", Records{{{"1", ""}, {"2", ""}}, {{"1", ""}}}).ok());
    ASSERT_TRUE(layout->Put("a", "y", Records{{}}).ok());
    ASSERT_TRUE(layout->Put("b", "x", Records{}).ok());
    const Footprint footprint = layout->MeasureFootprint();
    EXPECT_EQ(footprint.Find("outers/nodes")->count, 2u);
    EXPECT_EQ(footprint.Find("inners/nodes")->count, 3u);
    EXPECT_EQ(footprint.Find("lists/arrays")->count, 2u);  // the empty list has no array
    EXPECT_EQ(footprint.Find("records/nodes")->count, 3u);
  }
}

}  // namespace
}  // namespace strata
