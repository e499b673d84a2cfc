#include "cli/exit_status.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "loader/message_text.h"

namespace strata::cli {
namespace {

constexpr char kExitStatusPayload[] = "strata/exit-status";

absl::Status WithExitStatus(absl::StatusCode code, std::string_view message, ExitStatus exit) {
  absl::Status status(code, absl::string_view(message.data(), message.size()));
  status.SetPayload(kExitStatusPayload, absl::Cord(absl::StrCat(static_cast<int>(exit))));
  return status;
}

}  // namespace

absl::Status UsageError(std::string_view message) {
  return WithExitStatus(absl::StatusCode::kInvalidArgument, message, ExitStatus::kUsage);
}

absl::Status OnlyWith(std::string_view option, std::string_view other) {
  return UsageError(absl::StrFormat("%s is for %s: give that too, or leave it out", option, other));
}

absl::Status NotInThisVersion(std::string_view what, std::string_view instead) {
  return WithExitStatus(absl::StatusCode::kUnimplemented,
                        absl::StrFormat("%s is not in this version of strata: %s", what, instead),
                        ExitStatus::kUsage);
}

absl::Status NothingThere(std::string_view message) {
  return WithExitStatus(absl::StatusCode::kNotFound, message, ExitStatus::kNotFound);
}

ExitStatus ExitStatusOf(const absl::Status& status) {
  if (status.ok()) return ExitStatus::kDone;
  const absl::optional<absl::Cord> payload = status.GetPayload(kExitStatusPayload);
  if (!payload.has_value()) return ExitStatus::kFault;
  return *payload == "2" ? ExitStatus::kUsage : ExitStatus::kNotFound;
}

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

absl::Status SystemError(std::string_view what, int error) {
  return absl::UnavailableError(absl::StrFormat("%s: %s", what, ErrnoText(error)));
}

}  // namespace strata::cli
