// strata footprint: one layout's bytes by layer, and the books of the process that holds it.
#include <memory>

#include "absl/strings/str_cat.h"
#include "accounting/report/report.h"
#include "cli/exit_status.h"
#include "cli/layout_jobs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/words.h"

namespace strata::cli {
namespace {

// What fits a screen.
constexpr std::size_t kShownOuters = 20;
// The one whose strings are counted by who names them.
constexpr const char* kLayoutByOuter = "packed";

}  // namespace

absl::Status RunFootprint(const FootprintArgs& args) {
  const bool by_outer = args.by == "outer";
  if (by_outer && args.layout != kLayoutByOuter) {
    return NotInThisVersion(absl::StrCat("--by outer of layout '", args.layout, "'"),
                            absl::StrCat("say --layout ", kLayoutByOuter));
  }
  if (args.by.has_value() && !by_outer) {
    return NotInThisVersion(absl::StrCat("--by ", *args.by), "say --by outer, or leave it out");
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
  const absl::StatusOr<FootprintReport> report =
      MeasureInProcess(*source, {.layout = args.layout, .outers = by_outer ? kShownOuters : 0});
  if (!report.ok()) return report.status();
  const std::string text = args.format == "json" ? FootprintJson(*report) : FootprintText(*report);
  if (absl::Status status = (*output)->Write(text); !status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace strata::cli
