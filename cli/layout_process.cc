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
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/unique_fd.h"
#include "cli/exit_status.h"

extern char** environ;

namespace strata::cli {
namespace {

// Descriptors of the child.
constexpr int kDataFd = 3;
constexpr int kAnswersFd = 4;
constexpr int kTurnsFd = 5;

// The first byte of an answer: what the rest is.
constexpr char kTurn = 'T';    // nothing: it waits for a turn
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

// The byte that comes next; none at the end.
std::optional<char> ReadByte(int fd) {
  char byte = 0;
  ssize_t size = 0;
  do {
    size = read(fd, &byte, 1);
  } while (size < 0 && errno == EINTR);
  if (size != 1) return std::nullopt;
  return byte;
}

// A pipe whose child's end stands above the child's own descriptors, so that no dup2 overwrites one
// that is still needed; false where there is none to be had.
bool OpenPipe(std::size_t child_end, UniqueFd* ours, UniqueFd* theirs) {
  std::array<int, 2> ends = {-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  *ours = UniqueFd(ends[1 - child_end]);
  const UniqueFd small(ends[child_end]);
  *theirs = UniqueFd(fcntl(small.get(), F_DUPFD_CLOEXEC, kTurnsFd + 1));
  return theirs->get() >= 0;
}

// The last words of a child, for the message about its death.
std::string LastWords(int fd) {
  lseek(fd, 0, SEEK_SET);
  std::string words = ReadAll(fd);
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return words.size() <= 500 ? words : words.substr(words.size() - 500);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LayoutProcess>> LayoutProcess::Start(const SourceArg& source,
                                                                    const LayoutWords& words) {
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
  std::unique_ptr<LayoutProcess> process(new LayoutProcess(words.layout));
  if (absl::Status status = process->Start(source, std::move(given)); !status.ok()) return status;
  return process;
}

absl::Status LayoutProcess::Start(const SourceArg& source, std::vector<std::string> words) {
  if (source.fd() >= 0 && lseek(source.fd(), 0, SEEK_SET) != 0) {
    return SystemError(absl::StrCat(source.name(), ": the spooled copy"), errno);
  }
  UniqueFd answers;
  UniqueFd turns;
  if (!OpenPipe(1, &answers_, &answers) || !OpenPipe(0, &turns_, &turns)) {
    return SystemError("no pipe for a layout", errno);
  }
  messages_ = UniqueFd(memfd_create("strata-messages", MFD_CLOEXEC));
  const UniqueFd data(source.fd() < 0 ? -1 : fcntl(source.fd(), F_DUPFD_CLOEXEC, kTurnsFd + 1));
  if (messages_.get() < 0 || (source.fd() >= 0 && data.get() < 0)) {
    return SystemError("no descriptors for a layout", errno);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, messages_.get(), STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (data.get() >= 0) posix_spawn_file_actions_adddup2(&actions, data.get(), kDataFd);
  posix_spawn_file_actions_adddup2(&actions, answers.get(), kAnswersFd);
  posix_spawn_file_actions_adddup2(&actions, turns.get(), kTurnsFd);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int error = posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return absl::OkStatus();
  pid_ = 0;
  return SystemError("no process for a layout could be started", error);
}

LayoutProcess::~LayoutProcess() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  (void)Death();
}

std::string LayoutProcess::Death() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  if (WIFSIGNALED(status)) {
    return absl::StrFormat("died by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) {
    return absl::StrFormat("ended with status %d", WEXITSTATUS(status));
  }
  return "";
}

absl::Status LayoutProcess::Await() {
  const std::optional<char> answer = ReadByte(answers_.get());
  wants_turn_ = answer == kTurn;
  if (wants_turn_) return absl::OkStatus();
  result_ = ReadAll(answers_.get());
  const std::string death = Death();
  if (!death.empty() || !answer.has_value()) {
    const std::string last = LastWords(messages_.get());
    return absl::AbortedError(absl::StrFormat(
        "layout %s: its process %s%s%s: is there memory enough for this layout?", layout_,
        death.empty() ? "gave no result" : death, last.empty() ? "" : ", saying: ", last));
  }
  return answer == kFault ? absl::InvalidArgumentError(result_) : absl::OkStatus();
}

void LayoutProcess::GiveTurn() {
  // One that died meanwhile is found by Await.
  (void)WriteAll(turns_.get(), {&kTurn, 1});
}

absl::StatusOr<std::string> RunInProcess(const SourceArg& source, const LayoutWords& words) {
  const absl::StatusOr<std::unique_ptr<LayoutProcess>> process =
      LayoutProcess::Start(source, words);
  if (!process.ok()) return process.status();
  if (absl::Status status = (*process)->Await(); !status.ok()) return status;
  return (*process)->result();
}

absl::Status AwaitTurnInChild() {
  if (WriteAll(kAnswersFd, {&kTurn, 1}) && ReadByte(kTurnsFd).has_value()) return absl::OkStatus();
  return absl::UnavailableError("the process that gives turns is gone");
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
  return WriteAll(kAnswersFd, result) ? 0 : static_cast<int>(ExitStatus::kFault);
}

}  // namespace strata::cli
