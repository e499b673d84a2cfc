#include "accounting/report/text_parts.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/shown_text.h"

namespace strata {

namespace {

// Names are not made narrower than this, whatever stands beside them.
constexpr std::size_t kLeastNameColumns = 16;

std::string Blanks(std::size_t width, std::string_view cell) {
  const std::size_t columns = ColumnsOf(cell);
  return std::string(width > columns ? width - columns : 0, ' ');
}

}  // namespace

void Table::Add(const std::vector<std::string>& row) {
  widths_.resize(std::max(widths_.size(), row.size()));
  std::vector<std::string> cells;
  for (std::size_t i = 0; i < row.size(); ++i) {
    cells.push_back(Shown(row[i]));
    widths_[i] = std::max(widths_[i], ColumnsOf(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

std::size_t Table::NameColumns() const {
  std::size_t others = 0;
  for (std::size_t i = 1; i < widths_.size(); ++i) others += 2 + widths_[i];
  const std::size_t room = kTextColumns - std::min(kTextColumns, others);
  return std::min(widths_[0], std::max(kLeastNameColumns, room));
}

std::string Table::Text() const {
  const std::size_t name_columns = NameColumns();
  std::string text;
  for (const std::vector<std::string>& row : rows_) {
    // A name goes on below, further in than it began; the figures stand behind its first line.
    const std::size_t indent = std::min(row[0].find_first_not_of(' '), kLeastNameColumns / 2);
    const std::string name = Folded(row[0], name_columns, indent + 2);
    const std::size_t first_end = std::min(name.find('\n'), name.size());
    std::string line = name.substr(0, first_end);
    line += Blanks(name_columns, line);
    for (std::size_t i = 1; i < row.size(); ++i) {
      const bool words = last_ == Last::kWords && i + 1 == widths_.size();
      absl::StrAppend(&line, "  ", words ? "" : Blanks(widths_[i], row[i]), row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, name.substr(first_end), "\n");
  }
  return text;
}

ByteUnit ByteUnit::For(std::uint64_t least_bytes) {
  if (least_bytes >= std::uint64_t{1} << 20) return Mebibytes();
  return least_bytes >= std::uint64_t{1} << 10 ? ByteUnit("KiB", 10) : Bytes();
}

std::string ByteUnit::Of(double bytes, int decimals) const {
  if (shift_ == 0) return Grouped(static_cast<std::int64_t>(bytes));
  return absl::StrFormat("%.*f", decimals, bytes / static_cast<double>(std::uint64_t{1} << shift_));
}

std::string InItsUnit(std::uint64_t bytes) {
  const ByteUnit unit = ByteUnit::For(bytes);
  return absl::StrCat(unit.Of(static_cast<double>(bytes)), " ", unit.name());
}

std::string Mebibytes(double bytes) { return absl::StrFormat("%.1f", bytes / (1 << 20)); }

std::string Nanoseconds(const std::optional<double>& figure) {
  return figure.has_value() ? absl::StrFormat("%.*f", *figure < 100 ? 1 : 0, *figure) : "-";
}

std::string Each(std::uint64_t bytes, std::uint64_t count) {
  if (count == 0) return "-";
  return absl::StrFormat("%.1f", static_cast<double>(bytes) / static_cast<double>(count));
}

std::string Percent(double part, double whole) {
  return whole > 0 ? absl::StrFormat("%.1f%%", 100 * part / whole) : "-";
}

std::string DatasetText(const DatasetReport& dataset) {
  const auto& [outers, entries, records, pairs] = dataset.counts;
  std::string text = absl::StrCat(Grouped(outers), Plural(outers, " outer, ", " outers, "),
                                  Grouped(entries), Plural(entries, " entry, ", " entries, "),
                                  Grouped(records), Plural(records, " record, ", " records, "),
                                  Grouped(pairs), Plural(pairs, " pair", " pairs"));
  if (dataset.distinct_strings && dataset.text_bytes) {
    absl::StrAppendFormat(&text, "; %s distinct %s, %s of text", Grouped(*dataset.distinct_strings),
                          Plural(*dataset.distinct_strings, "string", "strings"),
                          InItsUnit(*dataset.text_bytes));
  }
  // The end of a path tells more than its beginning.
  return absl::StrCat(CutBegin(ShownName(dataset.source), kTextColumns), "\n",
                      Folded(text, kTextColumns, 2), "\n\n");
}

}  // namespace strata
