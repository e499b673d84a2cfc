// Loading a JSON document, reading and parsing included, into an empty layout.
#include <chrono>

#include "bench/suites/suites.h"

#include <strata/load.h>

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;

void LoadJson(benchmark::State& state, const DataSpec& spec, std::string_view layout_name) {
  const BenchmarkData& data = BenchmarkData::Get(spec);
  const std::unique_ptr<Layout> layout = MakeOnlyLayout(layout_name);
  for (auto _ : state) {
    layout->Clear();
    const Clock::time_point begin = Clock::now();
    absl::StatusOr<std::unique_ptr<Source>> source = data.OpenJson();
    RequireOk(source.status(), spec.Name());
    RequireOk(Load(**source, *layout).status(), spec.Name());
    layout->Maintain();
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.json_bytes()));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(layout->counts().pairs));
  CountBytes(*layout, state);
}

}  // namespace

void RegisterJsonLoadSuite(const DataSpec& spec, std::string_view layout) {
  benchmark::RegisterBenchmark(BenchmarkName("json_load", spec, layout).c_str(),
                               [=](benchmark::State& state) { LoadJson(state, spec, layout); })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace strata
