// Passwords kept out of messages.
//
// A password does not belong on a command line, and a call that has one is refused; but a message
// is kept longer than a command line (terminals' scrollback, logs of CI), so what it repeats of the
// words is masked: whatever stands between ':' and '@', as in mysql://u:PASSWORD@h, and the value
// of password=, passwd= and pwd=. Rather too much than too little: a key of that form is masked,
// too.
//
// Threads: pure functions.
#ifndef STRATA_CLI_SECRETS_H_
#define STRATA_CLI_SECRETS_H_

#include <span>
#include <string>
#include <string_view>

namespace strata::cli {

/// `message` with what may be a password in it replaced by "***". `words` are those of the call:
/// in them a password may hold white space, elsewhere it ends there.
std::string MaskSecrets(std::string_view message, std::span<const std::string_view> words);

}  // namespace strata::cli

#endif  // STRATA_CLI_SECRETS_H_
