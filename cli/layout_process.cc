#include "cli/layout_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/exit_status.h"
#include "cli/interrupt.h"
#include "cli/unique_fd.h"

extern char** environ;

namespace strata::cli {
namespace {

// Descriptors of the child.
constexpr int kDataFd = 3;
constexpr int kResultFd = 4;

// The first byte of a result: what the rest is.
constexpr char kReport = 'R';  // what the job gave
constexpr char kFault = 'F';   // the message of an error

// The words of the child, in order behind the verb; the job's details follow.
enum Word { kParent = 2, kJob, kLayout, kKind, kName, kForm, kRoot, kFirstDetail };

std::string ReadAll(int fd) {
  std::string bytes;
  std::array<char, 1 << 16> block;
  while (true) {
    const ssize_t size = read(fd, block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return bytes;
    bytes.append(block.data(), static_cast<std::size_t>(size));
  }
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

// A child that was started, and the end of its pipe.
struct Child {
  pid_t pid = 0;
  UniqueFd result;
  UniqueFd messages;  // its standard error, so that a failure stays one line
};

// Starts this program again and registers it to be ended on an interrupt; an errno.
int Spawn(const posix_spawn_file_actions_t& actions, char* const* argv, pid_t* pid) {
  const InterruptsHeld held;
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigmask(&attributes, &held.before());
  const int error = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) SetChildToEnd(*pid);
  return error;
}

absl::StatusOr<Child> Start(const SourceArg& source, std::vector<std::string> words) {
  // All ours stand above the child's own, so that no dup2 overwrites one that is still needed.
  std::array<int, 2> ends = {-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError("no pipe for a layout", errno);
  Child child;
  child.result = UniqueFd(ends[0]);
  const UniqueFd small_end(ends[1]);
  const UniqueFd end(fcntl(ends[1], F_DUPFD_CLOEXEC, kResultFd + 1));
  child.messages = UniqueFd(memfd_create("strata-messages", MFD_CLOEXEC));
  const UniqueFd data(source.fd() < 0 ? -1 : fcntl(source.fd(), F_DUPFD_CLOEXEC, kResultFd + 1));
  if (end.get() < 0 || child.messages.get() < 0 || (source.fd() >= 0 && data.get() < 0)) {
    return SystemError("no descriptors for a layout", errno);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, child.messages.get(), STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (data.get() >= 0) posix_spawn_file_actions_adddup2(&actions, data.get(), kDataFd);
  posix_spawn_file_actions_adddup2(&actions, end.get(), kResultFd);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int error = Spawn(actions, argv.data(), &child.pid);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return SystemError("no process for a layout could be started", error);
  return child;
}

// Waits for the child's end; how it died, "" where it did not.
std::string Wait(pid_t pid) {
  // Its id is its own until it is waited for, and may be another process's right after.
  siginfo_t ended = {};
  while (waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  SetChildToEnd(0);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    return absl::StrFormat("died by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) {
    return absl::StrFormat("ended with status %d", WEXITSTATUS(status));
  }
  return "";
}

// The last words of a child, for the message about its death.
std::string LastWords(int fd) {
  lseek(fd, 0, SEEK_SET);
  std::string words = ReadAll(fd);
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return words.size() <= 500 ? words : words.substr(words.size() - 500);
}

}  // namespace

absl::StatusOr<std::string> RunInProcess(const SourceArg& source, const LayoutWords& words) {
  if (source.fd() >= 0 && lseek(source.fd(), 0, SEEK_SET) != 0) {
    return SystemError(absl::StrCat(source.name(), ": the spooled copy"), errno);
  }
  std::vector<std::string> given = {"strata",
                                    std::string(kLayoutProcessVerb),
                                    absl::StrCat(getpid()),
                                    words.job,
                                    words.layout,
                                    absl::StrCat(static_cast<int>(source.kind())),
                                    source.name(),
                                    absl::StrCat(static_cast<int>(source.json().form)),
                                    source.json().root};
  given.insert(given.end(), words.details.begin(), words.details.end());
  absl::StatusOr<Child> child = Start(source, std::move(given));
  if (!child.ok()) return child.status();
  const std::string result = ReadAll(child->result.get());
  const std::string death = Wait(child->pid);
  if (!death.empty() || result.empty()) {
    const std::string last = LastWords(child->messages.get());
    return absl::AbortedError(absl::StrFormat(
        "layout %s: its process %s%s%s: is there memory enough for this layout?", words.layout,
        death.empty() ? "gave no result" : death, last.empty() ? "" : ", saying: ", last));
  }
  if (result.front() == kFault) return absl::InvalidArgumentError(result.substr(1));
  return result.substr(1);
}

int RunLayoutProcess(int argc, char** argv, LayoutJobRunner run) {
  // Started by hand there is no parent that waits for a result.
  if (argc < kFirstDetail || std::to_string(getppid()) != argv[kParent]) {
    std::fputs("strata: --layout-process is for strata's own use: see strata --help\n", stderr);
    return static_cast<int>(ExitStatus::kUsage);
  }
  // Whatever ends the parent ends the child; the parent may have gone before this was asked for.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (std::to_string(getppid()) != argv[kParent]) return static_cast<int>(ExitStatus::kFault);
  const LayoutWords words{
      .job = argv[kJob], .layout = argv[kLayout], .details = {argv + kFirstDetail, argv + argc}};
  const SourceArg source = SourceArg::Inherited(
      static_cast<SourceArg::Kind>(std::atoi(argv[kKind])), argv[kName],
      {.form = static_cast<JsonOptions::Form>(std::atoi(argv[kForm])), .root = argv[kRoot]},
      kDataFd);
  const absl::StatusOr<std::string> done = run(source, words);
  const std::string result = done.ok() ? kReport + *done : kFault + MessageOf(done.status());
  return WriteAll(kResultFd, result) ? 0 : static_cast<int>(ExitStatus::kFault);
}

}  // namespace strata::cli
