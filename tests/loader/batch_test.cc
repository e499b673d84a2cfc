// A batch keeps what it was given, and gives back what it is told to drop.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <strata/source.h>

#include "absl/strings/str_cat.h"

namespace strata {
namespace {

using Kind = Change::Kind;

void AddEntry(Batch* batch, std::string_view outer, std::string_view inner,
              std::string_view value) {
  batch->BeginEntry(outer, inner);
  batch->BeginRecord();
  batch->AddPair("k", value);
  batch->EndEntry();
}

std::string Described(const Batch& batch) {
  std::string text;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Change change = batch[i];
    absl::StrAppend(&text, i > 0 ? " " : "", static_cast<int>(change.kind), ":",
                    std::string(change.outer), "/", std::string(change.inner));
    for (std::size_t j = 0; j < change.records.size(); ++j) {
      for (const Pair& pair : change.records[j]) {
        absl::StrAppend(&text, "=", std::string(pair.value));
      }
    }
  }
  return text;
}

TEST(Batch, GivesBackWhatWasFilledIn) {
  Batch batch;
  batch.AddOuterChange(Kind::kOpenOuter, "a");
  batch.BeginEntry("a", "x");
  batch.BeginRecord();
  batch.BeginRecord();
  batch.AddPair("k", "v");
  batch.AddPair("", std::string(100000, 'l'));
  batch.BeginRecord();
  batch.AddPair("m", "n");
  batch.EndEntry();
  batch.AddDeleteEntry("a", "y");
  batch.AddOuterChange(Kind::kDropAll, "");
  ASSERT_EQ(batch.size(), 4U);
  EXPECT_EQ(batch[0].kind, Kind::kOpenOuter);
  EXPECT_EQ(batch[0].outer, "a");
  const RecordsView records = batch[1].records;
  ASSERT_EQ(records.size(), 3U);
  EXPECT_TRUE(records[0].empty());
  EXPECT_EQ(records[1][0], (Pair{"k", "v"}));
  EXPECT_EQ(records[1][1].value.size(), 100000U);
  EXPECT_EQ(records[2][0], (Pair{"m", "n"}));
  EXPECT_EQ(batch[2].kind, Kind::kDeleteEntry);
  EXPECT_EQ(batch[2].inner, "y");
  EXPECT_EQ(batch[3].kind, Kind::kDropAll);
  EXPECT_GE(batch.text_bytes(), 100006U);
  EXPECT_GT(batch.memory_bytes(), batch.text_bytes());
}

TEST(Batch, ViewsStayWhileItGrows) {
  Batch batch;
  AddEntry(&batch, "a", "x", "first");
  const std::string_view value = batch[0].records[0][0].value;
  for (int i = 0; i < 200000; ++i) AddEntry(&batch, "a", absl::StrCat(i), absl::StrCat("v", i));
  EXPECT_EQ(value.data(), batch[0].records[0][0].value.data());
  EXPECT_EQ(value, "first");
  for (std::size_t i = 0; i < 200000; i += 977) {
    EXPECT_EQ(batch[i + 1].records[0][0].value, absl::StrCat("v", i));
  }
}

TEST(Batch, TruncateTakesBackAnEntryThatWasBegun) {
  Batch batch;
  AddEntry(&batch, "a", "x", "1");
  batch.BeginEntry("a", "y");
  batch.BeginRecord();
  batch.AddPair("k", "lost");
  batch.Truncate(1);
  AddEntry(&batch, "a", "z", "2");
  EXPECT_EQ(Described(batch), "3:a/x=1 3:a/z=2");
  batch.Truncate(0);
  EXPECT_TRUE(batch.empty());
}

TEST(Batch, DropOuterDropsThatOuterOnly) {
  Batch batch;
  AddEntry(&batch, "a", "x", "1");
  AddEntry(&batch, "b", "x", "2");
  AddEntry(&batch, "a", "y", "3");
  batch.DropOuter("a");
  EXPECT_EQ(Described(batch), "3:b/x=2");
  AddEntry(&batch, "a", "z", "4");
  EXPECT_EQ(Described(batch), "3:b/x=2 3:a/z=4");
}

TEST(Batch, KeepLastOpeningsKeepsTheLastOfEachOuter) {
  Batch batch;
  batch.AddOuterChange(Kind::kPutOuter, "a");
  AddEntry(&batch, "a", "w", "0");
  const std::size_t first = batch.size();
  for (const char* round : {"1", "2"}) {
    for (const char* outer : {"a", "b"}) {
      batch.AddOuterChange(Kind::kPutOuter, outer);
      AddEntry(&batch, outer, "x", round);
    }
  }
  batch.AddOuterChange(Kind::kPutOuter, "c");
  batch.KeepLastOpenings(first);
  EXPECT_EQ(Described(batch), "0:a/ 3:a/w=0 0:a/ 3:a/x=2 0:b/ 3:b/x=2 0:c/");
  AddEntry(&batch, "c", "x", "3");
  EXPECT_EQ(batch[batch.size() - 1].records[0][0].value, "3");
}

TEST(Batch, IsUsedAgainAfterClear) {
  Batch batch;
  for (int round = 0; round < 3; ++round) {
    const std::string large(std::size_t{9} << 20, static_cast<char>('a' + round));
    AddEntry(&batch, "a", "x", large);
    for (int i = 0; i < 100000; ++i) AddEntry(&batch, "a", "x", "v");
    EXPECT_EQ(batch[0].records[0][0].value, large);
    batch.Clear();
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(batch.memory_bytes(), 0U);
  }
}

}  // namespace
}  // namespace strata
