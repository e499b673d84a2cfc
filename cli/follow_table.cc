#include "cli/follow_table.h"
#include "accounting/report/shown_text.h"

#include <signal.h>

#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "accounting/report/text_parts.h"
#include "cli/exit_status.h"
#include "cli/interrupt.h"
#include "cli/listen.h"
#include "cli/progress.h"

namespace strata::cli {
namespace {

// SIGINT and SIGTERM end following, and nothing else does: also where a shell that started us in
// the background has them ignored. The kernel keeps a blocked signal for us whatever its
// disposition. SIGHUP ends it unless whoever started us (nohup) wants it ignored.
sigset_t SignalsToEndBy() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  struct sigaction action = {};
  sigaction(SIGHUP, nullptr, &action);
  if (action.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  return signals;
}

// What the follower's thread tells, shown by the main one.
class Told {
 public:
  void Tell(const LoadProgress& progress) {
    const std::lock_guard<std::mutex> lock(mutex_);
    load_ = progress;
  }
  std::optional<LoadProgress> TakeLoad() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(load_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::optional<LoadProgress> load_;
};

bool IsTrouble(FollowState state) {
  return state == FollowState::kRetrying || state == FollowState::kWaiting ||
         state == FollowState::kOutOfMemory;
}

std::string StatusText(const FollowStatus& status) {
  return absl::StrFormat("%s, %.1f s behind, %d %s applied, %d %s changed, %d repaired",
                         std::string(FollowStateName(status.state)),
                         status.lag_seconds < 0 ? 0 : status.lag_seconds, status.rows_applied,
                         Plural(status.rows_applied, "row", "rows"), status.entries_changed,
                         Plural(status.entries_changed, "entry", "entries"), status.repairs);
}

// Tells trouble when it begins or is another, and its end, of each source. What several have in
// common, a lost connection say, is one line.
class TroubleLines {
 public:
  explicit TroubleLines(std::string name) : name_(std::move(name)) {}

  void Show(const FollowStatus& status) {
    std::set<std::string> lines;
    shown_.resize(status.sources.size());
    for (std::size_t i = 0; i < status.sources.size(); ++i) {
      const FollowSourceStatus& source = status.sources[i];
      if (IsTrouble(source.state)) {
        const std::string line = absl::StrFormat(
            "%s: %s; %s", std::string(FollowStateName(source.state)), MessageOf(source.last_error),
            source.lag_seconds < 0 ? "nothing is held yet" : "what is held is served as it is");
        if (line != shown_[i]) lines.insert(line);
        shown_[i] = line;
      } else if (source.state == FollowState::kFollowing && !shown_[i].empty()) {
        const bool all = status.state == FollowState::kFollowing;
        lines.insert(all ? "following again" : source.name + ": following again");
        shown_[i].clear();
      }
    }
    for (const std::string& line : lines) Say(line);
    if (status.state == FollowState::kFollowing && status.advice != advice_) {
      advice_ = status.advice;
      if (!advice_.empty()) Say("advice: " + advice_);
    }
  }

 private:
  void Say(const std::string& line) const {
    std::fprintf(stderr, "strata load: %s: %s\n", ShownMessage(name_).c_str(),
                 ShownMessage(line).c_str());
  }
  const std::string name_;
  std::vector<std::string> shown_;  // of each source; empty where all is well
  std::string advice_;
};

// The server at `listen`; null where none is wanted.
absl::StatusOr<std::unique_ptr<DebugServer>> Serve(const SourceArg& source,
                                                   const std::optional<std::string>& listen,
                                                   const Cache& cache, const Follower& follower) {
  if (!listen.has_value()) return nullptr;
  absl::StatusOr<std::unique_ptr<DebugServer>> server = Listen(
      *listen, cache, [&follower] { return HealthOf(follower.status()); },
      [&follower] { return follower.MeasureFootprint(); },
      [&follower] { return follower.status(); });
  if (server.ok()) {
    std::fprintf(stderr, "strata load: %s: %s\n", ShownMessage(source.name()).c_str(),
                 ListenNotice(**server).c_str());
  }
  return server;
}

}  // namespace

absl::StatusOr<FollowedCache> FollowTable(const SourceArg& source, const FollowTimes& times,
                                          const std::optional<std::string>& listen,
                                          bool progress_wanted) {
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok()) return cache.status();
  // Held before the follower starts: its threads are to leave the signals to this one.
  const InterruptsHeld held;
  const sigset_t signals = SignalsToEndBy();
  Told told;
  FollowOptions options;
  options.poll_interval = times.poll;
  options.reconcile_interval = times.reconcile;
  options.on_load_progress = [&told](const LoadProgress& progress) { told.Tell(progress); };
  absl::StatusOr<std::unique_ptr<Follower>> follower =
      Follower::Start(source.mysql(), source.tables(), *cache, options);
  if (!follower.ok()) return follower.status();
  // Behind the follower and the cache, which it asks: it ends before them.
  absl::StatusOr<std::unique_ptr<DebugServer>> server = Serve(source, listen, *cache, **follower);
  if (!server.ok()) return server.status();
  ProgressLine line(source.name(), progress_wanted);
  TroubleLines trouble(source.name());
  auto noted = std::chrono::steady_clock::now();
  std::optional<std::chrono::steady_clock::time_point> followed_since;
  while (true) {
    constexpr timespec kLook = {0, 100'000'000};
    const bool asked = sigtimedwait(&signals, nullptr, &kLook) > 0;
    const FollowStatus status = (*follower)->status();
    if (status.state == FollowState::kFailed) return status.last_error;
    trouble.Show(status);
    if (const std::optional<LoadProgress> load = told.TakeLoad()) line.Update(*load);
    const auto now = std::chrono::steady_clock::now();
    if (status.lag_seconds >= 0 && !followed_since) followed_since = now;
    if (status.lag_seconds >= 0 && now - noted >= std::chrono::seconds(1)) {
      noted = now;
      line.Note(StatusText(status));
    }
    if (!asked) continue;
    (*follower)->Stop();
    const FollowStatus last = (*follower)->status();
    if (last.lag_seconds < 0) {
      return absl::CancelledError(
          "stopped before all was loaded: nothing is held, run it again to start over");
    }
    server->reset();
    follower->reset();
    return FollowedCache{*std::move(cache), last, now - followed_since.value_or(now)};
  }
}

}  // namespace strata::cli
