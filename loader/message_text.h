// Content in messages: one line, of bounded length, whatever the bytes are.
//
// Threads: safe from any.
#ifndef STRATA_LOADER_MESSAGE_TEXT_H_
#define STRATA_LOADER_MESSAGE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace strata {

/// Bytes of content that a message shows of one string before it cuts.
inline constexpr std::size_t kMessageTextBytes = 64;
/// The same for names and pointers that the user gave.
inline constexpr std::size_t kLongMessageTextBytes = 4096;

/// `text` without control characters and invalid UTF-8 (both as \xNN), cut to about
/// `most_bytes` with "…" behind.
std::string EscapeForMessage(std::string_view text, std::size_t most_bytes = kMessageTextBytes);

/// The same between double quotes.
std::string QuoteForMessage(std::string_view text);

/// `key` as a segment of a JSON pointer in a message: "/" in front, ~ and / as ~0 and ~1.
std::string PointerSegment(std::string_view key);

/// `text` as one word of a shell's command line: in single quotes where it needs them.
std::string ShellWord(std::string_view text);

/// What errno `error` says and, of those that files meet, what to do about it: "No such file or
/// directory; check the name".
std::string ErrnoText(int error);

/// The ResourceExhausted of a failed allocation. Never throws: where there is not even memory for
/// its words it has none.
absl::Status OutOfMemory() noexcept;

}  // namespace strata

#endif  // STRATA_LOADER_MESSAGE_TEXT_H_
