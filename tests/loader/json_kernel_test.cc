// simdjson picks its kernel for the machine it runs on, though the build names no machine.
#include <simdjson.h>

#include <string>

#include "gtest/gtest.h"

namespace strata {
namespace {

TEST(JsonKernel, IsTheBestThatThisMachineRuns) {
  std::string best = "fallback";
  for (const simdjson::implementation* const kernel : simdjson::get_available_implementations()) {
    if (kernel->supported_by_runtime_system()) {
      best = kernel->name();
      break;  // they stand best first
    }
  }
  // The first document makes the choice.
  simdjson::dom::parser parser;
  ASSERT_EQ(parser.parse(std::string("[1]")).error(), simdjson::SUCCESS);
  EXPECT_EQ(simdjson::get_active_implementation()->name(), best);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0) {
    EXPECT_NE(best, "fallback");
  }
#endif
}

}  // namespace
}  // namespace strata
