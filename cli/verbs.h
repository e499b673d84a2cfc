// The verbs of the program, a file each: what the command line gave them, and what they do.
//
// The words are strings as given; the verbs check them, so that every complaint about a call's
// words is made in one way and main.cc alone knows the library that parses options.
//
// Threads: one.
#ifndef STRATA_CLI_VERBS_H_
#define STRATA_CLI_VERBS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cli/source_arg.h"

namespace strata::cli {

/// The layout of a verb whose words name none: the engine.
inline constexpr std::string_view kDefaultLayout = "packed";

struct GenArgs {
  std::string shape;
  std::string records = "1000";
  std::string seed = "1";
  std::optional<std::string> output;  ///< none: standard output
};
absl::Status RunGen(const GenArgs& args);

struct CompareArgs {
  SourceFlags source;
  std::string layouts;  ///< comma-separated; empty: all
  std::string lookups = "300000";
  std::string format = "text";
  std::optional<std::string> output;  ///< none: standard output
};
absl::Status RunCompare(const CompareArgs& args);

struct FootprintArgs {
  SourceFlags source;
  std::string layout = std::string(kDefaultLayout);
  std::optional<std::string> by;
  bool explain = false;  ///< of text: what each name means, beneath
  std::string format = "text";
  std::optional<std::string> output;  ///< none: standard output
};
absl::Status RunFootprint(const FootprintArgs& args);

struct LoadArgs {
  SourceFlags source;
  std::optional<std::string> dump;
  bool replace_invalid_utf8 = false;
  bool follow = false;
  std::optional<std::string> save;
  std::optional<std::string> listen;
  std::optional<std::string> poll_interval;
  std::optional<std::string> reconcile_interval;
};
absl::Status RunLoad(const LoadArgs& args);

struct DumpArgs {
  SourceFlags source;
  bool replace_invalid_utf8 = false;
  std::optional<std::string> output;  ///< none: standard output
};
absl::Status RunDump(const DumpArgs& args);

struct GetArgs {
  SourceFlags source;
  bool replace_invalid_utf8 = false;
  std::string outer;
  std::optional<std::string> inner;
  std::optional<std::string> index;
  std::optional<std::string> key;
};
absl::Status RunGet(const GetArgs& args);

struct BenchArgs {
  std::string benchmark;  ///< load, lookup, churn, reclaim
  SourceFlags source;
  std::string layouts = std::string(kDefaultLayout);  ///< comma-separated; empty: all
  // None: the benchmark's own default, or that it has no such option.
  std::optional<std::string> lookups;
  std::optional<std::string> rounds;
  std::optional<std::string> times;
  std::optional<std::string> share;
  std::string format = "text";
  std::optional<std::string> output;  ///< none: standard output
};
absl::Status RunBench(const BenchArgs& args);
/// OK where there is such a benchmark.
absl::Status CheckBenchmark(std::string_view name);

struct DiffArgs {
  std::string a;
  std::string b;
  std::string format = "text";
  std::optional<std::string> output;  ///< none: standard output
};
absl::Status RunDiff(const DiffArgs& args);

struct ExplainArgs {
  std::string what;                     ///< memstats
  std::string file;                     ///< "-" for standard input
  std::optional<std::string> observed;  ///< bytes of the container, as Kubernetes writes them
  SourceFlags sample;                   ///< its source is empty where there is none
  std::optional<std::string> output;    ///< none: standard output
};
absl::Status RunExplain(const ExplainArgs& args);
/// OK where there is something of that name to explain.
absl::Status CheckExplained(std::string_view what);

}  // namespace strata::cli

#endif  // STRATA_CLI_VERBS_H_
