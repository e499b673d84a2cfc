// The connections of a server that answers one request each: one thread accepts, receives, sends
// and closes for all of them and waits for none; a few threads make the answers.
//
//     receiving ──> answering ──> sending ──> closing
//     a request      a thread      the         until the client has all of it and says so, else
//     is whole, or   of ours       answer      until the kernel has nothing left to send
//     2 s are over
//
// Invariant: no client holds a thread, and none of them can hold more than others would leave it.
// What is open is bounded (kMaxConnections, kMaxRequestBytes, kMaxUnsentBytes), and so is what the
// kernel keeps for it. Where the bound is met, one of the phase that most are in goes, who has been
// in it longest; a request that is whole stays. So whoever asks and takes its answer at once is
// answered, however many others say nothing, say it slowly or take nothing.
//
// Threads: the constructor and the destructor from any one; `answer` is called from kThreads.
#ifndef STRATA_ACCOUNTING_DEBUG_HTTP_CONNECTION_LOOP_H_
#define STRATA_ACCOUNTING_DEBUG_HTTP_CONNECTION_LOOP_H_

#include <poll.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "accounting/unique_fd.h"

namespace strata {

class ConnectionLoop {
 public:
  using Clock = std::chrono::steady_clock;
  /// An answer: `body`, if there is any, comes after `head`. It is shared, so that a page is there
  /// once, however many clients are slow to take it.
  struct Message {
    std::string head;
    std::shared_ptr<const std::string> body;

    std::size_t size() const { return head.size() + (body ? body->size() : 0); }
  };
  /// From a request's bytes, up to the end of its head or as many as there were, to the whole
  /// answer. Empty: the connection ends without one. Must not throw.
  using Answer = std::function<Message(std::string request)>;

  static constexpr std::chrono::milliseconds kRequestTime{2000};
  static constexpr std::chrono::milliseconds kAnswerTime{10'000};
  /// A request that is longer is not received to its end.
  static constexpr std::size_t kMaxRequestBytes = std::size_t{16} << 10;
  static constexpr std::size_t kMaxConnections = 256;
  /// Of answers that clients have not taken, as if each had its page for itself; one answer may be
  /// larger.
  static constexpr std::size_t kMaxUnsentBytes = std::size_t{8} << 20;
  static constexpr std::size_t kThreads = 6;

  /// Takes `listening`, a bound socket, and begins. Throws std::system_error where there are no
  /// threads or descriptors to be had.
  ConnectionLoop(int listening, Answer answer);
  ConnectionLoop(const ConnectionLoop&) = delete;
  ConnectionLoop& operator=(const ConnectionLoop&) = delete;
  /// Ends every connection, and waits for answers that are being made.
  ~ConnectionLoop();

 private:
  enum class Phase { kReceiving, kAnswering, kSending, kClosing };
  struct Connection {
    explicit Connection(UniqueFd accepted) : socket(std::move(accepted)) {}
    UniqueFd socket;
    Phase phase = Phase::kReceiving;
    Clock::time_point since;  // of the phase
    Clock::time_point end;    // it is ended then, whatever it does
    std::string request;      // as far as it is received
    Message answer;           // a thread's own, as the request, while answering
    std::size_t done = 0;     // bytes that were sent; then, that were received and thrown away
    bool said_all = false;    // the client sends no more
    bool ready = false;       // there is something to receive, or room to send
  };
  using Place = std::list<Connection>::iterator;

  // Threads that answer.
  void AnswerRequests();
  void EndThreads();
  void Wake();

  // The loop's thread.
  void Run();
  void WaitForWork();
  void Accept();
  void TakeAnswers();
  bool Step(Connection& connection);  // false: it is to go
  bool Receive(Connection& connection);
  bool Send(Connection& connection);
  bool Close(Connection& connection);
  void Drop(Place place);
  bool MakeRoom();
  Place OldestIn(Phase phase);
  void BoundUnsent();

  const UniqueFd listening_;
  const UniqueFd wake_;
  const Answer answer_;
  std::list<Connection> connections_;  // the loop's alone
  Clock::time_point accept_again_;     // not before, for want of descriptors
  Clock::time_point now_;
  std::vector<pollfd> polled_;
  std::atomic<bool> ended_ = false;

  // Both have room for every connection, so that nothing is asked for where it could not be had.
  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<Connection*> requests_;  // under mutex_, as what follows
  std::vector<Connection*> answered_;
  bool threads_end_ = false;

  std::vector<std::thread> threads_;
  std::thread loop_;
};

}  // namespace strata

#endif  // STRATA_ACCOUNTING_DEBUG_HTTP_CONNECTION_LOOP_H_
