// The profile, unpacked and read again by protobuf. That pprof itself opens it is shown by
// tests/cli/formats_test.py.
//
// Threads: one.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "tests/accounting/report/read_profile.h"
#include "tests/accounting/report/sample_footprints.h"

#include <strata/report.h>

namespace strata {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(PprofTest, LayersAreStacksWhoseFramesCarryTheirWholePath) {
  const ReadProfile read = ReadPprof(PprofProfile(TwoCaches(), 1234).value());
  EXPECT_THAT(read.types, ElementsAre("total/bytes", "used/bytes", "slack/bytes", "dead/bytes",
                                      "objects/count"));
  EXPECT_EQ(read.default_type, "total");
  EXPECT_EQ(read.time_ns, 1234);
  ASSERT_EQ(read.samples.size(), 6u);
  EXPECT_THAT(read.samples.at("shop:dictionary/bytes < shop:dictionary < shop"),
              ElementsAre(1025, 1000, 20, 5, 3));
  EXPECT_THAT(read.samples.at("users:dictionary/numbers < users:dictionary < users"),
              ElementsAre(921, 900, 0, 21, 12));
  EXPECT_THAT(read.samples.at("users:log < users"), ElementsAre(210'369, 210'000, 369, 0, 33));
  ASSERT_EQ(read.comments.size(), 2u);
  EXPECT_THAT(read.comments[0], HasSubstr("shop: layout packed, 71455 bytes walked"));
}

TEST(PprofTest, EqualFootprintsAreEqualBytes) {
  EXPECT_EQ(PprofProfile(TwoCaches()).value(), PprofProfile(TwoCaches()).value());
}

TEST(PprofTest, CachesThatShareANameAreNumberedAndOddBytesReplaced) {
  const std::vector<NamedFootprint> caches = {SampleFootprint("a\xFF", 1),
                                              SampleFootprint("a\xFF", 2)};
  const ReadProfile read = ReadPprof(PprofProfile(caches).value());
  EXPECT_EQ(read.samples.count("a\uFFFD:log < a\uFFFD"), 1u);
  EXPECT_EQ(read.samples.count("a\uFFFD#2:log < a\uFFFD#2"), 1u);
}

// pprof merges frames of one name. (That it does not merge these is shown by formats_test.py.)
TEST(PprofTest, NoTwoCachesShareAFrameWhateverTheirNames) {
  const std::vector<std::string> names = {
      "x",         "x:log",       "x\\:log", "x:log:log", "x:dictionary", "x/bytes", ":", "",
      "(no name)", "\\(no name)", "x#2",     "x",         "x:log/free"};
  std::vector<NamedFootprint> caches;
  for (const std::string& name : names) caches.push_back(SampleFootprint(name, 1));
  const ReadProfile read = ReadPprof(PprofProfile(caches).value());
  std::map<std::string, std::set<std::string>> roots_of;  // by frame
  for (const auto& [stack, values] : read.samples) {
    const std::vector<std::string> frames = absl::StrSplit(stack, " < ");
    for (const std::string& frame : frames) roots_of[frame].insert(frames.back());
  }
  std::set<std::string> roots;
  for (const auto& [frame, those] : roots_of) {
    EXPECT_EQ(those.size(), 1u) << frame;
    roots.insert(those.begin(), those.end());
  }
  EXPECT_EQ(roots.size(), names.size());
  EXPECT_EQ(roots.count("x\\:log"), 1u);
}

TEST(PprofTest, NoCachesAreAnEmptyProfile) {
  const ReadProfile read = ReadPprof(PprofProfile({}).value());
  EXPECT_TRUE(read.samples.empty());
  EXPECT_EQ(read.types.size(), 5u);
}

}  // namespace
}  // namespace strata
