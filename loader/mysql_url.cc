// The URL form of a MySQL source: mysql://USER@HOST[:PORT]/DATABASE?table=T&….
//
// Passwords: a URL stands on a command line that every process of the machine can read, so one with
// a password in it is refused, and no message of this file repeats the URL's user part.
#include <strata/mysql_source.h>

#include <algorithm>
#include <array>
#include <exception>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "loader/message_text.h"
#include "loader/mysql_words.h"
#include "loader/view.h"

namespace strata {
namespace {

constexpr std::string_view kScheme = "mysql://";
constexpr std::string_view kForm = "write mysql://USER@HOST[:PORT]/DATABASE?table=TABLE";

absl::Status Bad(std::string_view what, std::string_view fix) {
  return absl::InvalidArgumentError(absl::StrCat("MySQL URL: ", View(what), "; ", View(fix)));
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

absl::StatusOr<std::string> Decode(std::string_view text, std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Bad(absl::StrCat("a % in ", View(part), " without two hexadecimal digits behind it"),
                 "write % itself as %25");
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  if (out.find('\0') != std::string::npos) {
    return Bad(absl::StrCat(View(part), " holds a zero byte"), "take %00 out");
  }
  return out;
}

absl::StatusOr<std::vector<std::string>> DecodeList(std::string_view text, std::string_view part) {
  std::vector<std::string> names;
  if (text.empty()) return names;
  for (absl::string_view piece : absl::StrSplit(View(text), ',')) {
    absl::StatusOr<std::string> name = Decode({piece.data(), piece.size()}, part);
    if (!name.ok()) return name.status();
    if (name->empty()) {
      return Bad(absl::StrCat(View(part), " has an empty name in its list"),
                 "write NAME,NAME without spaces");
    }
    // Column names are the same whatever their case.
    if (std::any_of(names.begin(), names.end(), [&](const std::string& other) {
          return absl::EqualsIgnoreCase(other, *name);
        })) {
      return Bad(absl::StrCat(View(part), "= names ", QuoteForMessage(*name), " twice"),
                 "leave one of them out");
    }
    names.push_back(*std::move(name));
  }
  return names;
}

absl::StatusOr<unsigned> DecodeSeconds(std::string_view text, std::string_view part) {
  if (const auto seconds = mysql::SecondsOf(text)) return *seconds;
  return Bad(absl::StrCat(View(part), " is no duration from 1ms to 24 hours"), mysql::kSecondsFix);
}

absl::StatusOr<MySqlSslMode> DecodeSslMode(std::string_view text) {
  if (const auto mode = mysql::SslModeOf(text)) return *mode;
  return Bad(absl::StrCat("ssl_mode=", EscapeForMessage(text), " is unknown"), mysql::kSslModeFix);
}

// USER@HOST:PORT.
absl::Status ParseAuthority(std::string_view text, MySqlOptions* options) {
  const std::size_t at = text.rfind('@');
  const std::string_view user = at == std::string_view::npos ? "" : text.substr(0, at);
  if (user.find(':') != std::string_view::npos) {
    return Bad("a password does not belong on a command line",
               "give it with --defaults-file, MYSQL_PWD or password_file=FILE");
  }
  absl::StatusOr<std::string> name = Decode(user, "the user's name");
  if (!name.ok()) return name.status();
  options->user = *std::move(name);

  std::string_view host = at == std::string_view::npos ? text : text.substr(at + 1);
  std::string_view port;
  bool has_port = false;
  if (!host.empty() && host.front() == '[') {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return Bad("a [ without its ]", kForm);
    const std::string_view rest = host.substr(close + 1);
    host = host.substr(1, close - 1);
    if (!mysql::IsIpv6(host)) return Bad("what stands in [ ] is no IPv6 address", kForm);
    if (!rest.empty() && rest.front() != ':') return Bad("text behind the ] of the host", kForm);
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const std::size_t colon = host.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) port = host.substr(colon + 1);
    host = host.substr(0, colon);
    if (!mysql::IsHostName(host)) {
      return Bad("the host's name holds a character that no host's name has", kForm);
    }
  }
  options->host_given = !host.empty();
  if (!host.empty()) options->host = std::string(host);
  if (!has_port) return absl::OkStatus();
  const auto number = mysql::PortOf(port);
  if (!number) return Bad("the port is no number from 1 to 65535", kForm);
  options->port = *number;
  return absl::OkStatus();
}

constexpr std::array<std::string_view, 16> kParameters = {
    "table",        "outer",        "inner",   "order",  "id",       "cursor", "deleted",
    "key",          "value",        "columns", "socket", "ssl_mode", "ssl_ca", "connect_timeout",
    "read_timeout", "password_file"};

// The parameters that are one piece of text each; null for others.
std::string* TextParameter(std::string_view name, MySqlOptions* options) {
  MySqlMapping& mapping = options->mapping;
  if (name == "table") return &mapping.table;
  if (name == "outer") return &mapping.outer;
  if (name == "inner") return &mapping.inner;
  if (name == "order") return &mapping.order;
  if (name == "deleted") return &mapping.deleted;
  if (name == "key") return &mapping.key;
  if (name == "value") return &mapping.value;
  if (name == "socket") return &options->socket;
  if (name == "ssl_ca") return &options->ssl_ca;
  if (name == "password_file") return &options->password_file;
  return nullptr;
}

// Copies a value to *out, or gives its error.
template <class T, class Out>
absl::Status Assign(absl::StatusOr<T> value, Out* out) {
  if (value.ok()) *out = *std::move(value);
  return value.status();
}

absl::Status ParseParameter(std::string_view name, std::string_view value, MySqlOptions* options) {
  MySqlMapping& mapping = options->mapping;
  if (std::string* text = TextParameter(name, options)) return Assign(Decode(value, name), text);
  if (name == "cursor") {
    absl::StatusOr<std::string> cursor = Decode(value, name);
    // An empty one is as none given.
    if (cursor.ok() && !cursor->empty()) mapping.cursor = *std::move(cursor);
    return cursor.status();
  }
  if (name == "id") return Assign(DecodeList(value, name), &mapping.id);
  if (name == "columns") {
    mapping.all_columns = value == "*";
    if (mapping.all_columns) return absl::OkStatus();
    if (value.empty()) return Bad("columns= names no column", "write columns=a,b,c or columns=*");
    return Assign(DecodeList(value, name), &mapping.columns);
  }
  if (name == "ssl_mode") {
    options->ssl_mode_given = true;
    return Assign(DecodeSslMode(value), &options->ssl_mode);
  }
  if (name == "connect_timeout") {
    return Assign(DecodeSeconds(value, name), &options->connect_timeout_s);
  }
  if (name == "read_timeout") return Assign(DecodeSeconds(value, name), &options->read_timeout_s);
  if (name == "password" || name == "passwd" || name == "pwd") {
    return Bad("a password does not belong on a command line",
               "give it with --defaults-file, MYSQL_PWD or password_file=FILE");
  }
  if (name == "record" || name == "list" || name == "query" || name == "where") {
    return Bad(absl::StrCat("no parameter ", View(name)),
               absl::StrCat("it stands in a FILE.toml, as ", View(name), " = \"…\""));
  }
  return Bad(absl::StrCat("unknown parameter ", QuoteForMessage(name)),
             absl::StrCat("known are ", absl::StrJoin(kParameters, ", ",
                                                      [](std::string* out, std::string_view known) {
                                                        out->append(known);
                                                      })));
}

absl::Status ParseParameters(std::string_view query, MySqlOptions* options) {
  std::set<std::string> seen;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (parameter.empty()) continue;
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) {
      return Bad(absl::StrCat("parameter ", QuoteForMessage(parameter), " has no value"),
                 "write NAME=VALUE&NAME=VALUE");
    }
    absl::StatusOr<std::string> name = Decode(parameter.substr(0, equals), "a parameter's name");
    if (!name.ok()) return name.status();
    if (!seen.insert(*name).second) {
      return Bad(absl::StrCat("parameter ", QuoteForMessage(*name), " is given twice"),
                 "leave one of them out");
    }
    absl::Status parsed = ParseParameter(*name, parameter.substr(equals + 1), options);
    if (!parsed.ok()) return parsed;
  }
  if (seen.count("columns") != 0 && (seen.count("key") != 0 || seen.count("value") != 0)) {
    return Bad("columns= (record rows) and key=, value= (pair rows) exclude each other",
               "give one or the other");
  }
  for (const char* name : {"table", "outer", "inner", "key", "value"}) {
    if (TextParameter(name, options)->empty()) {
      return Bad(absl::StrCat(name, "= is missing or empty"), kForm);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<MySqlOptions> Parse(std::string_view url) {
  if (url.substr(0, kScheme.size()) != kScheme) return Bad("it does not begin so", kForm);
  url.remove_prefix(kScheme.size());
  MySqlOptions options;
  const std::size_t query = std::min(url.find('?'), url.size());
  const std::string_view path = url.substr(0, query);
  const std::size_t slash = std::min(path.find('/'), path.size());
  if (absl::Status status = ParseAuthority(path.substr(0, slash), &options); !status.ok()) {
    return status;
  }
  const std::string_view database = path.substr(std::min(slash + 1, path.size()));
  absl::StatusOr<std::string> name = Decode(database, "the database's name");
  if (!name.ok()) return name.status();
  if (name->empty()) return Bad("it names no database", kForm);
  options.database = *std::move(name);
  const std::string_view parameters = url.substr(std::min(query + 1, url.size()));
  if (absl::Status status = ParseParameters(parameters, &options); !status.ok()) return status;
  return options;
}

}  // namespace

absl::StatusOr<MySqlOptions> ParseMySqlUrl(std::string_view url) {
  try {
    return Parse(url);
  } catch (const std::exception&) {
    return OutOfMemory();
  }
}

}  // namespace strata
