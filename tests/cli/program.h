// Runs the real program as its users do: words in, bytes and an exit status out.
//
// Threads: safe from any; each call has a process and files of its own.
#ifndef STRATA_TESTS_CLI_PROGRAM_H_
#define STRATA_TESTS_CLI_PROGRAM_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"

namespace strata::cli {

struct Finished {
  int exit = -1;   ///< its exit status; -1 where a signal ended it
  int signal = 0;  ///< the signal; 0 for none
  std::string out;
  std::string err;
};

struct Surroundings {
  std::string input;                       ///< what it reads on standard input
  std::optional<std::string> stdout_path;  ///< opened for it instead of being collected
};

/// Runs `strata WORDS…` to its end.
Finished Strata(const std::vector<std::string>& words, const Surroundings& around = {});

/// Runs a line of shell; "$STRATA" is the program.
Finished Shell(const std::string& line);

/// Starts `strata WORDS…` with a pipe as its standard input.
class Started {
 public:
  explicit Started(const std::vector<std::string>& words);
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;
  ~Started();

  void WriteInput(std::string_view bytes);
  /// Waits until it has read all that was written.
  void WaitUntilInputIsRead();
  pid_t pid() const { return pid_; }
  /// The processes it has started that live, in order of age.
  std::vector<pid_t> Children() const;
  /// Waits until it has started a process of its own, and returns that.
  pid_t WaitForChild() const;
  /// What it has said on standard error until now.
  std::string Messages() const;
  /// Waits for its end; `out` is not collected.
  Finished Wait();

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int messages_ = -1;
};

/// A folder of this test alone, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }
  /// The path of `name` in it.
  std::string operator/(std::string_view name) const;
  /// Writes a file and returns its path.
  std::string Write(std::string_view name, std::string_view bytes) const;
  /// The names of all that is in it, sorted.
  std::vector<std::string> Names() const;

 private:
  std::string path_;
};

/// Waits until no process `pid` runs any more.
void WaitUntilGone(pid_t pid);

std::string ReadFile(const std::string& path);

/// That it ended with `status` and exactly one line on standard error, which holds `words`.
void ExpectFailure(const Finished& finished, int status, std::string_view words);

/// That it ended with 0 and said nothing on standard error.
void ExpectSuccess(const Finished& finished);

}  // namespace strata::cli

#endif  // STRATA_TESTS_CLI_PROGRAM_H_
