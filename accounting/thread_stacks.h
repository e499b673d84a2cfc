// Which mappings are stacks of this process's threads.
//
// Threads: safe from any.
#ifndef STRATA_ACCOUNTING_THREAD_STACKS_H_
#define STRATA_ACCOUNTING_THREAD_STACKS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "accounting/proc_maps.h"

namespace strata {

struct Stacks {
  std::vector<Stretch> where;
  std::uint64_t anon_bytes = 0;  ///< of them resident
};

/// The mappings that are stacks: those that hold a thread's control block, which lies above its
/// stack, whether it runs or not; those on which, as the kernel says, a thread that stands still
/// has its stack pointer; the calling one's; and the first one's.
Stacks FindStacks(const std::vector<Mapping>& mappings);
/// What is resident of them now, in bytes. Unavailable where /proc cannot be read.
absl::StatusOr<std::uint64_t> StackBytes();

}  // namespace strata

#endif  // STRATA_ACCOUNTING_THREAD_STACKS_H_
