// The face over the engine, the packed layout (cache/packed/packed_map.h). Views are pointers to
// tokens in the log; a cursor keeps the few bytes of scratch that a number's text needs.
#include <strata/cache.h>

#include <sys/random.h>

#include <chrono>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache/packed/packed_map.h"

namespace strata {

using packed::PackedMap;

namespace {

// The hash of keys is seeded at random, so that nobody can prepare keys that collide.
std::uint64_t RandomSeed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed)) return seed;
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

std::string_view TextAt(const PackedMap& map, const std::uint8_t* at, char* scratch) {
  packed::Token token;
  packed::ReadToken(at, &token);
  return map.strings().Text(token, scratch);
}

}  // namespace

struct Cache::State {
  Options options;
  PackedMap map;
};

absl::StatusOr<Cache> Cache::Create(Options options) {
  std::unique_ptr<State> state(
      new (std::nothrow) State{.options = std::move(options), .map = PackedMap(RandomSeed())});
  if (state == nullptr || !state->map.ok()) {
    return absl::ResourceExhaustedError(
        "no memory or addresses for an empty cache: raise the limits of memory and of virtual "
        "memory (ulimit -v)");
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

bool Cache::Maintain(std::size_t budget_bytes) { return state_->map.Maintain(budget_bytes); }

// The engine grows in small steps whatever is to come.
absl::Status Cache::Reserve(const Reservation&) { return absl::OkStatus(); }

const Counts& Cache::counts() const { return state_->map.counts(); }
DoorTotals Cache::memory() const { return state_->map.door().totals(); }
Footprint Cache::MeasureFootprint() const { return state_->map.MeasureFootprint(); }
const Options& Cache::options() const { return state_->options; }
absl::Status Cache::Validate() const { return state_->map.Validate(); }

// Views.

std::string_view PairCursor::key() const { return TextAt(*map_, key_, scratch_[0]); }
std::string_view PairCursor::value() const { return TextAt(*map_, value_, scratch_[1]); }

void PairCursor::Next() {
  if (--left_ == 0) return;
  if (shaped_) {
    key_ = packed::SkipToken(key_);
    value_ = packed::SkipToken(value_);
  } else {
    key_ = packed::SkipToken(value_);
    value_ = packed::SkipToken(key_);
  }
}

std::size_t RecordReader::pair_count() const {
  return packed::ReadRecord(record_, map_->shapes()).pairs;
}

PairCursor RecordReader::pairs() const {
  const packed::StoredRecord record = packed::ReadRecord(record_, map_->shapes());
  PairCursor cursor;
  cursor.map_ = map_;
  cursor.left_ = record.pairs;
  if (record.pairs == 0) return cursor;
  cursor.shaped_ = record.shape_keys != nullptr;
  cursor.key_ = cursor.shaped_ ? record.shape_keys : record.tokens;
  cursor.value_ = cursor.shaped_ ? record.tokens : packed::SkipToken(record.tokens);
  return cursor;
}

PairCursor RecordReader::Find(std::string_view key) const {
  PairCursor cursor = pairs();
  for (; cursor.valid(); cursor.Next()) {
    packed::Token token;
    packed::ReadToken(cursor.key_, &token);
    if (map_->strings().Equals(token, key)) break;
  }
  return cursor;
}

RecordReader RecordCursor::record() const {
  RecordReader reader;
  reader.map_ = map_;
  reader.record_ = record_;
  return reader;
}

void RecordCursor::Next() {
  if (++position_ < end_) record_ = packed::SkipRecord(record_, map_->shapes());
}

std::size_t EntryReader::record_count() const { return packed::ReadList(list_).count; }

RecordReader EntryReader::record(std::size_t index) const {
  RecordReader reader;
  reader.map_ = map_;
  reader.record_ = packed::ReadList(list_).Start(index, map_->shapes());
  return reader;
}

RecordCursor EntryReader::records() const {
  const packed::StoredList list = packed::ReadList(list_);
  RecordCursor cursor;
  cursor.map_ = map_;
  cursor.record_ = list.records;
  cursor.end_ = list.count;
  return cursor;
}

// Guards.

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
  reader.list_ = map_->Find(outer, inner);
  return reader;
}

PairCursor ReadGuard::Find(std::string_view outer, std::string_view inner, std::size_t index,
                           std::string_view key) const {
  const EntryReader entry = Get(outer, inner);
  if (!entry || index >= entry.record_count()) return {};
  return entry.record(index).Find(key);
}

void ReadGuard::FindMany(std::span<const PairAddress> addresses,
                         std::span<PairCursor> found) const {
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const PairAddress& at = addresses[i];
    found[i] = Find(at.outer, at.inner, at.index, at.key);
  }
}

bool ReadGuard::HasOuter(std::string_view outer) const { return map_->HasOuter(outer); }

// Enumerations go in the order of hashes, so a place in one is a hash and survives every write. A
// cursor takes down what one shard holds from its place on, and takes it down anew when the map has
// been written since: then locations are out of date. Two keys of one level whose 64-bit hashes
// are equal stand at one place; a write just between them makes the cursor pass over the second.

namespace {

// Walks one level in the order of hashes. `fill(from, items)` takes down the items at or after
// `from` as far as one shard goes, and answers where to go on, 0 at the end.
template <class Item>
class HashOrder {
 public:
  template <class Fill>
  const Item* Next(std::uint64_t version, Fill fill) {
    if (version != version_ && begun_) {
      items_.clear();
      next_ = 0;
      ended_ = false;
      from_ = after_;
      if (wrapped_) return nullptr;
    }
    version_ = version;
    begun_ = true;
    while (next_ == items_.size()) {
      if (ended_) return nullptr;
      const std::uint64_t next_from = fill(from_, &items_);
      next_ = 0;
      ended_ = next_from == 0;
      from_ = next_from;
    }
    const Item& item = items_[next_++];
    after_ = item.hash + 1;
    wrapped_ = after_ == 0;
    return &item;
  }

 private:
  std::vector<Item> items_;
  std::size_t next_ = 0;
  std::uint64_t from_ = 0;   // where the next shard begins
  std::uint64_t after_ = 0;  // the place just behind the item last given
  std::uint64_t version_ = 0;
  bool begun_ = false;
  bool ended_ = false;    // items_ is the last shard's
  bool wrapped_ = false;  // there is no place behind
};

absl::Status CursorStatus(bool out_of_memory) {
  if (!out_of_memory) return absl::OkStatus();
  return absl::ResourceExhaustedError("no memory to enumerate on: free some and begin again");
}

}  // namespace

struct OuterCursor::State {
  HashOrder<PackedMap::OuterItem> order;
  std::string_view outer;
  std::size_t entry_count = 0;
  bool out_of_memory = false;
};

OuterCursor::OuterCursor() : state_(new (std::nothrow) State) {}
OuterCursor::OuterCursor(OuterCursor&&) noexcept = default;
OuterCursor& OuterCursor::operator=(OuterCursor&&) noexcept = default;
OuterCursor::~OuterCursor() = default;

bool OuterCursor::Next(const ReadGuard& guard) try {
  if (state_ == nullptr) return false;
  const PackedMap& map = *guard.map_;
  const PackedMap::OuterItem* const item = state_->order.Next(
      map.version(), [&](std::uint64_t from, auto* items) { return map.NextOuters(from, items); });
  if (item == nullptr) return false;
  state_->outer = map.OuterKey(item->location);
  state_->entry_count = map.EntryCount(item->location);
  return true;
} catch (const std::bad_alloc&) {
  state_->out_of_memory = true;
  return false;
}

absl::Status OuterCursor::status() const {
  return CursorStatus(state_ == nullptr || state_->out_of_memory);
}

std::string_view OuterCursor::outer() const { return state_->outer; }
std::size_t OuterCursor::entry_count() const { return state_->entry_count; }

struct EntryCursor::State {
  bool all = true;
  bool begun = false;     // the one outer asked for, or the first of all, has been looked up
  std::string outer_key;  // of the outer whose entries are being met
  std::optional<packed::Location> outer_location;  // of it, as of `version`
  std::uint64_t version = 0;
  HashOrder<PackedMap::OuterItem> outers;
  HashOrder<PackedMap::EntryItem> entries;
  std::string_view outer;
  std::string_view inner;
  char scratch[20];
  EntryReader entry;
  bool out_of_memory = false;
};

EntryCursor::EntryCursor() : state_(new (std::nothrow) State) {}
EntryCursor::EntryCursor(std::string_view outer) : EntryCursor() {
  if (state_ == nullptr) return;
  state_->all = false;
  try {
    state_->outer_key = outer;
  } catch (const std::bad_alloc&) {
    state_ = nullptr;
  }
}
EntryCursor::EntryCursor(EntryCursor&&) noexcept = default;
EntryCursor& EntryCursor::operator=(EntryCursor&&) noexcept = default;
EntryCursor::~EntryCursor() = default;

bool EntryCursor::Next(const ReadGuard& guard) try {
  if (state_ == nullptr) return false;
  State& at = *state_;
  const PackedMap& map = *guard.map_;
  at.entry = {};
  at.inner = {};
  while (true) {
    if (at.begun || !at.all) {
      if (!at.begun || at.version != map.version()) at.outer_location = map.FindOuter(at.outer_key);
      at.version = map.version();
      at.begun = true;
      const std::optional<packed::Location>& outer = at.outer_location;
      const PackedMap::EntryItem* const item =
          !outer.has_value() ? nullptr
                             : at.entries.Next(map.version(), [&](std::uint64_t from, auto* items) {
                                 return map.NextEntries(*outer, from, items);
                               });
      if (item != nullptr) {
        at.outer = map.OuterKey(*outer);
        at.inner = TextAt(map, item->inner, at.scratch);
        at.entry.map_ = &map;
        at.entry.list_ = item->list;
        return true;
      }
      if (!at.all) return false;
    }
    const PackedMap::OuterItem* const next = at.outers.Next(
        map.version(),
        [&](std::uint64_t from, auto* items) { return map.NextOuters(from, items); });
    if (next == nullptr) return false;
    at.begun = true;
    at.outer = map.OuterKey(next->location);
    at.outer_key = at.outer;
    at.outer_location = next->location;
    at.version = map.version();
    at.entries = {};
    if (map.EntryCount(next->location) == 0) return true;
  }
} catch (const std::bad_alloc&) {
  state_->out_of_memory = true;
  return false;
}

absl::Status EntryCursor::status() const {
  return CursorStatus(state_ == nullptr || state_->out_of_memory);
}

std::string_view EntryCursor::outer() const { return state_->outer; }
std::string_view EntryCursor::inner() const { return state_->inner; }
EntryReader EntryCursor::entry() const { return state_->entry; }

}  // namespace strata
