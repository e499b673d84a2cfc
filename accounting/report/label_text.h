// Names as other tools' forms can carry them.
//
// Threads: pure functions.
#ifndef STRATA_ACCOUNTING_REPORT_LABEL_TEXT_H_
#define STRATA_ACCOUNTING_REPORT_LABEL_TEXT_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <strata/report.h>

namespace strata {

/// `text` with U+FFFD where its bytes are no UTF-8: a cache's name may be any bytes.
std::string AsUtf8(std::string_view text);

/// A label for each cache, in their order: its name, with "#2", "#3", … behind it where others
/// before it have it already, for a form in which equal labels are an error.
std::vector<std::string> CacheLabels(std::span<const NamedFootprint> caches);
std::vector<std::string> CacheLabels(std::span<const NamedRunning> caches);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_REPORT_LABEL_TEXT_H_
