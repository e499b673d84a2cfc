// What must hold of every answer of the debug server, whoever writes meanwhile: no figure negative,
// torn or counted twice, leaves that sum to the total.
//
// Threads: pure functions.
#ifndef STRATA_TESTS_ACCOUNTING_DEBUG_HTTP_WHOLE_FIGURES_H_
#define STRATA_TESTS_ACCOUNTING_DEBUG_HTTP_WHOLE_FIGURES_H_

#include <cstdint>
#include <map>
#include <string>

namespace strata {

/// /metrics by series, "name{labels}". A test fails where one is there twice, or where a cache's
/// figures are negative or their sum is not the door's.
std::map<std::string, double> ReadWholeMetrics(const std::string& text);

/// What /footprint says a cache holds.
struct WholeFootprint {
  std::uint64_t outers = 0;
  std::uint64_t entries = 0;
  std::uint64_t records = 0;
  std::uint64_t pairs = 0;
  std::uint64_t blobs = 0;  ///< of the layer log/blobs, found by the walk
};

/// A test fails where used, slack and dead of a layer are not its total, where the totals are not
/// the whole and the door's, where a figure is negative or a layer is there twice, or where terms
/// and rest of the process's books are not what they are terms of.
WholeFootprint ReadWholeFootprint(const std::string& json);

/// The bytes of a profile; a test fails where a sample's used, slack and dead are not its total, or
/// the totals are not what was walked and counted.
std::uint64_t ReadWholeProfile(const std::string& packed);

}  // namespace strata

#endif  // STRATA_TESTS_ACCOUNTING_DEBUG_HTTP_WHOLE_FIGURES_H_
