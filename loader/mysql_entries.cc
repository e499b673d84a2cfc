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
// bytes. Of JSON it is records of the row: 02 begins one, its keys and values follow. Before those
// that are the row's first there is, where digests are wanted, the digest of the text as a value;
// before others 04. Of JSON that is refused it is 03 and what is wrong with it.
constexpr char kRecordBegin = '\2';
constexpr char kRefused = '\3';
constexpr char kLaterRecords = '\4';
constexpr std::size_t kHeadBytes = 1 + sizeof(std::uint32_t);  // of a value

bool IsRefused(std::string_view payload) { return payload.starts_with(kRefused); }

// Whether the first pairs are of the record that the row before ends with.
bool GoesOnWithRecord(std::string_view payload) {
  return payload.starts_with(kLaterRecords) && !payload.substr(1).starts_with(kRecordBegin);
}

void AppendText(std::string_view text, std::string* payload) {
  const auto size = static_cast<std::uint32_t>(text.size());  // a packet is at most 1 GiB
  char head[kHeadBytes] = {'\1'};
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

void AppendRecords(const RecordsView& records, bool goes_on, std::string* payload) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i > 0 || !goes_on) payload->push_back(kRecordBegin);
    for (const Pair& pair : records[i]) {
      AppendText(pair.key, payload);
      AppendText(pair.value, payload);
    }
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
  BeginKey(row);
  absl::Status status = AppendRowOrder(selection_, cells_, row, &key_);
  if (!status.ok()) return status;
  payload_.clear();
  if (selection_.json != JsonValue::kNone) return AddJson(row, batch);
  payload_.reserve(row.bytes() + cells_.values.size() * kHeadBytes);
  for (const std::size_t cell : cells_.values) AppendValue(row, cell, &payload_);
  return AddPayload(arrival_++, batch);
}

// Adds payload_ under key_, the entry's and the order's.
absl::Status Entries::AddPayload(std::uint64_t arrival, Batch* batch) {
  const std::size_t key_bytes = key_.size();
  AppendArrival(arrival, &key_);
  if (early_) AddToRun(batch);
  if (!to_come_.empty()) {
    to_come_[hash_ % kHashesToCome] += payload_.size();
    if (IsRefused(payload_)) refused_entries_.insert(hash_);
    if (refused_entries_.size() > kMostRefused) to_come_.clear();
  }
  absl::Status status = sort_.Add(hash_, prefix_bytes_, key_, payload_);
  key_.resize(key_bytes);
  return status;
}

// Sets key_ to the row's entry, which is the last row's more often than not.
void Entries::BeginKey(const Row& row) {
  const std::string_view outer = row[cells_.outer];
  const std::string_view inner = row[cells_.inner];
  if (IsPlainPrefix(outer, inner, std::string_view(key_).substr(0, plain_bytes_))) {
    key_.resize(plain_bytes_);
    return;
  }
  SetEntryPrefix(outer, inner, &key_);
  prefix_bytes_ = key_.size();
  plain_bytes_ = prefix_bytes_ == PlainPrefixBytes(outer, inner) ? prefix_bytes_ : 0;
  hash_ = HashPrefix(key_);
  if (!to_come_.empty()) __builtin_prefetch(&to_come_[hash_ % kHashesToCome], 1);
}

// Adds the row of key_ and payload_ to the run, or ends the run and begins another with it.
void Entries::AddToRun(Batch* batch) {
  if (!run_.Holds(key_)) {
    if (!run_.empty()) {
      if (coming_back_.Often(run_.hash())) return EndEarly();
      if (run_.fits()) AddEarly(batch);
    }
    run_.Begin(std::string_view(key_).substr(0, prefix_bytes_), hash_);
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

absl::Status Entries::AddJson(const Row& row, Batch* batch) {
  const std::size_t cell = cells_.values[0];
  const bool is_list = selection_.json == JsonValue::kList;
  if (row.IsNull(cell)) {
    if (notes_.digests != nullptr) payload_.push_back('\0');
    if (!is_list) payload_.push_back(kRecordBegin);
    return AddPayload(arrival_++, batch);
  }
  if (notes_.digests != nullptr) AppendText(JsonTextDigest(row[cell]), &payload_);
  absl::Status added;
  const auto take = [&](const RecordsView& records, bool goes_on) {
    AppendRecords(records, goes_on, &payload_);
    added = AddPayload(arrival_++, batch);
    payload_.assign(1, kLaterRecords);
    return added;
  };
  absl::Status status =
      is_list ? json_.ParseList(row[cell], take) : json_.ParseRecord(row[cell], take);
  if (!added.ok()) return added;
  if (absl::IsInvalidArgument(status) && notes_.refused != nullptr) {
    // Before all rows of its entry: none of those is made for nothing.
    key_.resize(prefix_bytes_);
    payload_.assign(1, kRefused);
    payload_.append(status.message().data(), status.message().size());
    return AddPayload(0, batch);
  }
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat("column ", QuoteForMessage(selection_.values[0].name), ": ", status.message()));
}

absl::Status Entries::Finish() {
  constexpr std::size_t kKeptPayloadBytes = std::size_t{1} << 20;
  if (payload_.capacity() > kKeptPayloadBytes) std::string().swap(payload_);
  EndEarly();
  if (absl::Status status = sort_.Finish(); !status.ok()) return status;
  return Advance();
}

void Entries::Restart() {
  if (!refused_entries_.empty()) refused_entries_.clear();  // which looks at all its buckets
  sort_.Restart();
}

absl::Status Entries::Advance() {
  absl::StatusOr<bool> next = sort_.Next(&row_);
  if (!next.ok()) return next.status();
  more_ = *next;
  if (!more_) return absl::OkStatus();
  if (!to_come_.empty()) to_come_[row_.hash % kHashesToCome] -= row_.payload.size();
  return absl::OkStatus();
}

absl::Status Entries::Fill(Batch* batch, std::size_t batch_bytes) {
  while (more_ && batch->text_bytes() < batch_bytes) {
    absl::Status status = in_parts_ ? AddPart(batch, batch_bytes) : AddEntry(batch, batch_bytes);
    if (status.ok()) continue;
    batch->Truncate(batch->size());  // what is begun goes
    return status;
  }
  return absl::OkStatus();
}

// Adds the entry that row_ begins, unless it was given early. Which shows with its last row: until
// then rows are kept, but for those of an entry with a row that came too late or is one too many.
absl::Status Entries::AddEntry(Batch* batch, std::size_t batch_bytes) {
  const std::size_t prefix_bytes = ReadEntryPrefix(row_.key, &outer_, &inner_);
  run_.Begin(row_.key.substr(0, prefix_bytes), row_.hash);
  refused_ = false;
  while (more_ && run_.Holds(row_.key)) {
    if (ReadArrival(row_.key) >= early_until_ || !run_.HasRoomFor(row_.key, row_.payload)) {
      BeginEntry(batch);
      AddRunsRows(batch);
      return AddRows(batch, batch_bytes);
    }
    NoteRefusal(row_);
    run_.Add(row_.key, row_.payload);
    if (absl::Status status = Advance(); !status.ok()) return status;
  }
  if (refused_) {
    Refuse();
  } else if (GivenEarly()) {
    ++passed_by_;
  } else {
    BeginEntry(batch);
    AddRunsRows(batch);
    EndEntry(batch);
  }
  return absl::OkStatus();
}

// Goes on with the entry of which a part was the last that was given.
absl::Status Entries::AddPart(Batch* batch, std::size_t batch_bytes) {
  const std::uint64_t to_come = to_come_[row_.hash % kHashesToCome] + row_.payload.size();
  const double given = static_cast<double>(given_bytes_);
  batch->BeginPart(outer_, inner_, given > 0 ? 1 + static_cast<double>(to_come) / given : 0);
  in_parts_ = false;
  return AddRows(batch, batch_bytes);
}

// Adds rows to the entry, or part, that is begun in the batch, to its end or as a part.
absl::Status Entries::AddRows(Batch* batch, std::size_t batch_bytes) {
  while (more_ && run_.Holds(row_.key)) {
    if (given_bytes_ >= EntryRun::kMostBytes && batch->text_bytes() >= batch_bytes &&
        BeginsRecord(row_) && MayBeParted()) {
      batch->EndEntry();
      in_parts_ = true;
      return absl::OkStatus();
    }
    NoteRefusal(row_);
    if (!refused_) AddRow(row_, batch);
    if (absl::Status status = Advance(); !status.ok()) return status;
  }
  if (refused_) {
    batch->Truncate(batch->size());
    Refuse();
  } else {
    EndEntry(batch);
  }
  return absl::OkStatus();
}

void Entries::NoteRefusal(const ExternalSort::Row& row) {
  if (!IsRefused(row.payload)) return;
  refused_ = true;
  fault_.assign(row.payload.substr(1));
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
  given_bytes_ = 0;
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

// Of pair rows, what rows of one record have alike. Without an order column nothing but the arrival
// tells records apart: a row is one.
std::string_view Entries::RecordOf(const ExternalSort::Row& row) const {
  return row.key.substr(0, row.key.size() - (selection_.order ? kArrivalBytes : 0));
}

bool Entries::BeginsRecord(const ExternalSort::Row& row) const {
  if (selection_.json != JsonValue::kNone) return !GoesOnWithRecord(row.payload);
  return !selection_.pair_rows || record_ != RecordOf(row);
}

void Entries::AddRow(const ExternalSort::Row& row, Batch* batch) {
  std::string_view payload = row.payload;
  given_bytes_ += payload.size();
  if (selection_.json != JsonValue::kNone) {
    if (payload.starts_with(kLaterRecords)) {
      payload.remove_prefix(1);
    } else if (notes_.digests != nullptr) {
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
  if (BeginsRecord(row)) {
    batch->BeginRecord();
    record_.assign(RecordOf(row));
  }
  const Value key = TakeValue(&payload);
  const Value value = TakeValue(&payload);
  // Of equal keys the last one stands; that is the batch's promise.
  if (!key.null && !value.null) batch->AddPair(key.text, value.text);
}

}  // namespace strata::mysql
