#include "loader/follow_retry.h"

#include <algorithm>

namespace strata {

ErrorKind KindOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ErrorKind::kNone;
    case absl::StatusCode::kCancelled:
      return ErrorKind::kStop;
    case absl::StatusCode::kResourceExhausted:
      return ErrorKind::kMemory;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kInvalidArgument:
      return ErrorKind::kPerson;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return ErrorKind::kReconnect;
    default:
      return ErrorKind::kRepeat;
  }
}

std::chrono::milliseconds RetryPauses::About(std::chrono::milliseconds pause) {
  const auto most = std::max<std::int64_t>(pause.count(), 1);
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>((most + 1) / 2, most)(random_));
}

std::chrono::milliseconds RetryPauses::Next() {
  const std::chrono::milliseconds pause = About(std::min(next_, std::max(kShort, paused_ / 8)));
  next_ = std::min(next_ * 2, max_);
  paused_ += pause;
  return pause;
}

}  // namespace strata
