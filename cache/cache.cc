// The face over the engine. Views hold plain pointers into the interned layout's vectors: nothing
// is decoded here, so a cursor needs no scratch of its own.
#include <strata/cache.h>

#include <new>
#include <utility>
#include <vector>

#include "cache/interned_map.h"

namespace strata {

struct Cache::State {
  Options options;
  InternedMap map;
};

absl::StatusOr<Cache> Cache::Create(Options options) {
  std::unique_ptr<State> state(new (std::nothrow) State{.options = std::move(options), .map = {}});
  if (state == nullptr) {
    return absl::ResourceExhaustedError("no memory for an empty cache: raise the memory limit");
  }
  return Cache(std::move(state));
}

Cache::Cache(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cache::Cache(Cache&&) noexcept = default;
Cache& Cache::operator=(Cache&&) noexcept = default;
Cache::~Cache() = default;

absl::Status Cache::Put(std::string_view outer, std::string_view inner,
                        const RecordsView& records) {
  return state_->map.Put(outer, inner, records);
}

absl::Status Cache::Append(std::string_view outer, std::string_view inner, RecordView record) {
  return state_->map.Append(outer, inner, record);
}

absl::Status Cache::UpdateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                                 RecordView record) {
  return state_->map.UpdateRecord(outer, inner, index, record);
}

absl::Status Cache::InsertRecord(std::string_view outer, std::string_view inner, std::size_t index,
                                 RecordView record) {
  return state_->map.InsertRecord(outer, inner, index, record);
}

absl::Status Cache::RemoveRecord(std::string_view outer, std::string_view inner,
                                 std::size_t index) {
  return state_->map.RemoveRecord(outer, inner, index);
}

absl::Status Cache::PutOuter(std::string_view outer) { return state_->map.PutOuter(outer); }

bool Cache::Delete(std::string_view outer, std::string_view inner) {
  return state_->map.Delete(outer, inner);
}

bool Cache::DeleteOuter(std::string_view outer) { return state_->map.DeleteOuter(outer); }

void Cache::Clear() { state_->map.Clear(); }

absl::Status Cache::Reserve(const Reservation& expected) {
  return state_->map.Reserve(expected.outers, expected.distinct_strings,
                             expected.distinct_string_bytes);
}

const Counts& Cache::counts() const { return state_->map.counts(); }
DoorTotals Cache::memory() const { return state_->map.door().totals(); }
Footprint Cache::MeasureFootprint() const { return state_->map.MeasureFootprint(); }
const Options& Cache::options() const { return state_->options; }

namespace {

const InternedMap::IdPair& PairAt(const void* pairs, std::size_t position) {
  return static_cast<const InternedMap::IdPair*>(pairs)[position];
}
const InternedMap::Record& AsRecord(const void* record) {
  return *static_cast<const InternedMap::Record*>(record);
}
const InternedMap::List& AsList(const void* list) {
  return *static_cast<const InternedMap::List*>(list);
}

}  // namespace

std::string_view PairCursor::key() const { return map_->Text(PairAt(pairs_, position_).key); }
std::string_view PairCursor::value() const { return map_->Text(PairAt(pairs_, position_).value); }

std::size_t RecordReader::pair_count() const { return AsRecord(record_).size(); }

PairCursor RecordReader::pairs() const {
  PairCursor cursor;
  cursor.map_ = map_;
  cursor.pairs_ = AsRecord(record_).data();
  cursor.end_ = AsRecord(record_).size();
  return cursor;
}

PairCursor RecordReader::Find(std::string_view key) const {
  PairCursor cursor = pairs();
  cursor.position_ = map_->FindPair(AsRecord(record_), key);
  return cursor;
}

RecordReader RecordCursor::record() const {
  RecordReader reader;
  reader.map_ = map_;
  reader.record_ = &AsList(list_)[position_];
  return reader;
}

std::size_t EntryReader::record_count() const { return AsList(list_).size(); }

RecordReader EntryReader::record(std::size_t index) const {
  RecordReader reader;
  reader.map_ = map_;
  reader.record_ = &AsList(list_)[index];
  return reader;
}

RecordCursor EntryReader::records() const {
  RecordCursor cursor;
  cursor.map_ = map_;
  cursor.list_ = list_;
  cursor.end_ = AsList(list_).size();
  return cursor;
}

ReadGuard::ReadGuard(const Cache& cache) : map_(&cache.state_->map) {
#ifndef NDEBUG
  map_->open_guards().fetch_add(1);
#endif
}

ReadGuard::~ReadGuard() {
#ifndef NDEBUG
  map_->open_guards().fetch_sub(1);
#endif
}

EntryReader ReadGuard::Get(std::string_view outer, std::string_view inner) const {
  EntryReader reader;
  reader.map_ = map_;
  reader.list_ = map_->FindList(outer, inner);
  return reader;
}

PairCursor ReadGuard::Find(std::string_view outer, std::string_view inner, std::size_t index,
                           std::string_view key) const {
  const EntryReader entry = Get(outer, inner);
  if (!entry || index >= entry.record_count()) return {};
  return entry.record(index).Find(key);
}

bool ReadGuard::HasOuter(std::string_view outer) const { return map_->FindOuter(outer) != nullptr; }

// A cursor takes the keys down when it begins and looks each up again when it gets there. What is
// there throughout keeps its id, so it is met once; what has gone is passed over, even where its
// id was given to a string that came.

struct OuterCursor::State {
  bool begun = false;
  std::vector<InternedMap::Listed> outers;
  std::size_t next = 0;
  std::string_view outer;
  std::size_t entry_count = 0;
};

OuterCursor::OuterCursor() : state_(std::make_unique<State>()) {}
OuterCursor::OuterCursor(OuterCursor&&) noexcept = default;
OuterCursor& OuterCursor::operator=(OuterCursor&&) noexcept = default;
OuterCursor::~OuterCursor() = default;

bool OuterCursor::Next(const ReadGuard& guard) {
  if (!state_->begun) {
    state_->begun = true;
    state_->outers = guard.map_->ListOuters();
  }
  while (state_->next < state_->outers.size()) {
    const InternedMap::Listed& listed = state_->outers[state_->next++];
    const InternedMap::Outer* const outer = guard.map_->FindOuter(listed);
    if (outer == nullptr) continue;
    state_->outer = guard.map_->Text(listed.id);
    state_->entry_count = outer->entries.size();
    return true;
  }
  return false;
}

std::string_view OuterCursor::outer() const { return state_->outer; }
std::size_t OuterCursor::entry_count() const { return state_->entry_count; }

struct EntryCursor::State {
  bool begun = false;
  std::optional<std::string> only;  // the one outer asked for; else all
  std::vector<InternedMap::Listed> outers;
  std::size_t next_outer = 0;
  std::vector<InternedMap::Listed> inners;  // of outers[next_outer - 1]
  std::size_t next_inner = 0;
  std::string_view outer;
  std::string_view inner;
  EntryReader entry;
};

EntryCursor::EntryCursor() : state_(std::make_unique<State>()) {}
EntryCursor::EntryCursor(std::string_view outer) : EntryCursor() { state_->only.emplace(outer); }
EntryCursor::EntryCursor(EntryCursor&&) noexcept = default;
EntryCursor& EntryCursor::operator=(EntryCursor&&) noexcept = default;
EntryCursor::~EntryCursor() = default;

bool EntryCursor::Next(const ReadGuard& guard) {
  State& at = *state_;
  const InternedMap& map = *guard.map_;
  at.entry = {};
  at.inner = {};
  if (!at.begun) {
    at.begun = true;
    at.outers = at.only.has_value() ? map.ListOuter(*at.only) : map.ListOuters();
  }
  while (true) {
    while (at.next_inner < at.inners.size()) {
      const InternedMap::Listed& outer_key = at.outers[at.next_outer - 1];
      const InternedMap::Listed& inner_key = at.inners[at.next_inner++];
      const InternedMap::Outer* const outer = map.FindOuter(outer_key);
      if (outer == nullptr) break;
      const InternedMap::List* const list = map.FindList(*outer, inner_key);
      if (list == nullptr) continue;
      at.outer = map.Text(outer_key.id);
      at.inner = map.Text(inner_key.id);
      at.entry.map_ = &map;
      at.entry.list_ = list;
      return true;
    }
    at.inners.clear();
    at.next_inner = 0;
    if (at.next_outer == at.outers.size()) return false;
    const InternedMap::Listed& outer_key = at.outers[at.next_outer++];
    const InternedMap::Outer* const outer = map.FindOuter(outer_key);
    if (outer == nullptr) continue;
    at.inners = map.ListInners(*outer);
    at.outer = map.Text(outer_key.id);
    if (at.inners.empty() && !at.only.has_value()) return true;
  }
}

std::string_view EntryCursor::outer() const { return state_->outer; }
std::string_view EntryCursor::inner() const { return state_->inner; }
EntryReader EntryCursor::entry() const { return state_->entry; }

}  // namespace strata
