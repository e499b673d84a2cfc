// strata footprint: one layout's bytes by layer, and the books of the process that holds it.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "accounting/report/meanings.h"
#include "accounting/report/shown_text.h"
#include "cli/exit_status.h"
#include "cli/layout_jobs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "cli/words.h"

#include <strata/report.h>

namespace strata::cli {
namespace {

// What fits a screen.
constexpr std::size_t kShownOuters = 20;
// The one whose strings are counted by who names them.
constexpr const char* kLayoutByOuter = "packed";

// One layout has no other to be told from: its own name stands for the cache's.
NamedFootprint Named(const FootprintReport& report) {
  return {.cache = report.layout.footprint.layout, .footprint = report.layout.footprint};
}

absl::StatusOr<std::string> Formatted(const FootprintReport& report, std::string_view format,
                                      bool explain) {
  if (format == "json") return FootprintJson(report);
  if (format == "html") return FootprintHtml(report);
  const NamedFootprint named = Named(report);
  if (format == "pprof") return PprofProfile({&named, 1}, absl::ToUnixNanos(absl::Now()));
  if (format == "openmetrics") return OpenMetricsText({&named, 1}, &report.process);
  std::string text = FootprintText(report);
  if (explain) absl::StrAppend(&text, "\n", MeaningsText(report));
  return text;
}

}  // namespace

absl::Status RunFootprint(const FootprintArgs& args) {
  const bool by_outer = args.by == "outer";
  if (by_outer && args.layout != kLayoutByOuter) {
    return NotInThisVersion(absl::StrCat("--by outer of layout '", args.layout, "'"),
                            absl::StrCat("say --layout ", kLayoutByOuter));
  }
  if (args.by == "column") {
    return NotInThisVersion("--by column", "say --by outer, or leave it out");
  }
  if (args.by.has_value() && !by_outer) {
    return UsageError(absl::StrCat("--by '", ShownMessage(*args.by),
                                   "' divides nothing: say --by outer, or leave it out"));
  }
  if (absl::Status status =
          CheckFormat(args.format, {"text", "json", "html", "pprof", "openmetrics"});
      !status.ok()) {
    return status;
  }
  if (by_outer && (args.format == "pprof" || args.format == "openmetrics")) {
    return UsageError(
        absl::StrCat("--by outer is for text, json and html: leave it out of ", args.format));
  }
  if (args.explain && args.format != "text") {
    return UsageError(absl::StrCat("--explain is for text: leave it out of ", args.format));
  }
  if (absl::Status status = CheckLayout(args.layout); !status.ok()) return status;
  absl::StatusOr<SourceArg> source = SourceArg::Parse(args.source);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(args.output);
  if (!output.ok()) return output.status();
  if (absl::Status status = source->Spool(); !status.ok()) return status;

  ProgressLine progress("footprint", args.source.progress);
  progress.Note(args.layout);
  // Profiles and metrics have no place for the ratio.
  const bool has_ratio = args.format != "pprof" && args.format != "openmetrics";
  absl::StatusOr<FootprintReport> report = MeasureInProcess(
      *source,
      {.layout = args.layout, .outers = by_outer ? kShownOuters : 0, .std_map_bytes = has_ratio});
  if (!report.ok()) return report.status();
  const absl::StatusOr<std::string> text = Formatted(*report, args.format, args.explain);
  if (!text.ok()) return text.status();
  if (absl::Status status = (*output)->Write(*text); !status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace strata::cli
