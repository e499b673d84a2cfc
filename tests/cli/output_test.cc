// What is written appears whole or not at all, and a failed write is a failure.
#include <signal.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/cli/program.h"

namespace strata::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class OutputTest : public testing::Test {
 protected:
  void SetUp() override { data_ = folder_.Write("f.json", "{\"a\":{\"x\":[{\"k\":\"v\"}]}}\n"); }

  TemporaryFolder folder_;
  std::string data_;
};

TEST_F(OutputTest, FullDiskIsAFailure) {
  const std::vector<std::vector<std::string>> calls = {
      {"gen", "forum", "--records", "100000"},
      {"gen", "forum", "--records", "1"},
      {"dump", data_},
      {"load", data_},
      {"get", data_, "a"},
      {"get", data_, "a", "x", "0", "k"},
      {"footprint", data_},
      {"compare", data_, "--layouts", "interned"},
      {"bench", "load", data_, "--layouts", "interned", "--rounds", "1"},
  };
  for (const std::vector<std::string>& words : calls) {
    ExpectFailure(Strata(words, {.input = "", .stdout_path = "/dev/full"}), 1,
                  "standard output: could not be written to the end: No space left on device");
  }
  ExpectFailure(Strata({"dump", data_, "-o", "/dev/full"}), 1, "/dev/full: could not be written");
  ExpectFailure(Strata({"load", data_, "--dump", "/dev/full"}), 1, "/dev/full");
}

TEST_F(OutputTest, ClosedPipeIsAFailureAndNoDeath) {
  // The reader is gone before the first byte: it is waited for.
  const std::string messages = folder_ / "messages";
  const Finished finished = Shell(
      "mkfifo '" + (folder_ / "p") + "'; sh -c ': < \"$0\"' '" + (folder_ / "p") + "' & exec 3> '" +
      (folder_ / "p") + "'; wait; \"$STRATA\" gen forum --records 100000 >&3; echo \"exit $?\"");
  EXPECT_THAT(finished.out, HasSubstr("exit 1"));
  EXPECT_THAT(finished.err,
              HasSubstr("standard output: could not be written to the end: Broken pipe"));
}

TEST_F(OutputTest, DeviceIsWrittenAndNotReplaced) {
  ExpectSuccess(Strata({"dump", data_, "-o", "/dev/null"}));
  struct stat after = {};
  ASSERT_EQ(stat("/dev/null", &after), 0);
  EXPECT_TRUE(S_ISCHR(after.st_mode));
}

TEST_F(OutputTest, DashIsStandardOutput) {
  const Finished finished = Strata({"dump", data_, "-o", "-"});
  ExpectSuccess(finished);
  EXPECT_EQ(finished.out, ReadFile(data_));
}

TEST_F(OutputTest, FileIsReplacedWholeAndKeepsItsMode) {
  const std::string out = folder_.Write("out.json", "old");
  ASSERT_EQ(chmod(out.c_str(), 0640), 0);
  ExpectSuccess(Strata({"dump", data_, "-o", out}));
  EXPECT_EQ(ReadFile(out), ReadFile(data_));
  struct stat after = {};
  ASSERT_EQ(stat(out.c_str(), &after), 0);
  EXPECT_EQ(after.st_mode & 07777, 0640u);
  EXPECT_THAT(folder_.Names(), ElementsAre("f.json", "out.json"));
}

TEST_F(OutputTest, SourceMayBeReplacedByItsDump) {
  const std::string before = ReadFile(data_);
  ExpectSuccess(Strata({"dump", data_, "-o", data_}));
  EXPECT_EQ(ReadFile(data_), before);
}

TEST_F(OutputTest, SymbolicLinkStaysAndItsFileIsReplaced) {
  const std::string real = folder_.Write("real.json", "old");
  const std::string link = folder_ / "link.json";
  ASSERT_EQ(symlink(real.c_str(), link.c_str()), 0);
  ExpectSuccess(Strata({"dump", data_, "-o", link}));
  EXPECT_EQ(ReadFile(real), ReadFile(data_));
  EXPECT_THAT(folder_.Names(), ElementsAre("f.json", "link.json", "real.json"));
}

TEST_F(OutputTest, MissingFolderAndFolderAreRefusedByName) {
  ExpectFailure(Strata({"dump", data_, "-o", folder_ / "none/out.json"}), 1, "none/out.json");
  ExpectFailure(Strata({"dump", data_, "-o", folder_.path()}), 1, "is a folder");
}

TEST_F(OutputTest, OldFileStaysWhereTheVerbFails) {
  const std::string out = folder_.Write("out.json", "old");
  ExpectFailure(Strata({"dump", folder_ / "none.json", "-o", out}), 1, "none.json");
  EXPECT_EQ(ReadFile(out), "old");
}

class InterruptTest : public testing::TestWithParam<int> {
 protected:
  TemporaryFolder folder_;
};

TEST_P(InterruptTest, StopsInTheMiddleOfReadingAndLeavesNothing) {
  const std::string out = folder_ / "out.json";
  const std::vector<std::vector<std::string>> calls = {
      {"load", "-", "--dump", out}, {"dump", "-", "-o", out}, {"compare", "-", "-o", out}};
  for (const std::vector<std::string>& words : calls) {
    Started started(words);
    started.WriteInput("{\"a\":{\"x\":[{\"k\":\"v\"}");
    started.WaitUntilInputIsRead();
    ASSERT_EQ(kill(started.pid(), GetParam()), 0);
    const Finished finished = started.Wait();
    ExpectFailure(finished, 1, "interrupted by SIG");
    EXPECT_THAT(folder_.Names(), IsEmpty()) << words.front();
  }
}

INSTANTIATE_TEST_SUITE_P(Signals, InterruptTest, testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST_F(OutputTest, EvenAKilledProcessLeavesNothing) {
  Started started({"dump", "-", "-o", folder_ / "out.json"});
  started.WriteInput("{\"a\":{");
  started.WaitUntilInputIsRead();
  ASSERT_EQ(kill(started.pid(), SIGKILL), 0);
  EXPECT_EQ(started.Wait().signal, SIGKILL);
  EXPECT_THAT(folder_.Names(), ElementsAre("f.json"));
}

}  // namespace
}  // namespace strata::cli
