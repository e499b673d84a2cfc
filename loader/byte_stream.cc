#include "loader/byte_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "loader/message_text.h"

namespace strata {
namespace {

absl::Status SystemError(const std::string& name, const char* action, int error) {
  return absl::Status(absl::ErrnoToStatusCode(error),
                      absl::StrCat(EscapeForMessage(name, kLongMessageTextBytes), ": cannot ",
                                   action, ": ", ErrnoText(error)));
}

class FdStream final : public ByteStream {
 public:
  FdStream(int fd, bool owned, std::string name) : fd_(fd), owned_(owned), name_(std::move(name)) {
    struct stat info;
    if (fstat(fd_, &info) == 0 && S_ISREG(info.st_mode)) {
      total_ = static_cast<std::uint64_t>(info.st_size);
    }
  }
  FdStream(const FdStream&) = delete;
  FdStream& operator=(const FdStream&) = delete;
  ~FdStream() override {
    if (owned_) close(fd_);
  }

  absl::StatusOr<std::size_t> Read(std::span<char> out) override {
    while (true) {
      const ssize_t got = read(fd_, out.data(), out.size());
      if (got >= 0) {
        read_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) {  // a terminal or pipe left non-blocking
        pollfd wait{fd_, POLLIN, 0};
        if (poll(&wait, 1, -1) >= 0 || errno == EINTR) continue;
      }
      if (errno != EINTR) return SystemError(name_, "read", errno);
    }
  }
  std::uint64_t bytes_read() const override { return read_; }
  std::uint64_t bytes_total() const override { return total_; }

 private:
  const int fd_;
  const bool owned_;
  const std::string name_;
  std::uint64_t read_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

Packing PackingOf(std::string_view path) {
  if (path.ends_with(".gz")) return Packing::kGzip;
  if (path.ends_with(".zst")) return Packing::kZstd;
  return Packing::kNone;
}

absl::StatusOr<std::unique_ptr<ByteStream>> OpenFileStream(const std::string& path) {
  std::string name = path;  // before the file is open: a failed allocation leaves none behind
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "open", errno);
  struct stat info;
  if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    close(fd);
    return SystemError(path, "read", EISDIR);
  }
  std::unique_ptr<ByteStream> file(new (std::nothrow) FdStream(fd, true, std::move(name)));
  if (file == nullptr) {
    close(fd);
    return OutOfMemory();
  }
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  const Packing packing = PackingOf(path);
  if (packing == Packing::kNone) return file;
  return Unpack(std::move(file), packing, path);
}

std::unique_ptr<ByteStream> MakeFdStream(int fd, std::string name) {
  return std::make_unique<FdStream>(fd, false, std::move(name));
}

}  // namespace strata
