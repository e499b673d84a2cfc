// The server of `load --listen` shows the cache it was given, as it is now.
//
// Threads: the server's own.
#include "cli/listen.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/exit_status.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/accounting/debug_http/http_client.h"

namespace strata::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(ListenTest, ServesTheCacheUnderItsNameWhileItIsWrittenTo) {
  Cache cache = Cache::Create({.name = "shop"}).value();
  const Records list = {{{"k", "v"}}, {{"k", "w"}}};
  ASSERT_TRUE(cache.Put("a", "b", list).ok());
  const auto server =
      Listen(":0", cache, [] {
        return DebugHealth{.healthy = true, .state = "following", .message = "", .figures = {}};
      }).value();
  const json footprint = json::parse(HttpGet(server->port(), "/footprint").body);
  EXPECT_EQ(footprint.at("cache"), "shop");
  EXPECT_EQ(footprint.at("layout"), "packed");
  EXPECT_EQ(footprint.at("dataset").at("pairs"), 2);
  EXPECT_EQ(footprint.at("total_bytes"), cache.MeasureFootprint().total_bytes());
  EXPECT_EQ(footprint.at("allocated_bytes"), cache.memory().allocated_bytes);
  EXPECT_EQ(json::parse(HttpGet(server->port(), "/healthz").body).at("state"), "following");
  ASSERT_TRUE(cache.Put("a", "c", list).ok());
  const RunningFootprint running = cache.Running();
  const std::string metrics = HttpGet(server->port(), "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr(absl::StrCat(
                           "strata_memory_bytes{cache=\"shop\",layer=\"log\",state=\"used\"} ",
                           running.log_live_bytes, "\n")));
  EXPECT_THAT(metrics, HasSubstr(absl::StrCat("strata_allocated_bytes{cache=\"shop\"} ",
                                              running.total_bytes(), "\n")));
}

TEST(ListenTest, CacheAtItsLimitShowsTheLimitAndTheGuardThatKeepsMemoryBack) {
  constexpr std::uint64_t kLimit = std::uint64_t{3} << 20;
  Cache cache = Cache::Create({.name = "shop", .memory_limit_bytes = kLimit}).value();
  const std::string text(200, 'x');
  const auto put = [&](int i) {
    const std::string value = absl::StrCat(i, text);
    const Records list = {{{"k", value}}};
    return cache.Put("a", absl::StrCat(i), list);
  };
  ASSERT_TRUE(put(0).ok());
  const ReadGuard guard(cache);
  ASSERT_TRUE(guard.Find("a", "0", 0, "k").valid());
  int next = 1;
  while (put(next).ok()) ++next;
  // What the guard may still read is out of use, and kept.
  for (int i = 0; i < next; ++i) cache.Delete("a", absl::StrCat(i));
  while (cache.Maintain(1 << 20)) {
  }
  while (cache.OldestGuardSeconds() <= 0) {
  }
  const auto server = Listen(":0", cache, [] { return DebugHealth{}; }).value();
  const json footprint = json::parse(HttpGet(server->port(), "/footprint").body);
  EXPECT_EQ(footprint.at("memory_limit_bytes"), kLimit);
  EXPECT_LE(footprint.at("total_bytes").get<std::uint64_t>(), kLimit);
  EXPECT_GT(footprint.at("oldest_guard_seconds").get<double>(), 0);
  std::uint64_t retained = 0;
  for (const json& layer : footprint.at("layers")) {
    if (layer.at("name") == "retained") retained = layer.at("total_bytes").get<std::uint64_t>();
  }
  EXPECT_GE(retained, std::uint64_t{256} << 10);  // a segment of what was there before
  EXPECT_THAT(HttpGet(server->port(), "/footprint?format=text").body,
              testing::ContainsRegex("of its limit of 3,145,728\nthe oldest guard has been open"));
  EXPECT_THAT(HttpGet(server->port(), "/footprint?format=html").body,
              HasSubstr("\"memory_limit_bytes\":3145728"));
  const std::string metrics = HttpGet(server->port(), "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("strata_memory_limit_bytes{cache=\"shop\"} 3145728\n"));
  EXPECT_THAT(metrics, HasSubstr("strata_oldest_guard_seconds{cache=\"shop\"} "));
  EXPECT_THAT(metrics, HasSubstr(absl::StrCat("layer=\"retained\",state=\"dead\"} ",
                                              cache.Running().log_kept_bytes, "\n")));
}

TEST(ListenTest, FollowingIsHealthyFromItsFirstRoundToItsFirstError) {
  FollowStatus status;
  EXPECT_FALSE(HealthOf(status).healthy) << "nothing is loaded";
  status.state = FollowState::kFollowing;
  EXPECT_FALSE(HealthOf(status).healthy) << "no round is complete";
  EXPECT_EQ(HealthOf(status).figures.front().first, "lag_seconds");
  EXPECT_TRUE(std::isnan(HealthOf(status).figures.front().second)) << "it is not known yet";
  status.lag_seconds = 0.5;
  status.rows_applied = 7;
  status.last_error = absl::UnavailableError("gone");
  const DebugHealth well = HealthOf(status);
  EXPECT_TRUE(well.healthy);
  EXPECT_EQ(well.state, "following");
  EXPECT_EQ(well.message, "") << "it is over";
  EXPECT_THAT(well.figures,
              testing::IsSupersetOf({std::pair<std::string, double>("lag_seconds", 0.5),
                                     std::pair<std::string, double>("rows_applied", 7)}));
  for (const FollowState state : {FollowState::kRetrying, FollowState::kWaiting,
                                  FollowState::kOutOfMemory, FollowState::kStopped}) {
    status.state = state;
    EXPECT_FALSE(HealthOf(status).healthy) << FollowStateName(state);
    EXPECT_THAT(HealthOf(status).message, HasSubstr("gone"));
  }
}

TEST(ListenTest, EachSourceHasItsFiguresAlsoWhereTwoAreCalledTheSame) {
  FollowStatus status;
  status.sources.resize(2);
  for (FollowSourceStatus& source : status.sources) source.name = "table \"t\"";
  status.sources[1].state = FollowState::kFollowing;
  status.sources[1].lag_seconds = 0.25;
  status.sources[1].rows_applied = 7;
  status.sources[1].has_cursor = true;
  status.errors = 3;
  Cache cache = Cache::Create().value();
  const auto server = Listen(":0", cache, {}, {}, [&] { return status; }).value();
  const std::string metrics = HttpGet(server->port(), "/metrics").body;
  for (const char* line :
       {"# TYPE strata_follow_state stateset\n",
        "strata_follow_state{source=\"table \\\"t\\\"\",strata_follow_state=\"connecting\"} 1\n",
        "strata_follow_state{source=\"table \\\"t\\\"\",strata_follow_state=\"following\"} 0\n",
        "strata_follow_state{source=\"table \\\"t\\\"#2\",strata_follow_state=\"following\"} 1\n",
        "strata_follow_lag_seconds{source=\"table \\\"t\\\"#2\"} 0.25\n",
        "strata_follow_has_cursor{source=\"table \\\"t\\\"#2\"} 1\n",
        "strata_follow_rows_applied_total{source=\"table \\\"t\\\"#2\"} 7\n",
        "strata_follow_errors_total 3\n"}) {
    EXPECT_THAT(metrics, HasSubstr(line));
  }
  // What is not known yet is no figure.
  EXPECT_THAT(metrics, testing::Not(HasSubstr("lag_seconds{source=\"table \\\"t\\\"\"}")));
  EXPECT_THAT(metrics, testing::Not(HasSubstr("\nstrata_follow_last_pass_seconds")));
  EXPECT_THAT(metrics, testing::Not(HasSubstr("has_cursor{source=\"table \\\"t\\\"\"}")));
}

TEST(ListenTest, ASourceWithoutACursorIsCountedAsOne) {
  FollowStatus status;
  status.sources.resize(3);
  status.sources[0].state = status.sources[1].state = FollowState::kFollowing;
  status.sources[0].has_cursor = true;
  for (std::size_t i = 0; i < 3; ++i) status.sources[i].name = std::string(1, "abc"[i]);
  EXPECT_THAT(HealthOf(status).figures,
              testing::Contains(std::pair<std::string, double>("sources_without_cursor", 1)));
  Cache cache = Cache::Create().value();
  const auto server = Listen(":0", cache, {}, {}, [&] { return status; }).value();
  EXPECT_THAT(HttpGet(server->port(), "/metrics").body,
              HasSubstr("strata_follow_has_cursor{source=\"b\"} 0\n"));
}

TEST(ListenTest, WhereItListensIsSaidAndThatOthersReachIt) {
  Cache cache = Cache::Create().value();
  const auto loopback = Listen(":0", cache, {}).value();
  EXPECT_EQ(ListenNotice(*loopback), "listening on " + loopback->address());
  const auto open = Listen("0.0.0.0:0", cache, {}).value();
  EXPECT_THAT(ListenNotice(*open), HasSubstr(open->address() + ": whoever reaches it sees names"));
}

TEST(ListenTest, AddressThatIsNoneIsAnErrorOfTheWords) {
  Cache cache = Cache::Create().value();
  EXPECT_EQ(ExitStatusOf(Listen("nowhere", cache, {}).status()), ExitStatus::kUsage);
  EXPECT_EQ(ExitStatusOf(Listen("192.0.2.1:1", cache, {}).status()), ExitStatus::kFault);
}

}  // namespace
}  // namespace strata::cli
