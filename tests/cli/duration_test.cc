// Durations as the command line writes them.
#include "cli/duration.h"

#include <chrono>

#include "gtest/gtest.h"

namespace strata::cli {
namespace {

using std::chrono::milliseconds;

TEST(DurationTest, UnitsAreMillisecondsSecondsAndMinutes) {
  EXPECT_EQ(ParseDuration("500ms").value(), milliseconds(500));
  EXPECT_EQ(ParseDuration("2s").value(), milliseconds(2000));
  EXPECT_EQ(ParseDuration("5m").value(), milliseconds(300'000));
  EXPECT_EQ(ParseDuration("0s").value(), milliseconds(0));
}

TEST(DurationTest, AnythingElseIsRefused) {
  for (const char* const text : {"", "5", "ms", "-1s", "+1s", " 1s", "1 s", "1.5s", "1h", "1S",
                                 "1sm", "600000m", "99999999999999999999s"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

}  // namespace
}  // namespace strata::cli
