// What the reader says of input that is at fault: the byte, the path, what was expected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

#include "loader/json_tuning.h"
#include "tests/loader/json_reference.h"

namespace strata {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ErrorOf(std::string_view text, const JsonOptions& options = {}) {
  std::string first;
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 18}) {
    const absl::StatusOr<Content> found = LoadText(text, options, TinyTuning(size), size);
    if (found.ok()) return "accepted";
    if (found.status().code() != absl::StatusCode::kInvalidArgument) {
      return found.status().ToString();
    }
    const std::string message(found.status().message());
    if (first.empty()) first = message;
    if (message != first) return absl::StrCat("differs with the cut: ", first, " | ", message);
  }
  return first;
}

// What is read, and what the message must say.
constexpr std::pair<std::string_view, std::string_view> kFaulty[] = {
    {"",
     "input: byte 0, at the top level: expected an object: outer keys and what they lead to, "
     "found the end of the input"},
    {"  ", "input: byte 2, at the top level: expected an object"},
    {"[]",
     "input: byte 0, at the top level: expected an object: outer keys and what they lead "
     "to, found a list"},
    {"\xef\xbb\xbf{}", "found a byte order mark: remove the file's first three bytes"},
    {"null", "found null"},
    {"{'a':{}}",
     "input: byte 1, at the top level: expected an outer key in double quotes, found "
     "a single quote (strings stand in double quotes)"},
    {"{a:{}}", "byte 1, at the top level: expected an outer key in double quotes, found 'a'"},
    {"{/*c*/}", "found a comment (JSON has none)"},
    {R"({"a":{},})", "byte 8, at the top level: expected an outer key in double quotes, found '}'"},
    {R"({"a" {}})", "byte 5, at /a: expected ':' behind the key, found an object"},
    {R"({"a":{"x":[]})",
     "byte 13, at the top level: expected ',' or '}', found the end of the "
     "input"},
    {R"({"a":{"x":[]}} x)",
     "byte 15, at the top level: expected the end of the document, found "
     "'x'"},
    {"{\"a\":{}}\n{\"b\":{}}\n",
     "byte 9, at the top level: expected the end of the document, found an object; if each line is "
     "an object, this is NDJSON: say --input-format ndjson"},
    {R"({"a":{"x":[{"k":"v"},]}})", "byte 21, at /a/x/1: expected a record (an object), found ']'"},
    {R"({"a":{"x":[{"k":"v",}]}})",
     "byte 20, at /a/x/0: expected a key in double quotes, found "
     "'}'"},
    {R"({"a":{"x":[{"k":"v"} {}]}})",
     "byte 21, at /a/x: expected ',' or ']' behind the record, "
     "found an object"},
    {R"({"a":{"x":[{"k" "v"}]}})",
     "byte 16, at /a/x/0: expected ':' behind the key, found a "
     "string"},
    {R"({"a":{"x":[{"k":1}]}})",
     "byte 16, at /a/x/0/k: expected a string as the key's value, "
     "found a number"},
    {R"({"a":{"x":[{"k":null}]}})",
     "byte 16, at /a/x/0/k: expected a string as the key's value, "
     "found null"},
    {R"({"a":{"x":[{"k":NaN}]}})", "at /a/x/0/k: expected a string as the key's value, found 'N'"},
    {R"({"a":{"x":[{},{"k":"v","l":true}]}})",
     "byte 27, at /a/x/1/l: expected a string as the "
     "key's value, found true"},
    {R"({"a":{"x":["v"]}})", "byte 11, at /a/x/0: expected a record (an object), found a string"},
    {R"({"a":{"x":[nul]}})", "byte 14, at /a/x/0: expected null or a record, found ']'"},
    {R"({"a":{"x":[{"k":"v"}})",
     "byte 20, at /a/x: expected ',' or ']' behind the record, found "
     "'}'"},
    {R"({"a":{"x":[{"k":"v)",
     "byte 16, at /a/x/0/k: a string without its closing quote: the input "
     "ends in it"},
    {R"({"a":{"x":[{"k":"\q"}]}})", "byte 18, at /a/x/0/k: an escape that JSON does not know"},
    {R"({"a":{"x":[{"k":"\u12g4"}]}})",
     "byte 21, at /a/x/0/k: a \\u escape without four "
     "hexadecimal digits"},
    {R"({"a":{"x":[{"k":"\ud800"}]}})",
     "byte 23, at /a/x/0/k: a high surrogate without its low "
     "one"},
    {R"({"a":{"x":[{"k":"\ud800\u0041"}]}})", "at /a/x/0/k: a high surrogate without its low one"},
    {R"({"a":{"x":[{"k":"\udc00"}]}})", "at /a/x/0/k: a low surrogate without its high one"},
    {R"({"a\ud800":{}})", "byte 9, at the top level: a high surrogate without its low one"},
    {"{\"a\":{\"x\":[{\"k\":\"a\nb\"}]}}", "byte 18, at /a/x/0/k: a control character in a string"},
    {"{\"a\":{\"x\":[{\"k\":\"\xff\"}]}}", "byte 17, at /a/x/0/k: bytes that are not UTF-8"},
    {"{\"a\":{\"x\":[{\"k\":\"\xed\xa0\x80\"}]}}",
     "byte 18, at /a/x/0/k: bytes that are not UTF-8"},
    {"{\"a\":{\"x\":[{\"k\":\"\xc0\x80\"}]}}", "byte 17, at /a/x/0/k: bytes that are not UTF-8"},
    {"{\"\xc3(\":{}}", "byte 3, at the top level: bytes that are not UTF-8"},
    {R"({"a":{"x":[{"k":"v"}],"y":"no"}})",
     "byte 26, at /a/y: expected a list of records, found a "
     "string"},
    {R"({"a":5})", "byte 5, at /a: expected an object: inner keys and their lists, found a number"},
    {R"({"a":nul})", "byte 8, at /a: expected null, found '}'"},
    {R"({"a/b~":{"c":7}})", "at /a~1b~0/c: expected a list of records"},
};

TEST(JsonError, NamesByteAndPathAndWhatWasExpected) {
  for (const auto& [text, expected] : kFaulty) {
    EXPECT_THAT(ErrorOf(text), HasSubstr(std::string(expected))) << text;
  }
}

TEST(JsonError, SuggestsRootWhereALevelWraps) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"FieldA":{"o":{"i":[{"k":"v"}]}}})", "say --root /FieldA"},
      {R"({"FieldA":{"o":{}}})", "say --root /FieldA"},
      {R"({"x":{"FieldA":{"o":{"i":[]}}}})", "say --root /x/FieldA"},
      {R"({"a":{"b":[{"o":{"i":[]}}]}})", "where the map begins deeper, say --root /a/b/0"},
      {R"({"version":3,"data":{}})",
       "where the map lies in one member of this object, say --root "
       "/MEMBER"},
      {R"({"a":{"x":{"k":"v"}}})", "a record stands in a list, [{…}]"},
      {R"([{"a":{"b":[{"k":"v"}]}}])", "the map is the list's first element, say --root /0"},
      {R"({"data":[{"o":{"i":[{"k":"v"}]}}]})",
       "the map is the list's first element, say --root /data/0"},
      {R"({"data":[{"o":null,"p":{}}]})", "say --root /data/0"},
      {R"({"Field A":{"it's":{"i":[]}}})", "say --root '/Field A'"},
      {R"({"x":{"it's":{"o":{"i":[]}}}})", R"(say --root '/x/it'\''s')"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(ErrorOf(text), HasSubstr(std::string(expected))) << text;
  }
  EXPECT_THAT(ErrorOf(R"({"A":{"x":[{"k":"v"}]}})", {.root = "/A"}),
              HasSubstr("at /A/x: expected an object: inner keys and their lists, found a list; "
                        "perhaps --root is a level too deep: leave it out"));
  EXPECT_THAT(ErrorOf(R"({"A":{"B":{"x":[{"k":"v"}]}}})", {.root = "/A/B"}),
              HasSubstr("perhaps --root is a level too deep: say --root /A"));
  EXPECT_THAT(ErrorOf(R"({"A":[{"o":{"i":[]}}]})", {.root = "/A"}),
              HasSubstr("the map is the list's first element, say --root /A/0"));
  EXPECT_THAT(ErrorOf(R"({"A":{"d":[{"o":{"i":[]}}]}})", {.root = "/A"}),
              HasSubstr("the map is the list's first element, say --root /A/d/0"));
  EXPECT_THAT(ErrorOf(R"({"A":{"version":3}})", {.root = "/A"}),
              HasSubstr("one member of this object, say --root /A/MEMBER"));
  // Neither a list of records nor one of anything else is the map.
  for (const std::string_view text : {R"([])", R"([[{}]])", R"({"x":[{"k":"v"}]})", R"({"x":[]})",
                                      R"({"x":[{}]})", R"({"x":[{"k")"}) {
    EXPECT_THAT(ErrorOf(text), Not(HasSubstr("--root"))) << text;
  }
}

TEST(JsonError, SuggestsNoRootThatIsCutOffOrEscaped) {
  const std::string k_many(100, 'k');
  EXPECT_THAT(ErrorOf(absl::StrCat(R"({"a":{")", k_many, R"(":{"o":{"i":[]}}}})")),
              HasSubstr("give --root the JSON pointer to it, all keys written out (outer \"a\", "
                        "inner \"kkkk"));
  EXPECT_THAT(ErrorOf(R"({"a\nb":{"o":{"i":[{}]}}})"),
              AllOf(HasSubstr("all keys written out (outer \"a\\x0ab\"; ~ in a key is ~0"),
                    Not(HasSubstr("say --root"))));
  EXPECT_THAT(ErrorOf(R"({"a\u0000":[{"o":{"i":[{}]}}]})"),
              HasSubstr("(outer \"a\\x00\", list index 0; "));
  EXPECT_THAT(ErrorOf(R"({"a":{"x\t":[{"o":{"i":[]}}]}})"),
              HasSubstr("begins deeper, give --root the JSON pointer to it, all keys written out "
                        "(outer \"a\", inner \"x\\x09\", list index 0; "));
}

TEST(JsonError, ShowsKeysInListsAsTheyRead) {
  EXPECT_THAT(ErrorOf(R"({"a":{"x":[{"\u00e9~\/\ud83d\ude00\n\"\\":1}]}})"),
              HasSubstr("at /a/x/0/\xc3\xa9~0~1\xf0\x9f\x98\x80\\x0a\"\\: expected a string as"));
  EXPECT_THAT(ErrorOf(R"({"a":{"x":[{"\u006b":"\q"}]}})"), HasSubstr("at /a/x/0/k: an escape"));
}

TEST(JsonError, SuggestedRootLoads) {
  const std::string text = R"({"FieldA":{"o":{"i":[{"k":"v"}]}}})";
  ASSERT_THAT(ErrorOf(text), HasSubstr("--root /FieldA"));
  const absl::StatusOr<Content> found = LoadText(text, {.root = "/FieldA"});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->size(), 1U);
}

TEST(JsonError, IsOneLineOfBoundedLength) {
  const std::string key(100000, 'k');
  const std::string text = absl::StrCat(R"({"a\n\u0007":{")", key, R"(":[{")", key, R"(":1}]}})");
  const std::string message = ErrorOf(text);
  EXPECT_LT(message.size(), 1000U);
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_THAT(message, HasSubstr("/a\\x0a\\x07/kkkk"));
}

TEST(JsonError, NamesTheLine) {
  const JsonOptions lines{.form = JsonOptions::Form::kLines, .root = {}};
  EXPECT_THAT(ErrorOf("{\"a\":{}}\n\xef\xbb\xbf{\"b\":{}}\n", lines),
              HasSubstr("line 2, byte 9, at the top level: expected an object: outer keys and what "
                        "they lead to, found a byte order mark: remove these three bytes"));
  EXPECT_THAT(ErrorOf("{\"a\":{}}\n\n{\"b\":5}\n", lines),
              HasSubstr("input: line 3, byte 15, at /b: expected an object"));
  EXPECT_THAT(
      ErrorOf("{\"a\":{}\n,\"b\":{}}", lines),
      HasSubstr("line 1, byte 7, at the top level: expected ',' or '}', found the end of the "
                "line"));
  EXPECT_THAT(ErrorOf("{\"a\":{\"x\":[{\"k\":\n\"v\"}]}}", lines),
              HasSubstr("line 1, byte 16, at /a/x/0/k: expected a string as the key's value, found "
                        "the end of the line"));
  EXPECT_THAT(ErrorOf("{} {}\n", lines),
              HasSubstr("line 1, byte 3, at the top level: expected the end of the line, found an "
                        "object"));
}

TEST(JsonError, DepthBombsAreRefusedWithoutRecursion) {
  const std::string deep(1 << 20, '[');
  EXPECT_THAT(ErrorOf(absl::StrCat(R"({"a":{"x":)", deep)),
              HasSubstr("at /a/x/0: expected a record"));
  EXPECT_THAT(ErrorOf(absl::StrCat(R"({"skipped":)", deep), {.root = "/A"}),
              HasSubstr("found the end of the input"));
  const std::string closed =
      absl::StrCat(R"({"skipped":)", deep, std::string(deep.size(), ']'), R"(,"A":{"o":{}}})");
  EXPECT_TRUE(LoadText(closed, {.root = "/A"}).ok());
  const std::string deeper((1 << 24) + 2, '[');
  const absl::StatusOr<Content> found = LoadText(deeper, {.root = "/A"});
  EXPECT_THAT(found.status().ToString(), HasSubstr("nested deeper than 16,777,216 levels"));
}

}  // namespace
}  // namespace strata
