#include "loader/mysql_entries.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"
#include "loader/mysql_sort_key.h"

namespace strata::mysql {
namespace {

// A payload is the row's values one after another: 00 for NULL, else 01, 4 bytes of size, the
// bytes. Of JSON it is the row's records: 02 begins one, its keys and values follow; before them,
// where digests are wanted, the digest of the text as a value. Of JSON that is refused it is 03 and
// what is wrong with it.
constexpr char kRecordBegin = '\2';
constexpr char kRefused = '\3';

bool IsRefused(std::string_view payload) { return !payload.empty() && payload[0] == kRefused; }

void AppendText(std::string_view text, std::string* payload) {
  const auto size = static_cast<std::uint32_t>(text.size());  // a packet is at most 1 GiB
  char head[1 + sizeof size] = {'\1'};
  std::memcpy(head + 1, &size, sizeof size);
  payload->append(head, sizeof head);
  payload->append(text);
}

void AppendValue(const Row& row, std::size_t cell, std::string* payload) {
  if (row.IsNull(cell)) {
    payload->push_back('\0');
  } else {
    AppendText(row[cell], payload);
  }
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

}  // namespace

Entries::Entries(const Selection* selection, std::size_t memory_budget_bytes, std::string directory,
                 std::string server, EntryNotes notes)
    : selection_(*selection),
      cells_(*selection),
      server_(std::move(server)),
      notes_(selection->json == JsonValue::kNone ? EntryNotes() : notes),
      sort_(memory_budget_bytes, std::move(directory)) {}

absl::Status Entries::Add(const Row& row, Batch* batch) {
  if (selection_.deleted && IsDeleted(row, cells_.deleted)) return absl::OkStatus();
  if (row.IsNull(cells_.outer) || row.IsNull(cells_.inner)) {
    ++rows_skipped_;
    return absl::OkStatus();
  }
  SetEntryPrefix(row[cells_.outer], row[cells_.inner], &key_);
  const std::size_t prefix_bytes = key_.size();
  const std::uint64_t hash = HashPrefix(key_);
  absl::Status status = AppendRowOrder(selection_, cells_, row, &key_);
  if (!status.ok()) return status;
  AppendArrival(arrival_++, &key_);
  payload_.clear();
  if (selection_.json != JsonValue::kNone) {
    if (status = AppendJson(row); !status.ok()) return status;
  } else {
    for (const std::size_t cell : cells_.values) AppendValue(row, cell, &payload_);
  }
  if (early_) AddToRun(prefix_bytes, hash, batch);
  return sort_.Add(hash, prefix_bytes, key_, payload_);
}

// Adds the row of key_ and payload_ to the run, or ends the run and begins another with it.
void Entries::AddToRun(std::size_t prefix_bytes, std::uint64_t hash, Batch* batch) {
  if (!run_.Holds(key_)) {
    if (!run_.empty()) {
      if (coming_back_.Often(run_.hash())) return EndEarly();
      if (run_.fits()) AddEarly(batch);
    }
    run_.Begin(std::string_view(key_).substr(0, prefix_bytes), hash);
  }
  run_.Add(key_, payload_);
}

// The run that has not been given, and what comes behind it, comes out of the sort.
void Entries::EndEarly() {
  if (!early_) return;
  early_ = false;
  early_until_ = run_.empty() ? 0 : run_.first_arrival();
}

// Whether the entry, all of whose rows are the run's, was given while they came.
bool Entries::GivenEarly() const {
  return run_.last_arrival() < early_until_ && run_.unbroken() && run_.fits();
}

absl::Status Entries::AppendJson(const Row& row) {
  const std::size_t cell = cells_.values[0];
  const bool is_list = selection_.json == JsonValue::kList;
  if (row.IsNull(cell)) {
    if (notes_.digests != nullptr) payload_.push_back('\0');
    if (!is_list) payload_.push_back(kRecordBegin);
    return absl::OkStatus();
  }
  if (notes_.digests != nullptr) AppendText(JsonTextDigest(row[cell]), &payload_);
  const absl::StatusOr<RecordsView> records =
      is_list ? json_.ParseList(row[cell]) : json_.ParseRecord(row[cell]);
  if (absl::IsInvalidArgument(records.status()) && notes_.refused != nullptr) {
    payload_.assign(1, kRefused);
    payload_.append(records.status().message().data(), records.status().message().size());
    return absl::OkStatus();
  }
  if (!records.ok()) {
    return absl::Status(records.status().code(),
                        absl::StrCat("column ", QuoteForMessage(selection_.values[0].name), ": ",
                                     records.status().message()));
  }
  for (std::size_t i = 0; i < records->size(); ++i) {
    payload_.push_back(kRecordBegin);
    for (const Pair& pair : (*records)[i]) {
      AppendText(pair.key, &payload_);
      AppendText(pair.value, &payload_);
    }
  }
  return absl::OkStatus();
}

absl::Status Entries::Finish() {
  EndEarly();
  if (absl::Status status = sort_.Finish(); !status.ok()) return status;
  return Advance();
}

void Entries::Restart() { sort_.Restart(); }

absl::Status Entries::Advance() {
  absl::StatusOr<bool> next = sort_.Next(&row_);
  if (!next.ok()) return next.status();
  more_ = *next;
  return absl::OkStatus();
}

absl::Status Entries::Fill(Batch* batch, std::size_t batch_bytes) {
  while (more_ && batch->text_bytes() < batch_bytes) {
    if (absl::Status status = AddEntry(batch); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Adds the entry that row_ begins, unless it was given early. Which shows with its last row: until
// then rows are kept, but for those of an entry that is too long to have been given.
absl::Status Entries::AddEntry(Batch* batch) {
  const std::size_t whole_changes = batch->size();
  const std::size_t prefix_bytes = ReadEntryPrefix(row_.key, &outer_, &inner_);
  run_.Begin(row_.key.substr(0, prefix_bytes), row_.hash);
  bool refused = false;
  bool too_long = false;
  while (more_ && run_.Holds(row_.key)) {
    if (IsRefused(row_.payload)) {
      refused = true;
      fault_.assign(row_.payload.substr(1));
    }
    if (!too_long && !run_.HasRoomFor(row_.key, row_.payload)) {
      too_long = true;
      BeginEntry(batch);
      AddRunsRows(batch);
    }
    if (too_long) {
      AddRow(row_, batch);
    } else {
      run_.Add(row_.key, row_.payload);
    }
    if (absl::Status status = Advance(); !status.ok()) {
      batch->Truncate(whole_changes);
      return status;
    }
  }
  if (refused) {
    batch->Truncate(whole_changes);
    Refuse();
    return absl::OkStatus();
  }
  if (!too_long) {
    if (GivenEarly()) {
      ++passed_by_;
      return absl::OkStatus();
    }
    BeginEntry(batch);
    AddRunsRows(batch);
  }
  EndEntry(batch);
  return absl::OkStatus();
}

// The run's rows as an entry, before it is known whether there are more.
void Entries::AddEarly(Batch* batch) {
  ++given_early_;
  run_.Sort();
  ReadEntryPrefix(run_[0].key, &outer_, &inner_);
  BeginEntry(batch);
  AddRunsRows(batch);
  EndEntry(batch);
}

// The entry of outer_ and inner_ is left out.
void Entries::Refuse() {
  const EntryName name = {outer_, inner_};
  notes_.refused->Hold(name, FaultOfEntry(server_, selection_, name, fault_));
}

// The entry of outer_ and inner_.
void Entries::BeginEntry(Batch* batch) {
  record_.clear();
  digest_ = EntryDigest{};
  batch->BeginEntry(outer_, inner_);
}

void Entries::EndEntry(Batch* batch) {
  batch->EndEntry();
  if (notes_.digests != nullptr) notes_.digests->Set(outer_, inner_, digest_);
}

void Entries::AddRunsRows(Batch* batch) {
  for (std::size_t i = 0; i < run_.size(); ++i) AddRow(run_[i], batch);
}

void Entries::AddRow(const ExternalSort::Row& row, Batch* batch) {
  std::string_view payload = row.payload;
  if (IsRefused(payload)) return;  // so will be the entry
  if (selection_.json != JsonValue::kNone) {
    if (notes_.digests != nullptr) {
      const Value text = TakeValue(&payload);
      AddJsonRow(text.null ? std::nullopt : std::optional(text.text), &digest_);
    }
    while (!payload.empty()) {
      if (payload.front() == kRecordBegin) {
        batch->BeginRecord();
        payload.remove_prefix(1);
        continue;
      }
      const Value key = TakeValue(&payload);
      const Value value = TakeValue(&payload);
      batch->AddPair(key.text, value.text);
    }
    return;
  }
  if (!selection_.pair_rows) {
    batch->BeginRecord();
    for (const Column& column : selection_.values) {
      const Value value = TakeValue(&payload);
      if (!value.null) batch->AddPair(column.name, value.text);
    }
    return;
  }
  // Without an order column nothing but the arrival tells records apart: a row is one.
  const std::size_t arrival = selection_.order ? kArrivalBytes : 0;
  const std::string_view record = row.key.substr(0, row.key.size() - arrival);
  if (record_ != record) {
    batch->BeginRecord();
    record_.assign(record);
  }
  const Value key = TakeValue(&payload);
  const Value value = TakeValue(&payload);
  // Of equal keys the last one stands; that is the batch's promise.
  if (!key.null && !value.null) batch->AddPair(key.text, value.text);
}

}  // namespace strata::mysql
