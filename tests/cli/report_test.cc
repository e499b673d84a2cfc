// Reports: what is written can be read back, and text shows what figures mean.

#include <limits>
#include <string>

#include "accounting/report/bench_report.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"

#include <strata/report.h>

namespace strata {
namespace {

using testing::HasSubstr;

LayoutReport MakeLayoutReport(const std::string& name, std::uint64_t used, std::uint64_t slack) {
  LayoutReport layout;
  layout.footprint.layout = name;
  layout.footprint.layers = {
      {.name = "a/b", .count = 3, .used_bytes = used, .slack_bytes = slack, .dead_bytes = 7}};
  layout.footprint.allocated_bytes = used + slack + 7;
  layout.allocator = "some malloc";
  layout.rss_delta_bytes = -4096;
  layout.peak_rss_bytes = 1u << 20;
  layout.load_seconds = 0.25;
  layout.load_allocated_bytes = 5000;
  layout.load_allocations = 50;
  layout.lookup_ns = 12.5;
  layout.scan_ns_per_pair = 1.5;
  layout.digest = "d1";
  return layout;
}

FootprintReport MakeFootprintReport() {
  FootprintReport report;
  report.dataset = {.source = "f.json",
                    .counts = {.outers = 1, .entries = 2, .records = 3, .pairs = 4},
                    .distinct_strings = 5,
                    .text_bytes = 6,
                    .digest = "d1"};
  report.layout = MakeLayoutReport("std_map", 1'000'000, 93);
  report.process = {
      .rss_bytes = 100,
      .peak_rss_bytes = 200,
      .anon_bytes = 60,
      .file_bytes = 40,
      .allocator = {.name = "some malloc", .figures = {{"allocated_bytes", 1}, {"free_bytes", 2}}},
      .cgroup = CgroupBooks{.version = 2,
                            .path = "/sys/fs/cgroup/a",
                            .current_bytes = 900,
                            .working_set_bytes = 500,
                            .limit_bytes = std::nullopt,
                            .peak_bytes = 1000,
                            .oom_kills = 1},
      .terms = {{.of = "anon", .name = "a", .bytes = 50, .source = "s"},
                {.of = "anon", .name = "b", .bytes = 15, .source = "s"},
                {.of = "file", .name = "c", .bytes = 10, .source = "s"},
                {.of = "cgroup", .name = "d", .bytes = 490, .source = "s"}}};
  return report;
}

TEST(ReportTest, FootprintReadBackIsTheSame) {
  FootprintReport report = MakeFootprintReport();
  report.outers = {{.outer = "o\n1",
                    .counts = {.outers = 1, .entries = 2, .records = 3, .pairs = 4},
                    .exclusive_bytes = 500,
                    .shared_bytes = 12.5,
                    .freed_bytes = 400}};
  const std::string json = FootprintJson(report);
  EXPECT_EQ(FootprintJson(ParseFootprintJson(json).value()), json);
  EXPECT_THAT(json, HasSubstr("\"lookup_batch_ns\": null"));
  EXPECT_THAT(json, HasSubstr("\"rss_delta_bytes\": -4096"));

  EXPECT_THAT(FootprintText(report), HasSubstr("o\\n1"));
  report.outers.clear();
  report.process.allocator.figures.clear();
  report.process.cgroup.reset();
  report.layout.lookup_ns.reset();
  const std::string less = FootprintJson(report);
  EXPECT_NE(less, json);
  EXPECT_EQ(FootprintJson(ParseFootprintJson(less).value()), less);
}

TEST(ReportTest, RestOfTheTermsIsSignedAndShown) {
  const FootprintReport report = MakeFootprintReport();
  EXPECT_EQ(report.process.UnexplainedBytes("anon"), -5);
  EXPECT_EQ(report.process.UnexplainedBytes("file"), 30);
  const auto process = nlohmann::json::parse(FootprintJson(report)).at("process");
  EXPECT_EQ(process.at("unexplained_bytes").at("anon"), -5);
  EXPECT_EQ(process.at("unexplained_bytes").at("file"), 30);
  EXPECT_EQ(process.at("unexplained_bytes").at("cgroup"), 10);
  EXPECT_EQ(process.at("terms").size(), 4u);
  EXPECT_EQ(process.at("cgroup").at("version"), 2);
  EXPECT_TRUE(process.at("cgroup").at("limit_bytes").is_null());
  EXPECT_THAT(FootprintText(report), testing::ContainsRegex("unexplained +-5 "));
}

TEST(ReportTest, WhatIsNoFootprintIsRefused) {
  const std::string json = FootprintJson(MakeFootprintReport());
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), json.substr(0, json.size() / 2)}) {
    EXPECT_EQ(ParseFootprintJson(text).status().code(), absl::StatusCode::kInvalidArgument);
  }
  // Each field that is taken away or of another kind is missed.
  const auto whole = nlohmann::json::parse(json);
  for (const char* const field : {"layers", "allocated_bytes", "load_seconds", "lookup_ns",
                                  "digest", "dataset", "process", "layout"}) {
    auto less = whole;
    less.erase(field);
    EXPECT_FALSE(ParseFootprintJson(less.dump()).ok()) << field;
    less[field] = true;
    EXPECT_FALSE(ParseFootprintJson(less.dump()).ok()) << field;
  }
}

TEST(ReportTest, FootprintOfAnotherSchemaOrThatDoesNotAddUpIsRefused) {
  const auto whole = nlohmann::json::parse(FootprintJson(MakeFootprintReport()));
  const auto said = [&](const auto& change) {
    auto changed = whole;
    change(changed);
    return std::string(ParseFootprintJson(changed.dump()).status().message());
  };
  EXPECT_THAT(said([](auto& json) { json["schema"] = 2; }), HasSubstr("another schema"));
  EXPECT_THAT(said([](auto& json) { json.erase("schema"); }), HasSubstr("'schema' not found"));
  EXPECT_THAT(said([](auto& json) { json["layouts"] = {json}; }), HasSubstr("several layouts"));
  EXPECT_THAT(said([](auto& json) { json["total_bytes"] = 1; }), HasSubstr("do not add up"));
  EXPECT_THAT(said([](auto& json) { json["layers"].erase(0); }), HasSubstr("do not add up"));
  EXPECT_THAT(said([](auto& json) { json["layers"][0]["total_bytes"] = 1; }),
              HasSubstr("are not its total"));
  EXPECT_THAT(said([](auto& json) { json["layers"].push_back(json["layers"][0]); }),
              HasSubstr("a layer twice"));
}

TEST(ReportTest, OneOfAThingIsSaidInTheSingularAndAnEmptyNameIsSeen) {
  FootprintReport report = MakeFootprintReport();
  report.dataset.source = "";
  report.dataset.counts = {.outers = 1, .entries = 1, .records = 1, .pairs = 1};
  report.outers = {{.outer = "", .counts = {}, .exclusive_bytes = 5}};
  const std::string text = FootprintText(report);
  EXPECT_THAT(text, HasSubstr("(empty)\n1 outer, 1 entry, 1 record, 1 pair"));
  EXPECT_THAT(text, testing::ContainsRegex("\n\\(empty\\) +0 +0 +5 "));
  report.dataset.counts = {.outers = 2, .entries = 0, .records = 1'000, .pairs = 3};
  EXPECT_THAT(FootprintText(report), HasSubstr("2 outers, 0 entries, 1,000 records, 3 pairs"));
}

TEST(ReportTest, FiguresThatCannotBeAreRefused) {
  const auto whole = nlohmann::json::parse(FootprintJson(MakeFootprintReport()));
  for (const char* const figure : {"-5", "1e30", "1.5", "18446744073709551615", "\"5\"", "null",
                                   "99999999999999999999999", "[]"}) {
    for (const char* const place :
         {"/layers/0/used_bytes", "/layers/0/count", "/allocated_bytes", "/dataset/pairs",
          "/process/rss_bytes", "/process/allocator/free_bytes", "/process/cgroup/current_bytes"}) {
      auto changed = whole;
      changed[nlohmann::json::json_pointer(place)] = nlohmann::json::parse(figure);
      const auto report = ParseFootprintJson(changed.dump());
      EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument) << place << figure;
    }
  }
  // A term may be negative, and no more than that.
  auto changed = whole;
  changed["process"]["terms"][0]["bytes"] = -5;
  EXPECT_EQ(ParseFootprintJson(changed.dump())->process.terms[0].bytes, -5);
  changed["process"]["terms"][0]["bytes"] = std::numeric_limits<std::int64_t>::min();
  EXPECT_FALSE(ParseFootprintJson(changed.dump()).ok());
}

TEST(ReportTest, SourceOfAnyBytesStaysJson) {
  FootprintReport report = MakeFootprintReport();
  report.dataset.source = "a\xFF\"b";
  EXPECT_TRUE(nlohmann::json::accept(FootprintJson(report)));
}

TEST(ReportTest, CompareTextShowsRatiosToStdMap) {
  CompareReport report;
  report.dataset = MakeFootprintReport().dataset;
  report.layouts = {MakeLayoutReport("std_map", 1'000'000, 93),
                    MakeLayoutReport("small", 250'000, 18)};
  const std::string text = CompareText(report);
  EXPECT_THAT(text, HasSubstr("1.000"));
  EXPECT_THAT(text, HasSubstr("0.250"));
  EXPECT_THAT(text, HasSubstr("1,000,100"));
  EXPECT_THAT(text, HasSubstr("250025.0"));
  EXPECT_THAT(text, HasSubstr("equal"));
  EXPECT_THAT(text, testing::Not(HasSubstr("DIFFER")));
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 100u) << text.substr(begin, end - begin);
    begin = end + 1;
  }
}

// Of little data MiB have no digits, and what is there without any is most of it.
TEST(ReportTest, LittleDataIsShownInSmallUnitsBesideWhatIsHeldAnyhow) {
  CompareReport report;
  report.dataset = MakeFootprintReport().dataset;
  report.dataset.text_bytes = 3000;
  report.layouts = {MakeLayoutReport("std_map", 1'000'000, 93),
                    MakeLayoutReport("small", 50'000, 18)};
  report.layouts[1].empty_bytes = 16'520;
  const std::string text = CompareText(report);
  EXPECT_THAT(text, testing::ContainsRegex("layout +KiB +bytes/pair"));
  EXPECT_THAT(text, HasSubstr("2.9 KiB of text"));
  EXPECT_THAT(text, HasSubstr("of that, held however little there is: small 16.1 KiB\n"));
  EXPECT_THAT(text, HasSubstr("dead: replaced or deleted, also as"));
  report.layouts = {MakeLayoutReport("small", 500, 18)};
  EXPECT_THAT(CompareText(report), testing::ContainsRegex("layout +bytes +bytes/pair"));
  report.layouts = {MakeLayoutReport("large", 5'000'000, 18)};
  report.layouts[0].empty_bytes = 16'520;
  EXPECT_THAT(CompareText(report), testing::ContainsRegex("layout +MiB +bytes/pair"));
  EXPECT_THAT(CompareText(report), testing::Not(HasSubstr("however little")));
}

TEST(ReportTest, WhatIsHeldAnyhowIsReadBackAndMayBeUnknown) {
  FootprintReport report = MakeFootprintReport();
  report.layout.empty_bytes = 7;
  absl::StatusOr<FootprintReport> read = ParseFootprintJson(FootprintJson(report));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->layout.empty_bytes, 7u);
  nlohmann::json older = nlohmann::json::parse(FootprintJson(report));
  older.erase("empty_bytes");
  read = ParseFootprintJson(older.dump());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->layout.empty_bytes, std::nullopt);
}

TEST(ReportTest, WrongBooksAndOtherContentAreShown) {
  CompareReport report;
  report.dataset = MakeFootprintReport().dataset;
  report.layouts = {MakeLayoutReport("std_map", 10, 2)};
  report.layouts[0].footprint.allocated_bytes += 1;
  EXPECT_THAT(CompareText(report), HasSubstr("counted at the door DIFFER"));
  report.layouts[0].digest = "d2";
  EXPECT_THAT(CompareText(report), HasSubstr("DIFFERS"));
  FootprintReport footprint = MakeFootprintReport();
  footprint.layout.footprint.allocated_bytes += 1;
  EXPECT_THAT(FootprintText(footprint), HasSubstr("the books are wrong"));
}

TEST(ReportTest, MedianIsTheMiddleOrTheMeanOfTheTwo) {
  EXPECT_EQ(Median({}), std::nullopt);
  EXPECT_EQ(Median({3}), 3.0);
  EXPECT_EQ(Median({9, 1, 2}), 2.0);
  EXPECT_EQ(Median({4, 1, 3, 2}), 2.5);
}

TEST(ReportTest, ProcessWithoutACgroupHasNoFiguresOfOne) {
  FootprintReport report = MakeFootprintReport();
  report.process.cgroup.reset();
  const auto process = nlohmann::json::parse(FootprintJson(report)).at("process");
  EXPECT_TRUE(process.at("cgroup").is_null());
  EXPECT_TRUE(process.at("unexplained_bytes").at("cgroup").is_null());
}

}  // namespace
}  // namespace strata
