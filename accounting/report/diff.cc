// The difference of two footprints, layer by layer, as JSON and as text.
//
// Threads: pure functions.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/json_parts.h"
#include "accounting/report/shown_text.h"
#include "accounting/report/text_parts.h"

#include <strata/report.h>

namespace strata {
namespace {

template <class Bytes>
std::int64_t Change(Bytes a, Bytes b) {
  return static_cast<std::int64_t>(b) - static_cast<std::int64_t>(a);
}

struct LayerPair {
  Layer a;
  Layer b;

  std::int64_t change() const { return Change(a.total_bytes(), b.total_bytes()); }
};

// All layers of both, the largest change first.
std::vector<LayerPair> PairsOf(const Footprint& a, const Footprint& b) {
  std::vector<LayerPair> pairs;
  for (const Layer& layer : a.layers) {
    const Layer* const other = b.Find(layer.name);
    pairs.push_back({layer, other == nullptr ? Layer{.name = layer.name} : *other});
  }
  for (const Layer& layer : b.layers) {
    if (a.Find(layer.name) == nullptr) pairs.push_back({Layer{.name = layer.name}, layer});
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const LayerPair& left, const LayerPair& right) {
    return std::abs(left.change()) > std::abs(right.change());
  });
  return pairs;
}

LayerPair SumOf(const std::vector<LayerPair>& pairs) {
  LayerPair sum{{.name = "all layers"}, {.name = "all layers"}};
  const auto add = [](const Layer& layer, Layer* to) {
    to->used_bytes += layer.used_bytes;
    to->slack_bytes += layer.slack_bytes;
    to->dead_bytes += layer.dead_bytes;
  };
  for (const LayerPair& pair : pairs) {
    add(pair.a, &sum.a);
    add(pair.b, &sum.b);
  }
  return sum;
}

template <class Bytes>
Json ChangeObject(Bytes a, Bytes b) {
  return {{"a", a}, {"b", b}, {"change", Change(a, b)}};
}

void AddBytes(const LayerPair& pair, Json* object) {
  const auto& [a, b] = pair;
  (*object)["used_bytes"] = ChangeObject(a.used_bytes, b.used_bytes);
  (*object)["slack_bytes"] = ChangeObject(a.slack_bytes, b.slack_bytes);
  (*object)["dead_bytes"] = ChangeObject(a.dead_bytes, b.dead_bytes);
  (*object)["total_bytes"] = ChangeObject(a.total_bytes(), b.total_bytes());
}

Json SideObject(const std::string& name, const FootprintReport& report) {
  return {{"file", name},
          {"source", report.dataset.source},
          {"layout", report.layout.footprint.layout},
          {"allocator", report.layout.allocator},
          {"pairs", report.dataset.counts.pairs},
          {"total_bytes", report.layout.footprint.total_bytes()}};
}

// null where one of the two is in no container.
Json CgroupChange(const ProcessBooks& a, const ProcessBooks& b) {
  if (!a.cgroup.has_value() || !b.cgroup.has_value()) return nullptr;
  return {{"current_bytes", ChangeObject(a.cgroup->current_bytes, b.cgroup->current_bytes)},
          {"working_set_bytes",
           ChangeObject(a.cgroup->working_set_bytes, b.cgroup->working_set_bytes)}};
}

Json RestChange(const ProcessBooks& a, const ProcessBooks& b) {
  Json rest = Json::object();
  for (const char* const of : {"anon", "file", "cgroup"}) {
    rest[of] = ChangeObject(a.UnexplainedBytes(of), b.UnexplainedBytes(of));
  }
  return rest;
}

Json ProcessChange(const ProcessBooks& a, const ProcessBooks& b) {
  // A term is one by what it is of and its name; of those of one name the first is the first.
  struct TermPair {
    MemoryTerm a;
    MemoryTerm b;
    bool in_both = false;
  };
  std::vector<TermPair> terms;
  for (const MemoryTerm& term : a.terms) {
    terms.push_back({term, term});
    terms.back().b.bytes = 0;
  }
  for (const MemoryTerm& term : b.terms) {
    const auto known = std::find_if(terms.begin(), terms.end(), [&](const TermPair& pair) {
      return !pair.in_both && pair.a.of == term.of && pair.a.name == term.name;
    });
    if (known == terms.end()) {
      terms.push_back({term, term, /*in_both=*/true});
      terms.back().a.bytes = 0;
    } else {
      known->b.bytes = term.bytes;
      known->in_both = true;
    }
  }
  Json list = Json::array();
  for (const auto& [before, after, in_both] : terms) {
    list.push_back({{"of", before.of},
                    {"name", before.name},
                    {"bytes", ChangeObject(before.bytes, after.bytes)}});
  }
  return {{"rss_bytes", ChangeObject(a.rss_bytes, b.rss_bytes)},
          {"anon_bytes", ChangeObject(a.anon_bytes, b.anon_bytes)},
          {"file_bytes", ChangeObject(a.file_bytes, b.file_bytes)},
          {"cgroup", CgroupChange(a, b)},
          {"terms", std::move(list)},
          {"unexplained_bytes", RestChange(a, b)}};
}

// How figures are written: in bytes, or in MiB where those would not fit side by side.
class Unit {
 public:
  explicit Unit(std::uint64_t largest_bytes)
      : unit_(largest_bytes < kMostBytes ? ByteUnit::Bytes() : ByteUnit::Mebibytes()) {}

  const char* name() const { return unit_.name(); }
  template <class Bytes>
  std::string Of(Bytes bytes) const {
    return unit_.Of(static_cast<double>(bytes));
  }
  std::string Signed(std::int64_t bytes) const {
    return absl::StrCat(bytes > 0 ? "+" : "", Of(bytes));
  }

 private:
  static constexpr std::uint64_t kMostBytes = 10'000'000'000;

  ByteUnit unit_;
};

std::string ShareOf(std::int64_t change, std::uint64_t whole) {
  if (change == 0) return "0.0%";
  return whole == 0 ? "-"
                    : absl::StrFormat("%+.1f%%", 100 * static_cast<double>(change) /
                                                     static_cast<double>(whole));
}

}  // namespace

Json DiffObject(const FootprintDiff& diff) {
  const std::vector<LayerPair> pairs = PairsOf(diff.a.layout.footprint, diff.b.layout.footprint);
  Json document = {{"schema", kReportSchema},
                   {"a", SideObject(diff.name_a, diff.a)},
                   {"b", SideObject(diff.name_b, diff.b)}};
  AddBytes(SumOf(pairs), &document);
  Json layers = Json::array();
  for (const LayerPair& pair : pairs) {
    Json layer = {{"name", pair.a.name}, {"count", ChangeObject(pair.a.count, pair.b.count)}};
    AddBytes(pair, &layer);
    layers.push_back(std::move(layer));
  }
  document["layers"] = std::move(layers);
  document["process"] = ProcessChange(diff.a.process, diff.b.process);
  return document;
}

std::string DiffJson(const FootprintDiff& diff) { return JsonDocument(DiffObject(diff)); }

namespace {

std::string LayersText(const std::vector<LayerPair>& pairs, const Unit& unit) {
  Table table({"layer", "a", "b", "b - a", "of a", "slack", "dead"});
  const auto add = [&](const LayerPair& pair) {
    const auto& [a, b] = pair;
    table.Add({a.name, unit.Of(a.total_bytes()), unit.Of(b.total_bytes()),
               unit.Signed(pair.change()), ShareOf(pair.change(), a.total_bytes()),
               unit.Signed(Change(a.slack_bytes, b.slack_bytes)),
               unit.Signed(Change(a.dead_bytes, b.dead_bytes))});
  };
  std::vector<LayerPair> unchanged;
  for (const LayerPair& pair : pairs) {
    const auto& [a, b] = pair;
    if (a.used_bytes == b.used_bytes && a.slack_bytes == b.slack_bytes &&
        a.dead_bytes == b.dead_bytes) {
      unchanged.push_back(pair);
    } else {
      add(pair);
    }
  }
  if (!unchanged.empty()) {
    LayerPair rest = SumOf(unchanged);
    rest.a.name = absl::StrFormat("(%d unchanged)", unchanged.size());
    add(rest);
  }
  add(SumOf(pairs));
  return table.Text();
}

std::string ProcessText(const ProcessBooks& a, const ProcessBooks& b, const Unit& unit) {
  Table table({"process", "a", "b", "b - a", "of a"});
  const auto add = [&](const char* name, auto before, auto after) {
    table.Add({name, unit.Of(before), unit.Of(after), unit.Signed(Change(before, after)),
               ShareOf(Change(before, after), before)});
  };
  // A share of what may be below 0 says nothing.
  const auto add_rest = [&](const char* of) {
    const std::int64_t before = a.UnexplainedBytes(of);
    const std::int64_t after = b.UnexplainedBytes(of);
    table.Add({"    unexplained", unit.Of(before), unit.Of(after),
               unit.Signed(Change(before, after)), "-"});
  };
  if (a.cgroup.has_value() && b.cgroup.has_value()) {
    add("container's working set", a.cgroup->working_set_bytes, b.cgroup->working_set_bytes);
    add_rest("cgroup");
  }
  add("resident", a.rss_bytes, b.rss_bytes);
  add("  anonymous", a.anon_bytes, b.anon_bytes);
  add_rest("anon");
  add("  file and shared", a.file_bytes, b.file_bytes);
  add_rest("file");
  return table.Text();
}

}  // namespace

std::string DiffText(const FootprintDiff& diff) {
  const std::vector<LayerPair> pairs = PairsOf(diff.a.layout.footprint, diff.b.layout.footprint);
  const LayerPair sum = SumOf(pairs);
  const ProcessBooks& a = diff.a.process;
  const ProcessBooks& b = diff.b.process;
  const Unit unit(std::max({sum.a.total_bytes(), sum.b.total_bytes(), a.rss_bytes, b.rss_bytes}));
  std::string text;
  for (const auto& [letter, name, report] :
       {std::tuple("a", &diff.name_a, &diff.a), std::tuple("b", &diff.name_b, &diff.b)}) {
    const std::uint64_t held = report->dataset.counts.pairs;
    const std::string line = absl::StrFormat(
        "%s  %s: %s holds %s, %s %s", letter, Shown(*name), Shown(report->layout.footprint.layout),
        CutBegin(ShownName(report->dataset.source), kTextColumns), Grouped(held),
        Plural(held, "pair", "pairs"));
    absl::StrAppend(&text, Folded(line, kTextColumns, 3), "\n");
  }
  return absl::StrCat(text, "\n", unit.name(), "\n", LayersText(pairs, unit), "\n",
                      ProcessText(a, b, unit));
}

}  // namespace strata
