// What the JSON forms of reports are put together from. For .cc files alone: it brings in the JSON
// library.
//
// Threads: pure functions.
#ifndef STRATA_ACCOUNTING_REPORT_JSON_PARTS_H_
#define STRATA_ACCOUNTING_REPORT_JSON_PARTS_H_

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "nlohmann/json.hpp"

#include <strata/report.h>

namespace strata {

/// Fields stay in the order they were written in.
using Json = nlohmann::ordered_json;

/// The "schema" of each document.
inline constexpr int kReportSchema = 1;

/// null for none.
template <class Number>
Json OrNull(const std::optional<Number>& figure) {
  return figure.has_value() ? Json(*figure) : Json(nullptr);
}
/// null for "".
Json OrNull(const std::string& text);

/// No byte and no item count of a footprint is more: sums of a hundred of them stay right.
inline constexpr std::uint64_t kMostFigure = std::uint64_t{1} << 56;

/// A number from 0, or -kMostFigure, to kMostFigure. They throw as the library's accessors do where
/// it is something else: those would take -5 for 2^64 - 5 and 1e30 for whatever.
std::uint64_t WholeNumber(const Json& value);
std::int64_t SignedNumber(const Json& value);

/// What is wrong with a text, in the library's words without its number for it.
std::string ReasonOf(const std::exception& error);

/// The "dataset" object.
Json DatasetObject(const DatasetReport& dataset);

/// The documents of `footprint`, `compare` and `diff`.
Json FootprintObject(const FootprintReport& report);
Json CompareObject(const CompareReport& report);
Json DiffObject(const FootprintDiff& diff);

/// `json` as a document of its own. A source's name may hold any bytes and JSON may not: what is no
/// UTF-8 is replaced.
std::string JsonDocument(const Json& json);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_REPORT_JSON_PARTS_H_
