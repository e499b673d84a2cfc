// The memory of the container that this process is in, from the files of its cgroup: version 1,
// version 2, or none.
//
// Threads: safe from any.
#ifndef STRATA_ACCOUNTING_CGROUP_MEMORY_H_
#define STRATA_ACCOUNTING_CGROUP_MEMORY_H_

#include <string>

#include <strata/process_books.h>

namespace strata {

enum class CgroupTerms { kAll, kNone };

/// Adds the cgroup and, where they are wanted, its terms to `books`, whose own figures are there
/// already; nothing where the process is in none or it cannot be read. `root` stands in front of
/// every path: "" for this machine, a folder for recorded files.
void AddCgroup(const std::string& root, ProcessBooks* books, CgroupTerms terms = CgroupTerms::kAll);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_CGROUP_MEMORY_H_
