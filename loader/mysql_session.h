// One connection to a MySQL or MariaDB server, and its errors as absl::Status. The only file that
// knows the connector.
//
// What it makes sure of, each a trap that was met:
//   - Statements are buffered: the connector reads a result whole before the first row is seen, so
//     that a statement ended by the server in the middle is an error. (Streamed, it just ends:
//     Stream is for readers who find out by other means, as Pages does.)
//   - Text protocol, results in utf8mb4, time zone UTC, an empty sql_mode, no row limit: the
//     session's settings shape the text of values and are never left to the server's defaults.
//     They are read back: a proxy may answer a SET and keep it to itself.
//   - TLS is checked after connecting: the connector falls back to plain text silently.
//   - Connecting and reading have time-outs, both; a connection is never remade behind one's back,
//     which would lose these settings.
//   - The server cannot ask for the client's files (LOCAL INFILE is off).
//
// Threads: a Session is used by one thread at a time; Open may be called by several at once.
#ifndef STRATA_LOADER_MYSQL_SESSION_H_
#define STRATA_LOADER_MYSQL_SESSION_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/mysql_source.h>

#include "loader/growing_array.h"
#include "loader/mysql_dialect.h"

namespace strata::mysql {

/// The cells of one row of a result. Reused from row to row: views last until the next row.
class Row {
 public:
  std::size_t size() const { return cells_.size(); }
  bool IsNull(std::size_t index) const { return cells_[index].null; }
  /// The cell's bytes; empty for NULL.
  std::string_view operator[](std::size_t index) const {
    return {bytes_.data() + cells_[index].begin, cells_[index].size};
  }
  /// Summed over the cells.
  std::size_t bytes() const { return bytes_.size(); }

  /// Keeps the memory for the next row: fresh pages cost more than copying into them.
  void Clear() {
    bytes_.Truncate(0);
    cells_.clear();
  }
  /// Keeps little.
  void Forget() {
    bytes_.Clear(std::size_t{64} << 10);
    cells_.clear();
  }
  void AddNull() { cells_.push_back({bytes_.size(), 0, true}); }
  void Add(std::string_view text) {
    cells_.push_back({bytes_.size(), text.size(), false});
    bytes_.Append(text.data(), text.size());
  }

 private:
  struct Cell {
    std::size_t begin;
    std::size_t size;
    bool null;
  };
  GrowingArray<char> bytes_;
  std::vector<Cell> cells_;
};

/// A column of a result, as the server describes it.
struct ResultColumn {
  std::string name;
  std::string type;  ///< in lower case: "int unsigned", "varchar", "enum"
  bool nullable = true;
  unsigned fraction_digits = 0;  ///< of a number or a time
};

/// `name` as an identifier in a statement: in backticks, those inside doubled.
std::string QuoteName(std::string_view name);
/// `text` (UTF-8) or `bytes` as a literal, in hexadecimal: nothing in it can end the literal, under
/// any sql_mode.
std::string QuoteText(std::string_view text);
std::string QuoteBytes(std::string_view bytes);

class Session {
 public:
  /// Connects, to the first of the options' hosts that can be reached. Errors name the servers
  /// tried and say what to do, and never hold the password.
  static absl::StatusOr<std::unique_ptr<Session>> Open(const MySqlOptions& options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// Runs a statement without a result. `doing` is what an error's message calls it: "reading
  /// table `t`".
  absl::Status Execute(const std::string& statement, std::string_view doing);
  /// Runs `work` in one snapshot (kSnapshotTransaction), which ends whatever comes of it: what is
  /// read next is not to be of it. Unavailable where it cannot be ended: the connection is not to
  /// be used again.
  absl::Status InSnapshot(std::string_view doing, absl::FunctionRef<absl::Status()> work);
  /// Runs a statement and calls `on_row` for each row of its result; an error of `on_row` ends it.
  absl::Status Query(const std::string& statement, std::string_view doing,
                     absl::FunctionRef<absl::Status(const Row&)> on_row);

  /// The same row by row as they arrive, in the memory of one row. A result that the server cuts
  /// off (KILL QUERY, a time limit, a lost connection) ends like a whole one, with OK: whoever
  /// calls it must find out by another statement. An error of `on_row` waits for the rest of the
  /// result to arrive.
  absl::Status Stream(const std::string& statement, std::string_view doing,
                      absl::FunctionRef<absl::Status(const Row&)> on_row);

  /// Whether a SELECT has any row. A statement that is ended at the wrong moment can give an empty
  /// result and no error, in buffered mode too; EXISTS answers with exactly one row, so silence is
  /// told from an answer: EndedEarly.
  absl::StatusOr<bool> Exists(const std::string& select, std::string_view doing);
  /// The columns of a SELECT's result.
  absl::StatusOr<std::vector<ResultColumn>> Columns(const std::string& select,
                                                    std::string_view doing);
  /// Runs `statements`, which set the session up, and reads back whether it has the settings
  /// `checked`. FailedPrecondition: one has another value, though it was set.
  absl::Status SetUp(std::span<const std::string> statements, std::span<const Setting> checked);
  /// The error of a statement that the server ended and did not say so: Aborted.
  absl::Status EndedEarly(std::string_view doing) const;

  /// Of the largest row that came so far: the client library keeps a buffer as large for as long as
  /// the connection lasts.
  std::size_t largest_row_bytes() const { return largest_row_bytes_; }

  /// "user@host:port/database", for messages.
  const std::string& server() const { return server_; }
  const Dialect& dialect() const { return dialect_; }

 private:
  struct Connection;
  Session(std::unique_ptr<Connection> connection, std::string server);
  static absl::StatusOr<std::unique_ptr<Session>> OpenOne(const MySqlOptions& options);
  absl::Status Prepare();
  absl::Status CheckSettings(std::span<const Setting> settings);
  absl::Status Read(bool streamed, const std::string& statement, std::string_view doing,
                    absl::FunctionRef<absl::Status(const Row&)> on_row);
  absl::Status CheckEncryption();

  std::unique_ptr<Connection> connection_;
  std::string server_;
  Dialect dialect_;
  Row row_;
  std::size_t largest_row_bytes_ = 0;
};

/// What the client library wants done in a thread that uses a Session and did not open it: have one
/// of these while it does.
class SessionThread {
 public:
  SessionThread();
  SessionThread(const SessionThread&) = delete;
  SessionThread& operator=(const SessionThread&) = delete;
  ~SessionThread();
};

/// "user@host:port/database" (or the socket's path), without the password.
std::string ServerName(const MySqlOptions& options);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_SESSION_H_
