#include "loader/mysql_dialect.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "loader/view.h"

namespace strata::mysql {
namespace {

// Takes a number and the point behind it; 0 where there is none.
unsigned TakeNumber(std::string_view* text) {
  const std::size_t digits = std::min(text->find_first_not_of("0123456789"), text->size());
  unsigned number = 0;
  if (!absl::SimpleAtoi(View(text->substr(0, digits)), &number)) number = 0;
  text->remove_prefix(digits);
  if (text->starts_with('.')) text->remove_prefix(1);
  return number;
}

// Settings that are set and read back. Why, and where the manuals have them, stands below.
constexpr Setting kTimeZone = {"time_zone", "+00:00"};
constexpr Setting kSqlMode = {"sql_mode", ""};
constexpr Setting kSelectLimit = {"sql_select_limit", "18446744073709551615"};
constexpr Setting kMaxSortLength = {"max_sort_length", "16384"};
constexpr Setting kGroupConcatMaxLen = {"group_concat_max_len", "1073741824"};
constexpr Setting kCompletionType = {"completion_type", "NO_CHAIN"};

// Numbers are not quoted: '16384' is of the wrong type to both servers (error 1232).
std::string Set(const Setting& setting) {
  const bool number = !setting.value.empty() &&
                      setting.value.find_first_not_of("0123456789") == std::string_view::npos;
  const absl::string_view quote = number ? "" : "'";
  return absl::StrCat("SET SESSION ", View(setting.name), " = ", quote, View(setting.value), quote);
}

// Of a whole number that is computed. MySQL, 14.5 "Flow Control Functions": an unsigned and
// a signed one together give a decimal, which it takes for no number here (error 1232, seen on
// 9.7); MariaDB does.
std::string SetTo(absl::string_view name, absl::string_view number) {
  return absl::StrCat("SET SESSION ", name, " = CAST(", number, " AS UNSIGNED)");
}

// Servers that have no such switch are left as they are.
std::string Switch(absl::string_view name, absl::string_view value) {
  return absl::StrCat("SET SESSION optimizer_switch = IF(@@optimizer_switch LIKE '%", name,
                      "=%', '", name, "=", value, "', @@optimizer_switch)");
}

}  // namespace

// MySQL, 14.15 "Information Functions", VERSION(): "8.4.x-standard"; it may have any suffix.
// MariaDB, "VERSION": "10.11.6-MariaDB-log". In the hand-shake MariaDB puts "5.5.5-" before it, and
// proxies hand that on.
Dialect Dialect::Of(std::string_view version) {
  Dialect dialect;
  dialect.version_ = std::string(version);
  if (absl::StrContains(absl::AsciiStrToLower(View(version)), "mariadb")) {
    dialect.server_ = Server::kMariaDb;
    constexpr std::string_view kReplicationPrefix = "5.5.5-";
    if (version.starts_with(kReplicationPrefix)) version.remove_prefix(kReplicationPrefix.size());
  }
  dialect.major_ = TakeNumber(&version);
  dialect.minor_ = TakeNumber(&version);
  dialect.patch_ = TakeNumber(&version);
  return dialect;
}

// MySQL, 14.20 "Window Functions": from 8.0. MariaDB, "Window Functions Overview": from 10.2.
absl::Status Dialect::CheckFollowing() const {
  const bool maria = server_ == Server::kMariaDb;
  if (maria ? AtLeast(10, 2) : AtLeast(8, 0)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the server is ", version_, ", and following needs window functions: MariaDB ",
                   "10.2 or MySQL 8.0 at the least; load the table again instead"));
}

std::vector<std::string> Dialect::SessionSettings() const {
  std::vector<std::string> settings = {
      // The text of values. MySQL, 15.7.6.3 "SET NAMES"; MariaDB, "SET NAMES". The collation that
      // comes with it differs (utf8mb4_0900_ai_ci, which does not pad; utf8mb4_general_ci, which
      // does), and nothing rests on it: a column's own collation goes before a literal's (MySQL,
      // 12.8.4 "Collation Coercibility in Expressions"), and bytes are compared as BINARY.
      "SET NAMES utf8mb4",
      // MySQL, 7.1.15; MariaDB, "Time Zones". An offset needs no time zone tables.
      Set(kTimeZone),
      // MySQL, 7.1.11 "Server SQL Modes"; MariaDB, "SQL_MODE". Empty is neither's default. Without
      // it PAD_CHAR_TO_FULL_LENGTH changes values and ANSI_QUOTES literals, on MariaDB
      // EMPTY_STRING_IS_NULL and ORACLE too.
      Set(kSqlMode),
      // MySQL, 7.1.8; MariaDB, "Server System Variables". The same number means "no limit" to both.
      Set(kSelectLimit),
      // The same pages. Who streams may have to wait for room: a minute's default would end the
      // connection.
      "SET SESSION net_write_timeout = 3600",
      // The same pages. Between two statements we may be busy for long, with entries to be handed
      // on or a poll interval; who keeps its connections idle for less must not end ours.
      "SET SESSION wait_timeout = 86400",
      // The same pages. ORDER BY, GROUP BY and windows compare the first so many bytes of a text's
      // sort key, by default 1024: ids that have those in common would come in any order, and a
      // page that ends between two of them would lose rows. An index holds 3072 bytes at the most
      // (MySQL, 17.21 "InnoDB Limits"), up to 768 characters of 16 bytes of sort key each. MySQL
      // applies it to collations that pad alone, since 8.0.20. Fifteen keys of this length must fit
      // the sort's buffer, which both servers take as they need it (MySQL, 10.2.1.16 "ORDER BY
      // Optimization").
      // MySQL carries JSON through a sort, where TEXT is fetched after it, and ends the statement
      // (1038) where a value is larger than the buffer (seen on 9.7): there, from 8 on, which takes
      // it as needed, it is as large as what can be sent to us.
      Set(kMaxSortLength),
      SetTo("sort_buffer_size",
            server_ == Server::kMariaDb || !AtLeast(8, 0)
                ? "GREATEST(@@sort_buffer_size, 4194304)"
                : "GREATEST(@@sort_buffer_size, 4194304, LEAST(@@max_allowed_packet, 268435456))"),
      // MySQL, 14.19.1 "Aggregate Function Descriptions"; MariaDB, "GROUP_CONCAT", "JSON_ARRAYAGG".
      // A query's lists would be cut off, without an error, at MySQL's 1024 bytes or MariaDB's 1
      // MiB. More than max_allowed_packet, at most this, no server gives.
      Set(kGroupConcatMaxLen),
      // MySQL, 15.3.1 "START TRANSACTION, COMMIT, and ROLLBACK Statements" and 7.1.8,
      // completion_type; MariaDB, "COMMIT", "Server System Variables". By a server's own a COMMIT
      // may end the connection, or begin another transaction, in whose old snapshot we would go on.
      Set(kCompletionType),
      // MySQL, 15.3.7 "SET TRANSACTION"; MariaDB, "SET TRANSACTION". A snapshot wants it: under
      // READ COMMITTED both ignore WITH CONSISTENT SNAPSHOT.
      "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"};
  if (server_ == Server::kMariaDb && AtLeast(10, 3)) {
    // MariaDB, "Transaction Timeouts", from 10.3: ends connections that idle in a transaction, as a
    // load does between two tables. MySQL has none.
    settings.emplace_back("SET SESSION idle_transaction_timeout = 0");
    settings.emplace_back("SET SESSION idle_readonly_transaction_timeout = 0");
    // MariaDB, "System-Versioned Tables", system_versioning_asof, from 10.3: a server's own would
    // have us read what such tables held at some moment of the past. DEFAULT is none, whatever the
    // global one says.
    settings.emplace_back("SET SESSION system_versioning_asof = DEFAULT");
  }
  // MariaDB, "Condition Pushdown into Derived Table Optimization", from 10.2; MySQL, 10.2.2.5
  // "Derived Condition Pushdown Optimization", from 8.0.22. A condition on the exact bytes of a
  // column that a query groups by would go below the grouping, and there divide what its collation
  // takes for one group.
  settings.push_back(Switch(
      server_ == Server::kMariaDb ? "condition_pushdown_for_derived" : "derived_condition_pushdown",
      "off"));
  // MySQL, 10.2.2.4 "Optimizing Derived Tables"; MariaDB, "Derived Table Merge Optimization". A
  // server's own may have every page of a query make all of it.
  settings.push_back(Switch("derived_merge", "on"));
  if (server_ == Server::kMySql && AtLeast(8, 0)) {
    // MySQL, 10.2.3 "Optimizing INFORMATION_SCHEMA Queries": TABLE_ROWS may be a day old, and 0 or
    // NULL for a table that was filled since. 0 asks the engine. MariaDB always does.
    settings.emplace_back("SET SESSION information_schema_stats_expiry = 0");
    // MySQL, 15.1.20.11 "Generated Invisible Primary Keys", from 8.0.30: a server may hide that
    // there is one to page by.
    if (AtLeast(8, 0, 30)) {
      settings.emplace_back("SET SESSION show_gipk_in_create_table_and_information_schema = ON");
    }
  }
  return settings;
}

std::vector<std::string> Dialect::FollowingSettings(unsigned read_timeout_s) const {
  return {
      // MySQL, 7.1.8; MariaDB, "Server System Variables". Without it all reads would be of one
      // snapshot, for ever.
      "SET SESSION autocommit = 1",
      // MySQL, 15.3.7; MariaDB, "SET TRANSACTION". The configuration's SQL may call functions, and
      // those write: error 1792 to both.
      "SET SESSION TRANSACTION READ ONLY",
      // MySQL, 7.1.8; MariaDB, "Server System Variables": of metadata locks, seconds. For a table's
      // lock, an ALTER TABLE's say, all sources wait; the least that both servers have. MariaDB's
      // 0, not to wait, leaves no turn to one whose table is locked for moments again and again.
      "SET SESSION lock_wait_timeout = 1",
      // What nobody waits for any more must not go on: retried, such statements would pile up.
      StatementLimit(2 * read_timeout_s)};
}

// MySQL, 7.1.8; MariaDB, "Server System Variables". The isolation and the access mode are
// tx_isolation and tx_read_only to MariaDB, which has MySQL's names too from 11 on, and
// transaction_isolation and transaction_read_only to MySQL, which has dropped the others in 8.0
// (WL#9636).
std::span<const Setting> CheckedSessionSettings() {
  static constexpr Setting kSettings[] = {{"character_set_client", "utf8mb4"},
                                          {"character_set_connection", "utf8mb4"},
                                          {"character_set_results", "utf8mb4"},
                                          kTimeZone,
                                          kSqlMode,
                                          kSelectLimit,
                                          kMaxSortLength,
                                          kGroupConcatMaxLen,
                                          kCompletionType,
                                          {"tx_isolation", "REPEATABLE-READ", false},
                                          {"transaction_isolation", "REPEATABLE-READ", false}};
  return kSettings;
}

std::span<const Setting> CheckedFollowingSettings() {
  static constexpr Setting kSettings[] = {
      {"autocommit", "ON"}, {"tx_read_only", "ON", false}, {"transaction_read_only", "ON", false}};
  return kSettings;
}

// MySQL, 15.7.7.41 "SHOW VARIABLES"; MariaDB, "SHOW VARIABLES". Not SELECT @@name, which is an
// error where a server lacks one.
std::string SettingsStatement(std::span<const Setting> settings) {
  std::string names;
  for (const Setting& setting : settings) {
    absl::StrAppend(&names, names.empty() ? "'" : ", '", View(setting.name), "'");
  }
  return absl::StrCat("SHOW SESSION VARIABLES WHERE Variable_name IN (", names, ")");
}

// MySQL, 7.1.8, max_execution_time: milliseconds, of SELECTs that only read. MariaDB, "Aborting
// Statements": max_statement_time, seconds, of every statement. 0 is no limit to both.
std::string Dialect::StatementLimit(unsigned seconds) const {
  const bool maria = server_ == Server::kMariaDb;
  const std::string name = maria ? "max_statement_time" : "max_execution_time";
  const std::string limit = absl::StrCat(seconds, maria ? "" : "000");
  const std::string lower =
      absl::StrCat("IF(@@", name, " = 0 OR @@", name, " > ", limit, ", ", limit, ", @@", name, ")");
  // MariaDB's may be a part of a second.
  return maria ? absl::StrCat("SET SESSION ", name, " = ", lower) : SetTo(name, lower);
}

// MySQL, 15.7.7.23 "SHOW INDEX": Visible, YES or NO (10.3.12 "Invisible Indexes"). MariaDB, "SHOW
// INDEX", from 10.6: Ignored, NO or YES. The same place, and the other way round.
bool Dialect::IndexIsUnused(std::string_view column14) const {
  return column14 == (server_ == Server::kMariaDb ? "YES" : "NO");
}

// MySQL, 15.7.7.31 "SHOW PROCESSLIST" and 10.14.2 "Thread Command Values"; MariaDB, "SHOW
// PROCESSLIST" and "Thread Command Values". The statement and not information_schema.PROCESSLIST,
// which MySQL has deprecated, nor performance_schema.processlist, which lacks what is not
// instrumented and is off on MariaDB.
//
// Statements of the event scheduler run as Connect under their definer's name (seen on MariaDB
// 10.11; both manuals have Connect for replication alone, whose user is the system's). Daemons are
// the servers' own; who is still logging in has no statement.
bool RunsAStatement(std::string_view user, std::string_view command) {
  for (const char* own : {"system user", "event_scheduler", "unauthenticated user"}) {
    if (user == own) return false;
  }
  return command != "Sleep" && command != "Daemon" && !command.starts_with("Binlog Dump");
}

// MySQL, 28.4.28 "The INFORMATION_SCHEMA INNODB_TRX Table"; MariaDB, "Information Schema INNODB_TRX
// Table". Names of columns in capitals or not; cells are read by place. trx_started is in the zone
// of the server's system, hence CONVERT_TZ, which needs no time zone tables for an offset and
// SYSTEM. trx_query holds the first 1024 characters: the mark stands at the front, and is no
// comment, which a proxy might leave out.
//
// MySQL, 17.15.2.3 "Persistence and Consistency of InnoDB Transaction and Locking Information" (and
// MariaDB's code): InnoDB renews its list only when nobody has read it for 0.1 s, so that what is
// read may be of any age where others read it all the time. A list in which this statement stands
// was made while it ran.
std::string TransactionsStatement(std::string_view mark) {
  return absl::StrCat("SELECT '", View(mark),
                      "', IF(trx_mysql_thread_id = CONNECTION_ID(), 'own', 'other'), ",
                      "trx_mysql_thread_id, trx_id, TIMESTAMPDIFF(SECOND, trx_started, ",
                      "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), ",
                      "IF(trx_mysql_thread_id = CONNECTION_ID(), trx_query, NULL) ",
                      "FROM information_schema.INNODB_TRX ",
                      "WHERE trx_rows_modified > 0 OR trx_mysql_thread_id = CONNECTION_ID() ",
                      "UNION ALL SELECT '', 'end', NULL, NULL, NULL, NULL");
}

// MySQL, 14.13 "Encryption and Compression Functions": SHA1() and MD5() are gone from 9.6 on, but
// for a component that need not be there (7.5.8 "Legacy Hashing Component"); SHA2() is in every
// version. MariaDB, "SHA2". Both take bytes and give digits in the connection's character set. It
// costs little more than SHA-1 (MariaDB 10.11, BENCHMARK(1000000, …) over 62 bytes, of two runs
// each: 0.51 and 0.54 s, with SHA2 0.62 and 0.66).
std::string HashExpression(std::string_view bytes) {
  return absl::StrCat("SHA2(", View(bytes), ", 256)");
}

namespace {

// Of an error that nobody thought of.
ErrorClass Unlisted(int error) {
  if (error >= 2000 && error < 3000) {  // the client's: whatever the connection was doing
    return {absl::StatusCode::kUnavailable,
            "the connection failed: check server and network, and try again"};
  }
  return {absl::StatusCode::kUnknown, "see the server's manual for this error"};
}

// Of the errors that keep a user out; else as Unlisted.
ErrorClass OfTheLogin(int error) {
  switch (error) {
    case 1045:  // access denied
    case 1698:
      return {absl::StatusCode::kPermissionDenied,
              "check the user, the password (--defaults-file, MYSQL_PWD or a password file), and "
              "whether the account wants TLS (ssl_mode)"};
    case 1251:  // the client's ways of logging in are not the server's
    case 2059:
    case 2061:
      // MySQL 8 makes users of caching_sha2_password, and 9 has no mysql_native_password.
      return {absl::StatusCode::kPermissionDenied,
              "the user's way of logging in does not work here: caching_sha2_password wants TLS or "
              "a Unix socket (ssl_mode=REQUIRED); other plugins must be installed here"};
    case 1820:  // a password to be changed, an account locked
    case 1862:
    case 3118:  // MySQL
    case 3955:  // too many logins that failed: MySQL
    case 4151:  // MariaDB
      return {absl::StatusCode::kPermissionDenied,
              "the account is locked or its password has expired: see to it on the server"};
    case 1130:
      return {absl::StatusCode::kPermissionDenied,
              "the server lets nobody in from this host: grant the user from there"};
    case 3159:  // MySQL; MariaDB denies access, 1045
      return {absl::StatusCode::kFailedPrecondition,
              "the server wants TLS: set ssl_mode=REQUIRED or VERIFY_IDENTITY"};
    default:
      return Unlisted(error);
  }
}

}  // namespace

// MySQL, "Server Error Message Reference" and "Client Error Message Reference"; MariaDB, "MariaDB
// Error Code Reference". Up to 1885 the two share their numbers. From 1886 to 2999 and from 4000
// each has its own, and so far none of those below is the other's for something else that a SELECT
// could meet.
//
// 2026 is also what libmariadb makes of a TLS connection that ends ("unexpected
// eof while reading"), where a plain one would give 2013.
ErrorClass Classify(int error, bool connected) {
  if (error == 2026 && connected) error = 2013;
  switch (error) {
    case 1044:  // no right to the database, table, column, or a missing privilege
    case 1142:
    case 1143:
    case 1227:
      return {absl::StatusCode::kPermissionDenied,
              "grant the user SELECT on the table, or make the role that has it a default one"};
    case 1049:
    case 1102:  // a name that no database can have
      return {absl::StatusCode::kNotFound, "check the database's name"};
    case 1059:  // a name that is too long: MySQL, of a database, too
      return {absl::StatusCode::kNotFound,
              connected ? "check the table's name (table=)" : "check the database's name"};
    case 1051:
    case 1103:  // a name that no table can have
    case 1146:
      return {absl::StatusCode::kNotFound, "check the table's name (table=)"};
    case 1356:  // a view of what is not there, or is out of its definer's rights
      return {absl::StatusCode::kNotFound, "mend the view, or name a table (table=)"};
    case 1054:
      return {absl::StatusCode::kNotFound,
              "check the columns that the configuration names, its SQL among them; where the table "
              "was altered meanwhile, load again (a follower does by itself)"};
    case 1210:
      return {absl::StatusCode::kInvalidArgument,
              "MySQL takes no VECTOR for a text: in a query of the configuration select CAST(x AS "
              "BINARY) AS x"};
    case 1792:
      return {absl::StatusCode::kInvalidArgument,
              "the configuration's SQL may only read: take out what writes"};
    case 2026:
      return {absl::StatusCode::kFailedPrecondition,
              "check ssl_mode and ssl_ca, and that the server offers TLS under this name, "
              "which VERIFY_CA checks as VERIFY_IDENTITY does"};
    case 1040:  // too many connections
    case 1053:  // shutting down
    case 1129:  // host blocked
    case 1203:
    case 1226:
    case 3032:  // offline mode: MySQL
      return {absl::StatusCode::kUnavailable, "the server takes no more for now: try again later"};
    case 1927:  // connection killed: MariaDB
    case 2002:
    case 2003:
    case 2005:
    case 2006:
    case 2012:
    case 2013:
    case 2055:
    case 3169:  // session killed: MySQL
    case 4031:  // disconnected for inactivity: MySQL
      return {absl::StatusCode::kUnavailable,
              "check that the server runs, and the host, port or socket"};
    case 1028:  // the server's own memory and disk
    case 1037:
    case 1041:
      return {absl::StatusCode::kUnavailable, "the server lacks memory or disk: try again later"};
    case 1038:
      return {absl::StatusCode::kUnavailable,
              "the server lacks memory to sort: raise its sort_buffer_size"};
    case 1205:
    case 1213:
    case 1317:
    case 1412:
    case 1969:  // past max_statement_time: MariaDB
    case 3024:  // past max_execution_time: MySQL
      return {absl::StatusCode::kAborted, "what was being read is given up and can be read again"};
    case 2008:
      return {absl::StatusCode::kResourceExhausted, "the client is out of memory"};
    default:
      return OfTheLogin(error);
  }
}

}  // namespace strata::mysql
