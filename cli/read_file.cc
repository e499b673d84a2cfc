#include "cli/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

#include "accounting/unique_fd.h"
#include "loader/message_text.h"

namespace strata::cli {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 20;

absl::Status Failure(const std::string& path, int error) {
  const std::string message = absl::StrFormat("%s: cannot be read: %s", path, ErrnoText(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  UniqueFd file;
  if (path != "-") {
    file = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return Failure(path, errno);
  }
  std::string bytes;
  std::array<char, 1 << 16> block;
  while (true) {
    const ssize_t size = read(path == "-" ? STDIN_FILENO : file.get(), block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Failure(path, errno);
    if (size == 0) return bytes;
    bytes.append(block.data(), static_cast<std::size_t>(size));
    if (bytes.size() > kMostBytes) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: more than 64 MiB: no document that this verb reads", path));
    }
  }
}

}  // namespace strata::cli
