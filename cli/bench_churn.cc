// bench churn: the data overwritten many times in each layout, what that costs and leaves behind.
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "cli/benchmarks.h"
#include "cli/churn_report.h"
#include "cli/layout_jobs.h"
#include "cli/words.h"

namespace strata::cli {
namespace {

constexpr std::uint64_t kMaxTimes = 100'000;
constexpr std::uint64_t kMaxRounds = 1'000'000;

absl::Status OtherContent(const ChurnReport& report, const ChurnMeasurement& churn,
                          const char* what) {
  return absl::DataLossError(absl::StrFormat(
      "%s: layout %s %s: did the source change meanwhile? If not, this is a bug: report it with "
      "the data",
      report.dataset.source, churn.layout, what));
}

// What makes the figures worthless: a layout that lost content, books that are wrong.
absl::Status Check(const ChurnReport& report) {
  const ChurnMeasurement& first = report.layouts.front();
  for (const ChurnMeasurement& churn : report.layouts) {
    if (churn.content_before.digest != report.dataset.digest) {
      return OtherContent(report, churn, "holds other content than the data");
    }
    if (churn.content_after.counts != churn.content_before.counts ||
        churn.content_after.shape_digest != churn.content_before.shape_digest) {
      return OtherContent(report, churn, "holds other records or keys after the churn");
    }
    if (churn.content_after.digest != first.content_after.digest ||
        churn.digest_after_rounds != first.digest_after_rounds) {
      return OtherContent(report, churn, "holds other values after the churn than the first");
    }
    absl::Status status = CheckBooks(churn.layout, "before the churn", churn.memory_before);
    if (status.ok()) status = CheckBooks(churn.layout, "after the churn", churn.memory_after);
    for (const ChurnSample& sample : churn.rounds) {
      if (status.ok()) status = CheckBooks(churn.layout, "between rounds", sample.memory);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

class Churn final : public Benchmark {
 public:
  explicit Churn(const ChurnOptions& options) : options_(options) {}

  absl::StatusOr<std::string> Run(const BenchPlan& plan) const override {
    ChurnReport report{.dataset = {}, .options = options_, .layouts = {}};
    const absl::Status measured =
        ForEachLayout(plan, &report.dataset, [&](const std::string& layout) {
          absl::StatusOr<ChurnMeasurement> churn = ChurnInProcess(plan.source, layout, options_);
          if (churn.ok()) report.layouts.push_back(*std::move(churn));
          return churn.status();
        });
    if (!measured.ok()) return measured;
    if (absl::Status status = Check(report); !status.ok()) return status;
    return plan.json ? ChurnJson(report) : ChurnText(report);
  }

 private:
  ChurnOptions options_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Benchmark>> MakeChurn(const BenchArgs& args) {
  const absl::StatusOr<std::uint64_t> times =
      ParseNumber("--times", args.times.value_or("10"), kMaxTimes);
  if (!times.ok()) return times.status();
  const absl::StatusOr<std::uint64_t> rounds =
      ParseNumber("--rounds", args.rounds.value_or("0"), kMaxRounds);
  if (!rounds.ok()) return rounds.status();
  return std::make_unique<Churn>(ChurnOptions{.times = *times, .rounds = *rounds});
}

}  // namespace strata::cli
