// Reading: point lookups that hit, that miss at the last step, and scans of everything.
#include "bench/baselines/measure.h"
#include "bench/suites/suites.h"

namespace strata {
namespace {

enum class Keys { kHits, kMisses };

// One lookup an iteration, keys in drawn order.
void LookUp(benchmark::State& state, const DataSpec& spec, std::string_view layout_name,
            Keys which) {
  const LoadedLayout& loaded = GetLoaded(spec, layout_name);
  const std::span<const LookupKey> keys =
      (which == Keys::kHits ? loaded.hits : loaded.misses).keys();
  std::uint64_t sum = 0;
  std::uint64_t found = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    found += loaded.layout->Lookup(keys[next],
                                   [&sum](std::string_view value) { sum += TouchBytes(value); });
    if (++next == keys.size()) next = 0;
  }
  benchmark::DoNotOptimize(sum);
  const auto expected = which == Keys::kHits ? static_cast<std::uint64_t>(state.iterations()) : 0;
  if (found != expected) state.SkipWithError("lookups did not find what they should");
  state.SetItemsProcessed(state.iterations());
  CountBytes(*loaded.layout, state);
}

class Toucher final : public ContentVisitor {
 public:
  void OnOuter(std::string_view outer) override { sum += TouchBytes(outer); }
  void OnEntry(std::string_view inner) override { sum += TouchBytes(inner); }
  void OnRecord() override {}
  void OnPair(std::string_view key, std::string_view value) override {
    sum += TouchBytes(key) + TouchBytes(value);
    ++pairs;
  }
  std::uint64_t sum = 0;
  std::int64_t pairs = 0;
};

// Everything once an iteration, every byte touched.
void Scan(benchmark::State& state, const DataSpec& spec, std::string_view layout_name) {
  const LoadedLayout& loaded = GetLoaded(spec, layout_name);
  Toucher toucher;
  for (auto _ : state) loaded.layout->Visit(toucher);
  benchmark::DoNotOptimize(toucher.sum);
  state.SetItemsProcessed(toucher.pairs);
  CountBytes(*loaded.layout, state);
}

}  // namespace

void RegisterReadSuite(const DataSpec& spec, std::string_view layout) {
  benchmark::RegisterBenchmark(
      BenchmarkName("lookup_hit", spec, layout).c_str(),
      [=](benchmark::State& state) { LookUp(state, spec, layout, Keys::kHits); });
  benchmark::RegisterBenchmark(
      BenchmarkName("lookup_miss", spec, layout).c_str(),
      [=](benchmark::State& state) { LookUp(state, spec, layout, Keys::kMisses); });
  benchmark::RegisterBenchmark(BenchmarkName("scan", spec, layout).c_str(),
                               [=](benchmark::State& state) { Scan(state, spec, layout); })
      ->Unit(benchmark::kMillisecond);
}

}  // namespace strata
