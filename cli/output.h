// Where a verb writes: standard output, or a file that appears whole or not at all.
//
// Invariants: a regular file is written without a name in its folder (or under a temporary one,
// where the file system has no nameless files) and takes its name in Commit, replacing what was
// there; without Commit nothing remains. A device or pipe is written directly. A symbolic link is
// written through and stays. A file that is replaced keeps its mode; its owner becomes the user who
// runs the program, and its other hard links keep the old content.
//
// Threads: one.
#ifndef STRATA_CLI_OUTPUT_H_
#define STRATA_CLI_OUTPUT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace strata::cli {

class Output {
 public:
  /// The file `path`; standard output for none and "-". Fails where it cannot be written, before
  /// any work is done for it; an empty path is an error of the call's words.
  static absl::StatusOr<std::unique_ptr<Output>> Open(const std::optional<std::string>& path);
  /// The same for JSON, which is written unpacked. A name that SOURCE reads as packed or as a saved
  /// cache (.gz, .zst, .strata) is an error of the call's words, too.
  static absl::StatusOr<std::unique_ptr<Output>> OpenJson(const std::optional<std::string>& path);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();

  /// Buffered. An error (full disk, closed pipe) names the file and is final.
  absl::Status Write(std::string_view bytes);

  /// Writes what is buffered out and gives the file its name. To be called once, at the end.
  absl::Status Commit();

 private:
  Output() = default;
  absl::Status OpenFile(const std::string& path);
  absl::Status MakeTemporary(const std::string& folder);
  absl::Status Flush();
  absl::Status WriteOut(std::string_view bytes);
  absl::Status TakeName();
  absl::Status LinkTemporary();

  std::string shown_name_;
  std::string path_;            // of a regular file, symbolic links resolved
  std::string temporary_path_;  // while the file stands under a temporary name
  std::string buffer_;
  int fd_ = -1;
  bool owns_fd_ = false;
  bool nameless_ = false;
};

}  // namespace strata::cli

#endif  // STRATA_CLI_OUTPUT_H_
