// What a person sees of a load that is under way.
#include "cli/progress.h"

#include <chrono>

#include "gtest/gtest.h"

namespace strata::cli {
namespace {

LoadProgress At(std::chrono::milliseconds elapsed) {
  LoadProgress progress;
  progress.elapsed = elapsed;
  return progress;
}

TEST(ProgressTest, BytesShowShareRateAndTimeLeft) {
  LoadProgress progress = At(std::chrono::seconds(2));
  progress.source.bytes_read = 50'000'000;
  progress.source.bytes_total = 200'000'000;
  progress.entries_applied = 12;
  EXPECT_EQ(ProgressText(progress), "50.0 MB of 200.0 MB (25%), 25.0 MB/s, 12 entries, 6 s left");
}

TEST(ProgressTest, RowsAreEstimatesAndLongTimesAreInMinutes) {
  LoadProgress progress = At(std::chrono::seconds(10));
  progress.source.bytes_read = 95'000;
  progress.source.rows_read = 1000;
  progress.source.rows_total = 13'500;
  EXPECT_EQ(ProgressText(progress),
            "1000 rows of about 13500 rows (7%), 0.1 MB, 100 rows/s, 0 entries, 2 min 05 s left");
}

TEST(ProgressTest, OneOfAThingIsNotCalledSeveral) {
  LoadProgress progress = At(std::chrono::seconds(1));
  progress.source.rows_read = 1;
  progress.entries_applied = 1;
  EXPECT_EQ(ProgressText(progress), "1 row, 1 row/s, 1 entry");
}

TEST(ProgressTest, UnknownTotalsAndTooLowEstimatesPromiseNothing) {
  LoadProgress progress = At(std::chrono::seconds(1));
  progress.source.bytes_read = 3'000'000;
  EXPECT_EQ(ProgressText(progress), "3.0 MB, 3.0 MB/s, 0 entries");
  progress.source.rows_read = 20;
  progress.source.rows_total = 10;
  EXPECT_EQ(ProgressText(progress),
            "20 rows of about 10 rows (100%), 3.0 MB, 20 rows/s, 0 entries");
  EXPECT_EQ(ProgressText(LoadProgress{}), "0.0 MB, 0.0 MB/s, 0 entries");
}

}  // namespace
}  // namespace strata::cli
