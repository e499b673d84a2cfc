// Measurements of the caches for many clients: made seldom, by one thread, shared by all.
//
// Invariant: the sources are asked at most once in kMinInterval, and for at most 1/kShare of the
// time, however many ask here. What was rendered of a measurement is rendered once.
//
// Threads: safe from any. Who comes while another measures gets the measurement before; where there
// is none yet a few wait for the first, and the others are told to come again: a walk of seconds
// takes no more than half of a server's threads from those who ask for something else.
#ifndef STRATA_ACCOUNTING_DEBUG_HTTP_SNAPSHOTS_H_
#define STRATA_ACCOUNTING_DEBUG_HTTP_SNAPSHOTS_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/debug_http.h>

namespace strata {

/// One measurement of everything.
struct Snapshot {
  std::vector<NamedFootprint> caches;
  ProcessBooks process;
  std::int64_t time_ns = 0;  ///< since 1970

  /// What `render` makes of it, kept under `key`. Errors are not kept.
  absl::StatusOr<std::shared_ptr<const std::string>> Rendered(
      const std::string& key, const std::function<absl::StatusOr<std::string>()>& render);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const std::string>> rendered_;
};

class Snapshots {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kMinInterval{1000};
  static constexpr int kShare = 20;
  /// Callers that wait for the first measurement beside the one that makes it.
  static constexpr int kMostWaiting = 3;

  explicit Snapshots(const DebugSources* sources) : sources_(sources) {}

  /// The last measurement, or a new one where that is old enough. Fails as the process's books do;
  /// Unavailable where the first one takes long and enough wait for it.
  absl::StatusOr<std::shared_ptr<Snapshot>> Get();

 private:
  absl::StatusOr<std::shared_ptr<Snapshot>> Measure() const;

  const DebugSources* sources_;
  std::mutex mutex_;
  std::condition_variable measured_;
  bool measuring_ = false;
  int waiting_ = 0;
  std::shared_ptr<Snapshot> last_;
  Clock::time_point next_;  // not before this is it made anew
};

/// /metrics of running figures, which cost no walk: made anew at most once in kMinInterval, so that
/// a flood of clients is a flood of copies.
class Scrapes {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kMinInterval{100};

  /// `sources` must have `running`.
  explicit Scrapes(const DebugSources* sources) : sources_(sources) {}

  /// Fails as ReadProcessTotals does.
  absl::StatusOr<std::shared_ptr<const std::string>> Get();

 private:
  const DebugSources* sources_;
  std::mutex mutex_;
  std::shared_ptr<const std::string> last_;
  Clock::time_point next_;
};

}  // namespace strata

#endif  // STRATA_ACCOUNTING_DEBUG_HTTP_SNAPSHOTS_H_
