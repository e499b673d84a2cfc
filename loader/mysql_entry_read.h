// Reads entries again: all rows of (outer, inner), by the exact bytes of both keys.
//
// What it makes sure of:
//   - `col = x AND CAST(CONVERT(col USING utf8mb4) AS BINARY) = x`: the first finds them by the
//     index, whatever the column's character set and collation; the second keeps 'ABC' and 'abc '
//     out where 'abc' was asked for.
//   - Lists come out as a full load gives them: by the order column (NULL first), ties by id.
//   - No rows is believed only when the server has also answered that there are none: a statement
//     that is killed may give an empty result and no error.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_MYSQL_ENTRY_READ_H_
#define STRATA_LOADER_MYSQL_ENTRY_READ_H_

#include <compare>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/record.h>

#include "loader/mysql_digest.h"
#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

struct EntryName {
  std::string outer;
  std::string inner;
  friend auto operator<=>(const EntryName&, const EntryName&) = default;
};

/// What is wrong with the JSON of an entry, said alike wherever it is found.
absl::Status FaultOfEntry(const std::string& server, const Selection& selection,
                          const EntryName& name, absl::string_view message);

/// As many entries are read by one statement at the most.
inline constexpr std::size_t kMostEntriesARead = 32;

/// Whether the columns can hold such keys. Aborted: one is a number and the text is none, so that
/// one of them is of before an ALTER TABLE and the other of after it.
absl::Status CanHold(const Session& session, const Selection& selection, const EntryName& name);

/// The condition that `column` holds exactly the value whose text is `text`; FALSE where it cannot.
std::string ExactCondition(const Column& column, std::string_view text);

/// The condition for rows that are content: keys not NULL, not deleted, chosen by `where`.
std::string LivingCondition(const Selection& selection);

/// An entry as the server has it. Views, valid during the call that is given it.
struct EntryAsRead {
  const EntryName& name;
  bool present = false;  ///< whether a row of it is left
  RecordsView records;
  /// Of the rows, where the records do not have it: of JSON, and where a key repeats in a record.
  std::optional<EntryDigest> digest;
  absl::Status status;  ///< InvalidArgument: a row's JSON cannot be understood, and no records
};

/// Reads up to kMostEntriesARead different entries, as one statement saw them. Calls `on_entry`
/// for each. The rows are held twice while they come: as the client library has them, and here.
absl::Status ReadEntries(Session* session, const Selection& selection,
                         std::span<const EntryName> names,
                         absl::FunctionRef<absl::Status(const EntryAsRead&)> on_entry);

/// The same for one entry of any size, whose rows are held once: they are streamed, and counted by
/// the server in the same snapshot, for a stream that is cut off ends like one that is done. An
/// engine without snapshots may answer Aborted while the entry is written to. In a transaction of
/// its own: none may be open.
absl::Status ReadLargeEntry(Session* session, const Selection& selection, const EntryName& name,
                            absl::FunctionRef<absl::Status(const EntryAsRead&)> on_entry);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_ENTRY_READ_H_
