// A Go program's memory as sentences and tables.
//
// Threads: pure functions.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "accounting/report/shown_text.h"
#include "accounting/report/text_parts.h"

#include <strata/go_memory.h>

namespace strata {
namespace {

// In MB where two places of a GB would say next to nothing.
std::string Gigabytes(double bytes) {
  constexpr double kFewBytes = 1e8;
  return bytes < kFewBytes ? absl::StrFormat("%.2f MB", bytes / 1e6)
                           : absl::StrFormat("%.2f GB", bytes / 1e9);
}
template <class Integer>
std::string Gigabytes(Integer bytes) {
  return Gigabytes(static_cast<double>(bytes));
}
template <class Integer>
std::string Mi(Integer bytes) {
  return absl::StrFormat("%.1fMi", static_cast<double>(bytes) / (1 << 20));
}

// Words in lines, each begun by `indent` blanks.
std::string Lines(std::string_view text, std::size_t indent) {
  return Folded(absl::StrCat(std::string(indent, ' '), std::string(text)), kTextColumns, indent) +
         "\n";
}

std::int64_t BytesOf(const GoMemoryReport& report, std::string_view prefix) {
  std::int64_t bytes = 0;
  for (const GoMemoryTerm& term : report.terms) {
    if (std::string_view(term.name).starts_with(prefix)) bytes += term.bytes;
  }
  return bytes;
}

std::string Sentences(const GoMemoryReport& report) {
  std::string text;
  if (report.observed_bytes.has_value()) {
    const std::int64_t rest = *report.unexplained_bytes;
    text = absl::StrFormat(
        "Of the container's %s (%s) the Go runtime explains %s: Sys - HeapReleased. %s",
        Gigabytes(*report.observed_bytes), Mi(*report.observed_bytes),
        Gigabytes(report.explained_bytes),
        rest >= 0
            ? absl::StrFormat("%s are not in MemStats.", Gigabytes(rest))
            : absl::StrFormat("That is %s more than the container is charged.", Gigabytes(-rest)));
    // No Go program is so small.
    constexpr std::uint64_t kLeastBytes = std::uint64_t{1} << 20;
    if (*report.observed_bytes < kLeastBytes) {
      absl::StrAppendFormat(&text,
                            " BUT %s bytes are less than any Go program takes: is a unit missing, "
                            "as in %dMi?",
                            Grouped(*report.observed_bytes), *report.observed_bytes);
    }
  } else {
    text = absl::StrFormat(
        "The Go runtime holds %s (%s): Sys - HeapReleased. With --observed, what the container is "
        "charged, it can be said what is not in MemStats.",
        Gigabytes(report.explained_bytes), Mi(report.explained_bytes));
  }
  absl::StrAppendFormat(
      &text,
      " %s are live objects%s; %s lie free between them in spans that are in use; %s are idle and "
      "not returned; %s are the runtime's own. %s have been returned to the system%s.",
      Gigabytes(report.live_bytes),
      report.heap_objects == 0
          ? ""
          : absl::StrFormat(
                ", %s of them, %.0f bytes each", Grouped(report.heap_objects),
                static_cast<double>(report.live_bytes) / static_cast<double>(report.heap_objects)),
      Gigabytes(BytesOf(report, "fragmentation")), Gigabytes(BytesOf(report, "idle")),
      Gigabytes(BytesOf(report, "runtime")), Gigabytes(BytesOf(report, "returned")),
      report.unexplained_bytes.value_or(0) > 0 ? ", and cost nothing unless lazily or in huge pages"
                                               : "");
  if (report.next_gc_bytes > report.live_bytes) {
    absl::StrAppendFormat(
        &text,
        " The heap may grow to %s (NextGC) before the next collection: GOGC and GOMEMLIMIT decide "
        "that.",
        Gigabytes(report.next_gc_bytes));
  }
  return Lines(text, 0);
}

std::string TermsText(const GoMemoryReport& report) {
  const bool observed = report.observed_bytes.has_value();
  const std::uint64_t whole = observed ? *report.observed_bytes : report.explained_bytes;
  Table table({"where", "bytes", "Mi", observed ? "of container" : "of held", "MemStats"});
  const auto add = [&](const std::string& name, std::int64_t bytes, bool counts,
                       const std::string& fields) {
    table.Add({name, Grouped(bytes),
               absl::StrFormat("%.1f", static_cast<double>(bytes) / (1 << 20)),
               counts ? Percent(static_cast<double>(bytes), whole) : "", fields});
  };
  if (observed) {
    add("container", static_cast<std::int64_t>(*report.observed_bytes), true, "--observed");
  }
  add("held by the runtime", static_cast<std::int64_t>(report.explained_bytes), true,
      "Sys - HeapReleased");
  for (const GoMemoryTerm& term : report.terms) {
    if (term.in_container) add("  " + term.name, term.bytes, true, term.fields);
  }
  if (observed) add("not in MemStats", *report.unexplained_bytes, true, "the rest");
  for (const GoMemoryTerm& term : report.terms) {
    if (!term.in_container) add("(" + term.name + ")", term.bytes, false, term.fields);
  }
  return table.Text();
}

std::string SuspectsText(const GoMemoryReport& report) {
  if (report.suspects.empty()) return "";
  const bool more = *report.unexplained_bytes > 0;
  std::string text = absl::StrFormat(
      "\n%s, the likeliest first, and what decides\n"
      "each; PID is the process's number in the container, mostly 1\n",
      more ? "Suspects for what is not in MemStats" : "Why a container may be charged for less");
  int rank = 0;
  for (const GoMemorySuspect& suspect : report.suspects) {
    absl::StrAppendFormat(
        &text, "%2d. %s%s\n", ++rank, suspect.name,
        suspect.most_bytes ? absl::StrFormat(" (at most %s)", Gigabytes(*suspect.most_bytes)) : "");
    absl::StrAppend(&text, Lines(suspect.reason, 4));
    // As they are: a command that is folded is none.
    for (const absl::string_view command : absl::StrSplit(suspect.decide, '\n')) {
      absl::StrAppend(&text, "      ", command, "\n");
    }
  }
  return text;
}

// Tables and segments that have just been begun are a hundredth of it.
constexpr std::uint64_t kLeastSampleBytes = std::uint64_t{10} << 20;

std::string EstimateText(const GoMemoryReport& report, const GoSampleEstimate& estimate) {
  if (estimate.go_sample_bytes == 0) {
    return absl::StrFormat("\n%s holds nothing to scale by.\n", Shown(estimate.sample));
  }
  const double scale =
      static_cast<double>(report.live_bytes) / static_cast<double>(estimate.go_sample_bytes);
  std::string text =
      "\n" + Lines(absl::StrFormat(
                       "ESTIMATE from the sample %s (%s %s): decoded by encoding/json into "
                       "map[string]map[string][]map[string]string it takes %s bytes of Go's "
                       "heap, as reckoned from "
                       "its size classes. If the %s of live objects are such data, there is %.4g "
                       "times as much of "
                       "it. The sample, built in each layout and measured, times that (but for "
                       "what a layout holds however little there is):",
                       Shown(estimate.sample), Grouped(estimate.counts.pairs),
                       Plural(estimate.counts.pairs, "pair", "pairs"),
                       Grouped(estimate.go_sample_bytes), Gigabytes(report.live_bytes), scale),
                   0);
  Table table({"layout", "sample, measured", "all of it, estimated", "Mi", "of Go's live heap"});
  for (const GoSampleEstimate::Layout& layout : estimate.layouts) {
    const std::uint64_t grows_bytes = layout.sample_bytes - layout.empty_bytes;
    const double bytes =
        static_cast<double>(layout.empty_bytes) + static_cast<double>(grows_bytes) * scale;
    table.Add({layout.layout, Grouped(layout.sample_bytes),
               absl::StrCat("~", Grouped(static_cast<std::uint64_t>(bytes))),
               absl::StrFormat("%.1f", bytes / (1 << 20)), Percent(bytes, report.live_bytes)});
  }
  text += table.Text();
  if (estimate.go_sample_bytes < kLeastSampleBytes) {
    text +=
        Lines(absl::StrFormat(
                  "The sample is so small that the room a layout begins with is multiplied with "
                  "it: give one of %d MiB of Go's heap or more.",
                  kLeastSampleBytes >> 20),
              0);
  }
  return text;
}

}  // namespace

std::string GoMemoryText(const GoMemoryReport& report, const GoSampleEstimate* estimate) {
  return absl::StrCat(Sentences(report), "\n", TermsText(report), SuspectsText(report),
                      estimate == nullptr ? "" : EstimateText(report, *estimate));
}

}  // namespace strata
