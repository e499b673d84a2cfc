#include "bench/suites/table_reporter.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace strata {
namespace {

struct Column {
  const char* operation;
  const char* heading;
};

// Times are nanoseconds an item; what an item is stands in the heading.
constexpr char kBytes[] = "bytes";
constexpr std::array kColumns = {Column{kBytes, "bytes a pair"},
                                 Column{"lookup_hit", "lookup, hit"},
                                 Column{"lookup_miss", "lookup, miss"},
                                 Column{"scan", "scan a pair"},
                                 Column{"put", "Put an entry"},
                                 Column{"overwrite", "overwrite an entry"},
                                 Column{"append", "Append a record"},
                                 Column{"json_load", "JSON load a pair"},
                                 Column{"mysql_load", "MySQL load a pair"}};

bool HasColumn(std::string_view operation) {
  return std::any_of(kColumns.begin(), kColumns.end(),
                     [&](const Column& column) { return column.operation == operation; });
}

}  // namespace

bool TableReporter::ReportContext(const Context&) { return true; }

TableReporter::Row& TableReporter::RowOf(const std::string& data, const std::string& layout) {
  auto table = std::find_if(tables_.begin(), tables_.end(),
                            [&](const Table& other) { return other.data == data; });
  if (table == tables_.end()) table = tables_.insert(tables_.end(), Table{data, {}});
  auto row = std::find_if(table->rows.begin(), table->rows.end(),
                          [&](const Row& other) { return other.layout == layout; });
  if (row == table->rows.end()) row = table->rows.insert(table->rows.end(), Row{layout, {}});
  return *row;
}

void TableReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    const bool whole = run.run_type == Run::RT_Iteration && runs.size() == 1;
    if (run.error_occurred) {
      std::fprintf(stderr, "%s: %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
      continue;
    }
    if (!whole && run.aggregate_name != "median") continue;
    // OPERATION/SHAPE/RECORDS/LAYOUT
    const std::vector<std::string> parts = absl::StrSplit(run.run_name.function_name, '/');
    if (parts.size() != 4 || !HasColumn(parts[0])) continue;
    if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "%s\n", run.benchmark_name().c_str());
    Row& row = RowOf(parts[1] + "/" + parts[2], parts[3]);
    if (const auto items = run.counters.find("items_per_second");
        items != run.counters.end() && items->second.value > 0) {
      row.cells[parts[0]] = 1e9 / items->second.value;
    }
    // Of a freshly loaded layout, not of one that was appended to or overwritten.
    if (const auto bytes = run.counters.find("bytes_per_pair");
        bytes != run.counters.end() && parts[0] == "lookup_hit") {
      row.cells[kBytes] = bytes->second.value;
    }
  }
}

void TableReporter::Finalize() {
  for (const Table& table : tables_) {
    std::vector<Column> columns;
    for (const Column& column : kColumns) {
      const auto has = [&](const Row& row) { return row.cells.contains(column.operation); };
      if (std::any_of(table.rows.begin(), table.rows.end(), has)) columns.push_back(column);
    }
    std::string text = absl::StrFormat("\n%s (times in ns)\n\n| layout |", table.data);
    for (const Column& column : columns) absl::StrAppendFormat(&text, " %s |", column.heading);
    text += "\n|---|";
    for (std::size_t i = 0; i < columns.size(); ++i) text += "---:|";
    text += "\n";
    for (const Row& row : table.rows) {
      absl::StrAppendFormat(&text, "| %s |", row.layout);
      for (const Column& column : columns) {
        const auto cell = row.cells.find(column.operation);
        if (cell == row.cells.end()) {
          text += " – |";
        } else {
          absl::StrAppendFormat(&text, " %.*f |", cell->second < 100 ? 1 : 0, cell->second);
        }
      }
      text += "\n";
    }
    std::fputs(text.c_str(), stdout);
  }
}

}  // namespace strata
