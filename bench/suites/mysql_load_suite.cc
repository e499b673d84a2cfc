// Loading a MySQL table into an empty layout, beside the C client that drains the same rows and
// keeps nothing. Rows arrive as fast as the server gives them: read the ratios.
#include <chrono>
#include <cstdlib>
#include <utility>

#include "bench/suites/mysql_table.h"
#include "bench/suites/suites.h"

#include <strata/load.h>

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;

// The table with that data, from here on the only one.
const MySqlTable& GetTable(const DataSpec& spec) {
  static DataSpec current;
  static std::unique_ptr<MySqlTable> table;
  if (table == nullptr || current != spec) {
    table.reset();
    const char* const socket = std::getenv("STRATA_TEST_MYSQL_SOCKET");
    const char* const user = std::getenv("STRATA_TEST_MYSQL_USER");
    absl::StatusOr<std::unique_ptr<MySqlTable>> made = MySqlTable::Make(
        socket == nullptr ? "" : socket, user == nullptr ? "root" : user, BenchmarkData::Get(spec));
    RequireOk(made.status(), spec.Name());
    table = *std::move(made);
    current = spec;
  }
  return *table;
}

void LoadTable(benchmark::State& state, const DataSpec& spec, std::string_view layout_name) {
  const MySqlTable& table = GetTable(spec);
  const std::unique_ptr<Layout> layout = MakeOnlyLayout(layout_name);
  for (auto _ : state) {
    layout->Clear();
    const Clock::time_point begin = Clock::now();
    absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(table.options());
    RequireOk(source.status(), spec.Name());
    RequireOk(Load(**source, *layout).status(), spec.Name());
    layout->Maintain();
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(layout->counts().pairs));
  CountBytes(*layout, state);
}

void Drain(benchmark::State& state, const DataSpec& spec) {
  const MySqlTable& table = GetTable(spec);
  DrainedRows drained;
  for (auto _ : state) {
    const Clock::time_point begin = Clock::now();
    const absl::StatusOr<DrainedRows> all = table.Drain();
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
    RequireOk(all.status(), spec.Name());
    drained = *all;
  }
  state.SetItemsProcessed(state.iterations() * drained.rows);
  state.SetBytesProcessed(state.iterations() * drained.bytes);
}

}  // namespace

void RegisterMySqlLoadSuite(const DataSpec& spec) {
  if (std::getenv("STRATA_TEST_MYSQL_SOCKET") == nullptr) return;
  const auto add = [&](std::string_view layout, auto run) {
    benchmark::RegisterBenchmark(BenchmarkName("mysql_load", spec, layout).c_str(), run)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  add("c_client", [=](benchmark::State& state) { Drain(state, spec); });
  for (const std::string_view layout : LayoutNames()) {
    add(layout, [=](benchmark::State& state) { LoadTable(state, spec, layout); });
  }
}

}  // namespace strata
