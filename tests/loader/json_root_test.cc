// --root: the map below a JSON pointer, and the checking of all that lies beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

#include "tests/loader/json_reference.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

const Content kOne{{"o", {{"i", {ModelRecord{{"k", "v"}}}}}}};
constexpr std::string_view kMap = R"({"o":{"i":[{"k":"v"}]}})";

absl::StatusOr<Content> LoadBelow(std::string_view root, const std::string& text) {
  return LoadText(text, {.root = std::string(root)}, TinyTuning(3));
}

TEST(JsonRoot, FindsTheMapBelowKeysAndIndexes) {
  const std::string map(kMap);
  const std::pair<std::string_view, std::string> cases[] = {
      {"/A", absl::StrCat(R"({"A":)", map, "}")},
      {"/A/b", absl::StrCat(R"({"x":[1],"A":{"a":null,"b":)", map, R"(,"c":""},"y":{}})")},
      {"/", absl::StrCat(R"({"":)", map, "}")},
      {"/a~1b/m~0n", absl::StrCat(R"({"a/b":{"m~n":)", map, "}}")},
      {"/~01", absl::StrCat(R"({"~1":)", map, "}")},
      {"/1", absl::StrCat("[{},", map, ",{}]")},
      {"/A/0", absl::StrCat(R"({"A":[)", map, "]}")},
      {"/0", absl::StrCat(R"({"0":)", map, "}")},
      {"/\xc3\xa9", absl::StrCat(R"({"\u00e9":)", map, "}")},
  };
  for (const auto& [root, text] : cases) {
    const absl::StatusOr<Content> found = LoadBelow(root, text);
    ASSERT_TRUE(found.ok()) << root << ": " << found.status();
    EXPECT_EQ(*found, kOne) << root;
  }
}

TEST(JsonRoot, AKeyGivenAgainOnTheWayReplaces) {
  const std::string map(kMap);
  const absl::StatusOr<Content> second =
      LoadBelow("/A", absl::StrCat(R"({"A":{"gone":{"x":[{}]}},"A":)", map, "}"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(*second, kOne);
  // Python's and Go's readers find no b in the A that stands.
  const absl::StatusOr<Content> none =
      LoadBelow("/A/b", absl::StrCat(R"({"A":{"b":)", map, R"(},"A":{}})"));
  EXPECT_THAT(none.status().ToString(), HasSubstr("the document has nothing at --root /A/b"));
}

TEST(JsonRoot, IsReportedWhereItIsMissing) {
  for (const std::string_view text :
       {"{}", "[]", "5", R"({"B":{}})", R"({"A":5})", R"({"A":[]})"}) {
    EXPECT_THAT(LoadBelow("/A/b", std::string(text)).status().ToString(),
                HasSubstr("the document has nothing at --root /A/b"))
        << text;
  }
  EXPECT_THAT(LoadBelow("/01", "[{},{}]").status().ToString(), HasSubstr("nothing at --root /01"));
}

TEST(JsonRoot, WhatLiesBesideItIsCheckedToTheLetter) {
  constexpr std::string_view kBad[] = {
      "01",   "-",    "1.",        ".5",          "1e",       "1e+",        "+1",
      "0x10", "NaN",  "-Infinity", "tru",         "nulll",    "truefalse",  "'a'",
      "[1,]", "[,1]", "[1 2]",     "{\"a\"}",     "{\"a\":}", "{\"a\":1,}", "{1:2}",
      "[}",   "{]",   "\"\\x\"",   "\"\\ud800\"", "\"\t\"",   "\"\xff\"",   "\"\xf5\x80\x80\x80\"",
      "",     "[",    "{\"a\":[",  "\"",          "1,,2",     "[1]]",
  };
  for (const std::string_view bad : kBad) {
    for (const bool before : {true, false}) {
      const std::string text = before ? absl::StrCat(R"({"s":)", std::string(bad), R"(,"A":{}})")
                                      : absl::StrCat(R"({"A":{},"s":)", std::string(bad), "}");
      EXPECT_FALSE(LoadBelow("/A", text).ok()) << text;
    }
  }
  constexpr std::string_view kGood[] = {
      "0",
      "-0",
      "10.25",
      "1e5",
      "1E-5",
      "-1.5e+300",
      "1e999",
      "123456789012345678901234567890",
      "true",
      "false",
      "null",
      "[]",
      "{}",
      "[[],{},[{}]]",
      "{\"a\":{\"a\":[1,\"\\ud83d\\ude00\"]}}",
      "\"\\u0000\\\"\"",
      "\"\xf0\x9f\x98\x80\"",
      " \t\r\n1 ",
  };
  for (const std::string_view good : kGood) {
    const std::string text =
        absl::StrCat(R"({"s":)", std::string(good), R"(,"A":{},"t":)", std::string(good), "}");
    EXPECT_TRUE(LoadBelow("/A", text).ok()) << text << LoadBelow("/A", text).status();
  }
}

TEST(JsonRoot, RefusesWhatIsNoPointer) {
  EXPECT_THAT(LoadText("{}", {.root = "A"}).status().ToString(),
              HasSubstr("a JSON pointer begins with '/': say /A"));
  EXPECT_THAT(LoadText("{}", {.root = "/a~2"}).status().ToString(), HasSubstr("~0"));
  EXPECT_THAT(LoadText("{}", {.root = "/a~"}).status().ToString(), HasSubstr("~0"));
}

}  // namespace
}  // namespace strata
