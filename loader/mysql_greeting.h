// Whether a server offers TLS, asked of its greeting, before anybody logs in.
//
// libmariadb's caching_sha2_password sends the password as it is once TLS was asked for, whether or
// not the server has it: that a connection is plain text would be known only when the password has
// gone over it (seen with libmariadb 3.3.20 and MySQL 9.7).
//
// The connection is given up after the greeting. Servers count that as an error of the host's until
// the next login that succeeds, and block a host after max_connect_errors (100) of them in a row.
//
// Threads: a plain function, which blocks.
#ifndef STRATA_LOADER_MYSQL_GREETING_H_
#define STRATA_LOADER_MYSQL_GREETING_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace strata::mysql {

/// What the server at `host` says, waiting at most `timeout` for each of its addresses. One that
/// answers with an error instead counts as offering it: it lets nobody in. Unavailable: it cannot
/// be reached, or says nothing; the message says why, and not where.
absl::StatusOr<bool> OffersTls(const std::string& host, std::uint16_t port,
                               std::chrono::milliseconds timeout);

/// Of a greeting's bytes without the packet's head (MySQL, "Protocol::HandshakeV10"; MariaDB,
/// "Connection", Initial Handshake Packet). False where they are too few.
bool GreetingOffersTls(std::string_view greeting);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_GREETING_H_
