// The difference of two footprints, where the books of their processes have several caches.
#include <string>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/accounting/report/sample_footprints.h"

#include <strata/report.h>

namespace strata {
namespace {

using testing::HasSubstr;

// Of a process that holds two caches without names, of one layout, and some bytes besides.
FootprintReport Holding(std::int64_t first_bytes, std::int64_t second_bytes) {
  FootprintReport report;
  report.dataset.source = "shop.json";
  report.layout.footprint = SampleFootprint("shop", 1).footprint;
  report.process.anon_bytes = 3'000'000;
  report.process.cgroup = CgroupBooks{};
  report.process.cgroup->current_bytes = 4'000'000;
  report.process.cgroup->working_set_bytes = 3'500'000 + static_cast<std::uint64_t>(second_bytes);
  report.process.terms = {
      {.of = "anon", .name = "layout packed", .bytes = first_bytes, .source = "door"},
      {.of = "anon", .name = "layout packed", .bytes = second_bytes, .source = "door"}};
  return report;
}

TEST(DiffTest, OfAProcessWithItselfNothingHasChanged) {
  const FootprintReport report = Holding(2'000'000, 900'000);
  const FootprintDiff diff = {.name_a = "a", .name_b = "b", .a = report, .b = report};
  const auto process = nlohmann::json::parse(DiffJson(diff)).at("process");
  ASSERT_EQ(process.at("terms").size(), 2u);
  for (const auto& term : process.at("terms")) EXPECT_EQ(term.at("bytes").at("change"), 0) << term;
  EXPECT_EQ(process.at("unexplained_bytes").at("anon").at("change"), 0);
}

TEST(DiffTest, OneOfTwoCachesOfOneNameHasGrown) {
  const FootprintDiff diff = {.name_a = "a",
                              .name_b = "b",
                              .a = Holding(2'000'000, 500'000),
                              .b = Holding(2'000'000, 900'000)};
  const auto process = nlohmann::json::parse(DiffJson(diff)).at("process");
  EXPECT_EQ(process.at("terms").at(0).at("bytes").at("change"), 0);
  EXPECT_EQ(process.at("terms").at(1).at("bytes").at("change"), 400'000);
}

TEST(DiffTest, SaysWhatTheRestAndTheContainerChangedBy) {
  const FootprintDiff diff = {.name_a = "a",
                              .name_b = "b",
                              .a = Holding(2'000'000, 500'000),
                              .b = Holding(2'000'000, 900'000)};
  const auto process = nlohmann::json::parse(DiffJson(diff)).at("process");
  EXPECT_EQ(process.at("unexplained_bytes").at("anon").at("change"), -400'000);
  EXPECT_EQ(process.at("cgroup").at("working_set_bytes").at("change"), 400'000);
  const std::string text = DiffText(diff);
  EXPECT_THAT(text, HasSubstr("unexplained"));
  EXPECT_THAT(text, HasSubstr("-400,000"));
  EXPECT_THAT(text, HasSubstr("container's working set"));
}

}  // namespace
}  // namespace strata
