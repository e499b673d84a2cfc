// The statements in which the servers differ, or may come to: MariaDB from 10.2 (measured
// on 10.11), Oracle's MySQL from 8.0, and what their error numbers mean. No other file asks which
// server it is.
//
// A statement that both understand alike is one statement and says so; it stands here where it
// reads the server's own books (clock, connections, transactions) or calls a function that one of
// them has dropped. Beside each stands where the manuals have it: "MySQL" is its Reference Manual,
// by the numbers of 8.4 (9.x may count a SHOW statement one higher), "MariaDB" its server
// documentation.
//
// Threads: plain values and pure functions.
#ifndef STRATA_LOADER_MYSQL_DIALECT_H_
#define STRATA_LOADER_MYSQL_DIALECT_H_

#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/status/status.h"

namespace strata::mysql {

/// Of a text's sort key the server compares max_sort_length bytes (mysql_dialect.cc). Ids of a
/// query that are longer than this may not be told apart by it.
inline constexpr int kLongestQueryId = 3072;

/// A setting that decides what is read, or when, as the server must tell it once it is set.
struct Setting {
  std::string_view name;
  std::string_view value;
  bool of_every_server = true;  ///< else it has this name on some
};

class Dialect {
 public:
  enum class Server { kMariaDb, kMySql };

  /// `version` as kVersionStatement gives it: "10.11.6-MariaDB-0+deb12u1", "8.0.36-28", "9.7.0".
  /// MariaDB tells itself; what does not is MySQL or made after it.
  static Dialect Of(std::string_view version);

  Server server() const { return server_; }
  bool AtLeast(unsigned major, unsigned minor, unsigned patch = 0) const {
    return std::tie(major_, minor_, patch_) >= std::tie(major, minor, patch);
  }

  /// FailedPrecondition, naming the version, where the server has no window functions, without
  /// which digests cannot be told: before MariaDB 10.2 and MySQL 8.0.
  absl::Status CheckFollowing() const;

  /// What every session begins with, in this order.
  std::vector<std::string> SessionSettings() const;

  /// What a session that follows adds to that: it reads and never writes, each statement in a
  /// snapshot of its own. `read_timeout_s` is how long a reader waits for an answer.
  std::vector<std::string> FollowingSettings(unsigned read_timeout_s) const;

  /// Ends this session's SELECTs after so long, or sooner where the server's own limit is lower.
  std::string StatementLimit(unsigned seconds) const;

  /// Whether an index is kept and not used, by the 14th column of SHOW INDEX; "" where an old
  /// server has none.
  bool IndexIsUnused(std::string_view column14) const;

 private:
  Server server_ = Server::kMySql;
  unsigned major_ = 0;
  unsigned minor_ = 0;
  unsigned patch_ = 0;  // 0 where it is no number
  std::string version_;
};

// Alike on both.

/// Said by the client library before all others. MySQL, 7.1.8, sql_big_selects, max_join_size;
/// MariaDB, "Server System Variables": a server's max_join_size would refuse (1104) to scan or sort
/// a table that is larger, and on MySQL already the connector's own SHOW VARIABLES.
inline constexpr char kFirstStatement[] = "SET SESSION sql_big_selects = 1";

inline constexpr char kVersionStatement[] = "SELECT VERSION()";

/// Which of SessionSettings, and of FollowingSettings, are read back: what stands between a client
/// and the server may answer a SET and keep it to itself.
std::span<const Setting> CheckedSessionSettings();
std::span<const Setting> CheckedFollowingSettings();
/// A row of name and value for each of them that the server has.
std::string SettingsStatement(std::span<const Setting> settings);

/// A row whose second cell is empty where the connection is plain text.
inline constexpr char kCipherStatement[] = "SHOW SESSION STATUS LIKE 'Ssl_cipher'";

/// The clock in UTC, and the connection's own number.
inline constexpr char kClockStatement[] = "SELECT UTC_TIMESTAMP(6), CONNECTION_ID()";

/// All connections, where the user has PROCESS, else the user's own: Id, User, Host, db, Command,
/// Time (whole seconds), State, Info, and more on MariaDB.
inline constexpr char kConnectionsStatement[] = "SHOW PROCESSLIST";
/// Whether a row of that may be a statement that writes a table's rows for somebody.
bool RunsAStatement(std::string_view user, std::string_view command);

/// One snapshot for all that follows, up to kEndOfTransaction. InnoDB lists such a transaction
/// though it has touched nothing.
inline constexpr char kSnapshotTransaction[] =
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
inline constexpr char kEndOfTransaction[] = "COMMIT";

/// Asked within kSnapshotTransaction: the transactions that have written, of others, and the
/// connection's own: `mark`, 'own' or 'other', connection, id, age in seconds by a clock whose
/// hours may repeat, and of the own the statement that ran when InnoDB made its list, with `mark`
/// (letters and digits) in it where that was this one; then a row of 'end'. Error 1227 without the
/// PROCESS privilege.
std::string TransactionsStatement(std::string_view mark);

/// `bytes` is an expression; its SHA-256 in 64 hexadecimal digits. NULL for NULL.
std::string HashExpression(std::string_view bytes);

/// What an error of the server or the client library asks for.
struct ErrorClass {
  absl::StatusCode code;
  const char* advice;
};
/// `connected`: the connection had been made before. Then what TLS complains of is a lost one.
ErrorClass Classify(int error, bool connected = true);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_DIALECT_H_
