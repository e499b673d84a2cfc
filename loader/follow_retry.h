// What an error asks for, and how long to wait before trying again.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_FOLLOW_RETRY_H_
#define STRATA_LOADER_FOLLOW_RETRY_H_

#include <chrono>
#include <cstdint>
#include <random>

#include "absl/status/status.h"

namespace strata {

enum class ErrorKind {
  kNone,
  kRepeat,     ///< the statement was ended (lock, deadlock, killed, time limit), or failed by an
               ///< error of which no more is known: nobody else's trouble
  kReconnect,  ///< the connection is gone, or nobody knows what state it is in
  kPerson,     ///< rights, a missing table or column: a person must mend it
  kMemory,     ///< the cache, or the process, has no room
  kStop,       ///< as asked
};
ErrorKind KindOf(const absl::Status& status);

/// Pauses that double from one failure to the next, each drawn from the upper half of what it may
/// be, so that many followers of one server do not come back at once. None is longer than kShort,
/// or than an eighth of all those before it, where that is more: what was away for seconds is met
/// again within two, what stays away for minutes is asked for rarely.
class RetryPauses {
 public:
  static constexpr std::chrono::milliseconds kShort{2000};

  RetryPauses(std::chrono::milliseconds min, std::chrono::milliseconds max, std::uint64_t seed)
      : min_(min), max_(max), next_(min), random_(Seeded(seed)) {}

  std::chrono::milliseconds Next();
  /// A pause of about `pause`, outside the series.
  std::chrono::milliseconds About(std::chrono::milliseconds pause);
  /// After a success.
  void Reset() {
    next_ = min_;
    paused_ = std::chrono::milliseconds(0);
  }

 private:
  // Eight bytes, of which each source has two, where mt19937_64 is 2.5 KB. Mixed, for its first
  // numbers are near one another where seeds are.
  static std::minstd_rand Seeded(std::uint64_t seed) {
    std::seed_seq mixed{seed, seed >> 32};
    return std::minstd_rand(mixed);
  }

  std::chrono::milliseconds min_;
  std::chrono::milliseconds max_;
  std::chrono::milliseconds next_;
  std::chrono::milliseconds paused_{0};  // since the last success
  std::minstd_rand random_;
};

}  // namespace strata

#endif  // STRATA_LOADER_FOLLOW_RETRY_H_
