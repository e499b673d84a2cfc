// The data that benchmarks run on, generated in this process, and the layout that reading
// benchmarks share. One data set and one loaded layout exist at a time: benchmarks are registered
// so that those of one data set and layout follow each other.
//
// Threads: one.
#ifndef STRATA_BENCH_SUITES_BENCHMARK_DATA_H_
#define STRATA_BENCH_SUITES_BENCHMARK_DATA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "bench/baselines/layout.h"
#include "bench/baselines/lookups.h"

#include <strata/source.h>

namespace strata {

/// What to generate.
struct DataSpec {
  std::string_view shape;
  std::uint64_t records = 0;

  /// "forum/200000".
  std::string Name() const;
  friend bool operator==(const DataSpec&, const DataSpec&) = default;
};

/// The data sets that benchmarks are registered for.
std::vector<DataSpec> DataSpecs();

/// Generated content: as a JSON document in memory, and parsed.
class BenchmarkData {
 public:
  /// The data set, from here on the only one. Ends the process with a message where it cannot be
  /// made: there is nothing to measure then.
  static const BenchmarkData& Get(const DataSpec& spec);

  BenchmarkData(const BenchmarkData&) = delete;
  BenchmarkData& operator=(const BenchmarkData&) = delete;
  ~BenchmarkData();

  const DataSpec& spec() const { return spec_; }
  std::size_t json_bytes() const { return json_bytes_; }
  /// Reads the document from its beginning.
  absl::StatusOr<std::unique_ptr<Source>> OpenJson() const;
  /// Each change that puts an entry, in the document's order.
  void ForEachEntry(absl::FunctionRef<void(const Change&)> use) const;

 private:
  explicit BenchmarkData(const DataSpec& spec) : spec_(spec) {}
  absl::Status Make();

  DataSpec spec_;
  int memory_file_ = -1;
  std::size_t json_bytes_ = 0;
  std::vector<Batch> batches_;
};

/// A layout that holds a data set, and the lookups drawn from it.
struct LoadedLayout {
  std::unique_ptr<Layout> layout;
  Lookups hits;
  Lookups misses;
};

/// The layout with that data loaded, from here on the only one. Ends the process as Get does.
const LoadedLayout& GetLoaded(const DataSpec& spec, std::string_view layout_name);

/// An empty layout, after the loaded one is given up: the books of a kind of layout count one.
std::unique_ptr<Layout> MakeOnlyLayout(std::string_view layout_name);

/// Ends the process with a message unless the status is OK.
void RequireOk(const absl::Status& status, std::string_view doing);

}  // namespace strata

#endif  // STRATA_BENCH_SUITES_BENCHMARK_DATA_H_
