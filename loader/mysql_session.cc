#include "loader/mysql_session.h"

#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>
#include <mysql_driver.h>

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <new>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "loader/mysql_greeting.h"
#include "loader/view.h"

namespace strata::mysql {
namespace {

constexpr const char* kConnecting = "connecting";
constexpr const char* kSettingUp = "setting the session up";

// The server's text on one line, without a password that some plugin may have put there.
std::string CleanText(std::string text, const std::string& password) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (password.size() > 3) text = absl::StrReplaceAll(text, {{password, "***"}});
  return text;
}

// What an error of the server or the client library's comes to.
absl::Status Numbered(const std::string& server, std::string_view doing, const std::string& text,
                      int error, bool connected) {
  const ErrorClass kind = Classify(error, connected);
  return absl::Status(kind.code, absl::StrCat("MySQL ", server, ": ", View(doing), ": ", text,
                                              " (error ", error, "); ", kind.advice));
}

sql::Driver* Driver() {
  // One of our own, never destroyed: the one of get_driver_instance dies with the connector's
  // globals, and a thread that hangs in a connection may end after main has.
  static sql::Driver* const driver = new sql::mysql::MySQL_Driver();
  return driver;
}

// Who names authorities wants to be sure of them.
MySqlSslMode SslModeInForce(const MySqlOptions& options) {
  const bool by_default = options.ssl_mode == MySqlSslMode::kPreferred && !options.ssl_mode_given &&
                          options.socket.empty();
  return by_default && !options.ssl_ca.empty() ? MySqlSslMode::kVerifyCa : options.ssl_mode;
}

bool Verifies(MySqlSslMode mode) {
  return mode == MySqlSslMode::kVerifyCa || mode == MySqlSslMode::kVerifyIdentity;
}

std::string HostAndPort(const MySqlOptions& options) {
  const bool ipv6 = options.host.find(':') != std::string::npos;
  return absl::StrCat(ipv6 ? "[" : "", options.host, ipv6 ? "]" : "", ":", options.port);
}

sql::ConnectOptionsMap ConnectOptions(const MySqlOptions& options, bool tls) {
  sql::ConnectOptionsMap map;
  const auto text = [&map](const char* name, const std::string& value) {
    map[name] = sql::SQLString(value);
  };
  text("userName", options.user);
  text("password", options.password);
  text("schema", options.database);
  text("OPT_CHARSET_NAME", "utf8mb4");
  if (!options.socket.empty()) {
    text("hostName", "localhost");
    text("socket", options.socket);
  } else {
    text("hostName", "tcp://" + HostAndPort(options));
  }
  map["OPT_CONNECT_TIMEOUT"] = static_cast<int>(options.connect_timeout_s);
  map["OPT_READ_TIMEOUT"] = static_cast<int>(options.read_timeout_s);
  map["OPT_WRITE_TIMEOUT"] = static_cast<int>(options.read_timeout_s);
  map["OPT_LOCAL_INFILE"] = 0;
  text("preInit", kFirstStatement);
  if (tls) map["sslEnforce"] = true;  // tries it; CheckEncryption makes it a must
  if (Verifies(options.ssl_mode)) {
    text("sslCA", options.ssl_ca);
    map["sslVerify"] = true;
  }
  return map;
}

absl::Status NotEncrypted(const std::string& server) {
  return absl::FailedPreconditionError(
      absl::StrCat("MySQL ", server,
                   ": the connection is not encrypted: the server offers no TLS; set it up "
                   "there, or allow plain text with ssl_mode=DISABLED"));
}

// Sets whether to ask for TLS and, over a network, the address that was asked. It is not asked for
// in vain: the password would go over the connection all the same.
absl::Status AskForTls(const std::string& server, MySqlOptions* options, bool* tls) {
  *tls = options->ssl_mode != MySqlSslMode::kDisabled;
  if (!*tls || Verifies(options->ssl_mode)) return absl::OkStatus();
  if (!options->socket.empty()) {
    *tls = options->ssl_mode == MySqlSslMode::kRequired;
    return absl::OkStatus();
  }
  absl::StatusOr<Greeting> greeting =
      ReadGreeting(options->host, options->port, std::chrono::seconds(options->connect_timeout_s));
  if (!greeting.ok()) {
    return absl::UnavailableError(
        absl::StrCat("MySQL ", server, ": ", kConnecting, ": ", greeting.status().message(),
                     "; check that the server runs, and the host, port or socket"));
  }
  if (greeting->error != 0) {
    return Numbered(server, kConnecting, CleanText(greeting->error_text, {}), greeting->error,
                    /*connected=*/false);
  }
  *tls = greeting->offers_tls;
  if (!*tls && options->ssl_mode == MySqlSslMode::kRequired) return NotEncrypted(server);
  // Another of the host's may have no TLS. No certificate is looked at for its name here.
  if (!greeting->address.empty()) options->host = greeting->address;
  return absl::OkStatus();
}

}  // namespace

struct Session::Connection {
  std::unique_ptr<sql::Connection> handle;
  std::string password;  // only to keep it out of messages

  /// Runs `body`, which may throw anything the connector does.
  template <class Body>
  absl::Status Guard(const std::string& server, std::string_view doing, const Body& body) {
    try {
      return body();
    } catch (const sql::SQLException& error) {
      return Numbered(server, doing, CleanText(error.what(), password), error.getErrorCode(),
                      handle != nullptr);
    } catch (const std::bad_alloc&) {
      return absl::ResourceExhaustedError(
          absl::StrCat("MySQL ", server, ": ", View(doing), ": out of memory"));
    } catch (const std::exception& error) {
      return absl::UnknownError(absl::StrCat("MySQL ", server, ": ", View(doing), ": ",
                                             CleanText(error.what(), password)));
    }
  }
};

std::string QuoteName(std::string_view name) {
  return absl::StrCat("`", absl::StrReplaceAll(View(name), {{"`", "``"}}), "`");
}

std::string QuoteText(std::string_view text) {
  return absl::StrCat("_utf8mb4 X'", absl::BytesToHexString(View(text)), "'");
}

std::string QuoteBytes(std::string_view bytes) {
  return absl::StrCat("_binary X'", absl::BytesToHexString(View(bytes)), "'");
}

std::string ServerName(const MySqlOptions& options) {
  const std::string place =
      options.socket.empty() ? HostAndPort(options) : absl::StrCat("socket ", options.socket, " ");
  return absl::StrCat(options.user, "@", place, "/", options.database);
}

Session::Session(std::unique_ptr<Connection> connection, std::string server)
    : connection_(std::move(connection)), server_(std::move(server)) {}

Session::~Session() {
  // Closing speaks to the server and may throw; so may putting that into words.
  try {
    connection_->handle.reset();
  } catch (...) {
  }
}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(const MySqlOptions& options) {
  absl::StatusOr<std::unique_ptr<Session>> session = OpenOne(options);
  if (!options.socket.empty()) return session;
  std::string tried;
  for (const MySqlHost& host : options.more_hosts) {
    if (!absl::IsUnavailable(session.status())) return session;
    absl::StrAppend(&tried, session.status().message(), "; then ");
    MySqlOptions next = options;
    next.host = host.host;
    next.port = host.port;
    session = OpenOne(next);
  }
  if (session.ok() || tried.empty()) return session;
  return absl::Status(session.status().code(), absl::StrCat(tried, session.status().message()));
}

absl::StatusOr<std::unique_ptr<Session>> Session::OpenOne(const MySqlOptions& options) {
  if (absl::Status checked = CheckMySqlOptions(options); !checked.ok()) return checked;
  auto connection = std::make_unique<Connection>();
  connection->password = options.password;
  std::unique_ptr<Session> session(new Session(std::move(connection), ServerName(options)));
  Connection& opened = *session->connection_;
  bool tls = false;
  absl::Status status = opened.Guard(session->server_, kConnecting, [&]() -> absl::Status {
    MySqlOptions asked = options;
    asked.ssl_mode = SslModeInForce(options);
    absl::Status may = AskForTls(session->server_, &asked, &tls);
    if (!may.ok()) return may;
    sql::ConnectOptionsMap map = ConnectOptions(asked, tls);
    opened.handle.reset(Driver()->connect(map));
    return absl::OkStatus();
  });
  if (status.ok() && tls) status = session->CheckEncryption();
  if (status.ok()) status = session->Prepare();
  if (!status.ok()) return status;
  return session;
}

absl::Status Session::CheckEncryption() {
  constexpr const char* kDoing = "checking for TLS";
  std::optional<bool> encrypted;
  absl::Status status = Query(kCipherStatement, kDoing, [&](const Row& row) {
    encrypted = row.size() > 1 && !row[1].empty();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (!encrypted) return EndedEarly(kDoing);
  return *encrypted ? absl::OkStatus() : NotEncrypted(server_);
}

absl::Status Session::Prepare() {
  std::string version;
  absl::Status status = Query(kVersionStatement, kSettingUp, [&](const Row& row) {
    version.assign(row[0]);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (version.empty()) return EndedEarly(kSettingUp);
  dialect_ = Dialect::Of(version);
  return SetUp(dialect_.SessionSettings(), CheckedSessionSettings());
}

absl::Status Session::SetUp(std::span<const std::string> statements,
                            std::span<const Setting> checked) {
  for (const std::string& statement : statements) {
    if (absl::Status status = Execute(statement, kSettingUp); !status.ok()) return status;
  }
  return CheckSettings(checked);
}

absl::Status Session::CheckSettings(std::span<const Setting> settings) {
  constexpr const char* kDoing = "reading the session's settings back";
  std::map<std::string, std::string, std::less<>> told;
  absl::Status status = Query(SettingsStatement(settings), kDoing, [&](const Row& row) {
    told.emplace(row[0], row[1]);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (told.empty()) return EndedEarly(kDoing);
  for (const Setting& setting : settings) {
    const auto found = told.find(setting.name);
    if (found == told.end() && !setting.of_every_server) continue;
    if (found != told.end() && found->second == setting.value) continue;
    // Not told: rows are limited, to five, say.
    const std::string is =
        found == told.end() ? "not told" : absl::StrCat("'", CleanText(found->second, {}), "'");
    return absl::FailedPreconditionError(absl::StrCat(
        "MySQL ", server_, ": ", View(setting.name), " is ", is, " though the session was given '",
        View(setting.value),
        "': does a proxy keep SET from the server? Connect past it, or have it hand SET on"));
  }
  return absl::OkStatus();
}

absl::Status Session::Execute(const std::string& statement, std::string_view doing) {
  return connection_->Guard(server_, doing, [&] {
    std::unique_ptr<sql::Statement> handle(connection_->handle->createStatement());
    handle->execute(statement);
    return absl::OkStatus();
  });
}

absl::Status Session::InSnapshot(std::string_view doing, absl::FunctionRef<absl::Status()> work) {
  absl::Status status = Execute(kSnapshotTransaction, doing);
  if (!status.ok()) return status;
  try {
    status = work();
  } catch (...) {
    // Or all that is asked after it would be of this moment.
    const absl::Status ended = Execute(kEndOfTransaction, doing);
    if (!ended.ok()) return absl::UnavailableError(ended.message());
    throw;
  }
  const absl::Status ended = Execute(kEndOfTransaction, doing);
  return ended.ok() ? status : absl::UnavailableError(ended.message());
}

absl::Status Session::Query(const std::string& statement, std::string_view doing,
                            absl::FunctionRef<absl::Status(const Row&)> on_row) {
  return Read(false, statement, doing, on_row);
}

absl::Status Session::Stream(const std::string& statement, std::string_view doing,
                             absl::FunctionRef<absl::Status(const Row&)> on_row) {
  return Read(true, statement, doing, on_row);
}

absl::StatusOr<bool> Session::Exists(const std::string& select, std::string_view doing) {
  std::string answer;
  absl::Status status =
      Query(absl::StrCat("SELECT EXISTS(", select, ")"), doing, [&](const Row& row) {
        answer.assign(row[0]);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  if (answer.empty()) return EndedEarly(doing);
  return answer != "0";
}

absl::StatusOr<std::vector<ResultColumn>> Session::Columns(const std::string& select,
                                                           std::string_view doing) {
  std::vector<ResultColumn> columns;
  absl::Status status = connection_->Guard(server_, doing, [&] {
    std::unique_ptr<sql::Statement> handle(connection_->handle->createStatement());
    std::unique_ptr<sql::ResultSet> result(handle->executeQuery(select));
    sql::ResultSetMetaData* const about = result->getMetaData();
    for (unsigned i = 1; i <= about->getColumnCount(); ++i) {
      columns.push_back({.name = about->getColumnLabel(i).asStdString(),
                         .type = absl::AsciiStrToLower(about->getColumnTypeName(i).asStdString()),
                         .nullable = about->isNullable(i) != sql::ResultSetMetaData::columnNoNulls,
                         .fraction_digits = about->getScale(i)});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return columns;
}

absl::Status Session::EndedEarly(std::string_view doing) const {
  return absl::AbortedError(absl::StrCat(
      "MySQL ", server_, ": ", std::string(doing),
      ": the server ended a statement early (KILL QUERY, or a time limit): try again"));
}

absl::Status Session::Read(bool streamed, const std::string& statement, std::string_view doing,
                           absl::FunctionRef<absl::Status(const Row&)> on_row) {
  const absl::Cleanup forget = [this] { row_.Forget(); };
  return connection_->Guard(server_, doing, [&]() -> absl::Status {
    std::unique_ptr<sql::Statement> handle(connection_->handle->createStatement());
    // Buffered is the connector's default, said here because much rests on it.
    handle->setResultSetType(streamed ? sql::ResultSet::TYPE_FORWARD_ONLY
                                      : sql::ResultSet::TYPE_SCROLL_INSENSITIVE);
    std::unique_ptr<sql::ResultSet> result(handle->executeQuery(statement));
    const unsigned columns = result->getMetaData()->getColumnCount();
    while (result->next()) {
      row_.Clear();
      for (unsigned column = 1; column <= columns; ++column) {
        const sql::SQLString text = result->getString(column);
        // Only an empty text may be a NULL: asking costs as much as getting.
        if (text.length() == 0 && result->wasNull()) {
          row_.AddNull();
        } else {
          row_.Add(text.asStdString());
        }
      }
      largest_row_bytes_ = std::max(largest_row_bytes_, row_.bytes());
      if (absl::Status status = on_row(row_); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

SessionThread::SessionThread() {
  try {
    Driver()->threadInit();
  } catch (...) {  // then no session can be opened either, which says why
  }
}
SessionThread::~SessionThread() { Driver()->threadEnd(); }

}  // namespace strata::mysql
