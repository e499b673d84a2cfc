#include "accounting/debug_http/snapshots.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"

namespace strata {

absl::StatusOr<std::shared_ptr<const std::string>> Snapshot::Rendered(
    const std::string& key, const std::function<absl::StatusOr<std::string>()>& render) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const std::string>& kept = rendered_[key];
  if (kept == nullptr) {
    absl::StatusOr<std::string> made = render();
    if (!made.ok()) {
      rendered_.erase(key);
      return made.status();
    }
    kept = std::make_shared<const std::string>(*std::move(made));
  }
  return kept;
}

absl::StatusOr<std::shared_ptr<Snapshot>> Snapshots::Measure() const {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  if (sources_->caches) snapshot->caches = sources_->caches();
  std::vector<Footprint> footprints;
  for (const NamedFootprint& cache : snapshot->caches) {
    footprints.push_back(cache.footprint);
    footprints.back().cache = cache.cache;
  }
  absl::StatusOr<ProcessBooks> process =
      sources_->process ? sources_->process() : ReadProcessBooks(footprints);
  if (!process.ok()) return process.status();
  snapshot->process = *std::move(process);
  return snapshot;
}

absl::StatusOr<std::shared_ptr<Snapshot>> Snapshots::Get() {
  std::unique_lock lock(mutex_);
  while (measuring_ && last_ == nullptr) {
    if (waiting_ == kMostWaiting) {
      return absl::UnavailableError("the caches are being measured: ask again in a moment");
    }
    ++waiting_;
    measured_.wait(lock);
    --waiting_;
  }
  const Clock::time_point begin = Clock::now();
  if (last_ != nullptr && (measuring_ || begin < next_)) return last_;
  measuring_ = true;
  // However it ends: without memory for it, the library throws and answers 500.
  const auto measured = absl::MakeCleanup([&] {
    if (!lock.owns_lock()) lock.lock();
    measuring_ = false;
    measured_.notify_all();
  });
  lock.unlock();
  absl::StatusOr<std::shared_ptr<Snapshot>> snapshot = Measure();
  lock.lock();
  if (!snapshot.ok()) return snapshot;
  const Clock::time_point end = Clock::now();
  next_ = end + std::max<Clock::duration>(kMinInterval, (end - begin) * (kShare - 1));
  last_ = *std::move(snapshot);
  return last_;
}

absl::StatusOr<std::shared_ptr<const std::string>> Scrapes::Get() {
  const std::lock_guard lock(mutex_);
  if (last_ != nullptr && Clock::now() < next_) return last_;
  const absl::StatusOr<ProcessBooks> process =
      sources_->process ? sources_->process() : ReadProcessTotals();
  if (!process.ok()) return process.status();
  std::vector<MetricFamily> others;
  if (sources_->others) others = sources_->others();
  last_ =
      std::make_shared<const std::string>(OpenMetricsText(sources_->running(), &*process, others));
  next_ = Clock::now() + kMinInterval;
  return last_;
}

}  // namespace strata
