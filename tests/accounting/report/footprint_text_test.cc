// A footprint as text: one screen, small branches folded, nothing hidden.
//
// Threads: one.
#include <algorithm>
#include <string>

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
                    .counts = shop.counts,
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
  EXPECT_THAT(text, Not(HasSubstr("container")));
}

TEST(FootprintTextTest, ContainerComesBeforeAllElseWhereThereIsOne) {
  FootprintReport report = Sample();
  report.process.terms.push_back(
      {.of = "cgroup", .name = "anonymous", .bytes = 800'000, .source = "memory.stat"});
  const std::string text = FootprintText(report);
  EXPECT_LT(text.find("container, working set"), text.find("anonymous memory"));
}

TEST(FootprintTextTest, LayersAreATreeAndSmallOnesOneLine) {
  FootprintReport report = Sample();
  const std::string whole = FootprintText(report);
  EXPECT_THAT(whole, ContainsRegex("\nlog +701,230 +98.1% +17530.8 +700,000 +1,230 +0\n"));
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

TEST(FootprintTextTest, RatioToStdMapIsShownWhereItIsKnown) {
  FootprintReport report = Sample();
  EXPECT_THAT(FootprintText(report), Not(HasSubstr("std::map")));
  report.std_map_bytes = 7'145'500;
  EXPECT_THAT(FootprintText(report),
              HasSubstr("0.100 of what nested std::map takes, 7,145,500 bytes"));
}

TEST(FootprintTextTest, FitsOneScreen) {
  const std::string text = FootprintText(Sample());
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 40);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 100u) << text.substr(begin, end - begin);
    begin = end + 1;
  }
}

}  // namespace
}  // namespace strata
