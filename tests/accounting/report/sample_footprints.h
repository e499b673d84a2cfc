// Two small caches with figures that no two layers share.
//
// Threads: pure functions.
#ifndef STRATA_TESTS_ACCOUNTING_REPORT_SAMPLE_FOOTPRINTS_H_
#define STRATA_TESTS_ACCOUNTING_REPORT_SAMPLE_FOOTPRINTS_H_

#include <string>
#include <vector>

#include <strata/report.h>

namespace strata {

inline NamedFootprint SampleFootprint(std::string cache, std::uint64_t scale) {
  Footprint footprint{.layout = "packed",
                      .layers = {{.name = "dictionary/bytes",
                                  .count = 3 * scale,
                                  .used_bytes = 1000 * scale,
                                  .slack_bytes = 20 * scale,
                                  .dead_bytes = 5 * scale},
                                 {.name = "dictionary/numbers",
                                  .count = 4 * scale,
                                  .used_bytes = 300 * scale,
                                  .slack_bytes = 0,
                                  .dead_bytes = 7 * scale},
                                 {.name = "log",
                                  .count = 11 * scale,
                                  .used_bytes = 70'000 * scale,
                                  .slack_bytes = 123 * scale,
                                  .dead_bytes = 0}}};
  footprint.counts = {.outers = 1, .entries = 2, .records = 3, .pairs = 4 * scale};
  footprint.allocated_bytes = footprint.total_bytes();
  return {.cache = std::move(cache), .footprint = std::move(footprint)};
}

inline std::vector<NamedFootprint> TwoCaches() {
  return {SampleFootprint("shop", 1), SampleFootprint("users", 3)};
}

}  // namespace strata

#endif  // STRATA_TESTS_ACCOUNTING_REPORT_SAMPLE_FOOTPRINTS_H_
