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
#include <thread>

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

  void EndWithin(Clock::duration time) { end_ = std::min(end_, Clock::now() + time); }

  void Send(std::string_view bytes) {
    // So few find room at once, or the connection is of no use.
    if (send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) error_ = errno;
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

  Clock::time_point end_;
  int fd_ = -1;
  int error_ = 0;
};

// A packet's bytes: behind a head of three of its size and one of its number.
std::string ReadPacket(Connection* connection) {
  constexpr std::size_t kMostBytes = 4096;
  const std::string head = connection->Read(4);
  if (head.size() < 4) return std::string();
  const auto byte = [&head](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(head[i]));
  };
  return connection->Read(std::min(byte(0) | byte(1) << 8 | byte(2) << 16, kMostBytes));
}

// Logs nobody in, and out where nobody may: by protocol 4.1 with secure connection and plugins, so
// that every server understands it.
void EndPolitely(Connection* connection) {
  using std::string_view_literals::operator""sv;
  constexpr char kSwitch = '\xfe';
  constexpr std::string_view kNobody =
      "\x38\0\0\1"                // 56 bytes, packet 1
      "\0\x82\x08\0\0\0\0\1\x2d"  // CLIENT_PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH; 16 MiB
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
      "\0\0"  // no name, no answer
      "mysql_native_password\0"sv;
  static_assert(kNobody.size() == 4 + 56);
  // Some servers let who is refused wait; what there was to learn is known.
  connection->EndWithin(std::chrono::seconds(1));
  connection->Send(kNobody);
  std::string answer = ReadPacket(connection);
  if (answer.starts_with(kSwitch)) {
    connection->Send("\0\0\0\3"sv);
    answer = ReadPacket(connection);
  }
  if (answer.starts_with('\0')) connection->Send("\1\0\0\0\1"sv);  // COM_QUIT
}

std::string NumbersOf(const addrinfo& address) {
  char numbers[NI_MAXHOST];
  const int failed = getnameinfo(address.ai_addr, address.ai_addrlen, numbers, sizeof numbers,
                                 nullptr, 0, NI_NUMERICHOST);
  return failed == 0 ? numbers : std::string();
}

// As the client's library: a name that cannot be looked up now is looked up again.
int LookUp(const std::string& host, std::uint16_t port, Clock::time_point end, addrinfo** found) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  while (true) {
    const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, found);
    if (failed != EAI_AGAIN || Clock::now() >= end) return failed;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

bool ParseGreeting(std::string_view packet, Greeting* greeting) {
  constexpr char kVersion10 = '\x0a';
  constexpr char kError = '\xff';
  constexpr std::size_t kBehindVersion = 4 + 8 + 1;  // connection, half of the nonce, a zero
  constexpr unsigned kTlsOfHighByte = 0x08;          // CLIENT_SSL, 0x800
  const auto byte = [packet](std::size_t i) { return static_cast<unsigned char>(packet[i]); };
  if (packet.starts_with(kError)) {
    constexpr std::size_t kText = 3;      // the number is before it
    constexpr std::size_t kSqlState = 6;  // with '#' before it
    const bool has_state = packet.size() > kText && packet[kText] == '#';
    const std::size_t text = has_state ? kText + kSqlState : kText;
    if (packet.size() < text) return false;
    greeting->error = byte(1) | byte(2) << 8;
    greeting->error_text = std::string(packet.substr(text));
    return true;
  }
  if (!packet.starts_with(kVersion10)) return false;
  const std::size_t version_end = packet.find('\0');
  if (version_end == std::string_view::npos) return false;
  const std::size_t high_byte = version_end + 1 + kBehindVersion + 1;
  if (high_byte >= packet.size()) return false;
  greeting->offers_tls = (byte(high_byte) & kTlsOfHighByte) != 0;
  return true;
}

absl::StatusOr<Greeting> ReadGreeting(const std::string& host, std::uint16_t port,
                                      std::chrono::milliseconds timeout) {
  timeout = std::min<std::chrono::milliseconds>(timeout, std::chrono::hours(1));
  addrinfo* found = nullptr;
  const int failed = LookUp(host, port, Clock::now() + timeout, &found);
  if (failed != 0) return absl::UnavailableError(gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  std::string why;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Connection connection(*address, Clock::now() + timeout);
    const std::string packet = ReadPacket(&connection);
    Greeting greeting;
    greeting.address = NumbersOf(*address);
    if (ParseGreeting(packet, &greeting)) {
      if (greeting.error == 0) EndPolitely(&connection);
      return greeting;
    }
    why = connection.error() != 0 ? std::strerror(connection.error()) : "no MySQL server answers";
  }
  return absl::UnavailableError(why);
}

}  // namespace strata::mysql
