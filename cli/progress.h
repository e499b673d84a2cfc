// The progress line on standard error: how much was read, how fast, how much is left.
//
// On a terminal one line is rewritten in place and vanishes at the end; elsewhere, where progress
// was asked for, a line is added each second and one at the end.
//
// Threads: one.
#ifndef STRATA_CLI_PROGRESS_H_
#define STRATA_CLI_PROGRESS_H_

#include <chrono>
#include <string>

#include <strata/load.h>

namespace strata::cli {

/// "81.2 MB of 149.3 MB (54%), 96.1 MB/s, 108000 entries, 1 s left", or of rows "1000 rows of about
/// 4000 rows (25%), 0.1 MB, 500 rows/s, 12 entries, 6 s left"; without a line end.
std::string ProgressText(const LoadProgress& progress);

class ProgressLine {
 public:
  /// Silent unless standard error is a terminal or `wanted`. `name` begins each line.
  ProgressLine(std::string name, bool wanted);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  /// Leaves the terminal's line empty for what comes next.
  ~ProgressLine();

  bool active() const { return active_; }
  /// Shows it, unless the last one is too young to be replaced.
  void Update(const LoadProgress& progress);
  /// Shows a step of work that has no figures of its own.
  void Note(const std::string& step);
  /// Shows the last state, whatever its age.
  void Finish(const LoadProgress& progress);

 private:
  void Show(const std::string& state);

  std::string name_;
  bool terminal_;
  bool active_;
  bool open_ = false;
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace strata::cli

#endif  // STRATA_CLI_PROGRESS_H_
