// strata gen: synthetic data.
#include <algorithm>
#include <limits>
#include <memory>

#include "absl/strings/str_format.h"
#include "cli/exit_status.h"
#include "cli/gen.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/words.h"

namespace strata::cli {

absl::Status RunGen(const GenArgs& args) {
  const std::span<const std::string_view> shapes = GenShapes();
  if (std::find(shapes.begin(), shapes.end(), args.shape) == shapes.end()) {
    return UsageError(
        absl::StrFormat("there is no shape '%s': give forum, unique, rows or sparse", args.shape));
  }
  const absl::StatusOr<std::uint64_t> records =
      ParseNumber("--records", args.records, kGenMaxRecords);
  if (!records.ok()) return records.status();
  const absl::StatusOr<std::uint64_t> seed =
      ParseNumber("--seed", args.seed, std::numeric_limits<std::uint64_t>::max());
  if (!seed.ok()) return seed.status();

  absl::StatusOr<std::unique_ptr<Output>> output = Output::OpenJson(args.output);
  if (!output.ok()) return output.status();
  absl::Status status = Generate(args.shape, *records, *seed,
                                 [&](std::string_view block) { return (*output)->Write(block); });
  if (!status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace strata::cli
