// Reading beside other threads: gets and the pointer chase, with one and two reading threads and
// beside a writer. One run of a benchmark is one trial (reader_trials.h), and its time is the
// processor time of one read; --benchmark_repetitions takes more.
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/suites/reader_trials.h"
#include "bench/suites/suites.h"

namespace strata {
namespace {

using Content = ReaderTrials::Content;

// Registers what `run` does with the trials of that data set.
template <class Run>
void Register(const std::string& name, const DataSpec& spec, Content content, const Run& run) {
  const auto measure = [=](benchmark::State& state) {
    ReaderTrials& trials = ReaderTrials::Get(spec, content);
    for (auto _ : state) {
      const Trial trial = run(trials);
      state.SetIterationTime(trial.read_ns * 1e-9);
      if (trial.writes_per_second > 0) {
        state.counters["writes_per_second"] = trial.writes_per_second;
      }
    }
    state.counters["total_bytes"] = static_cast<double>(trials.size_bytes());
    state.counters["chase_steps"] = static_cast<double>(trials.chase_steps());
  };
  benchmark::RegisterBenchmark(name.c_str(), measure)->Iterations(1)->UseManualTime();
}

}  // namespace

void RegisterReadersSuite(const DataSpec& spec) {
  for (const std::size_t threads : {std::size_t{1}, std::size_t{2}}) {
    const std::string suffix = absl::StrCat("/threads:", threads);
    Register(BenchmarkName("reader_get", spec, "packed") + suffix, spec, Content::kAsLoaded,
             [=](ReaderTrials& trials) { return trials.RunGet(threads); });
    Register("pointer_chase/" + spec.Name() + suffix, spec, Content::kAsLoaded,
             [=](ReaderTrials& trials) { return trials.RunChase(threads); });
  }
  Register(BenchmarkName("reader_get_beside_writer", spec, "packed"), spec, Content::kOverwritten,
           [](ReaderTrials& trials) { return trials.RunGetBesideWriter(); });
  Register("pointer_chase_beside_writer/" + spec.Name(), spec, Content::kOverwritten,
           [](ReaderTrials& trials) { return trials.RunChaseBesideWriter(); });
}

}  // namespace strata
