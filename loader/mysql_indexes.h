// The indexes of a table as following sees them: which serve, and the statement that makes one that
// is missing.
//
// Threads: plain functions; they use the session they are given.
#ifndef STRATA_LOADER_MYSQL_INDEXES_H_
#define STRATA_LOADER_MYSQL_INDEXES_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

struct IndexPart {
  std::string column;
  bool whole = true;  ///< else only the beginning of each value is in it
};

struct Index {
  std::string name;
  /// In order, up to the first that is not sorted by its column's values; none of an index that the
  /// server does not use.
  std::vector<IndexPart> parts;
};

class Indexes {
 public:
  explicit Indexes(std::vector<Index> list) : list_(std::move(list)) {}

  /// Whether one begins with these columns: rows are found by them without a scan.
  bool Find(const std::vector<std::string>& columns) const { return Has(columns, false); }
  /// Whether one begins with these columns, whole: rows come by it in their order.
  bool Order(const std::vector<std::string>& columns) const { return Has(columns, true); }

  /// Whether an index has the name; the server does not tell upper and lower case apart.
  bool HasName(const std::string& name) const;

 private:
  bool Has(const std::vector<std::string>& columns, bool whole) const;
  std::vector<Index> list_;
};

absl::StatusOr<Indexes> ReadIndexes(Session* session, const Selection& selection);

/// What the server takes of a table's columns into an index.
struct IndexLimits {
  struct Column {
    std::uint64_t bytes = 0;  ///< at the most; 0: of no string
    bool bytes_alone = false;
    bool text = false;            ///< TEXT or BLOB, never indexed whole
    const char* never = nullptr;  ///< why no index takes it, and what to do; null where one does
  };
  std::map<std::string, Column> columns;
  bool takes_long = false;  ///< 3072 bytes, all columns together; else 767
  bool in_memory = false;   ///< its indexes are hashes unless one says otherwise
};
absl::StatusOr<IndexLimits> ReadIndexLimits(Session* session, const Selection& selection);

/// Why no index of these columns can be made, and what to do; empty where one can.
std::string WhyNoIndex(const IndexLimits& limits, const std::vector<std::string>& columns);

/// The CREATE INDEX for these columns, where one can be made: under a name that is free and no
/// longer than the server takes, and of the beginning of each value where the whole ones are not
/// taken.
std::string IndexStatement(const Selection& selection, const IndexLimits& limits,
                           const Indexes& indexes, const std::vector<std::string>& columns);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_INDEXES_H_
