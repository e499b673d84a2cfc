// strata explain memstats and strata diff, run as their users run them. The two dumps are those of
// the program that this project began with.
//
// Threads: one.
#include <string>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/cli/program.h"

namespace strata::cli {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr char kDumpA[] = STRATA_MEMSTATS_FOLDER "/memstats_a.json";
constexpr char kDumpB[] = STRATA_MEMSTATS_FOLDER "/memstats_b.json";

// The text with line ends and runs of blanks as one blank, for sentences that are broken.
std::string Flowing(const std::string& text) {
  std::string flowing;
  for (const char c : text) {
    const char mine = c == '\n' ? ' ' : c;
    if (mine != ' ' || flowing.empty() || flowing.back() != ' ') flowing += mine;
  }
  return flowing;
}

void ExpectAHundredColumns(const std::string& text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 100u) << text.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(ExplainTest, FirstDumpAndItsPod) {
  const Finished finished = Strata({"explain", "memstats", kDumpA, "--observed", "17367Mi"});
  ExpectSuccess(finished);
  ExpectAHundredColumns(finished.out);
  const std::string text = Flowing(finished.out);
  EXPECT_THAT(text, HasSubstr("Of the container's 18.21 GB (17367.0Mi) the Go runtime explains "
                              "17.08 GB: Sys - HeapReleased. 1.13 GB are not in MemStats."));
  EXPECT_THAT(text, HasSubstr("11.11 GB are live objects, 141,638,515 of them, 78 bytes each; 2.27 "
                              "GB lie free between them in spans that are in use; 0.93 GB are idle "
                              "and not returned; 2.76 GB are the runtime's own. 37.27 GB have been "
                              "returned"));
  EXPECT_THAT(text, HasSubstr("not in MemStats 1,133,024,192 1080.5"));
  EXPECT_THAT(text, HasSubstr("held by the runtime 17,077,595,200 16286.5"));
  EXPECT_THAT(text, ContainsRegex("1. page cache .* 2. pages released lazily .at most 37.27 GB. .* "
                                  "3. huge pages .* 4. cgo"));
  EXPECT_THAT(text, HasSubstr("grep -E '^(in)?active_file' /sys/fs/cgroup/memory.stat"));
  EXPECT_THAT(text, HasSubstr("returned to the system, and cost nothing unless lazily or in huge"));
  EXPECT_THAT(text, Not(HasSubstr("ESTIMATE")));
}

TEST(ExplainTest, SecondDumpAndItsPod) {
  const Finished finished = Strata({"explain", "memstats", kDumpB, "--observed", "25897Mi"});
  ExpectSuccess(finished);
  const std::string text = Flowing(finished.out);
  EXPECT_THAT(text, HasSubstr("Of the container's 27.15 GB (25897.0Mi) the Go runtime explains "
                              "15.10 GB: Sys - HeapReleased. 12.06 GB are not in MemStats."));
  EXPECT_THAT(text, HasSubstr("held by the runtime 15,096,159,016"));
}

TEST(ExplainTest, WithoutAPodNothingIsSuspected) {
  const Finished finished = Strata({"explain", "memstats", kDumpA});
  ExpectSuccess(finished);
  EXPECT_THAT(finished.out, HasSubstr("The Go runtime holds 17.08 GB"));
  EXPECT_THAT(finished.out, Not(HasSubstr("uspects")));
}

TEST(ExplainTest, AFigureWithoutAUnitIsAskedAbout) {
  const Finished finished = Strata({"explain", "memstats", kDumpA, "--observed", "17367"});
  ExpectSuccess(finished);
  EXPECT_THAT(Flowing(finished.out), HasSubstr("17,367 bytes are less than any Go program takes: "
                                               "is a unit missing, as in 17367Mi?"));
  EXPECT_THAT(Strata({"explain", "memstats", kDumpA, "--observed", "10Gi"}).out,
              Not(HasSubstr("unit missing")));
}

TEST(ExplainTest, PodThatIsChargedForLessIsExplainedToo) {
  const Finished finished = Strata({"explain", "memstats", kDumpA, "--observed", "10Gi"});
  ExpectSuccess(finished);
  EXPECT_THAT(Flowing(finished.out), HasSubstr("That is 6.34 GB more than the container is"));
  EXPECT_THAT(finished.out, HasSubstr("never touched"));
  EXPECT_THAT(finished.out, HasSubstr("-6,340,176,960"));
}

TEST(ExplainTest, SampleIsBuiltInEveryLayoutAndScaledAsAnEstimate) {
  const TemporaryFolder folder;
  const std::string sample = folder / "forum.json";
  ExpectSuccess(Strata({"gen", "forum", "--records", "2000", "-o", sample}));
  const Finished finished =
      Strata({"explain", "memstats", kDumpA, "--observed", "17367Mi", "--sample", sample});
  ExpectSuccess(finished);
  ExpectAHundredColumns(finished.out);
  EXPECT_THAT(finished.out, HasSubstr("ESTIMATE from the sample"));
  EXPECT_THAT(finished.out, HasSubstr("The sample is so small"));
  for (const char* const layout : {"std_map", "flat_hash_map", "interned", "packed"}) {
    EXPECT_THAT(finished.out, ContainsRegex(std::string("\n") + layout + " +[0-9,]+ +~[0-9,]+ "));
  }
  // The sample's own figure is the measured one. (packed's varies with the seed of its hashes.)
  const json measured =
      json::parse(Strata({"footprint", sample, "--layout", "std_map", "--format", "json"}).out);
  std::string grouped = std::to_string(measured.at("total_bytes").get<std::uint64_t>());
  for (int at = static_cast<int>(grouped.size()) - 3; at > 0; at -= 3) {
    grouped.insert(static_cast<std::size_t>(at), ",");
  }
  EXPECT_THAT(finished.out, HasSubstr(grouped));
}

TEST(ExplainTest, SampleIsReadWithTheOptionsOfAnySource) {
  const TemporaryFolder folder;
  const std::string sample = folder.Write("sample", "{\"w\":{\"a\":{\"x\":[{\"k\":\"v\"}]}}}\n");
  const Finished finished = Strata({"explain", "memstats", kDumpA, "--sample", sample,
                                    "--input-format", "ndjson", "--root", "/w"});
  ExpectSuccess(finished);
  EXPECT_THAT(finished.out, HasSubstr("ESTIMATE from the sample"));
}

TEST(ExplainTest, WhatIsNoDumpSaysWhichFieldIsAtFault) {
  const TemporaryFolder folder;
  ExpectFailure(Strata({"explain", "memstats", folder / "none.json"}), 1, "none.json");
  ExpectFailure(Strata({"explain", "memstats", folder.Write("a.json", R"({"Sys": 5})")}), 1,
                "the field HeapAlloc is missing");
  std::string dump = ReadFile(kDumpA);
  json odd = json::parse(dump);
  odd["HeapReleased"] = "much";
  ExpectFailure(Strata({"explain", "memstats", folder.Write("b.json", odd.dump())}), 1,
                "HeapReleased is");
  odd = json::parse(dump);
  odd["HeapAlloc"] = 99'000'000'000;
  ExpectFailure(Strata({"explain", "memstats", folder.Write("c.json", odd.dump())}), 1,
                "more than the HeapInuse");
  // Parts that are more than their whole, and what no sum of holds.
  odd = json::parse(dump);
  odd["HeapIdle"] = odd["HeapSys"];
  ExpectFailure(Strata({"explain", "memstats", folder.Write("e.json", odd.dump())}), 1,
                "HeapInuse + HeapIdle is");
  odd = json::parse(dump);
  odd["OtherSys"] = odd["Sys"];
  ExpectFailure(Strata({"explain", "memstats", folder.Write("f.json", odd.dump())}), 1,
                "GCSys and OtherSys is");
  odd["OtherSys"] = 0xffff'ffff'ffff'0000;
  ExpectFailure(Strata({"explain", "memstats", folder.Write("g.json", odd.dump())}), 1,
                "more than a process can map");
  ExpectFailure(Strata({"explain", "memstats", folder.Write("d.json", "{")}), 1, "d.json");
  for (json& figure : odd) figure = 0;
  ExpectFailure(Strata({"explain", "memstats", folder.Write("h.json", odd.dump())}), 1,
                "was runtime.ReadMemStats called?");
}

TEST(ExplainTest, DebugVarsFromStandardInputWillDo) {
  const json vars = {{"cmdline", {"x"}}, {"memstats", json::parse(ReadFile(kDumpA))}};
  const Finished finished =
      Strata({"explain", "memstats", "-"}, {.input = vars.dump(), .stdout_path = {}});
  ExpectSuccess(finished);
  EXPECT_THAT(finished.out, HasSubstr("17.08 GB"));
}

class DiffTest : public testing::Test {
 protected:
  std::string Footprint(const std::string& records) {
    const std::string data = folder_ / (records + ".json");
    const std::string footprint = folder_ / (records + ".footprint");
    ExpectSuccess(Strata({"gen", "rows", "--records", records, "-o", data}));
    ExpectSuccess(Strata({"footprint", data, "--format", "json", "-o", footprint}));
    return footprint;
  }

  TemporaryFolder folder_;
};

TEST_F(DiffTest, ChangesOfLayersAddUpToTheChangeOfAll) {
  const std::string a = Footprint("500");
  const std::string b = Footprint("900");
  const json before = json::parse(ReadFile(a));
  const json after = json::parse(ReadFile(b));
  const Finished finished = Strata({"diff", a, b, "--format", "json"});
  ExpectSuccess(finished);
  const json diff = json::parse(finished.out);
  EXPECT_EQ(diff.at("a").at("file"), a);
  EXPECT_EQ(diff.at("b").at("layout"), "packed");
  const auto change = [](const json& object, const char* field) {
    const json& figures = object.at(field);
    EXPECT_EQ(figures.at("b").get<std::int64_t>() - figures.at("a").get<std::int64_t>(),
              figures.at("change").get<std::int64_t>());
    return figures.at("change").get<std::int64_t>();
  };
  for (const char* const field : {"used_bytes", "slack_bytes", "dead_bytes", "total_bytes"}) {
    std::int64_t sum = 0;
    for (const json& layer : diff.at("layers")) sum += change(layer, field);
    EXPECT_EQ(sum, change(diff, field)) << field;
  }
  EXPECT_EQ(diff.at("total_bytes").at("a"), before.at("total_bytes"));
  EXPECT_EQ(diff.at("total_bytes").at("b"), after.at("total_bytes"));
  EXPECT_EQ(diff.at("process").at("rss_bytes").at("a"), before.at("process").at("rss_bytes"));

  const Finished text = Strata({"diff", a, b});
  ExpectSuccess(text);
  EXPECT_THAT(text.out, HasSubstr("all layers"));
  EXPECT_THAT(text.out, HasSubstr("anonymous"));
  const Finished page = Strata({"diff", a, b, "--format", "html"});
  ExpectSuccess(page);
  EXPECT_THAT(page.out, HasSubstr("\"kind\":\"diff\""));
}

TEST_F(DiffTest, WithItselfNothingChanged) {
  const std::string a = Footprint("300");
  const Finished text = Strata({"diff", a, a});
  ExpectSuccess(text);
  EXPECT_THAT(text.out, ContainsRegex("unchanged\\)"));
  EXPECT_THAT(text.out, Not(HasSubstr("+")));
}

TEST_F(DiffTest, OtherFilesAreRefusedByName) {
  const std::string a = Footprint("300");
  ExpectFailure(Strata({"diff", a, folder_ / "300.json"}), 1,
                "300.json: not a footprint: key 'schema' not found");
  ExpectFailure(Strata({"diff", folder_ / "none", a}), 1, "none: cannot be read");
}

}  // namespace
}  // namespace strata::cli
