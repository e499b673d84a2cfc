// Passwords from files: a password file, or the [client] section of an option file as MySQL's own
// clients read it (name=value lines, - and _ alike, # and ; comments, quotes, backslash escapes).
//
// Neither the connector's readDefaultFile nor the client library's is used: they would take
// everything else in the file too, and could not be told what the URL has settled already.
#include <strata/mysql_source.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

#include "loader/message_text.h"
#include "loader/mysql_words.h"
#include "loader/view.h"

namespace strata {
namespace {

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, const char* what) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  try {
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.is_open()) return text;
  } catch (const std::ios_base::failure&) {  // a folder, say
  }
  const int error = errno;
  const std::string message =
      absl::StrCat(what, " ", QuoteForMessage(path), " cannot be read: ", ErrnoText(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES) return absl::PermissionDeniedError(message);
  return absl::InvalidArgumentError(message);
}

// The value behind the equals sign: without its comment, its quotes and its escapes.
std::string OptionValue(absl::string_view text) {
  std::string out;
  char quote = 0;
  text = absl::StripAsciiWhitespace(text);
  std::size_t kept = 0;  // what must survive the stripping of trailing white space
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      constexpr absl::string_view kEscapes = "btnrs";
      constexpr absl::string_view kMeanings = "\b\t\n\r ";
      const std::size_t found = kEscapes.find(text[i + 1]);
      if (found != absl::string_view::npos) {
        out.push_back(kMeanings[found]);
      } else {
        if (text[i + 1] != '\\' && text[i + 1] != '"' && text[i + 1] != '\'') out.push_back(c);
        out.push_back(text[i + 1]);
      }
      ++i;
      kept = out.size();
    } else if (quote == 0 && c == '#') {
      break;
    } else if (quote == 0 && i == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (quote != 0 && c == quote) {
      return out;
    } else {
      out.push_back(c);
      if (!absl::ascii_isspace(static_cast<unsigned char>(c)) || quote != 0) kept = out.size();
    }
  }
  out.resize(kept);
  return out;
}

bool MeansOn(const std::string& value) {
  const std::string lower = absl::AsciiStrToLower(value);
  return lower != "0" && lower != "off" && lower != "false";
}

// What the [client] section says; an empty string is not said.
struct ClientSection {
  std::string user, host, port, socket, ssl_ca, ssl_mode;
  bool ssl = false;
  std::optional<bool> verify;
  std::optional<std::string> password;

  void Set(const std::string& name, const std::string& value, bool has_value) {
    if (name == "user") user = value;
    if (name == "password") password = value;
    if (name == "host") host = value;
    if (name == "port") port = value;
    if (name == "socket") socket = value;
    if (name == "ssl-ca") ssl_ca = value;
    if (name == "ssl-mode") ssl_mode = absl::AsciiStrToUpper(value);
    // MariaDB's words for the same.
    const bool on = !has_value || MeansOn(value);
    if (name == "ssl") ssl = on;
    if (name == "ssl-verify-server-cert") verify = on;
  }
};

// The mode in MySQL's word, by either's; empty where nothing is said.
std::string SslModeIn(const ClientSection& section) {
  if (section.verify.value_or(false)) return "VERIFY_IDENTITY";
  if (!section.ssl_mode.empty()) return section.ssl_mode;
  if (section.ssl) return "REQUIRED";
  return section.verify ? "PREFERRED" : "";  // not to be verified, it says
}

ClientSection ReadClientSection(const std::string& text) {
  ClientSection section;
  bool inside = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#' || line[0] == ';' || line[0] == '!') continue;
    if (line[0] == '[') {
      inside = absl::StripAsciiWhitespace(line.substr(0, line.find(']') + 1)) == "[client]";
      continue;
    }
    if (!inside) continue;
    const std::size_t equals = line.find('=');
    const bool has_value = equals != absl::string_view::npos;
    const std::string name = absl::StrReplaceAll(
        absl::StripAsciiWhitespace(line.substr(0, has_value ? equals : line.find('#'))),
        {{"_", "-"}});
    section.Set(name, has_value ? OptionValue(line.substr(equals + 1)) : "", has_value);
  }
  return section;
}

absl::Status ApplySection(const ClientSection& section, const std::string& path,
                          MySqlOptions* options) {
  if (section.password && options->password.empty()) options->password = *section.password;
  if (options->user.empty()) options->user = section.user;
  if (!options->host_given && options->socket.empty()) {
    if (!section.host.empty()) options->host = section.host;
    options->socket = section.socket;
    unsigned port = 0;
    if (!section.port.empty()) {
      if (!absl::SimpleAtoi(section.port, &port) || port == 0 || port > 65535) {
        return absl::InvalidArgumentError(absl::StrCat("defaults file ", QuoteForMessage(path),
                                                       ": port is no number from 1 to 65535; "
                                                       "correct it"));
      }
      options->port = static_cast<std::uint16_t>(port);
    }
  }
  if (options->ssl_ca.empty()) options->ssl_ca = section.ssl_ca;
  const std::string ssl_mode = SslModeIn(section);
  if (options->ssl_mode_given || ssl_mode.empty()) return absl::OkStatus();
  const std::optional<MySqlSslMode> mode = mysql::SslModeOf(ssl_mode);
  if (!mode) {
    return absl::InvalidArgumentError(absl::StrCat("defaults file ", QuoteForMessage(path),
                                                   ": ssl-mode is unknown; ",
                                                   View(mysql::kSslModeFix)));
  }
  options->ssl_mode = *mode;
  options->ssl_mode_given = true;
  return absl::OkStatus();
}

absl::Status Apply(const MySqlCredentials& credentials, MySqlOptions* options) {
  if (!options->password_file.empty()) {
    absl::StatusOr<std::string> text = ReadSmallFile(options->password_file, "password file");
    if (!text.ok()) return text.status();
    options->password = text->substr(0, text->find('\n'));
    if (!options->password.empty() && options->password.back() == '\r') {
      options->password.pop_back();
    }
  }
  if (!credentials.defaults_file.empty()) {
    absl::StatusOr<std::string> text = ReadSmallFile(credentials.defaults_file, "defaults file");
    if (!text.ok()) return text.status();
    absl::Status applied =
        ApplySection(ReadClientSection(*text), credentials.defaults_file, options);
    if (!applied.ok()) return applied;
  }
  if (options->password.empty() && credentials.env_password) {
    options->password = *credentials.env_password;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckMySqlOptions(const MySqlOptions& options) {
  try {
    if (options.user.empty()) {
      return absl::InvalidArgumentError(
          "MySQL: no user is named; write mysql://USER@HOST/DATABASE, or give user= in the "
          "[client] "
          "section of a --defaults-file");
    }
    if ((options.ssl_mode == MySqlSslMode::kVerifyCa ||
         options.ssl_mode == MySqlSslMode::kVerifyIdentity) &&
        options.ssl_ca.empty()) {
      // A file's ssl_ca may come from the --defaults-file: only here is it known to be missing.
      const std::string& place = options.ssl_mode_place;
      return absl::InvalidArgumentError(
          absl::StrCat(place.empty() ? "MySQL" : place,
                       ": ssl_mode VERIFY_CA and VERIFY_IDENTITY need the authorities' file; add ",
                       place.empty() ? "ssl_ca=FILE" : "ssl_ca = \"FILE\" to [connection]"));
    }
    return absl::OkStatus();
  } catch (const std::exception&) {
    return OutOfMemory();
  }
}

absl::Status ApplyMySqlCredentials(const MySqlCredentials& credentials, MySqlOptions* options) {
  try {
    return Apply(credentials, options);
  } catch (const std::exception&) {
    return OutOfMemory();
  }
}

}  // namespace strata
