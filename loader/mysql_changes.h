// One round of polling: the rows at and behind the position, in pages by (cursor, id), as names of
// entries to read again.
//
// What it makes sure of:
//   - `cursor > c OR (cursor = c AND id > i)`: a range of the cursor's index. The source's own
//     `where` does not choose here: a row that fulfils it no more has an entry to be read again.
//   - Rows that were there in the last round, every byte of them (their digest by the server), are
//     counted and otherwise left alone: a position that an open transaction holds back costs
//     reading rows, not entries. Where the cursor's unit is so coarse that a row may change twice
//     within it, rows of the unit that is not over are always taken for new.
//   - The round is over when the server has said that there is nothing behind the last row, or
//     when the rows have reached what was made after the round's sample: that is the next round's,
//     and writers who never pause do not make a round without end. Where it had to be cut every
//     other one goes on behind the cut, until one comes to the end: rows are reached however many
//     share a value.
//
//   - In a round that takes long the newest rows are applied now and then before their turn, so
//     that a small change does not wait for a big one that was made before it; and now and then the
//     large entries that were named have a turn, so that they do not wait for its end.
//   - An entry is read again for all of a round's rows that name it, not for each (see
//     pending_entries.h), and a row is known for good when that has been done: a round that fails
//     leaves none.
//
// Bytes: 20 to 40 a row between the position and the end, for at most KnownRows::kMostRows rows (of
// more rows the rest is read again, entries and all, each round); a page of rows as the connection
// has it; and the entries that wait.
//
// Threads: one at a time; AddLayer by any.
#ifndef STRATA_LOADER_MYSQL_CHANGES_H_
#define STRATA_LOADER_MYSQL_CHANGES_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "loader/known_rows.h"
#include "loader/mysql_entry_read.h"
#include "loader/mysql_follow_plan.h"
#include "loader/outer_set.h"
#include "loader/pending_entries.h"

namespace strata::mysql {

class ChangeReader {
 public:
  /// A page has no more rows, so that what a round takes beside the cache stays small.
  static constexpr std::size_t kMostPageRows = 1000;

  struct Round {
    std::optional<std::string> from;        ///< the position; none: from the first row
    std::optional<std::string> fresh_from;  ///< rows at and behind this may change unseen
    std::optional<std::string> until;       ///< the position of the sample's own time
    std::size_t max_page_rows = 10'000;     ///< and kMostPageRows
    /// By what the newest rows are looked at; null: they are not. Its rows are those of the round's
    /// plan, or fewer.
    const FollowPlan* newest = nullptr;
  };
  struct Counts {
    std::uint64_t rows_read = 0;
    std::uint64_t rows_applied = 0;
  };

  using Entries = PendingEntries::Entries;
  /// What is done with the entries that a round names.
  struct Hooks {
    /// Whether reading it again is dear.
    absl::FunctionRef<bool(const EntryName&)> is_large;
    /// Reads them again. Answers for which, by index, it could not do what it was to do: their rows
    /// are not counted as applied.
    absl::FunctionRef<absl::StatusOr<std::vector<bool>>(const Entries&)> refresh;
    /// A page was read; whether to go on.
    absl::FunctionRef<absl::Status()> after_page;
  };

  /// Whether the next round goes on behind a cut, and does not begin at its `from`.
  bool goes_on() const { return whole_ && goes_on_; }

  /// Whether a round found others in the place of all rows of the one before, by a cursor of
  /// integers: the table was emptied and filled again from below, where nothing is read. Said once.
  bool TakeReplaced() { return std::exchange(replaced_, false); }

  /// Reads all of a round.
  absl::Status Read(Session* session, const FollowPlan& plan, const Round& round, Counts* counts,
                    const Hooks& hooks);

  /// Adds the layer "known rows".
  void AddLayer(Footprint* footprint) const { known_.AddLayer(footprint); }

 private:
  struct Page {
    std::size_t rows = 0;
    std::vector<std::string> last;  // cursor and id of the last row
  };
  // What all pages of a round share.
  struct Reading {
    Session* session;
    const FollowPlan& plan;
    const Round& round;
    Counts* counts;
    const Hooks& hooks;
    PendingEntries pending;
    std::chrono::steady_clock::time_point next_newest;
    std::chrono::steady_clock::time_point next_large;
  };

  absl::StatusOr<std::string> FirstCondition(const FollowPlan& plan, const Round& round) const;
  absl::Status ReadRows(Reading* reading);
  absl::Status ReadPage(Reading* reading, const std::string& condition, Page* page);
  absl::Status ApplyNewest(Reading* reading);
  void Take(const Row& row, Reading* reading);
  KnownRows::Row HashOf(const FollowPlan& plan, const Row& row);
  absl::Status Refresh(Reading* reading, const Entries& entries);
  absl::Status RefreshDue(Reading* reading);
  absl::Status RefreshRest(Reading* reading);
  void EndRound(const FollowPlan& plan, const Round& round);

  Hash128 key_ = RandomKey();
  KnownRows known_;
  std::vector<std::string> cut_;  // cursor and id of the last row that was reached; empty: all were
  bool goes_on_ = false;          // behind cut_, in the next round
  bool whole_ = true;             // whether the last round, or part of one, came to its end
  std::string last_end_;          // of the last whole round, its last cursor
  std::string end_;               // of this one, so far
  std::size_t new_within_ = 0;    // of this one, rows that are new and not behind last_end_
  bool replaced_ = false;
  std::string scratch_;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_CHANGES_H_
