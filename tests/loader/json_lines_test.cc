// NDJSON: a document a line, later ones adding to earlier ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "loader/json_reader.h"
#include "tests/loader/json_reference.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

const JsonOptions kLines{.form = JsonOptions::Form::kLines, .root = {}};

std::vector<ModelRecord> List(std::string value) { return {{{"k", std::move(value)}}}; }

TEST(JsonLines, LaterLinesAddAndTheLastListStands) {
  const std::string text =
      "{\"a\":{\"x\":[{\"k\":\"1\"}],\"y\":[{\"k\":\"2\"}]}}\r\n"
      "\n  \t\r\n"
      "{\"a\":{\"x\":[{\"k\":\"3\"}]},\"b\":null}\n"
      "{\"b\":{\"z\":null}}";
  for (const std::size_t size : {std::size_t{1}, std::size_t{9}, std::size_t{4096}}) {
    const absl::StatusOr<Content> found = LoadText(text, kLines, TinyTuning(size));
    ASSERT_TRUE(found.ok()) << found.status();
    const Content expected{{"a", {{"x", List("3")}, {"y", List("2")}}}, {"b", {{"z", {}}}}};
    EXPECT_EQ(*found, expected);
  }
}

TEST(JsonLines, AnOuterGivenAgainInALineReplaces) {
  const std::string text =
      "{\"a\":{\"w\":[{\"k\":\"0\"}]}}\n"
      "{\"a\":{\"x\":[{\"k\":\"1\"}]},\"b\":{\"x\":[]},\"a\":{\"y\":[{\"k\":\"2\"}]}}\n";
  const absl::StatusOr<Content> found = LoadText(text, kLines);
  ASSERT_TRUE(found.ok()) << found.status();
  const Content expected{{"a", {{"w", List("0")}, {"y", List("2")}}}, {"b", {{"x", {}}}}};
  EXPECT_EQ(*found, expected);
}

TEST(JsonLines, NoLinesIsNothing) {
  for (const std::string_view text : {"", "\n", " \r\n\n"}) {
    const absl::StatusOr<Content> found = LoadText(text, kLines);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_TRUE(found->empty());
  }
}

TEST(JsonLines, ABadLineLeavesTheLinesBeforeIt) {
  ContentTarget target;
  target.content["kept"];
  absl::StatusOr<std::unique_ptr<Source>> source = JsonReader::Make(
      std::make_unique<TextStream>("{\"a\":{\"x\":[]}}\n{\"b\":{\"x\":[],\"y\":[]},\"c\":5}\n"),
      "input", kLines);
  ASSERT_TRUE(source.ok());
  const absl::StatusOr<LoadProgress> loaded = Load(**source, target);
  EXPECT_THAT(loaded.status().ToString(), HasSubstr("1 entry before it is loaded and stays"));
  EXPECT_EQ(target.content.size(), 2U);
  EXPECT_TRUE(target.content.contains("a"));
}

TEST(JsonLines, LongLinesAreHandedOnInParts) {
  JsonTuning tuning;
  tuning.line_bytes = 4096;
  std::string text = "{";
  for (int i = 0; i < 300; ++i) {
    absl::StrAppend(&text, i > 0 ? "," : "", "\"o", i, "\":{\"x\":[{\"k\":\"", i, "\"}],\"y\":[]}");
  }
  const absl::StatusOr<Content> whole = LoadText(text + "}", kLines);
  const absl::StatusOr<Content> parts = LoadText(text + "}\n{\"o0\":{}}", kLines, tuning);
  ASSERT_TRUE(whole.ok()) << whole.status();
  ASSERT_TRUE(parts.ok()) << parts.status();
  EXPECT_EQ(*whole, *parts);
  const absl::StatusOr<Content> again = LoadText(text + ",\"o0\":{}}", kLines, tuning);
  EXPECT_THAT(again.status().ToString(),
              HasSubstr("at /o0: given again in a line too long to be held whole: split the line"));
  EXPECT_TRUE(LoadText(text + ",\"o0\":{}}", kLines).ok());
}

TEST(JsonLines, ABatchHoldsWholeLines) {
  JsonTuning tuning;
  tuning.batch_bytes = 1;
  absl::StatusOr<std::unique_ptr<Source>> source = JsonReader::Make(
      std::make_unique<TextStream>("{\"a\":{\"x\":[],\"y\":[]},\"b\":{}}\n{\"c\":{}}\n"), "input",
      kLines, tuning);
  ASSERT_TRUE(source.ok());
  Batch batch;
  ASSERT_TRUE((*source)->Read(&batch).ok());
  EXPECT_EQ(batch.size(), 4U);
  batch.Clear();
  ASSERT_TRUE((*source)->Read(&batch).ok());
  EXPECT_EQ(batch.size(), 1U);
  batch.Clear();
  ASSERT_TRUE((*source)->Read(&batch).ok());
  EXPECT_TRUE(batch.empty());
}

}  // namespace
}  // namespace strata
