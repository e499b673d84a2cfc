// bench reclaim: which layouts give back the memory of what was deleted.
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "cli/benchmarks.h"
#include "cli/layout_jobs.h"
#include "cli/reclaim_report.h"
#include "cli/words.h"

namespace strata::cli {
namespace {

// What makes the figures worthless: a layout that lost content, books that are wrong.
absl::Status Check(const ReclaimReport& report) {
  const std::string& digest = report.layouts.front().fresh.digest;
  for (const ReclaimRow& row : report.layouts) {
    const ReclaimMeasurement& reclaim = row.reclaim;
    if (reclaim.released.digest != digest || row.fresh.digest != digest ||
        reclaim.released.counts != row.fresh.counts) {
      return absl::DataLossError(absl::StrFormat(
          "%s: layout %s is left with other content than a fresh load of it, or than the first "
          "layout: did the source change meanwhile? If not, this is a bug: report it with the data",
          report.dataset.source, reclaim.layout));
    }
    absl::Status status = CheckBooks(reclaim.layout, "when empty", reclaim.empty);
    if (status.ok()) status = CheckBooks(reclaim.layout, "when loaded", reclaim.loaded);
    if (status.ok()) status = CheckBooks(reclaim.layout, "after deletes", reclaim.deleted);
    if (status.ok()) status = CheckBooks(reclaim.layout, "at the end", reclaim.released.memory);
    if (status.ok()) status = CheckBooks(reclaim.layout, "after reserving", reclaim.reserved);
    if (status.ok()) status = CheckBooks(reclaim.layout, "after shrinking", reclaim.shrunk);
    if (status.ok()) status = CheckBooks(reclaim.layout, "loaded afresh", row.fresh.memory);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

class Reclaim final : public Benchmark {
 public:
  explicit Reclaim(double share) : share_(share) {}

  absl::StatusOr<std::string> Run(const BenchPlan& plan) const override {
    ReclaimReport report{.dataset = {}, .share = share_, .layouts = {}};
    const absl::Status measured =
        ForEachLayout(plan, &report.dataset, [&](const std::string& layout) {
          absl::StatusOr<ReclaimMeasurement> reclaim =
              ReclaimInProcess(plan.source, layout, share_);
          if (!reclaim.ok()) return reclaim.status();
          absl::StatusOr<Remainder> fresh =
              RemainderInProcess(plan.source, layout, reclaim->deletion);
          if (!fresh.ok()) return fresh.status();
          report.layouts.push_back({.reclaim = *std::move(reclaim), .fresh = *std::move(fresh)});
          return absl::OkStatus();
        });
    if (!measured.ok()) return measured;
    if (absl::Status status = Check(report); !status.ok()) return status;
    return plan.json ? ReclaimJson(report) : ReclaimText(report);
  }

 private:
  double share_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Benchmark>> MakeReclaim(const BenchArgs& args) {
  const absl::StatusOr<double> share = ParseShare("--share", args.share.value_or("0.5"));
  if (!share.ok()) return share.status();
  return std::make_unique<Reclaim>(*share);
}

}  // namespace strata::cli
