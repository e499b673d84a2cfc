// Pages as text: whole, without the network, safe from what names hold. What a browser makes of
// them is shown by tests/browser/.
//
// Threads: one.
#include <string>

#include "accounting/report/meanings.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/accounting/report/sample_footprints.h"

#include <strata/report.h>

namespace strata {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

FootprintReport Sample(const std::string& source) {
  const NamedFootprint shop = SampleFootprint("shop", 1);
  return {.dataset = {.source = source,
                      .counts = shop.footprint.counts,
                      .distinct_strings = {},
                      .text_bytes = {},
                      .digest = ""},
          .layout = {.footprint = shop.footprint,
                     .allocator = "some malloc",
                     .rss_delta_bytes = {},
                     .peak_rss_bytes = {},
                     .load_seconds = {},
                     .load_allocated_bytes = {},
                     .load_allocations = {},
                     .lookup_ns = {},
                     .lookup_batch_ns = {},
                     .scan_ns_per_pair = {},
                     .digest = ""},
          .process = {},
          .std_map_bytes = {}};
}

// The text between the data's tag and the next tag.
std::string DataOf(const std::string& page) {
  const std::string tag = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = page.find(tag) + tag.size();
  return page.substr(begin, page.find('<', begin) - begin);
}

TEST(HtmlTest, APageHasTheMeaningsOfItsWords) {
  const auto data = nlohmann::json::parse(DataOf(FootprintHtml(Sample("shop.json"))));
  EXPECT_EQ(data.at("layer_words").size(), LayerMeanings().size()) << "a word is there twice";
  for (const Meaning& meaning : LayerMeanings()) {
    EXPECT_EQ(data.at("layer_words").at(std::string(meaning.word)), meaning.sentence);
    EXPECT_THAT(std::string(meaning.sentence), Not(EndsWith("."))) << meaning.word;
  }
  EXPECT_EQ(data.at("state_words").size(), 3u);
  // What a follower keeps has no page in the browser's test.
  for (const char* const layer :
       {"sources", "entry digests", "known rows", "buckets", "named", "outers"}) {
    EXPECT_TRUE(data.at("layer_words").contains(layer)) << layer;
  }
}

TEST(HtmlTest, DataOfThePageIsTheJsonForm) {
  const FootprintReport report = Sample("shop.json");
  const auto data = nlohmann::json::parse(DataOf(FootprintHtml(report)));
  EXPECT_EQ(data.at("kind"), "footprint");
  EXPECT_EQ(data.at("report"), nlohmann::json::parse(FootprintJson(report)));
  const CompareReport compare = {.dataset = report.dataset, .layouts = {report.layout}};
  const auto compared = nlohmann::json::parse(DataOf(CompareHtml(compare)));
  EXPECT_EQ(compared.at("report"), nlohmann::json::parse(CompareJson(compare)));
  const FootprintDiff diff = {.name_a = "a", .name_b = "b", .a = report, .b = report};
  const auto changed = nlohmann::json::parse(DataOf(DiffHtml(diff)));
  EXPECT_EQ(changed.at("report"), nlohmann::json::parse(DiffJson(diff)));
}

TEST(HtmlTest, PageIsWholeAndFetchesNothing) {
  const std::string page = FootprintHtml(Sample("shop.json"));
  EXPECT_THAT(page, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, EndsWith("</html>\n"));
  EXPECT_THAT(page, HasSubstr("<title>packed: shop.json</title>"));
  EXPECT_THAT(page, HasSubstr("Licensed to the Apache Software Foundation"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("{{")));
  for (const char* const fetch :
       {" src=\"http", " src=http", "<link rel=\"stylesheet", "@import"}) {
    EXPECT_THAT(page, Not(HasSubstr(fetch)));
  }
}

TEST(HtmlTest, NoNameEndsTheDataOrBeginsATag) {
  const std::string evil = "</script><script>alert(1)</script><!-- {{script}} \xFF &amp;";
  const std::string page = FootprintHtml(Sample(evil));
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  const auto data = nlohmann::json::parse(DataOf(page));
  EXPECT_EQ(data.at("report").at("dataset").at("source"),
            "</script><script>alert(1)</script><!-- {{script}} \uFFFD &amp;");
  EXPECT_THAT(page, HasSubstr("<title>packed: &lt;/script&gt;&lt;script&gt;alert(1)"));
}

}  // namespace
}  // namespace strata
