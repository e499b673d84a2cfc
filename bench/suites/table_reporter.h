// Prints results as the Markdown table that README shows: a row a layout, a column an operation,
// one table a data set. Of repeated runs the median counts.
//
// Threads: one.
#ifndef STRATA_BENCH_SUITES_TABLE_REPORTER_H_
#define STRATA_BENCH_SUITES_TABLE_REPORTER_H_

#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace strata {

class TableReporter final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  /// Takes in the runs of one benchmark and, where that is a terminal, says so on standard error.
  void ReportRuns(const std::vector<Run>& runs) override;
  /// Prints the tables.
  void Finalize() override;

 private:
  struct Row {
    std::string layout;
    std::map<std::string, double>
        cells;  // operation -> nanoseconds an item; "bytes" -> bytes a pair
  };
  struct Table {
    std::string data;  // "forum/200000"
    std::vector<Row> rows;
  };

  Row& RowOf(const std::string& data, const std::string& layout);

  std::vector<Table> tables_;
};

}  // namespace strata

#endif  // STRATA_BENCH_SUITES_TABLE_REPORTER_H_
