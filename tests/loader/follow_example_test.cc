// The embedder's lines of the README, compiled and run: load a table and keep a cache equal to it.
#include <atomic>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include <strata/follow.h>

#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

class FollowExampleTest : public FollowTest {};

TEST_F(FollowExampleTest, TenLinesLoadAndFollow) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('a','x',0,'k','v')");
  std::stop_source stop;
  std::atomic<int> states{0};
  std::atomic<int> changes{0};
  MySqlOptions table = OptionsFor("t");

  strata::FollowOptions follow;
  follow.stop = stop.get_token();
  follow.on_status = [&](const strata::FollowStatus& now) { states += now.lag_seconds >= 0; };
  follow.on_applied = [&](const strata::AppliedChange& change) { changes += change.outer == "b"; };
  auto own_cache = strata::Cache::Create();
  ASSERT_TRUE(own_cache.ok());
  auto follower = strata::Follower::Start(table, *own_cache, follow);
  ASSERT_TRUE(follower.ok()) << follower.status();

  ASSERT_TRUE(WaitUntil([&] { return states > 0; }));
  EXPECT_TRUE(ReadGuard(*own_cache).Get("a", "x"));
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('b','x',0,'k','v')");
  EXPECT_TRUE(WaitUntil([&] { return changes > 0; }));
  EXPECT_TRUE(ReadGuard(*own_cache).Get("b", "x"));
  stop.request_stop();
  EXPECT_TRUE(WaitUntil([&] { return (*follower)->status().state == FollowState::kStopped; }));
}

}  // namespace
}  // namespace strata
