// strata_bench: Google Benchmark's program with two additions: what results are recorded with
// (compiler, flags, allocator, machine) stands in their context, and --table prints the table that
// README shows in place of one line a benchmark.
#include <sys/utsname.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "absl/strings/str_cat.h"
#include "bench/suites/suites.h"
#include "bench/suites/table_reporter.h"

#include <strata/process_memory.h>

namespace strata {
namespace {

// The processor's name, and the kernel that it runs.
std::string Machine() {
  std::string processor = "unknown processor";
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) {
      processor = line.substr(std::min(line.find(':') + 2, line.size()));
      break;
    }
  }
  utsname kernel = {};
  if (uname(&kernel) != 0) return processor;
  return absl::StrCat(processor, ", ", kernel.machine, ", ", kernel.sysname);
}

void RegisterEverything() {
  for (const DataSpec& spec : DataSpecs()) {
    for (const std::string_view layout : LayoutNames()) {
      RegisterReadSuite(spec, layout);
      RegisterWriteSuite(spec, layout);
      RegisterJsonLoadSuite(spec, layout);
    }
    RegisterReadersSuite(spec);
#ifdef STRATA_BENCH_MYSQL
    RegisterMySqlLoadSuite(spec);
#endif
  }
}

// Whether `flag` was given; takes it out.
bool TakeFlag(std::string_view flag, int* argc, char** argv) {
  char** const end = argv + *argc;
  char** const rest = std::remove_if(argv + 1, end, [&](const char* word) { return word == flag; });
  *argc = static_cast<int>(rest - argv);
  return rest != end;
}

}  // namespace
}  // namespace strata

int main(int argc, char** argv) {
  const bool as_table = strata::TakeFlag("--table", &argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("machine", strata::Machine());
  benchmark::AddCustomContext("compiler", STRATA_COMPILER);
  benchmark::AddCustomContext("flags", STRATA_BUILD_FLAGS);
  benchmark::AddCustomContext("allocator", strata::AllocatorName());
  strata::RegisterEverything();
  std::unique_ptr<benchmark::BenchmarkReporter> reporter;
  if (as_table) reporter = std::make_unique<strata::TableReporter>();
  const std::size_t run = benchmark::RunSpecifiedBenchmarks(reporter.get());
  benchmark::Shutdown();
  return run == 0 ? 1 : 0;
}
