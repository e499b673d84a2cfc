// The FILE.toml form of MySQL sources: a [connection] and one or more [[source]].
//
// Every key is checked, so that a slip of the pen is an error and not a default; messages give line
// and column. The TOML library throws: it is caught at this file's edge.
#include <strata/mysql_source.h>

#include <algorithm>
#include <exception>
#include <initializer_list>
#include <limits>
#include <optional>
#include <utility>

#include <toml++/toml.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/mysql_query_changes.h"
#include "loader/mysql_relation.h"
#include "loader/mysql_words.h"
#include "loader/view.h"

namespace strata {
namespace {

constexpr std::string_view kPasswordFix =
    "a password does not belong in a file that others read; give it with --defaults-file, "
    "MYSQL_PWD or password_file = \"FILE\"";

// Reads values out of one table of the file. The first error stands; what is read after it is
// thrown away.
class Reader {
 public:
  Reader(const toml::table& table, std::string_view file, std::string_view part)
      : table_(table), file_(file), part_(part) {}

  const absl::Status& status() const { return status_; }

  /// "FILE:LINE:COLUMN".
  std::string Place(const toml::node& at) const {
    const toml::source_position& begin = at.source().begin;
    return absl::StrCat(View(file_), ":", begin.line, ":", begin.column);
  }

  void Fail(const toml::node& at, std::string_view what) {
    if (!status_.ok()) return;
    status_ =
        absl::InvalidArgumentError(absl::StrCat(Place(at), ": ", View(part_), ": ", View(what)));
  }
  void Fail(std::string_view what) { Fail(table_, what); }

  /// Takes over what a reader of a table inside this one failed with.
  void Adopt(const absl::Status& inside) {
    if (status_.ok()) status_ = inside;
  }

  /// Refuses every key that is not in `known`.
  void AllowOnly(std::initializer_list<std::string_view> known) {
    for (const auto& [key, node] : table_) {
      if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
      const std::string lower = absl::AsciiStrToLower(View(key.str()));
      if (lower == "password" || lower == "passwd" || lower == "pwd")
        return Fail(node, kPasswordFix);
      return Fail(node, absl::StrCat("there is no key ", QuoteForMessage(key.str()), "; known are ",
                                     absl::StrJoin(known, ", ", [](std::string* out, auto name) {
                                       out->append(name);
                                     })));
    }
  }

  bool Has(std::string_view key) const { return table_.contains(key); }
  const toml::node* Node(std::string_view key) const { return table_.get(key); }

  /// The string under `key`, if there is one.
  void Text(std::string_view key, std::string* text) {
    const toml::node* const node = Node(key);
    if (node == nullptr) return;
    const std::optional<std::string> value = node->value_exact<std::string>();
    if (!value)
      return Fail(*node,
                  absl::StrCat(View(key), " is to be a string, as in ", View(key), " = \"…\""));
    if (value->find('\0') != std::string::npos) {
      return Fail(*node, absl::StrCat(View(key), " holds a zero byte; take it out"));
    }
    *text = *value;
  }

  /// A string or an array of strings.
  void Names(std::string_view key, std::vector<std::string>* names) {
    const toml::node* const node = Node(key);
    if (node == nullptr) return;
    if (node->is_string()) {
      Text(key, &names->emplace_back());
      return;
    }
    const toml::array* const array = node->as_array();
    if (array == nullptr || array->empty()) {
      return Fail(*node, absl::StrCat(View(key), " is to be an array of strings, as in ", View(key),
                                      " = [\"a\", \"b\"]"));
    }
    for (const toml::node& element : *array) {
      const std::optional<std::string> name = element.value_exact<std::string>();
      if (!name) return Fail(element, absl::StrCat(View(key), " holds what is no string"));
      if (name->empty() || name->find('\0') != std::string::npos) {
        return Fail(element, absl::StrCat(View(key), " holds an empty name or a zero byte"));
      }
      if (std::any_of(names->begin(), names->end(), [&](const std::string& other) {
            return absl::EqualsIgnoreCase(other, *name);
          })) {
        return Fail(element, absl::StrCat(View(key), " names ", QuoteForMessage(*name),
                                          " twice; leave one of them out"));
      }
      names->push_back(*name);
    }
  }

  /// An array of SQL statements, each with a :since.
  void Statements(std::string_view key, std::vector<std::string>* statements) {
    const toml::node* const node = Node(key);
    if (node == nullptr) return;
    const toml::array* const array = node->as_array();
    if (array == nullptr) {
      return Fail(*node, absl::StrCat(View(key), " is to be an array of statements, as in ",
                                      View(key), " = [\"SELECT …\"]"));
    }
    for (const toml::node& element : *array) {
      const std::optional<std::string> text = element.value_exact<std::string>();
      if (!text || text->find('\0') != std::string::npos) {
        return Fail(element, absl::StrCat(View(key), " holds what is no string, or a zero byte"));
      }
      if (!mysql::WithSince(*text, "NULL")) {
        return Fail(element, absl::StrCat("a statement of ", View(key),
                                          " has no :since; write … WHERE cursor >= :since"));
      }
      if (absl::EndsWith(absl::StripAsciiWhitespace(*text), ";")) {
        return Fail(element, "the statement stands inside one of ours; leave out the ; at its end");
      }
      if (!mysql::ClosesWhatItOpens(*text)) {
        return Fail(element,
                    absl::StrCat("a statement of ", View(key), mysql::kBetweenParentheses));
      }
      statements->push_back(*text);
    }
  }

  void Seconds(std::string_view key, unsigned* seconds) {
    std::string text;
    Text(key, &text);
    if (!Has(key) || !status_.ok()) return;
    const std::optional<unsigned> value = mysql::SecondsOf(text);
    if (!value) {
      return Fail(*Node(key), absl::StrCat(View(key), " is no duration from 1ms to 24 hours; ",
                                           View(mysql::kSecondsFix)));
    }
    *seconds = *value;
  }

 private:
  const toml::table& table_;
  const std::string_view file_;
  const std::string_view part_;
  absl::Status status_;
};

// "db1", "db1:3307", "[::1]:3307".
std::optional<MySqlHost> HostOf(std::string_view text, std::uint16_t default_port) {
  MySqlHost host{.host = {}, .port = default_port};
  std::string_view name = text;
  std::string_view port;
  const std::size_t close = text.find(']');
  if (text.starts_with('[') && close != std::string_view::npos) {
    name = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!mysql::IsIpv6(name)) return std::nullopt;
  } else if (mysql::IsIpv6(text) && std::count(text.begin(), text.end(), ':') > 1) {
    name = text;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    name = text.substr(0, colon);
    port = text.substr(colon);
    if (name.empty() || !mysql::IsHostName(name)) return std::nullopt;
  }
  host.host = std::string(name);
  if (port.empty()) return host;
  const std::optional<std::uint16_t> number =
      port.front() == ':' ? mysql::PortOf(port.substr(1)) : std::nullopt;
  if (!number) return std::nullopt;
  host.port = *number;
  return host;
}

void ReadHosts(Reader* reader, MySqlOptions* options) {
  if (const toml::node* const node = reader->Node("port")) {
    const std::optional<std::int64_t> port = node->value_exact<std::int64_t>();
    if (!port || *port < 1 || *port > std::numeric_limits<std::uint16_t>::max()) {
      return reader->Fail(*node, "port is no number from 1 to 65535");
    }
    options->port = static_cast<std::uint16_t>(*port);
  }
  if (reader->Has("host") && reader->Has("hosts")) {
    return reader->Fail(*reader->Node("host"), "host and hosts say the same; give one of them");
  }
  const char* const key = reader->Has("host") ? "host" : "hosts";
  if (!reader->Has(key)) return;
  std::vector<std::string> names;
  reader->Names(key, &names);
  if (!reader->status().ok()) return;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::optional<MySqlHost> host = HostOf(names[i], options->port);
    if (!host) {
      return reader->Fail(*reader->Node(key),
                          absl::StrCat(QuoteForMessage(names[i]),
                                       " is no host; write \"NAME\", \"NAME:PORT\" or "
                                       "\"[IPv6]:PORT\""));
    }
    if (i == 0) {
      options->host = host->host;
      options->port = host->port;
    } else {
      options->more_hosts.push_back(*host);
    }
  }
  options->host_given = true;
}

absl::Status ReadConnection(const toml::table& table, std::string_view file,
                            MySqlOptions* options) {
  Reader reader(table, file, "[connection]");
  reader.AllowOnly({"host", "hosts", "port", "socket", "user", "database", "ssl_mode", "ssl_ca",
                    "connect_timeout", "read_timeout", "password_file"});
  ReadHosts(&reader, options);
  reader.Text("socket", &options->socket);
  reader.Text("user", &options->user);
  reader.Text("database", &options->database);
  reader.Text("ssl_ca", &options->ssl_ca);
  reader.Text("password_file", &options->password_file);
  reader.Seconds("connect_timeout", &options->connect_timeout_s);
  reader.Seconds("read_timeout", &options->read_timeout_s);
  std::string mode;
  reader.Text("ssl_mode", &mode);
  if (reader.Has("ssl_mode") && reader.status().ok()) {
    const std::optional<MySqlSslMode> found = mysql::SslModeOf(mode);
    if (found) options->ssl_mode = *found;
    options->ssl_mode_given = true;
    options->ssl_mode_place = reader.Place(*reader.Node("ssl_mode"));
    if (!found) {
      reader.Fail(*reader.Node("ssl_mode"),
                  absl::StrCat("ssl_mode ", QuoteForMessage(mode), " is unknown; ",
                               View(mysql::kSslModeFix)));
    }
  }
  if (options->database.empty()) reader.Fail("database = \"NAME\" is missing");
  return reader.status();
}

// `outer = "column"` or `outer = {const = "text"}`.
void ReadOuter(Reader* reader, std::string_view file, MySqlMapping* mapping) {
  const toml::node* const node = reader->Node("outer");
  if (node == nullptr || !node->is_table()) return reader->Text("outer", &mapping->outer);
  Reader inside(*node->as_table(), file, "outer");
  inside.AllowOnly({"const"});
  inside.Text("const", &mapping->outer_const.emplace());
  if (!inside.Has("const")) inside.Fail("const is missing: write outer = {const = \"…\"}");
  reader->Adopt(inside.status());
}

// One way of giving rows, the first that is there.
void CheckRows(Reader* reader) {
  std::string_view first;
  for (const std::string_view key : {"columns", "record", "list", "key", "value"}) {
    if (!reader->Has(key)) continue;
    const bool pair = (first == "key" || first == "value") && (key == "key" || key == "value");
    if (!first.empty() && !pair) {
      return reader->Fail(
          *reader->Node(key),
          absl::StrCat(View(first), " and ", View(key),
                       " exclude each other; give key and value (a row a pair), columns or record "
                       "(a row a record), or list (a row a list)"));
    }
    first = key;
  }
}

// A table, or a query with what a query wants.
void CheckQuery(Reader* reader, const MySqlMapping& mapping) {
  if (mapping.query.empty()) {
    if (mapping.table.empty()) reader->Fail("table = \"NAME\" or query = \"SELECT …\" is missing");
    if (!mapping.changes.empty()) {
      reader->Fail(*reader->Node("changes"), "changes are a query's; a table has a cursor");
    }
    return;
  }
  if (!mapping.table.empty()) {
    reader->Fail(*reader->Node("query"), "table and query exclude each other; give one of them");
  }
  if (mapping.id.empty()) {
    reader->Fail(
        *reader->Node("query"),
        "a query wants id = [\"A\", \"B\"], the columns that together tell its rows apart");
  }
  if (mapping.cursor) {
    reader->Fail(*reader->Node("cursor"),
                 "cursor is for a table; a query has changes = [\"SELECT …\"]");
  }
  if (absl::EndsWith(absl::StripAsciiWhitespace(mapping.query), ";")) {
    reader->Fail(*reader->Node("query"),
                 "the query stands inside a statement of ours; leave out the ; at its end");
  }
}

absl::StatusOr<MySqlMapping> ReadSource(const toml::table& table, std::string_view file,
                                        std::string_view part) {
  Reader reader(table, file, part);
  reader.AllowOnly({"table", "query", "changes", "where", "outer", "inner", "order", "id", "cursor",
                    "deleted", "key", "value", "columns", "record", "list"});
  MySqlMapping mapping;
  reader.Text("table", &mapping.table);
  reader.Text("query", &mapping.query);
  reader.Statements("changes", &mapping.changes);
  reader.Text("where", &mapping.where);
  ReadOuter(&reader, file, &mapping);
  reader.Text("inner", &mapping.inner);
  reader.Text("order", &mapping.order);
  reader.Text("deleted", &mapping.deleted);
  reader.Text("key", &mapping.key);
  reader.Text("value", &mapping.value);
  reader.Text("record", &mapping.record);
  reader.Text("list", &mapping.list);
  reader.Names("id", &mapping.id);
  for (const auto& [key, sql] :
       {std::pair("where", &mapping.where), std::pair("query", &mapping.query)}) {
    if (mysql::ClosesWhatItOpens(*sql)) continue;
    reader.Fail(*reader.Node(key), absl::StrCat(key, mysql::kBetweenParentheses));
  }
  std::string cursor;
  reader.Text("cursor", &cursor);
  // An empty one is as none given.
  if (!cursor.empty()) mapping.cursor = cursor;
  CheckRows(&reader);
  if (const toml::node* const columns = reader.Node("columns")) {
    mapping.all_columns = columns->value_exact<std::string>() == "*";
    if (!mapping.all_columns) reader.Names("columns", &mapping.columns);
  }
  CheckQuery(&reader, mapping);
  for (const auto& [key, text] :
       {std::pair("outer", &mapping.outer), std::pair("inner", &mapping.inner),
        std::pair("key", &mapping.key), std::pair("value", &mapping.value)}) {
    if (text->empty()) reader.Fail(absl::StrCat(key, " is empty; name a column"));
  }
  if (!reader.status().ok()) return reader.status();
  return mapping;
}

absl::Status ReadSources(const toml::table& document, std::string_view file, MySqlFile* result) {
  Reader reader(document, file, "the file");
  const toml::node* const node = reader.Node("source");
  const toml::array* const sources = node == nullptr ? nullptr : node->as_array();
  if (sources == nullptr || sources->empty() || !sources->is_homogeneous<toml::table>()) {
    if (node == nullptr) reader.Fail("there is no [[source]]");
    if (node != nullptr) reader.Fail(*node, "source is to be [[source]], one for each table");
    return reader.status();
  }
  for (std::size_t i = 0; i < sources->size(); ++i) {
    const std::string part = absl::StrCat("[[source]] ", i + 1);
    absl::StatusOr<MySqlMapping> mapping = ReadSource(*sources->get_as<toml::table>(i), file, part);
    if (!mapping.ok()) return mapping.status();
    for (const MySqlMapping& other : result->sources) {
      if (!mapping->outer_const || other.outer_const != mapping->outer_const) continue;
      reader.Fail(*sources->get(i),
                  absl::StrCat("outer ", QuoteForMessage(*mapping->outer_const), " of ",
                               mysql::Described(*mapping), " is that of ", mysql::Described(other),
                               ", too, and an outer belongs to one source; name another"));
      return reader.status();
    }
    result->sources.push_back(*std::move(mapping));
  }
  return absl::OkStatus();
}

absl::StatusOr<MySqlFile> Parse(std::string_view text, std::string_view file) {
  toml::table document;
  try {
    document = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    const toml::source_position& begin = error.source().begin;
    return absl::InvalidArgumentError(
        absl::StrCat(View(file), ":", begin.line, ":", begin.column,
                     ": no TOML (names and values as in key = \"value\"): ",
                     EscapeForMessage(error.description(), kLongMessageTextBytes)));
  }
  Reader reader(document, file, "the file");
  reader.AllowOnly({"connection", "source"});
  const toml::node* const connection = reader.Node("connection");
  if (connection == nullptr) {
    reader.Fail("there is no [connection]: add one, with host, user and database");
  } else if (!connection->is_table()) {
    reader.Fail(*connection, "connection is to be a table, [connection]");
  }
  if (!reader.status().ok()) return reader.status();
  MySqlFile result;
  absl::Status status = ReadConnection(*connection->as_table(), file, &result.connection);
  if (status.ok()) status = ReadSources(document, file, &result);
  if (!status.ok()) return status;
  return result;
}

}  // namespace

absl::StatusOr<MySqlFile> ParseMySqlToml(std::string_view text, std::string_view name) {
  try {
    return Parse(text, name);
  } catch (const std::exception&) {
    return OutOfMemory();
  }
}

}  // namespace strata
