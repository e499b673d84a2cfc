// A footprint as text: one screen, small branches folded, nothing hidden.
//
// Threads: one.
#include <algorithm>
#include <string>
#include <utility>

#include "accounting/report/meanings.h"
#include "accounting/report/shown_text.h"
#include "gmock/gmock.h"
#include "tests/accounting/report/sample_footprints.h"

#include <strata/report.h>

namespace strata {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

FootprintReport Sample() {
  const NamedFootprint shop = SampleFootprint("shop", 10);
  FootprintReport report{};
  report.dataset = {.source = "shop.json",
                    .counts = shop.footprint.counts,
                    .distinct_strings = {},
                    .text_bytes = {},
                    .digest = ""};
  report.layout.footprint = shop.footprint;
  report.process.rss_bytes = 1'000'000;
  report.process.anon_bytes = 800'000;
  report.process.file_bytes = 200'000;
  report.process.terms = {{.of = "anon", .name = "layout", .bytes = 714'550, .source = "door"},
                          {.of = "file", .name = "libraries", .bytes = 210'000, .source = "maps"}};
  return report;
}

TEST(FootprintTextTest, ProcessComesFirstWithEachRestAndItsSign) {
  const std::string text = FootprintText(Sample());
  EXPECT_THAT(text, ContainsRegex("anonymous memory +800,000 +100.0% +20000.0"));
  EXPECT_THAT(text, ContainsRegex("  layout +714,550 +89.3% +17863.8 +door"));
  EXPECT_THAT(text, ContainsRegex("  unexplained +85,450 +10.7%"));
  EXPECT_THAT(text, ContainsRegex("  unexplained +-10,000 +-5.0%"));
  EXPECT_LT(text.find("anonymous memory"), text.find("all layers"));
  EXPECT_THAT(text, HasSubstr("no container, or none whose memory can be read"));
  EXPECT_THAT(text, Not(HasSubstr("working set")));
}

TEST(FootprintTextTest, AProcessThatWasNotAskedHasNoFigures) {
  FootprintReport report = Sample();
  report.process = {};
  const std::string text = FootprintText(report);
  EXPECT_THAT(text, HasSubstr("the process was not asked\n"));
  EXPECT_THAT(text, Not(HasSubstr("resident")));
  EXPECT_THAT(text, HasSubstr("all layers"));
}

TEST(FootprintTextTest, ContainerComesBeforeAllElseWhereThereIsOne) {
  FootprintReport report = Sample();
  report.process.terms.push_back(
      {.of = "cgroup", .name = "anonymous", .bytes = 800'000, .source = "memory.stat"});
  const std::string text = FootprintText(report);
  EXPECT_LT(text.find("container's working set"), text.find("anonymous memory"));
}

TEST(FootprintTextTest, LayersAreATreeAndSmallOnesOneLine) {
  FootprintReport report = Sample();
  const std::string whole = FootprintText(report);
  EXPECT_THAT(whole, ContainsRegex("\nlog +701,230 +98.1% +17530.8 +99.8% +0.2% +0.0%\n"));
  EXPECT_THAT(whole, ContainsRegex("\ndictionary +13,320 +1.9%"));
  EXPECT_THAT(whole, ContainsRegex("\n  bytes +10,250 +1.4%"));
  EXPECT_THAT(whole, ContainsRegex("\n  numbers +3,070 +0.4%"));
  EXPECT_THAT(whole, ContainsRegex("\nall layers +714,550 +100.0%"));
  for (const char* const name : {"policy", "scratch"}) {
    report.layout.footprint.layers.push_back({.name = name, .used_bytes = 100});
  }
  report.layout.footprint.allocated_bytes += 200;
  const std::string folded = FootprintText(report);
  EXPECT_THAT(folded, ContainsRegex("\n.2 small ones. +200 +0.0%"));
  EXPECT_THAT(folded, ContainsRegex("\nall layers +714,750 +100.0%"));
  EXPECT_THAT(folded, HasSubstr("walked 714,750 bytes = counted at the door"));
}

TEST(FootprintTextTest, WhatIsDeadAfterALoadAndHeldAnyhowIsSaidWhereItIsSeen) {
  FootprintReport report = Sample();
  const std::string before = FootprintText(report);
  EXPECT_THAT(before, Not(HasSubstr("dead: ")));
  EXPECT_THAT(before, Not(HasSubstr("however little")));
  report.layout.footprint.layers.push_back({.name = "log/dead", .dead_bytes = 10'000});
  report.layout.footprint.allocated_bytes += 10'000;
  report.layout.empty_bytes = 72'455;
  const std::string text = FootprintText(report);
  EXPECT_THAT(text, HasSubstr("\ndead: replaced or deleted, also as the data came in"));
  EXPECT_THAT(text, HasSubstr("; 72,455 of them, 10.0%, are held however little there is\n"));
}

TEST(FootprintTextTest, ALayerMayHaveOthersBelowIt) {
  FootprintReport report = Sample();
  report.layout.footprint.layers.push_back({.name = "log/dead", .dead_bytes = 10'000});
  EXPECT_THAT(FootprintText(report), ContainsRegex("\nlog +711,230 .*\n  log +701,230"));
}

TEST(FootprintTextTest, ContainersLimitPeakAndOomKillsAreShown) {
  FootprintReport report = Sample();
  report.process.cgroup = CgroupBooks{.version = 2,
                                      .path = "/sys/fs/cgroup/a",
                                      .current_bytes = 1'500'000,
                                      .working_set_bytes = 1'400'000,
                                      .limit_bytes = 2'000'000,
                                      .peak_bytes = 1'600'000,
                                      .oom_kills = 3};
  EXPECT_THAT(FootprintText(report),
              HasSubstr("container, cgroup v2: /sys/fs/cgroup/a\n"
                        "  charged 1,500,000, at the peak 1,600,000, limit 2,000,000 (75.0% of it "
                        "charged), OOM kills 3\n"));
  report.process.cgroup->limit_bytes.reset();
  report.process.cgroup->peak_bytes.reset();
  EXPECT_THAT(FootprintText(report), HasSubstr("at the peak unknown, limit none, OOM kills 3\n"));
}

TEST(FootprintTextTest, TermsThatAreZeroAreOneLine) {
  FootprintReport report = Sample();
  for (const char* const name : {"stacks", "data"}) {
    report.process.terms.push_back({.of = "anon", .name = name, .bytes = 0, .source = "maps"});
  }
  const std::string text = FootprintText(report);
  EXPECT_THAT(text, ContainsRegex("\n  .2 that are 0. +0 +0.0%"));
  EXPECT_THAT(text, Not(HasSubstr("stacks")));
}

TEST(FootprintTextTest, RatioToStdMapIsShownOfEachLayerWhereItIsKnown) {
  FootprintReport report = Sample();
  EXPECT_THAT(FootprintText(report), Not(HasSubstr("of std_map")));
  report.std_map_bytes = 7'145'500;
  EXPECT_THAT(FootprintText(report), ContainsRegex("layers +bytes +share +bytes/pair +of std_map"));
  EXPECT_THAT(FootprintText(report), ContainsRegex("\ndictionary +13,320 +1.9% +333.0 +0.0019"));
  EXPECT_THAT(FootprintText(report), ContainsRegex("\nall layers .* 0.1000 "));
  EXPECT_THAT(FootprintText(report),
              HasSubstr("0.100 of what nested std::map takes, 7,145,500 bytes"));
}

TEST(FootprintTextTest, FitsOneScreen) {
  FootprintReport report = Sample();
  // As many terms and layers as a machine with a container and the engine have.
  report.process.cgroup = CgroupBooks{};
  for (const auto& [of, count] :
       {std::pair("cgroup", 7), std::pair("anon", 9), std::pair("file", 2)}) {
    for (int i = 0; i < count; ++i) {
      report.process.terms.push_back(
          {.of = of, .name = std::string(30, 'n'), .bytes = 1, .source = "memory.stat, lists"});
    }
  }
  report.std_map_bytes = 7'145'500;
  const std::string text = FootprintText(report);
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 50);
}

TEST(FootprintTextTest, ShowsHowNearTheLimitItIsAndWhoKeepsMemoryBack) {
  FootprintReport report{};
  report.layout.footprint = SampleFootprint("shop", 10).footprint;
  const std::string plain = FootprintText(report);
  EXPECT_THAT(plain, HasSubstr("walked 714,550 bytes = counted at the door\n"));
  EXPECT_THAT(plain, Not(HasSubstr("guard")));
  report.layout.footprint.memory_limit_bytes = 1'429'100;
  report.layout.footprint.oldest_guard_seconds = 12.34;
  report.layout.footprint.layers.push_back({.name = "retained", .dead_bytes = 262'144});
  report.layout.footprint.allocated_bytes += 262'144;
  const std::string text = FootprintText(report);
  EXPECT_THAT(text, HasSubstr("= counted at the door; 68.3% of its limit of 1,429,100\n"));
  EXPECT_THAT(text, HasSubstr("the oldest guard has been open for 12.34 s; 262,144 bytes are kept "
                              "for guards\n"));
}

TEST(MeaningsTextTest, SaysWhatEachNameOfTheTextMeansOnce) {
  FootprintReport report = Sample();
  report.process.terms = {
      {.of = "anon", .name = "layout packed of shop", .bytes = 2, .source = "door"},
      {.of = "anon", .name = "layout packed of other", .bytes = 2, .source = "door"},
      {.of = "anon", .name = "stacks", .bytes = 1, .source = "smaps"},
      {.of = "anon", .name = "states of arenas", .bytes = 0, .source = "heap walk"},
      {.of = "file", .name = "somebody else's", .bytes = 1, .source = "maps"}};
  report.layout.footprint.layers = {{.name = "log/blobs"}, {.name = "log/dead"}};
  const std::string text = MeaningsText(report);
  EXPECT_THAT(text, ContainsRegex("\n  layout: [^\n]+\n  stacks: of all threads\nwhat"));
  EXPECT_THAT(text, ContainsRegex("\n  log: [^\n]+\n  log/blobs: [^\n]+\n  log/dead: "));
  EXPECT_THAT(text, HasSubstr("\n  slack: "));
  EXPECT_THAT(text, Not(HasSubstr("arenas")));
}

TEST(MeaningsTextTest, TermsOfThisProcessHaveMeaningsAndLinesAreNarrow) {
  const absl::StatusOr<ProcessBooks> books = ReadProcessBooks({});
  if (!books.ok()) GTEST_SKIP() << books.status();
  for (const MemoryTerm& term : books->terms) {
    EXPECT_TRUE(std::any_of(TermMeanings().begin(), TermMeanings().end(),
                            [&](const Meaning& meaning) { return meaning.word == term.name; }))
        << term.name;
  }
  FootprintReport report;
  for (const Meaning& meaning : TermMeanings()) {
    report.process.terms.push_back(
        {.of = "anon", .name = std::string(meaning.word), .bytes = 1, .source = "test"});
  }
  for (const Meaning& meaning : LayerMeanings()) {
    report.layout.footprint.layers.push_back({.name = std::string(meaning.word)});
  }
  const std::string text = MeaningsText(report);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    EXPECT_LE(ColumnsOf(std::string_view(text).substr(at, end - at)), kTextColumns);
    at = end + 1;
  }
}

}  // namespace
}  // namespace strata
