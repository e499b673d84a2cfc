// The apply loop: all or nothing into an empty target, whole entries into another.
#include <strata/load.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "loader/outer_set.h"
#include "tests/loader/json_reference.h"

namespace strata {
namespace {

using ::testing::HasSubstr;
using Kind = Change::Kind;

struct Step {
  Kind kind;
  std::string outer;
  std::string inner = {};
  std::string record = {};  // the value of its one pair; empty: none
};

// Gives a batch a list of steps; then the status, or the end.
class ScriptedSource final : public Source {
 public:
  ScriptedSource(std::vector<std::vector<Step>> batches, absl::Status last)
      : batches_(std::move(batches)), last_(std::move(last)) {}

  absl::Status Read(Batch* batch) override {
    if (next_ == batches_.size()) return last_;
    for (const Step& step : batches_[next_]) {
      if (step.kind == Kind::kPutEntry || step.kind == Kind::kAppendEntry) {
        if (step.kind == Kind::kPutEntry) {
          batch->BeginEntry(step.outer, step.inner);
        } else {
          batch->BeginPart(step.outer, step.inner, 2);
        }
        if (!step.record.empty()) {
          batch->BeginRecord();
          batch->AddPair("k", step.record);
        }
        batch->EndEntry();
      } else if (step.kind == Kind::kDeleteEntry) {
        batch->AddDeleteEntry(step.outer, step.inner);
      } else {
        batch->AddOuterChange(step.kind, step.outer);
      }
    }
    ++next_;
    // An error comes with the entries before it.
    return next_ == batches_.size() && !last_.ok() ? last_ : absl::OkStatus();
  }
  std::string name() const override { return "script"; }
  SourceProgress progress() const override { return {.bytes_read = next_}; }
  void GiveParts() override { may_give_parts_ = true; }
  bool may_give_parts() const { return may_give_parts_; }

 private:
  std::vector<std::vector<Step>> batches_;
  absl::Status last_;
  std::size_t next_ = 0;
  bool may_give_parts_ = false;
};

const std::vector<std::vector<Step>> kTwoBatches = {
    {{Kind::kOpenOuter, "a"}, {Kind::kPutEntry, "a", "x"}},
    {{Kind::kPutEntry, "a", "y"}, {Kind::kOpenOuter, "b"}, {Kind::kPutEntry, "b", "x"}},
};

TEST(Load, AppliesAllChangesAndReportsProgress) {
  ScriptedSource source(kTwoBatches, absl::OkStatus());
  ContentTarget target;
  std::vector<std::uint64_t> applied;
  LoadOptions options;
  options.on_progress = [&](const LoadProgress& p) { applied.push_back(p.entries_applied); };
  const absl::StatusOr<LoadProgress> loaded = Load(source, target, options);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->entries_applied, 3U);
  EXPECT_EQ(loaded->source.bytes_read, 2U);
  EXPECT_EQ(applied, (std::vector<std::uint64_t>{1, 3, 3}));
  const Content expected{{"a", {{"x", {}}, {"y", {}}}}, {"b", {{"x", {}}}}};
  EXPECT_EQ(target.content, expected);
}

TEST(Load, AnErrorLeavesAnEmptyTargetEmpty) {
  ScriptedSource source(kTwoBatches, absl::InvalidArgumentError("bad byte"));
  ContentTarget target;
  const absl::StatusOr<LoadProgress> loaded = Load(source, target);
  EXPECT_EQ(loaded.status(), absl::InvalidArgumentError("bad byte"));
  EXPECT_TRUE(target.content.empty());
}

TEST(Load, AnErrorLeavesWholeEntriesInAnotherTargetAndSaysHowMany) {
  ScriptedSource source(kTwoBatches, absl::InvalidArgumentError("bad byte"));
  ContentTarget target;
  target.content["old"];
  const absl::StatusOr<LoadProgress> loaded = Load(source, target);
  EXPECT_EQ(loaded.status().message(), "bad byte; 3 entries before it are loaded and stay");
  EXPECT_EQ(target.content.size(), 3U);
}

TEST(Load, AnOuterOpenedAgainReplacesWhatTheSameLoadBrought) {
  const std::vector<std::vector<Step>> steps = {
      {{Kind::kOpenOuter, "a"}, {Kind::kPutEntry, "a", "x"}},
      {{Kind::kOpenOuter, "a"}, {Kind::kPutEntry, "a", "y"}}};
  const Content expected{{"a", {{"y", {}}}}};
  ContentTarget empty;
  ScriptedSource source(steps, absl::OkStatus());
  ASSERT_TRUE(Load(source, empty).ok());
  EXPECT_EQ(empty.content, expected);
}

TEST(Load, AnOuterOpenedAgainKeepsWhatTheTargetHeldBefore) {
  ContentTarget target;
  target.content["a"]["old"];
  target.content["a"]["named"] = {{{"k", "before"}}};
  // The second opening takes back what the first brought and no more; what the first one replaced
  // ("named") cannot come back.
  ScriptedSource source(
      {{{Kind::kOpenOuter, "a"}, {Kind::kPutEntry, "a", "x"}, {Kind::kPutEntry, "a", "named"}},
       {{Kind::kOpenOuter, "a"}, {Kind::kPutEntry, "a", "y"}}},
      absl::OkStatus());
  ASSERT_TRUE(Load(source, target).ok());
  EXPECT_EQ(target.content, (Content{{"a", {{"old", {}}, {"y", {}}}}}));
  EXPECT_EQ(target.deleted_outers, 0);
  // Nor does another load take back what this one brought.
  ScriptedSource next({{{Kind::kOpenOuter, "a"}, {Kind::kOpenOuter, "a"}}}, absl::OkStatus());
  ASSERT_TRUE(Load(next, target).ok());
  EXPECT_EQ(target.content, (Content{{"a", {{"old", {}}, {"y", {}}}}}));
}

TEST(Load, AnErrorCountsTheEntriesThatReallyStay) {
  const auto error_after = [](std::vector<Step> steps) {
    ScriptedSource source({std::move(steps)}, absl::InvalidArgumentError("bad byte"));
    ContentTarget target;
    target.content["a"]["old"];
    return std::string(Load(source, target).status().message());
  };
  const Step open{Kind::kOpenOuter, "a"};
  const Step put_x{Kind::kPutEntry, "a", "x"};
  const Step put_y{Kind::kPutEntry, "a", "y"};
  EXPECT_THAT(error_after({open, put_x, put_x}), HasSubstr("; 1 entry before it is loaded"));
  EXPECT_THAT(error_after({open, put_x, put_y, open}), HasSubstr("; 0 entries before it are"));
  EXPECT_THAT(error_after({open, put_x, put_y, open, put_y}), HasSubstr("; 1 entry before it is"));
  EXPECT_THAT(error_after({put_x, put_y, {Kind::kDeleteEntry, "a", "x"}}),
              HasSubstr("; 1 entry before it is"));
  EXPECT_THAT(error_after({{Kind::kDeleteEntry, "a", "old"}}), HasSubstr("; 0 entries before it"));
  EXPECT_THAT(error_after({put_x, {Kind::kDeleteOuter, "a"}, {Kind::kPutEntry, "b", "x"}}),
              HasSubstr("; 1 entry before it is"));
}

TEST(Load, ARootGivenAgainReplacesTheLoadInAnEmptyTargetOnly) {
  const std::vector<std::vector<Step>> steps = {{{Kind::kOpenOuter, "a"}},
                                                {{Kind::kDropAll, ""}, {Kind::kOpenOuter, "b"}}};
  ContentTarget target;
  ScriptedSource source(steps, absl::OkStatus());
  ASSERT_TRUE(Load(source, target).ok());
  EXPECT_EQ(target.content, (Content{{"b", {}}}));
  ScriptedSource again(steps, absl::OkStatus());
  EXPECT_THAT(Load(again, target).status().ToString(), HasSubstr("gives its root again"));
}

TEST(Load, AppliesDeletions) {
  ContentTarget target;
  target.content["a"]["x"];
  target.content["a"]["y"];
  target.content["b"];
  ScriptedSource source({{{Kind::kDeleteEntry, "a", "x"}, {Kind::kDeleteOuter, "b"}}},
                        absl::OkStatus());
  ASSERT_TRUE(Load(source, target).ok());
  EXPECT_EQ(target.content, (Content{{"a", {{"y", {}}}}}));
}

TEST(Load, StopsWhenAskedTo) {
  ScriptedSource source(kTwoBatches, absl::OkStatus());
  ContentTarget target;
  LoadOptions options;
  options.should_stop = [] { return true; };
  const absl::StatusOr<LoadProgress> loaded = Load(source, target, options);
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(target.content.empty());
}

TEST(Load, NoExceptionLeavesIt) {
  ScriptedSource source(kTwoBatches, absl::OkStatus());
  ContentTarget target;
  LoadOptions options;
  options.on_progress = [](const LoadProgress&) { throw std::bad_alloc(); };
  EXPECT_EQ(Load(source, target, options).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(target.content.empty());
  options.on_progress = [](const LoadProgress&) { throw std::runtime_error("mine"); };
  EXPECT_EQ(Load(source, target, options).status().code(), absl::StatusCode::kInternal);
}

class RefusingTarget final : public Target {
 public:
  bool empty() const override { return false; }
  bool HasOuter(std::string_view) const override { return false; }
  absl::Status Put(std::string_view, std::string_view, const RecordsView&) override {
    return absl::ResourceExhaustedError("full");
  }
  absl::Status PutOuter(std::string_view) override { return absl::OkStatus(); }
  bool Delete(std::string_view, std::string_view) override { return false; }
  bool DeleteOuter(std::string_view) override { return false; }
  void Clear() override {}
};

TEST(Load, NamesTheEntryThatTheTargetRefuses) {
  ScriptedSource source(kTwoBatches, absl::OkStatus());
  RefusingTarget target;
  EXPECT_EQ(Load(source, target).status().message(),
            "script: outer \"a\", inner \"x\": full; 0 entries before it are loaded and stay");
}

TEST(Load, FillsACache) {
  absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  ScriptedSource source(kTwoBatches, absl::OkStatus());
  ASSERT_TRUE(Load(source, *cache).ok());
  EXPECT_EQ(cache->counts(), (Counts{.outers = 2, .entries = 3}));
  const std::unique_ptr<Target> target = MakeTarget(*cache);
  EXPECT_TRUE(target->HasOuter("b"));
  target->Clear();
  EXPECT_TRUE(target->empty());
}

const std::vector<std::vector<Step>> kParts = {
    {{Kind::kPutEntry, "a", "x", "early"}},
    {{Kind::kPutEntry, "a", "x", "1"}, {Kind::kAppendEntry, "a", "x", "2"}},
    {{Kind::kAppendEntry, "a", "x", "3"}, {Kind::kPutEntry, "a", "y", "4"}},
};

TEST(Load, PutsAnEntryTogetherThatComesInParts) {
  absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  ScriptedSource source(kParts, absl::OkStatus());
  const absl::StatusOr<LoadProgress> loaded = Load(source, *cache);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(source.may_give_parts());
  EXPECT_EQ(loaded->entries_applied, 3u);  // each part is no entry
  const ReadGuard guard(*cache);
  ASSERT_EQ(guard.Get("a", "x").record_count(), 3u);
  for (const std::size_t i : {0u, 1u, 2u}) {
    EXPECT_EQ(guard.Find("a", "x", i, "k").value(), std::to_string(i + 1));
  }
}

TEST(Load, NothingStaysOfAnEntryWhoseLastPartsDidNotCome) {
  absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  ScriptedSource source({kParts[0], kParts[1]}, absl::UnavailableError("gone"));
  EXPECT_EQ(Load(source, *cache).status(), absl::UnavailableError("gone"));
  EXPECT_EQ(cache->counts(), Counts{});
}

TEST(Load, AsksForPartsOnlyWhereNothingStaysOfALoadThatFailsAndPartsCanBeAppended) {
  absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  ASSERT_TRUE(cache->PutOuter("before").ok());
  ScriptedSource into_another(kTwoBatches, absl::OkStatus());
  ASSERT_TRUE(Load(into_another, *cache).ok());
  EXPECT_FALSE(into_another.may_give_parts());
  ScriptedSource into_whole_entries(kTwoBatches, absl::OkStatus());
  ContentTarget target;
  ASSERT_TRUE(Load(into_whole_entries, target).ok());
  EXPECT_FALSE(into_whole_entries.may_give_parts());
}

TEST(OuterSet, HashesAsTheReferenceSipHash) {
  // The first two vectors of the reference implementation, key 00 01 .. 0f.
  const Hash128 key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  EXPECT_EQ(SipHash128(key, ""), (Hash128{0xe6a825ba047f81a3U, 0x930255c71472f66dU}));
  EXPECT_EQ(SipHash128(key, std::string_view("\0", 1)),
            (Hash128{0x44af996bd8c187daU, 0x45fc229b11597634U}));
}

TEST(OuterSet, KnowsWhatItHasMet) {
  OuterSet set;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 20000; ++i) EXPECT_EQ(set.Insert(std::to_string(i)), round == 0);
  }
  EXPECT_EQ(set.size(), 20000U);
  set.Clear();
  EXPECT_TRUE(set.Insert("0"));
}

}  // namespace
}  // namespace strata
