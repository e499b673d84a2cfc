// The terms of a process's anonymous memory, and of its file memory.
//
// Threads: pure but for what they read.
#ifndef STRATA_ACCOUNTING_ANON_TERMS_H_
#define STRATA_ACCOUNTING_ANON_TERMS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "accounting/proc_maps.h"

#include <strata/footprint.h>
#include <strata/process_books.h>

namespace strata {

/// What the doors of caches say at one moment, some time after those were measured.
struct DoorsNow {
  std::int64_t more_bytes = 0;    ///< than at the measurements
  std::uint64_t heap_blocks = 0;  ///< held
  std::vector<bool> gone{};       ///< of each cache whether its door is, and so all that it held
};

/// Asks them. Of a cache whose door is not known it is as when it was measured.
DoorsNow AskDoors(std::span<const Footprint> caches);

/// Adds what `caches` hold, `doors` being of the moment that anonymous memory is of; what the
/// allocator holds beside it, stacks and data; and the allocator's own figures. Unavailable where
/// /proc cannot be read.
absl::Status AddAnonTerms(std::span<const Footprint> caches, const DoorsNow& doors,
                          const std::vector<Mapping>& mappings, ProcessBooks* books);

/// Adds the file memory by what is mapped.
void AddFileTerms(const std::vector<Mapping>& mappings, ProcessBooks* books);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_ANON_TERMS_H_
