// A walk that takes long keeps nobody from what needs no walk, and none is begun beside it.
//
// Threads: the server's, and clients that wait for answers in threads of their own.
#include "accounting/debug_http/snapshots.h"

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/accounting/debug_http/http_client.h"
#include "tests/accounting/report/sample_footprints.h"

namespace strata {
namespace {

using testing::HasSubstr;

// A walk that ends when it is let go.
class SlowWalk {
 public:
  std::vector<NamedFootprint> Walk() {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return let_go_; });
    return TwoCaches();
  }
  void LetGo(bool let_go) {
    const std::lock_guard lock(mutex_);
    let_go_ = let_go;
    changed_.notify_all();
  }
  // Until so many walks have begun.
  void WaitFor(int walks) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::minutes(1), [&] { return begun_ >= walks; }));
  }
  int begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0;
  bool let_go_ = false;
};

constexpr std::chrono::seconds kPromptly{20};

TEST(SnapshotsTest, HealthIsAnsweredWhileTheFirstWalkIsWaitedForByMany) {
  SlowWalk walk;
  const auto server =
      DebugServer::Start(
          ":0", {.caches = [&] { return walk.Walk(); }, .running = {}, .process = {}, .health = {}})
          .value();
  std::vector<std::unique_ptr<HttpConnection>> asking;
  for (int i = 0; i < 12; ++i) {
    asking.push_back(std::make_unique<HttpConnection>(server->port()));
    ASSERT_TRUE(asking.back()->Send("GET /footprint HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  }
  walk.WaitFor(1);
  // Behind all of them.
  auto health = std::async(std::launch::async, [&] { return HttpGet(server->port(), "/healthz"); });
  EXPECT_EQ(health.wait_for(kPromptly), std::future_status::ready);
  walk.LetGo(true);
  EXPECT_EQ(health.get().status, 200);
  int answered = 0;
  for (const auto& connection : asking) {
    const HttpAnswer answer = connection->ReadAnswer();
    if (answer.status == 200) ++answered;
    if (answer.status != 200) {
      EXPECT_EQ(answer.status, 503);
      EXPECT_THAT(answer.body, HasSubstr("ask again"));
    }
  }
  EXPECT_GE(answered, 1 + Snapshots::kMostWaiting);
  EXPECT_EQ(walk.begun(), 1);
}

TEST(SnapshotsTest, WhileOneWalksOthersGetWhatWasThereBefore) {
  SlowWalk walk;
  walk.LetGo(true);
  const DebugSources sources{
      .caches = [&] { return walk.Walk(); }, .running = {}, .process = {}, .health = {}};
  Snapshots snapshots(&sources);
  const std::shared_ptr<Snapshot> first = snapshots.Get().value();
  walk.LetGo(false);
  // Who comes when it is old enough measures anew.
  auto second = std::async(std::launch::async, [&] {
    std::shared_ptr<Snapshot> got = first;
    while (got == first) got = snapshots.Get().value();
    return got;
  });
  walk.WaitFor(2);
  auto beside = std::async(std::launch::async, [&] { return snapshots.Get().value(); });
  EXPECT_EQ(beside.wait_for(kPromptly), std::future_status::ready);
  walk.LetGo(true);
  EXPECT_EQ(beside.get(), first);
  EXPECT_NE(second.get(), first);
  EXPECT_EQ(walk.begun(), 2);
}

TEST(SnapshotsTest, AFailureIsToldAndTheNextOneTriesAgain) {
  int asked = 0;
  const DebugSources sources{.caches = {},
                             .running = {},
                             .process = [&]() -> absl::StatusOr<ProcessBooks> {
                               if (++asked == 1) return absl::UnavailableError("no /proc");
                               return ProcessBooks{};
                             },
                             .health = {}};
  Snapshots snapshots(&sources);
  EXPECT_EQ(snapshots.Get().status().message(), "no /proc");
  EXPECT_TRUE(snapshots.Get().ok());
}

}  // namespace
}  // namespace strata
