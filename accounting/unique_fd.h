// A file descriptor that is closed when its owner goes.
//
// Threads: one.
#ifndef STRATA_ACCOUNTING_UNIQUE_FD_H_
#define STRATA_ACCOUNTING_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace strata {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() { Close(); }

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  /// -1 where it holds none.
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace strata

#endif  // STRATA_ACCOUNTING_UNIQUE_FD_H_
