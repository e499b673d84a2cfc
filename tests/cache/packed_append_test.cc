// Lists that grow, one record after another: each record is where its index says, costs no more
// than it must, and what the writing took beside the content is given back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <strata/cache.h>

#include "cache/packed/packed_map.h"
#include "gtest/gtest.h"

namespace strata::packed {
namespace {

TEST(PackedAppend, FindsEachRecordByItsIndexWhileTheListGrows) {
  Cache cache = *Cache::Create();
  std::vector<std::string> values;
  for (std::size_t i = 0; i < 3000; ++i) {
    values.push_back(std::to_string(i) + std::string(i * 7919 % 61, 'v'));
    const Pair pairs[] = {{"key", values.back()}, {"other", "x"}};
    ASSERT_TRUE(cache.Append("outer", "inner", pairs).ok());
    if (i % 97 != 0 && i + 1 != 3000) continue;
    const ReadGuard guard(cache);
    ASSERT_EQ(guard.Get("outer", "inner").record_count(), values.size());
    for (std::size_t at = 0; at < values.size(); ++at) {
      const PairCursor pair = guard.Find("outer", "inner", at, "key");
      ASSERT_TRUE(pair.valid()) << at << " of " << values.size();
      ASSERT_EQ(pair.value(), values[at]) << at << " of " << values.size();
    }
    ASSERT_TRUE(cache.Validate().ok()) << cache.Validate();
  }
}

// A record that was coded twice would have met its own strings before.
TEST(PackedAppend, CodesARecordOnceAndKeepsAStringMetOnceInline) {
  PackedMap map({.seed = 7});
  for (std::size_t i = 0; i < 5000; ++i) {
    const std::string value = "met once: " + std::to_string(i * 7919);
    const Pair pairs[] = {{"key", value}};
    ASSERT_TRUE(map.Append("outer", "inner", pairs).ok());
  }
  EXPECT_LE(map.MeasureFootprint().Find("dictionary/bytes")->count, 1u);  // "key"
  EXPECT_EQ(map.shapes().size(), 0u);
}

// A shape is made of key lists that come again: in another record.
TEST(PackedAppend, MakesNoShapeOfKeysThatComeOnce) {
  PackedMap map({.seed = 7});
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < 4000; ++i) keys.push_back("key " + std::to_string(i));
  for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
    const Pair pairs[] = {{keys[i], "a"}, {keys[i + 1], "b"}};
    ASSERT_TRUE(map.Append("outer", "inner", pairs).ok());
  }
  EXPECT_EQ(map.shapes().size(), 0u);
}

TEST(PackedAppend, MaintainGivesBackWhatItTookToWriteALongListAnew) {
  PackedMap map({.seed = 7});
  for (std::size_t i = 0; i < 50000; ++i) {
    const std::string value = "value " + std::to_string(i);
    const Pair pairs[] = {{"key", value}};
    ASSERT_TRUE(map.Append("outer", "inner", pairs).ok());
  }
  while (map.Maintain(std::size_t{1} << 20)) {
  }
  const auto scratch_bytes = [&] { return map.MeasureFootprint().Find("scratch")->total_bytes(); };
  EXPECT_LE(scratch_bytes(), std::uint64_t{256} << 10);
  map.Clear();
  EXPECT_EQ(scratch_bytes(), 0u);
}

}  // namespace
}  // namespace strata::packed
