// strata_mysql_ratio: how fast a table is loaded into a cache, over how fast the C client merely
// drains the same rows, in the same run; and what memory that takes beside the finished cache.
//
//     strata_mysql_ratio [PAIR_RECORDS ROW_RECORDS [REPETITIONS]]
//
// Run it beside a server (tests/kit/private_mariadb.sh run -- …/strata_mysql_ratio). It prints, for
// tables whose rows lie in the entries' order, scattered, and keyed by the entry's columns:
//
//     pair rows    load / drain, in rows a second                        goal 0.40, aim 0.55
//     record rows  load / the slower of drain and of Put alone           goal 0.50
//     memory       highest RSS of a load less RSS before it less the finished cache   64 MiB
//
// In each repetition drain, load and Put follow one another, beginning with another one each time.
// A load counts from connecting to the last entry applied. Exit status 0 whether the goals are met
// or not: a busy machine is no fault of the loader's; 2 where the words are off.
//
// Threads: the source's own.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "bench/baselines/memory_state.h"
#include "bench/suites/benchmark_data.h"
#include "bench/suites/mysql_table.h"

#include <strata/cache.h>
#include <strata/load.h>
#include <strata/process_memory.h>

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kPairGoal = 0.40;
constexpr double kRecordGoal = 0.50;
constexpr double kMemoryGoalMiB = 64;
constexpr double kMiB = 1 << 20;
constexpr std::size_t kRepetitions = 5;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double SecondsOf(const std::function<void()>& work) {
  const Clock::time_point begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// From here on the process's highest RSS counts anew.
void ForgetPeak() {
  std::FILE* const file = std::fopen("/proc/self/clear_refs", "w");
  if (file == nullptr) return;
  std::fputs("5", file);
  std::fclose(file);
}

Cache MakeCache() {
  absl::StatusOr<Cache> cache = Cache::Create();
  RequireOk(cache.status(), "making a cache");
  return *std::move(cache);
}

class Trials {
 public:
  Trials(const DataSpec& spec, const MySqlTableShape& shape)
      : spec_(spec), data_(BenchmarkData::Get(spec)) {
    const char* const socket = std::getenv("STRATA_TEST_MYSQL_SOCKET");
    const char* const user = std::getenv("STRATA_TEST_MYSQL_USER");
    absl::StatusOr<std::unique_ptr<MySqlTable>> made = MySqlTable::Make(
        socket == nullptr ? "" : socket, user == nullptr ? "root" : user, data_, shape);
    RequireOk(made.status(), spec.Name());
    table_ = *std::move(made);
  }

  // Fills the server's pages.
  void Warm() { RequireOk(table_->Drain().status(), "draining"); }

  void Drain() {
    drain_.push_back(SecondsOf([this] {
      const absl::StatusOr<DrainedRows> drained = table_->Drain();
      RequireOk(drained.status(), "draining");
      rows_ = static_cast<double>(drained->rows);
    }));
  }

  // Why a secondary index on the entry's columns is not what a table is read by.
  void DrainByIndex() {
    by_index_.push_back(
        SecondsOf([this] { RequireOk(table_->Drain(true).status(), "draining by the index"); }));
  }

  void LoadIt() {
    const absl::StatusOr<std::uint64_t> before = ResidentBytes(Trim::kYes);
    RequireOk(before.status(), "reading RSS");
    ForgetPeak();
    Cache cache = MakeCache();
    load_.push_back(SecondsOf([&] {
      absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(table_->options());
      RequireOk(source.status(), "opening");
      RequireOk(Load(**source, cache).status(), "loading");
    }));
    const absl::StatusOr<ProcessMemory> after = ReadProcessMemory();
    RequireOk(after.status(), "reading RSS");
    beside_.push_back((static_cast<double>(after->peak_rss_bytes) - static_cast<double>(*before) -
                       static_cast<double>(cache.memory().allocated_bytes)) /
                      kMiB);
  }

  void PutAlone() {
    Cache cache = MakeCache();
    put_.push_back(SecondsOf([&] {
      data_.ForEachEntry([&cache](const Change& change) {
        RequireOk(cache.Put(change.outer, change.inner, change.records), "putting");
      });
    }));
  }

  void Print(const char* what, bool record_rows) const {
    const double drain = Median(drain_);
    const double load = Median(load_);
    const double put = Median(put_);
    const double yardstick = record_rows ? std::max(drain, put) : drain;
    const double goal = record_rows ? kRecordGoal : kPairGoal;
    absl::PrintF("%s, %s: %.0f rows\n", what, spec_.Name(), rows_);
    absl::PrintF("  drain %8.0f ns a row, Put alone %8.0f, load %8.0f\n", drain / rows_ * 1e9,
                 put / rows_ * 1e9, load / rows_ * 1e9);
    if (!by_index_.empty()) {
      absl::PrintF("  drain by the index %8.0f ns a row\n", Median(by_index_) / rows_ * 1e9);
    }
    absl::PrintF("  %s / load %.3f, goal %.2f: %s\n",
                 record_rows ? "slower of drain and Put" : "drain", yardstick / load, goal,
                 yardstick / load >= goal ? "met" : "missed");
    absl::PrintF(
        "  beside the finished cache %.1f MiB at most, goal %.0f: %s\n",
        *std::max_element(beside_.begin(), beside_.end()), kMemoryGoalMiB,
        *std::max_element(beside_.begin(), beside_.end()) <= kMemoryGoalMiB ? "met" : "missed");
  }

 private:
  const DataSpec spec_;
  const BenchmarkData& data_;
  std::unique_ptr<MySqlTable> table_;
  double rows_ = 0;
  std::vector<double> drain_, by_index_, load_, put_;  // seconds
  std::vector<double> beside_;                         // MiB
};

void Compare(const char* what, const DataSpec& spec, const MySqlTableShape& shape,
             std::size_t repetitions) {
  Trials trials(spec, shape);
  std::vector<std::function<void()>> steps = {[&] { trials.Drain(); }, [&] { trials.LoadIt(); },
                                              [&] { trials.PutAlone(); }};
  if (shape.key_index) steps.push_back([&] { trials.DrainByIndex(); });
  trials.Warm();
  for (std::size_t i = 0; i < repetitions; ++i) {
    for (std::size_t j = 0; j < steps.size(); ++j) steps[(i + j) % steps.size()]();
  }
  trials.Print(what, shape.record_rows);
}

int Run(int argc, char** argv) {
  DataSpec pairs = {"forum", 200'000};
  DataSpec rows = {"rows", 100'000};
  std::size_t repetitions = kRepetitions;
  const bool words_are_right = (argc == 1 || argc == 3 || argc == 4) &&
                               (argc < 3 || (absl::SimpleAtoi(argv[1], &pairs.records) &&
                                             absl::SimpleAtoi(argv[2], &rows.records))) &&
                               (argc < 4 || absl::SimpleAtoi(argv[3], &repetitions));
  if (!words_are_right || repetitions == 0) {
    absl::FPrintF(stderr, "usage: %s [PAIR_RECORDS ROW_RECORDS [REPETITIONS]]\n", argv[0]);
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line as it is known, into a file too
  Compare("pair rows, in order", pairs, {.key_index = true}, repetitions);
  Compare("pair rows, scattered", pairs, {.scattered = true, .key_index = true}, repetitions);
  Compare("pair rows, keyed by entry", pairs, {.clustered = true}, repetitions);
  Compare("record rows, in order", rows, {.record_rows = true}, repetitions);
  Compare("record rows, scattered", rows, {.record_rows = true, .scattered = true}, repetitions);
  Compare("record rows, keyed by entry", rows, {.record_rows = true, .clustered = true},
          repetitions);
  return 0;
}

}  // namespace
}  // namespace strata

int main(int argc, char** argv) { return strata::Run(argc, argv); }
