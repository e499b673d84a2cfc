// Values that the URL and the FILE.toml of a MySQL source have in common. Each gives nothing where
// the text is none; its caller knows how to say so.
//
// Threads: plain functions.
#ifndef STRATA_LOADER_MYSQL_WORDS_H_
#define STRATA_LOADER_MYSQL_WORDS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include <strata/mysql_source.h>

namespace strata::mysql {

/// "10s", "2m", "500ms", from 1ms to 24 hours, in seconds, rounded up: the client library knows
/// whole ones.
std::optional<unsigned> SecondsOf(std::string_view text);
/// As MySQL's own clients spell it: "VERIFY_IDENTITY".
std::optional<MySqlSslMode> SslModeOf(std::string_view text);
/// A number from 1 to 65535.
std::optional<std::uint16_t> PortOf(std::string_view text);
/// Whether no character stands in it that no host's name or IPv4 address has. The connector reads
/// its own schemes out of a host's name: nothing like that may get through.
bool IsHostName(std::string_view text);
/// Whether it could be an IPv6 address.
bool IsIpv6(std::string_view text);

inline constexpr std::string_view kSecondsFix = "write it as 500ms, 10s or 2m";
inline constexpr std::string_view kSslModeFix =
    "it is one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY";

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_WORDS_H_
