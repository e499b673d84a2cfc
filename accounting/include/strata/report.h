// Reports: measured figures as text for people, as JSON for programs, as a page with pictures, and
// in the forms that other tools open: pprof and OpenMetrics. The library strata::report.
//
//     const strata::Footprint footprint = cache.MeasureFootprint();
//     auto process = strata::ReadProcessBooks({&footprint, 1});
//     if (!process.ok()) return process.status();
//     strata::FootprintReport report = {
//         .dataset = {.source = cache.options().name, .counts = footprint.counts},
//         .layout = {.footprint = footprint},
//         .process = *process};
//     std::cout << strata::FootprintText(report);
//
// Scripts rely on the JSON forms: fields are added, never renamed or dropped. A figure that could
// not be measured is null, never 0. Layers are leaves; their totals add up to the layout's
// total_bytes.
//
// Threads: plain values and pure functions.
#ifndef STRATA_REPORT_H_
#define STRATA_REPORT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include <strata/footprint.h>
#include <strata/process_books.h>

namespace strata {

/// The data that was measured. What was not counted is none, and null in JSON.
struct DatasetReport {
  std::string source{};  ///< as the user named it, or a cache's name
  Counts counts{};
  std::optional<std::uint64_t> distinct_strings{};  ///< outers, inners, keys and values together
  std::optional<std::uint64_t> text_bytes{};        ///< of all strings as they occur
  std::string digest{};                             ///< of the content, hexadecimal; "" for none
};

/// One layout holding it. What was not measured is none, and null in JSON.
struct LayoutReport {
  Footprint footprint{};
  std::string allocator{};  ///< AllocatorName(); "": not named
  /// Of what it holds what it would hold however little there were: for one outer without entries,
  /// in bytes.
  std::optional<std::uint64_t> empty_bytes{};
  std::optional<std::int64_t> rss_delta_bytes{};  ///< RSS with the layout loaded minus RSS before
  std::optional<std::uint64_t> peak_rss_bytes{};
  std::optional<double> load_seconds{};
  std::optional<std::uint64_t> load_allocated_bytes{};
  std::optional<std::uint64_t> load_allocations{};
  std::optional<double> lookup_ns{};
  std::optional<double> lookup_batch_ns{};
  std::optional<double> scan_ns_per_pair{};
  std::string digest{};  ///< of the content read back out of the layout; "" for none
};

struct CompareReport {
  DatasetReport dataset{};
  std::vector<LayoutReport> layouts{};
};

struct FootprintReport {
  DatasetReport dataset{};
  LayoutReport layout{};
  ProcessBooks process{};  ///< ReadProcessBooks(); all zero where it was not asked
  /// What nested std::map takes for the same data, in bytes, where it is known: the ratio to it is
  /// shown of each layer then.
  std::optional<std::uint64_t> std_map_bytes{};
  std::vector<OuterFootprint> outers{};  ///< the largest, where they were asked for
};

/// Two footprints, before and after, each under the name that a person gave it: its file's.
struct FootprintDiff {
  std::string name_a{};
  std::string name_b{};
  FootprintReport a{};
  FootprintReport b{};
};

// Each of these ends with a line end. Text is for a terminal of 100 columns, whatever the names:
// what a terminal would obey is escaped, long paths are cut to their end, long names go on below.

std::string CompareJson(const CompareReport& report);
std::string CompareText(const CompareReport& report);
std::string FootprintJson(const FootprintReport& report);
std::string FootprintText(const FootprintReport& report);

/// Layers and terms are matched by name; what one side lacks counts as 0 there.
std::string DiffJson(const FootprintDiff& diff);
std::string DiffText(const FootprintDiff& diff);

// A page each: one file that needs nothing else, a picture first (layers as areas; layouts side by
// side as bars), the figures of the JSON in tables beneath. About 1.2 MB, nearly all of it the
// chart library.
std::string FootprintHtml(const FootprintReport& report);
std::string CompareHtml(const CompareReport& report);
std::string DiffHtml(const FootprintDiff& diff);

/// Reads what FootprintJson wrote, fields unknown to this version left out. InvalidArgument names
/// what is missing or of the wrong kind.
absl::StatusOr<FootprintReport> ParseFootprintJson(std::string_view json);

/// A cache as the forms below show it. Names of caches (Options::name) tell them apart; of those
/// that share one the second is "shop#2", and so on.
struct NamedFootprint {
  std::string cache;
  Footprint footprint;
};

/// The caches as a profile that pprof opens (`go tool pprof -top`, -diff_base, -http): a gzipped
/// profile.proto. A layer "dictionary/bytes" of the cache "shop" is the stack shop,
/// shop:dictionary, shop:dictionary/bytes: pprof merges frames of one name, so each carries its
/// whole path, and a colon of the cache's name is written "\:". Sample types: total (what pprof
/// shows first), used, slack and dead in bytes, and objects. `time_ns` since 1970 is when they were
/// measured, 0 where it does not matter. Internal: zlib or protobuf failed, which only want of
/// memory brings about.
absl::StatusOr<std::string> PprofProfile(std::span<const NamedFootprint> caches,
                                         std::int64_t time_ns = 0);

/// The caches as OpenMetrics text, for Prometheus and its kind (the HTTP type is
/// kOpenMetricsType). strata_memory_bytes{cache,layer,state} are leaves only, so that their sum is
/// what the caches hold. `process` adds the books of the process; null for none.
std::string OpenMetricsText(std::span<const NamedFootprint> caches,
                            const ProcessBooks* process = nullptr);

/// A cache by its running figures (Cache::Running).
struct NamedRunning {
  std::string cache;
  RunningFootprint running;
  /// Cache::OldestGuardSeconds; none: not shown.
  std::optional<double> oldest_guard_seconds{};
  /// Shown in place of those of `running`, where there are any: of something beside the caches
  /// whose layers need no walk (Follower::MeasureFootprint). Of `running` the counts and the door's
  /// sum are shown all the same.
  std::vector<Layer> layers{};
};

/// Figures of something beside the caches, shown as they are given: who fills them, say.
struct MetricFamily {
  enum class Type {
    kGauge,
    kCounter,   ///< a sum that never falls: its samples' names get the "_total" of the format
    kStateSet,  ///< a sample a state, 1 where it is the one: a label of the family's name says
                ///< which
  };
  struct Sample {
    std::vector<std::pair<std::string, std::string>> labels{};  ///< no two samples' are equal
    double value = 0;  ///< not a number: not known, left out
  };
  std::string name;  ///< ends with "_" and the unit, where there is one
  Type type = Type::kGauge;
  std::string unit{};
  std::string help{};
  std::vector<Sample> samples{};
};

/// The same of running figures, for which nothing is walked: the layers are those that a cache
/// keeps sums of, and their state is "whole" where only a walk tells use from spare room. Families
/// of others stand behind.
std::string OpenMetricsText(std::span<const NamedRunning> caches,
                            const ProcessBooks* process = nullptr,
                            std::span<const MetricFamily> others = {});

inline constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

}  // namespace strata

#endif  // STRATA_REPORT_H_
