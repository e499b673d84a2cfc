// The apply loop and the cache as a target.
//
// No exception leaves Load: a failed allocation, of the source, of the loop or of a target that
// throws, ends it with ResourceExhausted like any other error.
//
// A target that was not empty holds entries of others beside this load's. What an outer named twice
// replaces, and how many entries stay after an error, can then be told only from the names of what
// this load has put: they are kept until it ends.
#include <strata/load.h>

#include <exception>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

// The names of the entries that a load has put and that stand. Of the standard library's
// containers: unlike abseil's they survive an allocation that fails.
class EntriesPut {
 public:
  std::uint64_t count() const { return count_; }

  // Whether it is new. Throws std::bad_alloc and leaves the set as it was.
  bool Insert(std::string_view outer, std::string_view inner) {
    const auto found = outers_.find(outer);
    Inners& inners = found != outers_.end() ? found->second : outers_[std::string(outer)];
    if (inners.contains(inner)) return false;
    inners.emplace(inner);
    ++count_;
    return true;
  }
  void Erase(std::string_view outer, std::string_view inner) {
    const auto inners = outers_.find(outer);
    if (inners == outers_.end()) return;
    const auto entry = inners->second.find(inner);
    if (entry == inners->second.end()) return;
    inners->second.erase(entry);
    --count_;
  }
  void EraseOuter(std::string_view outer) {
    const auto inners = outers_.find(outer);
    if (inners == outers_.end()) return;
    count_ -= inners->second.size();
    outers_.erase(inners);
  }
  // Deletes the outer's entries from `target` too. Those that a target which throws has not got to
  // are still counted.
  void DeleteFrom(Target& target, std::string_view outer) {
    const auto inners = outers_.find(outer);
    if (inners == outers_.end()) return;
    for (auto entry = inners->second.begin(); entry != inners->second.end(); --count_) {
      target.Delete(outer, *entry);
      entry = inners->second.erase(entry);
    }
  }

 private:
  using Inners = std::unordered_set<std::string, TextHash, std::equal_to<>>;
  std::unordered_map<std::string, Inners, TextHash, std::equal_to<>> outers_;
  std::uint64_t count_ = 0;
};

// Applies changes and knows, where the target holds more than this load's, what this load has put.
class Applier {
 public:
  explicit Applier(Target& target) : target_(target), began_empty_(target.empty()) {}

  bool began_empty() const { return began_empty_; }
  // Whether an entry may stand half done, for the load is all or nothing.
  bool may_append() const { return began_empty_ && target_.appends(); }
  std::uint64_t entries_applied() const { return entries_applied_; }
  // Of a target that did not begin empty: this load's entries that stand in it.
  std::uint64_t entries_standing() const { return put_.count(); }

  absl::Status Apply(const Change& change) {
    switch (change.kind) {
      case Change::Kind::kPutOuter:
        return target_.PutOuter(change.outer);
      case Change::Kind::kOpenOuter:
        return Open(change.outer);
      case Change::Kind::kDeleteOuter:
        target_.DeleteOuter(change.outer);
        put_.EraseOuter(change.outer);
        return absl::OkStatus();
      case Change::Kind::kPutEntry:
        return Put(change);
      case Change::Kind::kAppendEntry:
        return target_.AppendRecords(change.outer, change.inner, change.records, change.times);
      case Change::Kind::kDeleteEntry:
        target_.Delete(change.outer, change.inner);
        put_.Erase(change.outer, change.inner);
        ++entries_applied_;
        return absl::OkStatus();
      case Change::Kind::kDropAll:
        return DropAll();
    }
    return absl::InternalError("a change of unknown kind");
  }

 private:
  absl::Status Open(std::string_view outer) {
    if (!began_empty_) {
      put_.DeleteFrom(target_, outer);
    } else if (target_.HasOuter(outer)) {
      // All outers are this load's: the target is its memory of them.
      target_.DeleteOuter(outer);
    }
    return target_.PutOuter(outer);
  }

  absl::Status Put(const Change& change) {
    const bool fresh = !began_empty_ && put_.Insert(change.outer, change.inner);
    absl::Status put;
    try {
      put = target_.Put(change.outer, change.inner, change.records);
    } catch (...) {
      if (fresh) put_.Erase(change.outer, change.inner);
      throw;
    }
    if (put.ok()) ++entries_applied_;
    if (!put.ok() && fresh) put_.Erase(change.outer, change.inner);
    return put;
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
  EntriesPut put_;  // filled only where the target did not begin empty
  std::uint64_t entries_applied_ = 0;
};

std::string Describe(const Change& change) {
  std::string text = absl::StrCat("outer ", QuoteForMessage(change.outer));
  if (change.kind == Change::Kind::kPutEntry || change.kind == Change::Kind::kAppendEntry ||
      change.kind == Change::Kind::kDeleteEntry) {
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
    progress->entries_applied = applier.entries_applied() - progress->source.entries_again;
    progress->elapsed = Clock::now() - begin;
    if (options.on_progress) options.on_progress(*progress);
  };
  const auto stop = [&] { return options.should_stop && options.should_stop(); };
  if (applier.began_empty()) source.GiveEarly();
  if (applier.may_append()) source.GiveParts();
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
  bool appends() const override { return true; }
  absl::Status AppendRecords(std::string_view outer, std::string_view inner,
                             const RecordsView& records, double times) override {
    return cache_.AppendRecords(outer, inner, records, times);
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
  } catch (...) {
    // A callback of the caller's that throws.
    status = absl::Status(absl::StatusCode::kInternal, "a callback threw");
  }
  if (status.ok()) return progress;
  if (applier.began_empty()) {
    try {
      target.Clear();
    } catch (...) {  // what a target keeps that cannot be cleared is its own
    }
    return status;
  }
  try {
    return WithWhatStays(status, applier.entries_standing());
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
