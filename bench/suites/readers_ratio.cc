// strata_readers_ratio: how much more a read costs beside another reader, and beside a writer that
// never pauses, than alone, over what the same company costs a plain pointer chase.
//
//     strata_readers_ratio [SHAPE RECORDS [REPETITIONS]]
//
// Prints each trial's median (reader_trials.h) and the two ratios with their goals:
//
//     (get by 2 threads / get by 1) / (chase by 2 / chase by 1)                      <= 1.08
//     (get beside a writer / get alone) / (chase beside a writer / chase alone)      <= 1.20
//
// In each repetition all trials follow one another, beginning with another one each time, so that
// what else the machine does meets them alike. The second ratio is taken after all values have been
// overwritten once: the writer then changes nothing about the cache's size. Exit status 0 whether
// the goals are met or not: a busy machine is no fault of the cache's; 2 where the words are off.
//
// Threads: the trials' own.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "bench/suites/reader_trials.h"

namespace strata {
namespace {

constexpr double kTwoThreadsGoal = 1.08;
constexpr double kBesideWriterGoal = 1.20;
constexpr std::size_t kLeastRepetitions = 5;
constexpr std::size_t kRepetitions = 25;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// Nanoseconds a read, a figure a repetition.
struct Compared {
  std::vector<double> get_alone;
  std::vector<double> get_beside;
  std::vector<double> chase_alone;
  std::vector<double> chase_beside;
  std::vector<double> writes_per_second;
};

void PrintTrials(const char* what, const std::vector<double>& alone,
                 const std::vector<double>& beside) {
  absl::PrintF("  %-8s %9.1f ns alone %9.1f ns beside: %.3f\n", what, Median(alone), Median(beside),
               Median(beside) / Median(alone));
}

// The ratio of ratios of medians, and what single repetitions say: where the two differ much, or
// the middle half lies wide apart, the machine was too busy to tell.
void PrintRatio(const Compared& figures, double goal) {
  PrintTrials("get", figures.get_alone, figures.get_beside);
  PrintTrials("chase", figures.chase_alone, figures.chase_beside);
  const double ratio = Median(figures.get_beside) / Median(figures.get_alone) /
                       (Median(figures.chase_beside) / Median(figures.chase_alone));
  std::vector<double> each;
  for (std::size_t i = 0; i < figures.get_alone.size(); ++i) {
    each.push_back(figures.get_beside[i] / figures.get_alone[i] /
                   (figures.chase_beside[i] / figures.chase_alone[i]));
  }
  std::sort(each.begin(), each.end());
  absl::PrintF("  ratio %.3f, goal %.2f: %s\n", ratio, goal, ratio <= goal ? "met" : "missed");
  absl::PrintF("  of single repetitions: median %.3f, middle half %.3f to %.3f\n", Median(each),
               each[each.size() / 4], each[each.size() - 1 - each.size() / 4]);
  if (!figures.writes_per_second.empty()) {
    absl::PrintF("  %.0f entries overwritten a second\n", Median(figures.writes_per_second));
  }
}

void PrintSizes(const char* heading, const ReaderTrials& trials) {
  absl::PrintF("%s: %.1f MB of cache and of chase, %d steps of the chase a read\n", heading,
               static_cast<double>(trials.size_bytes()) * 1e-6, trials.chase_steps());
}

// Each repetition begins with another of the trials: none always follows the same one.
void TakeInTurn(std::size_t repetitions, const std::vector<std::function<void()>>& trials) {
  for (std::size_t i = 0; i < repetitions; ++i) {
    for (std::size_t j = 0; j < trials.size(); ++j) trials[(i + j) % trials.size()]();
  }
}

void CompareTwoThreads(const DataSpec& spec, std::size_t repetitions) {
  ReaderTrials& trials = ReaderTrials::Get(spec, ReaderTrials::Content::kAsLoaded);
  PrintSizes("two reading threads", trials);
  Compared figures;
  TakeInTurn(repetitions, {[&] { figures.get_alone.push_back(trials.RunGet(1).read_ns); },
                           [&] { figures.get_beside.push_back(trials.RunGet(2).read_ns); },
                           [&] { figures.chase_alone.push_back(trials.RunChase(1).read_ns); },
                           [&] { figures.chase_beside.push_back(trials.RunChase(2).read_ns); }});
  PrintRatio(figures, kTwoThreadsGoal);
}

void CompareBesideWriter(const DataSpec& spec, std::size_t repetitions) {
  ReaderTrials& trials = ReaderTrials::Get(spec, ReaderTrials::Content::kOverwritten);
  PrintSizes("one reading thread beside a writer", trials);
  Compared figures;
  const auto get_beside = [&] {
    const Trial beside = trials.RunGetBesideWriter();
    figures.get_beside.push_back(beside.read_ns);
    figures.writes_per_second.push_back(beside.writes_per_second);
  };
  TakeInTurn(repetitions,
             {[&] { figures.get_alone.push_back(trials.RunGet(1).read_ns); }, get_beside,
              [&] { figures.chase_alone.push_back(trials.RunChase(1).read_ns); },
              [&] { figures.chase_beside.push_back(trials.RunChaseBesideWriter().read_ns); }});
  PrintRatio(figures, kBesideWriterGoal);
}

int Run(int argc, char** argv) {
  DataSpec spec = {"forum", 1'000'000};
  std::size_t repetitions = kRepetitions;
  const bool words_are_right = (argc == 1 || argc == 3 || argc == 4) &&
                               (argc < 3 || absl::SimpleAtoi(argv[2], &spec.records)) &&
                               (argc < 4 || absl::SimpleAtoi(argv[3], &repetitions));
  if (!words_are_right || repetitions < kLeastRepetitions) {
    absl::FPrintF(stderr,
                  "usage: %s [SHAPE RECORDS [REPETITIONS]]: a shape of `strata gen`, at least %d "
                  "repetitions\n",
                  argv[0], kLeastRepetitions);
    return 2;
  }
  if (argc >= 3) spec.shape = argv[1];
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line as it is known, into a file too
  absl::PrintF("%s, medians of %d repetitions, processor time a read\n", spec.Name(), repetitions);
  CompareTwoThreads(spec, repetitions);
  CompareBesideWriter(spec, repetitions);
  return 0;
}

}  // namespace
}  // namespace strata

int main(int argc, char** argv) { return strata::Run(argc, argv); }
