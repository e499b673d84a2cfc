// The terms of a process's anonymous memory, and of its file memory.
//
// Threads: pure but for what they read.
#ifndef STRATA_ACCOUNTING_ANON_TERMS_H_
#define STRATA_ACCOUNTING_ANON_TERMS_H_

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "accounting/proc_maps.h"

#include <strata/footprint.h>
#include <strata/process_books.h>

namespace strata {

/// Adds what `caches` hold, what the allocator holds beside it, stacks and data; and the
/// allocator's own figures. Unavailable where /proc cannot be read.
absl::Status AddAnonTerms(std::span<const Footprint> caches, const std::vector<Mapping>& mappings,
                          ProcessBooks* books);

/// Adds the file memory by what is mapped.
void AddFileTerms(const std::vector<Mapping>& mappings, ProcessBooks* books);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_ANON_TERMS_H_
