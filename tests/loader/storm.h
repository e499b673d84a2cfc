// Writers that make following hard: six connections, transactions open for up to three seconds, a
// third of them rolled back; inserts, updates, rows that move to another entry, hard deletes; and
// half of the connections live in a time zone whose hour repeats in the middle of the storm.
//
// Threads: one a writer; Start and Stop from one thread.
#ifndef STRATA_TESTS_LOADER_STORM_H_
#define STRATA_TESTS_LOADER_STORM_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <strata/mysql_source.h>

#include "loader/mysql_session.h"

namespace strata {

struct StormOptions {
  int writers = 6;
  int max_hold_ms = 3000;  ///< how long a transaction stays open at the most
  bool moves_and_deletes = true;
  std::string time_zone;  ///< of every other writer; empty for none
  std::uint64_t seed = 1;
};

/// Makes a time zone on the server in which the clock is set back an hour at `transition`, in
/// seconds since 1970.
void MakeRepeatingZone(mysql::Session* session, const std::string& name, std::int64_t transition);

class Storm {
 public:
  /// Writes to table `t` of `server`'s database, whose columns are those of FollowTest::MakeTable.
  Storm(const MySqlOptions& server, const StormOptions& options);
  ~Storm() { Stop(); }
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;

  /// Ends all transactions and waits for the writers.
  void Stop();
  std::uint64_t commits() const { return commits_; }
  std::uint64_t rollbacks() const { return rollbacks_; }
  std::uint64_t statements() const { return statements_; }

 private:
  void Write(int writer);

  const MySqlOptions server_;
  const StormOptions options_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> rollbacks_{0};
  std::atomic<std::uint64_t> statements_{0};
  std::vector<std::thread> threads_;
};

}  // namespace strata

#endif  // STRATA_TESTS_LOADER_STORM_H_
