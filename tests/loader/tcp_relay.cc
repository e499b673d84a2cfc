#include "tests/loader/tcp_relay.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace strata {
namespace {

bool SendAll(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// The greeting: 4 bytes of packet head, protocol 10, the version with a zero byte, 4 of thread, 8
// of salt, a zero byte, then the lower capabilities, of which bit 11 offers TLS.
void HideTls(char* greeting, std::size_t size) {
  constexpr std::size_t kVersion = 5;
  const void* end =
      size > kVersion ? std::memchr(greeting + kVersion, 0, size - kVersion) : nullptr;
  if (end == nullptr) return;
  const std::size_t capabilities =
      static_cast<std::size_t>(static_cast<const char*>(end) - greeting) + 1 + 4 + 8 + 1;
  if (capabilities + 1 >= size) return;
  greeting[capabilities + 1] = static_cast<char>(greeting[capabilities + 1] & ~0x08);
}

void Rewrite(const std::pair<std::string, std::string>& rewrite, char* bytes, std::size_t size) {
  if (rewrite.first.empty()) return;
  const std::size_t at = std::string_view(bytes, size).find(rewrite.first);
  if (at == std::string_view::npos) return;
  std::memcpy(bytes + at, rewrite.second.data(), rewrite.second.size());
}

int ConnectTo(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server >= 0 && connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(server);
    return -1;
  }
  return server;
}

}  // namespace

TcpRelay::TcpRelay(std::string server_socket, bool hide_tls,
                   std::pair<std::string, std::string> rewrite)
    : server_socket_(std::move(server_socket)), hide_tls_(hide_tls), rewrite_(std::move(rewrite)) {
  int stop[2];
  if (pipe2(stop, O_CLOEXEC) != 0) return;
  stop_read_ = stop[0];
  stop_write_ = stop[1];
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 8) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return;
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { Accept(); });
}

TcpRelay::~TcpRelay() {
  if (stop_write_ >= 0) close(stop_write_);
  if (accepting_.joinable()) accepting_.join();
  for (std::thread& relay : relays_) relay.join();
  if (stop_read_ >= 0) close(stop_read_);
  if (listener_ >= 0) close(listener_);
}

std::string TcpRelay::client_bytes() const {
  const std::lock_guard lock(mutex_);
  return client_bytes_;
}

void TcpRelay::Accept() {
  while (true) {
    std::array<pollfd, 2> waits = {pollfd{stop_read_, POLLIN, 0}, pollfd{listener_, POLLIN, 0}};
    if (poll(waits.data(), waits.size(), -1) < 0 || waits[0].revents != 0) return;
    const int client = accept(listener_, nullptr, nullptr);
    if (client >= 0) relays_.emplace_back([this, client] { Relay(client); });
  }
}

void TcpRelay::Relay(int client) {
  const int server = ConnectTo(server_socket_);
  bool greeted = false;
  std::array<char, 1 << 16> bytes;
  while (server >= 0) {
    std::array<pollfd, 3> waits = {pollfd{stop_read_, POLLIN, 0}, pollfd{client, POLLIN, 0},
                                   pollfd{server, POLLIN, 0}};
    if (poll(waits.data(), waits.size(), -1) < 0 || waits[0].revents != 0) break;
    const bool from_client = waits[1].revents != 0;
    const ssize_t got = recv(from_client ? client : server, bytes.data(), bytes.size(), 0);
    if (got <= 0) break;
    const auto size = static_cast<std::size_t>(got);
    if (from_client) {
      Rewrite(rewrite_, bytes.data(), size);
      const std::lock_guard lock(mutex_);
      client_bytes_.append(bytes.data(), size);
    } else if (!std::exchange(greeted, true) && hide_tls_) {
      HideTls(bytes.data(), size);
    }
    if (!SendAll(from_client ? server : client, {bytes.data(), size})) break;
  }
  close(client);
  if (server >= 0) close(server);
}

}  // namespace strata
