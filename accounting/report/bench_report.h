// The timings that `strata bench` prints, and the median that reports are made of.
//
// Threads: plain values and pure functions.
#ifndef STRATA_ACCOUNTING_REPORT_BENCH_REPORT_H_
#define STRATA_ACCOUNTING_REPORT_BENCH_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include <strata/report.h>

namespace strata {

/// One layout's runs of a benchmark, in the order they were made.
struct BenchRow {
  std::string layout;
  std::vector<double> load_seconds;
  std::vector<double> lookup_ns;  ///< empty where there is nothing to look up
  std::vector<double> lookup_batch_ns;
  std::vector<double> scan_ns_per_pair;
};

struct BenchReport {
  std::string benchmark;  ///< "load" or "lookup"
  DatasetReport dataset;
  std::vector<BenchRow> rows;
};

/// Both end with a line end; text is for a terminal of 100 columns.
std::string BenchJson(const BenchReport& report);
std::string BenchText(const BenchReport& report);

/// The median: the mean of the two middle ones where their number is even; none of none.
std::optional<double> Median(std::vector<double> figures);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_REPORT_BENCH_REPORT_H_
