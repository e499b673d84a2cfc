// How content is handed in: Records, RecordsView and UniqueKeys.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/kit/draws.h"
#include "tests/kit/model.h"
#include "tests/kit/operation.h"

#include <strata/record.h>

namespace strata {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Pair> Copy(RecordView record) { return {record.begin(), record.end()}; }

TEST(RecordsView, IsEmptyByDefault) {
  EXPECT_EQ(RecordsView().size(), 0U);
  EXPECT_EQ(RecordsView().pair_count(), 0U);
}

TEST(RecordsView, CutsOneArrayIntoRecords) {
  const std::vector<Pair> pairs = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  const std::vector<std::size_t> ends = {0, 2, 2, 3};
  const RecordsView view(pairs, ends);
  ASSERT_EQ(view.size(), 4U);
  EXPECT_EQ(view.pair_count(), 3U);
  EXPECT_THAT(Copy(view[0]), IsEmpty());
  EXPECT_THAT(Copy(view[1]), ElementsAre(Pair{"a", "1"}, Pair{"b", "2"}));
  EXPECT_THAT(Copy(view[2]), IsEmpty());
  EXPECT_THAT(Copy(view[3]), ElementsAre(Pair{"c", "3"}));
}

TEST(Records, AreBuiltFromAList) {
  const Records records = {{{"123", "abc"}}, {}, {{"456", "def"}, {"7", ""}}};
  const RecordsView view = records;
  ASSERT_EQ(view.size(), 3U);
  EXPECT_THAT(Copy(view[0]), ElementsAre(Pair{"123", "abc"}));
  EXPECT_THAT(Copy(view[1]), IsEmpty());
  EXPECT_THAT(Copy(view[2]), ElementsAre(Pair{"456", "def"}, Pair{"7", ""}));
}

TEST(Records, AreBuiltPairByPair) {
  Records records;
  records.BeginRecord();
  records.AddPair("a", "1");
  records.AddPair("b", "2");
  records.BeginRecord();
  records.Add(std::vector<Pair>{{"c", "3"}});
  ASSERT_EQ(records.view().size(), 3U);
  EXPECT_THAT(Copy(records.view()[0]), ElementsAre(Pair{"a", "1"}, Pair{"b", "2"}));
  EXPECT_THAT(Copy(records.view()[1]), IsEmpty());
  EXPECT_THAT(Copy(records.view()[2]), ElementsAre(Pair{"c", "3"}));
  records.Clear();
  EXPECT_EQ(records.view().size(), 0U);
  records.BeginRecord();
  EXPECT_THAT(Copy(records.view()[0]), IsEmpty());
}

TEST(UniqueKeys, IsTheRecordItselfWhereNoKeyRepeats) {
  for (const int size : {0, 1, 2, 16, 17, 100}) {
    std::vector<std::string> keys;
    for (int i = 0; i < size; ++i) keys.push_back("key " + std::to_string((i * 7) % 101));
    std::vector<Pair> record;
    for (const std::string& key : keys) record.push_back({key, "v"});
    std::vector<Pair> scratch;
    const RecordView unique = UniqueKeys(record, &scratch);
    EXPECT_EQ(unique.data(), record.data()) << size;
    EXPECT_EQ(unique.size(), record.size());
  }
}

TEST(UniqueKeys, TakesNoScratchForSmallRecordsWithoutRepeats) {
  const std::vector<Pair> record = {{"a", "1"}, {"b", "1"}, {"", "1"}};
  std::vector<Pair> scratch;
  UniqueKeys(record, &scratch);
  EXPECT_EQ(scratch.capacity(), 0U);
}

TEST(UniqueKeys, LeavesTheRecordItIsGivenAsItWas) {
  const std::vector<Pair> record = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
  const std::vector<Pair> before = record;
  std::vector<Pair> scratch = {{"rubbish", "of the last call"}};
  EXPECT_THAT(Copy(UniqueKeys(record, &scratch)), ElementsAre(Pair{"a", "3"}, Pair{"b", "2"}));
  EXPECT_EQ(record, before);
}

TEST(UniqueKeys, DoesWhatTheObviousWayDoes) {
  kit::RandomDraws draws(7);
  std::vector<Pair> scratch;
  for (int round = 0; round < 5000; ++round) {
    kit::OwnedRecord record;
    const std::size_t size = draws.Below(round % 10 == 0 ? 200 : 24);
    const std::size_t different = 1 + draws.Below(round % 3 == 0 ? 5 : 60);
    for (std::size_t i = 0; i < size; ++i) {
      record.emplace_back(std::string(draws.Below(different), 'k'), std::to_string(i));
    }
    const std::vector<Pair> views = kit::ViewOf(record);
    const kit::OwnedRecord expected = kit::NaiveUniqueKeys(record);
    EXPECT_EQ(Copy(UniqueKeys(views, &scratch)), kit::ViewOf(expected)) << "round " << round;
  }
}

}  // namespace
}  // namespace strata
