// Comparisons and timings as text: one screen of tables.
#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "accounting/report/bench_report.h"
#include "accounting/report/meanings.h"
#include "accounting/report/shown_text.h"
#include "accounting/report/text_parts.h"

namespace strata {
namespace {

// The layers of one layout, and their sum.
std::string LayersText(const Footprint& footprint, std::uint64_t pairs) {
  Table table({"layer", "count", "bytes", "share", "bytes/pair", "used", "slack", "dead"});
  const std::uint64_t whole = footprint.total_bytes();
  Layer sum{.name = "all layers"};
  const auto add = [&](const Layer& layer, std::string count) {
    const std::uint64_t bytes = layer.total_bytes();
    table.Add({layer.name, std::move(count), Grouped(bytes), Percent(bytes, whole),
               Each(bytes, pairs), Percent(layer.used_bytes, bytes),
               Percent(layer.slack_bytes, bytes), Percent(layer.dead_bytes, bytes)});
  };
  for (const Layer& layer : footprint.layers) {
    add(layer, Grouped(layer.count));
    sum.used_bytes += layer.used_bytes;
    sum.slack_bytes += layer.slack_bytes;
    sum.dead_bytes += layer.dead_bytes;
  }
  add(sum, "");
  return table.Text();
}

const LayoutReport* Reference(const CompareReport& report) {
  for (const LayoutReport& layout : report.layouts) {
    if (layout.footprint.layout == "std_map") return &layout;
  }
  return nullptr;
}

// One in which the smallest of them has digits.
ByteUnit UnitOf(const std::vector<LayoutReport>& layouts) {
  std::uint64_t least_bytes = std::uint64_t{1} << 20;
  for (const LayoutReport& layout : layouts) {
    const std::uint64_t bytes = layout.footprint.total_bytes();
    if (bytes > 0) least_bytes = std::min(least_bytes, bytes);
  }
  return ByteUnit::For(least_bytes);
}

// What layouts hold however little there is, where that shows: bytes a pair of little data say
// little.
std::string EmptyText(const std::vector<LayoutReport>& layouts) {
  std::string text;
  for (const LayoutReport& layout : layouts) {
    if (!EmptyShows(layout)) continue;
    absl::StrAppend(&text, text.empty() ? "of that, held however little there is: " : ", ",
                    Shown(layout.footprint.layout), " ", InItsUnit(*layout.empty_bytes));
  }
  return text.empty() ? "" : Folded(text, kTextColumns, 2) + "\n";
}

}  // namespace

bool EmptyShows(const LayoutReport& layout) {
  constexpr double kLeastShare = 0.01;
  return layout.empty_bytes.value_or(0) > 0 &&
         static_cast<double>(*layout.empty_bytes) >=
             kLeastShare * static_cast<double>(layout.footprint.total_bytes());
}

std::string CompareText(const CompareReport& report) {
  std::string text = DatasetText(report.dataset);
  const LayoutReport* const reference = Reference(report);
  const std::uint64_t pairs = report.dataset.counts.pairs;
  const ByteUnit unit = UnitOf(report.layouts);
  Table table({"layout", unit.name(), "bytes/pair", "of std_map", "RSS MiB", "peak MiB", "load s",
               "lookup ns", "scan ns"});
  bool exact = true;
  std::string others;
  for (const LayoutReport& layout : report.layouts) {
    const std::uint64_t bytes = layout.footprint.total_bytes();
    const std::uint64_t whole = reference == nullptr ? 0 : reference->footprint.total_bytes();
    exact = exact && bytes == layout.footprint.allocated_bytes;
    if (layout.digest != report.dataset.digest)
      absl::StrAppend(&others, " ", layout.footprint.layout);
    table.Add({layout.footprint.layout, unit.Of(static_cast<double>(bytes)), Each(bytes, pairs),
               whole == 0 ? "-"
                          : absl::StrFormat(
                                "%.3f", static_cast<double>(bytes) / static_cast<double>(whole)),
               Mebibytes(layout.rss_delta_bytes), Mebibytes(layout.peak_rss_bytes),
               layout.load_seconds ? absl::StrFormat("%.2f", *layout.load_seconds) : "-",
               Nanoseconds(layout.lookup_ns), Nanoseconds(layout.scan_ns_per_pair)});
  }
  absl::StrAppend(&text, table.Text(),
                  exact ? "walked bytes = bytes counted at the door, in each\n"
                        : "walked bytes and bytes counted at the door DIFFER\n",
                  others.empty() ? "content read back equal, in each\n"
                                 : absl::StrCat("content read back DIFFERS in", others, "\n"),
                  EmptyText(report.layouts));
  for (const LayoutReport& layout : report.layouts) {
    absl::StrAppend(&text, "\n", layout.footprint.layout, " (", layout.allocator, "), bytes\n",
                    LayersText(layout.footprint, pairs));
  }
  std::string states;
  for (const auto& [state, meaning] : StateMeanings()) {
    states.append(states.empty() ? "" : "; ").append(state).append(": ").append(meaning);
  }
  return absl::StrCat(text, "\n", Folded(states, kTextColumns, 2), "\n");
}

std::string BenchText(const BenchReport& report) {
  std::string text = DatasetText(report.dataset);
  const bool lookup = report.benchmark == "lookup";
  Table table(
      lookup ? std::vector<std::string>{"layout", "rounds", "lookup ns", "batch ns", "scan ns/pair"}
             : std::vector<std::string>{"layout", "rounds", "load s", "fastest s", "ns/pair",
                                        "pairs/s"});
  const double pairs = static_cast<double>(report.dataset.counts.pairs);
  for (const BenchRow& row : report.rows) {
    const std::string rounds = absl::StrCat(row.load_seconds.size());
    if (lookup) {
      table.Add({row.layout, rounds, Nanoseconds(Median(row.lookup_ns)),
                 Nanoseconds(Median(row.lookup_batch_ns)),
                 Nanoseconds(Median(row.scan_ns_per_pair))});
      continue;
    }
    const double seconds = Median(row.load_seconds).value_or(0);
    const bool rate = pairs > 0 && seconds > 0;
    table.Add({row.layout, rounds, absl::StrFormat("%.3f", seconds),
               absl::StrFormat("%.3f", row.load_seconds.empty()
                                           ? 0.0
                                           : *std::min_element(row.load_seconds.begin(),
                                                               row.load_seconds.end())),
               rate ? absl::StrFormat("%.0f", seconds * 1e9 / pairs) : "-",
               rate ? Grouped(static_cast<std::uint64_t>(pairs / seconds)) : "-"});
  }
  return text + "medians, each round in a process of its own\n" + table.Text();
}

}  // namespace strata
