#include "accounting/report/text_parts.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace strata {

void Table::Add(std::vector<std::string> row) {
  widths_.resize(std::max(widths_.size(), row.size()));
  for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], row[i].size());
  rows_.push_back(std::move(row));
}

std::string Table::Text() const {
  std::string text;
  for (const std::vector<std::string>& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const int width = static_cast<int>(widths_[i]);
      text +=
          i == 0 ? absl::StrFormat("%-*s", width, row[i]) : absl::StrFormat("  %*s", width, row[i]);
    }
    text += '\n';
  }
  return text;
}

std::string Mebibytes(double bytes) { return absl::StrFormat("%.1f", bytes / (1 << 20)); }

std::string Nanoseconds(const std::optional<double>& figure) {
  return figure.has_value() ? absl::StrFormat("%.*f", *figure < 100 ? 1 : 0, *figure) : "-";
}

std::string Each(std::uint64_t bytes, std::uint64_t count) {
  if (count == 0) return "-";
  return absl::StrFormat("%.1f", static_cast<double>(bytes) / static_cast<double>(count));
}

std::string DatasetText(const DatasetReport& dataset) {
  std::string text =
      absl::StrFormat("%s\n%s outers, %s entries, %s records, %s pairs", dataset.source,
                      Grouped(dataset.counts.outers), Grouped(dataset.counts.entries),
                      Grouped(dataset.counts.records), Grouped(dataset.counts.pairs));
  if (dataset.distinct_strings && dataset.text_bytes) {
    absl::StrAppendFormat(&text, "; %s distinct strings, %s MiB of text",
                          Grouped(*dataset.distinct_strings),
                          Mebibytes(static_cast<double>(*dataset.text_bytes)));
  }
  return text + "\n\n";
}

}  // namespace strata
