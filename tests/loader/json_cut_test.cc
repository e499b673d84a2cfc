// Wherever the reader's window and pieces are cut, it finds what the reference finds in the whole,
// and refuses what the reference refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

#include "tests/loader/json_reference.h"

namespace strata {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kSizes[] = {1, 2, 3, 5, 8, 13, 21, 34, 64, 4096};

void ExpectAsReference(const std::string& text, const JsonOptions& options) {
  Content expected;
  const Verdict verdict = ReadByReference(text, options, &expected);
  if (verdict == Verdict::kUnknown) return;
  for (const std::size_t size : kSizes) {
    const absl::StatusOr<Content> found = LoadText(text, options, TinyTuning(size), size);
    ASSERT_EQ(found.ok(), verdict == Verdict::kAccepted)
        << "size " << size << ", root " << options.root << "\n"
        << text << "\n"
        << found.status();
    if (found.ok()) {
      ASSERT_EQ(*found, expected) << "size " << size << "\n" << text;
    } else {
      const std::string message(found.status().message());
      ASSERT_THAT(message, HasSubstr("byte ")) << text;
      ASSERT_THAT(message, Not(HasSubstr("malformed list"))) << text;
      ASSERT_THAT(message, Not(HasSubstr("malformed string"))) << text;
      ASSERT_THAT(message, Not(HasSubstr("\n"))) << text;
    }
  }
}

constexpr std::string_view kDocuments[] = {
    R"({})",
    R"({"a":{}})",
    R"({"a":null,"b":{"x":null,"y":[],"z":[null,{},{"k":"v"}]}})",
    R"({"a":{"x":[{"k":"v","l":"w"},{"m":"n"}]},"b":{"x":[{"1":"2"}]}})",
    R"({"a":{"x":[{"k":"1"}],"x":[{"k":"2"}]},"b":{},"a":{"y":[{"q":"r"}]}})",
    R"({"a":{"x":[{"k":"1","l":"2","k":"3"}]}})",
    "{ \"a\" :\t{ \"x\"\r: [ { \"k\" : \"v\" , \"l\" : \"w\" } , null , { } ] } }  ",
    R"({"\u0061":{"\"\\\/\b\f\n\r\t":[{"\u00e9\ud83d\ude00":"\u0000"}]}})",
    R"({"a":{"x":[{"]},{":"},{\"[","\\":"\\\\"}]}})",
    "{\"\xc3\xa9\":{\"\xf0\x9f\x98\x80\":[{\"\xe2\x82\xac\":\"\xc2\x80\"}]}}",
    R"({"":{"":[{"":""}]}})",
    R"({"A":{"a":{"x":[{"k":"v"}]}},"B":[1,-2.5e+3,true,false,null,{"q":[[],{}]}]})",
    R"({"B":"\ud83d\ude00","A":{"b":{"a":{"x":[{"k":"v"}]}},"b":{"c":null}}})",
    R"({"A":{"a":{}},"A":{"b":{}}})",
    R"([{"a":{"x":[{"k":"v"}]}},5])",
};

constexpr std::string_view kRoots[] = {"", "/A", "/A/b", "/0"};

TEST(JsonCut, FindsTheSameWhereverTheTextIsCut) {
  for (const std::string_view text : kDocuments) {
    for (const std::string_view root : kRoots) {
      for (const auto form : {JsonOptions::Form::kDocument, JsonOptions::Form::kLines}) {
        ExpectAsReference(std::string(text), {.form = form, .root = std::string(root)});
      }
    }
  }
}

TEST(JsonCut, RefusesEveryPrefixOfADocument) {
  for (const std::string_view text : kDocuments) {
    for (std::size_t size = 0; size < text.size(); ++size) {
      ExpectAsReference(std::string(text.substr(0, size)), {});
    }
  }
}

TEST(JsonCut, AgreesOnEverySingleByteChanged) {
  constexpr std::string_view kBytes = "{}[]\",:\\nu0\x01\x80\xc3 \n/'";
  for (const std::string_view text : kDocuments) {
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (const char byte : kBytes) {
        std::string changed(text);
        changed[at] = byte;
        ExpectAsReference(changed, {});
      }
      std::string shorter(text);
      ExpectAsReference(shorter.erase(at, 1), {.root = "/A"});
    }
  }
}

// A document like those of `gen`, small.
std::string MakeDocument(std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto text = [&] {
    constexpr std::string_view kTexts[] = {"a",
                                           "b",
                                           "",
                                           "key",
                                           "\\u00e9",
                                           "\\n",
                                           "12345",
                                           "\\\"",
                                           "\\\\",
                                           "x]y",
                                           "{",
                                           "\xc3\xa9",
                                           "\\ud83d\\ude00",
                                           "longer than sixteen bytes, \\t too"};
    return absl::StrCat("\"", std::string(kTexts[below(std::size(kTexts))]), "\"");
  };
  const auto space = [&] { return std::string(below(4) == 0 ? " " : ""); };
  std::string out = "{";
  const std::size_t outers = below(4);
  for (std::size_t i = 0; i < outers; ++i) {
    absl::StrAppend(&out, i > 0 ? "," : "", space(), text(), ":", space(), "{");
    const std::size_t inners = below(4);
    for (std::size_t j = 0; j < inners; ++j) {
      absl::StrAppend(&out, j > 0 ? "," : "", text(), space(), ":[");
      const std::size_t records = below(5);
      for (std::size_t k = 0; k < records; ++k) {
        absl::StrAppend(&out, k > 0 ? "," : "", space(), "{");
        const std::size_t pairs = below(4);
        for (std::size_t l = 0; l < pairs; ++l) {
          absl::StrAppend(&out, l > 0 ? "," : "", text(), ":", text(), space());
        }
        out.append("}");
      }
      absl::StrAppend(&out, "]", space());
    }
    out.append("}");
  }
  return out + "}";
}

TEST(JsonCut, AgreesOnMutatedDocuments) {
  const std::uint64_t seed = 20240229;
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  constexpr std::string_view kInserts[] = {",",  "}",           "]",  "{",    "[",      "null",
                                           "\"", "\\",          ":",  "1",    "\n",     "{}",
                                           "[]", "\"k\":\"v\"", ",,", "\xff", "\\ud800"};
  for (int round = 0; round < 1500; ++round) {
    std::string text = MakeDocument(random);
    if (random() % 3 == 0) absl::StrAppend(&text, "\n", MakeDocument(random));
    for (std::size_t mutations = random() % 4; mutations > 0; --mutations) {
      const std::size_t at = random() % (text.size() + 1);
      if (random() % 2 == 0) {
        text.insert(at, kInserts[random() % std::size(kInserts)]);
      } else {
        text.erase(at, 1 + random() % 3);
      }
    }
    JsonOptions options;
    if (random() % 3 == 0) options.form = JsonOptions::Form::kLines;
    if (random() % 4 == 0) options.root = "/a";
    ExpectAsReference(text, options);
    if (HasFatalFailure()) return;
  }
}

TEST(JsonCut, ReadsListsOfManyPieces) {
  std::string text = R"({"a":{"x":[)";
  std::vector<ModelRecord> expected;
  for (int i = 0; i < 40000; ++i) {
    const std::string value(static_cast<std::size_t>(i % 50), 'v');
    absl::StrAppend(&text, i > 0 ? "," : "", "{\"", i, "\":\"", value, "\",\"k\":\"\\u00e9\"}");
    expected.push_back({{std::to_string(i), value}, {"k", "\xc3\xa9"}});
  }
  text += "]}}";
  for (const std::size_t step : {std::size_t{4096}, std::size_t{65536}, text.size()}) {
    const absl::StatusOr<Content> found = LoadText(text, {}, {}, step);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->at("a").at("x"), expected);
  }
}

TEST(JsonCut, ReadsARecordAndAStringLargerThanAPiece) {
  std::string record;
  ModelRecord expected;
  for (int i = 0; i < 20000; ++i) {
    absl::StrAppend(&record, i > 0 ? "," : "", "\"key", i, "\":\"value\"");
    expected.push_back({absl::StrCat("key", i), "value"});
  }
  const std::string large(5 << 20, 'x');
  const std::string text = absl::StrCat(R"({"a":{"x":[{)", record, R"(}],"y":[{"k":")", large,
                                        R"("},{"l":")", large, R"(\n"}]}})");
  const absl::StatusOr<Content> found = LoadText(text);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->at("a").at("x"), std::vector<ModelRecord>{expected});
  const std::vector<ModelRecord> strings{{{"k", large}}, {{"l", large + "\n"}}};
  EXPECT_EQ(found->at("a").at("y"), strings);
}

}  // namespace
}  // namespace strata
