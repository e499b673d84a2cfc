// The processor time of the calling thread, as a clock: for work that neither waits nor sleeps it
// is what the wall clock shows on a machine that does nothing else. (With both processors busy
// elsewhere the wall clock showed lookups four times as long.)
//
// Threads: each has its own time; points of two threads are not to be compared.
#ifndef STRATA_BENCH_BASELINES_THREAD_CPU_CLOCK_H_
#define STRATA_BENCH_BASELINES_THREAD_CPU_CLOCK_H_

#include <time.h>

#include <chrono>

namespace strata {

struct ThreadCpuClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ThreadCpuClock, duration>;
  static constexpr bool is_steady = true;

  static time_point now() {
    timespec now = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
};

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_THREAD_CPU_CLOCK_H_
