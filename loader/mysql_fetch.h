// The reading of whole tables, in a thread of its own: pages in one snapshot, rows put together to
// entries, entries handed on in batches; one table after another.
//
// Rows of an entry may lie anywhere in the order of ids: all of them are sorted (bounded memory,
// the rest in a temporary file). Where they lie together the entry is given early, and again,
// whole, where more of it comes later (mysql_entries.h). All pages are read in one snapshot, so
// that they agree with each other where the engine has snapshots (InnoDB).
//
// Threads: Run is called once, in the fetching thread; progress from any.
#ifndef STRATA_LOADER_MYSQL_FETCH_H_
#define STRATA_LOADER_MYSQL_FETCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include <strata/mysql_source.h>
#include <strata/source.h>

#include "loader/batch_queue.h"
#include "loader/mysql_entries.h"
#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"
#include "loader/outer_owners.h"

namespace strata::mysql {

/// A table to be read.
struct FetchedTable {
  Selection selection;
  std::uint64_t rows_estimate = 0;
  std::string advice;      ///< SourceProgress's
  bool made_anew = false;  ///< FollowPlan's
  EntryNotes notes{};
};

class Fetch {
 public:
  /// Whose each outer is, is noted in `owners`, which outlives it; null: within, while it reads.
  Fetch(const MySqlOptions& options, std::unique_ptr<Session> session,
        std::vector<FetchedTable> tables, OuterOwners* owners);

  /// Before Run: as Source's.
  void GiveEarly() { give_early_ = true; }
  void GiveParts() { give_parts_ = true; }

  /// Reads everything into `queue` and ends it, whatever happens. The connection is closed as soon
  /// as the last row is here.
  void Run(BatchQueue* queue) noexcept;

  SourceProgress progress() const;

 private:
  absl::Status ReadAll(BatchQueue* queue);
  absl::Status ReadTable(std::size_t index, BatchQueue* queue);
  absl::Status FetchRows(std::size_t index, Entries* entries, BatchQueue* queue);
  absl::Status HandOn(std::size_t index, Entries* entries, BatchQueue* queue);
  absl::Status PushBatch(std::size_t index, BatchQueue* queue);
  absl::Status ClaimOuters(std::size_t index);
  void TellProgress(std::size_t rows, std::size_t bytes, std::size_t skipped);
  void TellRuns(const Selection& selection, std::uint64_t runs);
  void TellTotal(std::size_t tables_read);

  std::vector<FetchedTable> tables_;  // the fetching thread's; only estimates change
  const std::size_t max_page_rows_;
  const std::size_t sort_memory_bytes_;
  const std::string temporary_directory_;
  bool give_early_ = false;
  bool give_parts_ = false;
  std::unique_ptr<Session> session_;
  const std::string server_;
  OuterOwners own_owners_;
  OuterOwners* owners_;  // null where nobody wants to know
  Batch batch_;

  mutable std::mutex mutex_;
  SourceProgress progress_;  // under mutex_
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_FETCH_H_
