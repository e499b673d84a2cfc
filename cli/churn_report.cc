#include "cli/churn_report.h"

#include <exception>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/text_parts.h"
#include "cli/memory_json.h"

namespace strata::cli {
namespace {

Json StateObject(const MemoryState& memory, const ContentState& content) {
  Json object = MemoryObject(memory);
  AddCounts(content.counts, &object);
  object["digest"] = content.digest;
  object["shape_digest"] = content.shape_digest;
  return object;
}

ContentState ReadContent(const Json& object) {
  return {.counts = ReadCounts(object),
          .digest = object.at("digest").get<std::string>(),
          .shape_digest = object.at("shape_digest").get<std::string>()};
}

Json LayoutObject(const ChurnMeasurement& churn) {
  Json after = StateObject(churn.memory_after, churn.content_after);
  after["utilisation"] = OrNull(churn.Utilisation());
  Json rounds = Json::array();
  for (const ChurnSample& sample : churn.rounds) {
    Json object = {{"round", sample.round}};
    object.update(MemoryObject(sample.memory));
    rounds.push_back(std::move(object));
  }
  Json object = {{"layout", churn.layout},
                 {"allocator", churn.allocator},
                 {"writes", churn.writes},
                 {"pairs_written", churn.pairs_written},
                 {"wall_seconds", churn.wall_seconds},
                 {"cpu_seconds", churn.cpu_seconds},
                 {"wall_ns_per_write", OrNull(churn.WallNsPerWrite())},
                 {"cpu_ns_per_write", OrNull(churn.CpuNsPerWrite())},
                 {"put_p50_us", OrNull(churn.put_p50_us)},
                 {"put_p99_us", OrNull(churn.put_p99_us)},
                 {"put_p999_us", OrNull(churn.put_p999_us)},
                 {"put_max_us", OrNull(churn.put_max_us)},
                 {"before", StateObject(churn.memory_before, churn.content_before)},
                 {"after", std::move(after)},
                 {"rounds", std::move(rounds)}};
  object["total_growth_percent_per_round"] = OrNull(TotalGrowthPercentPerRound(churn.rounds));
  object["rss_growth_percent_per_round"] = OrNull(RssGrowthPercentPerRound(churn.rounds));
  object["digest_after_rounds"] =
      churn.rounds.empty() ? Json(nullptr) : Json(churn.digest_after_rounds);
  return object;
}

std::optional<double> ReadFigure(const Json& value) {
  if (value.is_null()) return std::nullopt;
  return value.get<double>();
}

ChurnMeasurement ReadLayout(const Json& object) {
  ChurnMeasurement churn;
  object.at("layout").get_to(churn.layout);
  object.at("allocator").get_to(churn.allocator);
  object.at("writes").get_to(churn.writes);
  object.at("pairs_written").get_to(churn.pairs_written);
  object.at("wall_seconds").get_to(churn.wall_seconds);
  object.at("cpu_seconds").get_to(churn.cpu_seconds);
  churn.put_p50_us = ReadFigure(object.at("put_p50_us"));
  churn.put_p99_us = ReadFigure(object.at("put_p99_us"));
  churn.put_p999_us = ReadFigure(object.at("put_p999_us"));
  churn.put_max_us = ReadFigure(object.at("put_max_us"));
  churn.memory_before = ReadMemory(object.at("before"));
  churn.content_before = ReadContent(object.at("before"));
  churn.memory_after = ReadMemory(object.at("after"));
  churn.content_after = ReadContent(object.at("after"));
  for (const Json& sample : object.at("rounds")) {
    churn.rounds.push_back(
        {.round = sample.at("round").get<std::uint64_t>(), .memory = ReadMemory(sample)});
  }
  if (!churn.rounds.empty()) object.at("digest_after_rounds").get_to(churn.digest_after_rounds);
  return churn;
}

std::string Percent(const std::optional<double>& share) {
  return share.has_value() ? absl::StrFormat("%.1f%%", *share * 100) : "-";
}

std::string PercentARound(const std::optional<double>& percent) {
  return percent.has_value() ? absl::StrFormat("%+.3f%%", *percent) : "-";
}

std::string Microseconds(const std::optional<double>& us) {
  return us.has_value() ? absl::StrFormat("%.1f", *us) : "-";
}

std::string WritesText(const std::vector<ChurnMeasurement>& layouts) {
  Table table({"layout", "writes", "pairs", "wall s", "CPU s", "wall ns/write", "CPU ns/write"});
  for (const ChurnMeasurement& churn : layouts) {
    table.Add({churn.layout, Grouped(churn.writes), Grouped(churn.pairs_written),
               absl::StrFormat("%.2f", churn.wall_seconds),
               absl::StrFormat("%.2f", churn.cpu_seconds), Nanoseconds(churn.WallNsPerWrite()),
               Nanoseconds(churn.CpuNsPerWrite())});
  }
  return table.Text();
}

std::string LatencyText(const std::vector<ChurnMeasurement>& layouts) {
  Table table({"a Put, wall us", "p50", "p99", "p99.9", "max"});
  for (const ChurnMeasurement& churn : layouts) {
    table.Add({churn.layout, Microseconds(churn.put_p50_us), Microseconds(churn.put_p99_us),
               Microseconds(churn.put_p999_us), Microseconds(churn.put_max_us)});
  }
  return table.Text();
}

std::string MemoryText(const std::vector<ChurnMeasurement>& layouts) {
  Table table({"layout", "MiB before", "after", "RSS MiB before", "after", "used after"});
  for (const ChurnMeasurement& churn : layouts) {
    table.Add({churn.layout, Mebibytes(static_cast<double>(churn.memory_before.total_bytes)),
               Mebibytes(static_cast<double>(churn.memory_after.total_bytes)),
               Mebibytes(static_cast<double>(churn.memory_before.rss_delta_bytes)),
               Mebibytes(static_cast<double>(churn.memory_after.rss_delta_bytes)),
               Percent(churn.Utilisation())});
  }
  return table.Text();
}

std::string RoundsText(const std::vector<ChurnMeasurement>& layouts) {
  Table table({"layout", "after round", "MiB", "RSS MiB"});
  Table growth({"growth a round", "of MiB", "of RSS"});
  for (const ChurnMeasurement& churn : layouts) {
    for (const ChurnSample& sample : churn.rounds) {
      table.Add({churn.layout, Grouped(sample.round),
                 Mebibytes(static_cast<double>(sample.memory.total_bytes)),
                 Mebibytes(static_cast<double>(sample.memory.rss_delta_bytes))});
    }
    growth.Add({churn.layout, PercentARound(TotalGrowthPercentPerRound(churn.rounds)),
                PercentARound(RssGrowthPercentPerRound(churn.rounds))});
  }
  return absl::StrFormat(
      "\nrounds that overwrite every entry; growth from round %d on, the warm-up left out\n%s\n%s",
      kWarmUpRounds, table.Text(), growth.Text());
}

}  // namespace

std::string ChurnJson(const ChurnReport& report) {
  Json layouts = Json::array();
  for (const ChurnMeasurement& churn : report.layouts) layouts.push_back(LayoutObject(churn));
  return JsonDocument({{"schema", kReportSchema},
                       {"benchmark", "churn"},
                       {"dataset", DatasetObject(report.dataset)},
                       {"times", report.options.times},
                       {"rounds", report.options.rounds},
                       {"layouts", std::move(layouts)}});
}

std::string ChurnText(const ChurnReport& report) {
  std::string text = DatasetText(report.dataset);
  absl::StrAppendFormat(
      &text,
      "entries overwritten at random until %d times the data is written, with fresh values: "
      "strings\n"
      "that were shared before are not any more. Each layout in a process of its own; CPU is of "
      "all\n"
      "threads, a busy neighbour shows in wall times alone. RSS is what the layout added; used is\n"
      "what serves live content of all its bytes\n\n",
      report.options.times);
  absl::StrAppend(&text, WritesText(report.layouts), "\n", LatencyText(report.layouts), "\n",
                  MemoryText(report.layouts));
  if (report.options.rounds > 0) text += RoundsText(report.layouts);
  return text;
}

std::string ChurnResult(const ChurnMeasurement& churn) { return JsonDocument(LayoutObject(churn)); }

absl::StatusOr<ChurnMeasurement> ParseChurnResult(std::string_view json) {
  try {
    return ReadLayout(Json::parse(json));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("not the figures of a churn: ", error.what()));
  }
}

}  // namespace strata::cli
