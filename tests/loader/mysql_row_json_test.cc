// A column of JSON as records: what it takes, and what it says of what it refuses.
#include "loader/mysql_row_json.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace strata::mysql {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

std::vector<Pairs> Copied(const absl::StatusOr<RecordsView>& records) {
  EXPECT_TRUE(records.ok()) << records.status();
  std::vector<Pairs> copied;
  if (!records.ok()) return copied;
  for (std::size_t i = 0; i < records->size(); ++i) {
    copied.emplace_back();
    for (const auto& pair : (*records)[i]) copied.back().emplace_back(pair.key, pair.value);
  }
  return copied;
}

TEST(RowJson, AnObjectIsARecordOfAllThatItSays) {
  RowJson json;
  // Of a key's values the last one counts: the cache's Put sees to that.
  EXPECT_THAT(Copied(json.ParseRecord(R"( {"a": "1", "b": "\u00e9\n", "a": "2"} )")),
              ElementsAre(ElementsAre(Pair("a", "1"), Pair("b", "\u00e9\n"), Pair("a", "2"))));
  EXPECT_THAT(Copied(json.ParseRecord("{}")), ElementsAre(Pairs()));
  EXPECT_THAT(Copied(json.ParseRecord("null")), ElementsAre(Pairs()));
}

TEST(RowJson, AListIsItsObjectsInOrder) {
  RowJson json;
  EXPECT_THAT(Copied(json.ParseList(R"([{"a":"1"}, {}, {"a":"2"}])")),
              ElementsAre(ElementsAre(Pair("a", "1")), Pairs(), ElementsAre(Pair("a", "2"))));
  EXPECT_THAT(Copied(json.ParseList(" [ ] ")), ElementsAre());
  EXPECT_THAT(Copied(json.ParseList("null")), ElementsAre());
}

TEST(RowJson, WhatIsNoSuchObjectIsRefusedWithWhatIsWanted) {
  RowJson json;
  for (const std::string_view text :
       {"", " ", "{", "[]", "1", R"("a")", R"({"a":1})", R"({"a":null})", R"({"a":{"b":"c"}})",
        R"({"a":"1"},{"b":"2"})", R"({"a":"1"} x)", R"({"a":"1")", R"({"a":"\ud800"})"}) {
    const absl::Status status = json.ParseRecord(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(status.ToString(),
                AllOf(HasSubstr("it is to be an object of strings"), Not(HasSubstr(". in"))))
        << text;
  }
  EXPECT_THAT(json.ParseRecord(R"({"a":1})").status().ToString(),
              HasSubstr("a value of another type in "));
}

TEST(RowJson, WhatIsNoSuchListIsRefusedWithWhatIsWanted) {
  RowJson json;
  for (const std::string_view text :
       {"", "{}", "[", "[{]", "[1]", "[[]]", R"([{"a":"1"}],[{"b":"2"}])", R"([{"a":"1"} {}])",
        R"([{"a":"1"},])", R"([{"a":2}])"}) {
    const absl::Status status = json.ParseList(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(status.ToString(), HasSubstr("it is to be a list of objects of strings")) << text;
  }
}

TEST(RowJson, ARefusalLeavesNothingForTheNextRow) {
  RowJson json;
  EXPECT_FALSE(json.ParseRecord(R"({"a":"1","b":2})").ok());
  EXPECT_THAT(Copied(json.ParseRecord(R"({"c":"3"})")), ElementsAre(ElementsAre(Pair("c", "3"))));
}

}  // namespace
}  // namespace strata::mysql
