#include "cli/reclaim_report.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/shown_text.h"
#include "accounting/report/text_parts.h"
#include "cli/memory_json.h"

namespace strata::cli {
namespace {

Json RemainderObject(const Remainder& remainder) {
  Json object = MemoryObject(remainder.memory);
  AddCounts(remainder.counts, &object);
  object["digest"] = remainder.digest;
  return object;
}

Remainder ReadRemainder(const Json& object) {
  return {.counts = ReadCounts(object),
          .digest = object.at("digest").get<std::string>(),
          .memory = ReadMemory(object)};
}

Json LayoutObject(const ReclaimMeasurement& reclaim) {
  Json loaded = MemoryObject(reclaim.loaded);
  AddCounts(reclaim.loaded_counts, &loaded);
  return {{"layout", reclaim.layout},
          {"allocator", reclaim.allocator},
          {"deleted_entries", reclaim.deletion.entries},
          {"deleted_outers", reclaim.deletion.everything},
          {"delete_seconds", reclaim.delete_seconds},
          {"release_seconds", reclaim.release_seconds},
          {"empty", MemoryObject(reclaim.empty)},
          {"loaded", std::move(loaded)},
          {"deleted", MemoryObject(reclaim.deleted)},
          {"released", RemainderObject(reclaim.released)},
          {"reserve_times", reclaim.reserve_times},
          {"reserved", MemoryObject(reclaim.reserved)},
          {"shrunk", MemoryObject(reclaim.shrunk)}};
}

ReclaimMeasurement ReadLayout(const Json& object) {
  ReclaimMeasurement reclaim;
  object.at("layout").get_to(reclaim.layout);
  object.at("allocator").get_to(reclaim.allocator);
  object.at("deleted_entries").get_to(reclaim.deletion.entries);
  object.at("deleted_outers").get_to(reclaim.deletion.everything);
  object.at("last_deleted_high").get_to(reclaim.deletion.last.high);
  object.at("last_deleted_low").get_to(reclaim.deletion.last.low);
  object.at("delete_seconds").get_to(reclaim.delete_seconds);
  object.at("release_seconds").get_to(reclaim.release_seconds);
  reclaim.empty = ReadMemory(object.at("empty"));
  reclaim.loaded = ReadMemory(object.at("loaded"));
  reclaim.loaded_counts = ReadCounts(object.at("loaded"));
  reclaim.deleted = ReadMemory(object.at("deleted"));
  reclaim.released = ReadRemainder(object.at("released"));
  object.at("reserve_times").get_to(reclaim.reserve_times);
  reclaim.reserved = ReadMemory(object.at("reserved"));
  reclaim.shrunk = ReadMemory(object.at("shrunk"));
  return reclaim;
}

std::string Ratio(const std::optional<double>& ratio) {
  return ratio.has_value() ? absl::StrFormat("%.3f", *ratio) : "-";
}

// One in which what each layout held with all data has digits.
ByteUnit UnitOf(const ReclaimReport& report) {
  std::uint64_t least_bytes = std::uint64_t{1} << 20;
  for (const ReclaimRow& row : report.layouts) {
    if (row.reclaim.loaded.total_bytes > 0) {
      least_bytes = std::min(least_bytes, row.reclaim.loaded.total_bytes);
    }
  }
  return ByteUnit::For(least_bytes);
}

template <class BytesOf>
std::string StepsText(const ReclaimReport& report, const char* of, ByteUnit unit, BytesOf bytes_of,
                      std::optional<double> (ReclaimRow::*per_fresh)() const) {
  Table table({absl::StrCat(of, unit.name()), "empty", "loaded", "deleted", "released", "fresh",
               "released/fresh"});
  for (const ReclaimRow& row : report.layouts) {
    std::vector<std::string> cells = {row.reclaim.layout};
    for (const MemoryState* memory : {&row.reclaim.empty, &row.reclaim.loaded, &row.reclaim.deleted,
                                      &row.reclaim.released.memory, &row.fresh.memory}) {
      cells.push_back(unit.Of(bytes_of(*memory), 2));
    }
    cells.push_back(Ratio((row.*per_fresh)()));
    table.Add(std::move(cells));
  }
  return table.Text();
}

// What of the memory that was taken for nothing came back.
std::string GivenBack(const ReclaimMeasurement& reclaim) {
  const auto before = static_cast<double>(reclaim.released.memory.total_bytes);
  const auto reserved = static_cast<double>(reclaim.reserved.total_bytes);
  if (reserved <= before) return "takes none";
  const auto shrunk = static_cast<double>(reclaim.shrunk.total_bytes);
  return absl::StrFormat("%.1f%%", 100 * (reserved - shrunk) / (reserved - before));
}

std::string ReserveText(const ReclaimReport& report) {
  const ByteUnit unit = UnitOf(report);
  const auto in_unit = [&](std::uint64_t bytes) { return unit.Of(static_cast<double>(bytes), 2); };
  Table table({unit.name(), "times", "released", "reserved", "shrunk", "given back",
               "RSS MiB reserved", "shrunk"});
  for (const auto& [reclaim, fresh] : report.layouts) {
    table.Add({reclaim.layout, absl::StrCat(reclaim.reserve_times),
               in_unit(reclaim.released.memory.total_bytes), in_unit(reclaim.reserved.total_bytes),
               in_unit(reclaim.shrunk.total_bytes), GivenBack(reclaim),
               Mebibytes(static_cast<double>(reclaim.reserved.rss_delta_bytes)),
               Mebibytes(static_cast<double>(reclaim.shrunk.rss_delta_bytes))});
  }
  const std::string words = absl::StrFormat(
      "reserved: the table of outers told to expect %d times the %s entries (fewer where that "
      "would take over a quarter of the free memory); shrunk: told to give back what it does not "
      "need, maintained and trimmed",
      static_cast<int>(kReserveTimes), Grouped(report.dataset.counts.entries));
  return absl::StrCat(Folded(words, kTextColumns, 0), "\n\n", table.Text());
}

template <class Read>
auto Parse(std::string_view json, Read read) -> absl::StatusOr<decltype(read(Json()))> {
  try {
    return read(Json::parse(json));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("not the figures of a reclaim: ", error.what()));
  }
}

}  // namespace

std::optional<double> ReclaimRow::TotalPerFresh() const {
  if (fresh.memory.total_bytes == 0) return std::nullopt;
  return static_cast<double>(reclaim.released.memory.total_bytes) /
         static_cast<double>(fresh.memory.total_bytes);
}

std::optional<double> ReclaimRow::RssPerFresh() const {
  if (fresh.memory.rss_delta_bytes <= 0) return std::nullopt;
  return static_cast<double>(reclaim.released.memory.rss_delta_bytes) /
         static_cast<double>(fresh.memory.rss_delta_bytes);
}

std::string ReclaimJson(const ReclaimReport& report) {
  Json layouts = Json::array();
  for (const ReclaimRow& row : report.layouts) {
    Json object = LayoutObject(row.reclaim);
    object["fresh"] = RemainderObject(row.fresh);
    object["released_total_per_fresh"] = OrNull(row.TotalPerFresh());
    object["released_rss_per_fresh"] = OrNull(row.RssPerFresh());
    layouts.push_back(std::move(object));
  }
  return JsonDocument({{"schema", kReportSchema},
                       {"benchmark", "reclaim"},
                       {"dataset", DatasetObject(report.dataset)},
                       {"share", report.share},
                       {"layouts", std::move(layouts)}});
}

std::string ReclaimText(const ReclaimReport& report) {
  std::string text = DatasetText(report.dataset);
  const Deletion& deletion = report.layouts.front().reclaim.deletion;
  const std::string words = absl::StrFormat(
      "%s %s%s deleted, the same in each layout; released: maintained and trimmed; fresh: a "
      "new process into which only what is left was loaded; RSS is what the layout added",
      Grouped(deletion.entries), Plural(deletion.entries, "entry", "entries"),
      deletion.everything ? " and all outers" : "");
  absl::StrAppend(&text, Folded(words, kTextColumns, 0), "\n\n");
  absl::StrAppend(
      &text,
      StepsText(
          report, "", UnitOf(report),
          [](const MemoryState& memory) { return static_cast<double>(memory.total_bytes); },
          &ReclaimRow::TotalPerFresh),
      "\n",
      StepsText(
          report, "RSS ", ByteUnit::Mebibytes(),
          [](const MemoryState& memory) { return static_cast<double>(memory.rss_delta_bytes); },
          &ReclaimRow::RssPerFresh));
  Table seconds({"seconds", "deleting", "releasing"});
  for (const ReclaimRow& row : report.layouts) {
    seconds.Add({row.reclaim.layout, absl::StrFormat("%.3f", row.reclaim.delete_seconds),
                 absl::StrFormat("%.3f", row.reclaim.release_seconds)});
  }
  return absl::StrCat(text, "\n", seconds.Text(), "\n", ReserveText(report));
}

std::string ReclaimResult(const ReclaimMeasurement& reclaim) {
  Json object = LayoutObject(reclaim);
  object["last_deleted_high"] = reclaim.deletion.last.high;
  object["last_deleted_low"] = reclaim.deletion.last.low;
  return JsonDocument(object);
}

std::string RemainderResult(const Remainder& remainder) {
  return JsonDocument(RemainderObject(remainder));
}

absl::StatusOr<ReclaimMeasurement> ParseReclaimResult(std::string_view json) {
  return Parse(json, ReadLayout);
}

absl::StatusOr<Remainder> ParseRemainderResult(std::string_view json) {
  return Parse(json, ReadRemainder);
}

}  // namespace strata::cli
