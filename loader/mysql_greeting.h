// What a server says before anybody logs in, and whether it offers TLS.
//
// libmariadb's caching_sha2_password sends the password as it is once TLS was asked for, whether or
// not the server has it: that a connection is plain text would be known only when the password has
// gone over it (seen with libmariadb 3.3.20 and MySQL 9.7).
//
// Who only read the greeting and left would be counted as an error of the host's, and the host
// blocked for all after max_connect_errors (100) of them. So the talk is brought to its end:
// nobody, an empty name without a password, logs in and is refused. Servers log that as access
// denied.
//
// Threads: plain functions; ReadGreeting blocks.
#ifndef STRATA_LOADER_MYSQL_GREETING_H_
#define STRATA_LOADER_MYSQL_GREETING_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace strata::mysql {

struct Greeting {
  std::string address;  ///< of the host's the one that answered, in numbers
  bool offers_tls = false;
  int error = 0;  ///< where it lets nobody in, why not
  std::string error_text;
};

/// What the server at `host` says, waiting at most `timeout`, and an hour, for each of its
/// addresses. Unavailable: it cannot be reached, or says nothing that is understood; the message
/// says why, and not where.
absl::StatusOr<Greeting> ReadGreeting(const std::string& host, std::uint16_t port,
                                      std::chrono::milliseconds timeout);

/// Of a packet's bytes without its head (MySQL, "Protocol::HandshakeV10", "ERR_Packet"; MariaDB,
/// "Connection", "ERR_Packet"), all but the address. False where it is neither or cut off.
bool ParseGreeting(std::string_view packet, Greeting* greeting);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_GREETING_H_
