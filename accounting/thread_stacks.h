// Which mappings are stacks of this process's threads.
//
// Threads: safe from any.
#ifndef STRATA_ACCOUNTING_THREAD_STACKS_H_
#define STRATA_ACCOUNTING_THREAD_STACKS_H_

#include <cstdint>
#include <vector>

namespace strata {

/// An address on the stack of each thread that stands still, and of the calling one: where the
/// kernel says that they are. A thread that runs all the while is not found.
std::vector<std::uintptr_t> StackAddresses();

}  // namespace strata

#endif  // STRATA_ACCOUNTING_THREAD_STACKS_H_
