// strata explain memstats: where the bytes of a Go program are.
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "bench/baselines/layout.h"
#include "cli/exit_status.h"
#include "cli/layout_jobs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/read_file.h"
#include "cli/verbs.h"
#include "cli/words.h"

#include <strata/go_memory.h>

namespace strata::cli {
namespace {

// Reckons what the sample takes in Go, entry by entry.
absl::Status Reckon(const Cache& cache, GoHeapReckoner* go) {
  OuterCursor outers;
  const ReadGuard guard(cache);
  while (outers.Next(guard)) {
    go->AddOuter(outers.outer(), outers.entry_count());
    EntryCursor entries(outers.outer());
    while (entries.Next(guard)) {
      const EntryReader entry = entries.entry();
      go->AddEntry(entries.inner(), entry.record_count());
      for (RecordCursor record = entry.records(); record.valid(); record.Next()) {
        go->AddRecord(record.record().pair_count());
        for (PairCursor pair = record.record().pairs(); pair.valid(); pair.Next()) {
          go->AddPair(pair.key(), pair.value());
        }
      }
    }
    if (absl::Status status = entries.status(); !status.ok()) return status;
  }
  return outers.status();
}

// Where there is no sample, no word may say how to read one.
absl::Status CheckNoSample(const SourceFlags& flags) {
  for (const auto& [option, given] : {std::pair("--root", !flags.root.empty()),
                                      std::pair("--input-format", !flags.input_format.empty()),
                                      std::pair("--defaults-file", !flags.defaults_file.empty()),
                                      std::pair("--password-file", !flags.password_file.empty()),
                                      std::pair("--progress", flags.progress)}) {
    if (given) return OnlyWith(option, "--sample");
  }
  return absl::OkStatus();
}

// Builds the sample in each layout.
absl::StatusOr<GoSampleEstimate> Estimate(SourceArg& source, bool progress_wanted) {
  if (absl::Status status = source.Spool(); !status.ok()) return status;
  GoSampleEstimate estimate;
  estimate.sample = source.name();
  {
    const absl::StatusOr<LoadedCache> loaded = LoadCache(source, progress_wanted);
    if (!loaded.ok()) return loaded.status();
    estimate.counts = loaded->cache.counts();
    GoHeapReckoner go;
    if (absl::Status status = Reckon(loaded->cache, &go); !status.ok()) return status;
    estimate.go_sample_bytes = go.bytes();
  }
  ProgressLine progress("explain", progress_wanted);
  for (const std::string_view layout : LayoutNames()) {
    progress.Note(std::string(layout));
    const absl::StatusOr<FootprintReport> report = MeasureInProcess(
        source, {.layout = std::string(layout), .rounds = 0, .describe_dataset = false});
    if (!report.ok()) return report.status();
    estimate.layouts.push_back({.layout = std::string(layout),
                                .sample_bytes = report->layout.footprint.total_bytes(),
                                .empty_bytes = report->layout.empty_bytes.value_or(0)});
  }
  return estimate;
}

}  // namespace

absl::Status CheckExplained(std::string_view what) {
  if (what == "memstats") return absl::OkStatus();
  return UsageError(
      absl::StrFormat("there is nothing called '%s' to explain: give memstats", what));
}

absl::Status RunExplain(const ExplainArgs& args) {
  if (absl::Status status = CheckExplained(args.what); !status.ok()) return status;
  std::optional<std::uint64_t> observed;
  if (args.observed.has_value()) {
    const absl::StatusOr<std::uint64_t> bytes = ParseQuantity("--observed", *args.observed);
    if (!bytes.ok()) return bytes.status();
    if (*bytes == 0) {
      return UsageError("--observed: no container is charged 0 bytes: leave it out if unknown");
    }
    observed = *bytes;
  }
  if (args.file == "-" && args.sample.source == "-") {
    return UsageError("standard input can be FILE or --sample: give a file for the other");
  }
  std::optional<SourceArg> sample;
  if (args.sample.source.empty()) {
    if (absl::Status status = CheckNoSample(args.sample); !status.ok()) return status;
  } else {
    absl::StatusOr<SourceArg> parsed = SourceArg::Parse(args.sample);
    if (!parsed.ok()) return parsed.status();
    sample = *std::move(parsed);
  }
  const absl::StatusOr<std::string> json = ReadWholeFile(args.file);
  if (!json.ok()) return json.status();
  const absl::StatusOr<GoMemStats> stats = ParseGoMemStats(*json);
  if (!stats.ok()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %s", args.file, MessageOf(stats.status())));
  }
  absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(args.output);
  if (!output.ok()) return output.status();
  std::optional<GoSampleEstimate> estimate;
  if (sample.has_value()) {
    absl::StatusOr<GoSampleEstimate> made = Estimate(*sample, args.sample.progress);
    if (!made.ok()) return made.status();
    estimate = *std::move(made);
  }
  const std::string text =
      GoMemoryText(ExplainGoMemory(*stats, observed), estimate.has_value() ? &*estimate : nullptr);
  if (absl::Status status = (*output)->Write(text); !status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace strata::cli
