// What the text forms of reports are put together from: tables, figures, the line about the data.
//
// Threads: plain values and pure functions.
#ifndef STRATA_ACCOUNTING_REPORT_TEXT_PARTS_H_
#define STRATA_ACCOUNTING_REPORT_TEXT_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include <strata/report.h>

namespace strata {

/// A table of at most kTextColumns: the first column to the left, figures to the right. Where they
/// would be too wide together, names in the first column go on in a line below. Cells may hold any
/// bytes; what a terminal would not show is escaped.
class Table {
 public:
  enum class Last { kFigures, kWords };

  /// `last`: whether the last column holds figures, or words, which begin at one place.
  explicit Table(const std::vector<std::string>& header, Last last = Last::kFigures) : last_(last) {
    Add(header);
  }

  void Add(const std::vector<std::string>& row);
  std::string Text() const;

 private:
  std::size_t NameColumns() const;

  Last last_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

/// 1234567 as "1,234,567".
template <class Integer>
std::string Grouped(Integer number) {
  std::string digits = absl::StrCat(number);
  const std::ptrdiff_t first = digits.front() == '-' ? 1 : 0;
  for (std::ptrdiff_t i = std::ssize(digits) - 3; i > first; i -= 3) {
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  }
  return digits;
}

/// The word for so many: "outer" for 1, "outers" else.
inline const char* Plural(std::uint64_t count, const char* one, const char* many) {
  return count == 1 ? one : many;
}

/// What the bytes of a table are written in.
class ByteUnit {
 public:
  /// The largest of which `least_bytes`, the smallest figure that is to have digits, is one.
  static ByteUnit For(std::uint64_t least_bytes);
  static ByteUnit Bytes() { return ByteUnit("bytes", 0); }
  static ByteUnit Mebibytes() { return ByteUnit("MiB", 20); }

  const char* name() const { return name_; }
  /// Without the unit, with so many decimals where it is larger than a byte.
  std::string Of(double bytes, int decimals = 1) const;

 private:
  ByteUnit(const char* name, int shift) : name_(name), shift_(shift) {}

  const char* name_;
  int shift_;
};

/// Bytes in a unit of which there is at least one: "216.4 KiB".
std::string InItsUnit(std::uint64_t bytes);

/// Bytes as MiB with one decimal.
std::string Mebibytes(double bytes);
/// "-" for none.
template <class Integer>
std::string Mebibytes(const std::optional<Integer>& bytes) {
  return bytes.has_value() ? Mebibytes(static_cast<double>(*bytes)) : "-";
}

/// One decimal below 100; "-" for none.
std::string Nanoseconds(const std::optional<double>& figure);

/// A mean with one decimal; "-" of nothing.
std::string Each(std::uint64_t bytes, std::uint64_t count);

/// A share with one decimal, "12.3%"; "-" of nothing. `part` may be negative.
std::string Percent(double part, double whole);
template <class Part, class Whole>
std::string Percent(Part part, Whole whole) {
  return Percent(static_cast<double>(part), static_cast<double>(whole));
}

/// Whether what the layout held before any data is 1 % of what it holds, or more.
bool EmptyShows(const LayoutReport& layout);

/// Two lines and an empty one.
std::string DatasetText(const DatasetReport& dataset);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_REPORT_TEXT_PARTS_H_
