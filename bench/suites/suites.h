// The suites: each registers its benchmarks for one data set and layout. A benchmark's name is
// OPERATION/SHAPE/RECORDS/LAYOUT, "lookup_hit/forum/200000/std_map".
//
// Beside the time each reports as counters what the layout then holds: total_bytes and
// bytes_per_pair; and per_second, the operation's own unit (lookups, pairs, entries, records).
//
// Threads: one.
#ifndef STRATA_BENCH_SUITES_SUITES_H_
#define STRATA_BENCH_SUITES_SUITES_H_

#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "absl/strings/str_cat.h"
#include "bench/suites/benchmark_data.h"

namespace strata {

void RegisterReadSuite(const DataSpec& spec, std::string_view layout);
void RegisterWriteSuite(const DataSpec& spec, std::string_view layout);
void RegisterJsonLoadSuite(const DataSpec& spec, std::string_view layout);
/// Reading beside other threads, of the cache alone and of the pointer chase it is compared with
/// (reader_trials.h): "reader_get/forum/200000/packed/threads:2". An iteration is a whole trial;
/// its time is the processor time of one read.
void RegisterReadersSuite(const DataSpec& spec);
/// Where STRATA_TEST_MYSQL_SOCKET names a server; elsewhere nothing is registered. The drain by
/// the C client, which belongs to no layout, is registered with the layout name "c_client".
void RegisterMySqlLoadSuite(const DataSpec& spec);

inline std::string BenchmarkName(std::string_view operation, const DataSpec& spec,
                                 std::string_view layout) {
  return absl::StrCat(std::string(operation), "/", spec.Name(), "/", std::string(layout));
}

/// Reports what the layout holds; walks it.
inline void CountBytes(const Layout& layout, benchmark::State& state) {
  const auto total_bytes = static_cast<double>(layout.MeasureFootprint().total_bytes());
  const auto pairs = static_cast<double>(layout.counts().pairs);
  state.counters["total_bytes"] = total_bytes;
  if (pairs > 0) state.counters["bytes_per_pair"] = total_bytes / pairs;
}

}  // namespace strata

#endif  // STRATA_BENCH_SUITES_SUITES_H_
