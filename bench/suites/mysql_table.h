// A MySQL table that holds a benchmark's data, made through the C client, and the C client merely
// draining it: the yardstick for what loading costs beside the transfer itself.
//
// Threads: one.
#ifndef STRATA_BENCH_SUITES_MYSQL_TABLE_H_
#define STRATA_BENCH_SUITES_MYSQL_TABLE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/suites/benchmark_data.h"

#include <strata/mysql_source.h>

namespace strata {

/// What a drain saw.
struct DrainedRows {
  std::int64_t rows = 0;
  std::int64_t bytes = 0;  ///< of all columns
};

/// What the table looks like.
struct MySqlTableShape {
  /// A row a record, its keys as columns; else a row a pair.
  bool record_rows = false;
  /// Rows in a random order of ids, not in the data's.
  bool scattered = false;
  /// A secondary index on (outer_key, inner_key, seq).
  bool key_index = false;
  /// The primary key begins with (outer_key, inner_key, seq).
  bool clustered = false;
};

class MySqlTable {
 public:
  /// Makes the table, in a database of the benchmarks' own, with the rows of `data`. Unavailable:
  /// no server at that socket; Internal: a statement failed, with the server's words.
  static absl::StatusOr<std::unique_ptr<MySqlTable>> Make(const std::string& socket,
                                                          const std::string& user,
                                                          const BenchmarkData& data,
                                                          const MySqlTableShape& shape = {});
  MySqlTable(const MySqlTable&) = delete;
  MySqlTable& operator=(const MySqlTable&) = delete;
  /// Drops the database.
  ~MySqlTable();

  /// How the loader finds it.
  const MySqlOptions& options() const { return options_; }
  /// mysql_use_result and mysql_fetch_row to the end, every column's bytes touched; in the order of
  /// the primary key, or of the secondary index and by it.
  absl::StatusOr<DrainedRows> Drain(bool by_key_index = false) const;

 private:
  struct Connection;
  explicit MySqlTable(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
  std::string columns_;  // of the drain
  MySqlOptions options_;
};

}  // namespace strata

#endif  // STRATA_BENCH_SUITES_MYSQL_TABLE_H_
