#include "accounting/report/outers.h"

#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/shown_text.h"
#include "accounting/report/text_parts.h"

namespace strata {
namespace {

// A name that is longer is cut: a table is no place for a text of a megabyte.
constexpr std::size_t kMostNameColumns = 80;

double BytesOfShares(const Json& value) {
  const double bytes = value.get<double>();
  if (bytes >= 0 && bytes <= static_cast<double>(kMostFigure)) return bytes;
  throw std::out_of_range("shared_bytes is no number of bytes");
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
                                 .entries = WholeNumber(object.at("entries")),
                                 .records = WholeNumber(object.at("records")),
                                 .pairs = WholeNumber(object.at("pairs"))},
                      .exclusive_bytes = WholeNumber(object.at("exclusive_bytes")),
                      .shared_bytes = BytesOfShares(object.at("shared_bytes")),
                      .freed_bytes = WholeNumber(object.at("freed_bytes"))});
  }
  return outers;
}

std::string OutersText(const std::vector<OuterFootprint>& outers, std::uint64_t whole_bytes,
                       std::uint64_t all_outers) {
  Table table({"outer", "entries", "pairs", "own bytes", "of all", "of shared", "freed"});
  for (const OuterFootprint& outer : outers) {
    const double share = whole_bytes == 0 ? 0
                                          : 100.0 * static_cast<double>(outer.exclusive_bytes) /
                                                static_cast<double>(whole_bytes);
    table.Add({outer.outer.empty() ? ShownName("") : CutEnd(outer.outer, kMostNameColumns),
               Grouped(outer.counts.entries), Grouped(outer.counts.pairs),
               Grouped(outer.exclusive_bytes), absl::StrFormat("%.1f%%", share),
               Grouped(static_cast<std::uint64_t>(outer.shared_bytes)),
               Grouped(outer.freed_bytes)});
  }
  const std::string which =
      outers.size() < all_outers
          ? absl::StrCat("the ", outers.size(), " largest of ", Grouped(all_outers), " outers")
          : "all outers";
  constexpr const char* kWords =
      "own bytes: what nobody else names; of shared: its part of strings that others name, too; "
      "freed: what deleting it frees, its own bytes but for the numbers of its strings (keys of "
      "its "
      "own key lists once the cache is cleaned); cleaning then gives whole segments back, and what "
      "it moves may become a little shorter";
  return absl::StrCat(which, ", by own bytes\n", table.Text(), Folded(kWords, kTextColumns, 2),
                      "\n");
}

}  // namespace strata
