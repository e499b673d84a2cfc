// Batches on their way from a thread that fills them to one that applies them.
//
//     filling thread ── Push ──► [ batch | batch | … ] ── Pop ──► applying thread
//                    ◄───────── emptied batches, used again ────
//
// Bounded: Push waits while kMostBatches wait, or while they hold kMostBytes and there is one at
// all; so a batch of any size passes. What the two threads hold besides is a batch each; but one of
// more than kMostBytes is alone: Push comes back when the other thread wants the next.
//
// A filling thread that works long without a batch calls Beat, which has the pulse called in the
// applying thread, where that waits in Pop, and waits for it: what the pulse does (stopping, or a
// test that changes the table) is done before the next step is taken.
//
// Invariant: after End or Stop nothing waits. Batches pushed before End are popped before its
// status is.
//
// Threads: Push, Beat and End are the filling thread's, Pop and Stop the applying thread's.
#ifndef STRATA_LOADER_BATCH_QUEUE_H_
#define STRATA_LOADER_BATCH_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "absl/status/status.h"

#include <strata/source.h>

namespace strata {

class BatchQueue {
 public:
  static constexpr std::size_t kMostBatches = 4;
  static constexpr std::size_t kMostBytes = std::size_t{8} << 20;

  BatchQueue() = default;
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  /// Hands `*batch` over and makes it an empty one. False: stopped, there is nothing left to do.
  /// May throw std::bad_alloc, as any filling of a batch.
  bool Push(Batch* batch);
  /// Lets the pulse be called where the applying thread waits. False: stopped.
  bool Beat();
  /// No batch comes any more; `status` says why.
  void End(absl::Status status) noexcept;

  /// Takes the next batch into `*batch`, which is empty. False at the end, whose status `*end` is
  /// then. `pulse`, where there is one, is called now and then; its false stops the queue, and
  /// Pop's end is Cancelled. May throw what `pulse` throws.
  bool Pop(Batch* batch, const std::function<bool()>& pulse, absl::Status* end);
  /// Ends all waiting; what was pushed is given up.
  void Stop() noexcept;

 private:
  bool HasRoom(std::size_t bytes) const {
    return batches_.empty() || (batches_.size() < kMostBatches && bytes_ + bytes <= kMostBytes);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> batches_;
  std::vector<Batch> spare_;  // emptied, with the memory they keep
  std::size_t bytes_ = 0;     // of batches_
  bool waiting_ = false;      // Pop waits
  bool beat_ = false;         // Beat waits for its pulse
  bool ended_ = false;
  bool stopped_ = false;
  absl::Status status_;
};

}  // namespace strata

#endif  // STRATA_LOADER_BATCH_QUEUE_H_
