#include "loader/mysql_bound.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "loader/mysql_clock.h"
#include "loader/view.h"

namespace strata::mysql {
namespace {

constexpr std::int64_t kHourS = 3600;
constexpr const char* kLooking = "looking for open transactions";

absl::Status Unreadable(const Session& session) {
  // Also where a statement that was killed gave nothing and no error: each has a row at the least.
  return absl::AbortedError(
      absl::StrCat("MySQL ", session.server(), ": ", kLooking, ": no answer"));
}

std::int64_t Seconds(const Row& row, std::size_t cell) {
  std::int64_t seconds = 0;
  return absl::SimpleAtoi(View(row[cell]), &seconds) ? seconds : 0;
}

}  // namespace

absl::StatusOr<std::int64_t> ReadServerTime(Session* session) {
  std::optional<std::int64_t> now_us;
  absl::Status status = session->Query(kClockStatement, "asking for the time", [&](const Row& row) {
    now_us = ParseTime(row[0]);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (!now_us) return Unreadable(*session);
  return *now_us;
}

namespace {

// The clock, then the statements that run. Every list shows its own reader: one that does not is
// no list.
absl::Status ReadStatements(Session* session, OpenWork* work) {
  bool clock = false;
  bool whole = false;
  std::string own;
  absl::Status status = session->Query(kClockStatement, kLooking, [&](const Row& row) {
    const std::optional<std::int64_t> now_us = ParseTime(row[0]);
    clock = now_us.has_value();
    work->now_us = now_us.value_or(0);
    own.assign(row[1]);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  enum { kId, kUser, kHost, kDatabase, kCommand, kTime };
  status = session->Query(kConnectionsStatement, kLooking, [&](const Row& row) {
    whole = whole || row[kId] == own;
    if (row[kId] != own && RunsAStatement(row[kUser], row[kCommand])) {
      work->statements.push_back({std::string(row[kId]), Seconds(row, kTime)});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return clock && whole ? absl::OkStatus() : Unreadable(*session);
}

// Transactions that have changed nothing (reports, dumps) need not be waited for: a statement of
// theirs that is just writing its first row is among the running ones.
absl::Status ReadTransactions(Session* session, OpenWork* work) {
  const std::string mark = absl::StrCat("strata", work->now_us);
  bool whole = false;
  enum { kMark, kWhat, kConnection, kId, kAge, kStatement };
  absl::Status status = session->Query(TransactionsStatement(mark), kLooking, [&](const Row& row) {
    whole = row[kWhat] == "end";
    if (row[kWhat] == "own") {
      work->fresh = row[kStatement].find(mark) != std::string_view::npos;
    } else if (!whole) {
      work->transactions.push_back(
          {std::string(row[kId]), std::string(row[kConnection]), Seconds(row, kAge)});
    }
    return absl::OkStatus();
  });
  if (!status.ok() || whole) return status;
  return Unreadable(*session);
}

}  // namespace

absl::StatusOr<OpenWork> ReadOpenWork(Session* session) {
  OpenWork work;
  absl::Status status = ReadStatements(session, &work);
  if (!status.ok()) return status;
  status = session->InSnapshot(kLooking, [&] { return ReadTransactions(session, &work); });
  if (!status.ok()) return status;
  return work;
}

std::int64_t BoundTracker::First(const OpenWork& work, const Sample& sample) {
  ++firsts_;
  before_.clear();
  transactions_us_.clear();
  first_open_.clear();
  std::int64_t bound_us = work.now_us - kSecondUs;
  for (const auto& [connection, began_us] : sample.statements_us) {
    bound_us = std::min(bound_us, began_us);
  }
  for (const OpenWork::Transaction& transaction : work.transactions) {
    // Below 0: it began in the first of two equal hours.
    const std::int64_t age_s = transaction.age_s + (transaction.age_s < 0 ? kHourS : 0);
    const std::int64_t began_us = work.now_us - (age_s + 1) * kSecondUs;
    transactions_us_[transaction.id] = began_us;
    first_open_.insert(transaction.id);
    bound_us = std::min(bound_us, began_us);
  }
  return bound_us;
}

std::int64_t BoundTracker::Add(const OpenWork& work) {
  const bool first = before_.empty() || work.now_us < before_.front().now_us;
  if (!first && work.now_us - before_.front().now_us < kLeastSpacingUs) return bound_us_;
  Sample sample{work.now_us, {}};
  for (const OpenWork::Statement& statement : work.statements) {
    const std::int64_t running_s = std::max<std::int64_t>(statement.running_s, 0);
    sample.statements_us[statement.connection] = work.now_us - (running_s + 1) * kSecondUs;
  }
  if (first) {
    bound_us_ = First(work, sample);
    before_.push_front(std::move(sample));
    return bound_us_;
  }

  std::int64_t bound_us = before_.front().now_us;
  for (const auto& [connection, began_us] : sample.statements_us) {
    bound_us = std::min(bound_us, began_us);
  }
  // One that ran at the last sample may be in a transaction that the server's list lacks yet.
  for (const auto& [connection, began_us] : before_.front().statements_us) {
    bound_us = std::min(bound_us, began_us);
  }
  std::map<std::string, std::int64_t> transactions_us;
  for (const OpenWork::Transaction& transaction : work.transactions) {
    std::int64_t began_us = before_.back().now_us;
    if (const auto known = transactions_us_.find(transaction.id); known != transactions_us_.end()) {
      began_us = known->second;
    } else {
      for (const Sample& earlier : before_) {
        const auto statement = earlier.statements_us.find(transaction.connection);
        if (statement != earlier.statements_us.end()) {
          began_us = std::min(began_us, statement->second);
        }
      }
    }
    transactions_us[transaction.id] = began_us;
    bound_us = std::min(bound_us, began_us);
  }
  transactions_us_ = std::move(transactions_us);
  std::erase_if(first_open_, [this](const auto& id) { return !transactions_us_.contains(id); });
  before_.push_front(std::move(sample));
  if (before_.size() > 2) before_.pop_back();
  // A bound that once held holds for ever.
  bound_us_ = std::max(bound_us_, bound_us);
  return bound_us_;
}

}  // namespace strata::mysql
