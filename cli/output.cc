#include "cli/output.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/exit_status.h"
#include "cli/interrupt.h"

namespace strata::cli {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Follows symbolic links, also one whose file does not exist yet.
absl::Status ResolveLinks(const std::string& path, std::string* resolved) {
  constexpr int kMostLinks = 40;  // as the kernel
  std::filesystem::path at = path;
  for (int links = 0; links < kMostLinks; ++links) {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::read_symlink(at, error);
    if (error) {  // it is no link, or nothing is there
      *resolved = at.string();
      return absl::OkStatus();
    }
    at = at.parent_path() / target;  // an absolute target replaces the folder
  }
  return SystemError(absl::StrCat(path, ": cannot be resolved"), ELOOP);
}

mode_t DefaultMode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Output>> Output::Open(const std::optional<std::string>& path) {
  std::unique_ptr<Output> output(new Output);
  if (path.has_value() && path->empty()) {
    return UsageError("the name of the file to write is empty: name one, or - for standard output");
  }
  if (!path.has_value() || path == "-") {
    output->shown_name_ = "standard output";
    output->fd_ = STDOUT_FILENO;
    return output;
  }
  output->shown_name_ = *path;
  if (absl::Status status = output->OpenFile(*path); !status.ok()) return status;
  return output;
}

absl::StatusOr<std::unique_ptr<Output>> Output::OpenJson(const std::optional<std::string>& path) {
  if (path.has_value() && (path->ends_with(".gz") || path->ends_with(".zst"))) {
    return UsageError(absl::StrFormat(
        "%s: JSON is written unpacked, and such a name is read as packed: write to - and pack that "
        "with %s",
        *path, path->ends_with(".gz") ? "gzip" : "zstd"));
  }
  if (path.has_value() && path->ends_with(".strata")) {
    return UsageError(absl::StrFormat(
        "%s: JSON is written, and such a name is read as a saved cache: name it .json", *path));
  }
  return Open(path);
}

absl::Status Output::OpenFile(const std::string& path) {
  owns_fd_ = true;
  struct stat existing = {};
  const bool exists = stat(path.c_str(), &existing) == 0;
  if (exists && S_ISDIR(existing.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: is a folder: name a file in it", path));
  }
  if (exists && !S_ISREG(existing.st_mode)) {
    fd_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    return fd_ >= 0 ? absl::OkStatus()
                    : SystemError(absl::StrCat(path, ": cannot be written"), errno);
  }
  if (exists && access(path.c_str(), W_OK) != 0) {
    return SystemError(absl::StrCat(path, ": cannot be replaced"), errno);
  }
  if (absl::Status status = ResolveLinks(path, &path_); !status.ok()) return status;
  const mode_t mode = exists ? existing.st_mode & 07777 : DefaultMode();
  const std::string folder = FolderOf(path_);
  fd_ = open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  nameless_ = fd_ >= 0;
  if (!nameless_) {
    if (absl::Status status = MakeTemporary(folder); !status.ok()) return status;
  }
  if (fchmod(fd_, mode) != 0) return SystemError(absl::StrCat(path, ": mode not set"), errno);
  return absl::OkStatus();
}

absl::Status Output::MakeTemporary(const std::string& folder) {
  const InterruptsHeld held;
  temporary_path_ = absl::StrCat(folder, "/.strata-XXXXXX");
  fd_ = mkostemp(temporary_path_.data(), O_CLOEXEC);
  if (fd_ < 0) {
    temporary_path_.clear();
    return SystemError(absl::StrCat(shown_name_, ": no file can be made in its folder"), errno);
  }
  SetTemporaryFileToRemove(temporary_path_);
  return absl::OkStatus();
}

Output::~Output() {
  if (owns_fd_ && fd_ >= 0) close(fd_);
  if (!temporary_path_.empty()) unlink(temporary_path_.c_str());
  if (owns_fd_) SetTemporaryFileToRemove("");
}

absl::Status Output::Write(std::string_view bytes) {
  if (buffer_.size() + bytes.size() < kBufferBytes) {
    buffer_.append(bytes);
    return absl::OkStatus();
  }
  if (absl::Status status = Flush(); !status.ok()) return status;
  return WriteOut(bytes);
}

absl::Status Output::Flush() {
  absl::Status status = WriteOut(buffer_);
  buffer_.clear();
  return status;
}

absl::Status Output::WriteOut(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError(absl::StrCat(shown_name_, ": could not be written to the end"), errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status Output::Commit() {
  if (absl::Status status = Flush(); !status.ok()) return status;
  if (!owns_fd_) return absl::OkStatus();
  // A full disk may show only here, and a rename may not overtake the data.
  if (!path_.empty() && fdatasync(fd_) != 0) {
    return SystemError(absl::StrCat(shown_name_, ": could not be written to the end"), errno);
  }
  if (!path_.empty()) {
    if (absl::Status status = TakeName(); !status.ok()) return status;
  }
  const int fd = fd_;
  fd_ = -1;
  if (close(fd) != 0) return SystemError(absl::StrCat(shown_name_, ": close"), errno);
  return absl::OkStatus();
}

// linkat cannot replace a file, so a nameless one gets its name in two steps.
absl::Status Output::LinkTemporary() {
  const std::string self = absl::StrCat("/proc/self/fd/", fd_);
  int error = EEXIST;
  for (int attempt = 0; attempt < 100 && error == EEXIST; ++attempt) {
    std::string name = absl::StrFormat("%s/.strata-%d-%d", FolderOf(path_), getpid(), attempt);
    const InterruptsHeld held;
    error =
        linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
    if (error != 0) continue;
    temporary_path_ = std::move(name);
    SetTemporaryFileToRemove(temporary_path_);
  }
  if (error == 0) return absl::OkStatus();
  return SystemError(absl::StrCat(shown_name_, ": no name given"), error);
}

absl::Status Output::TakeName() {
  if (nameless_) {
    if (absl::Status status = LinkTemporary(); !status.ok()) return status;
  }
  const InterruptsHeld held;
  if (rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    return SystemError(absl::StrCat(shown_name_, ": could not be replaced"), errno);
  }
  SetTemporaryFileToRemove("");
  temporary_path_.clear();
  return absl::OkStatus();
}

}  // namespace strata::cli
