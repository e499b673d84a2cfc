// strata bench: layouts measured on the user's own data, each in processes of its own.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/benchmarks.h"
#include "cli/exit_status.h"
#include "cli/layout_jobs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/words.h"

namespace strata::cli {
namespace {

// An option that the benchmark does not have would go unheard.
absl::Status CheckOptions(const BenchmarkWords& benchmark, const BenchArgs& args) {
  for (const auto& [option, value] :
       {std::pair("--lookups", &args.lookups), std::pair("--rounds", &args.rounds),
        std::pair("--times", &args.times), std::pair("--share", &args.share)}) {
    if (!value->has_value() || benchmark.Has(option)) continue;
    std::vector<std::string> whose;
    for (const BenchmarkWords& one : AllBenchmarks()) {
      if (one.Has(option)) whose.emplace_back(one.name);
    }
    return UsageError(
        absl::StrFormat("%s is for %s: leave it out", option, absl::StrJoin(whose, ", ")));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Benchmark>> MakeBenchmark(const BenchArgs& args) {
  if (args.benchmark == "churn") return MakeChurn(args);
  if (args.benchmark == "reclaim") return MakeReclaim(args);
  return MakeTimings(args);
}

}  // namespace

bool BenchmarkWords::Has(std::string_view option) const {
  return std::any_of(options.begin(), options.end(),
                     [option](const BenchOption& one) { return one.name == option; });
}

const std::vector<BenchmarkWords>& AllBenchmarks() {
  static const BenchOption kLookups = {"--lookups", "random lookups a round [300000]"};
  static const BenchOption kRounds = {"--rounds",
                                      "runs a layout, each in a process of its own [5]"};
  static const std::vector<BenchmarkWords> all = {
      {"load", "how long loading the data takes", {kLookups, kRounds}},
      {"lookup",
       "how long lookups take, one by one and many at once, and a scan",
       {kLookups, kRounds}},
      {"churn",
       "what overwriting entries at random does to the bytes, and how long it takes",
       {{"--times", "how many times the data is written [10]"},
        {"--rounds", "after the churn, rounds that overwrite every entry with new strings [0]"}}},
      {"reclaim",
       "what memory comes back when entries are deleted",
       {{"--share", "share of the entries to delete, 1 for outers, too [0.5]"}}}};
  return all;
}

const BenchmarkWords* FindBenchmark(std::string_view name) {
  const auto it = std::find_if(AllBenchmarks().begin(), AllBenchmarks().end(),
                               [name](const BenchmarkWords& one) { return one.name == name; });
  return it == AllBenchmarks().end() ? nullptr : &*it;
}

absl::Status CheckBenchmark(std::string_view name) {
  if (FindBenchmark(name) != nullptr) return absl::OkStatus();
  return UsageError(
      absl::StrFormat("there is no benchmark '%s': give load, lookup, churn or reclaim", name));
}

absl::Status ForEachLayout(const BenchPlan& plan, DatasetReport* dataset,
                           absl::FunctionRef<absl::Status(const std::string& layout)> measure) {
  ProgressLine progress("bench", plan.progress);
  // By itself, for it takes memory that would show in a layout's figures.
  progress.Note("describing the data");
  absl::StatusOr<DatasetReport> described = DescribeInProcess(plan.source);
  if (!described.ok()) return described.status();
  *dataset = *std::move(described);
  std::size_t number = 0;
  for (const std::string& layout : plan.layouts) {
    progress.Note(absl::StrFormat("%s (%d of %d)", layout, ++number, plan.layouts.size()));
    if (absl::Status status = measure(layout); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckBooks(const std::string& layout, const char* when, const MemoryState& memory) {
  if (memory.total_bytes == memory.allocated_bytes) return absl::OkStatus();
  return absl::InternalError(absl::StrFormat(
      "the books of layout %s are wrong %s, %d bytes walked and %d counted: this is a bug, report "
      "it with the data",
      layout, when, memory.total_bytes, memory.allocated_bytes));
}

absl::Status RunBench(const BenchArgs& args) {
  if (absl::Status status = CheckBenchmark(args.benchmark); !status.ok()) return status;
  if (absl::Status status = CheckOptions(*FindBenchmark(args.benchmark), args); !status.ok()) {
    return status;
  }
  const absl::StatusOr<std::unique_ptr<Benchmark>> benchmark = MakeBenchmark(args);
  if (!benchmark.ok()) return benchmark.status();
  if (absl::Status status = CheckFormat(args.format, {"text", "json"}); !status.ok()) {
    return status;
  }
  absl::StatusOr<std::vector<std::string>> layouts = ParseLayouts(args.layouts);
  if (!layouts.ok()) return layouts.status();
  absl::StatusOr<SourceArg> source = SourceArg::Parse(args.source);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(args.output);
  if (!output.ok()) return output.status();
  if (absl::Status status = source->Spool(); !status.ok()) return status;
  const absl::StatusOr<std::string> text = (*benchmark)
                                               ->Run({.source = *source,
                                                      .layouts = *std::move(layouts),
                                                      .json = args.format == "json",
                                                      .progress = args.source.progress});
  if (!text.ok()) return text.status();
  if (absl::Status status = (*output)->Write(*text); !status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace strata::cli
