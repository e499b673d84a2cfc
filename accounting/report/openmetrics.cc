// Footprints as OpenMetrics text.
//
// A family's samples stand together, as the format demands. Everything of the caches and the
// process is a gauge; labelled bytes are leaves only, so that sum() over any label is right.
//
// Threads: pure functions.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/label_text.h"

#include <strata/report.h>

namespace strata {
namespace {

std::string Escaped(std::string_view value) {
  std::string text;
  for (const char c : AsUtf8(value)) {
    if (c == '\n') {
      text += "\\n";
    } else {
      if (c == '\\' || c == '"') text += '\\';
      text += c;
    }
  }
  return text;
}

class Metrics {
 public:
  void Family(std::string_view name, std::string_view unit, std::string_view help,
              std::string_view type = "gauge") {
    name_ = name;
    absl::StrAppendFormat(&text_, "# TYPE %s %s\n", name, type);
    if (!unit.empty()) absl::StrAppendFormat(&text_, "# UNIT %s %s\n", name, unit);
    absl::StrAppendFormat(&text_, "# HELP %s %s\n", name, help);
    if (type == "counter") name_ += "_total";
  }

  using LabelPairs = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  template <class Number>
  void Sample(LabelPairs labels, Number value) {
    SampleOf(labels, value);
  }
  template <class Labels, class Number>
  void SampleOf(const Labels& labels, Number value) {
    text_ += name_;
    char before = '{';
    for (const auto& [label, text] : labels) {
      absl::StrAppendFormat(&text_, "%c%s=\"%s\"", before, label, Escaped(text));
      before = ',';
    }
    absl::StrAppend(&text_, labels.size() == 0 ? "" : "}", " ", value, "\n");
  }

  std::string Text() && { return std::move(text_) + "# EOF\n"; }

 private:
  std::string name_;
  std::string text_;
};

using Labels = std::vector<std::string>;

constexpr char kMemoryHelp[] =
    "What a layer of a cache holds, by what it serves: live content, spare room, content that is "
    "gone; whole where that is not told apart.";

void AddStates(const std::string& label, const Layer& layer, Metrics* metrics) {
  for (const auto& [state, bytes] :
       {std::pair("used", layer.used_bytes), std::pair("slack", layer.slack_bytes),
        std::pair("dead", layer.dead_bytes)}) {
    metrics->Sample({{"cache", label}, {"layer", layer.name}, {"state", state}}, bytes);
  }
}

void AddLayers(std::span<const NamedFootprint> caches, const Labels& labels, Metrics* metrics) {
  metrics->Family("strata_memory_bytes", "bytes", kMemoryHelp);
  for (std::size_t i = 0; i < caches.size(); ++i) {
    for (const Layer& layer : caches[i].footprint.layers) AddStates(labels[i], layer, metrics);
  }
  metrics->Family("strata_layer_items", "", "Live items of a layer, as its name says.");
  for (std::size_t i = 0; i < caches.size(); ++i) {
    for (const Layer& layer : caches[i].footprint.layers) {
      metrics->Sample({{"cache", labels[i]}, {"layer", layer.name}}, layer.count);
    }
  }
}

void AddLayers(std::span<const NamedRunning> caches, const Labels& labels, Metrics* metrics) {
  metrics->Family("strata_memory_bytes", "bytes", kMemoryHelp);
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const RunningFootprint& now = caches[i].running;
    for (const Layer& layer : caches[i].layers) AddStates(labels[i], layer, metrics);
    if (!caches[i].layers.empty()) continue;
    for (const auto& [layer, state, bytes] :
         {std::tuple("log", "used", now.log_live_bytes),
          std::tuple("log", "slack", now.log_slack_bytes),
          std::tuple("log", "dead", now.log_dead_bytes),
          std::tuple("retained", "dead", now.log_kept_bytes),
          std::tuple("index", "whole", now.index_bytes),
          std::tuple("dictionary", "whole", now.dictionary_bytes),
          std::tuple("other", "whole", now.other_bytes)}) {
      metrics->Sample({{"cache", labels[i]}, {"layer", layer}, {"state", state}}, bytes);
    }
  }
  metrics->Family("strata_writes", "", "Writes made so far.");
  for (std::size_t i = 0; i < caches.size(); ++i) {
    metrics->Sample({{"cache", labels[i]}}, caches[i].running.writes);
  }
}

// What walked and running figures have alike; `figures` gives a cache's.
template <class Named, class FigureOf>
void AddCaches(std::span<const Named> caches, const Labels& labels, FigureOf figures,
               Metrics* metrics) {
  const auto add = [&](const char* name, const char* unit, const char* help, auto figure) {
    metrics->Family(name, unit, help);
    for (std::size_t i = 0; i < caches.size(); ++i) {
      metrics->Sample({{"cache", labels[i]}}, figure(caches[i]));
    }
  };
  add("strata_allocated_bytes", "bytes",
      "What the door to memory handed out and did not take back; equals the sum of "
      "strata_memory_bytes.",
      [&](const Named& cache) { return figures(cache).allocated_bytes; });
  add("strata_outers", "", "Outer keys held.",
      [&](const Named& cache) { return figures(cache).counts.outers; });
  add("strata_entries", "", "Entries held.",
      [&](const Named& cache) { return figures(cache).counts.entries; });
  add("strata_records", "", "Records held.",
      [&](const Named& cache) { return figures(cache).counts.records; });
  add("strata_pairs", "", "Pairs held.",
      [&](const Named& cache) { return figures(cache).counts.pairs; });
  const auto limited = [&](const Named& cache) { return figures(cache).memory_limit_bytes > 0; };
  if (std::none_of(caches.begin(), caches.end(), limited)) return;
  metrics->Family("strata_memory_limit_bytes", "bytes",
                  "The most that a cache may hold; absent where it has no limit.");
  for (std::size_t i = 0; i < caches.size(); ++i) {
    if (!limited(caches[i])) continue;
    metrics->Sample({{"cache", labels[i]}}, figures(caches[i]).memory_limit_bytes);
  }
}

// `age` gives a cache's, none where it is not known.
template <class Named, class AgeOf>
void AddGuards(std::span<const Named> caches, const Labels& labels, AgeOf age, Metrics* metrics) {
  if (std::none_of(caches.begin(), caches.end(),
                   [&](const Named& cache) { return age(cache).has_value(); })) {
    return;
  }
  metrics->Family("strata_oldest_guard_seconds", "seconds",
                  "How long the oldest reader's guard has been open, 0 without guards; what is "
                  "kept for guards is the layer retained.");
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const std::optional<double> seconds = age(caches[i]);
    if (seconds.has_value()) {
      metrics->Sample({{"cache", labels[i]}}, absl::StrFormat("%.17g", *seconds));
    }
  }
}

void AddContainer(const CgroupBooks& cgroup, Metrics* metrics) {
  metrics->Family("strata_container_bytes", "bytes",
                  "What the kernel charges the process's container with, its working set as "
                  "kubelet reckons it, its limit and its peak; no sum is meant.");
  const auto add = [&](const char* figure, const std::optional<std::uint64_t>& bytes) {
    if (bytes.has_value()) metrics->Sample({{"figure", figure}}, *bytes);
  };
  add("current", cgroup.current_bytes);
  add("working_set", cgroup.working_set_bytes);
  add("limit", cgroup.limit_bytes);
  add("peak", cgroup.peak_bytes);
  if (!cgroup.oom_kills.has_value()) return;
  metrics->Family("strata_container_oom_kills", "",
                  "Processes that the kernel ended in the container for its limit.");
  metrics->Sample({}, *cgroup.oom_kills);
}

void AddProcess(const ProcessBooks& process, Metrics* metrics) {
  metrics->Family("strata_process_resident_bytes", "bytes", "Resident memory of the process.");
  metrics->Sample({}, process.rss_bytes);
  metrics->Family("strata_process_resident_peak_bytes", "bytes", "Its highest value so far.");
  metrics->Sample({}, process.peak_rss_bytes);
  if (const auto unwalked = process.allocator.Find("unwalked_bytes"); unwalked.has_value()) {
    metrics->Family("strata_process_heap_unwalked_bytes", "bytes",
                    "Of the heap, what could not be walked because other threads allocated: the "
                    "terms of the heap are without it.");
    metrics->Sample({}, *unwalked);
  }
  if (process.cgroup.has_value()) AddContainer(*process.cgroup, metrics);
  if (process.terms.empty()) return;
  metrics->Family("strata_process_memory_bytes", "bytes",
                  "The terms that anonymous memory, file memory and the container's working set "
                  "are made of, and what they leave unexplained, which may be below 0.");
  // Two caches of one layout without names are two terms of one name, and here one series; so are
  // two whose names are no UTF-8 and look alike.
  std::map<std::pair<std::string_view, std::string>, std::int64_t> sums;
  for (const MemoryTerm& term : process.terms) sums[{term.of, AsUtf8(term.name)}] += term.bytes;
  for (const auto& [name, bytes] : sums) {
    metrics->Sample({{"of", name.first}, {"term", name.second}}, bytes);
  }
  for (const char* const of : {"anon", "file", "cgroup"}) {
    const bool has_terms = std::any_of(process.terms.begin(), process.terms.end(),
                                       [&](const MemoryTerm& term) { return term.of == of; });
    // A process in no container has no books of one.
    if (!has_terms && std::string_view(of) == "cgroup") continue;
    metrics->Sample({{"of", of}, {"term", "unexplained"}}, process.UnexplainedBytes(of));
  }
}

void AddFamily(const MetricFamily& family, Metrics* metrics) {
  using Type = MetricFamily::Type;
  const char* const type = family.type == Type::kCounter    ? "counter"
                           : family.type == Type::kStateSet ? "stateset"
                                                            : "gauge";
  metrics->Family(family.name, family.unit, family.help, type);
  for (const MetricFamily::Sample& sample : family.samples) {
    if (std::isnan(sample.value)) continue;
    metrics->SampleOf(sample.labels, absl::StrFormat("%.15g", sample.value));
  }
}

}  // namespace

std::string OpenMetricsText(std::span<const NamedFootprint> caches, const ProcessBooks* process) {
  const Labels labels = CacheLabels(caches);
  Metrics metrics;
  AddLayers(caches, labels, &metrics);
  AddCaches(
      caches, labels,
      [](const NamedFootprint& cache) -> const Footprint& { return cache.footprint; }, &metrics);
  AddGuards(
      caches, labels,
      [](const NamedFootprint& cache) {
        return std::optional<double>(cache.footprint.oldest_guard_seconds);
      },
      &metrics);
  if (process != nullptr) AddProcess(*process, &metrics);
  return std::move(metrics).Text();
}

std::string OpenMetricsText(std::span<const NamedRunning> caches, const ProcessBooks* process,
                            std::span<const MetricFamily> others) {
  const Labels labels = CacheLabels(caches);
  Metrics metrics;
  AddLayers(caches, labels, &metrics);
  AddCaches(
      caches, labels,
      [](const NamedRunning& cache) -> const RunningFootprint& { return cache.running; }, &metrics);
  AddGuards(
      caches, labels, [](const NamedRunning& cache) { return cache.oldest_guard_seconds; },
      &metrics);
  if (process != nullptr) AddProcess(*process, &metrics);
  for (const MetricFamily& family : others) AddFamily(family, &metrics);
  return std::move(metrics).Text();
}

}  // namespace strata
