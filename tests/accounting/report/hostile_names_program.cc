// Writes every form of footprints whose caches, layers, outers and source have names that somebody
// hostile or unlucky chose, for the tools that open them (tests/cli/formats_test.py,
// tests/browser/html_test.py):
//
//     hostile_names_program FOLDER
//
//     names.json          the names, as JSON can say them
//     metrics.txt         a cache of each name, as OpenMetrics
//     profile.pb.gz       the same as a profile
//     footprint.html, .txt, .json   a layer and an outer of each name
//     diff.html           two such footprints
//
// Threads: one.
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/accounting/report/sample_footprints.h"

#include <strata/report.h>

namespace strata {
namespace {

std::vector<std::string> HostileNames() {
  using std::string_literals::operator""s;
  return {"<script>document.title='owned'</script>",
          "</script><script>document.title='owned'</script>",
          "</style><img src=x onerror=\"document.title='owned'\">",
          "<!--<script>",
          "]]>&lt;b&gt;{{data}}{{style}}",
          "\"quotes\" 'and' \\backslash\\",
          "line\nbreak\r\ttab",
          "nul\0inside"s,
          "\x1b[31mred\x07",
          "not \xff\xc0\x80 UTF-8",
          "\u202egnp.\u05d0\u05d1 from right to left",
          "line\u2028separator",
          "colon",
          "colon:log",
          "__proto__",
          "constructor",
          "",
          " ",
          std::string(10'240, 'x')};
}

FootprintReport HostileReport(std::uint64_t scale) {
  FootprintReport report{};
  report.dataset.source = "</title><script>document.title='owned'</script>\n\xff.json";
  report.layout.footprint.layout = "<b>packed</b>";
  std::uint64_t number = scale;
  for (const std::string& name : HostileNames()) {
    report.layout.footprint.layers.push_back({.name = name,
                                              .count = 1,
                                              .used_bytes = 1000 * ++number,
                                              .slack_bytes = 10,
                                              .dead_bytes = 1});
    report.outers.push_back({.outer = name,
                             .counts = {1, 2, 3, number},
                             .exclusive_bytes = number,
                             .shared_bytes = 0.5,
                             .freed_bytes = 1});
  }
  report.dataset.counts.pairs = 100;
  report.layout.footprint.allocated_bytes = report.layout.footprint.total_bytes();
  report.process.terms.push_back(
      {.of = "anon", .name = HostileNames().front(), .bytes = 5, .source = HostileNames()[2]});
  return report;
}

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

bool WriteAll(const std::string& folder) {
  std::vector<NamedFootprint> caches;
  nlohmann::json names = nlohmann::json::array();
  for (const std::string& name : HostileNames()) {
    caches.push_back(SampleFootprint(name, caches.size() + 1));
    names.push_back(name);
  }
  const absl::StatusOr<std::string> profile = PprofProfile(caches);
  if (!profile.ok()) return false;
  Write(folder + "/profile.pb.gz", *profile);
  Write(folder + "/names.json",
        names.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
  Write(folder + "/metrics.txt", OpenMetricsText(caches));
  const FootprintReport report = HostileReport(0);
  Write(folder + "/footprint.html", FootprintHtml(report));
  Write(folder + "/footprint.txt", FootprintText(report));
  Write(folder + "/footprint.json", FootprintJson(report));
  const FootprintDiff diff{.name_a = HostileNames()[1],
                           .name_b = HostileNames().back(),
                           .a = report,
                           .b = HostileReport(7)};
  Write(folder + "/diff.html", DiffHtml(diff));
  return true;
}

}  // namespace
}  // namespace strata

int main(int argc, char** argv) {
  if (argc == 2 && strata::WriteAll(argv[1])) return 0;
  std::cerr << "hostile_names_program FOLDER\n";
  return 1;
}
