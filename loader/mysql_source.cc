// The MySQL source: the table is read in a thread of its own (mysql_fetch.h), and whoever calls
// Read takes the entries from a bounded queue.
//
//     server ──► fetching thread: pages, sort, entries ──► BatchQueue ──► Read: the caller's thread
//
// Following (mysql_follow.cc) is no Source: it shares the session and what is known of tables.
#include <strata/mysql_source.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/batch_queue.h"
#include "loader/message_text.h"
#include "loader/mysql_fetch.h"
#include "loader/mysql_follow_plan.h"
#include "loader/mysql_open.h"
#include "loader/mysql_query.h"
#include "loader/mysql_query_changes.h"
#include "loader/mysql_relation.h"
#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata {
namespace {

std::string NameOf(const std::string& server, const std::vector<mysql::FetchedTable>& tables) {
  const bool plain = std::none_of(tables.begin(), tables.end(),
                                  [](const auto& table) { return !table.selection.query.empty(); });
  return absl::StrCat(
      server, plain ? (tables.size() == 1 ? " table " : " tables ") : " ",
      absl::StrJoin(tables, ", ", [plain](std::string* out, const mysql::FetchedTable& table) {
        out->append(plain ? QuoteForMessage(table.selection.table) : Described(table.selection));
      }));
}

class MySqlSource final : public Source {
 public:
  MySqlSource(const MySqlOptions& options, std::unique_ptr<mysql::Session> session,
              std::vector<mysql::FetchedTable> tables, OuterOwners* owners)
      : name_(NameOf(session->server(), tables)),
        fetch_(options, std::move(session), std::move(tables), owners) {}

  ~MySqlSource() override { EndThread(); }

  absl::Status Read(Batch* batch) override {
    if (!failed_.ok() || ended_) return failed_;
    try {
      if (!thread_.joinable()) thread_ = std::thread([this] { fetch_.Run(&queue_); });
      if (queue_.Pop(batch, pulse_, &failed_)) return absl::OkStatus();
      if (absl::IsCancelled(failed_)) {
        failed_ = absl::CancelledError(absl::StrCat(name_, ": stopped as asked"));
      }
    } catch (const std::bad_alloc&) {
      failed_ = OutOfMemory();
    } catch (const std::system_error&) {
      failed_ = absl::ResourceExhaustedError("the system gives no thread to read a table with");
    } catch (const std::exception&) {
      // Nothing of ours throws anything else; the pulse is the caller's.
      failed_ = absl::Status(absl::StatusCode::kInternal, "a callback threw");
    }
    ended_ = true;
    EndThread();
    return failed_;
  }

  std::string name() const override { return name_; }
  SourceProgress progress() const override { return fetch_.progress(); }
  void GiveEarly() override {
    if (!thread_.joinable()) fetch_.GiveEarly();
  }
  void GiveParts() override {
    if (!thread_.joinable()) fetch_.GiveParts();
  }
  void SetPulse(std::function<bool()> pulse) override { pulse_ = std::move(pulse); }

 private:
  // Waits for the page that is being read, at most for the read time-out.
  void EndThread() {
    queue_.Stop();
    if (thread_.joinable()) thread_.join();
  }

  const std::string name_;
  mysql::Fetch fetch_;  // with queue_, of the thread while it runs
  BatchQueue queue_;
  std::function<bool()> pulse_;
  absl::Status failed_;
  bool ended_ = false;
  std::thread thread_;
};

absl::StatusOr<mysql::FetchedTable> Check(mysql::Session* session, const std::string& database,
                                          const MySqlMapping& mapping) {
  const absl::StatusOr<mysql::Relation> found = mysql::LookUp(session, database, mapping);
  if (!found.ok()) return found.status();
  // What it meets in a row is the data's as much; but a load that cannot begin is told at once.
  absl::Status runs = mysql::CheckWhere(session, found->selection, /*with_a_row=*/true);
  if (!runs.ok()) return runs;
  // A table that cannot be followed can be loaded all the same, and needs no advice.
  const absl::StatusOr<mysql::FollowPlan> plan = mysql::PlanFollowing(session, *found, mapping);
  std::string advice = plan.ok() ? plan->advice : std::string();
  for (const std::string& statement : mapping.changes) {
    const absl::Status followed = mysql::ReadChangesPlan(session, statement).status();
    if (followed.ok()) continue;
    absl::StrAppend(&advice, advice.empty() ? "" : "; ",
                    "following will fail: ", followed.message());
  }
  return mysql::FetchedTable{found->selection, found->table.rows_estimate, std::move(advice),
                             plan.ok() && plan->made_anew};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> mysql::OpenTables(const MySqlOptions& options,
                                                          std::span<const MySqlMapping> mappings,
                                                          const LoadNotes& notes) {
  absl::StatusOr<std::unique_ptr<mysql::Session>> session = mysql::Session::Open(options);
  if (!session.ok()) return session.status();
  std::vector<mysql::FetchedTable> tables;
  for (const MySqlMapping& mapping : mappings) {
    absl::StatusOr<mysql::FetchedTable> table = Check(session->get(), options.database, mapping);
    if (!table.ok()) return table.status();
    tables.push_back(*std::move(table));
    if (!notes.entries.empty()) tables.back().notes = notes.entries[tables.size() - 1];
  }
  return std::make_unique<MySqlSource>(options, *std::move(session), std::move(tables),
                                       notes.owners);
}

absl::StatusOr<std::unique_ptr<Source>> OpenMySqlTable(const MySqlOptions& options) {
  try {
    return mysql::OpenTables(options, {&options.mapping, 1}, {});
  } catch (const std::exception&) {
    return OutOfMemory();
  }
}

absl::StatusOr<std::unique_ptr<Source>> OpenMySqlTables(const MySqlOptions& connection,
                                                        const std::vector<MySqlMapping>& mappings) {
  try {
    return mysql::OpenTables(connection, mappings, {});
  } catch (const std::exception&) {
    return OutOfMemory();
  }
}

}  // namespace strata
