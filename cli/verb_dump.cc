// strata dump: SOURCE in the contract's JSON form.
#include <memory>

#include "cli/output.h"
#include "cli/source_arg.h"
#include "cli/verbs.h"

namespace strata::cli {

absl::Status RunDump(const DumpArgs& args) {
  const absl::StatusOr<SourceArg> source = SourceArg::Parse(args.source);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<Output>> output = Output::OpenJson(args.output);
  if (!output.ok()) return output.status();
  absl::StatusOr<LoadedCache> loaded = LoadCache(*source, args.source.progress);
  if (!loaded.ok()) return loaded.status();
  return DumpCache(loaded->cache, *source, args.replace_invalid_utf8, **output);
}

}  // namespace strata::cli
