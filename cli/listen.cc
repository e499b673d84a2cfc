#include "cli/listen.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/exit_status.h"

namespace strata::cli {
namespace {

// What is kept beside the cache is shown under this name.
constexpr char kFollower[] = "follower";

}  // namespace

absl::StatusOr<std::unique_ptr<DebugServer>> Listen(const std::string& address, const Cache& cache,
                                                    std::function<DebugHealth()> health,
                                                    std::function<Footprint()> follower) {
  absl::StatusOr<std::unique_ptr<DebugServer>> server = DebugServer::Start(
      address,
      {.caches =
           [&cache, follower] {
             std::vector<NamedFootprint> shown = {
                 {.cache = cache.options().name, .footprint = cache.MeasureFootprint()}};
             if (follower) shown.push_back({.cache = kFollower, .footprint = follower()});
             return shown;
           },
       .running =
           [&cache, follower] {
             std::vector<NamedRunning> shown = {
                 {.cache = cache.options().name,
                  .running = cache.Running(),
                  .oldest_guard_seconds = cache.OldestGuardSeconds()}};
             if (follower) {
               Footprint beside = follower();
               shown.push_back(
                   {.cache = kFollower, .running = {}, .layers = std::move(beside.layers)});
               shown.back().running.allocated_bytes = beside.allocated_bytes;
             }
             return shown;
           },
       .process = {},
       .health = std::move(health)});
  if (!absl::IsInvalidArgument(server.status())) return server;
  return UsageError(absl::StrCat("--listen: ", MessageOf(server.status())));
}

std::string ListenNotice(const DebugServer& server, const std::string& given) {
  if (server.on_loopback() && server.address() == given) return "";
  return absl::StrCat("listening on ", server.address(),
                      server.on_loopback()
                          ? ""
                          : ": whoever reaches it sees names and sizes of data, without password "
                            "or encryption");
}

DebugHealth HealthOf(const FollowStatus& status) {
  const bool healthy = status.state == FollowState::kFollowing && status.lag_seconds >= 0;
  // Not known yet is no number.
  const double lag_seconds =
      status.lag_seconds < 0 ? std::numeric_limits<double>::quiet_NaN() : status.lag_seconds;
  const auto count = [](std::uint64_t number) { return static_cast<double>(number); };
  const auto following = std::count_if(
      status.sources.begin(), status.sources.end(),
      [](const FollowSourceStatus& source) { return source.state == FollowState::kFollowing; });
  return {.healthy = healthy,
          .state = std::string(FollowStateName(status.state)),
          .message = healthy ? "" : std::string(MessageOf(status.last_error)),
          .figures = {{"lag_seconds", lag_seconds},
                      {"rows_loaded", count(status.rows_loaded)},
                      {"rows_read", count(status.rows_read)},
                      {"rows_applied", count(status.rows_applied)},
                      {"entries_reread", count(status.entries_reread)},
                      {"entries_changed", count(status.entries_changed)},
                      {"repairs", count(status.repairs)},
                      {"passes", count(status.passes)},
                      {"reconcile_busy_seconds", status.reconcile_busy_seconds},
                      {"reconnects", count(status.reconnects)},
                      {"sources", count(status.sources.size())},
                      {"sources_following", static_cast<double>(following)}}};
}

}  // namespace strata::cli
