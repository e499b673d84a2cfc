// The processor time of all threads of the process together, as a clock: what work costs that a
// layout's own threads share.
//
// Threads: safe from any.
#ifndef STRATA_BENCH_BASELINES_PROCESS_CPU_CLOCK_H_
#define STRATA_BENCH_BASELINES_PROCESS_CPU_CLOCK_H_

#include <time.h>

#include <chrono>

namespace strata {

struct ProcessCpuClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ProcessCpuClock, duration>;
  static constexpr bool is_steady = true;

  static time_point now() {
    timespec now = {};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_PROCESS_CPU_CLOCK_H_
