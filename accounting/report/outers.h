// The largest outers of a footprint (`footprint --by outer`), as JSON and as text.
//
// For .cc files alone: it brings in the JSON library. Threads: pure functions.
#ifndef STRATA_ACCOUNTING_REPORT_OUTERS_H_
#define STRATA_ACCOUNTING_REPORT_OUTERS_H_

#include <string>
#include <vector>

#include "accounting/report/json_parts.h"

#include <strata/footprint.h>

namespace strata {

/// The "outers" array.
Json OutersArray(const std::vector<OuterFootprint>& outers);
/// What OutersArray wrote; throws as the library's accessors do.
std::vector<OuterFootprint> ReadOuters(const Json& array);
/// A table; `whole_bytes` is what shares are of, `all_outers` how many there are, shown or not.
std::string OutersText(const std::vector<OuterFootprint>& outers, std::uint64_t whole_bytes,
                       std::uint64_t all_outers);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_REPORT_OUTERS_H_
