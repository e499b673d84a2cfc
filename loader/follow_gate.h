// The door between a follower's thread and what belongs to others: the cache and the callbacks.
// Once it is closed nothing goes through any more, however long the thread may yet hang in a
// connection; so Stop need not wait for the thread.
//
// Threads: safe from any. What goes through does so one at a time.
#ifndef STRATA_LOADER_FOLLOW_GATE_H_
#define STRATA_LOADER_FOLLOW_GATE_H_

#include <mutex>

#include "absl/status/status.h"

namespace strata {

class FollowGate {
 public:
  /// Runs `body` and gives its status; Cancelled, and `body` not run, where it is closed.
  template <class Body>
  absl::Status Through(const Body& body) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) return absl::CancelledError("stopped as asked");
    return body();
  }
  /// Waits for what is going through.
  void Close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
  }

 private:
  std::mutex mutex_;
  bool closed_ = false;
};

}  // namespace strata

#endif  // STRATA_LOADER_FOLLOW_GATE_H_
