// strata bench churn and reclaim: the fields, the books at every step, and that all layouts are
// made to hold the same.
#include <set>
#include <string>
#include <vector>

#include "bench/baselines/layout.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/cli/program.h"

namespace strata::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json Parse(const Finished& finished) {
  ExpectSuccess(finished);
  json document = json::parse(finished.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << finished.out;
  return document;
}

std::string AllLayouts() {
  std::string all;
  for (const std::string_view layout : LayoutNames()) {
    all += (all.empty() ? "" : ",") + std::string(layout);
  }
  return all;
}

void ExpectExactBooks(const json& memory) {
  const auto total = memory.at("total_bytes").get<std::uint64_t>();
  EXPECT_EQ(memory.at("allocated_bytes").get<std::uint64_t>(), total);
  EXPECT_LE(memory.at("used_bytes").get<std::uint64_t>(), total);
  EXPECT_TRUE(memory.at("rss_delta_bytes").is_number_integer());
}

// What was only reserved need not be resident, nor what a layout keeps of it.
void ExpectResident(const json& memory) {
  EXPECT_GT(memory.at("rss_bytes").get<std::uint64_t>(),
            memory.at("total_bytes").get<std::uint64_t>());
}

void ExpectSameCounts(const json& a, const json& b) {
  for (const char* const count : {"outers", "entries", "records", "pairs"}) {
    EXPECT_EQ(a.at(count), b.at(count)) << count;
  }
}

void ExpectFitsATerminal(const std::string& text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 100u) << text.substr(begin, end - begin);
    begin = end + 1;
  }
}

class BenchTest : public testing::Test {
 protected:
  std::string Gen(const std::string& shape, const std::string& records) {
    const std::string path = folder_ / (shape + ".json");
    ExpectSuccess(Strata({"gen", shape, "--records", records, "-o", path}));
    return path;
  }

  TemporaryFolder folder_;
};

class BenchShapesTest : public BenchTest, public testing::WithParamInterface<std::string> {};

TEST_P(BenchShapesTest, ChurnKeepsWhatIsNoValueAndTheBooks) {
  const json document = Parse(Strata(
      {"bench", "churn", Gen(GetParam(), "1000"), "--layouts", AllLayouts(), "--format", "json"}));
  EXPECT_EQ(document.at("schema"), 1);
  EXPECT_EQ(document.at("benchmark"), "churn");
  EXPECT_EQ(document.at("times"), 10);
  EXPECT_EQ(document.at("rounds"), 0);
  const json& dataset = document.at("dataset");
  ASSERT_EQ(document.at("layouts").size(), LayoutNames().size());
  std::set<json> digests;
  std::set<json> writes;
  for (const json& layout : document.at("layouts")) {
    SCOPED_TRACE(layout.at("layout").get<std::string>());
    const json& before = layout.at("before");
    const json& after = layout.at("after");
    for (const json& memory : {before, after}) {
      ExpectExactBooks(memory);
      ExpectResident(memory);
    }
    ExpectSameCounts(before, dataset);
    ExpectSameCounts(after, dataset);
    EXPECT_EQ(before.at("digest"), dataset.at("digest"));
    EXPECT_NE(after.at("digest"), before.at("digest"));
    EXPECT_EQ(after.at("shape_digest"), before.at("shape_digest"));
    EXPECT_DOUBLE_EQ(after.at("utilisation").get<double>(),
                     after.at("used_bytes").get<double>() / after.at("total_bytes").get<double>());
    EXPECT_GE(layout.at("pairs_written").get<int>(), 10 * dataset.at("pairs").get<int>());
    const auto count = layout.at("writes").get<double>();
    EXPECT_NEAR(layout.at("wall_ns_per_write").get<double>() * count * 1e-9,
                layout.at("wall_seconds").get<double>(), 1e-9);
    EXPECT_NEAR(layout.at("cpu_ns_per_write").get<double>() * count * 1e-9,
                layout.at("cpu_seconds").get<double>(), 1e-9);
    EXPECT_GT(layout.at("cpu_seconds").get<double>(), 0);
    EXPECT_GT(layout.at("put_p50_us").get<double>(), 0);
    EXPECT_LE(layout.at("put_p50_us"), layout.at("put_p99_us"));
    EXPECT_LE(layout.at("put_p99_us"), layout.at("put_p999_us"));
    EXPECT_LE(layout.at("put_p999_us"), layout.at("put_max_us"));
    EXPECT_TRUE(layout.at("rounds").empty());
    EXPECT_TRUE(layout.at("total_growth_percent_per_round").is_null());
    EXPECT_TRUE(layout.at("digest_after_rounds").is_null());
    digests.insert(after.at("digest"));
    writes.insert(layout.at("writes"));
  }
  EXPECT_EQ(digests.size(), 1u);
  EXPECT_EQ(writes.size(), 1u);
}

TEST_P(BenchShapesTest, ReclaimLeavesWhatAFreshLoadHolds) {
  const std::string path = Gen(GetParam(), "1000");
  const json document =
      Parse(Strata({"bench", "reclaim", path, "--layouts", AllLayouts(), "--format", "json"}));
  EXPECT_EQ(document.at("benchmark"), "reclaim");
  EXPECT_EQ(document.at("share"), 0.5);
  const json& dataset = document.at("dataset");
  const int entries = dataset.at("entries").get<int>();
  ASSERT_EQ(document.at("layouts").size(), LayoutNames().size());
  std::set<json> digests;
  for (const json& layout : document.at("layouts")) {
    SCOPED_TRACE(layout.at("layout").get<std::string>());
    for (const char* const step :
         {"empty", "loaded", "deleted", "released", "reserved", "shrunk", "fresh"}) {
      SCOPED_TRACE(step);
      ExpectExactBooks(layout.at(step));
      if (step != std::string_view("reserved") && step != std::string_view("shrunk")) {
        ExpectResident(layout.at(step));
      }
    }
    EXPECT_EQ(layout.at("reserve_times"), 1000);
    const json& released = layout.at("released");
    const json& fresh = layout.at("fresh");
    EXPECT_EQ(layout.at("deleted_entries"), (entries + 1) / 2);
    EXPECT_EQ(layout.at("deleted_outers"), false);
    ExpectSameCounts(layout.at("loaded"), dataset);
    EXPECT_EQ(released.at("entries"), entries - (entries + 1) / 2);
    EXPECT_EQ(released.at("outers"), dataset.at("outers"));
    ExpectSameCounts(fresh, released);
    EXPECT_EQ(released.at("digest"), fresh.at("digest"));
    // All of it may lie in one segment, loaded and released alike.
    EXPECT_LT(released.at("used_bytes"), layout.at("loaded").at("used_bytes"));
    EXPECT_LE(released.at("total_bytes"), layout.at("loaded").at("total_bytes"));
    EXPECT_DOUBLE_EQ(
        layout.at("released_total_per_fresh").get<double>(),
        released.at("total_bytes").get<double>() / fresh.at("total_bytes").get<double>());
    EXPECT_TRUE(layout.contains("released_rss_per_fresh"));
    EXPECT_GE(layout.at("delete_seconds").get<double>(), 0);
    EXPECT_GE(layout.at("release_seconds").get<double>(), 0);
    digests.insert(released.at("digest"));
  }
  EXPECT_EQ(digests.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Shapes, BenchShapesTest,
                         testing::Values("forum", "unique", "rows", "sparse"),
                         [](const auto& shape) { return shape.param; });

TEST_F(BenchTest, RoundsOverwriteEverythingAlikeAndAreSampled) {
  const json document =
      Parse(Strata({"bench", "churn", Gen("forum", "200"), "--times", "1", "--rounds", "32",
                    "--layouts", "std_map,interned,packed", "--format", "json"}));
  std::set<json> digests;
  for (const json& layout : document.at("layouts")) {
    SCOPED_TRACE(layout.at("layout").get<std::string>());
    std::vector<int> sampled;
    for (const json& sample : layout.at("rounds")) {
      sampled.push_back(sample.at("round").get<int>());
      ExpectExactBooks(sample);
      ExpectResident(sample);
    }
    EXPECT_THAT(sampled, testing::ElementsAre(0, 10, 20, 30, 32));
    const auto settled = layout.at("rounds")[2].at("total_bytes").get<double>();
    const auto last = layout.at("rounds")[4].at("total_bytes").get<double>();
    EXPECT_NEAR(layout.at("total_growth_percent_per_round").get<double>(),
                100 * (last - settled) / settled / 12, 1e-9);
    EXPECT_TRUE(layout.contains("rss_growth_percent_per_round"));
    EXPECT_NE(layout.at("digest_after_rounds"), layout.at("after").at("digest"));
    digests.insert(layout.at("digest_after_rounds"));
  }
  EXPECT_EQ(digests.size(), 1u);
}

TEST_F(BenchTest, ReclaimOfAllLeavesNothing) {
  const std::string path = folder_.Write(
      "f.json", R"({"a":{"x":[{"k":"v"},{}],"y":[]},"b":{},"":{"x":[{"k":"v","":""}]}})");
  const json document = Parse(Strata(
      {"bench", "reclaim", path, "--share", "1.0", "--layouts", AllLayouts(), "--format", "json"}));
  for (const json& layout : document.at("layouts")) {
    SCOPED_TRACE(layout.at("layout").get<std::string>());
    EXPECT_EQ(layout.at("deleted_entries"), 3);
    EXPECT_EQ(layout.at("deleted_outers"), true);
    for (const char* const step : {"released", "fresh"}) {
      ExpectExactBooks(layout.at(step));
      ExpectResident(layout.at(step));
      for (const char* const count : {"outers", "entries", "records", "pairs"}) {
        EXPECT_EQ(layout.at(step).at(count), 0) << step << " " << count;
      }
      EXPECT_EQ(layout.at(step).at("digest"), std::string(32, '0'));
    }
  }
}

TEST_F(BenchTest, DataWithoutPairsIsChurnedByEntries) {
  const std::string path = folder_.Write("f.json", R"({"a":{"x":[{}],"y":[]},"b":{}})");
  const json document = Parse(Strata({"bench", "churn", path, "--times", "3", "--format", "json"}));
  ASSERT_EQ(document.at("layouts").size(), 1u);
  const json& layout = document.at("layouts")[0];
  EXPECT_EQ(layout.at("layout"), "packed");
  EXPECT_EQ(layout.at("writes"), 6);
  EXPECT_EQ(layout.at("pairs_written"), 0);
  EXPECT_EQ(layout.at("after").at("digest"), layout.at("before").at("digest"));
  const std::string empty = folder_.Write("empty.json", "{}");
  const json nothing = Parse(Strata({"bench", "churn", empty, "--format", "json"}));
  EXPECT_EQ(nothing.at("layouts")[0].at("writes"), 0);
  EXPECT_TRUE(nothing.at("layouts")[0].at("cpu_ns_per_write").is_null());
}

TEST_F(BenchTest, WithoutWritesNoWriteHasALatency) {
  const std::string path = Gen("forum", "100");
  const json document = Parse(Strata({"bench", "churn", path, "--times", "0", "--format", "json"}));
  const json& layout = document.at("layouts")[0];
  EXPECT_EQ(layout.at("writes"), 0);
  for (const char* const figure : {"put_p50_us", "put_p99_us", "put_p999_us", "put_max_us"}) {
    EXPECT_TRUE(layout.at(figure).is_null()) << figure;
  }
  const Finished text = Strata({"bench", "churn", path, "--times", "0"});
  ExpectSuccess(text);
  EXPECT_THAT(text.out, testing::ContainsRegex("p99.9 +max\npacked( +-)( +-)( +-)( +-)\n"));
}

TEST_F(BenchTest, StandardInputIsReadOnceForAllProcesses) {
  const std::string path = Gen("sparse", "300");
  for (const char* const benchmark : {"churn", "reclaim"}) {
    const json document =
        Parse(Strata({"bench", benchmark, "-", "--layouts", "std_map,packed", "--format", "json"},
                     {.input = ReadFile(path), .stdout_path = {}}));
    EXPECT_EQ(document.at("dataset").at("source"), "-");
    EXPECT_EQ(document.at("layouts").size(), 2u);
  }
  ExpectFailure(
      Strata({"bench", "churn", "-"}, {.input = "{\"a\":{\"x\":[{\"k\":1}]}}", .stdout_path = {}}),
      1, "standard input");
}

TEST_F(BenchTest, TextNamesEachLayoutAndFitsATerminal) {
  const std::string path = Gen("forum", "300");
  const Finished churn =
      Strata({"bench", "churn", path, "--rounds", "1", "--layouts", AllLayouts()});
  const Finished reclaim = Strata({"bench", "reclaim", path, "--layouts", AllLayouts()});
  for (const Finished& finished : {churn, reclaim}) {
    ExpectSuccess(finished);
    for (const std::string_view layout : LayoutNames()) {
      EXPECT_THAT(finished.out, HasSubstr("\n" + std::string(layout) + " "));
    }
    ExpectFitsATerminal(finished.out.substr(finished.out.find('\n') + 1));  // the path has its own
  }
  for (const char* const words : {"p99.9", "CPU ns/write", "used after", "growth a round"}) {
    EXPECT_THAT(churn.out, HasSubstr(words));
  }
  for (const char* const words : {"released/fresh", "RSS MiB", "deleting", "reserved", "shrunk",
                                  "given back", "takes none", "1000 times the 30 entries"}) {
    EXPECT_THAT(reclaim.out, HasSubstr(words));
  }
}

}  // namespace
}  // namespace strata::cli
