// What every layout in cache/ refuses, in the same words.
#ifndef STRATA_CACHE_WRITE_CHECKS_H_
#define STRATA_CACHE_WRITE_CHECKS_H_

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"

#include <strata/record.h>

namespace strata {

/// A string is shorter than this.
inline constexpr std::size_t kMaxStringBytes = std::size_t{1} << 32;

/// InvalidArgument where a string is too long.
absl::Status CheckLengths(std::string_view outer, std::string_view inner, RecordView pairs);

/// Editing a record of an entry that is not there: NotFound.
absl::Status NoSuchEntry();
/// Editing a record past the end of a list: OutOfRange.
absl::Status NoSuchRecord(std::size_t index, std::size_t size);

/// ResourceExhausted, saying `what` if there is memory to say it: a status without a message takes
/// none.
absl::Status NoMemory(const char* what) noexcept;

}  // namespace strata

#endif  // STRATA_CACHE_WRITE_CHECKS_H_
