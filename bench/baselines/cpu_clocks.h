// Processor time as clocks: for work that neither waits nor sleeps it is what the wall clock shows
// on a machine that does nothing else. (With both processors busy elsewhere the wall clock showed
// lookups four times as long.)
//
// Threads: safe from any; points of two threads' ThreadCpuClock are not to be compared.
#ifndef STRATA_BENCH_BASELINES_CPU_CLOCKS_H_
#define STRATA_BENCH_BASELINES_CPU_CLOCKS_H_

#include <time.h>

#include <chrono>

namespace strata {

template <clockid_t kClock>
struct CpuClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<CpuClock, duration>;
  static constexpr bool is_steady = true;

  static time_point now() {
    timespec now = {};
    clock_gettime(kClock, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
};

/// Of the calling thread.
using ThreadCpuClock = CpuClock<CLOCK_THREAD_CPUTIME_ID>;
/// Of all threads of the process together: what work costs that a layout's own threads share.
using ProcessCpuClock = CpuClock<CLOCK_PROCESS_CPUTIME_ID>;

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_CPU_CLOCKS_H_
