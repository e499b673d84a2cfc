#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>

namespace strata::cli {
namespace {

constexpr std::array<int, 3> kInterrupts = {SIGINT, SIGTERM, SIGHUP};

// The handler may read these at any instant; lock-free atomics are async-signal-safe.
std::array<char, 4096> temporary_path;
std::atomic<bool> temporary_set{false};
std::atomic<bool> progress_open{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void Say(std::string_view text) {
  // Nothing is left to do where standard error itself is gone.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

void RemoveWhatIsRegistered() {
  if (temporary_set.load()) unlink(temporary_path.data());
  if (progress_open.load()) Say("\n");
}

void OnInterrupt(int signal_number) {
  RemoveWhatIsRegistered();
  Say(signal_number == SIGINT    ? "strata: interrupted by SIGINT"
      : signal_number == SIGTERM ? "strata: interrupted by SIGTERM"
                                 : "strata: interrupted by SIGHUP");
  Say(": stopped, no output was left half-written; run it again to start over\n");
  _exit(1);
}

}  // namespace

void InstallInterruptHandler() {
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  sigfillset(&action.sa_mask);
  for (const int signal_number : kInterrupts) {
    struct sigaction before = {};
    sigaction(signal_number, nullptr, &before);
    // Who started us with a signal ignored (nohup) wants it ignored.
    if (before.sa_handler != SIG_IGN) sigaction(signal_number, &action, nullptr);
  }
  signal(SIGPIPE, SIG_IGN);
}

void EndAtOnce(std::string_view line) {
  RemoveWhatIsRegistered();
  Say(line);
  _exit(1);
}

InterruptsHeld::InterruptsHeld() {
  sigset_t held;
  sigemptyset(&held);
  for (const int signal_number : kInterrupts) sigaddset(&held, signal_number);
  pthread_sigmask(SIG_BLOCK, &held, &before_);
}

InterruptsHeld::~InterruptsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void SetTemporaryFileToRemove(std::string_view path) {
  temporary_set = false;
  if (path.empty() || path.size() >= temporary_path.size()) return;
  std::memcpy(temporary_path.data(), path.data(), path.size());
  temporary_path[path.size()] = '\0';
  temporary_set = true;
}

void SetProgressLineOpen(bool open) { progress_open = open; }

}  // namespace strata::cli
