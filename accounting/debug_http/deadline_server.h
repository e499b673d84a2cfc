// The HTTP library's reading of requests and writing of answers, over connections of our own: the
// library's limits are between bytes (a client that sends one every 4 s would hold a thread for
// hours), ours are on what a connection may take in all. Of what a client may ask of HTTP it
// ignores what would let a few bytes cost much: ranges (thousands of them, each answered with all
// of a page) and compression (brotli at its best).
//
// Threads: as httplib::Server's, whose bind_to_port comes before Begin; `listen` is not for use.
#ifndef STRATA_ACCOUNTING_DEBUG_HTTP_DEADLINE_SERVER_H_
#define STRATA_ACCOUNTING_DEBUG_HTTP_DEADLINE_SERVER_H_

#include <memory>
#include <optional>
#include <string>

#include "accounting/debug_http/connection_loop.h"
#include "httplib.h"

namespace strata {

class DeadlineServer final : public httplib::Server {
 public:
  DeadlineServer();
  /// As End.
  ~DeadlineServer() override;

  /// For handlers: answers 200 with `body`, which is sent as it is and not copied.
  static void SetBody(std::shared_ptr<const std::string> body, const char* type,
                      httplib::Response& response);

  /// Whether the address that is bound is one that only this machine reaches. Before Begin.
  bool IsOnLoopback() const;
  /// Answers on the address that is bound. Throws std::system_error where there are no threads.
  void Begin();
  /// Ends every connection, and waits for handlers that are running.
  void End();

 private:
  // Empty where the library has none, or there is no memory for it.
  ConnectionLoop::Message AnswerTo(const std::string& request);

  std::optional<ConnectionLoop> connections_;
};

}  // namespace strata

#endif  // STRATA_ACCOUNTING_DEBUG_HTTP_DEADLINE_SERVER_H_
