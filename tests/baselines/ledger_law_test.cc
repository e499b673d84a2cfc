// The ledger law: what a walk of the structure finds is what the door handed out, after every one
// of ten thousand random operations, for every layout.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "bench/baselines/layout.h"
#include "tests/baselines/random_content.h"

namespace strata {
namespace {

constexpr int kOperations = 10'000;

// One random operation; whether it succeeds is no matter here.
void ChangeSomething(Layout& layout, RandomContent& content) {
  const std::string& outer = content.Outer();
  const std::string& inner = content.Inner();
  const std::size_t index = content.Below(6);
  const std::size_t kind = content.Below(100);
  if (kind < 30) {
    ASSERT_TRUE(layout.Put(outer, inner, content.List()).ok());
  } else if (kind < 50) {
    ASSERT_TRUE(layout.Append(outer, inner, content.Record()).ok());
  } else if (kind < 60) {
    (void)layout.UpdateRecord(outer, inner, index, content.Record());
  } else if (kind < 70) {
    (void)layout.InsertRecord(outer, inner, index, content.Record());
  } else if (kind < 82) {
    (void)layout.RemoveRecord(outer, inner, index);
  } else if (kind < 85) {
    ASSERT_TRUE(layout.PutOuter(outer).ok());
  } else if (kind < 98) {
    layout.Delete(outer, inner);
  } else if (kind < 99 && content.Below(3) == 0) {
    layout.DeleteOuter(outer);
  } else if (content.Below(10) == 0) {
    layout.Clear();
  }
  layout.Maintain();
}

class LedgerLaw : public testing::TestWithParam<std::string_view> {};

TEST_P(LedgerLaw, HoldsAfterEachOfTenThousandOperations) {
  // Another seed each run; --gtest_random_seed or GTEST_RANDOM_SEED repeats one.
  const auto seed = static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RandomContent content(seed);
  const std::unique_ptr<Layout> layout = MakeLayout(GetParam());
  ASSERT_NE(layout, nullptr);
  std::uint64_t most_pairs = 0;
  for (int i = 0; i < kOperations; ++i) {
    ASSERT_NO_FATAL_FAILURE(ChangeSomething(*layout, content)) << "operation " << i;
    const Footprint footprint = layout->MeasureFootprint();
    ASSERT_EQ(footprint.total_bytes(), footprint.allocated_bytes) << "after operation " << i;
    ASSERT_EQ(layout->memory().allocated_bytes, footprint.allocated_bytes);
    most_pairs = std::max(most_pairs, layout->counts().pairs);
  }
  EXPECT_GT(most_pairs, 300u) << "the test must have held something";
}

TEST_P(LedgerLaw, ClearGivesEverythingBack) {
  const std::unique_ptr<Layout> layout = MakeLayout(GetParam());
  const std::uint64_t empty_bytes = layout->memory().allocated_bytes;
  RandomContent content(7);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(layout->Put(content.Outer(), content.Inner(), content.List()).ok());
  }
  EXPECT_GT(layout->memory().allocated_bytes, empty_bytes);
  layout->Clear();
  EXPECT_EQ(layout->memory().allocated_bytes, empty_bytes);
  EXPECT_EQ(layout->MeasureFootprint().total_bytes(), empty_bytes);
}

TEST_P(LedgerLaw, NamesEachLayerOnce) {
  const Footprint footprint = MakeLayout(GetParam())->MeasureFootprint();
  EXPECT_EQ(footprint.layout, GetParam());
  for (const Layer& layer : footprint.layers) {
    EXPECT_FALSE(layer.name.empty());
    EXPECT_EQ(footprint.Find(layer.name), &layer) << layer.name << " is named twice";
  }
}

INSTANTIATE_TEST_SUITE_P(EveryLayout, LedgerLaw,
                         testing::ValuesIn(LayoutNames().begin(), LayoutNames().end()),
                         [](const auto& param_info) { return std::string(param_info.param); });

}  // namespace
}  // namespace strata
