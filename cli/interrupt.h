// What happens when the user stops the program (SIGINT, SIGTERM, SIGHUP): at once and cleanly,
// even in the middle of a read that blocks. What would be left behind is registered here; the
// handler removes it, says so in one line and ends the process with exit status 1. Processes that
// measure layouts end with the one that started them (cli/layout_process.h).
//
// Threads: one thread registers; the handler may run in any.
#ifndef STRATA_CLI_INTERRUPT_H_
#define STRATA_CLI_INTERRUPT_H_

#include <signal.h>

#include <string_view>

namespace strata::cli {

/// Takes over the three signals and makes a closed pipe an error of the write, not a death.
void InstallInterruptHandler();

/// Ends the process as an interrupt does, for a failure that nothing can catch any more: removes
/// what is registered, writes `line` and exits with status 1. Allocates nothing.
[[noreturn]] void EndAtOnce(std::string_view line);

/// While one lives the three signals wait, so that what is made and its registration are one step.
class InterruptsHeld {
 public:
  InterruptsHeld();
  InterruptsHeld(const InterruptsHeld&) = delete;
  InterruptsHeld& operator=(const InterruptsHeld&) = delete;
  ~InterruptsHeld();

 private:
  sigset_t before_;
};

/// The temporary file to remove when interrupted; empty for none. One at a time, path below 4096
/// bytes.
void SetTemporaryFileToRemove(std::string_view path);

/// Whether a progress line stands unfinished on the terminal, to be ended before the message.
void SetProgressLineOpen(bool open);

}  // namespace strata::cli

#endif  // STRATA_CLI_INTERRUPT_H_
