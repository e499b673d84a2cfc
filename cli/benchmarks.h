// The benchmarks of `strata bench`, a file each, and what all of them are given.
//
// Each measures the layouts in processes of their own and gives its report as text.
//
// Threads: one.
#ifndef STRATA_CLI_BENCHMARKS_H_
#define STRATA_CLI_BENCHMARKS_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/baselines/memory_state.h"
#include "cli/source_arg.h"
#include "cli/verbs.h"

#include <strata/report.h>

namespace strata::cli {

/// An option that not every benchmark has, and what it means to one that does.
struct BenchOption {
  std::string_view name;
  const char* what;
};
struct BenchmarkWords {
  std::string_view name;
  const char* what;
  std::vector<BenchOption> options;  ///< beside those that all have

  bool Has(std::string_view option) const;
};
/// All there are.
const std::vector<BenchmarkWords>& AllBenchmarks();
/// Null where there is none of that name.
const BenchmarkWords* FindBenchmark(std::string_view name);

struct BenchPlan {
  const SourceArg& source;  ///< a file or spooled
  std::vector<std::string> layouts;
  bool json = false;
  bool progress = false;
};

/// A benchmark whose own words are understood.
class Benchmark {
 public:
  virtual ~Benchmark() = default;
  virtual absl::StatusOr<std::string> Run(const BenchPlan& plan) const = 0;
};

// An error of the call's words where the benchmark's own options are off.
absl::StatusOr<std::unique_ptr<Benchmark>> MakeTimings(const BenchArgs& args);  // load, lookup
absl::StatusOr<std::unique_ptr<Benchmark>> MakeChurn(const BenchArgs& args);
absl::StatusOr<std::unique_ptr<Benchmark>> MakeReclaim(const BenchArgs& args);

/// Describes the plan's source and then calls `measure` for each of its layouts, with progress; the
/// first error ends it.
absl::Status ForEachLayout(const BenchPlan& plan, DatasetReport* dataset,
                           absl::FunctionRef<absl::Status(const std::string& layout)> measure);

/// OK where the bytes walked are those counted, at the moment `when` of that layout; else Internal.
absl::Status CheckBooks(const std::string& layout, const char* when, const MemoryState& memory);

}  // namespace strata::cli

#endif  // STRATA_CLI_BENCHMARKS_H_
