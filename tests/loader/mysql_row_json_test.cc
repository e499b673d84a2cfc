// A column of JSON as records: what it takes, and what it says of what it refuses.
#include "loader/mysql_row_json.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
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

using Parse = absl::Status (RowJson::*)(std::string_view, RowJson::TakePiece);

// The records of `text`, put together; `pieces` is how many they came in.
absl::StatusOr<std::vector<Pairs>> Parsed(RowJson* json, Parse parse, std::string_view text,
                                          std::size_t* pieces = nullptr) {
  std::vector<Pairs> records;
  std::size_t count = 0;
  const auto take = [&](const RecordsView& piece, bool goes_on) {
    EXPECT_TRUE(!goes_on || !records.empty());
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (i > 0 || !goes_on) records.emplace_back();
      for (const auto& pair : piece[i]) records.back().emplace_back(pair.key, pair.value);
    }
    ++count;
    return absl::OkStatus();
  };
  const absl::Status status = (json->*parse)(text, take);
  if (pieces != nullptr) *pieces = count;
  if (!status.ok()) return status;
  EXPECT_GE(count, 1u);
  return records;
}

std::vector<Pairs> Records(RowJson* json, Parse parse, std::string_view text) {
  const absl::StatusOr<std::vector<Pairs>> records = Parsed(json, parse, text);
  EXPECT_TRUE(records.ok()) << records.status();
  return records.value_or(std::vector<Pairs>());
}

constexpr Parse kRecord = &RowJson::ParseRecord;
constexpr Parse kList = &RowJson::ParseList;

TEST(RowJson, AnObjectIsARecordOfAllThatItSays) {
  RowJson json;
  // Of a key's values the last one counts: the cache's Put sees to that.
  EXPECT_THAT(Records(&json, kRecord, R"( {"a": "1", "b": "\u00e9\n", "a": "2"} )"),
              ElementsAre(ElementsAre(Pair("a", "1"), Pair("b", "\u00e9\n"), Pair("a", "2"))));
  EXPECT_THAT(Records(&json, kRecord, "{}"), ElementsAre(Pairs()));
  EXPECT_THAT(Records(&json, kRecord, "null"), ElementsAre(Pairs()));
}

TEST(RowJson, AListIsItsObjectsInOrder) {
  RowJson json;
  EXPECT_THAT(Records(&json, kList, R"([{"a":"1"}, {}, {"a":"2"}])"),
              ElementsAre(ElementsAre(Pair("a", "1")), Pairs(), ElementsAre(Pair("a", "2"))));
  EXPECT_THAT(Records(&json, kList, " [ ] "), ElementsAre());
  EXPECT_THAT(Records(&json, kList, "null"), ElementsAre());
}

TEST(RowJson, WhatIsNoSuchObjectIsRefusedWithWhatIsWanted) {
  RowJson json;
  for (const std::string_view text :
       {"", " ", "{", "[]", "1", R"("a")", R"({"a":1})", R"({"a":null})", R"({"a":{"b":"c"}})",
        R"({"a":"1"},{"b":"2"})", R"({"a":"1"} x)", R"({"a":"1")", R"({"a":"\ud800"})"}) {
    const absl::Status status = Parsed(&json, kRecord, text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(status.ToString(),
                AllOf(HasSubstr("it is to be an object of strings"), Not(HasSubstr(". in"))))
        << text;
  }
  EXPECT_THAT(
      Parsed(&json, kRecord, R"({"a":1})").status().ToString(),
      HasSubstr("key \"a\": expected a string as the key's value, found a number in \"1}\""));
}

TEST(RowJson, WhatIsNoSuchListIsRefusedWithWhatIsWanted) {
  RowJson json;
  for (const std::string_view text :
       {"", "{}", "[", "[{]", "[1]", "[[]]", R"([{"a":"1"}],[{"b":"2"}])", R"([{"a":"1"} {}])",
        R"([{"a":"1"},])", R"([{"a":2}])"}) {
    const absl::Status status = Parsed(&json, kList, text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(status.ToString(), HasSubstr("it is to be a list of objects of strings")) << text;
  }
}

TEST(RowJson, ARefusalShowsTheFaultAndNotWhatIsRightBeforeIt) {
  RowJson json;
  const auto list = [&json](std::string_view text) {
    return Parsed(&json, kList, text).status().ToString();
  };
  const std::string good = R"({"title":"a good title that is longer than what a message shows"})";
  EXPECT_THAT(list(absl::StrCat("[", good, ",", R"({"n":null})", "]")),
              AllOf(HasSubstr("record 1 (from 0), key \"n\": expected a string"),
                    HasSubstr("found null in \"null}]\"")));
  EXPECT_THAT(
      list(absl::StrCat("[", good, R"(,{"a":"unclosed}])")),
      AllOf(HasSubstr("record 1 (from 0)"), HasSubstr("closing quote"), HasSubstr("unclosed}]")));
  EXPECT_THAT(list(absl::StrCat("[", good, ",]")), Not(HasSubstr("good title")));
}

TEST(RowJson, ARefusalLeavesNothingForTheNextRow) {
  RowJson json;
  EXPECT_FALSE(Parsed(&json, kRecord, R"({"a":"1","b":2})").ok());
  EXPECT_THAT(Records(&json, kRecord, R"({"c":"3"})"), ElementsAre(ElementsAre(Pair("c", "3"))));
}

// Long enough for many pieces: records of `pairs` pairs each.
std::string LongList(int records, int pairs) {
  std::string list = "[";
  for (int i = 0; i < records; ++i) {
    list += i == 0 ? "{" : " ,{";
    for (int j = 0; j < pairs; ++j) {
      absl::StrAppend(&list, j == 0 ? "" : ", ", "\"k", j, "\":\"", i, ",]}\\\"\"");
    }
    list += "}";
  }
  return list + "]";
}

std::vector<Pairs> RecordsOfLongList(int records, int pairs) {
  std::vector<Pairs> expected(static_cast<std::size_t>(records));
  for (int i = 0; i < records; ++i) {
    for (int j = 0; j < pairs; ++j) {
      expected[static_cast<std::size_t>(i)].emplace_back(absl::StrCat("k", j),
                                                         absl::StrCat(i, ",]}\""));
    }
  }
  return expected;
}

TEST(RowJson, ALongListComesInPiecesAndWhole) {
  RowJson json;
  for (const auto& [count, pairs] :
       {std::pair(100'000, 1), std::pair(10'000, 9), std::pair(1, 100'000), std::pair(3, 60'000)}) {
    std::size_t pieces = 0;
    const auto records = Parsed(&json, kList, LongList(count, pairs), &pieces);
    ASSERT_TRUE(records.ok()) << records.status();
    EXPECT_TRUE(*records == RecordsOfLongList(count, pairs)) << count << " " << pairs;
    EXPECT_GT(pieces, 4u);
  }
}

TEST(RowJson, AValueLongerThanAPieceStandsBetweenOthers) {
  RowJson json;
  const std::string giant(3'000'000, 'x');
  for (const std::string& before : {std::string(), LongList(5'000, 3)}) {
    for (const std::string& behind : {std::string(), LongList(20'000, 2)}) {
      std::string list = "[";
      std::vector<Pairs> expected;
      const auto add = [&](const std::string& part, const std::vector<Pairs>& records) {
        if (part.empty()) return;
        absl::StrAppend(&list, list.size() > 1 ? "," : "", part.substr(1, part.size() - 2));
        expected.insert(expected.end(), records.begin(), records.end());
      };
      add(before, RecordsOfLongList(5'000, 3));
      add(absl::StrCat("[{\"a\":\"1\",\"g\":\"", giant, "\",\"z\":\"2\"}]"),
          {{{"a", "1"}, {"g", giant}, {"z", "2"}}});
      add(behind, RecordsOfLongList(20'000, 2));
      const auto records = Parsed(&json, kList, list + "]");
      ASSERT_TRUE(records.ok()) << records.status();
      EXPECT_TRUE(*records == expected) << before.size() << " " << behind.size();
    }
  }
  const auto record = Parsed(&json, kRecord, absl::StrCat("{\"g\":\"", giant, "\"}"));
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_TRUE(*record == (std::vector<Pairs>{{{"g", giant}}}));
}

TEST(RowJson, WhatIsWrongFarBehindInALongTextIsFound) {
  RowJson json;
  std::string list = LongList(50'000, 2);
  list.pop_back();
  for (const std::string end :
       {R"(,1])", R"(,{"a":1}])", R"(,{"a":{}}])", R"(,])", R"(,{"a":"1",}])", R"(],[{}])",
        R"(,{"a":"\ud800"}])", R"(,{])", R"(,{"a":"1])"}) {
    const absl::Status status = Parsed(&json, kList, list + end).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << end;
    EXPECT_THAT(status.ToString(), HasSubstr("it is to be a list of objects of strings"));
    // The same in the middle of the text.
    const std::string text = list + end.substr(0, end.size() - 1) + "," + list.substr(1) + "]";
    EXPECT_TRUE(absl::IsInvalidArgument(Parsed(&json, kList, text).status())) << end;
  }
  EXPECT_THAT(
      Parsed(&json, kList, list + R"(,{"a":1},)" + list.substr(1) + "]").status().ToString(),
      HasSubstr("record 50000 (from 0), key \"a\": expected a string as the key's value, found "
                "a number in \"1}"));
  // Two records, of which each alone would be a piece.
  const std::string record = LongList(1, 30'000).substr(1);
  const std::string two = absl::StrCat(record.substr(0, record.size() - 1), ",{\"a\":\"1\"}");
  EXPECT_THAT(Parsed(&json, kRecord, two).status().ToString(), HasSubstr("several values"));
}

TEST(RowJson, AnErrorOfWhoTakesPiecesEndsTheParsing) {
  RowJson json;
  int taken = 0;
  const absl::Status status =
      json.ParseList(LongList(100'000, 1), [&taken](const RecordsView&, bool) {
        return ++taken == 2 ? absl::UnavailableError("no room") : absl::OkStatus();
      });
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(taken, 2);
  EXPECT_THAT(Records(&json, kList, R"([{"a":"1"}])"), ElementsAre(ElementsAre(Pair("a", "1"))));
}

}  // namespace
}  // namespace strata::mysql
