// strata bench: layouts timed on the user's own data, each round in a process of its own.
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "accounting/report/report.h"
#include "cli/exit_status.h"
#include "cli/layout_process.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/words.h"

namespace strata::cli {
namespace {

constexpr std::uint64_t kMaxRounds = 1000;

absl::Status CheckBenchmark(const std::string& benchmark) {
  if (benchmark == "load" || benchmark == "lookup") return absl::OkStatus();
  if (benchmark == "churn" || benchmark == "reclaim") {
    return NotInThisVersion(absl::StrFormat("the benchmark '%s'", benchmark),
                            "give load or lookup");
  }
  return UsageError(absl::StrFormat("there is no benchmark '%s': give load or lookup", benchmark));
}

void AddRound(const LayoutReport& layout, BenchRow* row) {
  row->layout = layout.footprint.layout;
  row->load_seconds.push_back(layout.load_seconds);
  if (layout.lookup_ns) row->lookup_ns.push_back(*layout.lookup_ns);
  if (layout.lookup_batch_ns) row->lookup_batch_ns.push_back(*layout.lookup_batch_ns);
  if (layout.scan_ns_per_pair) row->scan_ns_per_pair.push_back(*layout.scan_ns_per_pair);
}

}  // namespace

absl::Status RunBench(const BenchArgs& args) {
  if (absl::Status status = CheckBenchmark(args.benchmark); !status.ok()) return status;
  if (absl::Status status = CheckFormat(args.format, {"text", "json"}); !status.ok()) {
    return status;
  }
  const absl::StatusOr<std::vector<std::string>> layouts = ParseLayouts(args.layouts);
  if (!layouts.ok()) return layouts.status();
  const absl::StatusOr<std::uint64_t> lookups = ParseNumber("--lookups", args.lookups, kMaxLookups);
  if (!lookups.ok()) return lookups.status();
  const absl::StatusOr<std::uint64_t> rounds = ParseNumber("--rounds", args.rounds, kMaxRounds);
  if (!rounds.ok()) return rounds.status();
  if (*rounds == 0) return UsageError("--rounds: 0 rounds measure nothing: give 1 or more");
  absl::StatusOr<SourceArg> source = SourceArg::Parse(args.source);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(args.output);
  if (!output.ok()) return output.status();
  if (absl::Status status = source->Spool(); !status.ok()) return status;

  BenchReport report{.benchmark = args.benchmark, .dataset = {}, .rows = {}};
  report.rows.resize(layouts->size());
  ProgressLine progress("bench", args.source.progress);
  // Round by round, not layout by layout: a machine that grows slower meanwhile slows them all.
  for (std::uint64_t round = 0; round < *rounds; ++round) {
    for (std::size_t i = 0; i < layouts->size(); ++i) {
      const std::string& layout = (*layouts)[i];
      progress.Note(absl::StrFormat("%s (round %d of %d)", layout, round + 1, *rounds));
      const bool first = round == 0 && i == 0;
      absl::StatusOr<FootprintReport> measured =
          MeasureInProcess(*source, {.layout = layout,
                                     .lookups = args.benchmark == "lookup" ? *lookups : 0,
                                     .describe_dataset = first});
      if (!measured.ok()) return measured.status();
      AddRound(measured->layout, &report.rows[i]);
      if (first) report.dataset = std::move(measured->dataset);
    }
  }
  const std::string text = args.format == "json" ? BenchJson(report) : BenchText(report);
  if (absl::Status status = (*output)->Write(text); !status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace strata::cli
