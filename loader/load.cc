// The apply loop and the cache as a target.
//
// No exception leaves Load: a failed allocation, of the source, of the loop or of a target that
// throws, ends it with ResourceExhausted like any other error.
#include <strata/load.h>

#include <exception>
#include <functional>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"
#include "loader/outer_set.h"

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;

// Applies changes and knows which outers this load has opened.
class Applier {
 public:
  explicit Applier(Target& target) : target_(target), began_empty_(target.empty()) {}

  bool began_empty() const { return began_empty_; }
  std::uint64_t entries_applied() const { return entries_applied_; }

  absl::Status Apply(const Change& change) {
    switch (change.kind) {
      case Change::Kind::kPutOuter:
        return target_.PutOuter(change.outer);
      case Change::Kind::kOpenOuter:
        return Open(change.outer);
      case Change::Kind::kDeleteOuter:
        target_.DeleteOuter(change.outer);
        return absl::OkStatus();
      case Change::Kind::kPutEntry: {
        absl::Status put = target_.Put(change.outer, change.inner, change.records);
        if (put.ok()) ++entries_applied_;
        return put;
      }
      case Change::Kind::kDeleteEntry:
        target_.Delete(change.outer, change.inner);
        ++entries_applied_;
        return absl::OkStatus();
      case Change::Kind::kDropAll:
        return DropAll();
    }
    return absl::InternalError("a change of unknown kind");
  }

 private:
  absl::Status Open(std::string_view outer) {
    // Of a target that began empty all outers are this load's, so it is its own memory of them.
    const bool repeated = began_empty_ ? target_.HasOuter(outer) : !opened_.Insert(outer);
    if (repeated) target_.DeleteOuter(outer);
    return target_.PutOuter(outer);
  }

  absl::Status DropAll() {
    if (!began_empty_) {
      return absl::InvalidArgumentError(
          "the document gives its root again, and what the first one replaced is gone: remove one "
          "of them, or load into an empty cache");
    }
    target_.Clear();
    entries_applied_ = 0;
    return absl::OkStatus();
  }

  Target& target_;
  const bool began_empty_;
  OuterSet opened_;  // used only where the target did not begin empty
  std::uint64_t entries_applied_ = 0;
};

std::string Describe(const Change& change) {
  std::string text = absl::StrCat("outer ", QuoteForMessage(change.outer));
  if (change.kind == Change::Kind::kPutEntry || change.kind == Change::Kind::kDeleteEntry) {
    absl::StrAppend(&text, ", inner ", QuoteForMessage(change.inner));
  }
  return text;
}

absl::Status ApplyBatch(const Batch& batch, const Source& source, Applier& applier) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Change change = batch[i];
    absl::Status applied = applier.Apply(change);
    if (!applied.ok()) {
      const std::string where =
          change.kind == Change::Kind::kDropAll ? "" : absl::StrCat(Describe(change), ": ");
      return absl::Status(applied.code(),
                          absl::StrCat(source.name(), ": ", where, applied.message()));
    }
  }
  return absl::OkStatus();
}

// Takes the pulse back when the load ends, however it ends.
class PulseOf {
 public:
  PulseOf(Source& source, std::function<bool()> pulse) : source_(source) {
    source_.SetPulse(std::move(pulse));
  }
  PulseOf(const PulseOf&) = delete;
  PulseOf& operator=(const PulseOf&) = delete;
  ~PulseOf() { source_.SetPulse({}); }

 private:
  Source& source_;
};

absl::Status Run(Source& source, Applier& applier, const LoadOptions& options,
                 Clock::time_point begin, LoadProgress* progress) {
  const auto tell = [&] {
    progress->source = source.progress();
    progress->entries_applied = applier.entries_applied();
    progress->elapsed = Clock::now() - begin;
    if (options.on_progress) options.on_progress(*progress);
  };
  const auto stop = [&] { return options.should_stop && options.should_stop(); };
  const PulseOf pulse(source, [&] {
    tell();
    return !stop();
  });
  Batch batch;
  while (true) {
    batch.Clear();
    absl::Status read = source.Read(&batch);
    // What was read before an error counts only where the load is not all or nothing.
    if (!read.ok() && applier.began_empty()) return read;
    absl::Status applied = ApplyBatch(batch, source, applier);
    if (!read.ok()) return read;
    if (!applied.ok()) return applied;
    tell();
    if (batch.empty()) return absl::OkStatus();
    if (stop()) return absl::CancelledError(absl::StrCat(source.name(), ": stopped as asked"));
  }
}

// `failed` with what stays in a target that was not empty.
absl::Status WithWhatStays(const absl::Status& failed, std::uint64_t entries) {
  return absl::Status(failed.code(), absl::StrCat(failed.message(), "; ", entries,
                                                  entries == 1 ? " entry" : " entries",
                                                  " before it ", entries == 1 ? "is" : "are",
                                                  " loaded and ", entries == 1 ? "stays" : "stay"));
}

class CacheTarget final : public Target {
 public:
  explicit CacheTarget(Cache& cache) : cache_(cache) {}

  bool empty() const override { return cache_.counts().outers == 0; }
  bool HasOuter(std::string_view outer) const override { return ReadGuard(cache_).HasOuter(outer); }
  absl::Status Put(std::string_view outer, std::string_view inner,
                   const RecordsView& records) override {
    return cache_.Put(outer, inner, records);
  }
  absl::Status PutOuter(std::string_view outer) override { return cache_.PutOuter(outer); }
  bool Delete(std::string_view outer, std::string_view inner) override {
    return cache_.Delete(outer, inner);
  }
  bool DeleteOuter(std::string_view outer) override { return cache_.DeleteOuter(outer); }
  void Clear() override { cache_.Clear(); }

 private:
  Cache& cache_;
};

}  // namespace

absl::StatusOr<LoadProgress> Load(Source& source, Target& target, const LoadOptions& options) {
  const Clock::time_point begin = Clock::now();
  Applier applier(target);
  LoadProgress progress;
  absl::Status status;
  try {
    status = Run(source, applier, options, begin, &progress);
  } catch (const std::bad_alloc&) {
    status = OutOfMemory();
  } catch (const std::exception&) {
    // A callback of the caller's that throws.
    status = absl::Status(absl::StatusCode::kInternal, "a callback threw");
  }
  if (status.ok()) return progress;
  if (applier.began_empty()) {
    target.Clear();
    return status;
  }
  try {
    return WithWhatStays(status, applier.entries_applied());
  } catch (const std::bad_alloc&) {
    return status;
  }
}

absl::StatusOr<LoadProgress> Load(Source& source, Cache& cache, const LoadOptions& options) {
  CacheTarget target(cache);
  return Load(source, target, options);
}

std::unique_ptr<Target> MakeTarget(Cache& cache) {
  return std::unique_ptr<Target>(new (std::nothrow) CacheTarget(cache));
}

}  // namespace strata
