// strata bench: layouts measured on the user's own data, each in processes of its own.
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "cli/benchmarks.h"
#include "cli/exit_status.h"
#include "cli/layout_jobs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/words.h"

namespace strata::cli {
namespace {

// Which option is whose: one that the benchmark does not have would go unheard.
absl::Status CheckOptions(const BenchArgs& args) {
  const bool timings = args.benchmark == "load" || args.benchmark == "lookup";
  const bool churn = args.benchmark == "churn";
  struct Option {
    const char* name;
    const std::optional<std::string>* value;
    bool fits;
    const char* whose;
  };
  for (const Option& option :
       {Option{"--lookups", &args.lookups, timings, "load and lookup"},
        Option{"--rounds", &args.rounds, timings || churn, "load, lookup and churn"},
        Option{"--times", &args.times, churn, "churn"},
        Option{"--share", &args.share, args.benchmark == "reclaim", "reclaim"}}) {
    if (!option.value->has_value() || option.fits) continue;
    return UsageError(absl::StrFormat("%s is for %s: leave it out", option.name, option.whose));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Benchmark>> MakeBenchmark(const BenchArgs& args) {
  if (args.benchmark == "load" || args.benchmark == "lookup") return MakeTimings(args);
  if (args.benchmark == "churn") return MakeChurn(args);
  if (args.benchmark == "reclaim") return MakeReclaim(args);
  return UsageError(absl::StrFormat(
      "there is no benchmark '%s': give load, lookup, churn or reclaim", args.benchmark));
}

}  // namespace

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
  const absl::StatusOr<std::unique_ptr<Benchmark>> benchmark = MakeBenchmark(args);
  if (!benchmark.ok()) return benchmark.status();
  if (absl::Status status = CheckOptions(args); !status.ok()) return status;
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
