// The debug server over real sockets: what it answers, what it refuses, and that no client makes
// the caches be measured more often or holds the server up.
//
// Threads: the server's own; clients here are many connections of one thread.
#include <strata/debug_http.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/accounting/debug_http/http_client.h"
#include "tests/accounting/report/sample_footprints.h"

namespace strata {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;

class DebugHttpTest : public testing::Test {
 protected:
  DebugHttpTest() {
    server_ = DebugServer::Start("127.0.0.1:0", {.caches =
                                                     [this] {
                                                       ++measured_;
                                                       return TwoCaches();
                                                     },
                                                 .running = {},
                                                 .process = {},
                                                 .health = [this] { return health_; }})
                  .value();
  }

  int port() const { return server_->port(); }

  std::atomic<int> measured_ = 0;
  DebugHealth health_;  // set before the first request that asks for it
  std::unique_ptr<DebugServer> server_;
};

TEST_F(DebugHttpTest, MetricsAreOpenMetricsOfEveryCache) {
  const HttpAnswer answer = HttpGet(port(), "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers.at("content-type"), StartsWith("application/openmetrics-text"));
  EXPECT_THAT(
      answer.body,
      HasSubstr("strata_memory_bytes{cache=\"shop\",layer=\"log\",state=\"used\"} 70000\n"));
  EXPECT_THAT(
      answer.body,
      HasSubstr("strata_memory_bytes{cache=\"users\",layer=\"log\",state=\"used\"} 210000\n"));
  EXPECT_THAT(answer.body, HasSubstr("strata_process_resident_bytes "));
  EXPECT_THAT(answer.body, EndsWith("# EOF\n"));
}

TEST_F(DebugHttpTest, FootprintIsTheContractsJsonOfTheCacheThatIsNamed) {
  const json first = json::parse(HttpGet(port(), "/footprint").body);
  EXPECT_EQ(first.at("cache"), "shop");
  EXPECT_THAT(first.at("caches").get<std::vector<std::string>>(), ElementsAre("shop", "users"));
  EXPECT_EQ(first.at("layout"), "packed");
  EXPECT_EQ(first.at("total_bytes"), 71'455);
  EXPECT_EQ(first.at("allocated_bytes"), 71'455);
  EXPECT_TRUE(first.at("lookup_ns").is_null());
  EXPECT_GT(first.at("process").at("rss_bytes").get<std::uint64_t>(), 0u);
  const HttpAnswer second = HttpGet(port(), "/footprint?cache=users");
  EXPECT_EQ(second.headers.at("content-type"), "application/json");
  EXPECT_EQ(json::parse(second.body).at("total_bytes"), 3 * 71'455);
  EXPECT_EQ(HttpGet(port(), "/footprint?cache=nobody").status, 404);
  EXPECT_EQ(HttpGet(port(), "/footprint?format=xml").status, 400);
}

TEST_F(DebugHttpTest, BrowserGetsAPageAndAScriptJson) {
  const HttpAnswer page =
      HttpGet(port(), "/footprint",
              "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*\r\n");
  EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_THAT(page.body, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page.body, EndsWith("</html>\n"));
  for (const char* const accept : {"", "Accept: */*\r\n", "Accept: application/json\r\n",
                                   "Accept: application/json, text/html\r\n"}) {
    EXPECT_EQ(HttpGet(port(), "/footprint", accept).headers.at("content-type"), "application/json")
        << accept;
  }
  EXPECT_THAT(HttpGet(port(), "/footprint?format=text").body, HasSubstr("dictionary"));
}

TEST_F(DebugHttpTest, ProfileIsGzip) {
  const HttpAnswer answer = HttpGet(port(), "/debug/pprof/heap");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, StartsWith("\x1f\x8b"));
}

TEST_F(DebugHttpTest, HealthSaysWhatTheLoaderSays) {
  health_ = {.healthy = true, .state = "following", .message = "", .figures = {{"lag_ms", 12.5}}};
  const HttpAnswer well = HttpGet(port(), "/healthz");
  EXPECT_EQ(well.status, 200);
  EXPECT_EQ(json::parse(well.body),
            json({{"healthy", true}, {"state", "following"}, {"lag_ms", 12.5}}));
}

TEST_F(DebugHttpTest, IllHealthIs503AndSaysWhy) {
  health_ = {.healthy = false, .state = "retrying", .message = "no server", .figures = {}};
  const HttpAnswer ill = HttpGet(port(), "/healthz");
  EXPECT_EQ(ill.status, 503);
  EXPECT_EQ(json::parse(ill.body).at("message"), "no server");
  EXPECT_EQ(measured_, 0);
}

TEST_F(DebugHttpTest, WhatIsNotGetIsRefused) {
  for (const std::string method : {"POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"}) {
    HttpConnection connection(port());
    ASSERT_TRUE(connection.Send(
        method + " /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n" + "12345"));
    const HttpAnswer answer = connection.ReadAnswer();
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(answer.headers.at("allow"), "GET") << method;
  }
  EXPECT_EQ(HttpGet(port(), "/nothing").status, 404);
  EXPECT_THAT(HttpGet(port(), "/").body, HasSubstr("/healthz"));
  EXPECT_EQ(measured_, 0);
}

TEST_F(DebugHttpTest, NonsenseEndsTheConnectionAndNotTheServer) {
  for (const std::string& bytes :
       {std::string("nonsense\r\n\r\n"), std::string("GET\r\n\r\n"), std::string(3, '\0') + "\r\n",
        "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'b') + "\r\n\r\n"}) {
    HttpConnection connection(port());
    connection.Send(bytes);
    EXPECT_NE(connection.ReadAnswer().status, 200);
  }
  EXPECT_EQ(HttpGet(port(), "/healthz").status, 200);
  EXPECT_EQ(measured_, 0);
}

TEST_F(DebugHttpTest, FewBytesDoNotAskForMany) {
  std::string ranges = "Range: bytes=0-";
  while (ranges.size() < 8000) ranges += ",0-";
  const HttpAnswer whole = HttpGet(port(), "/footprint?format=html");
  for (const std::string& wish : {ranges + "\r\n", std::string("Accept-Encoding: br, gzip\r\n")}) {
    const HttpAnswer answer = HttpGet(port(), "/footprint?format=html", wish);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.size(), whole.body.size());
  }
  // More headers than anybody needs.
  std::string many;
  for (int i = 0; i < 4000; ++i) many += "X: y\r\n";
  HttpConnection connection(port());
  connection.Send("GET /healthz HTTP/1.1\r\n" + many + "\r\n");
  EXPECT_NE(connection.ReadAnswer().status, 200);
}

TEST_F(DebugHttpTest, ManyRequestsMeasureTheCachesOnce) {
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(HttpGet(port(), "/metrics").status, 200);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(HttpGet(port(), "/footprint?format=html").status, 200);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  EXPECT_LE(measured_, 1 + static_cast<int>(seconds));
}

TEST_F(DebugHttpTest, ClientsThatSayNothingAreEndedAndOthersAreAnswered) {
  const Clock::time_point begin = Clock::now();
  std::vector<std::unique_ptr<HttpConnection>> silent;
  for (int i = 0; i < 12; ++i) {
    silent.push_back(std::make_unique<HttpConnection>(port()));
    silent.back()->Send("GET /metrics HT");
  }
  // More of them than threads: this one waits for the first to be ended.
  EXPECT_EQ(HttpGet(port(), "/healthz").status, 200);
  for (const auto& connection : silent) EXPECT_NE(connection->ReadAnswer().status, 200);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(measured_, 0);
}

TEST_F(DebugHttpTest, ClientThatTakesNothingHoldsNobodyUp) {
  const std::size_t whole = HttpGet(port(), "/footprint?format=html").body.size();
  std::vector<std::unique_ptr<HttpConnection>> greedy;
  for (int i = 0; i < 5; ++i) {
    greedy.push_back(std::make_unique<HttpConnection>(port()));
    ASSERT_TRUE(greedy.back()->Send("GET /footprint?format=html HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(HttpGet(port(), "/healthz").status, 200);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(2));
  // Who takes it after all gets it.
  EXPECT_EQ(greedy.front()->ReadAnswer().body.size(), whole);
}

TEST_F(DebugHttpTest, ManyConnectionsWaitInTheKernelAndEndInTurn) {
  std::vector<std::unique_ptr<HttpConnection>> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(std::make_unique<HttpConnection>(port()));
    many.back()->Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  for (const auto& connection : many) EXPECT_EQ(connection->ReadAnswer().status, 200);
  EXPECT_EQ(measured_, 0);
}

TEST_F(DebugHttpTest, ServerEndsWithConnectionsOpen) {
  std::vector<std::unique_ptr<HttpConnection>> open;
  for (int i = 0; i < 12; ++i) open.push_back(std::make_unique<HttpConnection>(port()));
  EXPECT_EQ(HttpGet(port(), "/healthz").status, 200);
  const Clock::time_point begin = Clock::now();
  server_.reset();
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(2));
  EXPECT_EQ(open.front()->ReadAll(), "");
}

// With running figures: what /metrics asks then.
class DebugHttpRunningTest : public testing::Test {
 protected:
  DebugHttpRunningTest() {
    server_ = DebugServer::Start("127.0.0.1:0", {.caches =
                                                     [this] {
                                                       ++measured_;
                                                       return TwoCaches();
                                                     },
                                                 .running =
                                                     [this] {
                                                       ++asked_;
                                                       return Running();
                                                     },
                                                 .process = {},
                                                 .health = {}})
                  .value();
  }

  static std::vector<NamedRunning> Running() {
    RunningFootprint now;
    now.counts = {.outers = 1, .entries = 2, .records = 3, .pairs = 4};
    now.writes = 9;
    now.log_live_bytes = 1000;
    now.log_slack_bytes = 200;
    now.log_dead_bytes = 30;
    now.log_kept_bytes = 4;
    now.index_bytes = 50;
    now.dictionary_bytes = 60;
    now.other_bytes = 7;
    now.allocated_bytes = now.total_bytes();
    return {{"shop", now}, {"shop", now}};
  }

  std::atomic<int> measured_ = 0;
  std::atomic<int> asked_ = 0;
  std::unique_ptr<DebugServer> server_;
};

TEST_F(DebugHttpRunningTest, ScrapesWalkNothingHoweverMany) {
  const Clock::time_point begin = Clock::now();
  std::string body;
  for (int i = 0; i < 300; ++i) body = HttpGet(server_->port(), "/metrics").body;
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  EXPECT_EQ(measured_, 0);
  EXPECT_GE(asked_, 1);
  EXPECT_LE(asked_, 1 + static_cast<int>(seconds * 10));
  for (const char* const line :
       {"strata_memory_bytes{cache=\"shop\",layer=\"log\",state=\"used\"} 1000\n",
        "strata_memory_bytes{cache=\"shop\",layer=\"log\",state=\"slack\"} 200\n",
        "strata_memory_bytes{cache=\"shop\",layer=\"log\",state=\"dead\"} 30\n",
        "strata_memory_bytes{cache=\"shop\",layer=\"retained\",state=\"dead\"} 4\n",
        "strata_memory_bytes{cache=\"shop#2\",layer=\"index\",state=\"whole\"} 50\n",
        "strata_memory_bytes{cache=\"shop#2\",layer=\"dictionary\",state=\"whole\"} 60\n",
        "strata_memory_bytes{cache=\"shop#2\",layer=\"other\",state=\"whole\"} 7\n",
        "strata_allocated_bytes{cache=\"shop\"} 1351\n", "strata_writes{cache=\"shop\"} 9\n",
        "strata_pairs{cache=\"shop#2\"} 4\n", "strata_process_resident_bytes "}) {
    EXPECT_THAT(body, HasSubstr(line));
  }
  EXPECT_THAT(body, EndsWith("# EOF\n"));
}

TEST_F(DebugHttpRunningTest, FootprintsAndProfilesWalkAsBefore) {
  EXPECT_EQ(json::parse(HttpGet(server_->port(), "/footprint").body).at("total_bytes"), 71'455);
  EXPECT_THAT(HttpGet(server_->port(), "/debug/pprof/heap").body, StartsWith("\x1f\x8b"));
  EXPECT_EQ(measured_, 1);
  EXPECT_EQ(asked_, 0);
}

TEST(DebugHttpAddressTest, LoopbackUnlessToldOtherwise) {
  for (const char* const address : {"0", ":0", "127.0.0.1:0"}) {
    const auto server = DebugServer::Start(address, {});
    ASSERT_TRUE(server.ok()) << server.status();
    EXPECT_THAT((*server)->address(), StartsWith("127.0.0.1:"));
    EXPECT_EQ(HttpGet((*server)->port(), "/healthz").status, 200);
    EXPECT_EQ(HttpGet((*server)->port(), "/footprint").status, 404);
  }
}

TEST(DebugHttpAddressTest, AddressThatCannotBeIsRefused) {
  for (const char* const address : {"", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", ":-1"}) {
    EXPECT_EQ(DebugServer::Start(address, {}).status().code(), absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST(DebugHttpAddressTest, AddressThatIsTakenIsRefused) {
  const auto first = DebugServer::Start(":0", {}).value();
  const auto second = DebugServer::Start(first->address(), {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(first->address()));
}

}  // namespace
}  // namespace strata
