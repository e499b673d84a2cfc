#include "accounting/debug_http/snapshots.h"

#include <algorithm>
#include <utility>

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

absl::StatusOr<std::shared_ptr<Snapshot>> Snapshots::Get() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point begin = Clock::now();
  if (last_ != nullptr && begin < next_) return last_;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  if (sources_->caches) snapshot->caches = sources_->caches();
  std::vector<Footprint> footprints;
  for (const NamedFootprint& cache : snapshot->caches) footprints.push_back(cache.footprint);
  absl::StatusOr<ProcessBooks> process =
      sources_->process ? sources_->process() : ReadProcessBooks(footprints);
  if (!process.ok()) return process.status();
  snapshot->process = *std::move(process);
  const Clock::time_point end = Clock::now();
  next_ = end + std::max<Clock::duration>(kMinInterval, (end - begin) * (kShare - 1));
  last_ = std::move(snapshot);
  return last_;
}

absl::StatusOr<std::shared_ptr<const std::string>> Scrapes::Get() {
  const std::lock_guard lock(mutex_);
  if (last_ != nullptr && Clock::now() < next_) return last_;
  const absl::StatusOr<ProcessBooks> process =
      sources_->process ? sources_->process() : ReadProcessTotals();
  if (!process.ok()) return process.status();
  last_ = std::make_shared<const std::string>(OpenMetricsText(sources_->running(), &*process));
  next_ = Clock::now() + kMinInterval;
  return last_;
}

}  // namespace strata
