// A file read whole: for documents of a few kilobytes that a verb is given beside its SOURCE.
//
// Threads: safe from any.
#ifndef STRATA_CLI_READ_FILE_H_
#define STRATA_CLI_READ_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace strata::cli {

/// The bytes of the file `path`, of standard input for "-". NotFound and others name the file;
/// InvalidArgument: it is larger than 64 MiB, so no such document.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

}  // namespace strata::cli

#endif  // STRATA_CLI_READ_FILE_H_
