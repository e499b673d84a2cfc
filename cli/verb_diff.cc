// strata diff: two footprints, layer by layer.
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/read_file.h"
#include "cli/verbs.h"
#include "cli/words.h"

#include <strata/report.h>

namespace strata::cli {
namespace {

absl::StatusOr<FootprintReport> ReadFootprint(const std::string& path) {
  const absl::StatusOr<std::string> json = ReadWholeFile(path);
  if (!json.ok()) return json.status();
  absl::StatusOr<FootprintReport> report = ParseFootprintJson(*json);
  if (report.ok()) return report;
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: %s: strata footprint --format json writes one", path, MessageOf(report.status())));
}

}  // namespace

absl::Status RunDiff(const DiffArgs& args) {
  if (absl::Status status = CheckFormat(args.format, {"text", "json", "html"}); !status.ok()) {
    return status;
  }
  for (const std::string* const file : {&args.a, &args.b}) {
    if (file->ends_with(".strata")) {
      return NotInThisVersion("a difference of saved caches",
                              "give two files of strata footprint --format json");
    }
  }
  if (args.a == "-" && args.b == "-") {
    return UsageError("standard input can be one of the two: give a file for the other");
  }
  absl::StatusOr<FootprintReport> a = ReadFootprint(args.a);
  if (!a.ok()) return a.status();
  absl::StatusOr<FootprintReport> b = ReadFootprint(args.b);
  if (!b.ok()) return b.status();
  absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(args.output);
  if (!output.ok()) return output.status();
  const FootprintDiff diff{
      .name_a = args.a, .name_b = args.b, .a = *std::move(a), .b = *std::move(b)};
  const std::string text = args.format == "json"   ? DiffJson(diff)
                           : args.format == "html" ? DiffHtml(diff)
                                                   : DiffText(diff);
  if (absl::Status status = (*output)->Write(text); !status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace strata::cli
