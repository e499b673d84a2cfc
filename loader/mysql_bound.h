// How far a position may go: the moment before which nothing is still uncommitted.
//
// A version (a row's cursor) is made when its statement begins and seen when its transaction
// commits, so versions are not seen in the order in which they are made. The bound B of a sample
// says: *who began to write before B has ended by now, so that all there will ever be of versions
// made before B is seen by a read that begins after the sample.*
//
// A sample lists, in this order, the server's clock, the statements that run, the transactions that
// have written. What it does not say is made up for by the samples before it:
//   - When a transaction began is not told by trx_started: a statement may have made its version
//     and then waited for a table's lock before InnoDB saw it. And trx_started is in the server's
//     own zone, whose hours may repeat. So a transaction that is new to a sample is as old as the
//     statement that its connection was seen running before, else as the last sample but one.
//   - InnoDB keeps a copy of its list and renews it only when nobody has read it for 0.1 s: it may
//     be of any age. So the list must have the very statement in it that reads it, else the sample
//     is not `fresh`, which is no sample: B stays where it was.
//   - What began after the last sample is not looked for at all: B is never later than that.
//   - For the first sample, and only there, trx_started and a second's grace must do. One that was
//     open then may have made its version long before (a table's lock, again): when the last of
//     them has ended, whoever began by that sample is to reconcile (FirstAreOpen). So is, at once,
//     whoever began before it by something else: a lag, or the clock before it was set back.
// All of it is the server's clock in UTC; ours is not asked.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_MYSQL_BOUND_H_
#define STRATA_LOADER_MYSQL_BOUND_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "loader/mysql_session.h"

namespace strata::mysql {

struct OpenWork {
  struct Statement {
    std::string connection;
    std::int64_t running_s = 0;  ///< whole seconds, cut
  };
  struct Transaction {
    std::string id;
    std::string connection;
    std::int64_t age_s = 0;  ///< by trx_started: may be off, and below 0, when hours repeat
  };
  std::int64_t now_us = 0;  ///< before the statements were listed
  bool fresh = false;       ///< whether the transactions were listed after that
  std::vector<Statement> statements;
  std::vector<Transaction> transactions;
};

/// Asks the server, in a transaction of its own: none may be open. PermissionDenied without the
/// PROCESS privilege.
absl::StatusOr<OpenWork> ReadOpenWork(Session* session);
/// The server's clock alone.
absl::StatusOr<std::int64_t> ReadServerTime(Session* session);

class BoundTracker {
 public:
  /// Takes a sample, which is `fresh`; the bound, in microseconds of the server's clock. Samples
  /// that come faster than one in kLeastSpacing are not taken: the bound stays.
  std::int64_t Add(const OpenWork& work);

  /// How many samples were a first one.
  std::uint64_t firsts() const { return firsts_; }
  /// Whether a transaction of the first sample is open still.
  bool FirstAreOpen() const { return !first_open_.empty(); }

  static constexpr std::int64_t kLeastSpacingUs = 200'000;

 private:
  // Of one sample: when at the latest its running statements had begun, by connection.
  struct Sample {
    std::int64_t now_us;
    std::map<std::string, std::int64_t> statements_us;
  };
  std::int64_t First(const OpenWork& work, const Sample& sample);

  std::deque<Sample> before_;                            // the last two, newest first
  std::map<std::string, std::int64_t> transactions_us_;  // by id: began no earlier than this
  std::set<std::string> first_open_;                     // by id: of the first sample
  std::int64_t bound_us_ = 0;
  std::uint64_t firsts_ = 0;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_BOUND_H_
