// What a table is made of, and what a mapping makes of it: the columns to select, each checked.
//
// Threads: plain values; ReadTable uses the session it is given.
#ifndef STRATA_LOADER_MYSQL_SCHEMA_H_
#define STRATA_LOADER_MYSQL_SCHEMA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/mysql_source.h>

#include "loader/mysql_session.h"

namespace strata::mysql {

/// How a column's values are written as literals, compared and sorted.
enum class ColumnKind {
  kInteger,  ///< and YEAR: decimal digits
  kDecimal,
  kReal,      ///< FLOAT, DOUBLE: text does not hold every bit of a FLOAT
  kBits,      ///< BIT: its text is bytes
  kNumbered,  ///< ENUM, SET: the server compares their indexes, not their names
  kTime,      ///< signed, hours beyond 99: text is not in order
  kText,      ///< strings, dates, and whatever else is compared by its text
  kBytes,     ///< BINARY, BLOB
};

/// Types that are values and nothing else, for what is compared with a text there is another value.
enum class NoKey {
  kNone,
  kGeometry,  ///< and its kin
  kJson,      ///< MySQL's own; of a query, all whose type the connector does not know
  kVector,    ///< MySQL's, from 9.0: not even a function takes it as it is
};

struct Column {
  std::string name;
  std::string type;  ///< as the server writes it
  ColumnKind kind = ColumnKind::kText;
  bool nullable = true;
  bool invisible = false;       ///< left out by SELECT *
  std::uint64_t max_bytes = 0;  ///< the longest text of a value; meaningless if `unbounded`
  bool unbounded = false;       ///< values of megabytes are possible
  NoKey no_key = NoKey::kNone;  ///< what forbids that it is compared
  std::string collation;        ///< empty for what is no character string
};

/// The column's kind and bounds from its type as SHOW COLUMNS prints it: "varchar(255)".
Column DescribeColumn(std::string name, std::string_view type);

/// Whether the column's texts, given back to the server as UTF-8, are the column's bytes again
/// (mysql_charset.h); else ids are read and given back as bytes.
bool ComesBack(const Column& column);

struct Table {
  std::vector<Column> columns;
  /// Of NOT NULL columns; the primary key first, where there is one.
  std::vector<std::vector<std::string>> unique_keys;
  bool has_primary_key = false;
  std::uint64_t rows_estimate = 0;  ///< the engine's guess
  /// When it was made or altered, to the second; empty where the server does not say.
  std::string created;
};

absl::StatusOr<Table> ReadTable(Session* session, const std::string& database,
                                const std::string& table);

/// The mapping's table, or its query's result as one: of that no size is known, and the id is taken
/// to be a key (see CheckIds).
absl::StatusOr<Table> ReadRelation(Session* session, const std::string& database,
                                   const MySqlMapping& mapping);

/// What JSON a row's only value is.
enum class JsonValue {
  kNone,    ///< none: pair rows, or columns
  kRecord,  ///< an object, the row's record
  kList,    ///< an array of objects, the entry's list or a part of it
};

/// The columns of a table that a mapping asks for.
struct Selection {
  std::string database;
  std::string table;
  std::string query;  ///< instead of `table`, where it is not empty
  std::string where;  ///< SQL of the configuration's own; empty: all rows
  /// Every row's outer; `outer` is then no column of the table.
  std::optional<std::string> outer_const;
  JsonValue json = JsonValue::kNone;  ///< `values` is then the one column of JSON
  std::vector<Column> id;
  Column outer;
  Column inner;
  std::optional<Column> order;
  std::optional<Column> deleted;
  bool pair_rows = true;
  std::vector<Column> values;  ///< pair rows: key and value; record rows: the record's columns
};

/// Checks `mapping` against `table`. NotFound: a column is not there; FailedPrecondition: no id
/// tells the rows apart; InvalidArgument: the mapping contradicts itself. The message names the
/// column, the parameter and the fix, and not the server.
absl::StatusOr<Selection> Select(const Table& table, const std::string& database,
                                 const MySqlMapping& mapping);

/// What a mapping names, and what it selects of it.
struct Relation {
  Table table;
  Selection selection;
};
/// ReadRelation and Select, and whether `where` can be run; errors name the server.
absl::StatusOr<Relation> LookUp(Session* session, const std::string& database,
                                const MySqlMapping& mapping);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_SCHEMA_H_
