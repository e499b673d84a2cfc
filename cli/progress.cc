#include "cli/progress.h"
#include "accounting/report/shown_text.h"
#include "accounting/report/text_parts.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/exit_status.h"
#include "cli/interrupt.h"

namespace strata::cli {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTerminalInterval{100};
constexpr std::chrono::seconds kLineInterval{1};

std::string Amount(double figure, bool rows) {
  if (!rows) return absl::StrFormat("%.1f MB", figure / 1e6);
  const std::string number = absl::StrFormat("%.0f", figure);
  return absl::StrCat(number, number == "1" ? " row" : " rows");
}

std::string Remaining(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return absl::StrFormat("%d s left", whole);
  return absl::StrFormat("%d min %02d s left", whole / 60, whole % 60);
}

// A line that wraps could not be rewritten in place.
std::size_t TerminalColumns() {
  struct winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::string ProgressText(const LoadProgress& progress) {
  const bool rows = progress.source.rows_read > 0 || progress.source.rows_total > 0;
  const double read =
      static_cast<double>(rows ? progress.source.rows_read : progress.source.bytes_read);
  const double total =
      static_cast<double>(rows ? progress.source.rows_total : progress.source.bytes_total);
  const double seconds = duration<double>(progress.elapsed).count();
  const double rate = seconds > 0 ? read / seconds : 0;

  std::string text = Amount(read, rows);
  if (total > 0) {
    absl::StrAppend(&text, " of ", rows ? "about " : "", Amount(total, rows),
                    absl::StrFormat(" (%.0f%%)", 100 * std::min(1.0, read / total)));
  }
  if (rows && progress.source.bytes_read > 0) {
    absl::StrAppendFormat(&text, ", %.1f MB",
                          static_cast<double>(progress.source.bytes_read) / 1e6);
  }
  absl::StrAppend(&text, ", ", Amount(rate, rows), "/s, ", progress.entries_applied, " ",
                  Plural(progress.entries_applied, "entry", "entries"));
  if (total > read && rate > 0) absl::StrAppend(&text, ", ", Remaining((total - read) / rate));
  return text;
}

ProgressLine::ProgressLine(std::string name, bool wanted)
    : name_(ShownMessage(name)),
      terminal_(isatty(STDERR_FILENO) == 1),
      active_(terminal_ || wanted) {}

ProgressLine::~ProgressLine() {
  if (!open_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  SetProgressLineOpen(false);
}

void ProgressLine::Update(const LoadProgress& progress) {
  if (!active_) return;
  const steady_clock::time_point now = steady_clock::now();
  if (terminal_ ? now - shown_ < kTerminalInterval : now - shown_ < kLineInterval) return;
  shown_ = now;
  Show(ProgressText(progress));
}

void ProgressLine::Note(const std::string& step) {
  if (active_) Show(step);
}

void ProgressLine::Finish(const LoadProgress& progress) {
  if (active_) Show(ProgressText(progress));
}

void ProgressLine::Show(const std::string& state) {
  std::string text = absl::StrCat(name_, ": ", state);
  // Where both do not fit, how far it has come matters more than what it is.
  if (terminal_ && text.size() >= TerminalColumns()) text = state;
  if (terminal_) text.resize(std::min(text.size(), TerminalColumns() - 1));
  std::fprintf(stderr, terminal_ ? "\r%s\x1b[K" : "%s\n", text.c_str());
  std::fflush(stderr);
  open_ = terminal_;
  SetProgressLineOpen(open_);
}

}  // namespace strata::cli
