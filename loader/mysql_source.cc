// The MySQL source: pages by id, sorted by entry, put together to entries.
//
// The rows of an entry may lie anywhere in the order of ids, so the first Read fetches the whole
// table into a sorter (bounded memory, the rest in a temporary file), ends the connection, and from
// then on entries come out one after another. All pages are read in one snapshot, so that they
// agree with each other where the engine has snapshots (InnoDB). A later Source that follows
// changes shares Session, Select, Pages and the sort keys with this one.
#include <strata/mysql_source.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/external_sort.h"
#include "loader/message_text.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"
#include "loader/mysql_sort_key.h"

namespace strata {
namespace {

using mysql::Row;

constexpr std::size_t kBatchBytes = 256u << 10;

// A payload is the row's values one after another: 00 for NULL, else 01, 4 bytes of size, the
// bytes.
void AppendValue(const Row& row, std::size_t cell, std::string* payload) {
  if (row.IsNull(cell)) {
    payload->push_back('\0');
    return;
  }
  const std::string_view text = row[cell];
  const auto size = static_cast<std::uint32_t>(text.size());  // a packet is at most 1 GiB
  payload->push_back('\1');
  payload->append(reinterpret_cast<const char*>(&size), sizeof size);
  payload->append(text);
}

struct Value {
  bool null = true;
  std::string_view text;
};

Value TakeValue(std::string_view* payload) {
  const bool null = payload->front() == '\0';
  payload->remove_prefix(1);
  if (null) return {};
  std::uint32_t size = 0;
  std::memcpy(&size, payload->data(), sizeof size);
  const std::string_view text = payload->substr(sizeof size, size);
  payload->remove_prefix(sizeof size + size);
  return {false, text};
}

bool IsDeleted(const Row& row, std::size_t cell) { return !row.IsNull(cell) && row[cell] != "0"; }

std::string TemporaryDirectory(const MySqlOptions& options) {
  if (!options.temporary_directory.empty()) return options.temporary_directory;
  const char* directory = std::getenv("TMPDIR");
  return directory != nullptr && *directory != '\0' ? directory : "/tmp";
}

class MySqlSource final : public Source {
 public:
  MySqlSource(const MySqlOptions& options, std::unique_ptr<mysql::Session> session,
              mysql::Selection selection, std::uint64_t rows_estimate)
      : name_(absl::StrCat(mysql::ServerName(options), " table ",
                           QuoteForMessage(options.mapping.table))),
        selection_(std::move(selection)),
        session_(std::move(session)),
        max_page_rows_(options.max_page_rows),
        sort_(options.sort_memory_bytes, TemporaryDirectory(options)) {
    progress_.rows_total = rows_estimate;
  }

  absl::Status Read(Batch* batch) override {
    if (!failed_.ok()) return failed_;
    try {
      failed_ = DoRead(batch);
    } catch (const std::bad_alloc&) {
      failed_ = OutOfMemory();
    } catch (const std::exception&) {
      // Nothing of ours throws anything else; the pulse is the caller's.
      failed_ = absl::Status(absl::StatusCode::kInternal, "a callback threw");
    }
    if (failed_.ok()) return failed_;
    session_.reset();
    // Whole entries only: one that was begun goes.
    batch->Truncate(whole_changes_);
    return failed_;
  }

  std::string name() const override { return name_; }
  SourceProgress progress() const override { return progress_; }
  void SetPulse(std::function<bool()> pulse) override { pulse_ = std::move(pulse); }

 private:
  absl::Status DoRead(Batch* batch) {
    whole_changes_ = batch->size();
    if (!fetched_) {
      if (absl::Status status = FetchAll(); !status.ok()) return status;
      if (absl::Status status = Advance(); !status.ok()) return status;
      fetched_ = true;
    }
    while (more_ && batch->text_bytes() < kBatchBytes) {
      if (absl::Status status = AddEntry(batch); !status.ok()) return status;
      whole_changes_ = batch->size();
    }
    return absl::OkStatus();
  }

  absl::Status FetchAll() {
    // The transaction ends with the connection.
    absl::Status status =
        session_->Execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "beginning");
    if (!status.ok()) return status;
    mysql::Pages pages(session_.get(), &selection_, max_page_rows_);
    while (true) {
      absl::StatusOr<std::size_t> rows = pages.Next([this](const Row& row) { return Sort(row); });
      if (!rows.ok()) return rows.status();
      if (*rows == 0) break;
      progress_.rows_read += *rows;
      progress_.bytes_read = pages.bytes_read();
      if (pulse_ && !pulse_()) {
        return absl::CancelledError(absl::StrCat(name_, ": stopped as asked"));
      }
    }
    progress_.rows_total = progress_.rows_read;
    session_.reset();
    return sort_.Finish();
  }

  absl::Status Sort(const Row& row) {
    const std::uint64_t arrival = arrival_++;
    if (selection_.deleted && IsDeleted(row, selection_.deleted_cell())) return absl::OkStatus();
    if (row.IsNull(selection_.outer_cell()) || row.IsNull(selection_.inner_cell())) {
      ++progress_.rows_skipped;
      return absl::OkStatus();
    }
    mysql::SetEntryPrefix(row[selection_.outer_cell()], row[selection_.inner_cell()], &key_);
    const std::uint64_t hash = mysql::HashPrefix(key_);
    if (selection_.order) {
      const std::size_t cell = selection_.order_cell();
      if (row.IsNull(cell)) {
        mysql::AppendNullOrder(&key_);
      } else {
        absl::Status status = mysql::AppendOrder(selection_.order->kind, row[cell], &key_);
        if (!status.ok()) return status;
      }
    }
    mysql::AppendArrival(arrival, &key_);
    payload_.clear();
    for (std::size_t i = 0; i < selection_.values.size(); ++i) {
      AppendValue(row, selection_.value_cell(i), &payload_);
    }
    return sort_.Add(hash, key_, payload_);
  }

  absl::Status Advance() {
    absl::StatusOr<bool> next = sort_.Next(&row_);
    if (!next.ok()) return next.status();
    more_ = *next;
    return absl::OkStatus();
  }

  // Adds the entry that row_ begins.
  absl::Status AddEntry(Batch* batch) {
    const std::size_t prefix_bytes = mysql::ReadEntryPrefix(row_.key, &outer_, &inner_);
    prefix_.assign(row_.key.substr(0, prefix_bytes));
    record_.clear();
    batch->BeginEntry(outer_, inner_);
    while (more_ && row_.key.substr(0, prefix_.size()) == prefix_) {
      AddRow(batch);
      if (absl::Status status = Advance(); !status.ok()) return status;
    }
    batch->EndEntry();
    return absl::OkStatus();
  }

  void AddRow(Batch* batch) {
    std::string_view payload = row_.payload;
    if (!selection_.pair_rows) {
      batch->BeginRecord();
      for (const mysql::Column& column : selection_.values) {
        const Value value = TakeValue(&payload);
        if (!value.null) batch->AddPair(column.name, value.text);
      }
      return;
    }
    // Without an order column nothing but the arrival tells records apart: a row is one.
    const std::size_t arrival = selection_.order ? mysql::kArrivalBytes : 0;
    const std::string_view record = row_.key.substr(0, row_.key.size() - arrival);
    if (record_ != record) {
      batch->BeginRecord();
      record_.assign(record);
    }
    const Value key = TakeValue(&payload);
    const Value value = TakeValue(&payload);
    // Of equal keys the last one stands; that is the batch's promise.
    if (!key.null && !value.null) batch->AddPair(key.text, value.text);
  }

  const std::string name_;
  const mysql::Selection selection_;
  std::unique_ptr<mysql::Session> session_;
  const std::size_t max_page_rows_;
  std::function<bool()> pulse_;
  SourceProgress progress_;
  ExternalSort sort_;
  absl::Status failed_;
  bool fetched_ = false;
  std::uint64_t arrival_ = 0;
  std::string key_;
  std::string payload_;

  ExternalSort::Row row_;  // of the next entry, if there is more_
  bool more_ = false;
  std::size_t whole_changes_ = 0;
  std::string outer_;
  std::string inner_;
  std::string prefix_;
  std::string record_;
};

absl::StatusOr<std::unique_ptr<Source>> Open(const MySqlOptions& options) {
  absl::StatusOr<std::unique_ptr<mysql::Session>> session = mysql::Session::Open(options);
  if (!session.ok()) return session.status();
  absl::StatusOr<mysql::Table> table =
      mysql::ReadTable(session->get(), options.database, options.mapping.table);
  if (!table.ok()) return table.status();
  absl::StatusOr<mysql::Selection> selection =
      mysql::Select(*table, options.database, options.mapping);
  if (!selection.ok()) {
    return absl::Status(
        selection.status().code(),
        absl::StrCat("MySQL ", (*session)->server(), ": ", selection.status().message()));
  }
  return std::make_unique<MySqlSource>(options, *std::move(session), *std::move(selection),
                                       table->rows_estimate);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> OpenMySqlTable(const MySqlOptions& options) {
  try {
    return Open(options);
  } catch (const std::exception&) {
    return OutOfMemory();
  }
}

}  // namespace strata
