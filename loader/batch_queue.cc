#include "loader/batch_queue.h"

#include <utility>

namespace strata {

bool BatchQueue::Push(Batch* batch) {
  const std::size_t bytes = batch->memory_bytes();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || HasRoom(bytes); });
  if (stopped_) return false;
  batches_.push_back(std::move(*batch));
  bytes_ += bytes;
  if (spare_.empty()) {
    *batch = Batch();
  } else {
    *batch = std::move(spare_.back());
    spare_.pop_back();
  }
  changed_.notify_all();
  if (bytes > kMostBytes) {
    changed_.wait(lock, [this] { return stopped_ || (batches_.empty() && waiting_); });
  }
  return !stopped_;
}

bool BatchQueue::Beat() {
  std::unique_lock lock(mutex_);
  if (!waiting_) return !stopped_;
  beat_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !beat_ || stopped_; });
  return !stopped_;
}

void BatchQueue::End(absl::Status status) noexcept {
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
  ended_ = true;
  changed_.notify_all();
}

bool BatchQueue::Pop(Batch* batch, const std::function<bool()>& pulse, absl::Status* end) {
  std::unique_lock lock(mutex_);
  while (!stopped_ && batches_.empty() && !ended_) {
    waiting_ = true;
    changed_.notify_all();  // for who waits for a large one's end
    changed_.wait(lock, [this] { return stopped_ || ended_ || beat_ || !batches_.empty(); });
    waiting_ = false;
    if (!beat_) continue;
    lock.unlock();
    const bool go_on = !pulse || pulse();
    lock.lock();
    beat_ = false;
    stopped_ = stopped_ || !go_on;
    changed_.notify_all();
  }
  if (stopped_) {
    *end = absl::CancelledError("stopped as asked");
    return false;
  }
  if (batches_.empty()) {
    *end = status_;
    return false;
  }
  std::swap(*batch, batches_.front());
  bytes_ -= batch->memory_bytes();
  batches_.front().Clear();
  spare_.push_back(std::move(batches_.front()));
  batches_.pop_front();
  changed_.notify_all();
  return true;
}

void BatchQueue::Stop() noexcept {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace strata
