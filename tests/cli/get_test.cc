// strata get: what stands at a place, and 3 where nothing does.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/cli/program.h"

namespace strata::cli {
namespace {

using testing::HasSubstr;

class GetTest : public testing::Test {
 protected:
  void SetUp() override {
    data_ = folder_.Write("f.json",
                          R"({"a":{"y":[],"x":[{"k":"line\nend","b":"\u00e9"},{}]},"empty":{},)"
                          R"("-d":{"load":[{"":"nameless"}]},"":{"":[{"":""}]}})");
  }

  Finished Get(std::vector<std::string> words) const {
    words.insert(words.begin(), {"get", data_});
    return Strata(words);
  }

  TemporaryFolder folder_;
  std::string data_;
};

TEST_F(GetTest, OuterEntryAndRecordAreJson) {
  EXPECT_EQ(Get({"a"}).out, "{\"x\":[{\"b\":\"é\",\"k\":\"line\\nend\"},{}],\"y\":[]}\n");
  EXPECT_EQ(Get({"a", "x"}).out, "[{\"b\":\"é\",\"k\":\"line\\nend\"},{}]\n");
  EXPECT_EQ(Get({"a", "x", "0"}).out, "{\"b\":\"é\",\"k\":\"line\\nend\"}\n");
  EXPECT_EQ(Get({"a", "x", "1"}).out, "{}\n");
  EXPECT_EQ(Get({"a", "y"}).out, "[]\n");
  EXPECT_EQ(Get({"empty"}).out, "{}\n");
  ExpectSuccess(Get({"empty"}));
}

TEST_F(GetTest, ValueIsRawBytesAndANewline) {
  const Finished finished = Get({"a", "x", "0", "k"});
  ExpectSuccess(finished);
  EXPECT_EQ(finished.out, "line\nend\n");
}

TEST_F(GetTest, EmptyKeysAndWordsOfTheProgramAreKeys) {
  EXPECT_EQ(Get({"", "", "0", ""}).out, "\n");
  EXPECT_EQ(Get({""}).out, "{\"\":[{\"\":\"\"}]}\n");
  EXPECT_EQ(Get({"--", "-d", "load", "0", ""}).out, "nameless\n");
}

TEST_F(GetTest, AnyWordIsAKey) {
  const std::string data = folder_.Write(
      "k.json",
      R"({"":{"":[{},{"++":"plus","-":"dash"}]},"++":{"++":[{"--":"dashes","get":"verb"}]},)"
      R"("-d":{"--root":[]},"-":{},"--":{"--help":[]},"%%":{},"/x":{},"[a,b]":{},"word":{}})");
  const auto get = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "get");
    const Finished finished = Strata(words);
    ExpectSuccess(finished);
    return finished.out;
  };
  EXPECT_EQ(get({data, "", "", "1", "++"}), "plus\n");
  EXPECT_EQ(get({data, "", "", "1", "-"}), "dash\n");
  EXPECT_EQ(get({data, "++"}), "{\"++\":[{\"--\":\"dashes\",\"get\":\"verb\"}]}\n");
  EXPECT_EQ(get({data, "++", "++", "0", "get"}), "verb\n");
  EXPECT_EQ(get({data, "++", "++", "0", "--", "--"}), "dashes\n");
  EXPECT_EQ(get({"--", data, "--"}), "{\"--help\":[]}\n");
  EXPECT_EQ(get({data, "--", "--", "--help"}), "[]\n");
  EXPECT_EQ(get({"--progress=false", data, "--", "-d", "--root"}), "[]\n");
  for (const char* const key : {"-", "%%", "/x", "[a,b]", "word"}) {
    EXPECT_EQ(get({data, key}), "{}\n");
  }
}

TEST_F(GetTest, OptionsStandAnywhereBeforeTheTwoDashes) {
  const std::string data =
      folder_.Write("w.txt", R"({"++":{"a":{"x":[{"k":"v"}]}},"a":{"x":[{"k":"other"}]}})");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"get", "--root", "/++", "--input-format", "json", data, "a", "x", "0", "k"},
           {"get", data, "a", "--root=/++", "x", "--input-format=json", "0", "k"},
           {"get", data, "a", "x", "0", "k", "--input-format", "json", "--root", "/++"}}) {
    const Finished finished = Strata(words);
    ExpectSuccess(finished);
    EXPECT_EQ(finished.out, "v\n");
  }
}

TEST_F(GetTest, NothingThereIsStatusThreeAndOneLine) {
  ExpectFailure(Get({"b"}), 3, "nothing at outer 'b'");
  ExpectFailure(Get({"a", "z"}), 3, "inner 'z'");
  ExpectFailure(Get({"empty", "x"}), 3, "inner 'x'");
  ExpectFailure(Get({"a", "x", "2"}), 3, "record 2");
  ExpectFailure(Get({"a", "x", "18446744073709551616"}), 3, "record 18446744073709551616");
  ExpectFailure(Get({"a", "x", "1", "k"}), 3, "key 'k'");
  ExpectFailure(Get({"a", "X"}), 3, "inner 'X'");
}

TEST_F(GetTest, IndexThatIsNoNumberIsStatusTwo) {
  for (const char* const index : {"", "one", "1x", "+1", " 1", "1.0", "0x1"}) {
    ExpectFailure(Get({"a", "x", index}), 2, "is no index");
  }
}

}  // namespace
}  // namespace strata::cli
