// The debug server over real sockets: what it answers, what it refuses, and that no client makes
// the caches be measured more often or holds the server up.
//
// Threads: the server's own; clients here are many connections of one thread.
#include <strata/debug_http.h>

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "accounting/debug_http/connection_loop.h"
#include "accounting/unique_fd.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/accounting/debug_http/http_client.h"
#include "tests/accounting/report/sample_footprints.h"
#include "tests/kit/sanitizers.h"

#include <strata/process_memory.h>

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
  for (const char* const accept :
       {"Accept: Text/HTML\r\n", "Accept: text/*\r\n", "Accept: text/*, application/*;q=0.5\r\n",
        "Accept: application/json;q=0.5, text/html\r\n"}) {
    EXPECT_EQ(HttpGet(port(), "/footprint", accept).headers.at("content-type"),
              "text/html; charset=utf-8")
        << accept;
  }
  for (const char* const accept :
       {"", "Accept: */*\r\n", "Accept: application/json\r\n",
        "Accept: application/json, text/html\r\n", "Accept: text/html;q=0\r\n",
        "Accept: text/html;q=x\r\n", "Accept: text/html; q=0.2, */*;q=0.5\r\n",
        "Accept: text/html;q=0.5,application/json;q=0.6\r\n", "Accept: application/*\r\n",
        "Accept: text/*;q=0.5, application/*\r\n", "Accept: text/html;q=0, text/*\r\n"}) {
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
  health_ = {.healthy = true,
             .state = "following",
             .message = "",
             .figures = {{"lag_ms", 12.5}, {"unknown", std::nan("")}}};
  const HttpAnswer well = HttpGet(port(), "/healthz");
  EXPECT_EQ(well.status, 200);
  EXPECT_EQ(
      json::parse(well.body),
      json({{"healthy", true}, {"state", "following"}, {"lag_ms", 12.5}, {"unknown", nullptr}}));
}

TEST_F(DebugHttpTest, IllHealthIs503AndSaysWhy) {
  health_ = {.healthy = false, .state = "retrying", .message = "no server", .figures = {}};
  const HttpAnswer ill = HttpGet(port(), "/healthz");
  EXPECT_EQ(ill.status, 503);
  EXPECT_EQ(json::parse(ill.body).at("message"), "no server");
  EXPECT_EQ(measured_, 0);
}

TEST_F(DebugHttpTest, WhatIsNotGetIsRefused) {
  for (const std::string method :
       {"POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT",
        // What the HTTP library does not know.
        "BREW", "PROPFIND", "get", "M-SEARCH", "X!"}) {
    HttpConnection connection(port());
    ASSERT_TRUE(connection.Send(
        method + " /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n" + "12345"));
    const HttpAnswer answer = connection.ReadAnswer();
    EXPECT_EQ(answer.status, 405) << method;
    ASSERT_EQ(answer.headers.count("allow"), 1u) << method;
    EXPECT_EQ(answer.headers.at("allow"), "GET") << method;
    EXPECT_EQ(answer.body.empty(), method == "HEAD") << method;
  }
  EXPECT_EQ(HttpGet(port(), "/nothing").status, 404);
  EXPECT_THAT(HttpGet(port(), "/").body, HasSubstr("/healthz"));
  EXPECT_EQ(measured_, 0);
}

// Of noise nobody can say that it is a method.
TEST_F(DebugHttpTest, NoiseIsNoMethod) {
  for (const std::string line : {"BREW", "BREW /", "BREW / HTTP/2.0", "B(EW / HTTP/1.1",
                                 "B\xff\x01W / HTTP/1.1", "GET / HTTP/1.7", " / HTTP/1.1"}) {
    HttpConnection connection(port());
    ASSERT_TRUE(connection.Send(line + "\r\nHost: localhost\r\n\r\n"));
    const HttpAnswer answer = connection.ReadAnswer();
    EXPECT_EQ(answer.status, 400) << line;
    EXPECT_EQ(answer.headers.count("allow"), 0u) << line;
  }
}

TEST_F(DebugHttpTest, NonsenseEndsTheConnectionAndNotTheServer) {
  for (const std::string& bytes :
       {std::string("nonsense\r\n\r\n"), std::string("GET\r\n\r\n"),
        std::string(3, '\0') + "\r\n\r\n", std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 16),
        "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'b') + "\r\n\r\n"}) {
    HttpConnection connection(port());
    connection.Send(bytes);
    EXPECT_NE(connection.ReadAnswer().status, 200);
  }
  EXPECT_EQ(HttpGet(port(), "/healthz").status, 200);
  EXPECT_EQ(measured_, 0);
}

TEST_F(DebugHttpTest, WhatFollowsAHeadIsNotRead) {
  const std::string get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
  for (const std::string& bytes :
       {get + "\r\n" + get + "\r\n", get + "Content-Length: 99999999999\r\n\r\n",
        get + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        get + "Expect: 100-continue\r\nConnection: keep-alive\r\n\r\n"}) {
    HttpConnection connection(port());
    ASSERT_TRUE(connection.Send(bytes));
    const std::string all = connection.ReadAll();
    EXPECT_THAT(all, HasSubstr("HTTP/1.1 200")) << bytes;
    EXPECT_EQ(all.find("HTTP/1.1 200"), all.rfind("HTTP/1.1 200")) << bytes;
  }
}

TEST_F(DebugHttpTest, PathsLeadNowhereElse) {
  for (const char* const path : {"/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
                                 "/metrics%00", "/metrics/", "/footprint%0d%0aX:%20y", "*"}) {
    EXPECT_NE(HttpGet(port(), path).status, 200) << path;
  }
  EXPECT_EQ(HttpGet(port(), "/footprint?cache=%00").status, 404);
  EXPECT_EQ(HttpGet(port(), "/footprint?cache=%0d%0aX:%20y&cache=%ff%fe").status, 404);
}

// A page of elsewhere whose name is made to lead here (DNS rebinding).
TEST_F(DebugHttpTest, OnLoopbackNamesOfElsewhereAreRefused) {
  const auto status = [&](const std::string& host) {
    HttpConnection connection(port());
    EXPECT_TRUE(connection.Send("GET /healthz HTTP/1.1\r\n" + host + "\r\n"));
    return connection.ReadAnswer().status;
  };
  for (const char* const host : {"evil.example", "evil.example:80", "127.0.0.1.evil.example",
                                 "localhost.evil.example:6070", "1.evil"}) {
    EXPECT_EQ(status(std::string("Host: ") + host + "\r\n"), 403) << host;
  }
  for (const char* const host :
       {"localhost", "LOCALHOST:6070", "127.0.0.1:6070", "10.1.2.3", "[::1]:6070", "[::1]"}) {
    EXPECT_EQ(status(std::string("Host: ") + host + "\r\n"), 200) << host;
  }
  EXPECT_EQ(status(""), 200) << "no browser leaves it out";
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

TEST_F(DebugHttpTest, ClientsThatSayNothingAreEndedAndHoldNobodyUp) {
  std::vector<std::unique_ptr<HttpConnection>> silent;
  // More of them than there is room for.
  for (std::size_t i = 0; i < ConnectionLoop::kMaxConnections + 50; ++i) {
    silent.push_back(std::make_unique<HttpConnection>(port()));
    silent.back()->Send("GET /metrics HT");
  }
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(HttpGet(port(), "/healthz").status, 200);
  // Not even the time that one of them has.
  EXPECT_LT(Clock::now() - begin, ConnectionLoop::kRequestTime);
  for (const auto& connection : silent) EXPECT_NE(connection->ReadAnswer().status, 200);
  EXPECT_EQ(measured_, 0);
}

TEST_F(DebugHttpTest, ClientsThatTakeNothingHoldNobodyUp) {
  const std::size_t whole = HttpGet(port(), "/footprint?format=html").body.size();
  std::vector<std::unique_ptr<HttpConnection>> greedy;
  // More than threads, and more than the answers that are kept for them.
  const std::size_t kept = ConnectionLoop::kMaxUnsentBytes / whole;
  for (std::size_t i = 0; i < 2 * kept + ConnectionLoop::kThreads; ++i) {
    greedy.push_back(std::make_unique<HttpConnection>(port()));
    ASSERT_TRUE(
        greedy.back()->Send("GET /footprint?format=html HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  }
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(HttpGet(port(), "/healthz").status, 200);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(2));
  // Who takes it after all gets it, of the last ones; of the first, whichever were answered first,
  // some had to make room.
  EXPECT_EQ(greedy.back()->ReadAnswer().body.size(), whole);
  EXPECT_TRUE(std::any_of(greedy.begin(), std::prev(greedy.end()), [whole](const auto& client) {
    return client->ReadAll().size() < whole;
  }));
}

// A page of 1.2 MB for each of them was 50 MB, and 150 while answers were made faster than sent.
TEST_F(DebugHttpTest, ClientsThatTakeNothingCostOnePageAmongThem) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "it keeps what is freed";
  const std::size_t whole = HttpGet(port(), "/footprint?format=html").body.size();
  ASSERT_GT(whole, std::size_t{1} << 20);
  const auto held_bytes = [] { return ReadProcessMemory().value().anon_bytes; };
  const std::uint64_t before_bytes = held_bytes();
  std::uint64_t most_bytes = 0;
  std::vector<std::unique_ptr<HttpConnection>> greedy;
  for (int i = 0; i < 200; ++i) {
    greedy.push_back(std::make_unique<HttpConnection>(port()));
    ASSERT_TRUE(
        greedy.back()->Send("GET /footprint?format=html HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    most_bytes = std::max(most_bytes, held_bytes());
  }
  ASSERT_TRUE(greedy.back()->WaitForBytes());
  most_bytes = std::max(most_bytes, held_bytes());
  // A second page may be made meanwhile, from parts of its size.
  EXPECT_LT(most_bytes, before_bytes + 8 * whole);
}

TEST_F(DebugHttpTest, KernelKeepsLittleOfAnAnswerThatNobodyTakes) {
  HttpConnection greedy(port());
  ASSERT_TRUE(greedy.Send("GET /footprint?format=html HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  ASSERT_TRUE(greedy.WaitForBytes());
  // The server ends with the page half sent; nothing of it is tried to be sent further.
  server_.reset();
  const std::string got = greedy.ReadAll();
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200"));
  EXPECT_LT(got.size(), std::size_t{1} << 20);
}

TEST_F(DebugHttpTest, ClientThatLeavesInMidAnswerIsForgotten) {
  for (int i = 0; i < 50; ++i) {
    HttpConnection connection(port());
    ASSERT_TRUE(connection.Send("GET /footprint?format=html HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    if (i % 2 == 0) {
      EXPECT_TRUE(connection.WaitForBytes());
    }
  }
  EXPECT_EQ(HttpGet(port(), "/healthz").status, 200);
}

TEST_F(DebugHttpTest, ClientThatSaidAllIsAnsweredAllTheSame) {
  const std::size_t whole = HttpGet(port(), "/footprint?format=html").body.size();
  HttpConnection connection(port());
  ASSERT_TRUE(connection.Send("GET /footprint?format=html HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  connection.SayNoMore();
  EXPECT_EQ(connection.ReadAnswer().body.size(), whole);
}

TEST_F(DebugHttpTest, WithoutDescriptorsTheSilentMakeRoom) {
  std::vector<std::unique_ptr<HttpConnection>> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(std::make_unique<HttpConnection>(port()));
  ASSERT_EQ(HttpGet(port(), "/").status, 200) << "the silent ones are accepted now";
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {.rlim_cur = 256, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<UniqueFd> taken;
  do {
    taken.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  } while (taken.back().get() >= 0);
  // Of two that are free the client's own end is one, and the connection before may be the other.
  taken.resize(taken.size() - 2);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(HttpGet(port(), "/").status, 200);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(DebugHttpTest, ManyThatAskAtOnceAreAllAnswered) {
  std::vector<std::unique_ptr<HttpConnection>> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(std::make_unique<HttpConnection>(port()));
    many.back()->Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
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
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(1));
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
    EXPECT_TRUE((*server)->on_loopback());
    EXPECT_EQ(HttpGet((*server)->port(), "/healthz").status, 200);
    EXPECT_EQ(HttpGet((*server)->port(), "/footprint").status, 404);
  }
}

TEST(DebugHttpAddressTest, OtherAddressesAreAskedByAnyName) {
  const auto server = DebugServer::Start("0.0.0.0:0", {}).value();
  EXPECT_FALSE(server->on_loopback());
  HttpConnection connection(server->port());
  ASSERT_TRUE(connection.Send("GET /healthz HTTP/1.1\r\nHost: pod-7.shop.svc\r\n\r\n"));
  EXPECT_EQ(connection.ReadAnswer().status, 200);
  const auto v6 = DebugServer::Start("[::1]:0", {});
  // Where the machine has no IPv6, it cannot be listened on.
  if (v6.ok()) {
    EXPECT_THAT((*v6)->address(), StartsWith("[::1]:"));
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
