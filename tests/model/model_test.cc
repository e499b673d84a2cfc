// Every layout against the plain truth: random sequences, and all sequences of a few operations.
// STRATA_TEST_SEED=n runs one more seed than those that are fixed; without it the time chooses.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "bench/baselines/layout.h"
#include "tests/kit/footprint_law.h"
#include "tests/kit/run_sequence.h"
#include "tests/kit/sanitizers.h"

namespace strata::kit {
namespace {

class EveryLayout : public testing::TestWithParam<std::string_view> {
 protected:
  LayoutFactory factory() const {
    return [name = GetParam()] { return MakeLayout(name); };
  }
};

INSTANTIATE_TEST_SUITE_P(Model, EveryLayout, testing::ValuesIn(LayoutNames()),
                         [](const auto& layout) { return std::string(layout.param); });

// The seed of this run: from the environment, else from the time.
std::uint64_t SeedOfThisRun() {
  const char* const given = std::getenv("STRATA_TEST_SEED");
  std::uint64_t seed = 0;
  if (given != nullptr && absl::SimpleAtoi(given, &seed)) return seed;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(now.count()) % 1'000'000'000;
}

TEST_P(EveryLayout, AnswersAsTheModelDoesInRandomSequences) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    if (const auto report = CheckSeed(factory(), seed, 2000)) FAIL() << *report;
  }
}

TEST_P(EveryLayout, AnswersAsTheModelDoesInASequenceOfThisRunsOwnSeed) {
  const std::uint64_t seed = SeedOfThisRun();
  std::cout << "STRATA_TEST_SEED=" << seed << "\n";
  RecordProperty("seed", std::to_string(seed));
  if (const auto report = CheckSeed(factory(), seed, 2000)) FAIL() << *report;
}

TEST_P(EveryLayout, KeepsTheFootprintLawAfterEachOfTenThousandChanges) {
  const GeneratorOptions changes_only = {.outers = 8, .inners = 20, .reads = false};
  const GeneratorOptions growing = {.outers = 8, .inners = 20, .reads = false, .grows = true};
  if (const auto report = CheckSeed(factory(), 43, 10'000, growing, {.compare_every = 500})) {
    FAIL() << *report;
  }
  if (const auto report = CheckSeed(factory(), 42, 10'000, changes_only, {.compare_every = 500})) {
    FAIL() << *report;
  }
}

TEST_P(EveryLayout, AnswersAsTheModelDoesWhereTablesGrowAndShrink) {
  // Many keys, so that tables are made anew in both directions; the law at the end of each run.
  const GeneratorOptions wide = {.outers = 40, .inners = 40, .largest_list = 2};
  for (std::uint64_t seed = 100; seed < 104; ++seed) {
    const auto report =
        CheckSeed(factory(), seed, 4000, wide, {.law_each_step = false, .compare_every = 1000});
    if (report) FAIL() << *report;
  }
}

// Few strings in many parts, so that an interned string is named from several sides at once.
std::vector<Operation> TinyAlphabet() {
  using Kind = Operation::Kind;
  const OwnedRecord ab = {{"a", "b"}};
  const OwnedRecord twice = {{"b", "a"}, {"a", ""}, {"b", "new"}};
  return {
      {.kind = Kind::kPut, .outer = "a", .inner = "x", .records = {ab, {}}},
      {.kind = Kind::kPut, .outer = "a", .inner = "x", .records = {}},
      {.kind = Kind::kPut, .outer = "", .inner = "a", .records = {twice}},
      {.kind = Kind::kAppend, .outer = "a", .inner = "x", .records = {twice}},
      {.kind = Kind::kAppendRecords, .outer = "", .inner = "", .index = 3, .records = {ab, {}}},
      {.kind = Kind::kUpdateRecord, .outer = "a", .inner = "x", .records = {{{"x", "b"}}}},
      {.kind = Kind::kInsertRecord, .outer = "a", .inner = "x", .index = 1, .records = {ab}},
      {.kind = Kind::kRemoveRecord, .outer = "a", .inner = "x"},
      {.kind = Kind::kPutOuter, .outer = "a"},
      {.kind = Kind::kDelete, .outer = "a", .inner = "x"},
      {.kind = Kind::kDeleteOuter, .outer = "a"},
      {.kind = Kind::kDeleteOuter, .outer = ""},
      {.kind = Kind::kClear},
  };
}

TEST_P(EveryLayout, AnswersAsTheModelDoesInAllShortSequences) {
  // 402,233 sequences; a sanitizer makes do with 30,940.
  const std::vector<Operation> alphabet = TinyAlphabet();
  const std::size_t length = kUnderSanitizer ? 4 : 5;
  if (const auto report = CheckAllSequences(factory(), alphabet, length)) FAIL() << *report;
}

TEST_P(EveryLayout, GivesAllMemoryBackWhenItEnds) {
  const std::uint64_t before = MakeLayout(GetParam())->memory().allocated_bytes;
  {
    const std::unique_ptr<Layout> layout = MakeLayout(GetParam());
    for (const Operation& operation : OperationsOfSeed(5, 2000)) Apply(operation, *layout);
    ASSERT_GT(layout->memory().allocated_bytes, before);
  }
  // The baselines' books are shared by all of a kind: what the first one left would show here.
  const std::unique_ptr<Layout> fresh = MakeLayout(GetParam());
  EXPECT_EQ(fresh->memory().allocated_bytes, before);
  EXPECT_EQ(BreachOfLaw(fresh->MeasureFootprint(), fresh->memory()), std::nullopt);
}

}  // namespace
}  // namespace strata::kit
