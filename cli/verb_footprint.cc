// strata footprint: one layout's bytes by layer, and the books of the process that holds it.
#include <memory>

#include "accounting/report/report.h"
#include "cli/exit_status.h"
#include "cli/layout_jobs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/words.h"

namespace strata::cli {

absl::Status RunFootprint(const FootprintArgs& args) {
  if (args.by.has_value()) {
    return NotInThisVersion("--by", "leave it out to see layers");
  }
  if (absl::Status status = CheckFormat(args.format, {"text", "json"}); !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckLayout(args.layout); !status.ok()) return status;
  absl::StatusOr<SourceArg> source = SourceArg::Parse(args.source);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(args.output);
  if (!output.ok()) return output.status();
  if (absl::Status status = source->Spool(); !status.ok()) return status;

  ProgressLine progress("footprint", args.source.progress);
  progress.Note(args.layout);
  const absl::StatusOr<FootprintReport> report = MeasureInProcess(*source, {.layout = args.layout});
  if (!report.ok()) return report.status();
  const std::string text = args.format == "json" ? FootprintJson(*report) : FootprintText(*report);
  if (absl::Status status = (*output)->Write(text); !status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace strata::cli
