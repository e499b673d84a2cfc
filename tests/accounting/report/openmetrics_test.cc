// The metrics as text. That Prometheus's own parser takes them is shown by
// tests/cli/formats_test.py.
//
// Threads: one.
#include <string>

#include "gmock/gmock.h"
#include "tests/accounting/report/sample_footprints.h"

#include <strata/report.h>

namespace strata {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(OpenMetricsTest, LeavesAloneCarryBytesByState) {
  const std::string text = OpenMetricsText(TwoCaches());
  EXPECT_THAT(text, StartsWith("# TYPE strata_memory_bytes gauge\n"
                               "# UNIT strata_memory_bytes bytes\n"
                               "# HELP strata_memory_bytes "));
  for (const char* const line :
       {"strata_memory_bytes{cache=\"shop\",layer=\"dictionary/bytes\",state=\"used\"} 1000\n",
        "strata_memory_bytes{cache=\"shop\",layer=\"dictionary/bytes\",state=\"slack\"} 20\n",
        "strata_memory_bytes{cache=\"shop\",layer=\"dictionary/bytes\",state=\"dead\"} 5\n",
        "strata_memory_bytes{cache=\"users\",layer=\"log\",state=\"used\"} 210000\n",
        "strata_layer_items{cache=\"users\",layer=\"log\"} 33\n",
        "strata_allocated_bytes{cache=\"shop\"} 71455\n", "strata_pairs{cache=\"users\"} 12\n",
        "strata_oldest_guard_seconds{cache=\"users\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("layer=\"dictionary\"")));
  EXPECT_THAT(text, Not(HasSubstr("strata_process")));
  EXPECT_THAT(text, EndsWith("\n# EOF\n"));
}

TEST(OpenMetricsTest, ProcessTermsAndTheirSignedRestAddUp) {
  const ProcessBooks process = {.rss_bytes = 100,
                                .peak_rss_bytes = 200,
                                .anon_bytes = 60,
                                .file_bytes = 40,
                                .allocator = {},
                                .cgroup = {},
                                .terms = {{.of = "anon", .name = "a", .bytes = 60, .source = "s"},
                                          {.of = "anon", .name = "a", .bytes = 5, .source = "s"},
                                          {.of = "file", .name = "c", .bytes = 10, .source = "s"}}};
  const std::string text = OpenMetricsText(std::span<const NamedFootprint>(), &process);
  for (const char* const line :
       {"strata_process_resident_bytes 100\n", "strata_process_resident_peak_bytes 200\n",
        "strata_process_memory_bytes{of=\"anon\",term=\"a\"} 65\n",
        "strata_process_memory_bytes{of=\"anon\",term=\"unexplained\"} -5\n",
        "strata_process_memory_bytes{of=\"file\",term=\"unexplained\"} 30\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(OpenMetricsTest, TermsWhoseNamesLookAlikeAreOneSeries) {
  const ProcessBooks process = {
      .rss_bytes = 100,
      .peak_rss_bytes = 200,
      .anon_bytes = 60,
      .file_bytes = 40,
      .allocator = {},
      .cgroup = {},
      .terms = {{.of = "anon", .name = "of \xff", .bytes = 60, .source = "s"},
                {.of = "anon", .name = "of \xfe", .bytes = 5, .source = "s"}}};
  EXPECT_THAT(OpenMetricsText(std::span<const NamedFootprint>(), &process),
              HasSubstr("{of=\"anon\",term=\"of \xef\xbf\xbd\"} 65\n"));
}

TEST(OpenMetricsTest, ContainerIsShownAsFarAsTheKernelSays) {
  ProcessBooks process;
  process.cgroup = CgroupBooks{.version = 2,
                               .path = "/sys/fs/cgroup",
                               .current_bytes = 500,
                               .working_set_bytes = 400,
                               .limit_bytes = 1000,
                               .peak_bytes = {},
                               .oom_kills = 2};
  const std::string text = OpenMetricsText(std::span<const NamedRunning>(), &process);
  for (const char* const line :
       {"strata_container_bytes{figure=\"current\"} 500\n",
        "strata_container_bytes{figure=\"working_set\"} 400\n",
        "strata_container_bytes{figure=\"limit\"} 1000\n", "strata_container_oom_kills 2\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("peak\"")));
  EXPECT_THAT(text, Not(HasSubstr("strata_process_memory_bytes")));
}

TEST(OpenMetricsTest, WhatOfTheHeapWasNotWalkedIsSaid) {
  ProcessBooks process;
  EXPECT_THAT(OpenMetricsText(std::span<const NamedRunning>(), &process),
              Not(HasSubstr("unwalked")));
  process.allocator.figures = {{.name = "unwalked_bytes", .bytes = 4096}};
  EXPECT_THAT(OpenMetricsText(std::span<const NamedRunning>(), &process),
              HasSubstr("strata_process_heap_unwalked_bytes 4096\n"));
}

TEST(OpenMetricsTest, LimitsAndGuardsAreShownOfCachesThatHaveThem) {
  std::vector<NamedFootprint> caches = TwoCaches();
  EXPECT_THAT(OpenMetricsText(caches), Not(HasSubstr("strata_memory_limit_bytes")));
  caches[1].footprint.memory_limit_bytes = 5'000'000;
  caches[1].footprint.oldest_guard_seconds = 1.5;
  const std::string text = OpenMetricsText(caches);
  EXPECT_THAT(text, HasSubstr("strata_memory_limit_bytes{cache=\"users\"} 5000000\n"));
  EXPECT_THAT(text, Not(HasSubstr("strata_memory_limit_bytes{cache=\"shop\"}")));
  EXPECT_THAT(text, HasSubstr("strata_oldest_guard_seconds{cache=\"users\"} 1.5\n"));

  std::vector<NamedRunning> running = {{.cache = "shop", .running = {}},
                                       {.cache = "users", .running = {}}};
  EXPECT_THAT(OpenMetricsText(running), Not(HasSubstr("strata_oldest_guard_seconds")));
  running[1].running.memory_limit_bytes = 5'000'000;
  running[1].oldest_guard_seconds = 0.25;
  const std::string scraped = OpenMetricsText(running);
  EXPECT_THAT(scraped, HasSubstr("strata_memory_limit_bytes{cache=\"users\"} 5000000\n"));
  EXPECT_THAT(scraped, HasSubstr("strata_oldest_guard_seconds{cache=\"users\"} 0.25\n"));
  EXPECT_THAT(scraped, Not(HasSubstr("strata_oldest_guard_seconds{cache=\"shop\"}")));
}

TEST(OpenMetricsTest, NamesOfAnyBytesStayOneLabel) {
  const std::vector<NamedFootprint> caches = {SampleFootprint("a\"b\\c\nd\xC0", 1)};
  EXPECT_THAT(OpenMetricsText(caches),
              HasSubstr("{cache=\"a\\\"b\\\\c\\nd\uFFFD\",layer=\"log\",state=\"dead\"} 0\n"));
}

TEST(OpenMetricsTest, CachesThatShareANameAreNumbered) {
  const std::vector<NamedFootprint> caches = {SampleFootprint("a", 1), SampleFootprint("a#2", 1),
                                              SampleFootprint("a", 1)};
  const std::string text = OpenMetricsText(caches);
  EXPECT_THAT(text, HasSubstr("strata_pairs{cache=\"a\"}"));
  EXPECT_THAT(text, HasSubstr("strata_pairs{cache=\"a#2\"}"));
  EXPECT_THAT(text, HasSubstr("strata_pairs{cache=\"a#3\"}"));
}

}  // namespace
}  // namespace strata
