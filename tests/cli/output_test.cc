// What is written appears whole or not at all, and a failed write is a failure.
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/interrupt.h"
#include "gmock/gmock.h"
#include "tests/cli/program.h"
#include "tests/kit/sanitizers.h"

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

TEST_F(OutputTest, DanglingLinksAreWrittenThrough) {
  ASSERT_EQ(mkdir((folder_ / "d").c_str(), 0755), 0);
  ASSERT_EQ(symlink("d/second.json", (folder_ / "first.json").c_str()), 0);
  ASSERT_EQ(symlink("real.json", (folder_ / "d/second.json").c_str()), 0);
  ExpectSuccess(Strata({"dump", data_, "-o", folder_ / "first.json"}));
  struct stat after = {};
  ASSERT_EQ(lstat((folder_ / "d/real.json").c_str(), &after), 0);
  EXPECT_TRUE(S_ISREG(after.st_mode));
  ASSERT_EQ(lstat((folder_ / "first.json").c_str(), &after), 0);
  EXPECT_TRUE(S_ISLNK(after.st_mode));
  EXPECT_EQ(ReadFile(folder_ / "first.json"), ReadFile(data_));
  // And again, now that its file is there, with the file's mode kept.
  ASSERT_EQ(chmod((folder_ / "d/real.json").c_str(), 0604), 0);
  ExpectSuccess(Strata({"gen", "forum", "--records", "0", "-o", folder_ / "first.json"}));
  EXPECT_EQ(ReadFile(folder_ / "d/real.json"), "{}\n");
  ASSERT_EQ(stat((folder_ / "first.json").c_str(), &after), 0);
  EXPECT_EQ(after.st_mode & 07777, 0604u);
  EXPECT_THAT(folder_.Names(), ElementsAre("d", "f.json", "first.json"));
}

TEST_F(OutputTest, LinkThatLeadsNowhereIsRefused) {
  ASSERT_EQ(symlink("loop.json", (folder_ / "loop.json").c_str()), 0);
  ExpectFailure(Strata({"dump", data_, "-o", folder_ / "loop.json"}), 1, "loop.json");
  ASSERT_EQ(symlink("none/out.json", (folder_ / "lost.json").c_str()), 0);
  ExpectFailure(Strata({"dump", data_, "-o", folder_ / "lost.json"}), 1, "lost.json");
  EXPECT_THAT(folder_.Names(), ElementsAre("f.json", "loop.json", "lost.json"));
}

TEST_F(OutputTest, LoadWithTheDumpOnStandardOutputKeepsItJsonAlone) {
  const Finished finished = Strata({"load", data_, "--dump", "-"});
  EXPECT_EQ(finished.exit, 0);
  EXPECT_EQ(finished.out, ReadFile(data_));
  EXPECT_THAT(finished.err, HasSubstr("1 outer, 1 entry, 1 record, 1 pair\n"));
}

TEST_F(OutputTest, MissingFolderAndFolderAreRefusedByName) {
  ExpectFailure(Strata({"dump", data_, "-o", folder_ / "none/out.json"}), 1, "none/out.json");
  ExpectFailure(Strata({"dump", data_, "-o", folder_.path()}), 1, "is a folder");
}

// Read back, it would be taken for something packed, or for a saved cache.
TEST_F(OutputTest, NameThatSaysOtherThanJsonIsRefusedForJson) {
  const std::vector<std::pair<std::string, std::string>> names = {
      {"x.json.gz", "write to - and pack that with gzip"},
      {"x.json.zst", "write to - and pack that with zstd"},
      {"x.strata", "read as a saved cache: name it .json"}};
  for (const auto& [name, says] : names) {
    const std::string out = folder_ / name;
    ExpectFailure(Strata({"gen", "forum", "--records", "1", "-o", out}), 2, says);
    ExpectFailure(Strata({"dump", data_, "-o", out}), 2, says);
    ExpectFailure(Strata({"load", data_, "--dump", out}), 2, says);
  }
  EXPECT_THAT(folder_.Names(), ElementsAre("f.json"));
  // What really is packed may say so.
  ExpectSuccess(Strata({"footprint", data_, "--format", "pprof", "-o", folder_ / "x.pb.gz"}));
  EXPECT_THAT(folder_.Names(), ElementsAre("f.json", "x.pb.gz"));
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

TEST(InterruptsHeldTest, SignalWaitsUntilWhatWasMadeIsRegistered) {
  const TemporaryFolder folder;
  const std::string made = folder / "made";
  EXPECT_EXIT(
      {
        InstallInterruptHandler();
        {
          const InterruptsHeld held;
          raise(SIGTERM);
          folder.Write("made", "half");
          SetTemporaryFileToRemove(made);
          std::fputs("held; ", stderr);
        }
        std::fputs("went on", stderr);
      },
      testing::ExitedWithCode(1), "held; strata: interrupted by SIGTERM");
  EXPECT_THAT(folder.Names(), IsEmpty());
}

TEST_F(OutputTest, LayoutsProcessHoldsNoSignals) {
  ExpectSuccess(Strata({"gen", "forum", "--records", "100000", "-o", folder_ / "big.json"}));
  Started started({"compare", folder_ / "big.json", "--layouts", "std_map"});
  const pid_t child = started.WaitForChild();
  const std::string process = "/proc/" + std::to_string(child);
  // Between its fork and its exec it is still the parent's image, with all signals held.
  while (ReadFile(process + "/cmdline").find("--layout-process") == std::string::npos) {
    sched_yield();
  }
  std::string blocked;
  std::ifstream file(process + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("SigBlk:")) blocked = line;
  }
  EXPECT_EQ(blocked, "SigBlk:\t0000000000000000");
}

class OutOfMemoryTest : public OutputTest, public testing::WithParamInterface<std::string> {};

TEST_P(OutOfMemoryTest, IsOneLineAndAFailure) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "a sanitizer's shadow is larger than any limit";
  ExpectSuccess(Strata({"gen", "unique", "--records", "200000", "-o", folder_ / "big.json"}));
  // From too little for anything to too little for the whole. The cache takes addresses for at
  // least 1 GiB beside what is really used.
  std::vector<int> limits_kib = {30'000, 40'000, 50'000, 60'000};
  const bool in_child = GetParam().starts_with("compare") || GetParam().starts_with("footprint");
  for (int kib = 1'060'000; !in_child && kib <= 1'068'000; kib += 500) limits_kib.push_back(kib);
  int failed = 0;
  for (const int kib : limits_kib) {
    SCOPED_TRACE(kib);
    const Finished finished =
        Shell("cd '" + folder_.path() + "'; rm -f out.json; ulimit -c 0; ulimit -v " +
              std::to_string(kib) + "; \"$STRATA\" " + GetParam());
    // With less than the libraries take it is the loader that says so, not the program.
    if (finished.exit == 0 || finished.exit == 127) continue;
    ++failed;
    ExpectFailure(finished, 1, "memory");
    EXPECT_THAT(folder_.Names(), ElementsAre("big.json", "f.json"));
  }
  EXPECT_GT(failed, 0);
}

INSTANTIATE_TEST_SUITE_P(Verbs, OutOfMemoryTest,
                         testing::Values("load big.json", "dump big.json -o out.json",
                                         "get big.json field00000", "compare big.json -o out.json",
                                         "footprint big.json --layout interned",
                                         "load - < big.json"));

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
