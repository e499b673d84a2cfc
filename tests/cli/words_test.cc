// The words of a call: what is off in them exits 2 with one line, before anything is read.
#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/cli/program.h"

namespace strata::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Words = std::vector<std::string>;

struct Wrong {
  Words words;
  std::string says;
};

void PrintTo(const Wrong& wrong, std::ostream* out) {
  *out << "strata";
  for (const std::string& word : wrong.words) *out << " '" << word << "'";
}

class WrongWordsTest : public testing::TestWithParam<Wrong> {};

TEST_P(WrongWordsTest, ExitTwoWithOneLineAndNoOutput) {
  ExpectFailure(Strata(GetParam().words), 2, GetParam().says);
}

// None of the files named exists: words are checked first.
INSTANTIATE_TEST_SUITE_P(
    Off, WrongWordsTest,
    testing::Values(
        Wrong{{}, "strata --help"}, Wrong{{"frobnicate"}, "no verb 'frobnicate'"},
        Wrong{{"--frobnicate"}, "--frobnicate"}, Wrong{{"gen"}, "SHAPE"},
        Wrong{{"gen", "round"}, "no shape 'round'"},
        Wrong{{"gen", "forum", "--records", "many"}, "'many' is no number"},
        Wrong{{"gen", "forum", "--records", "-1"}, "--records"},
        Wrong{{"gen", "forum", "--records", "0x10"}, "'0x10' is no number"},
        Wrong{{"gen", "forum", "--records", "1000000000001"}, "'1000000000001' is no number"},
        Wrong{{"gen", "forum", "--seed", ""}, "--seed"},
        Wrong{{"gen", "forum", "--seed", "1", "--seed", "2"}, "--seed"},
        Wrong{{"gen", "forum", "more"}, "more"}, Wrong{{"dump"}, "SOURCE"},
        Wrong{{"dump", ""}, "SOURCE is empty"},
        Wrong{{"dump", "data.xml"}, "data.xml: its name does not say"},
        Wrong{{"dump", "data"}, "--input-format"},
        Wrong{{"dump", "data.gz"}, "its name does not say"},
        Wrong{{"dump", "x.json", "--input-format", "xml"}, "no 'xml'"},
        Wrong{{"dump", "x.json", "--root", "FieldA"}, "'FieldA' is no JSON pointer"},
        Wrong{{"dump", "x.json", "--root", "/a~2"}, "'/a~2' is no JSON pointer"},
        Wrong{{"dump", "x.json", "--defaults-file", "my.cnf"}, "mysql://"},
        Wrong{{"dump", "x.json", "y.json"}, "y.json"}, Wrong{{"dump", "mysql://"}, "mysql"},
        Wrong{{"dump", "mysql://u@h/d"}, "table"},
        Wrong{{"dump", "mysql://u:secret@h/d?table=t"}, "password"},
        Wrong{{"dump", "mysql://u@h/d?table=t&colour=red"}, "colour"},
        Wrong{{"dump", "mysql://u@h/d?table=t&columns=a,a"}, "columns"},
        Wrong{{"dump", "mysql://h/d?table=t"}, "user"},
        Wrong{{"dump", "mysql://u@h/d?table=t&ssl_mode=VERIFY_CA"}, "ssl_ca"},
        Wrong{{"dump", "mysql://u@h/d?table=t", "--root", "/a"}, "--root"},
        Wrong{{"compare", "x.json", "--layouts", "std_map,other"}, "no layout 'other'"},
        Wrong{{"compare", "x.json", "--layouts", "std_map,std_map"}, "named twice"},
        Wrong{{"compare", "x.json", "--layouts", "std_map,"}, "no layout ''"},
        Wrong{{"compare", "x.json", "--format", "xml"}, "no 'xml'"},
        Wrong{{"compare", "x.json", "--lookups", "1.5"}, "'1.5' is no number"},
        Wrong{{"footprint", "x.json", "--layout", "other"}, "no layout 'other'"},
        Wrong{{"footprint", "x.json", "--format", "csv"}, "no 'csv'"},
        Wrong{{"load", "x.json", "--poll-interval", "5"}, "'5' is no duration"},
        Wrong{{"load", "x.json", "--poll-interval", "5h"}, "'5h' is no duration"},
        Wrong{{"load", "x.json", "--poll-interval", "5s"}, "--follow"},
        Wrong{{"load", "x.json", "--follow"}, "--follow is for tables of MySQL"},
        Wrong{{"load", "mysql://u@h/d?table=t", "--follow", "--poll-interval", "1ms"},
              "--poll-interval: 1ms is too short"},
        Wrong{{"load", "x.json", "--listen", ":80"}, "--listen is for --follow"},
        Wrong{{"footprint", "x.json", "--by", "colum"}, "--by 'colum' divides nothing"},
        Wrong{{"footprint", "x.json", "--by", "outer", "--format", "pprof"},
              "--by outer is for text"},
        Wrong{{"footprint", "x.json", "--explain", "--format", "json"}, "--explain is for text"},
        Wrong{{"load", "x.json", "--replace-invalid-utf8"}, "--dump"},
        Wrong{{"get", "x.json"}, "OUTER"}, Wrong{{"get"}, "SOURCE"},
        Wrong{{"get", "x.json", "a", "--root"}, "--root"},
        Wrong{{"get", "x.json", "-d"}, "a key that begins with a dash follows --"},
        Wrong{{"get", "x.json", "--dump", "a"}, "no option --dump"},
        Wrong{{"dump", "x.json", "++"}, "'++' is no word here"}, Wrong{{"++"}, "no verb '++'"},
        Wrong{{"dump", "mariadb://u@h/d?table=t"}, "there is no 'mariadb://' source"},
        Wrong{{"dump", "MySQL://u@h/d?table=t"}, "there is no 'MySQL://' source"},
        Wrong{{"dump", "https://h/f.json"}, "there is no 'https://' source"},
        Wrong{{"dump", "mysql:u@h/d"}, "there is no 'mysql:' source"},
        Wrong{{"load", "x.json", "--dump", ""}, "file to write is empty"},
        Wrong{{"gen", "forum", "-o", ""}, "file to write is empty"},
        Wrong{{"dump", "x.json", "--output="}, "--output"},
        Wrong{{"get", "x.json", "a", "b", "first"}, "'first' is no"},
        Wrong{{"get", "x.json", "a", "b", "-1"}, "'-1' is no"},
        Wrong{{"get", "x.json", "a", "b", "0", "k", "v"}, "v"},
        Wrong{{"bench", "speed", "x.json"}, "no benchmark 'speed'"},
        Wrong{{"bench", "x.json"}, "no benchmark 'x.json': give load, lookup, churn or reclaim"},
        Wrong{{"bench", "load"}, "SOURCE is required: see strata bench load --help"},
        Wrong{{"bench"}, "BENCHMARK is required"},
        Wrong{{"bench", "load", "x.json", "--rounds", "0"}, "--rounds"},
        Wrong{{"bench", "load", "x.json", "--times", "2"}, "--times is for churn"},
        Wrong{{"bench", "lookup", "x.json", "--share", "1"}, "--share is for reclaim"},
        Wrong{{"bench", "churn", "x.json", "--lookups", "1"}, "--lookups is for load"},
        Wrong{{"bench", "churn", "x.json", "--times", "ten"}, "'ten' is no number"},
        Wrong{{"bench", "churn", "x.json", "--rounds", "-1"}, "--rounds"},
        Wrong{{"bench", "churn", "x.json", "--format", "csv"}, "no 'csv'"},
        Wrong{{"bench", "churn", "x.json", "--layouts", "no"}, "no layout 'no'"},
        Wrong{{"bench", "reclaim", "x.json", "--rounds", "1"}, "--rounds is for load"},
        Wrong{{"bench", "reclaim", "x.json", "--share", "1.01"}, "'1.01' is no share"},
        Wrong{{"bench", "reclaim", "x.json", "--share", "half"}, "'half' is no share"},
        Wrong{{"bench", "reclaim", "x.json", "--share", "nan"}, "'nan' is no share"},
        Wrong{{"bench", "reclaim", "x.json", "--share", "0.5x"}, "'0.5x' is no share"},
        Wrong{{"diff", "a.json"}, "B is required"},
        Wrong{{"diff", "-", "-"}, "standard input can be one of the two"},
        Wrong{{"diff", "a.json", "b.json", "--format", "csv"}, "no 'csv'"},
        Wrong{{"explain", "memstats"}, "FILE is required"},
        Wrong{{"explain", "goroutines", "f"}, "'goroutines' to explain"},
        Wrong{{"explain", "mem.json"}, "'mem.json' to explain: give memstats"},
        Wrong{{"explain", "memstats", "f", "--observed", "0"}, "no container is charged 0 bytes"},
        Wrong{{"explain", "memstats", "f", "--observed", "17367mi"}, "'17367mi'"},
        Wrong{{"explain", "memstats", "f", "--observed", "1.2.3Mi"}, "'1.2.3Mi'"},
        Wrong{{"explain", "memstats", "f", "--observed", "Mi"}, "'Mi'"},
        Wrong{{"explain", "memstats", "f", "--observed", "-1"}, "--observed"},
        Wrong{{"explain", "memstats", "f", "--observed", "9e9"}, "'9e9'"},
        Wrong{{"explain", "memstats", "f", "--observed", "99999999Pi"}, "99999999Pi"},
        Wrong{{"explain", "memstats", "-", "--sample", "-"}, "standard input"},
        Wrong{{"explain", "memstats", "f", "--root", "/x"}, "--root is for --sample"},
        Wrong{{"explain", "memstats", "f", "--input-format", "json"}, "--input-format is for"},
        Wrong{{"explain", "memstats", "f", "--defaults-file", "c"}, "--defaults-file is for"},
        Wrong{{"explain", "memstats", "f", "--password-file", "c"}, "--password-file is for"},
        Wrong{{"explain", "memstats", "f", "--progress"}, "--progress is for --sample"},
        Wrong{{"explain", "memstats", "f", "--sample", "data"}, "give --input-format"},
        Wrong{{"--layout-process"}, "strata's own use"}));

INSTANTIATE_TEST_SUITE_P(
    NotInThisVersion, WrongWordsTest,
    testing::Values(
        Wrong{{"diff", "a.strata", "b.strata", "--format", "json"},
              "a difference of saved caches is not in this version"},
        Wrong{{"load", "x.json", "--save", "x.strata"}, "--save is not in this version"},
        Wrong{{"dump", "x.strata"}, "a .strata SOURCE is not in this version"},
        Wrong{{"footprint", "x.json", "--layout", "frozen"},
              "layout 'frozen' is not in this version"},
        Wrong{{"bench", "load", "x.json", "--format", "html"},
              "--format html is not in this version"},
        Wrong{{"footprint", "x.json", "--by", "column"}, "--by column is not in this version"},
        Wrong{{"footprint", "x.json", "--by", "outer", "--layout", "std_map"},
              "--by outer of layout 'std_map' is not in this version"}));

// Where a verb refuses a word, it is the program that names the verb.
TEST(VerbInMessageTest, IsSaidOnce) {
  const std::vector<Words> calls = {
      {"gen", "nope"},
      {"bench", "nope", "x.json"},
      {"bench", "load", "x.json", "--format", "nope"},
      {"bench", "load", "x.json", "--format", "html"},
      {"compare", "x.json", "--format", "nope"},
      {"compare", "x.json", "--format", "pprof"},
      {"footprint", "x.json", "--format", "nope"},
      {"footprint", "x.json", "--by", "column"},
      {"load", "x.json", "--follow"},
  };
  for (const Words& words : calls) {
    const Finished finished = Strata(words);
    const std::string prefix = "strata " + words[0] + ": ";
    ExpectFailure(finished, 2, prefix);
    ASSERT_TRUE(finished.err.starts_with(prefix));
    for (const char* const behind : {" ", ":"}) {
      EXPECT_THAT(finished.err.substr(prefix.size()), testing::Not(HasSubstr(words[0] + behind)));
    }
  }
}

class PasswordTest : public testing::TestWithParam<Words> {};

TEST_P(PasswordTest, IsRefusedAndNeverRepeated) {
  const Finished finished = Strata(GetParam());
  ExpectFailure(finished, 2, "strata");
  EXPECT_THAT(finished.err, testing::Not(HasSubstr("secret")));
}

INSTANTIATE_TEST_SUITE_P(
    Words, PasswordTest,
    testing::Values(
        Words{"load", "mysql://u:secret@h/d?table=t"},
        Words{"load", "e.json", "mysql://u:secret@h/d?table=t"},
        Words{"load", "e.json", "mysql://u@h/d?table=t&password=secret"},
        Words{"load", "mysql://u@h/d?table=t&password=secret"},
        Words{"load", "mysql://u@h/d?table=t&PassWord=secret"},
        Words{"mysql://u:secret@h/d?table=t"}, Words{"--mysql://u:secret@h/d?table=t"},
        Words{"load", "mariadb://u:secret@h/d?table=t"},
        Words{"load", "MySQL://u:secret@h/d?table=t"}, Words{"load", "mysql:u:secret@h/d"},
        Words{"load", "u:secret@h/d"}, Words{"load", "mysql//u:secret@h/d"},
        Words{"load", "mysql://u:se@cret:secret/@h/d?table=t", "more"},
        Words{"load", "e.json", "mysql://u:a secret word@h/d?table=t"},
        Words{"load", "e.json", "mysql://u:a secret\nword@h/d?table=t"},
        Words{"compare", "x.json", "--layouts", "mysql://u:secret@h/d"},
        Words{"compare", "x.json", "--lookups", "u:secret@h"}, Words{"gen", "mysql://u:secret@h/d"},
        Words{"bench", "mysql://u:secret@h/d", "x.json"}, Words{"get", "mysql://u:secret@h/d", "a"},
        Words{"get", "x.json", "a", "b", "mysql://u:secret@h/d"},
        Words{"get", "x.json", "a", "b", "0", "k", "mysql://u:secret@h/d"},
        Words{"load", "mysql://u@h/d?table=t", "--password=secret"},
        Words{"load", "mysql://u@h/d?table=t", "-psecret"},
        Words{"load", "mysql://u@h/d?table=t", "--password", "secret"},
        Words{"--password=secret", "load"}));

TEST(PasswordInMessageTest, OfAFileThatCannotBeOpenedIsMasked) {
  const Finished finished = Strata({"dump", "no-such-folder/u:secret@h/d.json"});
  ExpectFailure(finished, 1, "no-such-folder/u:***@h/d.json");
  EXPECT_THAT(finished.err, testing::Not(HasSubstr("secret")));
  const Finished written = Strata({"gen", "forum", "-o", "no-such-folder/u:secret@h/d.json"});
  ExpectFailure(written, 1, "u:***@h/d.json");
}

TEST(HelpTest, HelpAndVersionAreNoFailures) {
  const Finished help = Strata({"--help"});
  ExpectSuccess(help);
  for (const char* const verb : {"gen", "compare", "footprint", "load", "dump", "get", "bench"}) {
    EXPECT_THAT(help.out, HasSubstr(std::string("\n  ") + verb + " ")) << help.out;
    const Finished of_verb = Strata({verb, "--help"});
    ExpectSuccess(of_verb);
    EXPECT_THAT(of_verb.out, HasSubstr(std::string("strata ") + verb));
  }
  const Finished version = Strata({"--version"});
  ExpectSuccess(version);
  EXPECT_THAT(version.out, StartsWith("strata "));
}

TEST(HelpTest, OfABenchmarkHasItsOwnOptionsAlone) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> options_of = {
      {"load", {"--lookups", "--rounds"}},
      {"lookup", {"--lookups", "--rounds"}},
      {"churn", {"--rounds", "--times"}},
      {"reclaim", {"--share"}}};
  for (const auto& [benchmark, options] : options_of) {
    for (const Words& words : {Words{"bench", benchmark, "--help"}, {"bench", "-h", benchmark}}) {
      const Finished help = Strata(words);
      ExpectSuccess(help);
      EXPECT_THAT(help.out, HasSubstr("strata bench " + benchmark + " [OPTIONS] SOURCE\n"));
      for (const char* const option : {"--lookups", "--rounds", "--times", "--share"}) {
        const bool has = std::find(options.begin(), options.end(), option) != options.end();
        EXPECT_EQ(help.out.find(option) != std::string::npos, has) << help.out;
      }
      EXPECT_THAT(help.out, HasSubstr("--layouts"));
    }
  }
}

TEST(HelpTest, HelpThatCannotBeWrittenIsAFailure) {
  const Finished finished = Strata({"--help"}, {.input = "", .stdout_path = "/dev/full"});
  ExpectFailure(finished, 1, "standard output");
}

}  // namespace
}  // namespace strata::cli
