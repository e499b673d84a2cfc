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
//     and writers who never pause do not make a round without end.
//
// Bytes: 32 a row between the position and the end, for at most kMostKnownRows rows; of more rows
// the rest is read again, entries and all, each round.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_MYSQL_CHANGES_H_
#define STRATA_LOADER_MYSQL_CHANGES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "loader/mysql_entry_read.h"
#include "loader/mysql_follow_plan.h"
#include "loader/outer_set.h"

namespace strata::mysql {

class ChangeReader {
 public:
  static constexpr std::size_t kMostKnownRows = 200'000;

  ChangeReader();

  struct Round {
    std::optional<std::string> from;        ///< the position; none: from the first row
    std::optional<std::string> fresh_from;  ///< rows at and behind this may change unseen
    std::optional<std::string> until;       ///< the position of the sample's own time
    std::size_t max_page_rows = 10'000;
  };
  struct Counts {
    std::uint64_t rows_read = 0;
    std::uint64_t rows_applied = 0;
  };

  /// Reads all of a round. `refresh` is given the entries of a page's new rows and answers for
  /// which, by index, it could not do what it was to do and will be asked again next round.
  absl::Status Read(
      Session* session, const FollowPlan& plan, const Round& round, Counts* counts,
      absl::FunctionRef<absl::StatusOr<std::vector<bool>>(const std::vector<EntryName>&)> refresh);

 private:
  struct HashOfId {
    std::size_t operator()(const Hash128& hash) const { return hash.low; }
  };
  using Known = std::unordered_map<Hash128, Hash128, HashOfId>;
  struct NewRow {
    Hash128 id;
    Hash128 content;
    std::size_t entry;  // npos: of none, its keys are NULL
    bool keep;          // whether it may be known from now on
  };
  struct Page {
    std::size_t rows = 0;
    std::vector<EntryName> entries;
    std::vector<NewRow> new_rows;
    std::vector<std::string> last;  // cursor and id of the last row
  };

  absl::Status ReadPage(Session* session, const FollowPlan& plan, const Round& round,
                        const std::string& condition, Page* page);
  NewRow Look(const FollowPlan& plan, const Round& round, const Row& row);
  void Keep(const Hash128& id, const Hash128& content);

  Hash128 key_;
  Known known_;  // rows of the last complete round
  Known next_;   // of the one that goes on
  std::string scratch_;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_CHANGES_H_
