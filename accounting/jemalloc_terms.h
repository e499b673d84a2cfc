// jemalloc's own part of a process's anonymous memory: what it holds beside the blocks it handed
// out.
//
// Threads: safe from any; figures that other threads change meanwhile are a little apart.
#ifndef STRATA_ACCOUNTING_JEMALLOC_TERMS_H_
#define STRATA_ACCOUNTING_JEMALLOC_TERMS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "accounting/anon_term_list.h"
#include "accounting/proc_maps.h"

namespace strata {

/// Adds its terms and figures. Of `mappings`, private memory that may be its, `others` is not;
/// `absent_bytes` is what of the caches' blocks is not resident. Unavailable where /proc cannot be
/// read.
absl::Status AddJemallocTerms(const std::vector<Mapping>& mappings,
                              const std::vector<Stretch>& others, std::uint64_t absent_bytes,
                              const PageMap& page_map, AnonTerms* terms);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_JEMALLOC_TERMS_H_
