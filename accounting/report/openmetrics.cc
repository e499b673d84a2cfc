// Footprints as OpenMetrics text.
//
// A family's samples stand together, as the format demands. Everything is a gauge; labelled bytes
// are leaves only, so that sum() over any label is right.
//
// Threads: pure functions.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
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
  void Family(std::string_view name, std::string_view unit, std::string_view help) {
    name_ = name;
    absl::StrAppendFormat(&text_, "# TYPE %s gauge\n", name);
    if (!unit.empty()) absl::StrAppendFormat(&text_, "# UNIT %s %s\n", name, unit);
    absl::StrAppendFormat(&text_, "# HELP %s %s\n", name, help);
  }

  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  template <class Number>
  void Sample(Labels labels, Number value) {
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

struct LabelledCache {
  std::string label;
  const NamedFootprint* cache;
};

void AddLayers(const std::vector<LabelledCache>& caches, Metrics* metrics) {
  metrics->Family("strata_memory_bytes", "bytes",
                  "What a layer of a cache holds, by what it serves: live content, spare room, "
                  "content that is gone.");
  for (const auto& [label, cache] : caches) {
    for (const Layer& layer : cache->footprint.layers) {
      for (const auto& [state, bytes] :
           {std::pair("used", layer.used_bytes), std::pair("slack", layer.slack_bytes),
            std::pair("dead", layer.dead_bytes)}) {
        metrics->Sample({{"cache", label}, {"layer", layer.name}, {"state", state}}, bytes);
      }
    }
  }
  metrics->Family("strata_layer_items", "", "Live items of a layer, as its name says.");
  for (const auto& [label, cache] : caches) {
    for (const Layer& layer : cache->footprint.layers) {
      metrics->Sample({{"cache", label}, {"layer", layer.name}}, layer.count);
    }
  }
}

void AddCaches(const std::vector<LabelledCache>& caches, Metrics* metrics) {
  const auto add = [&](const char* name, const char* unit, const char* help,
                       const std::function<double(const NamedFootprint&)>& figure) {
    metrics->Family(name, unit, help);
    for (const auto& [label, cache] : caches) {
      metrics->Sample({{"cache", label}}, absl::StrFormat("%.17g", figure(*cache)));
    }
  };
  const auto count = [](std::uint64_t number) { return static_cast<double>(number); };
  add("strata_allocated_bytes", "bytes",
      "What the door to memory handed out and did not take back; equals the sum of "
      "strata_memory_bytes.",
      [&](const NamedFootprint& cache) { return count(cache.footprint.allocated_bytes); });
  add("strata_oldest_guard_seconds", "seconds",
      "How long the oldest reader's guard has been open, 0 without guards.",
      [](const NamedFootprint& cache) { return cache.footprint.oldest_guard_seconds; });
  add("strata_outers", "", "Outer keys held.",
      [&](const NamedFootprint& cache) { return count(cache.counts.outers); });
  add("strata_entries", "", "Entries held.",
      [&](const NamedFootprint& cache) { return count(cache.counts.entries); });
  add("strata_records", "", "Records held.",
      [&](const NamedFootprint& cache) { return count(cache.counts.records); });
  add("strata_pairs", "", "Pairs held.",
      [&](const NamedFootprint& cache) { return count(cache.counts.pairs); });
}

void AddProcess(const ProcessBooks& process, Metrics* metrics) {
  metrics->Family("strata_process_resident_bytes", "bytes", "Resident memory of the process.");
  metrics->Sample({}, process.rss_bytes);
  metrics->Family("strata_process_resident_peak_bytes", "bytes", "Its highest value so far.");
  metrics->Sample({}, process.peak_rss_bytes);
  metrics->Family("strata_process_memory_bytes", "bytes",
                  "The terms that anonymous memory, file memory and the container's working set "
                  "are made of, and what they leave unexplained, which may be below 0.");
  // Two caches of one layout are two terms of one name, and here one series.
  std::map<std::pair<std::string_view, std::string_view>, std::int64_t> sums;
  for (const MemoryTerm& term : process.terms) sums[{term.of, term.name}] += term.bytes;
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

}  // namespace

std::string OpenMetricsText(std::span<const NamedFootprint> caches, const ProcessBooks* process) {
  const std::vector<std::string> labels = CacheLabels(caches);
  std::vector<LabelledCache> labelled;
  for (std::size_t i = 0; i < caches.size(); ++i) labelled.push_back({labels[i], &caches[i]});
  Metrics metrics;
  AddLayers(labelled, &metrics);
  AddCaches(labelled, &metrics);
  if (process != nullptr) AddProcess(*process, &metrics);
  return std::move(metrics).Text();
}

}  // namespace strata
