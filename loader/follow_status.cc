#include "loader/follow_status.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace strata {
namespace {

// How far a state is from following.
int DistanceOf(FollowState state) {
  switch (state) {
    case FollowState::kFollowing:
      return 0;
    case FollowState::kOutOfMemory:
      return 1;
    case FollowState::kRetrying:
      return 2;
    case FollowState::kWaiting:
      return 3;
    case FollowState::kLoading:
      return 4;
    case FollowState::kConnecting:
      return 5;
    case FollowState::kStopped:
      return 6;
    case FollowState::kFailed:
      return 7;
  }
  return 0;
}

}  // namespace

std::string_view FollowStateName(FollowState state) {
  switch (state) {
    case FollowState::kConnecting:
      return "connecting";
    case FollowState::kLoading:
      return "loading";
    case FollowState::kFollowing:
      return "following";
    case FollowState::kRetrying:
      return "retrying";
    case FollowState::kWaiting:
      return "waiting";
    case FollowState::kOutOfMemory:
      return "out of memory";
    case FollowState::kStopped:
      return "stopped";
    case FollowState::kFailed:
      return "failed";
  }
  return "unknown";
}

absl::Status Unshared(const absl::Status& status) {
  return absl::Status(status.code(), status.message());
}

void Combine(const std::vector<SourceTold>& sources, FollowStatus* status) {
  const auto now = std::chrono::steady_clock::now();
  const bool several = sources.size() > 1;
  status->last_error = Unshared(status->last_error);
  bool first = true;
  bool known = true;
  bool all_passed = true;
  for (const SourceTold& told : sources) {
    FollowSourceStatus source = told.status;
    source.last_error = Unshared(source.last_error);
    if (told.even_at) {
      source.lag_seconds = std::chrono::duration<double>(now - *told.even_at).count();
    }
    known = known && told.even_at.has_value();
    all_passed = all_passed && told.pass_at.has_value();
    if (told.pass_at) {
      status->last_pass_seconds = std::max(
          status->last_pass_seconds, std::chrono::duration<double>(now - *told.pass_at).count());
    }
    status->lag_seconds = std::max(status->lag_seconds, source.lag_seconds);
    if (first || DistanceOf(source.state) > DistanceOf(status->state)) {
      status->state = source.state;
      if (source.state != FollowState::kFollowing && !source.last_error.ok()) {
        status->last_error = Unshared(source.last_error);
      }
    }
    if (!source.advice.empty()) {
      absl::StrAppend(&status->advice, status->advice.empty() ? "" : "; ",
                      several ? absl::StrCat(source.name, ": ") : "", source.advice);
    }
    status->passes = first ? told.pass : std::min(status->passes, told.pass);
    status->rows_read += source.rows_read;
    status->rows_applied += source.rows_applied;
    status->entries_reread += source.entries_reread;
    status->entries_changed += source.entries_changed;
    status->repairs += source.repairs;
    status->entries_refused += source.entries_refused;
    status->sources.push_back(std::move(source));
    first = false;
  }
  if (!known) status->lag_seconds = -1;
  if (!all_passed) status->last_pass_seconds = -1;
  if (!several && !sources.empty()) status->position = sources[0].status.position;
}

}  // namespace strata
