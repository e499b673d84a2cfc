#include "cli/source_arg.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/exit_status.h"
#include "cli/progress.h"
#include "loader/spool.h"

#include <strata/json_writer.h>

namespace strata::cli {
namespace {

constexpr std::string_view kMySqlScheme = "mysql://";

bool IsPacked(std::string_view name) { return name.ends_with(".gz") || name.ends_with(".zst"); }

absl::StatusOr<JsonOptions::Form> FormOf(const SourceFlags& flags) {
  if (flags.input_format == "json") return JsonOptions::Form::kDocument;
  if (flags.input_format == "ndjson") return JsonOptions::Form::kLines;
  if (!flags.input_format.empty()) {
    return UsageError(absl::StrFormat("--input-format: there is no '%s': give json or ndjson",
                                      flags.input_format));
  }
  if (flags.source == "-") return JsonOptions::Form::kDocument;
  if (const auto form = JsonFormOf(flags.source)) return *form;
  return UsageError(absl::StrFormat(
      "%s: its name does not say what it holds: name it .json, .ndjson or .jsonl (.gz or .zst "
      "behind), or give --input-format json or ndjson",
      flags.source));
}

// A URL of any kind but ours: a file of such a name is written ./NAME.
absl::Status CheckScheme(const std::string& source) {
  const std::string lower = absl::AsciiStrToLower(source);
  const std::size_t end = lower.find("://");
  const bool scheme =
      end != std::string::npos && end > 0 &&
      std::all_of(lower.begin(), lower.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '-' ||
               c == '.';
      });
  const bool no_slashes = lower.starts_with("mysql:") || lower.starts_with("mariadb:");
  if (!scheme && !no_slashes) return absl::OkStatus();
  const std::string name = source.substr(0, scheme ? end + 3 : source.find(':') + 1);
  return UsageError(absl::StrFormat(
      "SOURCE: there is no '%s' source: write mysql://USER@HOST[:PORT]/DATABASE?table=T for a "
      "table of MySQL or MariaDB, ./NAME for a file of such a name",
      name));
}

absl::Status CheckRoot(std::string_view root) {
  bool pointer = root.empty() || root.front() == '/';
  for (std::size_t i = 0; i < root.size() && pointer; ++i) {
    if (root[i] == '~') pointer = root.substr(i + 1, 1) == "0" || root.substr(i + 1, 1) == "1";
  }
  if (pointer) return absl::OkStatus();
  return UsageError(absl::StrFormat(
      "--root: '%s' is no JSON pointer: begin it with /, as in /FieldA, and write ~0 for ~ and ~1 "
      "for / in a key",
      root));
}

// A file of nobody but this process and those it hands the descriptor to.
absl::StatusOr<UniqueFd> MakeUnlinkedFile() {
  const char* const given = std::getenv("TMPDIR");
  const std::string folder = given == nullptr || *given == '\0' ? "/tmp" : given;
  UniqueFd file(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.get() >= 0) return file;
  std::string path = absl::StrCat(folder, "/strata-spool-XXXXXX");
  file = UniqueFd(mkostemp(path.data(), O_CLOEXEC));
  if (file.get() < 0) {
    return SystemError(
        absl::StrCat(folder, ": no temporary file (set TMPDIR to a folder with room)"), errno);
  }
  unlink(path.c_str());
  return file;
}

// A file of a person's making: a larger one is something else.
absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return SystemError(absl::StrCat(path, ": cannot be opened"), errno);
  std::string text;
  std::array<char, 1 << 16> block;
  while (true) {
    const ssize_t size = read(file.get(), block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SystemError(absl::StrCat(path, ": reading failed"), errno);
    if (size == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(size));
    if (text.size() > kMostBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": more than 1 MiB is no description of sources: name the right file"));
    }
  }
}

absl::Status CopyAll(int from, int to, std::string_view name) {
  std::array<char, 1 << 16> block;
  while (true) {
    const ssize_t size = read(from, block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SystemError(absl::StrCat(std::string(name), ": reading failed"), errno);
    if (size == 0) return absl::OkStatus();
    for (ssize_t done = 0; done < size;) {
      const ssize_t written = write(to, block.data() + done, static_cast<std::size_t>(size - done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        return SystemError(absl::StrCat(std::string(name),
                                        ": its temporary copy (set TMPDIR to a folder with room)"),
                           errno);
      }
      done += written;
    }
  }
}

}  // namespace

absl::StatusOr<SourceArg> SourceArg::Parse(const SourceFlags& flags) {
  if (flags.source.empty()) return UsageError("SOURCE is empty: name a file, - or a mysql:// URL");
  if (flags.source.starts_with(kMySqlScheme)) return ParseMySql(flags);
  if (absl::Status status = CheckScheme(flags.source); !status.ok()) return status;
  if (flags.input_format.empty() && flags.source.ends_with(".toml")) return ParseToml(flags);
  if (flags.input_format.empty() && flags.source.ends_with(".strata")) {
    return NotInThisVersion(absl::StrFormat("%s: a .strata SOURCE", flags.source),
                            "give JSON, a mysql:// URL or a .toml file");
  }
  if (!flags.defaults_file.empty() || !flags.password_file.empty()) {
    return UsageError(
        absl::StrFormat("%s: --defaults-file and --password-file are for mysql:// URLs and .toml "
                        "files: leave them out",
                        flags.source));
  }
  const absl::StatusOr<JsonOptions::Form> form = FormOf(flags);
  if (!form.ok()) return form.status();
  if (absl::Status status = CheckRoot(flags.root); !status.ok()) return status;
  SourceArg source;
  // What is missing counts as a file, too: opening it says so.
  struct stat file = {};
  const bool once = flags.source == "-" || (stat(flags.source.c_str(), &file) == 0 &&
                                            !S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode));
  source.kind_ = once ? Kind::kStream : Kind::kFile;
  source.name_ = flags.source;
  source.json_ = {.form = *form, .root = flags.root};
  source.progress_ = flags.progress;
  return source;
}

absl::StatusOr<SourceArg> SourceArg::ParseMySql(const SourceFlags& flags) {
  absl::StatusOr<MySqlOptions> options = ParseMySqlUrl(flags.source);
  if (!options.ok()) return UsageError(MessageOf(options.status()));
  std::vector<MySqlMapping> tables = {options->mapping};
  return OfServer(flags, *std::move(options), std::move(tables));
}

absl::StatusOr<SourceArg> SourceArg::ParseToml(const SourceFlags& flags) {
  const absl::StatusOr<std::string> text = ReadTextFile(flags.source);
  if (!text.ok()) return text.status();
  absl::StatusOr<MySqlFile> file = ParseMySqlToml(*text, flags.source);
  if (!file.ok()) return file.status();
  return OfServer(flags, std::move(file->connection), std::move(file->sources));
}

absl::StatusOr<SourceArg> SourceArg::OfServer(const SourceFlags& flags, MySqlOptions options,
                                              std::vector<MySqlMapping> tables) {
  if (!flags.root.empty() || !flags.input_format.empty()) {
    return UsageError(
        "--root and --input-format are for JSON: leave them out with a mysql:// URL or a .toml "
        "file");
  }
  SourceArg source;
  source.kind_ = Kind::kMySql;
  source.name_ = flags.source;
  source.mysql_ = std::move(options);
  source.tables_ = std::move(tables);
  source.progress_ = flags.progress;
  if (!flags.password_file.empty()) source.mysql_.password_file = flags.password_file;
  MySqlCredentials credentials{.defaults_file = flags.defaults_file, .env_password = std::nullopt};
  if (const char* const password = std::getenv("MYSQL_PWD")) credentials.env_password = password;
  absl::Status status = ApplyMySqlCredentials(credentials, &source.mysql_);
  if (!status.ok()) return status;
  status = CheckMySqlOptions(source.mysql_);
  if (!status.ok()) return UsageError({status.message().data(), status.message().size()});
  return source;
}

SourceArg SourceArg::Inherited(Kind kind, std::string name, JsonOptions json, int fd) {
  SourceArg source;
  source.kind_ = kind;
  source.name_ = std::move(name);
  source.json_ = std::move(json);
  source.fd_ = fd;
  return source;
}

absl::StatusOr<std::unique_ptr<Source>> SourceArg::Open() const {
  const std::string shown = name_ == "-" ? "standard input" : name_;
  switch (kind_) {
    case Kind::kFile:
      return OpenJsonFile(name_, json_);
    case Kind::kStream:
      if (name_ == "-") return OpenJsonFd(STDIN_FILENO, shown, json_);
      return OpenJsonFile(name_, json_);
    case Kind::kMySql:
      return OpenMySqlTables(mysql_, tables_);
    case Kind::kRawFd:
      return OpenJsonFd(fd_, shown, json_);
    case Kind::kSpoolFd:
      return OpenSpool(fd_, shown);
  }
  return absl::InternalError("a SOURCE of unknown kind");
}

absl::Status SourceArg::Spool() {
  if (kind_ != Kind::kStream && kind_ != Kind::kMySql) return absl::OkStatus();
  absl::StatusOr<UniqueFd> file = MakeUnlinkedFile();
  if (!file.ok()) return file.status();
  absl::Status status = kind_ == Kind::kStream ? SpoolStream(file->get()) : SpoolTable(file->get());
  if (!status.ok()) return status;
  kind_ = kind_ == Kind::kStream ? Kind::kRawFd : Kind::kSpoolFd;
  spool_ = *std::move(file);
  fd_ = spool_.get();
  return absl::OkStatus();
}

absl::Status SourceArg::SpoolStream(int to) {
  if (name_ == "-") return CopyAll(STDIN_FILENO, to, "standard input");
  if (IsPacked(name_)) {
    return UsageError(absl::StrFormat(
        "%s: a packed pipe cannot be read more than once: unpack it on the way, or give a file",
        name_));
  }
  const UniqueFd from(open(name_.c_str(), O_RDONLY | O_CLOEXEC));
  if (from.get() < 0) return SystemError(absl::StrCat(name_, ": cannot be opened"), errno);
  return CopyAll(from.get(), to, name_);
}

absl::Status SourceArg::SpoolTable(int to) {
  absl::StatusOr<std::unique_ptr<Source>> table = Open();
  if (!table.ok()) return table.status();
  ProgressLine line((*table)->name(), progress_);
  const auto begin = std::chrono::steady_clock::now();
  LoadProgress progress;
  const auto show = [&] {
    progress.source = (*table)->progress();
    progress.elapsed = std::chrono::steady_clock::now() - begin;
    line.Update(progress);
  };
  // A table is fetched whole before its first entry is there: the line moves meanwhile. An
  // interrupt ends the process from its handler, so nothing needs to be asked to stop.
  (*table)->SetPulse([&show] {
    show();
    return true;
  });
  SpoolWriter spool(to);
  Batch batch;
  while (true) {
    batch.Clear();
    if (absl::Status status = (*table)->Read(&batch); !status.ok()) return status;
    if (batch.empty()) break;
    if (absl::Status status = spool.Append(batch); !status.ok()) return status;
    progress.entries_applied += batch.size();
    show();
  }
  line.Finish(progress);
  return spool.Finish();
}

absl::StatusOr<LoadedCache> LoadCache(const SourceArg& source, bool progress_wanted) {
  absl::StatusOr<std::unique_ptr<Source>> opened = source.Open();
  if (!opened.ok()) return opened.status();
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok()) return cache.status();
  ProgressLine line((*opened)->name(), progress_wanted);
  LoadOptions options;
  if (line.active()) {
    options.on_progress = [&line](const LoadProgress& progress) { line.Update(progress); };
  }
  const absl::StatusOr<LoadProgress> loaded = Load(**opened, *cache, options);
  if (!loaded.ok()) return loaded.status();
  line.Finish(*loaded);
  return LoadedCache{.cache = *std::move(cache), .progress = *loaded};
}

absl::Status DumpCache(const Cache& cache, const SourceArg& source, bool replace_invalid_utf8,
                       Output& output) {
  absl::Status output_status;
  const absl::Status written =
      WriteJson(cache, [&](std::string_view text) { return output_status = output.Write(text); },
                {.replace_invalid_utf8 = replace_invalid_utf8});
  if (!output_status.ok()) return output_status;
  if (!written.ok()) {
    return absl::Status(written.code(), absl::StrCat(source.name(), ": ", MessageOf(written)));
  }
  return output.Commit();
}

}  // namespace strata::cli
