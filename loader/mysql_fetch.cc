#include "loader/mysql_fetch.h"

#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"
#include "loader/mysql_entry_order.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_query.h"
#include "loader/mysql_relation.h"

namespace strata::mysql {
namespace {

constexpr std::size_t kBatchBytes = 256u << 10;

std::string TemporaryDirectory(const MySqlOptions& options) {
  if (!options.temporary_directory.empty()) return options.temporary_directory;
  const char* directory = std::getenv("TMPDIR");
  return directory != nullptr && *directory != '\0' ? directory : "/tmp";
}

// The one who stopped it knows why; nobody reads this.
absl::Status Stopped() { return absl::CancelledError("stopped"); }

}  // namespace

Fetch::Fetch(const MySqlOptions& options, std::unique_ptr<Session> session,
             std::vector<FetchedTable> tables, OuterOwners* owners)
    : tables_(std::move(tables)),
      max_page_rows_(options.max_page_rows),
      sort_memory_bytes_(options.sort_memory_bytes),
      temporary_directory_(TemporaryDirectory(options)),
      session_(std::move(session)),
      server_(session_->server()),
      owners_(owners == nullptr && tables_.size() > 1 ? &own_owners_ : owners) {
  TellTotal(0);
  for (const FetchedTable& table : tables_) {
    if (table.advice.empty()) continue;
    absl::StrAppend(&progress_.advice, progress_.advice.empty() ? "" : "; ",
                    tables_.size() > 1 ? absl::StrCat(Described(table.selection), ": ") : "",
                    table.advice);
  }
}

void Fetch::Run(BatchQueue* queue) noexcept {
  const SessionThread thread;
  absl::Status status;
  try {
    status = ReadAll(queue);
  } catch (const std::bad_alloc&) {
    status = OutOfMemory();
  } catch (const std::exception&) {
    // Nothing of ours throws anything else.
    status = absl::Status(absl::StatusCode::kInternal, "");
  }
  session_.reset();
  queue->End(std::move(status));
}

SourceProgress Fetch::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

absl::Status Fetch::ReadAll(BatchQueue* queue) {
  // The transaction ends with the connection.
  absl::Status status = session_->Execute(kSnapshotTransaction, "beginning");
  for (std::size_t i = 0; i < tables_.size() && status.ok(); ++i) status = ReadTable(i, queue);
  return status;
}

absl::Status Fetch::ReadTable(std::size_t index, BatchQueue* queue) {
  Entries entries(&tables_[index].selection, sort_memory_bytes_, temporary_directory_, server_,
                  tables_[index].notes);
  if (give_parts_) entries.GiveParts();
  if (absl::Status status = FetchRows(index, &entries, queue); !status.ok()) return status;
  if (index + 1 == tables_.size()) session_.reset();
  if (absl::Status status = HandOn(index, &entries, queue); !status.ok()) return status;
  if (absl::Status status = PushBatch(index, queue); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  progress_.entries_again += entries.entries_again();
  return absl::OkStatus();
}

// The entries of the rows since the last time, into batches; full ones are pushed.
absl::Status Fetch::HandOn(std::size_t index, Entries* entries, BatchQueue* queue) {
  if (absl::Status status = entries->Finish(); !status.ok()) return status;
  while (entries->more()) {
    absl::Status status = entries->Fill(&batch_, kBatchBytes);
    // Whole entries that stand before an error are handed on.
    if (!status.ok() || batch_.text_bytes() >= kBatchBytes) {
      if (absl::Status pushed = PushBatch(index, queue); !pushed.ok()) return pushed;
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Fetch::PushBatch(std::size_t index, BatchQueue* queue) {
  if (absl::Status claimed = ClaimOuters(index); !claimed.ok()) return claimed;
  if (batch_.empty() || queue->Push(&batch_)) return absl::OkStatus();
  return Stopped();
}

absl::Status Fetch::FetchRows(std::size_t index, Entries* entries, BatchQueue* queue) {
  const Selection& selection = tables_[index].selection;
  if (!selection.query.empty()) {
    const absl::StatusOr<std::uint64_t> rows = CheckIds(session_.get(), selection);
    if (!rows.ok()) return rows.status();
    tables_[index].rows_estimate = *rows;
    TellTotal(index);
  }
  Pages pages(session_.get(), &selection, max_page_rows_);
  const bool in_order = ComesInEntryOrder(selection);
  EntryBorders borders(&selection);
  if (give_early_ && !in_order) entries->GiveEarly();
  const auto take = [&](const Row& row) -> absl::Status {
    if (in_order && borders.IsBefore(row)) {
      if (absl::Status status = HandOn(index, entries, queue); !status.ok()) return status;
      entries->Restart();
    }
    if (absl::Status status = entries->Add(row, &batch_); !status.ok()) return status;
    return batch_.text_bytes() < kBatchBytes ? absl::OkStatus() : PushBatch(index, queue);
  };
  std::uint64_t bytes = 0;
  std::uint64_t skipped = 0;
  while (true) {
    const absl::StatusOr<std::size_t> rows = pages.Next(take);
    if (!rows.ok()) return rows.status();
    TellProgress(*rows, pages.bytes_read() - std::exchange(bytes, pages.bytes_read()),
                 entries->rows_skipped() - std::exchange(skipped, entries->rows_skipped()));
    if (*rows == 0) break;
    if (!queue->Beat()) return Stopped();
  }
  TellTotal(index + 1);
  constexpr std::uint64_t kForIds = 1;  // CheckIds
  if (tables_[index].made_anew) TellRuns(selection, pages.statements() + kForIds);
  return absl::OkStatus();
}

// Notes whose outers the batch names.
absl::Status Fetch::ClaimOuters(std::size_t index) {
  if (owners_ == nullptr) return absl::OkStatus();
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    const std::optional<std::size_t> other = owners_->Claim(index, batch_[i].outer);
    if (!other) continue;
    return OuterOfTwoSources(batch_[i].outer, Described(tables_[*other].selection),
                             Described(tables_[index].selection));
  }
  return absl::OkStatus();
}

void Fetch::TellProgress(std::size_t rows, std::size_t bytes, std::size_t skipped) {
  const std::lock_guard lock(mutex_);
  progress_.rows_read += rows;
  progress_.bytes_read += bytes;
  progress_.rows_skipped += skipped;
}

void Fetch::TellRuns(const Selection& selection, std::uint64_t runs) {
  const std::lock_guard lock(mutex_);
  absl::StrAppend(&progress_.advice, "; this load ran ", Described(selection), " ", runs, " times");
}

// What has been read and what the engine guesses of the tables that are left.
void Fetch::TellTotal(std::size_t tables_read) {
  const std::lock_guard lock(mutex_);
  progress_.rows_total = progress_.rows_read;
  for (std::size_t i = tables_read; i < tables_.size(); ++i) {
    progress_.rows_total += tables_[i].rows_estimate;
  }
}

}  // namespace strata::mysql
