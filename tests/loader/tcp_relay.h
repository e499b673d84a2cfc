// A TCP port of 127.0.0.1 behind which a server on a Unix socket stands, so that tests have a host
// name to check without a port of the server's own; and what a man in the middle sees and does.
//
// Threads: one of its own for each connection; the calls may come from any.
#ifndef STRATA_TESTS_LOADER_TCP_RELAY_H_
#define STRATA_TESTS_LOADER_TCP_RELAY_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace strata {

class TcpRelay {
 public:
  /// `hide_tls`: the server's greeting is handed on without the bit that offers TLS, as a server
  /// without TLS (or someone on the way) would send it.
  /// `rewrite`: the first text is replaced by the second, of the same length, in what the client
  /// sends, as a proxy would that knows better.
  TcpRelay(std::string server_socket, bool hide_tls,
           std::pair<std::string, std::string> rewrite = {});
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;
  /// Ends all connections.
  ~TcpRelay();

  /// Of connections that are made from now on.
  void SetHideTls(bool hide_tls) { hide_tls_ = hide_tls; }

  /// 0 where no port could be had.
  std::uint16_t port() const { return port_; }
  /// All bytes that went from client to server so far.
  std::string client_bytes() const;

 private:
  void Accept();
  void Relay(int client);

  const std::string server_socket_;
  std::atomic<bool> hide_tls_;
  const std::pair<std::string, std::string> rewrite_;
  int listener_ = -1;
  int stop_read_ = -1;  // a pipe: closing the other end is readable for every poll
  int stop_write_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::string client_bytes_;         // under mutex_
  std::vector<std::thread> relays_;  // of the accepting thread, until it ends
  std::thread accepting_;
};

}  // namespace strata

#endif  // STRATA_TESTS_LOADER_TCP_RELAY_H_
