// The JSON forms of reports, written and read.
#include <cstdint>
#include <exception>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "accounting/report/bench_report.h"
#include "accounting/report/json_parts.h"
#include "accounting/report/outers.h"

namespace strata {
namespace {

Json LayoutObject(const LayoutReport& layout) {
  Json layers = Json::array();
  for (const Layer& layer : layout.footprint.layers) {
    layers.push_back({{"name", layer.name},
                      {"count", layer.count},
                      {"used_bytes", layer.used_bytes},
                      {"slack_bytes", layer.slack_bytes},
                      {"dead_bytes", layer.dead_bytes},
                      {"total_bytes", layer.total_bytes()}});
  }
  return {{"layout", layout.footprint.layout},
          {"allocator", layout.allocator},
          {"layers", std::move(layers)},
          {"total_bytes", layout.footprint.total_bytes()},
          {"allocated_bytes", layout.footprint.allocated_bytes},
          {"empty_bytes", OrNull(layout.empty_bytes)},
          {"rss_delta_bytes", OrNull(layout.rss_delta_bytes)},
          {"peak_rss_bytes", OrNull(layout.peak_rss_bytes)},
          {"load_seconds", OrNull(layout.load_seconds)},
          {"load_allocated_bytes", OrNull(layout.load_allocated_bytes)},
          {"load_allocations", OrNull(layout.load_allocations)},
          {"lookup_ns", OrNull(layout.lookup_ns)},
          {"lookup_batch_ns", OrNull(layout.lookup_batch_ns)},
          {"scan_ns_per_pair", OrNull(layout.scan_ns_per_pair)},
          {"digest", OrNull(layout.digest)}};
}

// An object, or null for none.
Json CgroupObject(const std::optional<CgroupBooks>& cgroup) {
  if (!cgroup.has_value()) return nullptr;
  const auto or_null = [](const std::optional<std::uint64_t>& figure) {
    return figure.has_value() ? Json(*figure) : Json(nullptr);
  };
  return {{"version", cgroup->version},
          {"path", cgroup->path},
          {"current_bytes", cgroup->current_bytes},
          {"working_set_bytes", cgroup->working_set_bytes},
          {"limit_bytes", or_null(cgroup->limit_bytes)},
          {"peak_bytes", or_null(cgroup->peak_bytes)},
          {"oom_kills", or_null(cgroup->oom_kills)}};
}

Json ProcessObject(const ProcessBooks& process) {
  Json allocator = {{"name", process.allocator.name}};
  for (const AllocatorBooks::Figure& figure : process.allocator.figures) {
    allocator[figure.name] = figure.bytes;
  }
  Json terms = Json::array();
  for (const MemoryTerm& term : process.terms) {
    terms.push_back(
        {{"of", term.of}, {"name", term.name}, {"bytes", term.bytes}, {"source", term.source}});
  }
  return {{"rss_bytes", process.rss_bytes},
          {"peak_rss_bytes", process.peak_rss_bytes},
          {"anon_bytes", process.anon_bytes},
          {"file_bytes", process.file_bytes},
          {"allocator", std::move(allocator)},
          {"cgroup", CgroupObject(process.cgroup)},
          {"terms", std::move(terms)},
          {"unexplained_bytes",
           {{"anon", process.UnexplainedBytes("anon")},
            {"file", process.UnexplainedBytes("file")},
            {"cgroup", process.cgroup.has_value() ? Json(process.UnexplainedBytes("cgroup"))
                                                  : Json(nullptr)}}}};
}

// Reading. The library's accessors throw where a field is missing or of another kind; that ends
// at ParseFootprintJson.

template <class Value>
std::optional<Value> Figure(const Json& object, const char* name) {
  const Json& value = object.at(name);
  if (value.is_null()) return std::nullopt;
  if constexpr (std::is_same_v<Value, std::uint64_t>) {
    return WholeNumber(value);
  } else if constexpr (std::is_same_v<Value, std::int64_t>) {
    return SignedNumber(value);
  } else {
    return value.get<Value>();
  }
}

template <class Value>
void ReadFigure(const Json& object, const char* name, std::optional<Value>* figure) {
  *figure = Figure<Value>(object, name);
}

// The layers, each once, whose bytes add up as the document says: else some of them are missing.
std::vector<Layer> ReadLayers(const Json& object) {
  std::vector<Layer> layers;
  std::set<std::string> names;
  std::uint64_t sum = 0;
  for (const Json& read : object.at("layers")) {
    Layer layer = {.name = read.at("name").get<std::string>(),
                   .count = WholeNumber(read.at("count")),
                   .used_bytes = WholeNumber(read.at("used_bytes")),
                   .slack_bytes = WholeNumber(read.at("slack_bytes")),
                   .dead_bytes = WholeNumber(read.at("dead_bytes"))};
    if (!names.insert(layer.name).second) throw std::out_of_range("it has a layer twice");
    if (layer.total_bytes() != WholeNumber(read.at("total_bytes"))) {
      throw std::out_of_range("a layer's used, slack and dead bytes are not its total");
    }
    sum += layer.total_bytes();
    layers.push_back(std::move(layer));
  }
  if (sum != WholeNumber(object.at("total_bytes"))) {
    throw std::out_of_range("its layers do not add up to its total_bytes");
  }
  return layers;
}

LayoutReport ReadLayout(const Json& object) {
  LayoutReport layout;
  object.at("layout").get_to(layout.footprint.layout);
  layout.footprint.layers = ReadLayers(object);
  layout.footprint.allocated_bytes = WholeNumber(object.at("allocated_bytes"));
  object.at("allocator").get_to(layout.allocator);
  // Older versions did not write it.
  if (object.contains("empty_bytes")) ReadFigure(object, "empty_bytes", &layout.empty_bytes);
  ReadFigure(object, "rss_delta_bytes", &layout.rss_delta_bytes);
  ReadFigure(object, "peak_rss_bytes", &layout.peak_rss_bytes);
  ReadFigure(object, "load_seconds", &layout.load_seconds);
  ReadFigure(object, "load_allocated_bytes", &layout.load_allocated_bytes);
  ReadFigure(object, "load_allocations", &layout.load_allocations);
  ReadFigure(object, "lookup_ns", &layout.lookup_ns);
  ReadFigure(object, "lookup_batch_ns", &layout.lookup_batch_ns);
  ReadFigure(object, "scan_ns_per_pair", &layout.scan_ns_per_pair);
  layout.digest = Figure<std::string>(object, "digest").value_or("");
  return layout;
}

double SecondsOf(const Json& value) {
  const double seconds = value.get<double>();
  if (seconds >= 0) return seconds;
  throw std::out_of_range("oldest_guard_seconds is no length of time");
}

DatasetReport ReadDataset(const Json& object) {
  DatasetReport dataset;
  object.at("source").get_to(dataset.source);
  dataset.counts.outers = WholeNumber(object.at("outers"));
  dataset.counts.entries = WholeNumber(object.at("entries"));
  dataset.counts.records = WholeNumber(object.at("records"));
  dataset.counts.pairs = WholeNumber(object.at("pairs"));
  dataset.distinct_strings = Figure<std::uint64_t>(object, "distinct_strings");
  dataset.text_bytes = Figure<std::uint64_t>(object, "text_bytes");
  dataset.digest = Figure<std::string>(object, "digest").value_or("");
  return dataset;
}

int VersionOf(const Json& value) {
  const std::uint64_t version = WholeNumber(value);
  if (version == 1 || version == 2) return static_cast<int>(version);
  throw std::out_of_range("a cgroup's version is 1 or 2");
}

std::optional<CgroupBooks> ReadCgroup(const Json& object) {
  if (object.is_null()) return std::nullopt;
  return CgroupBooks{.version = VersionOf(object.at("version")),
                     .path = object.at("path").get<std::string>(),
                     .current_bytes = WholeNumber(object.at("current_bytes")),
                     .working_set_bytes = WholeNumber(object.at("working_set_bytes")),
                     .limit_bytes = Figure<std::uint64_t>(object, "limit_bytes"),
                     .peak_bytes = Figure<std::uint64_t>(object, "peak_bytes"),
                     .oom_kills = Figure<std::uint64_t>(object, "oom_kills")};
}

ProcessBooks ReadProcess(const Json& object) {
  ProcessBooks process;
  process.rss_bytes = WholeNumber(object.at("rss_bytes"));
  process.peak_rss_bytes = WholeNumber(object.at("peak_rss_bytes"));
  process.anon_bytes = WholeNumber(object.at("anon_bytes"));
  process.file_bytes = WholeNumber(object.at("file_bytes"));
  const Json& allocator = object.at("allocator");
  allocator.at("name").get_to(process.allocator.name);
  for (const auto& [name, bytes] : allocator.items()) {
    if (name != "name") process.allocator.figures.push_back({name, WholeNumber(bytes)});
  }
  process.cgroup = ReadCgroup(object.at("cgroup"));
  for (const Json& term : object.at("terms")) {
    process.terms.push_back({.of = term.at("of").get<std::string>(),
                             .name = term.at("name").get<std::string>(),
                             .bytes = SignedNumber(term.at("bytes")),
                             .source = term.at("source").get<std::string>()});
  }
  return process;
}

}  // namespace

std::uint64_t WholeNumber(const Json& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMostFigure) {
    throw std::out_of_range(absl::StrCat(value.dump(-1, ' ', false, Json::error_handler_t::replace),
                                         " is no whole number from 0 to ", kMostFigure));
  }
  return value.get<std::uint64_t>();
}

std::int64_t SignedNumber(const Json& value) {
  constexpr auto kMost = static_cast<std::int64_t>(kMostFigure);
  const bool negative = value.is_number_integer() && !value.is_number_unsigned();
  if (negative && value.get<std::int64_t>() >= -kMost) return value.get<std::int64_t>();
  return static_cast<std::int64_t>(WholeNumber(value));
}

std::string ReasonOf(const std::exception& error) {
  const std::string_view what = error.what();
  const std::size_t end = what.find("] ");
  if (!what.starts_with("[json.exception.") || end == std::string_view::npos)
    return std::string(what);
  return std::string(what.substr(end + 2));
}

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json DatasetObject(const DatasetReport& dataset) {
  return {{"source", dataset.source},
          {"outers", dataset.counts.outers},
          {"entries", dataset.counts.entries},
          {"records", dataset.counts.records},
          {"pairs", dataset.counts.pairs},
          {"distinct_strings", OrNull(dataset.distinct_strings)},
          {"text_bytes", OrNull(dataset.text_bytes)},
          {"digest", OrNull(dataset.digest)}};
}

std::string JsonDocument(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json CompareObject(const CompareReport& report) {
  Json layouts = Json::array();
  for (const LayoutReport& layout : report.layouts) layouts.push_back(LayoutObject(layout));
  return {{"schema", kReportSchema},
          {"dataset", DatasetObject(report.dataset)},
          {"layouts", std::move(layouts)}};
}

std::string CompareJson(const CompareReport& report) { return JsonDocument(CompareObject(report)); }

Json FootprintObject(const FootprintReport& report) {
  Json document = {{"schema", kReportSchema}, {"dataset", DatasetObject(report.dataset)}};
  document.update(LayoutObject(report.layout));
  const Footprint& footprint = report.layout.footprint;
  document["memory_limit_bytes"] =
      footprint.memory_limit_bytes > 0 ? Json(footprint.memory_limit_bytes) : Json(nullptr);
  document["oldest_guard_seconds"] = footprint.oldest_guard_seconds;
  document["std_map_bytes"] = OrNull(report.std_map_bytes);
  document["process"] = ProcessObject(report.process);
  if (!report.outers.empty()) document["outers"] = OutersArray(report.outers);
  return document;
}

std::string FootprintJson(const FootprintReport& report) {
  return JsonDocument(FootprintObject(report));
}

std::string BenchJson(const BenchReport& report) {
  Json rows = Json::array();
  for (const BenchRow& row : report.rows) {
    const std::optional<double> load_seconds = Median(row.load_seconds);
    Json object = {{"layout", row.layout}, {"rounds", row.load_seconds.size()}};
    object["load_seconds"] = OrNull(load_seconds);
    const double pairs = static_cast<double>(report.dataset.counts.pairs);
    object["load_ns_per_pair"] =
        load_seconds && pairs > 0 ? Json(*load_seconds * 1e9 / pairs) : Json(nullptr);
    if (report.benchmark == "lookup") {
      object["lookup_ns"] = OrNull(Median(row.lookup_ns));
      object["lookup_batch_ns"] = OrNull(Median(row.lookup_batch_ns));
      object["scan_ns_per_pair"] = OrNull(Median(row.scan_ns_per_pair));
    }
    rows.push_back(std::move(object));
  }
  return JsonDocument({{"schema", kReportSchema},
                       {"benchmark", report.benchmark},
                       {"dataset", DatasetObject(report.dataset)},
                       {"layouts", std::move(rows)}});
}

absl::StatusOr<FootprintReport> ParseFootprintJson(std::string_view json) {
  try {
    const Json document = Json::parse(json);
    if (document.contains("layouts")) throw std::out_of_range("it has several layouts");
    if (WholeNumber(document.at("schema")) != kReportSchema) {
      throw std::out_of_range("it is of another schema, by another version of strata");
    }
    FootprintReport report{.dataset = ReadDataset(document.at("dataset")),
                           .layout = ReadLayout(document),
                           .process = ReadProcess(document.at("process")),
                           .std_map_bytes = {},
                           .outers = ReadOuters(document.value("outers", Json::array()))};
    Footprint& footprint = report.layout.footprint;
    footprint.counts = report.dataset.counts;
    // Footprints of before there were such fields are read, too.
    if (document.contains("memory_limit_bytes")) {
      footprint.memory_limit_bytes =
          Figure<std::uint64_t>(document, "memory_limit_bytes").value_or(0);
    }
    if (document.contains("oldest_guard_seconds")) {
      footprint.oldest_guard_seconds = SecondsOf(document.at("oldest_guard_seconds"));
    }
    if (document.contains("std_map_bytes")) {
      report.std_map_bytes = Figure<std::uint64_t>(document, "std_map_bytes");
    }
    return report;
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("not a footprint: ", ReasonOf(error)));
  }
}

}  // namespace strata
