// strata load: loads with progress and prints what is held then.
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/duration.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/source_arg.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

absl::Status CheckWords(const LoadArgs& args) {
  for (const auto& [option, interval] :
       {std::pair("--poll-interval", &args.poll_interval),
        std::pair("--reconcile-interval", &args.reconcile_interval)}) {
    if (!interval->has_value()) continue;
    if (const auto parsed = ParseDuration(**interval); !parsed.ok()) {
      return UsageError(absl::StrCat(option, ": ", MessageOf(parsed.status())));
    }
    if (!args.follow) {
      return UsageError(absl::StrCat(option, " is for --follow: leave it out"));
    }
  }
  const char* const alone = "without it the source is read once";
  if (args.follow) return NotInThisVersion("--follow", alone);
  if (args.listen.has_value()) return NotInThisVersion("--listen", alone);
  if (args.save.has_value()) {
    return NotInThisVersion("--save", "--dump FILE.json writes JSON");
  }
  if (args.replace_invalid_utf8 && !args.dump.has_value()) {
    return UsageError("--replace-invalid-utf8 is for --dump: leave it out");
  }
  return absl::OkStatus();
}

std::string Summary(const SourceArg& source, const LoadedCache& loaded) {
  const Counts& counts = loaded.cache.counts();
  const double seconds = std::chrono::duration<double>(loaded.progress.elapsed).count();
  const std::uint64_t bytes = loaded.cache.memory().allocated_bytes;
  std::string text =
      absl::StrFormat("%s: %d outers, %d entries, %d records, %d pairs\n", OneLine(source.name()),
                      counts.outers, counts.entries, counts.records, counts.pairs);
  const SourceProgress& read = loaded.progress.source;
  absl::StrAppendFormat(&text, "read %s in %.2f s",
                        read.rows_read > 0 ? absl::StrFormat("%d rows", read.rows_read)
                                           : absl::StrFormat("%d bytes", read.bytes_read),
                        seconds);
  if (read.rows_skipped > 0) {
    absl::StrAppendFormat(&text, ", %d rows skipped (outer or inner is NULL)", read.rows_skipped);
  }
  absl::StrAppendFormat(&text, "\nholds %d bytes", bytes);
  if (counts.pairs > 0) {
    absl::StrAppendFormat(&text, ", %.1f bytes a pair",
                          static_cast<double>(bytes) / static_cast<double>(counts.pairs));
  }
  return text + "\n";
}

}  // namespace

absl::Status RunLoad(const LoadArgs& args) {
  if (absl::Status status = CheckWords(args); !status.ok()) return status;
  const absl::StatusOr<SourceArg> source = SourceArg::Parse(args.source);
  if (!source.ok()) return source.status();
  std::unique_ptr<Output> dump;
  if (args.dump.has_value()) {
    absl::StatusOr<std::unique_ptr<Output>> opened = Output::Open(args.dump);
    if (!opened.ok()) return opened.status();
    dump = *std::move(opened);
  }
  absl::StatusOr<LoadedCache> loaded = LoadCache(*source, args.source.progress);
  if (!loaded.ok()) return loaded.status();
  if (dump != nullptr) {
    absl::Status status = DumpCache(loaded->cache, *source, args.replace_invalid_utf8, *dump);
    if (!status.ok()) return status;
  }
  const std::string summary = Summary(*source, *loaded);
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

}  // namespace strata::cli
