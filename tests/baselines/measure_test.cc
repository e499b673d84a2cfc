// The figures of a comparison: each layout of the same data gives the same content, and figures
// that agree with each other.
#include "bench/baselines/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace strata {
namespace {

// One outer a batch: `outers` of them with 3 entries of 2 records of 2 pairs, all of 40 bytes or
// so.
class MadeSource final : public Source {
 public:
  explicit MadeSource(int outers, absl::Status end = absl::OkStatus())
      : outers_(outers), end_(std::move(end)) {}

  absl::Status Read(Batch* batch) override {
    if (next_ == outers_) return end_;
    const std::string outer = absl::StrCat("outer ", next_++);
    batch->AddOuterChange(Change::Kind::kOpenOuter, outer);
    for (int inner = 0; inner < 3; ++inner) {
      batch->BeginEntry(outer, absl::StrCat("inner ", inner));
      for (int record = 0; record < 2; ++record) {
        batch->BeginRecord();
        batch->AddPair("key a", absl::StrCat("the value of pair a in record ", record));
        batch->AddPair("key b", absl::StrCat("the value of pair b, which is ", next_ * inner));
      }
      batch->EndEntry();
    }
    return absl::OkStatus();
  }
  std::string name() const override { return "made"; }
  SourceProgress progress() const override { return {}; }

 private:
  int outers_;
  int next_ = 0;
  absl::Status end_;
};

OpenSource Opens(int outers) {
  return [outers]() -> absl::StatusOr<std::unique_ptr<Source>> {
    return std::make_unique<MadeSource>(outers);
  };
}

TEST(Measure, EveryLayoutObeysTheLawAndGivesTheSameDigest) {
  std::string digest;
  for (const std::string_view name : LayoutNames()) {
    SCOPED_TRACE(std::string(name));
    const absl::StatusOr<Measurement> measured = MeasureLayout(name, Opens(200), {.lookups = 1000});
    ASSERT_TRUE(measured.ok()) << measured.status();
    EXPECT_EQ(measured->layout, name);
    EXPECT_THAT(measured->allocator, testing::Not(testing::IsEmpty()));
    EXPECT_GT(measured->footprint.total_bytes(), 200u * 12 * 4);
    EXPECT_EQ(measured->footprint.total_bytes(), measured->footprint.allocated_bytes);
    EXPECT_GE(measured->load_allocated_bytes + 1000, measured->footprint.allocated_bytes);
    EXPECT_GT(measured->load_allocations, 0u);
    EXPECT_GT(measured->load_seconds, 0);
    EXPECT_GT(measured->peak_rss_bytes, 0u);
    ASSERT_TRUE(measured->lookup_ns.has_value());
    EXPECT_GT(*measured->lookup_ns, 0);
    ASSERT_TRUE(measured->scan_ns_per_pair.has_value());
    EXPECT_GT(*measured->scan_ns_per_pair, 0);
    EXPECT_EQ(measured->lookup_batch_ns.has_value(), MakeLayout(name)->has_batched_lookup());
    EXPECT_GT(measured->lookup_batch_ns.value_or(1), 0);
    EXPECT_FALSE(measured->dataset.has_value());
    if (digest.empty()) digest = measured->digest;
    EXPECT_EQ(measured->digest, digest);
  }
  EXPECT_THAT(digest, testing::MatchesRegex("[0-9a-f]+"));
}

TEST(Measure, ResidentMemoryGrowsByAboutWhatIsHeld) {
  const absl::StatusOr<Measurement> measured =
      MeasureLayout("std_map", Opens(20'000), {.lookups = 0});
  ASSERT_TRUE(measured.ok()) << measured.status();
  const auto held = static_cast<double>(measured->footprint.allocated_bytes);
  EXPECT_GT(static_cast<double>(measured->rss_delta_bytes), 0.8 * held);
  EXPECT_FALSE(measured->lookup_ns.has_value());
}

TEST(Measure, DescribesTheDatasetWhenAsked) {
  const absl::StatusOr<Measurement> measured =
      MeasureLayout("interned", Opens(5), {.lookups = 10, .describe_dataset = true});
  ASSERT_TRUE(measured.ok()) << measured.status();
  ASSERT_TRUE(measured->dataset.has_value());
  EXPECT_EQ(measured->dataset->counts,
            (Counts{.outers = 5, .entries = 15, .records = 30, .pairs = 60}));
  EXPECT_EQ(measured->dataset->digest, measured->digest);
}

TEST(Measure, WithoutPairsThereAreNoTimesOfPairs) {
  const absl::StatusOr<Measurement> measured = MeasureLayout("std_map", Opens(0), {.lookups = 10});
  ASSERT_TRUE(measured.ok()) << measured.status();
  EXPECT_FALSE(measured->lookup_ns.has_value());
  EXPECT_FALSE(measured->scan_ns_per_pair.has_value());
}

// The first outer makes room for many.
TEST(Measure, WhatIsHeldHoweverLittleThereIsHasTheRoomThatTheFirstOuterMakes) {
  for (const std::string_view name : {"interned", "packed"}) {
    SCOPED_TRACE(std::string(name));
    const absl::StatusOr<Measurement> some = MeasureLayout(name, Opens(1), {.rounds = 0});
    ASSERT_TRUE(some.ok()) << some.status();
    EXPECT_GT(some->empty_bytes, 2 * MakeLayout(name)->MeasureFootprint().total_bytes());
    EXPECT_LT(some->empty_bytes, some->footprint.total_bytes());
    EXPECT_GT(2 * some->empty_bytes, some->footprint.total_bytes());
  }
}

TEST(Measure, WhatIsHeldHoweverLittleThereIsIsNoMoreThanIsHeld) {
  const absl::StatusOr<Measurement> none = MeasureLayout("packed", Opens(0), {.rounds = 0});
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->empty_bytes, none->footprint.total_bytes());
}

TEST(Measure, UnknownLayoutIsInvalid) {
  EXPECT_TRUE(absl::IsInvalidArgument(MeasureLayout("no such", Opens(1)).status()));
}

TEST(Measure, FailuresOfTheSourceComeThrough) {
  const OpenSource unopened = []() -> absl::StatusOr<std::unique_ptr<Source>> {
    return absl::NotFoundError("no file");
  };
  EXPECT_TRUE(absl::IsNotFound(MeasureLayout("std_map", unopened).status()));
  const OpenSource broken = []() -> absl::StatusOr<std::unique_ptr<Source>> {
    return std::make_unique<MadeSource>(3, absl::InvalidArgumentError("cut off"));
  };
  EXPECT_TRUE(absl::IsInvalidArgument(MeasureLayout("std_map", broken).status()));
}

TEST(Measure, StepsAreNamedAsTheyBegin) {
  std::vector<std::string> steps;
  const absl::StatusOr<Measurement> measured = MeasureLayout(
      "std_map", Opens(1),
      {.lookups = 1, .on_step = [&](std::string_view step) { steps.emplace_back(step); }});
  ASSERT_TRUE(measured.ok());
  EXPECT_THAT(steps, testing::ElementsAre("load", "walk", "digest", "time"));
}

TEST(Measure, EachRoundAwaitsItsTurn) {
  int turns = 0;
  const MeasureOptions options = {.lookups = 1, .rounds = 3, .await_turn = [&] {
                                    ++turns;
                                    return absl::OkStatus();
                                  }};
  ASSERT_TRUE(MeasureLayout("std_map", Opens(1), options).ok());
  EXPECT_EQ(turns, 3);
}

TEST(Measure, WithoutRoundsNothingIsTimed) {
  const absl::StatusOr<Measurement> measured = MeasureLayout("packed", Opens(5), {.rounds = 0});
  ASSERT_TRUE(measured.ok()) << measured.status();
  EXPECT_FALSE(measured->scan_ns_per_pair.has_value());
  EXPECT_FALSE(measured->lookup_ns.has_value());
  EXPECT_FALSE(measured->lookup_batch_ns.has_value());
  EXPECT_FALSE(measured->digest.empty());
}

TEST(Measure, ATurnThatDoesNotComeEndsIt) {
  const MeasureOptions options = {.await_turn = [] { return absl::CancelledError("no turn"); }};
  EXPECT_TRUE(absl::IsCancelled(MeasureLayout("std_map", Opens(1), options).status()));
}

TEST(TimeLookups, AMissIsTheLayoutsFaultAndNamed) {
  const std::unique_ptr<Layout> layout = MakeLayout("std_map");
  ASSERT_TRUE(layout->Put("o", "i", Records{{{"k", "v"}}}).ok());
  const Lookups lookups = Lookups::Draw(*layout, 3);
  layout->Clear();
  const absl::Status status = TimeLookups(*layout, lookups).status();
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_THAT(status.ToString(), testing::HasSubstr("'o', 'i', 0, 'k'"));
}

TEST(TimeBatchedLookups, AMissIsTheLayoutsFaultAndCounted) {
  const std::unique_ptr<Layout> layout = MakeLayout("packed");
  ASSERT_TRUE(layout->Put("o", "i", Records{{{"k", "v"}, {"l", "v"}}}).ok());
  const Lookups lookups = Lookups::Draw(*layout, 200);
  EXPECT_GT(TimeBatchedLookups(*layout, lookups).value(), 0.0);
  ASSERT_TRUE(layout->Put("o", "i", Records{{{"k", "v"}}}).ok());
  const absl::Status status = TimeBatchedLookups(*layout, lookups).status();
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_THAT(status.ToString(), testing::HasSubstr("do not find 100 pairs"));
}

TEST(TimeBatchedLookups, IsNoFigureWhereALayoutHasNoBatchedCall) {
  const std::unique_ptr<Layout> layout = MakeLayout("std_map");
  ASSERT_TRUE(layout->Put("o", "i", Records{{{"k", "v"}}}).ok());
  const Lookups lookups = Lookups::Draw(*layout, 3);
  EXPECT_EQ(TimeBatchedLookups(*layout, lookups).value(), std::nullopt);
  EXPECT_NE(TimeLookups(*layout, lookups).value(), std::nullopt);
}

TEST(TouchBytes, DependsOnEveryByte) {
  const std::string bytes = "twenty-three bytes here";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string other = bytes;
    ++other[i];
    EXPECT_NE(TouchBytes(other), TouchBytes(bytes)) << i;
  }
}

}  // namespace
}  // namespace strata
