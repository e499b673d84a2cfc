// Go's MemStats sorted into terms, and Go's heap reckoned.
//
// Threads: one.
#include <strata/go_memory.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"

namespace strata {
namespace {

using testing::HasSubstr;

GoMemStats Dump(const char* name) {
  std::ifstream file(std::string(STRATA_MEMSTATS_FOLDER "/") + name);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return ParseGoMemStats(text).value();
}

std::int64_t BytesOf(const GoMemoryReport& report, const std::string& name) {
  for (const GoMemoryTerm& term : report.terms) {
    if (term.name == name) return term.bytes;
  }
  ADD_FAILURE() << "no term " << name;
  return 0;
}

TEST(GoMemoryTest, TermsOfBothDumpsAddUpToSys) {
  for (const char* const name : {"memstats_a.json", "memstats_b.json"}) {
    const GoMemStats stats = Dump(name);
    const GoMemoryReport report = ExplainGoMemory(stats, std::nullopt);
    std::int64_t sum = 0;
    std::int64_t held = 0;
    for (const GoMemoryTerm& term : report.terms) {
      EXPECT_NE(term.name, "in no field");
      sum += term.bytes;
      if (term.in_container) held += term.bytes;
    }
    EXPECT_EQ(sum, static_cast<std::int64_t>(stats.sys));
    EXPECT_EQ(held, static_cast<std::int64_t>(report.explained_bytes));
    EXPECT_FALSE(report.unexplained_bytes.has_value());
    EXPECT_TRUE(report.suspects.empty());
  }
}

TEST(GoMemoryTest, FirstDump) {
  const GoMemoryReport report =
      ExplainGoMemory(Dump("memstats_a.json"), std::uint64_t{17367} << 20);
  EXPECT_EQ(BytesOf(report, "live objects"), 11'107'201'856);
  EXPECT_EQ(BytesOf(report, "fragmentation inside spans"), 2'272'890'048);
  EXPECT_EQ(BytesOf(report, "idle, not returned"), 933'232'640);
  EXPECT_EQ(BytesOf(report, "returned"), 37'270'716'416);
  EXPECT_EQ(report.explained_bytes, 17'077'595'200u);
  EXPECT_EQ(report.unexplained_bytes, 1'133'024'192);
}

TEST(GoMemoryTest, SecondDump) {
  const GoMemoryReport report =
      ExplainGoMemory(Dump("memstats_b.json"), std::uint64_t{25897} << 20);
  EXPECT_EQ(report.explained_bytes, 15'096'159'016u);
  EXPECT_EQ(report.unexplained_bytes, 12'058'813'656);
}

TEST(GoMemoryTest, SuspectThatCannotBeAllOfItStandsBehind) {
  GoMemStats stats = Dump("memstats_a.json");
  const auto place = [&](std::uint64_t observed_bytes) {
    const GoMemoryReport report = ExplainGoMemory(stats, observed_bytes);
    for (std::size_t i = 0; i < report.suspects.size(); ++i) {
      EXPECT_FALSE(report.suspects[i].decide.empty());
      if (report.suspects[i].name == "huge pages") return i;
    }
    return report.suspects.size();
  };
  EXPECT_EQ(place(std::uint64_t{17367} << 20), 2u);
  // More is missing than was ever returned.
  EXPECT_GT(place(std::uint64_t{80'000} << 20), 5u);
}

// The commands of a suspect as a person would paste them, for the process `pid`; the remarks behind
// them are no part of them.
std::string Pasted(const std::string& commands, pid_t pid) {
  std::string pasted;
  for (const absl::string_view line : absl::StrSplit(commands, '\n')) {
    const std::string whole(line);
    pasted += whole.substr(0, whole.find("    (")) + "\n";
  }
  return absl::StrReplaceAll(pasted, {{"/PID/", absl::StrCat("/", pid, "/")}});
}

TEST(GoMemoryTest, WhatDecidesASuspectIsForAShell) {
  const GoMemStats stats = Dump("memstats_a.json");
  for (const std::uint64_t observed : {std::uint64_t{17367} << 20, std::uint64_t{1} << 30}) {
    for (const GoMemorySuspect& suspect : ExplainGoMemory(stats, observed).suspects) {
      const std::string commands = Pasted(suspect.decide, getpid());
      EXPECT_EQ(std::system(("sh -n <<'END'\n" + commands + "END\n").c_str()), 0) << commands;
      EXPECT_EQ(commands.find("PID"), std::string::npos) << commands;
      // What reads this process's own files runs here, too. Not every kernel has every field.
      if (commands.find("/proc/") == std::string::npos) continue;
      const std::string quiet = "{\n" + commands + "} > /dev/null 2>&1";
      EXPECT_NE(WEXITSTATUS(std::system(quiet.c_str())), 127) << commands;
    }
  }
}

TEST(GoMemoryTest, WhatLiesOutsideGosHeapIsAddedUpByTheCommand) {
  for (const GoMemorySuspect& suspect :
       ExplainGoMemory(Dump("memstats_a.json"), std::uint64_t{17367} << 20).suspects) {
    if (!suspect.name.starts_with("cgo")) continue;
    FILE* const pipe = popen(Pasted(suspect.decide, getpid()).c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    long kib = 0;
    EXPECT_EQ(std::fscanf(pipe, "%ld kB", &kib), 1);
    EXPECT_EQ(pclose(pipe), 0);
    EXPECT_GT(kib, 100);  // nothing of this process is Go's heap
    return;
  }
  FAIL() << "nobody suspects cgo";
}

TEST(GoMemoryTest, BooksThatDoNotCloseShowTheirRest) {
  GoMemStats stats = Dump("memstats_a.json");
  stats.sys += 1000;
  EXPECT_EQ(BytesOf(ExplainGoMemory(stats, std::nullopt), "in no field"), 1000);
}

TEST(GoMemoryTest, CollectorThatIsOffPromisesNoNextCollection) {
  GoMemStats stats = Dump("memstats_a.json");
  EXPECT_THAT(GoMemoryText(ExplainGoMemory(stats, std::nullopt)), HasSubstr("NextGC"));
  stats.next_gc = ~std::uint64_t{0};
  EXPECT_EQ(ExplainGoMemory(stats, std::nullopt).next_gc_bytes, 0u);
}

TEST(GoMemoryTest, WhatALayoutHoldsWithoutDataIsNotMultiplied) {
  const GoMemStats stats = Dump("memstats_a.json");
  const GoSampleEstimate estimate = {
      .sample = "s.json",
      .counts = {.pairs = 10},
      .go_sample_bytes = stats.heap_alloc / 1000,
      .layouts = {{.layout = "packed", .sample_bytes = 20'000, .empty_bytes = 16'000}}};
  EXPECT_THAT(GoMemoryText(ExplainGoMemory(stats, std::nullopt), &estimate),
              testing::ContainsRegex("packed +20,000 +~4,016,00[0-9] "));
}

TEST(GoMemoryTest, AnythingElseIsRefused) {
  for (const char* const text :
       {"", "[]", "3", "{}", "{\"memstats\": 1}", "{\"HeapAlloc\": -1}", "{\"Sys\": 1.5}"}) {
    EXPECT_EQ(ParseGoMemStats(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(GoHeapTest, RequestsAreRoundedToGosSizeClasses) {
  for (const auto& [size, allocated] :
       {std::pair(0, 0), std::pair(1, 8), std::pair(9, 16), std::pair(33, 48), std::pair(272, 288),
        std::pair(1025, 1152), std::pair(28'673, 32'768), std::pair(32'768, 32'768),
        std::pair(32'769, 40'960)}) {
    EXPECT_EQ(GoHeapReckoner::AllocatedBytes(static_cast<std::uint64_t>(size)),
              static_cast<std::uint64_t>(allocated))
        << size;
  }
}

// A Go 1.19 program that held two million one-pair records in 200 outers of 1,000 inners of ten
// took 451 bytes of RSS a pair; half of it is the map of each record.
TEST(GoHeapTest, OnePairRecordsCostWhatAGoProgramWasMeasuredToTake) {
  GoHeapReckoner go;
  const std::string value(34, 'v');
  for (int outer = 0; outer < 2; ++outer) {
    go.AddOuter("field00000", 1000);
    for (int inner = 0; inner < 1000; ++inner) {
      go.AddEntry("item000000", 10);
      for (int record = 0; record < 10; ++record) {
        go.AddRecord(1);
        go.AddPair("12345", value);
      }
    }
  }
  const double each = static_cast<double>(go.bytes()) / 20'000;
  EXPECT_GT(each, 451 * 0.85);
  EXPECT_LT(each, 451);  // RSS has the collector's slack, too
}

TEST(GoHeapTest, MapsDoubleAtSixAndAHalfABucket) {
  const auto map_bytes = [](std::size_t pairs) {
    GoHeapReckoner go;
    go.AddRecord(pairs);
    return go.bytes();
  };
  EXPECT_EQ(map_bytes(0), 48u);
  EXPECT_EQ(map_bytes(8), 48u + 288u);
  EXPECT_EQ(map_bytes(9), 48u + 576u);    // two buckets of 272
  EXPECT_EQ(map_bytes(14), 48u + 1152u);  // four: 1,088
}

}  // namespace
}  // namespace strata
