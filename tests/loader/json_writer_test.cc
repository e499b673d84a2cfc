// The written form, and that what is written loads back the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include <strata/json_writer.h>

#include "loader/json_reader.h"
#include "tests/loader/json_reference.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

Cache MakeCache() {
  absl::StatusOr<Cache> cache = Cache::Create();
  EXPECT_TRUE(cache.ok());
  return std::move(*cache);
}

absl::StatusOr<std::string> Written(const Cache& cache, const JsonWriteOptions& options = {}) {
  std::string text;
  const auto sink = [&](std::string_view part) {
    text.append(part);
    return absl::OkStatus();
  };
  absl::Status written = WriteJson(cache, sink, options);
  if (!written.ok()) return written;
  return text;
}

void LoadInto(Cache& cache, std::string_view text) {
  absl::StatusOr<std::unique_ptr<Source>> source =
      JsonReader::Make(std::make_unique<TextStream>(text), "input", {});
  ASSERT_TRUE(source.ok());
  const absl::StatusOr<LoadProgress> loaded = Load(**source, cache);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
}

TEST(JsonWriter, SortsKeysByBytesAndKeepsTheOrderOfLists) {
  Cache cache = MakeCache();
  LoadInto(cache,
           "{\"b\":{},\"\xc3\xa9\":null,\"a\":{\"y\":[{\"2\":\"b\",\"10\":\"a\"},{}],\"x\":[]}}");
  const absl::StatusOr<std::string> text = Written(cache);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text,
            "{\"a\":{\"x\":[],\"y\":[{\"10\":\"a\",\"2\":\"b\"},{}]},\"b\":{},\"\xc3\xa9\":{}}\n");
}

TEST(JsonWriter, AnEmptyCacheIsAnEmptyObject) { EXPECT_EQ(*Written(MakeCache()), "{}\n"); }

TEST(JsonWriter, EscapesNoMoreThanItMust) {
  Cache cache = MakeCache();
  Records records{{{std::string_view("\0\x1f", 2), "\"\\/\b\f\n\r\t\x7f\xf0\x9f\x98\x80"}}};
  ASSERT_TRUE(cache.Put("o", "i", records).ok());
  EXPECT_EQ(
      *Written(cache),
      "{\"o\":{\"i\":[{\"\\u0000\\u001f\":\"\\\"\\\\/\\b\\f\\n\\r\\t\x7f\xf0\x9f\x98\x80\"}]}}\n");
}

TEST(JsonWriter, WhatIsWrittenLoadsBackTheSame) {
  Cache cache = MakeCache();
  LoadInto(cache,
           R"({"a":{"x":[{"k":"\u0000\ud83d\ude00"},null,{"":""}],"":null},"":{},"z\n":null})");
  const absl::StatusOr<std::string> first = Written(cache);
  ASSERT_TRUE(first.ok());
  Cache again = MakeCache();
  LoadInto(again, *first);
  EXPECT_EQ(*Written(again), *first);
  EXPECT_EQ(again.counts(), cache.counts());
}

TEST(JsonWriter, RefusesBytesThatAreNotUtf8AndNamesTheEntry) {
  Cache cache = MakeCache();
  Records records{{}, {{"k", "a\xff"}}};
  ASSERT_TRUE(cache.Put("o", "i\n", records).ok());
  const absl::StatusOr<std::string> text = Written(cache);
  EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(text.status().ToString(),
              HasSubstr(R"(outer "o", inner "i\x0a", record 1: "a\xff" is not UTF-8)"));
}

TEST(JsonWriter, ReplacesEachMaximalInvalidPart) {
  Cache cache = MakeCache();
  // As the WHATWG decoder: a cut-off character is one part, each stray byte one, a surrogate three.
  Records records{{{"k",
                    "a\xf0\x9f\x98"
                    "b\xff\xff\xed\xa0\x80"}}};
  ASSERT_TRUE(cache.Put("o", "i", records).ok());
  EXPECT_EQ(*Written(cache, {.replace_invalid_utf8 = true}),
            "{\"o\":{\"i\":[{\"k\":\"a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
            "\xEF\xBF\xBD\"}]}}\n");
}

TEST(JsonWriter, RefusesSiblingsThatReplacementMakesEqual) {
  Cache cache = MakeCache();
  ASSERT_TRUE(cache.PutOuter("a\xff").ok());
  ASSERT_TRUE(cache.PutOuter("a\xfe").ok());
  const absl::StatusOr<std::string> text = Written(cache, {.replace_invalid_utf8 = true});
  EXPECT_THAT(text.status().ToString(),
              HasSubstr("are the same once what is not UTF-8 is replaced"));
  EXPECT_THAT(text.status().ToString(), HasSubstr(R"("a\xff")"));
}

TEST(JsonWriter, WritesParts) {
  Cache cache = MakeCache();
  LoadInto(cache, R"({"a":{"x":[{"k":"v"},{}]}})");
  std::string text;
  const TextSink sink = [&](std::string_view part) {
    text.append(part);
    return absl::OkStatus();
  };
  EXPECT_TRUE(*WriteJsonOuter(cache, "a", sink));
  EXPECT_TRUE(*WriteJsonEntry(cache, "a", "x", sink));
  EXPECT_TRUE(*WriteJsonRecord(cache, "a", "x", 0, sink));
  EXPECT_EQ(text, "{\"x\":[{\"k\":\"v\"},{}]}\n[{\"k\":\"v\"},{}]\n{\"k\":\"v\"}\n");
  EXPECT_FALSE(*WriteJsonOuter(cache, "b", sink));
  EXPECT_FALSE(*WriteJsonEntry(cache, "a", "y", sink));
  EXPECT_FALSE(*WriteJsonRecord(cache, "a", "x", 2, sink));
}

TEST(JsonWriter, PassesOnWhatTheSinkSays) {
  Cache cache = MakeCache();
  const absl::Status status =
      WriteJson(cache, [](std::string_view) { return absl::UnavailableError("disk full"); });
  EXPECT_EQ(status, absl::UnavailableError("disk full"));
}

}  // namespace
}  // namespace strata
