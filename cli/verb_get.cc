// strata get: prints what stands at a place; exit 3 where nothing does.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/source_arg.h"
#include "cli/verbs.h"

#include <strata/cache.h>
#include <strata/json_writer.h>

namespace strata::cli {
namespace {

// A number too large to be an index is one all the same: nothing is there.
absl::StatusOr<std::size_t> ParseIndex(const std::string& text) {
  constexpr std::size_t kLargest = std::numeric_limits<std::uint32_t>::max();
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) {
    return UsageError(
        absl::StrFormat("INDEX: '%s' is no index: records are numbered 0, 1, 2, …", text));
  }
  std::size_t index = 0;
  for (const char digit : text) {
    index = std::min(kLargest, index * 10 + static_cast<std::size_t>(digit - '0'));
  }
  return index;
}

// Writes the value's bytes; false where there is no such pair.
absl::StatusOr<bool> WriteValue(const Cache& cache, const GetArgs& args, std::size_t index,
                                Output& output) {
  const ReadGuard guard(cache);
  const PairCursor pair = guard.Find(args.outer, *args.inner, index, *args.key);
  if (!pair.valid()) return false;
  if (absl::Status status = output.Write(pair.value()); !status.ok()) return status;
  if (absl::Status status = output.Write("\n"); !status.ok()) return status;
  return true;
}

absl::StatusOr<bool> WriteWhatIsThere(const Cache& cache, const GetArgs& args, std::size_t index,
                                      Output& output) {
  if (args.key.has_value()) return WriteValue(cache, args, index, output);
  const TextSink sink = [&output](std::string_view text) { return output.Write(text); };
  const JsonWriteOptions options{.replace_invalid_utf8 = args.replace_invalid_utf8};
  if (args.index.has_value()) {
    return WriteJsonRecord(cache, args.outer, *args.inner, index, sink, options);
  }
  if (args.inner.has_value()) {
    return WriteJsonEntry(cache, args.outer, *args.inner, sink, options);
  }
  return WriteJsonOuter(cache, args.outer, sink, options);
}

std::string Place(const GetArgs& args) {
  std::string place = absl::StrFormat("outer '%s'", args.outer);
  if (args.inner.has_value()) absl::StrAppend(&place, ", inner '", *args.inner, "'");
  if (args.index.has_value()) absl::StrAppend(&place, ", record ", *args.index);
  if (args.key.has_value()) absl::StrAppend(&place, ", key '", *args.key, "'");
  return place;
}

}  // namespace

absl::Status RunGet(const GetArgs& args) {
  std::size_t index = 0;
  if (args.index.has_value()) {
    const absl::StatusOr<std::size_t> parsed = ParseIndex(*args.index);
    if (!parsed.ok()) return parsed.status();
    index = *parsed;
  }
  const absl::StatusOr<SourceArg> source = SourceArg::Parse(args.source);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(std::nullopt);
  if (!output.ok()) return output.status();
  const absl::StatusOr<LoadedCache> loaded = LoadCache(*source, args.source.progress);
  if (!loaded.ok()) return loaded.status();
  const absl::StatusOr<bool> found = WriteWhatIsThere(loaded->cache, args, index, **output);
  if (absl::IsInvalidArgument(found.status())) {
    return absl::InvalidArgumentError(
        absl::StrCat(source->name(), ": ", MessageOf(found.status())));
  }
  if (!found.ok()) return found.status();
  if (!*found) {
    return NothingThere(
        absl::StrFormat("%s: nothing at %s: check the keys, each is compared byte "
                        "for byte",
                        source->name(), Place(args)));
  }
  return (*output)->Commit();
}

}  // namespace strata::cli
