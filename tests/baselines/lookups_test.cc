// The drawn lookups: the same for every layout, uniform over pairs, all hits.
#include "bench/baselines/lookups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"

namespace strata {
namespace {

using Key = std::tuple<std::string, std::string, std::size_t, std::string>;

std::vector<Key> KeysOf(const Lookups& lookups) {
  std::vector<Key> keys;
  for (const LookupKey& key : lookups.keys()) {
    keys.emplace_back(key.outer, key.inner, key.index, key.key);
  }
  return keys;
}

// 10 outers × 10 inners × 5 records × 2 pairs.
void Fill(Layout& layout) {
  for (int outer = 0; outer < 10; ++outer) {
    for (int inner = 0; inner < 10; ++inner) {
      for (int record = 0; record < 5; ++record) {
        const std::string key = absl::StrCat("key ", record);
        const std::vector<Pair> pairs = {{key, "value"}, {"a key that all records have", ""}};
        ASSERT_TRUE(
            layout.Append(absl::StrCat("outer ", outer), absl::StrCat("inner ", inner), pairs)
                .ok());
      }
    }
  }
}

TEST(Lookups, AreTheSameForEveryLayout) {
  std::set<std::vector<Key>> draws;
  for (const std::string_view name : LayoutNames()) {
    const std::unique_ptr<Layout> layout = MakeLayout(name);
    Fill(*layout);
    draws.insert(KeysOf(Lookups::Draw(*layout, 300)));
  }
  ASSERT_EQ(draws.size(), 1u);
  EXPECT_EQ(draws.begin()->size(), 300u);
}

TEST(Lookups, FewerThanPairsAreDistinctAndSpread) {
  const std::unique_ptr<Layout> layout = MakeLayout("flat_hash_map");
  Fill(*layout);
  const std::vector<Key> keys = KeysOf(Lookups::Draw(*layout, 500));
  EXPECT_EQ(std::set(keys.begin(), keys.end()).size(), 500u);
  std::map<std::string, int> by_outer;
  for (const Key& key : keys) ++by_outer[std::get<0>(key)];
  EXPECT_EQ(by_outer.size(), 10u);
  for (const auto& [outer, count] : by_outer) {
    EXPECT_NEAR(count, 50, 25) << outer;  // five standard deviations
  }
}

TEST(Lookups, MoreThanPairsRepeatThemAllInOtherOrders) {
  const std::unique_ptr<Layout> layout = MakeLayout("std_map");
  Fill(*layout);
  const std::vector<Key> keys = KeysOf(Lookups::Draw(*layout, 2500));
  ASSERT_EQ(keys.size(), 2500u);
  const std::vector<Key> first(keys.begin(), keys.begin() + 1000);
  const std::vector<Key> second(keys.begin() + 1000, keys.begin() + 2000);
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), 1000u);
  EXPECT_THAT(second, testing::UnorderedElementsAreArray(first));
  EXPECT_NE(second, first);
}

TEST(Lookups, AreAllHitsAndTheirMissingOnesAllMisses) {
  for (const std::string_view name : LayoutNames()) {
    const std::unique_ptr<Layout> layout = MakeLayout(name);
    Fill(*layout);
    const Lookups hits = Lookups::Draw(*layout, 1500);
    for (const LookupKey& key : hits.keys()) {
      EXPECT_TRUE(layout->Lookup(key, [](std::string_view) {}));
    }
    const Lookups misses = hits.Missing(*layout);
    ASSERT_EQ(misses.keys().size(), 1500u);
    for (const LookupKey& key : misses.keys()) {
      EXPECT_FALSE(layout->Lookup(key, [](std::string_view) {}));
    }
  }
}

// Hits and misses in turn, more of them than a layout takes in one go.
TEST(Lookups, ManyAtOnceFindWhatOneByOneFinds) {
  for (const std::string_view name : LayoutNames()) {
    SCOPED_TRACE(std::string(name));
    const std::unique_ptr<Layout> layout = MakeLayout(name);
    Fill(*layout);
    const Lookups hits = Lookups::Draw(*layout, 101);
    const Lookups misses = hits.Missing(*layout);
    std::vector<LookupKey> keys;
    for (std::size_t i = 0; i < hits.keys().size(); ++i) {
      keys.push_back(hits.keys()[i]);
      keys.push_back(misses.keys()[i]);
    }
    std::map<std::size_t, std::string> one_by_one;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      layout->Lookup(keys[i], [&](std::string_view value) { one_by_one.emplace(i, value); });
    }
    std::map<std::size_t, std::string> found;
    const std::size_t count = layout->LookupMany(keys, [&](std::size_t i, std::string_view value) {
      EXPECT_TRUE(found.emplace(i, value).second) << "place " << i << " is given twice";
    });
    EXPECT_EQ(count, 101u);
    EXPECT_EQ(found, one_by_one);
    EXPECT_EQ(layout->LookupMany({}, [](std::size_t, std::string_view) {}), 0u);
  }
}

// How many lookups are drawn where 300,000 are asked for, the same of every layout.
std::size_t DrawnOf(const std::string& outer, const std::string& value) {
  std::set<std::size_t> counts;
  for (const std::string_view name : {"std_map", "packed"}) {
    const std::unique_ptr<Layout> layout = MakeLayout(name);
    for (int inner = 0; inner < 20; ++inner) {
      const std::vector<Pair> pairs = {{"key", value}, {"other", ""}};
      EXPECT_TRUE(layout->Append(outer, absl::StrCat(inner), pairs).ok());
    }
    counts.insert(Lookups::Draw(*layout, 300'000).keys().size());
  }
  EXPECT_EQ(counts.size(), 1u);
  return *counts.begin();
}

TEST(Lookups, AreAsManyAsWereAskedForOfOrdinaryLength) {
  EXPECT_EQ(DrawnOf(std::string(200, 'o'), std::string(4000, 'v')), 300'000u);
}

// 77 MB for the keys' bytes; 300,000 would be 30 GB.
TEST(Lookups, AreFewerWhereKeysAreLong) {
  const std::size_t drawn = DrawnOf(std::string(100'000, 'o'), "value");
  EXPECT_LE(drawn, 800u);
  EXPECT_GE(drawn, 700u);
}

// 1.2 GB of values are read; 300,000 would be 150 GB.
TEST(Lookups, AreFewerWhereValuesAreLong) {
  const std::size_t drawn = DrawnOf("outer", std::string(1'000'000, 'v'));
  EXPECT_LE(drawn, 4000u);
  EXPECT_GE(drawn, 1500u);
}

TEST(Lookups, AreOneAtLeastHoweverLong) {
  EXPECT_EQ(DrawnOf(std::string(15'000'000, 'o'), "value"), 5u);
  const std::unique_ptr<Layout> layout = MakeLayout("std_map");
  const std::vector<Pair> pairs = {{"key", "value"}};
  ASSERT_TRUE(layout->Append(std::string(100 << 20, 'o'), "inner", pairs).ok());
  EXPECT_EQ(Lookups::Draw(*layout, 10).keys().size(), 1u);
}

TEST(Lookups, ThereAreNoneWithoutPairs) {
  const std::unique_ptr<Layout> layout = MakeLayout("std_map");
  ASSERT_TRUE(layout->Put("outer", "inner", Records{{}}).ok());
  EXPECT_TRUE(Lookups::Draw(*layout, 10).empty());
  EXPECT_TRUE(Lookups::Draw(*layout, 0).empty());
}

}  // namespace
}  // namespace strata
