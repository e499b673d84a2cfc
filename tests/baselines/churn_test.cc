// Overwriting and deleting as they are measured: the same for every layout, the books exact, the
// shape of the content kept.
#include "bench/baselines/churn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/baselines/entry_plan.h"
#include "bench/baselines/fresh_lists.h"
#include "bench/baselines/latencies.h"
#include "bench/baselines/reclaim.h"

namespace strata {
namespace {

// Two batches: an outer without entries, an entry without records, a record without pairs, keys out
// of order, values of no and of many bytes; and `entries` ordinary entries.
class MixedSource final : public Source {
 public:
  explicit MixedSource(int entries) : entries_(entries) {}

  absl::Status Read(Batch* batch) override {
    if (read_) return absl::OkStatus();
    read_ = true;
    batch->AddOuterChange(Change::Kind::kOpenOuter, "no entries");
    batch->BeginEntry("odd", "no records");
    batch->EndEntry();
    batch->BeginEntry("odd", "mixed");
    batch->BeginRecord();
    batch->BeginRecord();
    batch->AddPair("z", "");
    batch->AddPair("a", std::string(5000, 'x'));
    batch->AddPair("m", "5");
    batch->EndEntry();
    for (int i = 0; i < entries_; ++i) {
      batch->BeginEntry(absl::StrCat("outer ", i % 7), absl::StrCat("inner ", i));
      for (int record = 0; record < 1 + i % 3; ++record) {
        batch->BeginRecord();
        batch->AddPair("name", absl::StrCat("the name of number ", i));
        batch->AddPair("city", "a value that all of them have");
      }
      batch->EndEntry();
    }
    return absl::OkStatus();
  }
  std::string name() const override { return "mixed"; }
  SourceProgress progress() const override { return {}; }

 private:
  int entries_;
  bool read_ = false;
};

OpenSource Opens(int entries) {
  return [entries]() -> absl::StatusOr<std::unique_ptr<Source>> {
    return std::make_unique<MixedSource>(entries);
  };
}

std::unique_ptr<Layout> Filled(std::string_view name, int entries) {
  std::unique_ptr<Layout> layout = MakeLayout(name);
  EXPECT_TRUE(LoadAll(Opens(entries), *layout).ok());
  return layout;
}

void ExpectExact(const MemoryState& memory) {
  EXPECT_EQ(memory.total_bytes, memory.allocated_bytes);
  EXPECT_LE(memory.used_bytes, memory.total_bytes);
  EXPECT_GT(memory.rss_bytes, 0u);
}

// All that a plan says, as plain values.
using Planned = std::vector<std::tuple<std::string, std::string, std::vector<std::string>>>;

Planned ContentOf(const EntryPlan& plan) {
  Planned planned;
  for (const EntryPlan::Entry& entry : plan.entries()) {
    std::vector<std::string> records;
    for (std::uint64_t i = 0; i < entry.record_count; ++i) {
      std::map<std::uint32_t, std::string> by_rank;
      for (const EntryPlan::PairShape& pair : plan.record(entry.first_record + i)) {
        by_rank[pair.rank] =
            absl::StrCat(std::string(plan.key(pair.key_number)), ":", pair.value_size_bytes, " ");
      }
      records.emplace_back();
      for (const auto& [rank, text] : by_rank) records.back() += text;
    }
    planned.emplace_back(entry.outer, entry.inner, records);
  }
  return planned;
}

TEST(EntryPlan, IsTheSameForEveryLayout) {
  std::set<Planned> plans;
  for (const std::string_view name : LayoutNames()) {
    const std::unique_ptr<Layout> layout = Filled(name, 100);
    const EntryPlan plan = EntryPlan::Make(*layout).value();
    plan.LeaveResidentMemory();  // and is as it was
    plans.insert(ContentOf(plan));
    EXPECT_EQ(plan.pair_count(), layout->counts().pairs);
    EXPECT_THAT(plan.outers(), testing::SizeIs(layout->counts().outers));
    EXPECT_THAT(plan.outers(), testing::Contains("no entries"));
  }
  ASSERT_EQ(plans.size(), 1u);
  const Planned& plan = *plans.begin();
  EXPECT_EQ(plan.size(), 102u);
  EXPECT_THAT(plan, testing::Contains(Planned::value_type("odd", "no records", {})));
  EXPECT_THAT(plan,
              testing::Contains(Planned::value_type("odd", "mixed", {"", "a:5000 m:1 z:0 "})));
  EXPECT_FALSE(std::is_sorted(plan.begin(), plan.end())) << "the order is that of hashes";
}

TEST(EntryPlan, OfNothingIsEmpty) {
  const EntryPlan plan = EntryPlan::Make(*MakeLayout("std_map")).value();
  EXPECT_TRUE(plan.entries().empty());
  EXPECT_TRUE(plan.outers().empty());
}

TEST(EntryPlan, IsNotInTheFiguresOfTheProcess) {
  const std::unique_ptr<Layout> layout = Filled("packed", 20'000);
  const EntryPlan plan = EntryPlan::Make(*layout).value();
  const std::uint64_t with_bytes = ResidentBytes(Trim::kYes).value();
  plan.LeaveResidentMemory();
  const std::uint64_t without_bytes = ResidentBytes(Trim::kYes).value();
  // Its pairs and its entries alone.
  const std::uint64_t plan_bytes =
      plan.pair_count() * sizeof(EntryPlan::PairShape) + plan.entries().size_bytes();
  EXPECT_GT(with_bytes, without_bytes + plan_bytes / 2);
  EXPECT_EQ(plan.entries().size(), 20'002u);
}

TEST(FreshLists, HaveTheShapeOfTheirEntryAndTextsOfTheirSeeds) {
  const std::unique_ptr<Layout> layout = Filled("packed", 0);
  const EntryPlan plan = EntryPlan::Make(*layout).value();
  const auto mixed = std::find_if(plan.entries().begin(), plan.entries().end(),
                                  [](const auto& entry) { return entry.inner == "mixed"; });
  ASSERT_NE(mixed, plan.entries().end());
  FreshLists lists(plan);
  std::vector<std::uint32_t> ranks;
  for (int i = 0; i < 2; ++i) {
    lists.Add(*mixed, [&](std::uint64_t index, std::uint32_t rank, std::uint32_t) {
      ranks.push_back(rank);
      return 10 * index + rank;
    });
  }
  EXPECT_THAT(ranks, testing::ElementsAre(0, 1, 2, 0, 1, 2));
  const RecordsView first = lists[0].records;
  const RecordsView second = lists[1].records;
  ASSERT_EQ(first.size(), 2u);
  EXPECT_TRUE(first[0].empty());
  ASSERT_EQ(first[1].size(), 3u);
  EXPECT_EQ(first[1][0].key, "z");
  EXPECT_EQ(first[1][0].value, "");
  EXPECT_EQ(first[1][1].key, "a");
  EXPECT_EQ(first[1][1].value.size(), 5000u);
  EXPECT_NE(first[1][1].value.substr(0, 10), first[1][1].value.substr(10, 10));
  EXPECT_EQ(first[1][2].value.size(), 1u);
  EXPECT_TRUE(std::equal(first[1].begin(), first[1].end(), second[1].begin()));
}

// Values that are short enough to stand in their string's own object.
TEST(FreshLists, KeepTheirTextsWhileOthersAreAdded) {
  const std::unique_ptr<Layout> layout = MakeLayout("std_map");
  ASSERT_TRUE(layout->Put("o", "i", Records{{{"k", "short"}}}).ok());
  const EntryPlan plan = EntryPlan::Make(*layout).value();
  FreshLists lists(plan);
  std::vector<std::string> texts;
  while (!lists.full()) {
    lists.Add(plan.entries()[0],
              [&](std::uint64_t, std::uint32_t, std::uint32_t) { return texts.size(); });
    texts.emplace_back(lists[texts.size()].records.view()[0][0].value);
  }
  EXPECT_THAT(std::set(texts.begin(), texts.end()), testing::SizeIs(testing::Gt(200u)));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(lists[i].records.view()[0][0].value, texts[i]);
  }
}

TEST(Latencies, QuantilesAreWithinABucketAndTheMaximumIsExact) {
  Latencies latencies;
  EXPECT_EQ(latencies.QuantileNs(0.5), 0u);
  for (std::uint64_t i = 1; i <= 100'000; ++i) latencies.Add(i * 100);
  for (const double share : {0.0001, 0.1, 0.5, 0.99, 0.999}) {
    const auto exact = static_cast<double>(share * 100'000 * 100);
    EXPECT_GE(static_cast<double>(latencies.QuantileNs(share)), exact - 0.5) << share;
    EXPECT_LE(static_cast<double>(latencies.QuantileNs(share)), exact * (1 + 1.0 / 64)) << share;
  }
  EXPECT_EQ(latencies.QuantileNs(1), 10'000'000u);
  EXPECT_EQ(latencies.max_ns(), 10'000'000u);
  EXPECT_EQ(latencies.count(), 100'000u);
  latencies.Add(~std::uint64_t{0});
  EXPECT_EQ(latencies.QuantileNs(1), ~std::uint64_t{0});
}

TEST(Churn, KeepsTheShapeOfEveryLayoutAlike) {
  std::set<std::string> digests;
  std::set<std::string> round_digests;
  for (const std::string_view name : LayoutNames()) {
    SCOPED_TRACE(std::string(name));
    const absl::StatusOr<ChurnMeasurement> churn =
        MeasureChurn(name, Opens(300), {.times = 3, .rounds = 2});
    ASSERT_TRUE(churn.ok()) << churn.status();
    ExpectExact(churn->memory_before);
    ExpectExact(churn->memory_after);
    EXPECT_EQ(churn->content_after.counts, churn->content_before.counts);
    EXPECT_EQ(churn->content_after.shape_digest, churn->content_before.shape_digest);
    EXPECT_NE(churn->content_after.digest, churn->content_before.digest);
    digests.insert(churn->content_after.digest);
    round_digests.insert(churn->digest_after_rounds);
    EXPECT_GE(churn->pairs_written, 3 * churn->content_before.counts.pairs);
    EXPECT_LT(churn->pairs_written, 3 * churn->content_before.counts.pairs + 10);
    EXPECT_GT(churn->writes, 600u);
    EXPECT_GT(churn->wall_seconds, 0);
    EXPECT_GT(churn->cpu_seconds, 0);
    EXPECT_LE(churn->put_p50_us, churn->put_p99_us);
    EXPECT_LE(churn->put_p99_us, churn->put_p999_us);
    EXPECT_LE(churn->put_p999_us, churn->put_max_us);
    ASSERT_EQ(churn->rounds.size(), 2u);
    EXPECT_EQ(churn->rounds[0].round, 0u);
    EXPECT_EQ(churn->rounds[1].round, 2u);
    ExpectExact(churn->rounds[1].memory);
  }
  EXPECT_EQ(digests.size(), 1u);
  EXPECT_EQ(round_digests.size(), 1u);
  EXPECT_NE(round_digests, digests);
}

// How often each value of some length stands there.
class ValueCounter final : public ContentVisitor {
 public:
  void OnOuter(std::string_view) override {}
  void OnEntry(std::string_view) override {}
  void OnRecord() override {}
  void OnPair(std::string_view, std::string_view value) override {
    if (value.size() >= 10) ++counts[std::string(value)];
  }
  std::map<std::string, int> counts;
};

TEST(Churn, ARoundsValuesAreNewAndStandInTwoPlaces) {
  const std::unique_ptr<Layout> layout = Filled("packed", 2000);
  const EntryPlan plan = EntryPlan::Make(*layout).value();
  std::set<std::string> met;
  for (std::uint64_t round = 0; round < 3; ++round) {
    ASSERT_TRUE(OverwriteAll(plan, round, *layout).ok());
    ValueCounter values;
    layout->Visit(values);
    int twice = 0;
    for (const auto& [value, count] : values.counts) {
      EXPECT_LE(count, 2);
      twice += count == 2 ? 1 : 0;
      EXPECT_TRUE(met.insert(value).second) << value << " was there in an earlier round";
    }
    // Six lengths, each of which may end within a block.
    EXPECT_GT(twice, 3900);
    EXPECT_GE(twice + 6 * 4, static_cast<int>(values.counts.size()));
  }
}

TEST(Churn, OfNoPairsWritesEntriesAndOfNothingWritesNothing) {
  const OpenSource nothing = []() -> absl::StatusOr<std::unique_ptr<Source>> {
    class Empty final : public Source {
      absl::Status Read(Batch*) override { return absl::OkStatus(); }
      std::string name() const override { return "empty"; }
      SourceProgress progress() const override { return {}; }
    };
    return std::make_unique<Empty>();
  };
  const ChurnMeasurement churn = MeasureChurn("packed", nothing, {.rounds = 1}).value();
  EXPECT_EQ(churn.writes, 0u);
  EXPECT_EQ(churn.CpuNsPerWrite(), std::nullopt);
  EXPECT_EQ(churn.content_after, churn.content_before);
}

TEST(Churn, GrowthIsTakenFromTheSampleAfterTheWarmUp) {
  const auto sample = [](std::uint64_t round, std::uint64_t bytes, std::int64_t rss) {
    return ChurnSample{.round = round, .memory = {.total_bytes = bytes, .rss_delta_bytes = rss}};
  };
  std::vector<ChurnSample> rounds = {sample(0, 10, 10), sample(10, 500, 500)};
  EXPECT_EQ(TotalGrowthPercentPerRound(rounds), std::nullopt);
  rounds.push_back(sample(20, 1000, 0));
  EXPECT_EQ(TotalGrowthPercentPerRound(rounds), std::nullopt);
  rounds.push_back(sample(30, 900, 5));
  rounds.push_back(sample(35, 1300, 10));
  EXPECT_DOUBLE_EQ(TotalGrowthPercentPerRound(rounds).value(), 2.0);
  EXPECT_EQ(RssGrowthPercentPerRound(rounds), std::nullopt);
  rounds[2].memory.rss_delta_bytes = 20;
  EXPECT_DOUBLE_EQ(RssGrowthPercentPerRound(rounds).value(), -50.0 / 15);
}

TEST(Reclaim, LeavesTheSameInEveryLayoutAndInAFreshLoad) {
  for (const double share : {0.0, 0.3, 1.0}) {
    SCOPED_TRACE(share);
    std::set<std::string> digests;
    for (const std::string_view name : LayoutNames()) {
      SCOPED_TRACE(std::string(name));
      const absl::StatusOr<ReclaimMeasurement> reclaim = MeasureReclaim(name, Opens(300), share);
      ASSERT_TRUE(reclaim.ok()) << reclaim.status();
      for (const MemoryState& memory :
           {reclaim->empty, reclaim->loaded, reclaim->deleted, reclaim->released.memory,
            reclaim->reserved, reclaim->shrunk}) {
        ExpectExact(memory);
      }
      // A thousand times the entries is much to see, however few the outers.
      constexpr std::uint64_t kReserved = kReserveTimes * 302;
      EXPECT_EQ(reclaim->reserve_times, kReserveTimes);
      const std::uint64_t released_bytes = reclaim->released.memory.total_bytes;
      if (name == "flat_hash_map" || name == "std_unordered_map") {
        EXPECT_GE(reclaim->reserved.total_bytes, released_bytes + kReserved * sizeof(void*));
        EXPECT_LT(reclaim->shrunk.total_bytes, released_bytes + 4096);
      } else if (name == "interned") {  // takes the hint and cannot shrink
        EXPECT_GE(reclaim->reserved.total_bytes, released_bytes + kReserved * sizeof(void*));
        EXPECT_EQ(reclaim->shrunk.total_bytes, reclaim->reserved.total_bytes);
      } else {  // has nothing to reserve
        EXPECT_EQ(reclaim->reserved.total_bytes, released_bytes);
        EXPECT_EQ(reclaim->shrunk.total_bytes, released_bytes);
      }
      EXPECT_EQ(reclaim->loaded_counts.entries, 302u);
      EXPECT_EQ(reclaim->deletion.entries, static_cast<std::uint64_t>(302 * share + 0.5));
      EXPECT_EQ(reclaim->released.counts.entries, 302 - reclaim->deletion.entries);
      EXPECT_EQ(reclaim->released.counts.outers, share < 1 ? reclaim->loaded_counts.outers : 0u);
      const absl::StatusOr<Remainder> fresh = MeasureRemainder(name, Opens(300), reclaim->deletion);
      ASSERT_TRUE(fresh.ok()) << fresh.status();
      ExpectExact(fresh->memory);
      EXPECT_EQ(fresh->counts, reclaim->released.counts);
      EXPECT_EQ(fresh->digest, reclaim->released.digest);
      digests.insert(fresh->digest);
    }
    EXPECT_EQ(digests.size(), 1u);
  }
}

TEST(Reclaim, NoSuchLayoutIsInvalid) {
  EXPECT_TRUE(absl::IsInvalidArgument(MeasureReclaim("no such", Opens(1), 1).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(MeasureRemainder("no such", Opens(1), {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(MeasureChurn("no such", Opens(1)).status()));
}

}  // namespace
}  // namespace strata
