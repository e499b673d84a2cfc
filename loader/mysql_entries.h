// Rows in any order become entries: each row is sorted by its entry, the value of its order column
// and its arrival (mysql_sort_key.h), then an entry's rows stand together and make its records.
//
// Invariant: what comes out depends on the rows and the order of their ids alone, not on the
// memory nor on how they were paged.
//
// Early: a run of rows (mysql_entry_run.h) can be given as an entry as soon as the next one begins.
// Its rows are sorted all the same; an entry whose rows were that one run is passed by when the
// sorted ones come out, any other comes out whole, behind what was given of it.
//
// In parts: an entry that is longer than a run may be can be given part by part, each as large as a
// batch, so that it is nowhere whole but in the target. How much of it is to come is known about:
// the bytes that were added and not given again are counted by hash.
//
// Of JSON a row that has many records is several here, one behind the other, of a piece of them
// each (mysql_row_json.h).
//
// Refused: an entry with JSON that cannot be understood is an error, or, where those are noted, is
// left out whole, whichever of its rows it stands in. Where they are noted nothing is given early:
// it would have to be taken back, its outer too, and whose that is. When the sorted rows come out
// it is known which entries are refused; those are given in no parts.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_MYSQL_ENTRIES_H_
#define STRATA_LOADER_MYSQL_ENTRIES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/source.h>

#include "loader/entry_digests.h"
#include "loader/external_sort.h"
#include "loader/held_entries.h"
#include "loader/mysql_cells.h"
#include "loader/mysql_digest.h"
#include "loader/mysql_entry_run.h"
#include "loader/mysql_row_json.h"
#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

/// Where it is noted what entries of JSON there are; null: nowhere. Both outlive whoever notes.
struct EntryNotes {
  EntryDigests* digests = nullptr;  ///< of those that were given
  HeldEntries* refused = nullptr;   ///< those that were left out
};

class Entries {
 public:
  /// `selection` must outlive it. The memory and the directory are ExternalSort's; messages call
  /// the server by its name.
  Entries(const Selection* selection, std::size_t memory_budget_bytes, std::string directory,
          std::string server = "", EntryNotes notes = {});

  /// Before the first row: Add gives runs early, until it shows that entries often come back,
  /// unless entries may be refused.
  void GiveEarly() { early_ = notes_.refused == nullptr; }

  /// Before the first row: Fill gives long entries in parts.
  void GiveParts() { to_come_.assign(kHashesToCome, 0); }

  /// Takes a row of the selection's cells. What can be given early is appended to `*batch`.
  /// InvalidArgument: an order value, or JSON, unless that is noted, that cannot be understood;
  /// else ExternalSort's errors. May throw std::bad_alloc.
  absl::Status Add(const Row& row, Batch* batch);

  /// No row comes any more: from here on Fill gives the entries.
  absl::Status Finish();
  /// Appends entries to `*batch`, or parts of them, until it holds `batch_bytes` of text or there
  /// is none left.
  absl::Status Fill(Batch* batch, std::size_t batch_bytes);
  /// Whether Fill has more to give.
  bool more() const { return more_; }
  /// Takes rows again, of other entries; after Fill has given all.
  void Restart();

  /// What was given early and is replaced by what came later; once Fill has given all.
  std::uint64_t entries_again() const { return given_early_ - passed_by_; }
  /// Rows left out because their outer or inner is NULL.
  std::uint64_t rows_skipped() const { return rows_skipped_; }

 private:
  absl::Status Advance();
  void BeginKey(const Row& row);
  void AddToRun(Batch* batch);
  void EndEarly();
  bool GivenEarly() const;
  absl::Status AddEntry(Batch* batch, std::size_t batch_bytes);
  absl::Status AddPart(Batch* batch, std::size_t batch_bytes);
  absl::Status AddRows(Batch* batch, std::size_t batch_bytes);
  bool MayBeParted() const { return !to_come_.empty() && !refused_entries_.contains(run_.hash()); }
  void NoteRefusal(const ExternalSort::Row& row);
  std::string_view RecordOf(const ExternalSort::Row& row) const;
  bool BeginsRecord(const ExternalSort::Row& row) const;
  void AddEarly(Batch* batch);
  void BeginEntry(Batch* batch);
  void AddRow(const ExternalSort::Row& row, Batch* batch);
  void AddRunsRows(Batch* batch);
  void EndEntry(Batch* batch);
  absl::Status AddJson(const Row& row, Batch* batch);
  absl::Status AddPayload(std::uint64_t arrival, Batch* batch);
  void Refuse();

  static constexpr std::size_t kHashesToCome = std::size_t{1} << 15;
  // Where more entries are refused none are given in parts.
  static constexpr std::size_t kMostRefused = std::size_t{1} << 15;

  const Selection& selection_;
  const Cells cells_;
  const std::string server_;
  const EntryNotes notes_;
  ExternalSort sort_;
  std::uint64_t arrival_ = 0;
  std::uint64_t rows_skipped_ = 0;
  std::string key_;               // of the row that was added last
  std::size_t prefix_bytes_ = 0;  // of key_
  std::size_t plain_bytes_ = 0;   // the same, 0 where the prefix has escapes
  std::uint64_t hash_ = 0;        // of the prefix
  std::string payload_;
  RowJson json_;

  bool early_ = false;
  std::uint64_t early_until_ = 0;  // runs that ended before this arrival were given, if they fit
  std::uint64_t given_early_ = 0;
  std::uint64_t passed_by_ = 0;  // of them, since they were whole
  ComingBack coming_back_;
  EntryRun run_;  // of rows that come, then of sorted ones

  // Bytes of the payloads that are to come, of all hashes that end alike; empty: no parts are
  // given.
  std::vector<std::uint64_t> to_come_;
  bool in_parts_ = false;          // the last entry is not given to its end
  std::uint64_t given_bytes_ = 0;  // of the payloads given of it

  std::unordered_set<std::uint64_t> refused_entries_;  // hashes, while parts may be given

  ExternalSort::Row row_;  // of the next entry, if there is more_
  bool more_ = false;
  std::string outer_;
  std::string inner_;
  std::string record_;
  bool refused_ = false;
  std::string fault_;   // of the last row that was refused
  EntryDigest digest_;  // where those are noted: of the entry that is made
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_ENTRIES_H_
