#include "accounting/debug_http/deadline_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;

// A fixed number of threads before a queue that is never longer than kMaxWaiting: who accepts
// waits until there is room.
class BoundedQueue final : public httplib::TaskQueue {
 public:
  BoundedQueue() {
    try {
      for (std::size_t i = 0; i < DeadlineServer::kThreads; ++i) {
        threads_.emplace_back([this] { Work(); });
      }
    } catch (const std::system_error&) {
      shutdown();
      throw;
    }
  }
  ~BoundedQueue() override { shutdown(); }

  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return tasks_.size() < DeadlineServer::kMaxWaiting; });
    tasks_.push_back(std::move(task));
    work_.notify_one();
  }

  // What is queued is done first: each task owns a socket and closes it.
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void Work() {
    while (true) {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return done_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      room_.notify_one();
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable room_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  bool done_ = false;
};

// A connection whose reads end at one time and whose writes at another.
class DeadlineStream final : public httplib::Stream {
 public:
  explicit DeadlineStream(socket_t socket)
      : socket_(socket), request_end_(Clock::now() + DeadlineServer::kRequestTime) {}

  bool is_readable() const override { return Wait(POLLIN, request_end_); }
  bool is_writable() const override { return Wait(POLLOUT, AnswerEnd()); }

  // In pieces, since the library asks byte by byte.
  ssize_t read(char* to, std::size_t size) override {
    if (begin_ == end_) {
      begin_ = end_ = 0;
      if (received_ >= DeadlineServer::kMaxRequestBytes) return -1;
      if (!Wait(POLLIN, request_end_)) return -1;
      const ssize_t received = Receive(buffer_.data(), buffer_.size());
      if (received <= 0) return received;
      end_ = static_cast<std::size_t>(received);
      received_ += end_;
    }
    const std::size_t given = std::min(size, end_ - begin_);
    std::copy_n(buffer_.data() + begin_, given, to);
    begin_ += given;
    return static_cast<ssize_t>(given);
  }

  ssize_t write(const char* from, std::size_t size) override {
    if (!Wait(POLLOUT, AnswerEnd())) return -1;
    ssize_t sent = -1;
    do {
      sent = send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent;
  }

  // Takes what the client still sends, for a moment: closing over unread bytes would take the
  // answer from it.
  void Drain() {
    constexpr std::chrono::milliseconds kDrainTime{200};
    constexpr std::size_t kMostBytes = std::size_t{1} << 16;
    ::shutdown(socket_, SHUT_WR);
    const Clock::time_point end = Clock::now() + kDrainTime;
    for (std::size_t drained = 0; drained < kMostBytes && Wait(POLLIN, end);) {
      const ssize_t received = Receive(buffer_.data(), buffer_.size());
      if (received <= 0) break;
      drained += static_cast<std::size_t>(received);
    }
  }

  // Nobody asks who it is that asks.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

 private:
  Clock::time_point AnswerEnd() const {
    if (answer_end_ == Clock::time_point())
      answer_end_ = Clock::now() + DeadlineServer::kAnswerTime;
    return answer_end_;
  }

  bool Wait(short events, Clock::time_point end) const {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      if (left.count() <= 0) return false;
      pollfd one = {.fd = socket_, .events = events, .revents = 0};
      const int ready = poll(&one, 1, static_cast<int>(left.count()));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

  ssize_t Receive(char* to, std::size_t size) const {
    ssize_t received = -1;
    do {
      received = recv(socket_, to, size, MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    return received;
  }

  socket_t socket_;
  Clock::time_point request_end_;
  mutable Clock::time_point answer_end_;  // begins with the first byte of the answer
  std::array<char, 4096> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t received_ = 0;  // of the request, so far
};

}  // namespace

DeadlineServer::DeadlineServer() : queue_(std::make_unique<BoundedQueue>()) {
  new_task_queue = [this] { return queue_.release(); };
  // Not the library's SO_REUSEPORT, by which two processes would share an address unnoticed.
  set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
}

DeadlineServer::~DeadlineServer() = default;

void DeadlineServer::EndConnections() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const socket_t socket : open_) ::shutdown(socket, SHUT_RDWR);
}

bool DeadlineServer::process_and_close_socket(socket_t socket) {
  bool begun = false;
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) begun = open_.insert(socket).second;
  }
  if (begun) {
    DeadlineStream stream(socket);
    bool closed = false;
    const auto ignore_dear_wishes = [](httplib::Request& request) {
      request.ranges.clear();
      request.headers.erase("Accept-Encoding");
    };
    if (process_request(stream, true, closed, ignore_dear_wishes)) stream.Drain();
    const std::lock_guard lock(mutex_);
    open_.erase(socket);
  }
  ::close(socket);
  return begun;
}

}  // namespace strata
