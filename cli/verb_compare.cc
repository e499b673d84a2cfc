// strata compare: the same data in each layout, side by side.
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "cli/exit_status.h"
#include "cli/layout_jobs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/words.h"

#include <strata/report.h>

namespace strata::cli {
namespace {

// What makes a comparison worthless: a layout that lost content, books that are wrong.
absl::Status Check(const CompareReport& report) {
  const LayoutReport& first = report.layouts.front();
  for (const LayoutReport& layout : report.layouts) {
    const Footprint& footprint = layout.footprint;
    if (layout.digest != first.digest) {
      return absl::DataLossError(absl::StrFormat(
          "%s: layout %s holds other content than %s (digest %s, %s): did the source change "
          "meanwhile? If not, this is a bug: report it with the data",
          report.dataset.source, footprint.layout, first.footprint.layout, layout.digest,
          first.digest));
    }
    if (footprint.total_bytes() != footprint.allocated_bytes) {
      return absl::InternalError(absl::StrFormat(
          "%s: the books of layout %s are wrong, %d bytes walked and %d counted: this is a bug, "
          "report it with the data",
          report.dataset.source, footprint.layout, footprint.total_bytes(),
          footprint.allocated_bytes));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunCompare(const CompareArgs& args) {
  if (absl::Status status = CheckFormat(args.format, {"text", "json", "html"}); !status.ok()) {
    return status;
  }
  const absl::StatusOr<std::vector<std::string>> layouts = ParseLayouts(args.layouts);
  if (!layouts.ok()) return layouts.status();
  const absl::StatusOr<std::uint64_t> lookups = ParseNumber("--lookups", args.lookups, kMaxLookups);
  if (!lookups.ok()) return lookups.status();
  absl::StatusOr<SourceArg> source = SourceArg::Parse(args.source);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(args.output);
  if (!output.ok()) return output.status();
  if (absl::Status status = source->Spool(); !status.ok()) return status;

  std::vector<LayoutJob> jobs;
  for (const std::string& layout : *layouts) {
    jobs.push_back({.layout = layout, .lookups = *lookups, .describe_dataset = jobs.empty()});
  }
  ProgressLine progress("compare", args.source.progress);
  absl::StatusOr<std::vector<FootprintReport>> measured =
      MeasureInTurns(*source, jobs, [&](const std::string& step) { progress.Note(step); });
  if (!measured.ok()) return measured.status();
  CompareReport report{.dataset = std::move(measured->front().dataset), .layouts = {}};
  for (FootprintReport& one : *measured) report.layouts.push_back(std::move(one.layout));
  if (absl::Status status = Check(report); !status.ok()) return status;
  const std::string text = args.format == "json"   ? CompareJson(report)
                           : args.format == "html" ? CompareHtml(report)
                                                   : CompareText(report);
  if (absl::Status status = (*output)->Write(text); !status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace strata::cli
