// Asks a server once before any test runs: the library makes its tables at the first request, and
// guards them in code that ThreadSanitizer cannot see.
//
// Threads: as gtest's environments, one.
#include <gtest/gtest.h>

#include <strata/debug_http.h>

#include "tests/accounting/debug_http/http_client.h"

namespace strata {
namespace {

class FirstRequest final : public testing::Environment {
 public:
  void SetUp() override {
    const auto first = DebugServer::Start("127.0.0.1:0", {}).value();
    EXPECT_EQ(HttpGet(first->port(), "/nothing").status, 404);
  }
};

[[maybe_unused]] const testing::Environment* const kFirstRequest =
    testing::AddGlobalTestEnvironment(new FirstRequest);

}  // namespace
}  // namespace strata
