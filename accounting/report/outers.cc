#include "accounting/report/outers.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/text_parts.h"

namespace strata {
namespace {

// So that any name fits a line of the table.
constexpr std::size_t kMostNameBytes = 32;

std::string Shown(const std::string& name) {
  const std::string text = absl::CHexEscape(name.substr(0, kMostNameBytes));
  return name.size() > kMostNameBytes ? text + "…" : text;
}

}  // namespace

Json OutersArray(const std::vector<OuterFootprint>& outers) {
  Json array = Json::array();
  for (const OuterFootprint& outer : outers) {
    array.push_back({{"outer", outer.outer},
                     {"entries", outer.counts.entries},
                     {"records", outer.counts.records},
                     {"pairs", outer.counts.pairs},
                     {"exclusive_bytes", outer.exclusive_bytes},
                     {"shared_bytes", outer.shared_bytes},
                     {"freed_bytes", outer.freed_bytes}});
  }
  return array;
}

std::vector<OuterFootprint> ReadOuters(const Json& array) {
  std::vector<OuterFootprint> outers;
  for (const Json& object : array) {
    outers.push_back({.outer = object.at("outer").get<std::string>(),
                      .counts = {.outers = 1,
                                 .entries = object.at("entries").get<std::uint64_t>(),
                                 .records = object.at("records").get<std::uint64_t>(),
                                 .pairs = object.at("pairs").get<std::uint64_t>()},
                      .exclusive_bytes = object.at("exclusive_bytes").get<std::uint64_t>(),
                      .shared_bytes = object.at("shared_bytes").get<double>(),
                      .freed_bytes = object.at("freed_bytes").get<std::uint64_t>()});
  }
  return outers;
}

std::string OutersText(const std::vector<OuterFootprint>& outers, std::uint64_t whole_bytes) {
  Table table({"outer", "entries", "pairs", "its own bytes", "share", "of shared",
               "freed by delete", "bytes/pair"});
  for (const OuterFootprint& outer : outers) {
    const double share = whole_bytes == 0 ? 0
                                          : 100.0 * static_cast<double>(outer.exclusive_bytes) /
                                                static_cast<double>(whole_bytes);
    table.Add({Shown(outer.outer), Grouped(outer.counts.entries), Grouped(outer.counts.pairs),
               Grouped(outer.exclusive_bytes), absl::StrFormat("%.1f%%", share),
               Grouped(static_cast<std::uint64_t>(outer.shared_bytes)), Grouped(outer.freed_bytes),
               Each(outer.exclusive_bytes, outer.counts.pairs)});
  }
  return absl::StrCat("the largest outers, bytes\n", table.Text());
}

}  // namespace strata
