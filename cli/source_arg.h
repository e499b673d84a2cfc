// SOURCE, the one argument of every verb that reads data, understood and opened.
//
// Threads: one.
#ifndef STRATA_CLI_SOURCE_ARG_H_
#define STRATA_CLI_SOURCE_ARG_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "accounting/unique_fd.h"
#include "cli/output.h"

#include <strata/cache.h>
#include <strata/json_source.h>
#include <strata/load.h>
#include <strata/mysql_source.h>
#include <strata/source.h>

namespace strata::cli {

/// The words that say where data comes from, as given.
struct SourceFlags {
  std::string source;
  std::string root;           ///< JSON pointer; empty for the whole document
  std::string input_format;   ///< "json" or "ndjson"; empty: by the name
  std::string defaults_file;  ///< of MySQL's clients
  std::string password_file;
  bool progress = false;  ///< show it where standard error is no terminal, too
};

/// A SOURCE whose words are in order.
class SourceArg {
 public:
  enum class Kind {
    kFile,     ///< a path, read anew each time
    kStream,   ///< standard input or a pipe: read once
    kMySql,    ///< tables: read anew each time, and perhaps not the same twice
    kRawFd,    ///< the bytes of kStream, spooled
    kSpoolFd,  ///< the changes of kMySql, spooled
  };

  /// Understands `flags` without opening anything. An error of the call's words where they are
  /// off or name a source that this version does not have.
  static absl::StatusOr<SourceArg> Parse(const SourceFlags& flags);

  /// The same source in another process: kFile by its name, kRawFd and kSpoolFd by a descriptor
  /// that stands where it is to be read from and stays the caller's.
  static SourceArg Inherited(Kind kind, std::string name, JsonOptions json, int fd);

  /// Opens it for one reading from the beginning.
  absl::StatusOr<std::unique_ptr<Source>> Open() const;

  /// Reads what can or should be read only once into an unlinked temporary file, from which Open
  /// reads from then on, as often as wanted and always the same. Files stay where they are.
  absl::Status Spool();

  Kind kind() const { return kind_; }
  /// What the user called it. Never a password: a URL that holds one is refused.
  const std::string& name() const { return name_; }
  const JsonOptions& json() const { return json_; }
  /// Of kMySql: the server, credentials included; its mapping means nothing.
  const MySqlOptions& mysql() const { return mysql_; }
  /// Of kMySql: its tables on that server.
  const std::vector<MySqlMapping>& tables() const { return tables_; }
  /// Of the spool; -1 where there is none.
  int fd() const { return fd_; }

 private:
  SourceArg() = default;
  static absl::StatusOr<SourceArg> ParseMySql(const SourceFlags& flags);
  static absl::StatusOr<SourceArg> ParseToml(const SourceFlags& flags);
  static absl::StatusOr<SourceArg> OfServer(const SourceFlags& flags, MySqlOptions options,
                                            std::vector<MySqlMapping> tables);
  absl::Status SpoolStream(int to);
  absl::Status SpoolTable(int to);

  Kind kind_ = Kind::kFile;
  std::string name_;  // of kFile and kStream the path, "-" for standard input
  JsonOptions json_;
  MySqlOptions mysql_;  // the server
  std::vector<MySqlMapping> tables_;
  bool progress_ = false;
  UniqueFd spool_;
  int fd_ = -1;
};

struct LoadedCache {
  Cache cache;
  LoadProgress progress;
};

/// Loads all of `source` into a new cache, with a progress line where standard error is a terminal
/// or `progress_wanted`.
absl::StatusOr<LoadedCache> LoadCache(const SourceArg& source, bool progress_wanted);

/// Writes all of `cache`, which `source` filled, as JSON to `output` and commits it. Errors name
/// the source, which the JSON writer does not know.
absl::Status DumpCache(const Cache& cache, const SourceArg& source, bool replace_invalid_utf8,
                       Output& output);

}  // namespace strata::cli

#endif  // STRATA_CLI_SOURCE_ARG_H_
