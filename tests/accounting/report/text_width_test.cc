// Every text form keeps to its 100 columns, whatever the figures and names: a terabyte, paths of
// hundreds of characters, names of any bytes, the terms of both versions of cgroups.
//
// Threads: one.
#include <algorithm>
#include <string>

#include "accounting/report/bench_report.h"
#include "accounting/report/shown_text.h"
#include "gmock/gmock.h"
#include "tests/accounting/report/sample_footprints.h"

#include <strata/go_memory.h>
#include <strata/report.h>

namespace strata {
namespace {

using testing::HasSubstr;

void ExpectNarrow(const std::string& text) {
  ASSERT_TRUE(text.ends_with('\n'));
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    EXPECT_LE(ColumnsOf(line), kTextColumns) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
    EXPECT_EQ(line.find_first_of("\t\r\x1b"), std::string::npos) << line;
    begin = end + 1;
  }
}

// Some 700 GB in 10^10 pairs, under names of every kind.
FootprintReport Large() {
  const NamedFootprint shop = SampleFootprint("shop", 10'000'000);
  FootprintReport report{};
  report.dataset = {.source = "/srv/" + std::string(300, 'p') + "/the last of the path.json",
                    .counts = {.outers = 12'000'000'000,
                               .entries = 120'000'000'000,
                               .records = 1'200'000'000'000,
                               .pairs = 10'000'000'000},
                    .distinct_strings = 9'876'543'210,
                    .text_bytes = 1'234'567'890'123,
                    .digest = ""};
  report.layout.footprint = shop.footprint;
  report.layout.footprint.layers.push_back(
      {.name = std::string(150, 'l') + "/" + std::string(150, 'm'),
       .count = 100'000'000'000,
       .used_bytes = 123'456'789'012,
       .slack_bytes = 99'999'999'999,
       .dead_bytes = 88'888'888'888});
  report.layout.footprint.layers.push_back(
      {.name = "a\nb\x1b[2J\xff/名前", .used_bytes = 123'456'789'012});
  report.layout.allocator = "some malloc";
  report.layout.rss_delta_bytes = 99'999'999'999;
  report.layout.peak_rss_bytes = 99'999'999'999;
  report.layout.load_seconds = 12'345.67;
  report.layout.lookup_ns = 12'345;
  report.layout.scan_ns_per_pair = 12'345;
  report.process.rss_bytes = 999'999'999'999;
  report.process.peak_rss_bytes = 999'999'999'999;
  report.process.anon_bytes = 899'999'999'999;
  report.process.file_bytes = 100'000'000'000;
  report.process.allocator.name = "jemalloc 5.3.0-0-g54eaed1d8b56b1aa528be3bdd1877e59c56fa90c";
  report.process.cgroup = CgroupBooks{.version = 2,
                                      .path = "/sys/fs/cgroup/" + std::string(200, 'g') + "/end",
                                      .current_bytes = 999'999'999'999,
                                      .working_set_bytes = 999'999'999'998,
                                      .limit_bytes = 1'000'000'000'000,
                                      .peak_bytes = 999'999'999'999,
                                      .oom_kills = 123'456};
  for (const char* const of : {"cgroup", "anon", "file"}) {
    report.process.terms.push_back({.of = of,
                                    .name = "anonymous memory of the other processes of the pod",
                                    .bytes = 499'999'999'999,
                                    .source = "memory.kmem.usage_in_bytes"});
    report.process.terms.push_back(
        {.of = of, .name = std::string(120, 'n'), .bytes = -399'999'999'999, .source = "lists"});
  }
  report.std_map_bytes = 9'999'999'999'999;
  report.outers = {{.outer = std::string(2'000, 'o'),
                    .counts = {1, 120'000'000, 1'200'000'000, 12'000'000'000},
                    .exclusive_bytes = 123'456'789'012,
                    .shared_bytes = 123'456'789.5,
                    .freed_bytes = 123'456'789'012},
                   {.outer = "x\n\x1b\xff名前",
                    .counts = {},
                    .exclusive_bytes = 0,
                    .shared_bytes = 0,
                    .freed_bytes = 0}};
  return report;
}

TEST(TextWidthTest, FootprintKeepsToItAndShowsTheEndOfPaths) {
  const std::string text = FootprintText(Large());
  ExpectNarrow(text);
  EXPECT_THAT(text, HasSubstr("the last of the path.json\n"));
  EXPECT_THAT(text, HasSubstr("g/end\n"));
  EXPECT_THAT(text, HasSubstr("a\\nb\\x1b[2J\\xff"));
  EXPECT_THAT(text, HasSubstr("x\\n\\x1b\\xff名前"));
  // What had no room beside the figures goes on below, whole.
  EXPECT_EQ(std::count(text.begin(), text.end(), 'n') >= 3 * 120, true);
}

TEST(TextWidthTest, FootprintWithoutPairsContainerOrRatioKeepsToIt) {
  FootprintReport report = Large();
  report.dataset.counts = {};
  report.process.cgroup.reset();
  report.std_map_bytes.reset();
  report.outers.clear();
  ExpectNarrow(FootprintText(report));
  ExpectNarrow(FootprintText(FootprintReport{}));
}

TEST(TextWidthTest, ComparisonKeepsToIt) {
  CompareReport report;
  report.dataset = Large().dataset;
  for (const char* const name : {"std_map", "std_unordered_map", "a layout of a long name"}) {
    report.layouts.push_back(Large().layout);
    report.layouts.back().footprint.layout = name;
  }
  ExpectNarrow(CompareText(report));
}

TEST(TextWidthTest, DifferenceKeepsToItAndSaysItsUnit) {
  FootprintDiff diff{.name_a = std::string(300, 'a'), .name_b = "b\n.json", .a = Large(), .b = {}};
  const std::string large = DiffText(diff);
  ExpectNarrow(large);
  EXPECT_THAT(large, HasSubstr("\nMiB\n"));
  EXPECT_THAT(large, HasSubstr("b\\n.json"));
  diff.a = {};
  diff.a.layout.footprint = SampleFootprint("shop", 100'000).footprint;
  diff.a.process.rss_bytes = 9'999'999'999;
  const std::string small = DiffText(diff);
  ExpectNarrow(small);
  EXPECT_THAT(small, HasSubstr("\nbytes\n"));
}

TEST(TextWidthTest, BenchKeepsToIt) {
  for (const char* const benchmark : {"load", "lookup"}) {
    BenchReport report;
    report.benchmark = benchmark;
    report.dataset = Large().dataset;
    report.rows = {{.layout = "std_unordered_map",
                    .load_seconds = {123'456.789},
                    .lookup_ns = {12'345},
                    .lookup_batch_ns = {12'345},
                    .scan_ns_per_pair = {12'345}}};
    ExpectNarrow(BenchText(report));
  }
}

}  // namespace
}  // namespace strata
