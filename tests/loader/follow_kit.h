// What the tests of following share: a follower on a table of the private server, waiting for what
// it is to reach, and comparing cache and table.
#ifndef STRATA_TESTS_LOADER_FOLLOW_KIT_H_
#define STRATA_TESTS_LOADER_FOLLOW_KIT_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <strata/cache.h>
#include <strata/follow.h>

#include "tests/loader/mysql_test_server.h"

namespace strata {

/// All of the cache, as plain containers.
Content ContentOf(const Cache& cache);

/// Waits until `condition` holds; false after `limit`.
bool WaitUntil(const std::function<bool()>& condition,
               std::chrono::milliseconds limit = std::chrono::seconds(60));

/// What following is tried with: short intervals, no pass but when asked for.
FollowOptions QuickFollow();

/// Changes numbered as they are applied, each taking so long that a round takes seconds anywhere,
/// and the place of the one entry whose outer or inner key has that name.
class Arrivals {
 public:
  Arrivals(std::string name, std::chrono::milliseconds each)
      : name_(std::move(name)), each_(each) {}
  /// QuickFollow's, of a follower that ends before this does.
  FollowOptions Options();
  int changes() const { return changes_; }
  int place() const { return place_; }  ///< 0: it has not come

 private:
  std::string name_;
  std::chrono::milliseconds each_;
  std::atomic<int> changes_{0};
  std::atomic<int> place_{0};
};

/// A reconcile pass from its asking to its end.
bool ReconcileOnce(Follower* follower, std::chrono::milliseconds limit = std::chrono::seconds(60));

/// Says where the two differ, the first few places; empty where they do not.
std::string Difference(const Content& cache, const Content& table);

class FollowTest : public MySqlServerTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// The table `t` of pair rows with a TIMESTAMP cursor of `digits` digits that the server keeps.
  void MakeTable(int digits = 6);
  /// Adds rows to it: (outer_key, inner_key, seq, k, v).
  void Add(const std::string& values) {
    Run("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES " + values);
  }
  /// Another connection to the test's database.
  std::unique_ptr<mysql::Session> Connect(const std::string& user = "");
  static void Must(mysql::Session* session, const std::string& statement);
  /// Starts a follower and waits until it is in that state.
  void Follow(const MySqlOptions& source, const FollowOptions& options = QuickFollow(),
              FollowState reached = FollowState::kFollowing);
  void Follow() { Follow(OptionsFor("t")); }

  std::string Value(const std::string& outer, const std::string& inner, std::size_t index,
                    const std::string& key) const;
  /// Waits for a value; the test fails where it does not come.
  void ExpectValue(const std::string& outer, const std::string& inner, std::size_t index,
                   const std::string& key, const std::string& value) const;
  void ExpectNoEntry(const std::string& outer, const std::string& inner) const;
  /// Rows and index entries that the server has read so far, for whomever.
  std::uint64_t HandlerReads();
  /// Runs the CREATE INDEX statements that an advice has; how many there were.
  std::size_t RunAdvice(const std::string& advice);
  /// The ids of the connections to the test's database, but the test's own, of which `and_so`.
  std::vector<std::vector<std::string>> Connections(const std::string& and_so = "");
  /// Ends every connection to the test's database but the test's own; how many there were.
  std::size_t KillConnections();
  /// That a fresh load of `source` and the cache are the same, as soon as all is applied that the
  /// table had when this was called: changes of one statement come an entry at a time.
  void ExpectEqual(const MySqlOptions& source);

  Cache& cache() { return *cache_; }
  Follower& follower() { return *follower_; }

  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Follower> follower_;
};

}  // namespace strata

#endif  // STRATA_TESTS_LOADER_FOLLOW_KIT_H_
