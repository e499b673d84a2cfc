// The queue between a filling and an applying thread: order, bounds, beats, both ends.
#include "loader/batch_queue.h"

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata {
namespace {

void Fill(Batch* batch, const std::string& outer) {
  batch->AddOuterChange(Change::Kind::kPutOuter, outer);
}

TEST(BatchQueue, HandsOnInOrderAndThenItsEnd) {
  BatchQueue queue;
  constexpr int kBatches = 1000;
  std::thread filling([&] {
    Batch batch;
    for (int i = 0; i < kBatches; ++i) {
      Fill(&batch, std::to_string(i));
      EXPECT_TRUE(queue.Push(&batch));
      EXPECT_TRUE(batch.empty()) << "to be filled again";
    }
    queue.End(absl::AbortedError("why"));
  });
  Batch batch;
  absl::Status end;
  for (int i = 0; i < kBatches; ++i) {
    batch.Clear();
    ASSERT_TRUE(queue.Pop(&batch, {}, &end));
    ASSERT_EQ(batch.size(), 1u);
    EXPECT_EQ(batch[0].outer, std::to_string(i));
  }
  EXPECT_FALSE(queue.Pop(&batch, {}, &end));
  EXPECT_EQ(end, absl::AbortedError("why"));
  filling.join();
}

TEST(BatchQueue, HoldsABoundedNumberAndOneOfAnySize) {
  BatchQueue queue;
  std::atomic<std::size_t> pushed{0};
  std::thread filling([&] {
    Batch batch;
    do {
      Fill(&batch, std::string(BatchQueue::kMostBytes + 1, 'x'));
    } while (queue.Push(&batch) && ++pushed > 0);
    queue.End(absl::OkStatus());
  });
  Batch batch;
  absl::Status end;
  for (std::size_t popped = 1; popped <= 5; ++popped) {
    batch.Clear();
    ASSERT_TRUE(queue.Pop(&batch, {}, &end));
    EXPECT_EQ(pushed, popped - 1) << "Push waits while one that is too large is looked at";
  }
  queue.Stop();
  filling.join();
  EXPECT_EQ(pushed, 4u);

  BatchQueue small;
  batch.Clear();
  for (std::size_t i = 0; i < BatchQueue::kMostBatches; ++i) {
    Fill(&batch, "x");
    EXPECT_TRUE(small.Push(&batch));  // would wait for ever if there were less room
  }
  std::thread stopping([&small] { small.Stop(); });
  Fill(&batch, "x");
  EXPECT_FALSE(small.Push(&batch));
  stopping.join();
}

TEST(BatchQueue, ABeatHasThePulseCalledInTheWaitingThreadAndWaitsForIt) {
  BatchQueue queue;
  std::atomic<int> pulses{0};
  std::thread filling([&] {
    // Until the other one waits there is nobody to call the pulse.
    while (pulses == 0) {
      EXPECT_TRUE(queue.Beat());
    }
    // From here on it waits: nothing is pushed.
    for (int i = 2; i < 100; ++i) {
      EXPECT_TRUE(queue.Beat());
      EXPECT_EQ(pulses, i) << "called before Beat comes back";
    }
    EXPECT_FALSE(queue.Beat());
    queue.End(absl::OkStatus());
  });
  const std::thread::id here = std::this_thread::get_id();
  Batch batch;
  absl::Status end;
  const auto pulse = [&] {
    EXPECT_EQ(std::this_thread::get_id(), here);
    return ++pulses < 100;
  };
  EXPECT_FALSE(queue.Pop(&batch, pulse, &end));
  EXPECT_EQ(end.code(), absl::StatusCode::kCancelled);
  filling.join();
  EXPECT_EQ(pulses, 100);
}

TEST(BatchQueue, StopEndsAllWaiting) {
  BatchQueue queue;
  queue.Stop();
  Batch batch;
  Fill(&batch, "x");
  absl::Status end;
  EXPECT_FALSE(queue.Push(&batch));
  EXPECT_FALSE(queue.Beat());
  EXPECT_FALSE(queue.Pop(&batch, {}, &end));
  EXPECT_EQ(end.code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace strata
