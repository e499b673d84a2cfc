// strata compare, footprint and bench: the contract's fields, equal digests and exact books for
// each layout on each shape of data.
#include <signal.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/baselines/layout.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/cli/program.h"

namespace strata::cli {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json Parse(const Finished& finished) {
  ExpectSuccess(finished);
  json document = json::parse(finished.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << finished.out;
  return document;
}

// The contract's layout object; nothing in it may be missing.
void ExpectLayoutObject(const json& layout) {
  SCOPED_TRACE(layout.value("layout", "no name"));
  std::uint64_t sum = 0;
  std::set<std::string> names;
  for (const json& layer : layout.at("layers")) {
    EXPECT_TRUE(names.insert(layer.at("name").get<std::string>()).second) << layer;
    EXPECT_TRUE(layer.at("count").is_number_unsigned());
    const auto total = layer.at("total_bytes").get<std::uint64_t>();
    EXPECT_EQ(layer.at("used_bytes").get<std::uint64_t>() +
                  layer.at("slack_bytes").get<std::uint64_t>() +
                  layer.at("dead_bytes").get<std::uint64_t>(),
              total);
    sum += total;
  }
  EXPECT_GT(names.size(), 3u);
  EXPECT_EQ(layout.at("total_bytes").get<std::uint64_t>(), sum);
  EXPECT_EQ(layout.at("allocated_bytes"), layout.at("total_bytes"));
  // The empty layout itself, the cache's lines for its readers, is there before the load begins.
  EXPECT_GE(layout.at("load_allocated_bytes").get<std::uint64_t>() + (20u << 10), sum);
  EXPECT_GT(layout.at("load_allocations").get<std::uint64_t>(), 0u);
  EXPECT_TRUE(layout.at("rss_delta_bytes").is_number_integer());
  EXPECT_GE(layout.at("peak_rss_bytes"), layout.at("rss_delta_bytes"));
  EXPECT_GT(layout.at("load_seconds").get<double>(), 0.0);
  EXPECT_FALSE(layout.at("allocator").get<std::string>().empty());
  EXPECT_TRUE(layout.contains("lookup_batch_ns"));
  EXPECT_EQ(layout.at("digest").get<std::string>().size(), 32u);
}

// Each of the process's sums is its terms and a rest that may be negative; and so is the working
// set of its container, where it is in one.
void ExpectTermsAddUp(const json& process) {
  const auto expect = [&](const char* of, const json& sum) {
    auto added = process.at("unexplained_bytes").at(of).get<std::int64_t>();
    for (const json& term : process.at("terms")) {
      EXPECT_FALSE(term.at("name").get<std::string>().empty());
      EXPECT_FALSE(term.at("source").get<std::string>().empty());
      if (term.at("of") == of) added += term.at("bytes").get<std::int64_t>();
    }
    EXPECT_EQ(added, sum.get<std::int64_t>()) << of;
  };
  expect("anon", process.at("anon_bytes"));
  expect("file", process.at("file_bytes"));
  const json& cgroup = process.at("cgroup");
  EXPECT_EQ(process.at("unexplained_bytes").at("cgroup").is_null(), cgroup.is_null());
  if (cgroup.is_null()) return;
  expect("cgroup", cgroup.at("working_set_bytes"));
  EXPECT_GE(cgroup.at("current_bytes"), cgroup.at("working_set_bytes"));
  for (const char* const figure : {"version", "limit_bytes", "peak_bytes", "oom_kills"}) {
    EXPECT_TRUE(cgroup.contains(figure)) << figure;
  }
}

class CompareTest : public testing::Test {
 protected:
  std::string Gen(const std::string& shape, const std::string& records) {
    const std::string path = folder_ / (shape + ".json");
    ExpectSuccess(Strata({"gen", shape, "--records", records, "-o", path}));
    return path;
  }

  TemporaryFolder folder_;
};

class CompareShapesTest : public CompareTest, public testing::WithParamInterface<std::string> {};

TEST_P(CompareShapesTest, AllLayoutsHoldTheSameWithExactBooks) {
  const std::string path = Gen(GetParam(), "2000");
  const json document = Parse(Strata({"compare", path, "--format", "json", "--lookups", "1000"}));
  EXPECT_EQ(document.at("schema"), 1);
  const json& dataset = document.at("dataset");
  EXPECT_EQ(dataset.at("source"), path);
  EXPECT_EQ(dataset.at("records"), 2000);
  EXPECT_GT(dataset.at("outers").get<int>(), 0);
  EXPECT_GT(dataset.at("entries").get<int>(), 0);
  EXPECT_GE(dataset.at("pairs").get<int>(), 2000);
  EXPECT_GT(dataset.at("distinct_strings").get<int>(), 0);
  EXPECT_GT(dataset.at("text_bytes").get<int>(), 2000);
  const json& layouts = document.at("layouts");
  ASSERT_EQ(layouts.size(), LayoutNames().size());
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    EXPECT_EQ(layouts[i].at("layout"), LayoutNames()[i]);
    EXPECT_EQ(layouts[i].at("digest"), dataset.at("digest"));
    EXPECT_GT(layouts[i].at("lookup_ns").get<double>(), 0.0);
    EXPECT_GT(layouts[i].at("scan_ns_per_pair").get<double>(), 0.0);
    EXPECT_EQ(layouts[i].at("lookup_batch_ns").is_number(),
              MakeLayout(LayoutNames()[i])->has_batched_lookup());
    ExpectLayoutObject(layouts[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, CompareShapesTest,
                         testing::Values("forum", "unique", "rows", "sparse"),
                         [](const auto& shape) { return shape.param; });

TEST_F(CompareTest, DatasetIsCountedAsTheContractSays) {
  // Strings: a, x, y, k, v and the empty one; x stands under two outers, k and v twice.
  const std::string path = folder_.Write(
      "f.json", R"({"a":{"x":[{"k":"v"},{}],"y":[]},"b":{},"":{"x":[{"k":"v","":""}]}})");
  const json dataset =
      Parse(Strata({"compare", path, "--format", "json", "--layouts", "interned"})).at("dataset");
  EXPECT_EQ(dataset.at("outers"), 3);
  EXPECT_EQ(dataset.at("entries"), 3);
  EXPECT_EQ(dataset.at("records"), 3);
  EXPECT_EQ(dataset.at("pairs"), 3);
  EXPECT_EQ(dataset.at("distinct_strings"), 7);
  EXPECT_EQ(dataset.at("text_bytes"), 2 + 3 + 4);
}

TEST_F(CompareTest, FiguresThatCannotBeMeasuredAreNull) {
  const std::string path = folder_.Write("f.json", R"({"a":{"x":[{}]}})");
  const json layouts = Parse(Strata({"compare", path, "--format", "json"})).at("layouts");
  ASSERT_FALSE(layouts.empty());
  for (const json& layout : layouts) {
    EXPECT_TRUE(layout.at("lookup_ns").is_null());
    EXPECT_TRUE(layout.at("scan_ns_per_pair").is_null());
  }
}

TEST_F(CompareTest, LayoutsAreThoseAskedForInTheirOrder) {
  const std::string path = folder_.Write("f.json", R"({"a":{"x":[{"k":"v"}]}})");
  const json layouts =
      Parse(Strata({"compare", path, "--format", "json", "--layouts", "interned,std_map"}))
          .at("layouts");
  ASSERT_EQ(layouts.size(), 2u);
  EXPECT_EQ(layouts[0].at("layout"), "interned");
  EXPECT_EQ(layouts[1].at("layout"), "std_map");
}

TEST_F(CompareTest, StandardInputIsReadOnceForAllLayouts) {
  const std::string path = Gen("sparse", "500");
  const json from_file = Parse(Strata({"compare", path, "--format", "json"}));
  const json from_input = Parse(
      Strata({"compare", "-", "--format", "json"}, {.input = ReadFile(path), .stdout_path = {}}));
  EXPECT_EQ(from_input.at("dataset").at("source"), "-");
  EXPECT_EQ(from_input.at("layouts").size(), from_file.at("layouts").size());
  for (const json& layout : from_input.at("layouts")) {
    EXPECT_EQ(layout.at("digest"), from_file.at("dataset").at("digest"));
  }
}

TEST_F(CompareTest, FaultInStandardInputIsOneLineAndOneStatus) {
  const Finished finished =
      Strata({"compare", "-"}, {.input = "{\"a\":{\"x\":[{\"k\":1}]}}", .stdout_path = {}});
  ExpectFailure(finished, 1, "standard input");
}

TEST_F(CompareTest, TextShowsEachLayoutWithRatioAndLayers) {
  const std::string path = Gen("forum", "500");
  const std::string out = folder_ / "report.txt";
  ExpectSuccess(Strata({"compare", path, "-o", out}));
  const std::string text = ReadFile(out);
  for (const std::string_view layout : LayoutNames()) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(layout) + " "));
  }
  EXPECT_THAT(text, HasSubstr("1.000"));
  EXPECT_THAT(text, HasSubstr("bytes/pair"));
  EXPECT_THAT(text, HasSubstr("strings/bytes"));
  EXPECT_THAT(text, HasSubstr("walked bytes = bytes counted at the door"));
  EXPECT_THAT(text, testing::Not(HasSubstr("DIFFER")));
}

TEST_F(CompareTest, LayoutWhoseProcessDiesIsNamedAndNothingIsLeft) {
  const std::string path = Gen("forum", "100000");
  Started started({"compare", path, "-o", folder_ / "out.json", "--layouts", "flat_hash_map"});
  // It loads for a long while beside the time that the signal takes.
  ASSERT_EQ(kill(started.WaitForChild(), SIGKILL), 0);
  ExpectFailure(started.Wait(), 1, "layout flat_hash_map: its process died by signal 9 (Killed)");
  EXPECT_THAT(folder_.Names(), ElementsAre("forum.json"));
}

TEST_F(CompareTest, LayoutsStayToBeTimedInTurnsAndOneThatDiesWaitingIsNamed) {
  const std::string path = Gen("forum", "100000");
  Started started({"compare", path, "--layouts", "interned,std_map"});
  std::vector<pid_t> both;
  while ((both = started.Children()).size() < 2) sched_yield();
  ASSERT_EQ(kill(both.front(), SIGKILL), 0);
  ExpectFailure(started.Wait(), 1, "layout interned: its process died by signal 9 (Killed)");
  for (const pid_t child : both) WaitUntilGone(child);
}

TEST_F(CompareTest, LayoutsProcessDoesNotOutliveTheProgram) {
  const std::string path = Gen("forum", "100000");
  for (const int signal : {SIGTERM, SIGKILL}) {
    Started started({"compare", path, "--layouts", "std_map"});
    const pid_t child = started.WaitForChild();
    ASSERT_EQ(kill(started.pid(), signal), 0);
    started.Wait();
    WaitUntilGone(child);
  }
}

TEST_F(CompareTest, FootprintIsTheLayoutAndItsProcess) {
  const std::string path = Gen("rows", "2000");
  for (const std::string_view layout : LayoutNames()) {
    const json document =
        Parse(Strata({"footprint", path, "--layout", std::string(layout), "--format", "json"}));
    EXPECT_EQ(document.at("schema"), 1);
    EXPECT_EQ(document.at("layout"), layout);
    ExpectLayoutObject(document);
    const json& process = document.at("process");
    const auto rss = process.at("rss_bytes").get<std::uint64_t>();
    EXPECT_EQ(process.at("anon_bytes").get<std::uint64_t>() +
                  process.at("file_bytes").get<std::uint64_t>(),
              rss);
    EXPECT_GT(process.at("anon_bytes"), document.at("total_bytes"));
    EXPECT_GE(process.at("peak_rss_bytes").get<std::uint64_t>(), rss);
    EXPECT_FALSE(process.at("allocator").at("name").get<std::string>().empty());
    ExpectTermsAddUp(process);
    EXPECT_EQ(process.at("terms")[0].at("of"), "anon");
    EXPECT_EQ(process.at("terms")[0].at("source"), "door");
    EXPECT_EQ(process.at("terms")[0].at("bytes"), document.at("allocated_bytes"));
  }
}

TEST_F(CompareTest, FootprintByOuterNamesTheLargestAndWhatDeletingThemFrees) {
  const std::string path = folder_.Write(
      "f.json", R"({"small":{"x":[{"k":"v"}]},"large":{"x":[{"k":"a longer value"},{"k":"w"}]}})");
  const json outers =
      Parse(Strata({"footprint", path, "--by", "outer", "--format", "json"})).at("outers");
  ASSERT_EQ(outers.size(), 2u);
  EXPECT_EQ(outers[0].at("outer"), "large");
  EXPECT_EQ(outers[0].at("pairs"), 2);
  EXPECT_GT(outers[0].at("exclusive_bytes"), outers[1].at("exclusive_bytes"));
  EXPECT_GT(outers[0].at("freed_bytes"), 0);
  const Finished text = Strata({"footprint", path, "--by", "outer"});
  ExpectSuccess(text);
  EXPECT_THAT(text.out, HasSubstr("freed"));
  EXPECT_THAT(text.out, HasSubstr("all outers, by own bytes\nouter "));
  EXPECT_FALSE(Parse(Strata({"footprint", path, "--format", "json"})).contains("outers"));
}

TEST_F(CompareTest, FootprintByOuterSaysHowManyItDoesNotShow) {
  json outers;
  for (int i = 0; i < 25; ++i) outers["o" + std::to_string(i)]["x"] = {{{"k", "v"}}};
  const std::string path = folder_.Write("f.json", outers.dump());
  const Finished text = Strata({"footprint", path, "--by", "outer"});
  ExpectSuccess(text);
  EXPECT_THAT(text.out, HasSubstr("the 20 largest of 25 outers"));
}

TEST_F(CompareTest, FootprintIsOneScreenAndTheContainerIsFirst) {
  for (const std::string_view layout : LayoutNames()) {
    const Finished text =
        Strata({"footprint", Gen("forum", "2000"), "--layout", std::string(layout)});
    ExpectSuccess(text);
    EXPECT_LE(std::count(text.out.begin(), text.out.end(), '\n'), 55) << text.out;
    // Or that there is none.
    EXPECT_LT(text.out.find("container"), text.out.find("anonymous memory"));
    EXPECT_LT(text.out.find("anonymous memory"), text.out.find("all layers"));
  }
}

TEST_F(CompareTest, PackedIsTheLayoutWhereNoneIsNamed) {
  const std::string path = folder_.Write("f.json", R"({"a":{"x":[{"k":"v"}]}})");
  EXPECT_EQ(Parse(Strata({"footprint", path, "--format", "json"})).at("layout"), "packed");
  const json bench = Parse(Strata({"bench", "load", path, "--rounds", "1", "--format", "json"}));
  ASSERT_EQ(bench.at("layouts").size(), 1u);
  EXPECT_EQ(bench.at("layouts")[0].at("layout"), "packed");
  const Finished text = Strata({"footprint", path});
  ExpectSuccess(text);
  EXPECT_THAT(text.out, HasSubstr("= counted at the door"));
  EXPECT_THAT(text.out, HasSubstr("anonymous memory"));
  EXPECT_THAT(text.out, HasSubstr("layout packed"));
  EXPECT_THAT(text.out, HasSubstr("all layers"));
  EXPECT_THAT(text.out, HasSubstr("unexplained"));
}

TEST_F(CompareTest, BenchGivesMediansOfEachLayout) {
  const std::string path = Gen("forum", "500");
  std::string all;
  for (const std::string_view layout : LayoutNames()) {
    all += (all.empty() ? "" : ",") + std::string(layout);
  }
  const json load =
      Parse(Strata({"bench", "load", path, "--rounds", "2", "--layouts", all, "--format", "json"}));
  EXPECT_EQ(load.at("benchmark"), "load");
  ASSERT_EQ(load.at("layouts").size(), LayoutNames().size());
  for (const json& row : load.at("layouts")) {
    EXPECT_EQ(row.at("rounds"), 2);
    EXPECT_GT(row.at("load_seconds").get<double>(), 0.0);
    EXPECT_GT(row.at("load_ns_per_pair").get<double>(), 0.0);
  }
  const json lookup = Parse(Strata({"bench", "lookup", path, "--rounds", "1", "--lookups", "500",
                                    "--layouts", "interned", "--format", "json"}));
  ASSERT_EQ(lookup.at("layouts").size(), 1u);
  EXPECT_GT(lookup.at("layouts")[0].at("lookup_ns").get<double>(), 0.0);
  EXPECT_TRUE(lookup.at("layouts")[0].at("lookup_batch_ns").is_null());
  const json batched = Parse(Strata({"bench", "lookup", path, "--rounds", "1", "--lookups", "500",
                                     "--layouts", "packed", "--format", "json"}));
  EXPECT_GT(batched.at("layouts")[0].at("lookup_batch_ns").get<double>(), 0.0);
  const Finished text = Strata({"bench", "load", path, "--rounds", "1"});
  ExpectSuccess(text);
  EXPECT_THAT(text.out, HasSubstr("pairs/s"));
}

}  // namespace
}  // namespace strata::cli
