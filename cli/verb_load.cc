// strata load: loads with progress and prints what is held then.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include <strata/process_memory.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/shown_text.h"
#include "accounting/report/text_parts.h"
#include "cli/duration.h"
#include "cli/exit_status.h"
#include "cli/follow_table.h"
#include "cli/output.h"
#include "cli/source_arg.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

absl::Status CheckWords(const LoadArgs& args, FollowTimes* times) {
  constexpr std::chrono::milliseconds kLeastInterval{10};
  for (const auto& [option, interval, time] :
       {std::tuple("--poll-interval", &args.poll_interval, &times->poll),
        std::tuple("--reconcile-interval", &args.reconcile_interval, &times->reconcile)}) {
    if (!interval->has_value()) continue;
    const auto parsed = ParseDuration(**interval);
    if (!parsed.ok()) return UsageError(absl::StrCat(option, ": ", MessageOf(parsed.status())));
    if (!args.follow) return OnlyWith(option, "--follow");
    if (*parsed < kLeastInterval) {
      return UsageError(absl::StrCat(option, ": ", **interval, " is too short: give 10ms or more"));
    }
    *time = *parsed;
  }
  if (args.listen.has_value() && !args.follow) return OnlyWith("--listen", "--follow");
  if (args.save.has_value()) {
    return NotInThisVersion("--save", "--dump FILE.json writes JSON");
  }
  if (args.replace_invalid_utf8 && !args.dump.has_value()) {
    return UsageError("--replace-invalid-utf8 is for --dump: leave it out");
  }
  return absl::OkStatus();
}

std::string Number(std::uint64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", Plural(count, one, many));
}

std::string Contents(const SourceArg& source, const Cache& cache) {
  const Counts counts = cache.counts();
  return absl::StrCat(ShownMessage(source.name()), ": ", Number(counts.outers, "outer", "outers"),
                      ", ", Number(counts.entries, "entry", "entries"), ", ",
                      Number(counts.records, "record", "records"), ", ",
                      Number(counts.pairs, "pair", "pairs"), "\n");
}

std::string Bytes(const Cache& cache) {
  const std::uint64_t bytes = cache.memory().allocated_bytes;
  const Counts counts = cache.counts();
  std::string text = absl::StrFormat("\nholds %d bytes", bytes);
  if (counts.pairs > 0) {
    absl::StrAppendFormat(&text, ", %.1f bytes a pair",
                          static_cast<double>(bytes) / static_cast<double>(counts.pairs));
  }
  return text + "\n";
}

std::string Summary(const SourceArg& source, const FollowedCache& followed) {
  const FollowStatus& status = followed.status;
  return absl::StrCat(
      Contents(source, followed.cache),
      absl::StrFormat("read %s, followed for %.1f s: %s applied, %s changed, %d repaired in %s",
                      Number(status.rows_loaded, "row", "rows"),
                      std::chrono::duration<double>(followed.elapsed).count(),
                      Number(status.rows_applied, "row", "rows"),
                      Number(status.entries_changed, "entry", "entries"), status.repairs,
                      Number(status.passes, "comparison", "comparisons")),
      Bytes(followed.cache));
}

std::string Summary(const SourceArg& source, const LoadedCache& loaded) {
  const double seconds = std::chrono::duration<double>(loaded.progress.elapsed).count();
  std::string text = Contents(source, loaded.cache);
  const SourceProgress& read = loaded.progress.source;
  absl::StrAppendFormat(&text, "read %s in %.2f s",
                        read.rows_read > 0 ? Number(read.rows_read, "row", "rows")
                                           : Number(read.bytes_read, "byte", "bytes"),
                        seconds);
  if (read.rows_skipped > 0) {
    absl::StrAppendFormat(&text, ", %s skipped (outer or inner is NULL)",
                          Number(read.rows_skipped, "row", "rows"));
  }
  text += Bytes(loaded.cache);
  if (!read.advice.empty()) {
    absl::StrAppend(&text, "for --follow: ", ShownMessage(read.advice), "\n");
  }
  return text;
}

// Writes the dump, where one is wanted, and the summary.
template <class Loaded>
absl::Status Finish(const LoadArgs& args, const SourceArg& source, const Loaded& loaded,
                    Output* dump) {
  if (dump != nullptr) {
    absl::Status status = DumpCache(loaded.cache, source, args.replace_invalid_utf8, *dump);
    if (!status.ok()) return status;
  }
  const std::string summary = Summary(source, loaded);
  if (args.dump == "-") {
    // Whoever reads the dump from standard output wants JSON alone.
    std::fwrite(summary.data(), 1, summary.size(), stderr);
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(std::nullopt);
  if (!output.ok()) return output.status();
  absl::Status status = (*output)->Write(summary);
  if (!status.ok()) return status;
  return (*output)->Commit();
}

}  // namespace

absl::Status RunLoad(const LoadArgs& args) {
  MapLargeBlocks();
  FollowTimes times;
  if (absl::Status status = CheckWords(args, &times); !status.ok()) return status;
  const absl::StatusOr<SourceArg> source = SourceArg::Parse(args.source);
  if (!source.ok()) return source.status();
  if (args.follow && source->kind() != SourceArg::Kind::kMySql) {
    return UsageError(absl::StrCat(source->name(),
                                   ": --follow is for tables of MySQL (mysql:// or .toml): leave "
                                   "it out, other files are read once"));
  }
  std::unique_ptr<Output> dump;
  if (args.dump.has_value()) {
    absl::StatusOr<std::unique_ptr<Output>> opened = Output::OpenJson(args.dump);
    if (!opened.ok()) return opened.status();
    dump = *std::move(opened);
  }
  if (args.follow) {
    const absl::StatusOr<FollowedCache> followed =
        FollowTable(*source, times, args.listen, args.source.progress);
    if (!followed.ok()) return followed.status();
    return Finish(args, *source, *followed, dump.get());
  }
  absl::StatusOr<LoadedCache> loaded = LoadCache(*source, args.source.progress);
  if (!loaded.ok()) return loaded.status();
  // What it holds is told at rest, as by compare and footprint.
  while (loaded->cache.Maintain(std::size_t{1} << 20)) {
  }
  return Finish(args, *source, *loaded, dump.get());
}

}  // namespace strata::cli
