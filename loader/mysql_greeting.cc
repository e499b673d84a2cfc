#include "loader/mysql_greeting.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace strata::mysql {
namespace {

using Clock = std::chrono::steady_clock;

class Connection {
 public:
  Connection(const addrinfo& address, Clock::time_point end) : end_(end) {
    fd_ = socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) {
      error_ = errno;
      return;
    }
    if (connect(fd_, address.ai_addr, address.ai_addrlen) == 0) return;
    if (errno != EINPROGRESS) {
      error_ = errno;
      return;
    }
    if (!Wait(POLLOUT)) return;
    socklen_t size = sizeof error_;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_, &size);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }

  /// 0 while all is well.
  int error() const { return error_; }

  /// As many bytes; fewer where there is an error.
  std::string Read(std::size_t count) {
    std::string bytes(count, '\0');
    std::size_t have = 0;
    while (have < count && error_ == 0 && Wait(POLLIN)) {
      const ssize_t got = recv(fd_, bytes.data() + have, count - have, 0);
      if (got > 0) {
        have += static_cast<std::size_t>(got);
      } else if (got == 0) {
        error_ = ECONNRESET;
      } else if (errno != EAGAIN && errno != EINTR) {
        error_ = errno;
      }
    }
    bytes.resize(have);
    return bytes;
  }

 private:
  bool Wait(short events) {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()).count();
      pollfd ready = {fd_, events, 0};
      const int found = left > 0 ? poll(&ready, 1, static_cast<int>(left)) : 0;
      if (found > 0) return true;
      if (found < 0 && errno == EINTR) continue;
      error_ = found < 0 ? errno : ETIMEDOUT;
      return false;
    }
  }

  const Clock::time_point end_;
  int fd_ = -1;
  int error_ = 0;
};

// The first packet's bytes: three of its size, its number, then so many.
std::string ReadGreeting(Connection* connection) {
  constexpr std::size_t kMostBytes = 4096;
  const std::string head = connection->Read(4);
  if (head.size() < 4) return std::string();
  const auto byte = [&head](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(head[i]));
  };
  return connection->Read(std::min(byte(0) | byte(1) << 8 | byte(2) << 16, kMostBytes));
}

}  // namespace

bool GreetingOffersTls(std::string_view greeting) {
  constexpr std::size_t kBehindVersion = 4 + 8 + 1;  // connection, half of the nonce, a zero
  constexpr unsigned kTlsOfHighByte = 0x08;          // CLIENT_SSL, 0x800
  if (greeting.empty()) return false;
  const std::size_t version_end = greeting.find('\0', 1);
  if (version_end == std::string_view::npos) return false;
  const std::size_t high_byte = version_end + 1 + kBehindVersion + 1;
  return high_byte < greeting.size() &&
         (static_cast<unsigned char>(greeting[high_byte]) & kTlsOfHighByte) != 0;
}

absl::StatusOr<bool> OffersTls(const std::string& host, std::uint16_t port,
                               std::chrono::milliseconds timeout) {
  constexpr char kError = '\xff';
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) return absl::UnavailableError(gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  std::string why = "no address";
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Connection connection(*address, Clock::now() + timeout);
    const std::string greeting = ReadGreeting(&connection);
    if (connection.error() == 0) return greeting.starts_with(kError) || GreetingOffersTls(greeting);
    why = std::strerror(connection.error());
  }
  return absl::UnavailableError(why);
}

}  // namespace strata::mysql
