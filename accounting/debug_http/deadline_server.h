// The HTTP library's server with a limit on what one connection may take: a request has a time to
// arrive and an answer a time to be taken, in all and not from byte to byte; one request of
// bounded length a connection; a fixed number of threads, and nothing queued without bound before
// them. Of what a client may ask of HTTP it ignores what would let a few bytes cost much: ranges
// (thousands of them, each answered with all of a page) and compression (brotli at its best).
//
// Threads: as httplib::Server's; EndConnections from any.
#ifndef STRATA_ACCOUNTING_DEBUG_HTTP_DEADLINE_SERVER_H_
#define STRATA_ACCOUNTING_DEBUG_HTTP_DEADLINE_SERVER_H_

#include <chrono>
#include <memory>
#include <mutex>
#include <set>

#include "httplib.h"

namespace strata {

class DeadlineServer final : public httplib::Server {
 public:
  static constexpr std::chrono::milliseconds kRequestTime{2000};
  static constexpr std::chrono::milliseconds kAnswerTime{10'000};
  /// A request that is longer is not read to its end.
  static constexpr std::size_t kMaxRequestBytes = std::size_t{16} << 10;
  static constexpr std::size_t kThreads = 8;
  /// Connections that wait for a thread; the next ones wait in the kernel.
  static constexpr std::size_t kMaxWaiting = 16;

  /// Throws std::system_error where there are no threads to be had.
  DeadlineServer();
  ~DeadlineServer() override;

  /// Ends what is open now and whatever comes after.
  void EndConnections();

 private:
  bool process_and_close_socket(socket_t socket) override;

  std::unique_ptr<httplib::TaskQueue> queue_;  // until the library takes it
  std::mutex mutex_;
  std::set<socket_t> open_;
  bool ended_ = false;
};

}  // namespace strata

#endif  // STRATA_ACCOUNTING_DEBUG_HTTP_DEADLINE_SERVER_H_
