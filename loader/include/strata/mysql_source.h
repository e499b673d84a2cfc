// Tables of MySQL or MariaDB as a Source: read once, whole, through Connector/C++ in pages by id,
// by a thread of the source's own while the caller applies what came before.
//
// Invariants: however the rows lie in the table, the entries that come out are the same: a list is
// in the order of its order column (NULL first), ties by id. Keys are told apart by their bytes,
// whatever the columns' collations say. A read that was cut short is an error, never a short table.
//
// Threads: MySqlOptions are plain values. OpenMySqlTable may be called from several threads at
// once; each source is used by one thread at a time.
#ifndef STRATA_MYSQL_SOURCE_H_
#define STRATA_MYSQL_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/source.h>

namespace strata {

/// Which columns of a table mean what. Names are found exactly, else without regard to case.
struct MySqlMapping {
  std::string table;
  /// A SELECT of the configuration's own, instead of a table: its result is the rows. It stands in
  /// parentheses behind FROM. Then `id` must name columns that together are unique and never NULL,
  /// which a load asks the server for first.
  std::string query;
  /// For following a query: SELECTs of three columns, outer, inner and a cursor (a TIMESTAMP,
  /// DATETIME, DATE or integer that grows), each of the entries that new rows of a base table
  /// touch;
  /// `:since` in it stands for the cursor from which on rows are wanted, as in `… >= :since`. The
  /// entries are read again whole through the query. None: digests alone find changes.
  std::vector<std::string> changes;
  /// SQL of the configuration's own: only rows for which it is true. It stands in parentheses, in a
  /// transaction that can only read. Empty: all rows.
  std::string where;
  std::string outer = "outer_key";
  /// Every row's outer, instead of a column's value.
  std::optional<std::string> outer_const;
  std::string inner = "inner_key";
  /// Orders an entry's list: NULL first; numbers, times, ENUM and SET (by their index) as the
  /// server compares them; dates and strings by the bytes of their text. Empty: by id alone, and
  /// then each row is a record of its own. In pair rows NULL is a value like others here: the rows
  /// of one entry whose order is NULL are one record, its first.
  std::string order = "seq";
  /// Together unique and never NULL. Empty: the primary key's columns.
  std::vector<std::string> id;
  /// When a row last changed. Not given: `updated_at`, where the table has it. A full load does not
  /// read it; `all_columns` leaves it out.
  std::optional<std::string> cursor;
  /// A row is deleted where this column is neither NULL nor 0, and the server says what is 0: its
  /// own `column <> 0`, of ENUM and SET by their text. So '00', '0.0', '' and text that begins with
  /// no number ('N', but 'Y' too) are 0 to it, and delete nothing. Empty: no row is deleted.
  std::string deleted;
  /// Pair rows: a row is one pair; rows of one (outer, inner, order) are one record.
  std::string key = "k";
  std::string value = "v";
  /// Record rows, instead of pair rows, where this is not empty or `all_columns` is set: a row is
  /// one record, these columns are its keys, in this order, NULL is an absent key.
  std::vector<std::string> columns;
  /// All columns that are not mapped otherwise, in the table's order.
  bool all_columns = false;
  /// A column of JSON instead: an object of strings, a row's record (NULL: one without pairs); or
  /// an array of such objects, an entry's whole list (of several rows: one list behind the other).
  std::string record;
  std::string list;
};

/// What MySQL's own clients call --ssl-mode.
enum class MySqlSslMode {
  kDisabled,        ///< plain text
  kPreferred,       ///< TLS where the server offers it, unchecked; over a Unix socket plain text
  kRequired,        ///< TLS or nothing; who the server is goes unchecked
  kVerifyCa,        ///< TLS, chain checked. Here the same as kVerifyIdentity: this connector cannot
                    ///< check the chain without the name, and the stricter reading is the safe one
  kVerifyIdentity,  ///< TLS, chain and host name checked
};

/// One of several servers that hold the same.
struct MySqlHost {
  std::string host;
  std::uint16_t port = 3306;
};

/// A table, the server it is on, and how to read it.
struct MySqlOptions {
  std::string host = "localhost";  ///< a name, an IPv4 address, or an IPv6 address without brackets
  std::uint16_t port = 3306;
  /// Tried in turn where the one before cannot be reached. One that answers and refuses ends it.
  std::vector<MySqlHost> more_hosts;
  std::string socket;  ///< path of a Unix socket, used instead of hosts and ports; empty for TCP
  std::string user;
  std::string password;
  std::string database;
  MySqlSslMode ssl_mode = MySqlSslMode::kPreferred;
  /// PEM file of the authorities; kVerifyCa and kVerifyIdentity need it. With it kPreferred that
  /// nobody asked for (`ssl_mode_given`) is kVerifyCa over a network, as with MySQL's clients;
  /// other modes do not read it.
  std::string ssl_ca;
  unsigned connect_timeout_s = 10;
  unsigned read_timeout_s = 60;  ///< the longest silence of the server within one statement
  MySqlMapping mapping;

  /// Rows are sorted by entry in this much memory; what is more goes to a temporary file that has
  /// no name and about the table's size.
  std::size_t sort_memory_bytes = 32u << 20;
  std::string temporary_directory;  ///< empty: $TMPDIR, else /tmp
  std::size_t max_page_rows = 10'000;

  /// What the URL said and what it left out, for ApplyMySqlCredentials.
  bool host_given = false;
  bool ssl_mode_given = false;
  std::string ssl_mode_place;  ///< of a file, for messages: "FILE.toml:4:12"; else empty
  std::string password_file;
};

/// Reads `mysql://USER@HOST[:PORT]/DATABASE?table=T&…`: parameters table, outer, inner, order, id,
/// cursor, deleted, key, value, columns, socket, ssl_mode, ssl_ca, connect_timeout, read_timeout,
/// password_file. Percent escapes are decoded (`+` is itself); a comma inside a name of a list is
/// %2C. The time-outs are durations, 500ms, 10s or 2m, up to 24 hours, and rounded up to whole
/// seconds. InvalidArgument, never naming a password: another scheme, an unknown or repeated
/// parameter, a value out of range, a column named twice in a list, a password in the URL.
absl::StatusOr<MySqlOptions> ParseMySqlUrl(std::string_view url);

/// What a FILE.toml says: one server (or several that hold the same) and tables on it.
struct MySqlFile {
  MySqlOptions connection;  ///< its mapping means nothing
  std::vector<MySqlMapping> sources;
};

/// Reads the text of a FILE.toml, which messages call `name`:
///
///     [connection]
///     hosts = ["db1", "db2:3307"]   # or host and port, or socket
///     user = "reader"
///     database = "shop"
///     password_file = "secret"      # relative to where the program runs
///
///     [[source]]
///     table = "pairs"
///     where = "active = 1"
///     outer = {const = "fieldA"}    # or a column's name
///     list = "payload"              # or record, columns, or key and value
///     order = ""                    # by the primary key; else a column, "seq" where left out
///
///     [[source]]
///     query = "SELECT o.name AS outer_key, … FROM orders o JOIN lines l …"
///     id = ["order_id", "line_id"]
///     changes = ["SELECT name, line_id, changed FROM … WHERE changed >= :since", …]
///
/// Keys are the URL's parameters, and those above. InvalidArgument, with line and column: no TOML,
/// an unknown key, a value of another type or out of range, two ways of giving rows at once, a
/// query without id, two sources with one constant outer, a password.
absl::StatusOr<MySqlFile> ParseMySqlToml(std::string_view text, std::string_view name);

/// Where a password may come from. Read by the program; this library never reads the environment
/// for secrets.
struct MySqlCredentials {
  std::string defaults_file;                ///< as given with --defaults-file; empty for none
  std::optional<std::string> env_password;  ///< the value of MYSQL_PWD, where it is set
};

/// Completes `*options`: the password from its password_file (the first line), else from the
/// [client] section of the defaults file, else from MYSQL_PWD; from that section also user, host,
/// port, socket, ssl-mode and ssl-ca, where the URL names none. NotFound, PermissionDenied or
/// InvalidArgument: a file cannot be read or understood.
absl::Status ApplyMySqlCredentials(const MySqlCredentials& credentials, MySqlOptions* options);

/// Whether the URL and the credentials together say all that a connection needs. InvalidArgument:
/// no user, or a certificate to be verified without `ssl_ca`.
absl::Status CheckMySqlOptions(const MySqlOptions& options);

/// Connects and checks the mapping against the table; the rows are read by Source::Read, in one
/// consistent snapshot where the table's engine has them. An entry comes out when its rows have, or
/// all have: one that had come already may come again, whole, and replaces it. Errors name the
/// server, the table, the column and the fix, never the password: PermissionDenied (user, password,
/// rights), NotFound (database, table, column), Unavailable (no server, connection lost),
/// InvalidArgument (as CheckMySqlOptions), FailedPrecondition (TLS refused, no usable id), Aborted
/// (a statement ended by the server: killed, timed out), ResourceExhausted (memory, temporary
/// space).
absl::StatusOr<std::unique_ptr<Source>> OpenMySqlTable(const MySqlOptions& options);

/// The same for several tables, one after another in one snapshot. An outer belongs to the table
/// that named it first: meeting it in another one is InvalidArgument, which names both. Takes 16
/// bytes an outer for that, where there is more than one table.
absl::StatusOr<std::unique_ptr<Source>> OpenMySqlTables(const MySqlOptions& connection,
                                                        const std::vector<MySqlMapping>& mappings);

}  // namespace strata

#endif  // STRATA_MYSQL_SOURCE_H_
