// The kit is only worth what it catches: layouts that are wrong in one known way each must be
// found out, and the sequence that shows it must come out small.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "bench/baselines/layout.h"
#include "tests/kit/draws.h"
#include "tests/kit/footprint_law.h"
#include "tests/kit/generator.h"
#include "tests/kit/model.h"
#include "tests/kit/operation.h"
#include "tests/kit/run_sequence.h"

namespace strata::kit {
namespace {

using Kind = Operation::Kind;

enum class Lie {
  kNone,
  kDropsUpdates,         // UpdateRecord says OK and does nothing
  kDropsThirdRecord,     // Put loses every record behind the second
  kForgetsEmptyOuters,   // deleting an outer's last entry deletes the outer
  kWrongStatus,          // RemoveRecord behind the end says NotFound
  kDropsRepeatedValue,   // of equal keys the first value wins
  kSharesNothingOnRead,  // Lookup gives the value without its last byte
  kKeepsEmptyEntries,    // Delete says it deleted an entry without records, and does not
  kLosesBytes,           // the walk overlooks a layer
  kHoldsOntoMemory,      // Clear leaves one outer's worth of memory behind
};

// A true layout, and one lie told over it.
class LyingLayout : public Layout {
 public:
  explicit LyingLayout(Lie lie) : truth_(MakeLayout("flat_hash_map")), lie_(lie) {}

  std::string_view name() const override { return "lying"; }
  bool keeps_key_order() const override { return truth_->keeps_key_order(); }
  bool empty() const override { return truth_->empty(); }
  bool HasOuter(std::string_view outer) const override { return truth_->HasOuter(outer); }

  absl::Status Put(std::string_view outer, std::string_view inner,
                   const RecordsView& records) override {
    Records told;
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (lie_ == Lie::kDropsThirdRecord && i >= 2) break;
      told.Add(records[i]);
    }
    return truth_->Put(outer, inner, told);
  }
  absl::Status PutOuter(std::string_view outer) override { return truth_->PutOuter(outer); }
  absl::Status Append(std::string_view outer, std::string_view inner, RecordView record) override {
    if (lie_ != Lie::kDropsRepeatedValue) return truth_->Append(outer, inner, record);
    std::vector<Pair> told;
    for (const Pair& pair : record) {
      bool seen = false;
      for (const Pair& earlier : told) seen = seen || earlier.key == pair.key;
      if (!seen) told.push_back(pair);
    }
    return truth_->Append(outer, inner, told);
  }
  absl::Status UpdateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record) override {
    if (lie_ != Lie::kDropsUpdates) return truth_->UpdateRecord(outer, inner, index, record);
    // Inserted behind it and taken back: nothing changes, and the errors are the very same.
    const absl::Status would = truth_->InsertRecord(outer, inner, index + 1, record);
    if (would.ok()) return truth_->RemoveRecord(outer, inner, index + 1);
    return would;
  }
  absl::Status InsertRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record) override {
    return truth_->InsertRecord(outer, inner, index, record);
  }
  absl::Status RemoveRecord(std::string_view outer, std::string_view inner,
                            std::size_t index) override {
    absl::Status status = truth_->RemoveRecord(outer, inner, index);
    if (lie_ == Lie::kWrongStatus && absl::IsOutOfRange(status)) return absl::NotFoundError("lie");
    return status;
  }
  bool Delete(std::string_view outer, std::string_view inner) override {
    if (lie_ == Lie::kKeepsEmptyEntries &&
        absl::IsOutOfRange(truth_->RemoveRecord(outer, inner, ~std::size_t{0}))) {
      const Counts before = truth_->counts();
      truth_->Delete(outer, inner);
      if (truth_->counts().records == before.records) {
        EXPECT_TRUE(truth_->Put(outer, inner, {}).ok());
      }
      return true;
    }
    const bool found = truth_->Delete(outer, inner);
    if (lie_ == Lie::kForgetsEmptyOuters && found && !HasEntries(outer)) {
      truth_->DeleteOuter(outer);
    }
    return found;
  }
  bool DeleteOuter(std::string_view outer) override { return truth_->DeleteOuter(outer); }
  void Clear() override {
    truth_->Clear();
    if (lie_ == Lie::kHoldsOntoMemory) kept_ = 64;
  }

  bool Lookup(const LookupKey& key,
              absl::FunctionRef<void(std::string_view value)> use) const override {
    return truth_->Lookup(key, [&](std::string_view value) {
      if (lie_ == Lie::kSharesNothingOnRead && !value.empty()) value.remove_suffix(1);
      use(value);
    });
  }
  bool VisitEntry(std::string_view outer, std::string_view inner,
                  ContentVisitor& visitor) const override {
    return truth_->VisitEntry(outer, inner, visitor);
  }
  void Visit(ContentVisitor& visitor) const override { truth_->Visit(visitor); }
  Counts counts() const override { return truth_->counts(); }
  Footprint MeasureFootprint() const override {
    Footprint footprint = truth_->MeasureFootprint();
    footprint.allocated_bytes += kept_;
    if (kept_ > 0) footprint.layers.push_back({.name = "kept", .slack_bytes = kept_});
    if (lie_ == Lie::kLosesBytes) {
      for (Layer& layer : footprint.layers) {
        if (layer.name == "records/arrays") layer = {.name = layer.name};
      }
    }
    return footprint;
  }
  DoorTotals memory() const override {
    DoorTotals totals = truth_->memory();
    totals.allocated_bytes += kept_;
    totals.total_allocated_bytes += kept_;
    return totals;
  }

 private:
  bool HasEntries(std::string_view outer) const {
    std::string fault;
    return !ReadContent(*truth_, &fault).at(std::string(outer)).empty();
  }

  std::unique_ptr<Layout> truth_;
  Lie lie_;
  std::uint64_t kept_ = 0;
};

LayoutFactory Telling(Lie lie) {
  return [lie] { return std::make_unique<LyingLayout>(lie); };
}

// The sequence of a seed, shrunk; it must fail.
std::vector<Operation> Found(Lie lie, std::uint64_t seed = 1) {
  const std::vector<Operation> operations = OperationsOfSeed(seed, 1000);
  EXPECT_TRUE(RunSequence(*Telling(lie)(), operations).has_value()) << "the lie was not found";
  return Shrink(Telling(lie), operations);
}

TEST(Kit, ATrueLayoutIsNotAccused) {
  EXPECT_EQ(CheckSeed(Telling(Lie::kNone), 1, 1000), std::nullopt);
}

TEST(Kit, ADroppedUpdateShrinksToAnEntryAndTheUpdate) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const std::vector<Operation> shrunk = Found(Lie::kDropsUpdates, seed);
    ASSERT_EQ(shrunk.size(), 2U) << ToText(shrunk);
    EXPECT_THAT(shrunk[0].kind, testing::AnyOf(Kind::kPut, Kind::kAppend));
    EXPECT_EQ(shrunk[1].kind, Kind::kUpdateRecord);
    EXPECT_EQ(shrunk[1].index, 0U);
    // Nothing is left in it that the failure does not need: one pair, of empty strings.
    EXPECT_EQ(shrunk[0].records.size(), 1U) << ToText(shrunk);
    EXPECT_EQ(shrunk[0].records[0].size() + shrunk[1].records[0].size(), 1U) << ToText(shrunk);
    EXPECT_EQ(shrunk[0].outer, shrunk[1].outer);
    EXPECT_LE(shrunk[0].outer.size() + shrunk[0].inner.size(), 4U) << ToText(shrunk);
  }
}

TEST(Kit, ALostRecordShrinksToOnePutOfThreeRecords) {
  const std::vector<Operation> shrunk = Found(Lie::kDropsThirdRecord);
  ASSERT_EQ(shrunk.size(), 1U) << ToText(shrunk);
  EXPECT_EQ(shrunk[0].records, OwnedList(3)) << ToText(shrunk);
}

TEST(Kit, ALostOuterShrinksToAnEntryAndItsDeletion) {
  const std::vector<Operation> shrunk = Found(Lie::kForgetsEmptyOuters);
  ASSERT_EQ(shrunk.size(), 2U) << ToText(shrunk);
  EXPECT_EQ(shrunk[1].kind, Kind::kDelete);
}

TEST(Kit, AWrongStatusCodeIsFound) {
  const std::vector<Operation> shrunk = Found(Lie::kWrongStatus);
  ASSERT_EQ(shrunk.size(), 2U) << ToText(shrunk);
  EXPECT_EQ(shrunk[1].kind, Kind::kRemoveRecord);
}

TEST(Kit, AWrongOneOfTwoEqualKeysIsFound) {
  const std::vector<Operation> shrunk = Found(Lie::kDropsRepeatedValue);
  ASSERT_EQ(shrunk.size(), 1U) << ToText(shrunk);
  ASSERT_EQ(shrunk[0].records.size(), 1U);
  EXPECT_EQ(shrunk[0].records[0].size(), 2U) << ToText(shrunk);
}

TEST(Kit, AWrongValueIsFound) {
  const std::vector<Operation> shrunk = Found(Lie::kSharesNothingOnRead);
  ASSERT_EQ(shrunk.size(), 2U) << ToText(shrunk);
  EXPECT_EQ(shrunk[1].kind, Kind::kLookup);
}

TEST(Kit, AnEntryThatOutlivesItsDeletionIsFound) {
  const std::vector<Operation> shrunk = Found(Lie::kKeepsEmptyEntries);
  ASSERT_EQ(shrunk.size(), 2U) << ToText(shrunk);
  EXPECT_EQ(shrunk[1].kind, Kind::kDelete);
}

TEST(Kit, BytesThatTheWalkOverlooksAreFound) {
  const std::vector<Operation> shrunk = Found(Lie::kLosesBytes);
  ASSERT_EQ(shrunk.size(), 1U) << ToText(shrunk);
}

TEST(Kit, MemoryThatClearKeepsIsFoundWithoutAnyOperation) {
  EXPECT_EQ(Found(Lie::kHoldsOntoMemory).size(), 0U);
}

TEST(Kit, AllSequencesFindWhatNeedsThreeOperations) {
  const std::vector<Operation> alphabet = {
      {.kind = Kind::kAppend, .records = {{}}},
      {.kind = Kind::kInsertRecord, .index = 1, .records = {{{"", ""}}}},
      {.kind = Kind::kRemoveRecord, .index = 1},
      {.kind = Kind::kUpdateRecord, .index = 1, .records = {{}}},
  };
  EXPECT_EQ(CheckAllSequences(Telling(Lie::kDropsUpdates), alphabet, 2), std::nullopt);
  const auto report = CheckAllSequences(Telling(Lie::kDropsUpdates), alphabet, 3);
  ASSERT_TRUE(report.has_value());
  EXPECT_THAT(*report, testing::HasSubstr("  layout->Append(\"\"sv, \"\"sv, std::vector<Pair>{});\n"
                                          "  layout->InsertRecord(\"\"sv, \"\"sv, 1, "
                                          "std::vector<Pair>{{\"\"sv, \"\"sv}});\n"
                                          "  layout->UpdateRecord(\"\"sv, \"\"sv, 1, "
                                          "std::vector<Pair>{});\n"));
}

TEST(Kit, AReportNamesTheSeedAndTheShrunkSequence) {
  const auto report = CheckSeed(Telling(Lie::kDropsThirdRecord), 7, 1000);
  ASSERT_TRUE(report.has_value());
  EXPECT_THAT(*report, testing::HasSubstr("seed 7, step "));
  EXPECT_THAT(*report, testing::HasSubstr("shrunk to 1 operations"));
  EXPECT_THAT(*report, testing::HasSubstr("Records{{}, {}, {}});"));
}

TEST(Kit, OperationsPrintAsCpp) {
  using namespace std::string_literals;
  EXPECT_EQ(ToText("a\0b\"\\"s + "1\xff"), R"("a\000b\"\\1\377"sv)");
  EXPECT_EQ(ToText("ab" + std::string(4096, 'x')), R"("ab"s + std::string(4096, 'x'))");
  EXPECT_EQ(
      ToText(Operation{.kind = Kind::kLookup, .outer = "o", .inner = "i", .index = 3, .key = "k"}),
      R"(layout->Lookup({"o"sv, "i"sv, 3, "k"sv}, use);)");
  EXPECT_EQ(ToText(Operation{
                .kind = Kind::kPut, .outer = "o", .inner = "i", .records = {{{"k", "v"}}, {}}}),
            R"(layout->Put("o"sv, "i"sv, Records{{{"k"sv, "v"sv}}, {}});)");
  EXPECT_EQ(
      ToText(Operation{.kind = Kind::kAppendRecords, .inner = "i", .index = 2, .records = {{}}}),
      R"(layout->AppendRecords(""sv, "i"sv, Records{{}}, 2);)");
}

TEST(Kit, RecordedDrawsGiveTheSameOperationsAgain) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    RecordingDraws draws(seed);
    OperationGenerator generator(&draws);
    std::vector<Operation> recorded;
    while (recorded.size() < 200) recorded.push_back(generator.Next());
    EXPECT_EQ(recorded, OperationsOfSeed(seed, 200));
    const std::vector<std::uint8_t> bytes(draws.bytes().begin(), draws.bytes().end());
    EXPECT_EQ(recorded, OperationsOfBytes(bytes, 1'000'000));
  }
}

TEST(Kit, ASequenceMeetsEveryKindAndTheAwkwardStrings) {
  const std::vector<Operation> operations = OperationsOfSeed(1, 10'000);
  std::vector<int> kinds(Operation::kKinds);
  std::size_t longest_bytes = 0;
  std::size_t largest_record = 0;
  bool empty_name = false;
  bool zero_byte = false;
  bool repeated_key = false;
  for (const Operation& operation : operations) {
    ++kinds[static_cast<std::size_t>(operation.kind)];
    empty_name = empty_name || (TakesInner(operation.kind) && operation.inner.empty());
    for (const OwnedRecord& record : operation.records) {
      largest_record = std::max(largest_record, record.size());
      repeated_key = repeated_key || NaiveUniqueKeys(record).size() < record.size();
      for (const auto& [key, value] : record) {
        longest_bytes = std::max(longest_bytes, value.size());
        zero_byte = zero_byte || value.find('\0') != std::string::npos;
      }
    }
  }
  EXPECT_THAT(kinds, testing::Each(testing::Gt(0)));
  EXPECT_EQ(largest_record, 40U);
  EXPECT_GT(longest_bytes, 4096U);
  EXPECT_TRUE(zero_byte);
  EXPECT_TRUE(repeated_key);
}

TEST(Kit, SequencesReachLargeMapsAndOutersThatLoseTheirLastEntry) {
  Model large;
  for (const Operation& operation :
       OperationsOfSeed(1, 6000, {.outers = 30, .inners = 30, .grows = true})) {
    large.Apply(operation);
  }
  EXPECT_GT(large.counts().entries, 300U);
  EXPECT_GT(large.counts().pairs, 3000U);

  Model small;
  int emptied = 0;
  for (const Operation& operation : OperationsOfSeed(1, 2000)) {
    const bool deletes = operation.kind == Kind::kDelete;
    const bool found = small.Apply(operation).found;
    if (deletes && found && small.content().at(operation.outer).empty()) ++emptied;
  }
  EXPECT_GT(emptied, 5);
}

TEST(FootprintLaw, EachWayToBreakItIsNamed) {
  const DoorTotals memory = {.allocated_bytes = 48, .total_allocated_bytes = 48, .allocations = 1};
  const Footprint lawful = {.layout = "some",
                            .layers = {{.name = "a/b", .used_bytes = 40, .slack_bytes = 8}},
                            .allocated_bytes = 48};
  EXPECT_EQ(BreachOfLaw(lawful, memory), std::nullopt);

  Footprint broken = lawful;
  broken.layers[0].used_bytes = 39;
  EXPECT_THAT(BreachOfLaw(broken, memory).value_or(""), testing::HasSubstr("the walk finds 47"));
  broken.layers[0] = {.name = "a/b", .used_bytes = 49, .slack_bytes = ~std::uint64_t{0}};
  EXPECT_THAT(BreachOfLaw(broken, memory).value_or(""), testing::HasSubstr("below zero"));
  broken = lawful;
  broken.layers.push_back({.name = "a/b"});
  EXPECT_THAT(BreachOfLaw(broken, memory).value_or(""), testing::HasSubstr("two layers"));
  broken.layers[1].name = "a";
  EXPECT_THAT(BreachOfLaw(broken, memory).value_or(""), testing::HasSubstr("no leaf"));
  broken.layers[1].name = "";
  EXPECT_THAT(BreachOfLaw(broken, memory).value_or(""), testing::HasSubstr("no path"));
  EXPECT_THAT(BreachOfLaw(lawful, {.allocated_bytes = 47}).value_or(""),
              testing::HasSubstr("memory() says 47"));
}

}  // namespace
}  // namespace strata::kit
