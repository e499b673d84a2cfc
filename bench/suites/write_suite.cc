// Writing: a whole data set entry by entry into an empty layout, the same again over what is
// there, and record by record. An iteration is the whole data set; only the writes are timed.
#include <chrono>

#include "bench/baselines/cpu_clocks.h"
#include "bench/suites/suites.h"

namespace strata {
namespace {

using Clock = ThreadCpuClock;  // nothing here waits

// Writes the data set with `write`, which gives how many items it wrote of an entry.
template <class Write>
void WriteEverything(benchmark::State& state, const BenchmarkData& data, Layout& layout,
                     const Write& write) {
  std::int64_t items = 0;
  const Clock::time_point begin = Clock::now();
  data.ForEachEntry([&](const Change& change) { items += write(layout, change); });
  layout.Maintain();
  state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
  state.SetItemsProcessed(state.items_processed() + items);
}

std::int64_t PutEntry(Layout& layout, const Change& change) {
  return layout.Put(change.outer, change.inner, change.records).ok() ? 1 : 0;
}

std::int64_t AppendRecords(Layout& layout, const Change& change) {
  std::int64_t written = 0;
  for (std::size_t i = 0; i < change.records.size(); ++i) {
    written += layout.Append(change.outer, change.inner, change.records[i]).ok() ? 1 : 0;
  }
  return written;
}

template <class Write>
void IntoEmpty(benchmark::State& state, const DataSpec& spec, std::string_view layout_name,
               const Write& write) {
  const BenchmarkData& data = BenchmarkData::Get(spec);
  const std::unique_ptr<Layout> layout = MakeOnlyLayout(layout_name);
  for (auto _ : state) {
    layout->Clear();
    WriteEverything(state, data, *layout, write);
  }
  CountBytes(*layout, state);
}

void Overwrite(benchmark::State& state, const DataSpec& spec, std::string_view layout_name) {
  const BenchmarkData& data = BenchmarkData::Get(spec);
  const std::unique_ptr<Layout> layout = MakeOnlyLayout(layout_name);
  data.ForEachEntry([&](const Change& change) { PutEntry(*layout, change); });
  for (auto _ : state) WriteEverything(state, data, *layout, PutEntry);
  CountBytes(*layout, state);
}

}  // namespace

void RegisterWriteSuite(const DataSpec& spec, std::string_view layout) {
  const auto add = [&](const char* operation, auto run) {
    benchmark::RegisterBenchmark(BenchmarkName(operation, spec, layout).c_str(), run)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  add("put", [=](benchmark::State& state) { IntoEmpty(state, spec, layout, PutEntry); });
  add("overwrite", [=](benchmark::State& state) { Overwrite(state, spec, layout); });
  add("append", [=](benchmark::State& state) { IntoEmpty(state, spec, layout, AppendRecords); });
}

}  // namespace strata
