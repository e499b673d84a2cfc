// What `bench churn` prints, as text and as JSON, and the form in which a layout's process hands
// its figures over. Scripts rely on the JSON form: fields are added, never renamed or dropped.
//
// Threads: plain values and pure functions.
#ifndef STRATA_CLI_CHURN_REPORT_H_
#define STRATA_CLI_CHURN_REPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/baselines/churn.h"

#include <strata/report.h>

namespace strata::cli {

struct ChurnReport {
  DatasetReport dataset;
  ChurnOptions options;
  std::vector<ChurnMeasurement> layouts;
};

std::string ChurnJson(const ChurnReport& report);
/// For a terminal of 100 columns.
std::string ChurnText(const ChurnReport& report);

std::string ChurnResult(const ChurnMeasurement& churn);
/// Reads it. InvalidArgument names what is missing or of the wrong kind.
absl::StatusOr<ChurnMeasurement> ParseChurnResult(std::string_view json);

}  // namespace strata::cli

#endif  // STRATA_CLI_CHURN_REPORT_H_
