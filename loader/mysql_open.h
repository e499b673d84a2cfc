// Opening the MySQL source for whoever goes on to follow what it loads, and wants to know more of
// it than the entries.
//
// Threads: as OpenMySqlTables.
#ifndef STRATA_LOADER_MYSQL_OPEN_H_
#define STRATA_LOADER_MYSQL_OPEN_H_

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include <strata/mysql_source.h>
#include <strata/source.h>

#include "loader/mysql_entries.h"
#include "loader/outer_owners.h"

namespace strata::mysql {

/// What the reading of the tables notes, from the fetching thread. Complete when the source has
/// come to its end and is destroyed; after an error it is of no use. All outlives the source.
struct LoadNotes {
  /// Of each mapping's entries of JSON. Empty for none: JSON that is no JSON ends the load.
  std::vector<EntryNotes> entries;
  /// Whose each outer is, by the number of its mapping; null for nobody's to know.
  OuterOwners* owners = nullptr;
};

/// As OpenMySqlTables. May throw std::bad_alloc.
absl::StatusOr<std::unique_ptr<Source>> OpenTables(const MySqlOptions& connection,
                                                   std::span<const MySqlMapping> mappings,
                                                   const LoadNotes& notes);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_OPEN_H_
