// What `bench reclaim` prints, as text and as JSON, and the forms in which a layout's processes
// hand their figures over. Scripts rely on the JSON form: fields are added, never renamed or
// dropped.
//
// Threads: plain values and pure functions.
#ifndef STRATA_CLI_RECLAIM_REPORT_H_
#define STRATA_CLI_RECLAIM_REPORT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/baselines/reclaim.h"

#include <strata/report.h>

namespace strata::cli {

struct ReclaimRow {
  ReclaimMeasurement reclaim;
  Remainder fresh;  ///< what is left, loaded into a fresh process

  /// What is held after the release, of what a fresh load takes; nullopt where that is nothing.
  std::optional<double> TotalPerFresh() const;
  /// The same of RSS, as the layout added to it.
  std::optional<double> RssPerFresh() const;
};

struct ReclaimReport {
  DatasetReport dataset;
  double share = 0;
  std::vector<ReclaimRow> layouts;
};

std::string ReclaimJson(const ReclaimReport& report);
/// For a terminal of 100 columns.
std::string ReclaimText(const ReclaimReport& report);

std::string ReclaimResult(const ReclaimMeasurement& reclaim);
std::string RemainderResult(const Remainder& remainder);
// Read them. InvalidArgument names what is missing or of the wrong kind.
absl::StatusOr<ReclaimMeasurement> ParseReclaimResult(std::string_view json);
absl::StatusOr<Remainder> ParseRemainderResult(std::string_view json);

}  // namespace strata::cli

#endif  // STRATA_CLI_RECLAIM_REPORT_H_
