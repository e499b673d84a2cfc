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

double Count(std::uint64_t number) { return static_cast<double>(number); }
// What is not known yet is no number.
double Seconds(double seconds) {
  return seconds < 0 ? std::numeric_limits<double>::quiet_NaN() : seconds;
}

// Before it was looked up, nobody knows whether a source has one.
bool LacksCursor(const FollowSourceStatus& source) {
  return source.state != FollowState::kConnecting && !source.has_cursor;
}

// A label for each source: two may be called the same.
std::vector<std::string> SourceLabels(const std::vector<FollowSourceStatus>& sources) {
  std::vector<std::string> labels;
  for (const FollowSourceStatus& source : sources) {
    const auto namesakes =
        std::count_if(sources.begin(), sources.begin() + static_cast<std::ptrdiff_t>(labels.size()),
                      [&](const FollowSourceStatus& other) { return other.name == source.name; });
    labels.push_back(namesakes == 0 ? source.name : absl::StrCat(source.name, "#", namesakes + 1));
  }
  return labels;
}

constexpr FollowState kStates[] = {FollowState::kConnecting, FollowState::kLoading,
                                   FollowState::kFollowing,  FollowState::kRetrying,
                                   FollowState::kWaiting,    FollowState::kOutOfMemory,
                                   FollowState::kStopped,    FollowState::kFailed};

MetricFamily States(const FollowStatus& status, const std::vector<std::string>& labels) {
  MetricFamily family{.name = "strata_follow_state",
                      .type = MetricFamily::Type::kStateSet,
                      .help =
                          "How following a table or query goes; what is held is served in "
                          "every state."};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (const FollowState state : kStates) {
      family.samples.push_back(
          {{{"source", labels[i]}, {family.name, std::string(FollowStateName(state))}},
           status.sources[i].state == state ? 1.0 : 0.0});
    }
  }
  return family;
}

// A family with a sample a source.
template <class FigureOf>
MetricFamily OfEach(const FollowStatus& status, const std::vector<std::string>& labels,
                    MetricFamily family, FigureOf figure) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    family.samples.push_back({{{"source", labels[i]}}, figure(status.sources[i])});
  }
  return family;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DebugServer>> Listen(const std::string& address, const Cache& cache,
                                                    std::function<DebugHealth()> health,
                                                    std::function<Footprint()> follower,
                                                    std::function<FollowStatus()> status) {
  std::function<std::vector<MetricFamily>()> others;
  if (status) others = [status] { return MetricsOf(status()); };
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
       .others = std::move(others),
       .process = {},
       .health = std::move(health)});
  if (!absl::IsInvalidArgument(server.status())) return server;
  return UsageError(absl::StrCat("--listen: ", MessageOf(server.status())));
}

std::string ListenNotice(const DebugServer& server) {
  return absl::StrCat("listening on ", server.address(),
                      server.on_loopback()
                          ? ""
                          : ": whoever reaches it sees names and sizes of data, without password "
                            "or encryption");
}

DebugHealth HealthOf(const FollowStatus& status) {
  const bool healthy = status.state == FollowState::kFollowing && status.lag_seconds >= 0;
  const auto following = std::count_if(
      status.sources.begin(), status.sources.end(),
      [](const FollowSourceStatus& source) { return source.state == FollowState::kFollowing; });
  const auto without_cursor =
      std::count_if(status.sources.begin(), status.sources.end(), LacksCursor);
  return {.healthy = healthy,
          .state = std::string(FollowStateName(status.state)),
          .message = healthy ? "" : std::string(MessageOf(status.last_error)),
          .figures = {{"lag_seconds", Seconds(status.lag_seconds)},
                      {"rows_loaded", Count(status.rows_loaded)},
                      {"rows_read", Count(status.rows_read)},
                      {"rows_applied", Count(status.rows_applied)},
                      {"entries_reread", Count(status.entries_reread)},
                      {"entries_changed", Count(status.entries_changed)},
                      {"repairs", Count(status.repairs)},
                      {"entries_refused", Count(status.entries_refused)},
                      {"passes", Count(status.passes)},
                      {"last_pass_seconds", Seconds(status.last_pass_seconds)},
                      {"reconcile_busy_seconds", status.reconcile_busy_seconds},
                      {"errors", Count(status.errors)},
                      {"reconnects", Count(status.reconnects)},
                      {"sources", Count(status.sources.size())},
                      {"sources_following", static_cast<double>(following)},
                      {"sources_without_cursor", static_cast<double>(without_cursor)}}};
}

std::vector<MetricFamily> MetricsOf(const FollowStatus& status) {
  using Type = MetricFamily::Type;
  const std::vector<std::string> labels = SourceLabels(status.sources);
  std::vector<MetricFamily> families = {States(status, labels)};
  families.push_back(
      OfEach(status, labels,
             {.name = "strata_follow_lag_seconds",
              .unit = "seconds",
              .help = "How far what is held may lie behind the source; absent before the "
                      "first round."},
             [](const FollowSourceStatus& source) { return Seconds(source.lag_seconds); }));
  families.push_back(OfEach(status, labels,
                            {.name = "strata_follow_has_cursor",
                             .help = "Whether polling finds changes; else comparisons alone do, "
                                     "once a reconcile interval."},
                            [](const FollowSourceStatus& source) {
                              if (source.state == FollowState::kConnecting) return Seconds(-1);
                              return LacksCursor(source) ? 0.0 : 1.0;
                            }));
  const auto sum_of_each = [&](const char* name, const char* help,
                               std::uint64_t FollowSourceStatus::*figure) {
    families.push_back(
        OfEach(status, labels, {.name = name, .type = Type::kCounter, .help = help},
               [figure](const FollowSourceStatus& source) { return Count(source.*figure); }));
  };
  sum_of_each("strata_follow_rows_read", "Rows that polling read, those read again too.",
              &FollowSourceStatus::rows_read);
  sum_of_each("strata_follow_rows_applied", "Of those, the ones that were new and are held.",
              &FollowSourceStatus::rows_applied);
  sum_of_each("strata_follow_entries_reread",
              "Entries read again, for a changed row or a digest that differed.",
              &FollowSourceStatus::entries_reread);
  sum_of_each("strata_follow_entries_changed", "Of those, the ones whose content was another.",
              &FollowSourceStatus::entries_changed);
  sum_of_each("strata_follow_repairs", "Entries that only reconciling found.",
              &FollowSourceStatus::repairs);
  families.push_back(OfEach(
      status, labels,
      {.name = "strata_follow_entries_refused",
       .help = "Entries that could not be applied, are as they were and are tried again; 101 is "
               "more than 100."},
      [](const FollowSourceStatus& source) { return Count(source.entries_refused); }));
  const auto add = [&](MetricFamily family, double figure) {
    family.samples.push_back({{}, figure});
    families.push_back(std::move(family));
  };
  add({.name = "strata_follow_rows_loaded", .help = "Rows that the initial load read."},
      Count(status.rows_loaded));
  add({.name = "strata_follow_passes",
       .type = Type::kCounter,
       .help = "Passes of reconciling that all sources have done, or made up for by a later one."},
      Count(status.passes));
  add({.name = "strata_follow_last_pass_seconds",
       .unit = "seconds",
       .help = "Since all sources had done a pass; absent before the first."},
      Seconds(status.last_pass_seconds));
  add({.name = "strata_follow_reconcile_busy_seconds",
       .type = Type::kCounter,
       .unit = "seconds",
       .help = "Spent on passes, the rests between their chunks left out."},
      status.reconcile_busy_seconds);
  add({.name = "strata_follow_errors",
       .type = Type::kCounter,
       .help = "Errors that were met, each try that failed counted."},
      Count(status.errors));
  add({.name = "strata_follow_reconnects",
       .type = Type::kCounter,
       .help = "Connections after the first: lost ones, and renewed after a large row."},
      Count(status.reconnects));
  return families;
}

}  // namespace strata::cli
