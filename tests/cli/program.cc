#include "tests/cli/program.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

extern char** environ;

namespace strata::cli {
namespace {

using testing::HasSubstr;

// A file of this process alone, holding `bytes` and standing at its beginning.
int MemoryFile(std::string_view bytes = {}) {
  const int fd = memfd_create("strata-test", MFD_CLOEXEC);
  EXPECT_GE(fd, 0);
  EXPECT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string Collect(int fd) {
  std::string bytes;
  std::array<char, 1 << 16> block;
  lseek(fd, 0, SEEK_SET);
  ssize_t size = 0;
  while ((size = read(fd, block.data(), block.size())) > 0) {
    bytes.append(block.data(), static_cast<std::size_t>(size));
  }
  close(fd);
  return bytes;
}

pid_t Spawn(std::vector<std::string> words, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // Tests run under nohup or in the background inherit ignored signals; the program must not.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&signals, signal);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  pid_t pid = -1;
  EXPECT_EQ(posix_spawnp(&pid, argv.front(), &actions, &attributes, argv.data(), environ), 0);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

void WaitFor(pid_t pid, Finished* finished) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) finished->exit = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) finished->signal = WTERMSIG(status);
}

Finished RunToEnd(std::vector<std::string> words, const Surroundings& around) {
  const int in = MemoryFile(around.input);
  const int err = MemoryFile();
  const int out = around.stdout_path.has_value()
                      ? open(around.stdout_path->c_str(), O_WRONLY | O_CLOEXEC)
                      : MemoryFile();
  EXPECT_GE(out, 0);
  Finished finished;
  WaitFor(Spawn(std::move(words), in, out, err), &finished);
  close(in);
  if (around.stdout_path.has_value()) {
    close(out);
  } else {
    finished.out = Collect(out);
  }
  finished.err = Collect(err);
  return finished;
}

}  // namespace

Finished Strata(const std::vector<std::string>& words, const Surroundings& around) {
  std::vector<std::string> all = {STRATA_PROGRAM};
  all.insert(all.end(), words.begin(), words.end());
  return RunToEnd(std::move(all), around);
}

Finished Shell(const std::string& line) {
  setenv("STRATA", STRATA_PROGRAM, 1);
  return RunToEnd({"sh", "-c", line}, {});
}

Started::Started(const std::vector<std::string>& words) {
  std::array<int, 2> ends = {-1, -1};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  input_ = ends[1];
  messages_ = MemoryFile();
  const int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
  std::vector<std::string> all = {STRATA_PROGRAM};
  all.insert(all.end(), words.begin(), words.end());
  pid_ = Spawn(std::move(all), ends[0], out, messages_);
  close(out);
  close(ends[0]);
}

Started::~Started() {
  if (input_ >= 0) close(input_);
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  Finished ignored;
  WaitFor(pid_, &ignored);
  close(messages_);
}

void Started::WriteInput(std::string_view bytes) {
  EXPECT_EQ(write(input_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

void Started::WaitUntilInputIsRead() {
  int left = 1;
  while (ioctl(input_, FIONREAD, &left) == 0 && left > 0) sched_yield();
}

std::vector<pid_t> Started::Children() const {
  const std::string id = std::to_string(pid_);
  std::ifstream file("/proc/" + id + "/task/" + id + "/children");
  std::vector<pid_t> children;
  for (pid_t child = 0; file >> child;) children.push_back(child);
  return children;
}

pid_t Started::WaitForChild() const {
  while (true) {
    const std::vector<pid_t> children = Children();
    if (!children.empty()) return children.front();
    sched_yield();
  }
}

std::string Started::Messages() const {
  std::string bytes;
  std::array<char, 1 << 12> block;
  // At places of our own: the file's is where the program writes on.
  ssize_t size = 0;
  while ((size = pread(messages_, block.data(), block.size(), static_cast<off_t>(bytes.size()))) >
         0) {
    bytes.append(block.data(), static_cast<std::size_t>(size));
  }
  return bytes;
}

Finished Started::Wait() {
  Finished finished;
  WaitFor(pid_, &finished);
  pid_ = -1;
  finished.err = Collect(messages_);
  return finished;
}

TemporaryFolder::TemporaryFolder() : path_(testing::TempDir() + "strata-cli-XXXXXX") {
  EXPECT_NE(mkdtemp(path_.data()), nullptr);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::operator/(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

std::string TemporaryFolder::Write(std::string_view name, std::string_view bytes) const {
  const std::string path = *this / name;
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  EXPECT_TRUE(file.flush().good());
  return path;
}

std::vector<std::string> TemporaryFolder::Names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void WaitUntilGone(pid_t pid) {
  // One that nobody has waited for yet stays a zombie and runs no more.
  while (kill(pid, 0) == 0) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string stat{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (stat.empty() || stat.find(") Z ") != std::string::npos) return;
    sched_yield();
  }
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void ExpectFailure(const Finished& finished, int status, std::string_view words) {
  EXPECT_EQ(finished.exit, status) << finished.err;
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  EXPECT_TRUE(finished.err.ends_with('\n')) << finished.err;
  EXPECT_TRUE(finished.err.starts_with("strata")) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr(std::string(words)));
}

void ExpectSuccess(const Finished& finished) {
  EXPECT_EQ(finished.exit, 0) << "signal " << finished.signal << ", " << finished.err;
  EXPECT_EQ(finished.err, "");
}

}  // namespace strata::cli
