// bench load and bench lookup: loading, lookups and scans timed, round by round.
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "accounting/report/bench_report.h"
#include "cli/benchmarks.h"
#include "cli/exit_status.h"
#include "cli/layout_jobs.h"
#include "cli/progress.h"
#include "cli/words.h"

namespace strata::cli {
namespace {

constexpr std::uint64_t kMaxRounds = 1000;

void AddRound(const LayoutReport& layout, BenchRow* row) {
  row->layout = layout.footprint.layout;
  if (layout.load_seconds) row->load_seconds.push_back(*layout.load_seconds);
  if (layout.lookup_ns) row->lookup_ns.push_back(*layout.lookup_ns);
  if (layout.lookup_batch_ns) row->lookup_batch_ns.push_back(*layout.lookup_batch_ns);
  if (layout.scan_ns_per_pair) row->scan_ns_per_pair.push_back(*layout.scan_ns_per_pair);
}

class Timings final : public Benchmark {
 public:
  Timings(std::string benchmark, std::uint64_t lookups, std::uint64_t rounds)
      : benchmark_(std::move(benchmark)), lookups_(lookups), rounds_(rounds) {}

  absl::StatusOr<std::string> Run(const BenchPlan& plan) const override {
    BenchReport report{.benchmark = benchmark_, .dataset = {}, .rows = {}};
    report.rows.resize(plan.layouts.size());
    ProgressLine progress("bench", plan.progress);
    // Round by round, not layout by layout: a machine that grows slower meanwhile slows them all.
    for (std::uint64_t round = 0; round < rounds_; ++round) {
      for (std::size_t i = 0; i < plan.layouts.size(); ++i) {
        const std::string& layout = plan.layouts[i];
        progress.Note(absl::StrFormat("%s (round %d of %d)", layout, round + 1, rounds_));
        const bool first = round == 0 && i == 0;
        LayoutJob job{.layout = layout, .lookups = lookups_, .describe_dataset = first};
        if (benchmark_ == "load") {
          job.lookups = 0;
          job.rounds = 1;
        }
        absl::StatusOr<FootprintReport> measured = MeasureInProcess(plan.source, job);
        if (!measured.ok()) return measured.status();
        AddRound(measured->layout, &report.rows[i]);
        if (first) report.dataset = std::move(measured->dataset);
      }
    }
    return plan.json ? BenchJson(report) : BenchText(report);
  }

 private:
  std::string benchmark_;
  std::uint64_t lookups_;
  std::uint64_t rounds_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Benchmark>> MakeTimings(const BenchArgs& args) {
  const absl::StatusOr<std::uint64_t> lookups =
      ParseNumber("--lookups", args.lookups.value_or("300000"), kMaxLookups);
  if (!lookups.ok()) return lookups.status();
  const absl::StatusOr<std::uint64_t> rounds =
      ParseNumber("--rounds", args.rounds.value_or("5"), kMaxRounds);
  if (!rounds.ok()) return rounds.status();
  if (*rounds == 0) return UsageError("--rounds: 0 rounds measure nothing: give 1 or more");
  return std::make_unique<Timings>(args.benchmark, *lookups, *rounds);
}

}  // namespace strata::cli
