#include "cli/layout_jobs.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/baselines/dataset.h"
#include "bench/baselines/measure.h"
#include "bench/baselines/memory_state.h"
#include "cli/churn_report.h"
#include "cli/exit_status.h"
#include "cli/reclaim_report.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

// The names of the jobs, and how many details each has.
constexpr std::string_view kMeasure = "measure";
constexpr std::size_t kMeasureDetails = 6;  // LayoutJob's, and whether to time it in turns
constexpr std::string_view kChurn = "churn";
constexpr std::size_t kChurnDetails = 2;  // times, rounds
constexpr std::string_view kReclaim = "reclaim";
constexpr std::size_t kReclaimDetails = 1;  // share
constexpr std::string_view kRemainder = "remainder";
constexpr std::size_t kRemainderDetails = 4;  // entries, the last one's hash, whether all

std::uint64_t NumberOf(const std::string& word) { return std::strtoull(word.c_str(), nullptr, 10); }

LayoutReport ReportOf(const Measurement& measured) {
  return {.footprint = measured.footprint,
          .allocator = measured.allocator,
          .empty_bytes = measured.empty_bytes,
          .rss_delta_bytes = measured.rss_delta_bytes,
          .peak_rss_bytes = measured.peak_rss_bytes,
          .load_seconds = measured.load_seconds,
          .load_allocated_bytes = measured.load_allocated_bytes,
          .load_allocations = measured.load_allocations,
          .lookup_ns = measured.lookup_ns,
          .lookup_batch_ns = measured.lookup_batch_ns,
          .scan_ns_per_pair = measured.scan_ns_per_pair,
          .digest = measured.digest};
}

absl::StatusOr<FootprintReport> Measure(const SourceArg& source, const LayoutJob& job,
                                        bool in_turns) {
  FootprintReport report;
  MeasureOptions options;
  if (in_turns) options.await_turn = AwaitTurnInChild;
  options.lookups = job.lookups;
  options.rounds = job.rounds;
  options.describe_dataset = job.describe_dataset;
  options.std_map_bytes = job.std_map_bytes;
  options.on_loaded = [&](const Layout& layout, const Footprint& footprint) {
    // Nothing that measuring needs is there yet.
    absl::StatusOr<ProcessBooks> process = ReadProcessBooks({&footprint, 1});
    if (!process.ok()) return process.status();
    report.process = *std::move(process);
    if (job.outers == 0) return absl::OkStatus();
    absl::StatusOr<std::vector<OuterFootprint>> outers = layout.LargestOuters(job.outers);
    if (outers.ok()) report.outers = *std::move(outers);
    return outers.status();
  };
  const absl::StatusOr<Measurement> measured = MeasureLayout(
      job.layout, [&source] { return source.Open(); }, options);
  if (!measured.ok()) return measured.status();
  report.layout = ReportOf(*measured);
  report.std_map_bytes = measured->std_map_bytes;
  report.dataset.digest = measured->digest;
  if (measured->dataset.has_value()) {
    report.dataset.counts = measured->dataset->counts;
    report.dataset.distinct_strings = measured->dataset->distinct_strings;
    report.dataset.text_bytes = measured->dataset->text_bytes;
  }
  return report;
}

// What a child's result is, or that it cannot be read.
template <class Result>
absl::StatusOr<Result> OrInternal(const std::string& layout, absl::StatusOr<Result> result) {
  if (result.ok()) return result;
  return absl::InternalError(absl::StrFormat("layout %s: %s", layout, MessageOf(result.status())));
}

LayoutWords WordsOf(const LayoutJob& job, bool in_turns) {
  return {.job = std::string(kMeasure),
          .layout = job.layout,
          .details = {absl::StrCat(job.lookups), absl::StrCat(job.rounds),
                      job.describe_dataset ? "1" : "0", absl::StrCat(job.outers),
                      job.std_map_bytes ? "1" : "0", in_turns ? "1" : "0"}};
}

absl::StatusOr<FootprintReport> ReportOfResult(const SourceArg& source, const LayoutJob& job,
                                               const std::string& result) {
  absl::StatusOr<FootprintReport> report = OrInternal(job.layout, ParseFootprintJson(result));
  // The child knows the source by its descriptor, the user by its name.
  if (report.ok()) report->dataset.source = source.name();
  return report;
}

// A turn for each that wants one, again and again until none does.
absl::Status GiveTurns(const std::vector<std::unique_ptr<LayoutProcess>>& processes,
                       absl::FunctionRef<void(const std::string& step)> on_step) {
  for (int round = 1, wanted = 1; wanted > 0; ++round) {
    wanted = 0;
    on_step(absl::StrFormat("timing, round %d", round));
    for (const std::unique_ptr<LayoutProcess>& process : processes) {
      if (!process->wants_turn()) continue;
      process->GiveTurn();
      if (absl::Status status = process->Await(); !status.ok()) return status;
      if (process->wants_turn()) ++wanted;
    }
  }
  return absl::OkStatus();
}

// The result of a job as text.
template <class Result, class ToText>
absl::StatusOr<std::string> TextOf(const absl::StatusOr<Result>& result, ToText to_text) {
  if (!result.ok()) return result.status();
  return to_text(*result);
}

}  // namespace

absl::StatusOr<FootprintReport> MeasureInProcess(const SourceArg& source, const LayoutJob& job) {
  const absl::StatusOr<std::string> result = RunInProcess(source, WordsOf(job, false));
  if (!result.ok()) return result.status();
  return ReportOfResult(source, job, *result);
}

absl::StatusOr<std::vector<FootprintReport>> MeasureInTurns(
    const SourceArg& source, const std::vector<LayoutJob>& jobs,
    absl::FunctionRef<void(const std::string& step)> on_step) {
  std::vector<std::unique_ptr<LayoutProcess>> processes;
  std::uint64_t largest_bytes = 0;
  for (const LayoutJob& job : jobs) {
    // The next one may take as much as the largest, and while it loads more.
    const std::uint64_t free_bytes = FreeMemoryBytes();
    if (free_bytes < 2 * largest_bytes) {
      if (absl::Status status = GiveTurns(processes, on_step); !status.ok()) return status;
    }
    on_step(absl::StrFormat("%s (%d of %d)", job.layout, processes.size() + 1, jobs.size()));
    absl::StatusOr<std::unique_ptr<LayoutProcess>> process =
        LayoutProcess::Start(source, WordsOf(job, true));
    if (!process.ok()) return process.status();
    if (absl::Status status = (*process)->Await(); !status.ok()) return status;
    processes.push_back(*std::move(process));
    largest_bytes = std::max(largest_bytes, free_bytes - std::min(free_bytes, FreeMemoryBytes()));
  }
  if (absl::Status status = GiveTurns(processes, on_step); !status.ok()) return status;
  std::vector<FootprintReport> reports;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    absl::StatusOr<FootprintReport> report =
        ReportOfResult(source, jobs[i], processes[i]->result());
    if (!report.ok()) return report.status();
    reports.push_back(*std::move(report));
  }
  return reports;
}

absl::StatusOr<DatasetReport> DescribeInProcess(const SourceArg& source) {
  absl::StatusOr<FootprintReport> report =
      MeasureInProcess(source, {.layout = std::string(kDefaultLayout), .rounds = 0});
  if (!report.ok()) return report.status();
  return std::move(report->dataset);
}

absl::StatusOr<ChurnMeasurement> ChurnInProcess(const SourceArg& source, const std::string& layout,
                                                const ChurnOptions& options) {
  const absl::StatusOr<std::string> result = RunInProcess(
      source, {.job = std::string(kChurn),
               .layout = layout,
               .details = {absl::StrCat(options.times), absl::StrCat(options.rounds)}});
  if (!result.ok()) return result.status();
  return OrInternal(layout, ParseChurnResult(*result));
}

absl::StatusOr<ReclaimMeasurement> ReclaimInProcess(const SourceArg& source,
                                                    const std::string& layout, double share) {
  const absl::StatusOr<std::string> result =
      RunInProcess(source, {.job = std::string(kReclaim),
                            .layout = layout,
                            .details = {absl::StrFormat("%.17g", share)}});
  if (!result.ok()) return result.status();
  return OrInternal(layout, ParseReclaimResult(*result));
}

absl::StatusOr<Remainder> RemainderInProcess(const SourceArg& source, const std::string& layout,
                                             const Deletion& deletion) {
  const absl::StatusOr<std::string> result = RunInProcess(
      source, {.job = std::string(kRemainder),
               .layout = layout,
               .details = {absl::StrCat(deletion.entries), absl::StrCat(deletion.last.high),
                           absl::StrCat(deletion.last.low), deletion.everything ? "1" : "0"}});
  if (!result.ok()) return result.status();
  return OrInternal(layout, ParseRemainderResult(*result));
}

absl::StatusOr<std::string> DoLayoutJob(const SourceArg& source, const LayoutWords& words) {
  const std::vector<std::string>& details = words.details;
  const auto is = [&](std::string_view job, std::size_t count) {
    return words.job == job && details.size() == count;
  };
  const OpenSource open = [&source] { return source.Open(); };
  if (is(kMeasure, kMeasureDetails)) {
    return TextOf(Measure(source,
                          {.layout = words.layout,
                           .lookups = NumberOf(details[0]),
                           .rounds = NumberOf(details[1]),
                           .describe_dataset = details[2] == "1",
                           .outers = NumberOf(details[3]),
                           .std_map_bytes = details[4] == "1"},
                          details[5] == "1"),
                  FootprintJson);
  }
  if (is(kChurn, kChurnDetails)) {
    return TextOf(MeasureChurn(words.layout, open,
                               {.times = NumberOf(details[0]), .rounds = NumberOf(details[1])}),
                  ChurnResult);
  }
  if (is(kReclaim, kReclaimDetails)) {
    return TextOf(MeasureReclaim(words.layout, open, std::strtod(details[0].c_str(), nullptr)),
                  ReclaimResult);
  }
  if (is(kRemainder, kRemainderDetails)) {
    const Deletion deletion{.entries = NumberOf(details[0]),
                            .last = {.high = NumberOf(details[1]), .low = NumberOf(details[2])},
                            .everything = details[3] == "1"};
    return TextOf(MeasureRemainder(words.layout, open, deletion), RemainderResult);
  }
  return absl::InternalError("its words are those of another version: start the program anew");
}

}  // namespace strata::cli
