#include "accounting/debug_http/deadline_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

namespace strata {
namespace {

// What the handler that runs on this thread answers with, if it called SetBody.
thread_local std::shared_ptr<const std::string> body_now;

// A request that has arrived, and the answer to it.
class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view request) : request_(request) {}

  bool is_readable() const override { return !request_.empty(); }
  bool is_writable() const override { return true; }

  ssize_t read(char* to, std::size_t size) override {
    const std::size_t given = request_.copy(to, size);
    request_.remove_prefix(given);
    return static_cast<ssize_t>(given);
  }

  ssize_t write(const char* from, std::size_t size) override {
    if (!IsOfBody(from)) head_.append(from, size);
    return static_cast<ssize_t>(size);
  }

  // Nobody asks who it is that asks.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }

  // The answer but for a body that was set.
  std::string TakeHead() { return std::move(head_); }

 private:
  static bool IsOfBody(const char* from) {
    return body_now && from >= body_now->data() && from < body_now->data() + body_now->size();
  }

  std::string_view request_;
  std::string head_;
};

}  // namespace

DeadlineServer::DeadlineServer() {
  // Not the library's SO_REUSEPORT, by which two processes would share an address unnoticed.
  set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
}

DeadlineServer::~DeadlineServer() {
  End();
  const socket_t bound = svr_sock_.exchange(INVALID_SOCKET);
  if (bound != INVALID_SOCKET) ::close(bound);
}

bool DeadlineServer::IsOnLoopback() const {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  if (getsockname(svr_sock_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return false;
  if (bound.ss_family == AF_INET6) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(bound).sin6_addr);
  }
  constexpr in_addr_t kLoopbackNet = 127;
  const auto& address = reinterpret_cast<const sockaddr_in&>(bound).sin_addr;
  return bound.ss_family == AF_INET && ntohl(address.s_addr) >> 24 == kLoopbackNet;
}

void DeadlineServer::SetBody(std::shared_ptr<const std::string> body, const char* type,
                             httplib::Response& response) {
  if (body->empty()) return response.set_content("", type);
  response.status = 200;
  body_now = body;
  // The library writes its length. It asks for no bytes, for to it this server has ended: Begin has
  // taken its socket.
  response.set_content_provider(
      body->size(), type, [body](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        return sink.write(body->data() + offset, length);
      });
}

void DeadlineServer::Begin() {
  connections_.emplace(svr_sock_.exchange(INVALID_SOCKET),
                       [this](const std::string& request) { return AnswerTo(request); });
}

void DeadlineServer::End() { connections_.reset(); }

ConnectionLoop::Message DeadlineServer::AnswerTo(const std::string& request) {
  try {
    MemoryStream stream(request);
    bool closed = false;
    process_request(stream, true, closed, [](httplib::Request& wanted) {
      wanted.ranges.clear();
      wanted.headers.erase("Accept-Encoding");
    });
    return {.head = stream.TakeHead(), .body = std::exchange(body_now, nullptr)};
  } catch (const std::exception&) {
    body_now.reset();
    return {};
  }
}

}  // namespace strata
