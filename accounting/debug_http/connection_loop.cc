#include "accounting/debug_http/connection_loop.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <new>
#include <numeric>
#include <string_view>
#include <system_error>
#include <utility>

namespace strata {
namespace {

using Clock = ConnectionLoop::Clock;

// Connections that wait for the loop's next turn.
constexpr int kBacklog = 128;
// What the kernel takes of an answer before the client does: it is charged to the container, and is
// twice this. Without it, the kernel takes megabytes for each of any number of clients.
constexpr int kSendBufferBytes = 32 << 10;
// Closing over bytes that were sent to us and not read would take the answer from the client: so
// long, and so many, we wait for it to close first.
constexpr std::chrono::milliseconds kClosingTime{200};
constexpr std::size_t kMostDrainedBytes = std::size_t{1} << 16;
// Where there is no room, no descriptor or no memory for one more connection.
constexpr std::chrono::milliseconds kRest{100};
// A turn of the loop accepts this many and goes on to those that have something to say.
constexpr int kAcceptedATurn = 32;

int NewWake() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "eventfd");
  return fd;
}

// Bytes that the other side has not confirmed.
int Unconfirmed(int socket) {
  int bytes = 0;
  return ioctl(socket, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

// recv and send that are not ended by a signal and never wait.
ssize_t ReceiveNow(int socket, char* to, std::size_t size) {
  ssize_t received = -1;
  do {
    received = recv(socket, to, size, MSG_DONTWAIT);
  } while (received < 0 && errno == EINTR);
  return received;
}

ssize_t SendNow(int socket, std::string_view bytes) {
  ssize_t sent = -1;
  do {
    sent = send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

bool NothingNow() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

ConnectionLoop::ConnectionLoop(int listening, Answer answer)
    : listening_(listening), wake_(NewWake()), answer_(std::move(answer)) {
  polled_.reserve(kMaxConnections + 2);
  requests_.reserve(kMaxConnections);
  answered_.reserve(kMaxConnections);
  fcntl(listening, F_SETFL, fcntl(listening, F_GETFL) | O_NONBLOCK);
  // Instead of the HTTP library's five.
  ::listen(listening, kBacklog);
  try {
    while (threads_.size() < kThreads) threads_.emplace_back([this] { AnswerRequests(); });
    loop_ = std::thread([this] { Run(); });
  } catch (...) {
    EndThreads();
    throw;
  }
}

ConnectionLoop::~ConnectionLoop() {
  ended_ = true;
  Wake();
  loop_.join();
  EndThreads();
}

void ConnectionLoop::EndThreads() {
  {
    const std::lock_guard lock(mutex_);
    threads_end_ = true;
    requests_.clear();
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ConnectionLoop::Wake() {
  const std::uint64_t one = 1;
  // Full it is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void ConnectionLoop::AnswerRequests() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return threads_end_ || !requests_.empty(); });
    if (threads_end_) return;
    Connection* const connection = requests_.front();
    requests_.erase(requests_.begin());
    lock.unlock();
    connection->answer = answer_(std::move(connection->request));
    lock.lock();
    answered_.push_back(connection);
    Wake();
  }
}

void ConnectionLoop::Run() {
  while (!ended_) {
    WaitForWork();
    TakeAnswers();
    for (Place place = connections_.begin(); place != connections_.end();) {
      const Place next = std::next(place);
      if (!Step(*place)) Drop(place);
      place = next;
    }
    Accept();
  }
  for (Place place = connections_.begin(); place != connections_.end();) {
    const Place next = std::next(place);
    // Those that are being answered go with their threads, which may still be at them.
    if (place->phase == Phase::kAnswering) {
      ::shutdown(place->socket.get(), SHUT_RDWR);
    } else {
      Drop(place);
    }
    place = next;
  }
}

void ConnectionLoop::WaitForWork() {
  now_ = Clock::now();
  Clock::time_point next = now_ + kAnswerTime;
  polled_.clear();
  polled_.push_back({.fd = wake_.get(), .events = POLLIN, .revents = 0});
  for (const Connection& connection : connections_) {
    const bool closing = connection.phase == Phase::kClosing;
    const bool waits = connection.phase != Phase::kAnswering && !connection.said_all;
    const short events = connection.phase == Phase::kSending ? POLLOUT : POLLIN;
    polled_.push_back({.fd = waits ? connection.socket.get() : -1, .events = events, .revents = 0});
    if (connection.phase != Phase::kAnswering) next = std::min(next, connection.end);
    if (closing) next = std::min(next, now_ + kClosingTime);
  }
  if (accept_again_ <= now_) {
    polled_.push_back({.fd = listening_.get(), .events = POLLIN, .revents = 0});
  } else {
    next = std::min(next, accept_again_);
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now_);
  poll(polled_.data(), polled_.size(), static_cast<int>(std::max<std::int64_t>(0, left.count())));
  std::uint64_t woken = 0;
  [[maybe_unused]] const ssize_t read = ::read(wake_.get(), &woken, sizeof(woken));
  auto polled = std::next(polled_.begin());
  for (Connection& connection : connections_) connection.ready = (polled++)->revents != 0;
  now_ = Clock::now();
}

void ConnectionLoop::Accept() {
  if (now_ < accept_again_) return;
  for (int i = 0; i < kAcceptedATurn; ++i) {
    if (connections_.size() >= kMaxConnections && !MakeRoom()) {
      accept_again_ = now_ + kRest;
      return;
    }
    UniqueFd socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.get() < 0) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (NothingNow()) return;
      // No descriptors, or no memory for one: a place of ours does for the next, if there is any.
      if (!MakeRoom()) accept_again_ = now_ + kRest;
      return;
    }
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof(kSendBufferBytes));
    try {
      Connection& connection = connections_.emplace_back(std::move(socket));
      connection.since = now_;
      connection.end = now_ + kRequestTime;
    } catch (const std::bad_alloc&) {
      accept_again_ = now_ + kRest;
      return;
    }
  }
}

// From the threads that made them; the loop gives them to the clients.
void ConnectionLoop::TakeAnswers() {
  const std::lock_guard lock(mutex_);
  for (Connection* const connection : answered_) {
    connection->phase = Phase::kSending;
    connection->since = now_;
    connection->end = now_ + kAnswerTime;
    connection->done = 0;
    connection->ready = true;
  }
  if (!answered_.empty()) BoundUnsent();
  answered_.clear();
}

bool ConnectionLoop::Step(Connection& connection) {
  if (connection.phase == Phase::kAnswering) return true;
  if (connection.end <= now_) return false;
  if (connection.phase == Phase::kClosing) return Close(connection);
  if (!connection.ready) return true;
  try {
    return connection.phase == Phase::kSending ? Send(connection) : Receive(connection);
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool ConnectionLoop::Receive(Connection& connection) {
  constexpr std::string_view kEndOfHead = "\r\n\r\n";
  std::string& bytes = connection.request;
  std::array<char, 4096> piece;
  bool whole = false;
  while (!whole) {
    const ssize_t received = ReceiveNow(connection.socket.get(), piece.data(), piece.size());
    if (received < 0) return NothingNow();
    if (received == 0 && bytes.empty()) return false;
    const std::size_t looked_at = bytes.size() - std::min(bytes.size(), kEndOfHead.size() - 1);
    bytes.append(piece.data(), static_cast<std::size_t>(received));
    whole = received == 0 || bytes.size() >= kMaxRequestBytes ||
            bytes.find(kEndOfHead, looked_at) != std::string::npos;
  }
  connection.phase = Phase::kAnswering;
  const std::lock_guard lock(mutex_);
  requests_.push_back(&connection);
  work_.notify_one();
  return true;
}

bool ConnectionLoop::Send(Connection& connection) {
  const Message& answer = connection.answer;
  if (answer.head.empty()) return false;
  while (connection.done < answer.size()) {
    const bool in_head = connection.done < answer.head.size();
    const std::string_view part = in_head ? answer.head : *answer.body;
    const std::size_t begin = connection.done - (in_head ? 0 : answer.head.size());
    const ssize_t sent = SendNow(connection.socket.get(), part.substr(begin));
    if (sent < 0) return NothingNow();
    connection.done += static_cast<std::size_t>(sent);
  }
  ::shutdown(connection.socket.get(), SHUT_WR);
  connection.answer = Message();
  connection.done = 0;
  connection.phase = Phase::kClosing;
  connection.since = now_;
  return Close(connection);
}

bool ConnectionLoop::Close(Connection& connection) {
  std::array<char, 4096> piece;
  while (!connection.said_all && connection.done < kMostDrainedBytes) {
    const ssize_t received = ReceiveNow(connection.socket.get(), piece.data(), piece.size());
    if (received < 0 && NothingNow()) break;
    if (received < 0) return false;
    connection.said_all = received == 0;
    connection.done += static_cast<std::size_t>(received);
  }
  if (connection.done >= kMostDrainedBytes) return false;
  // A client far away has it all only later.
  if (Unconfirmed(connection.socket.get()) > 0) return true;
  return !connection.said_all && now_ < connection.since + kClosingTime;
}

void ConnectionLoop::Drop(Place place) {
  const int socket = place->socket.get();
  if (Unconfirmed(socket) > 0) {
    // Else the kernel keeps it, and tries on for minutes.
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  connections_.erase(place);
}

// False: all are being answered, or there are none.
bool ConnectionLoop::MakeRoom() {
  const auto in = [this](Phase phase) {
    return std::count_if(connections_.begin(), connections_.end(),
                         [phase](const Connection& one) { return one.phase == phase; });
  };
  Phase most = Phase::kReceiving;
  for (const Phase phase : {Phase::kSending, Phase::kClosing}) {
    if (in(phase) > in(most)) most = phase;
  }
  const Place oldest = OldestIn(most);
  if (oldest == connections_.end()) return false;
  Drop(oldest);
  return true;
}

ConnectionLoop::Place ConnectionLoop::OldestIn(Phase phase) {
  Place oldest = connections_.end();
  for (Place place = connections_.begin(); place != connections_.end(); ++place) {
    if (place->phase != phase) continue;
    if (oldest == connections_.end() || place->since < oldest->since) oldest = place;
  }
  return oldest;
}

void ConnectionLoop::BoundUnsent() {
  const auto unsent = [this] {
    return std::accumulate(connections_.begin(), connections_.end(), std::size_t{0},
                           [](std::size_t sum, const Connection& one) {
                             return sum + (one.phase == Phase::kSending ? one.answer.size() : 0);
                           });
  };
  while (unsent() > kMaxUnsentBytes) {
    const Place oldest = OldestIn(Phase::kSending);
    if (oldest->answer.size() == unsent()) return;  // one alone
    Drop(oldest);
  }
}

}  // namespace strata
