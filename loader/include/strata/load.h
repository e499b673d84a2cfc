// The apply loop: reads a source to its end into a target.
//
// Threads: the calling thread reads and applies; progress is called from it.
#ifndef STRATA_LOAD_H_
#define STRATA_LOAD_H_

#include <chrono>
#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"

#include <strata/cache.h>
#include <strata/source.h>

namespace strata {

struct LoadProgress {
  SourceProgress source;
  /// Changes of entries; one that the source's content has twice counts twice.
  std::uint64_t entries_applied = 0;
  std::chrono::nanoseconds elapsed{0};
};

struct LoadOptions {
  /// Called after each batch, and now and then where a batch takes long; empty for none.
  std::function<void(const LoadProgress&)> on_progress;
  /// Asked as often: true ends the load with Cancelled. Empty for never.
  std::function<bool()> should_stop;
};

/// Loads all of `source`. Errors: as Source::Read; what the target said, with the outer and inner
/// that it was about; Cancelled, `should_stop` asked for it; ResourceExhausted, no memory;
/// Internal, a callback or the target threw something else. No std::exception leaves it.
///
/// Nobody else may write to the target until it ends: all of a target that was empty is taken for
/// this load's, and cleared after an error.
///
/// Into an empty target (no outers) it is all or nothing: after an error the target is empty again.
/// Until it ends an entry that is read may lack records (Source::GiveEarly, GiveParts).
///
/// Into another one
/// - entries that the source does not name stay as they are; those it names are replaced;
/// - an outer that one document names twice replaces what this load has put under it, no more. An
///   entry that the first naming replaced and the second leaves out is gone: what was there before
///   the load cannot be brought back. (Within a line of NDJSON the source itself leaves the first
///   naming out: nothing is lost there.)
/// - a document that gives its root again (--root) is refused with InvalidArgument;
/// - after an error the whole entries before it stay, and the error says how many of this load's
///   entries are in the target: one given twice is one, one that was deleted or replaced none;
/// - the names of the entries put are kept until the load ends: about 100 bytes an entry and its
///   inner key, beside the batch.
absl::StatusOr<LoadProgress> Load(Source& source, Target& target, const LoadOptions& options = {});
absl::StatusOr<LoadProgress> Load(Source& source, Cache& cache, const LoadOptions& options = {});

/// A cache as a target; `cache` must outlive it. Null where there is no memory for it.
std::unique_ptr<Target> MakeTarget(Cache& cache);

}  // namespace strata

#endif  // STRATA_LOAD_H_
