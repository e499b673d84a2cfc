// Reports: measured figures as text for people and as JSON for programs.
//
// Scripts rely on the JSON forms: fields are added, never renamed or dropped. A figure that could
// not be measured is null, never 0. Layers are leaves; their totals add up to the layout's
// total_bytes.
//
// Threads: plain values and pure functions.
#ifndef STRATA_ACCOUNTING_REPORT_REPORT_H_
#define STRATA_ACCOUNTING_REPORT_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include <strata/footprint.h>
#include <strata/process_books.h>

namespace strata {

/// The data that was measured.
struct DatasetReport {
  std::string source;  ///< as the user named it
  Counts counts;
  std::uint64_t distinct_strings = 0;  ///< outers, inners, keys and values together
  std::uint64_t text_bytes = 0;        ///< of all strings as they occur
  std::string digest;                  ///< of the content, hexadecimal
};

/// One layout holding it.
struct LayoutReport {
  Footprint footprint;
  std::string allocator;
  std::int64_t rss_delta_bytes = 0;  ///< RSS with the layout loaded minus RSS before
  std::uint64_t peak_rss_bytes = 0;
  double load_seconds = 0;
  std::uint64_t load_allocated_bytes = 0;
  std::uint64_t load_allocations = 0;
  std::optional<double> lookup_ns;
  std::optional<double> lookup_batch_ns;
  std::optional<double> scan_ns_per_pair;
  std::string digest;  ///< of the content read back out of the layout
};

struct CompareReport {
  DatasetReport dataset;
  std::vector<LayoutReport> layouts;
};

struct FootprintReport {
  DatasetReport dataset;
  LayoutReport layout;
  ProcessBooks process;
  std::vector<OuterFootprint> outers{};  ///< the largest, where they were asked for
};

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

// Each of these ends with a line end. Text is for a terminal of 100 columns.

std::string CompareJson(const CompareReport& report);
std::string CompareText(const CompareReport& report);
std::string FootprintJson(const FootprintReport& report);
std::string FootprintText(const FootprintReport& report);
std::string BenchJson(const BenchReport& report);
std::string BenchText(const BenchReport& report);

/// Reads what FootprintJson wrote, fields unknown to this version left out. InvalidArgument names
/// what is missing or of the wrong kind.
absl::StatusOr<FootprintReport> ParseFootprintJson(std::string_view json);

/// The median: the mean of the two middle ones where their number is even; none of none.
std::optional<double> Median(std::vector<double> figures);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_REPORT_REPORT_H_
