// The face over the engine, the packed layout (cache/packed/packed_map.h). Views are pointers to
// tokens in the log; a cursor keeps the few bytes of scratch that a number's text needs.
#include <strata/cache.h>

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <new>
#include <string>
#include <utility>

#include "cache/packed/key_search.h"
#include "cache/packed/packed_map.h"
#include "cache/write_checks.h"

namespace strata {

using packed::PackedMap;

namespace {

// The hash of keys is seeded at random, so that nobody can prepare keys that collide.
std::uint64_t RandomSeed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed)) return seed;
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// An error's own words take memory: where there is none for them the operation has changed nothing,
// and this says so.
template <class Operation>
absl::Status Guarded(Operation operation) noexcept try {
  return operation();
} catch (const std::bad_alloc&) {
  return NoMemory("no memory for this write or for its error; nothing was changed");
}

}  // namespace

struct Cache::State {
  explicit State(Options&& wanted)
      : options(std::move(wanted)),
        map({.seed = RandomSeed(),
             .memory_limit_bytes = options.memory_limit_bytes == 0 ? MemoryDoor::kNoLimit
                                                                   : options.memory_limit_bytes,
             .clean_on_write = options.clean_on_write,
             .audit_every_writes = options.audit_every_writes}) {}
  Options options;
  PackedMap map;
};

absl::StatusOr<Cache> Cache::Create(Options options) {
  std::unique_ptr<State> state(new (std::nothrow) State(std::move(options)));
  if (state == nullptr || !state->map.ok()) {
    return NoMemory(
        "no memory or addresses for an empty cache: raise memory_limit_bytes, the limit of memory "
        "or that of addresses (ulimit -v), or open fewer caches at a time: one without a "
        "memory_limit_bytes reserves more addresses");
  }
  return Cache(std::move(state));
}

Cache::Cache(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cache::Cache(Cache&&) noexcept = default;
Cache& Cache::operator=(Cache&&) noexcept = default;
Cache::~Cache() = default;

absl::Status Cache::Put(std::string_view outer, std::string_view inner,
                        const RecordsView& records) {
  return Guarded([&] { return state_->map.Put(outer, inner, records); });
}

absl::Status Cache::Append(std::string_view outer, std::string_view inner, RecordView record) {
  return Guarded([&] { return state_->map.Append(outer, inner, record); });
}

absl::Status Cache::AppendRecords(std::string_view outer, std::string_view inner,
                                  const RecordsView& records, double times) {
  return Guarded([&] { return state_->map.AppendRecords(outer, inner, records, times); });
}

absl::Status Cache::UpdateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                                 RecordView record) {
  return Guarded([&] { return state_->map.UpdateRecord(outer, inner, index, record); });
}

absl::Status Cache::InsertRecord(std::string_view outer, std::string_view inner, std::size_t index,
                                 RecordView record) {
  return Guarded([&] { return state_->map.InsertRecord(outer, inner, index, record); });
}

absl::Status Cache::RemoveRecord(std::string_view outer, std::string_view inner,
                                 std::size_t index) {
  return Guarded([&] { return state_->map.RemoveRecord(outer, inner, index); });
}

absl::Status Cache::PutOuter(std::string_view outer) {
  return Guarded([&] { return state_->map.PutOuter(outer); });
}

bool Cache::Delete(std::string_view outer, std::string_view inner) {
  return state_->map.Delete(outer, inner);
}

bool Cache::DeleteOuter(std::string_view outer) { return state_->map.DeleteOuter(outer); }

void Cache::Clear() { state_->map.Clear(); }

bool Cache::Maintain(std::size_t budget_bytes) { return state_->map.Maintain(budget_bytes); }

// The engine grows in small steps whatever is to come.
absl::Status Cache::Reserve(const Reservation&) { return absl::OkStatus(); }

Counts Cache::counts() const { return state_->map.counts(); }
RunningFootprint Cache::Running() const { return state_->map.Running(); }
absl::StatusOr<std::vector<OuterFootprint>> Cache::LargestOuters(std::size_t most) const {
  return state_->map.LargestOuters(most);
}
DoorTotals Cache::memory() const { return state_->map.door().totals(); }
double Cache::OldestGuardSeconds() const { return state_->map.OldestGuardSeconds(); }
CacheStats Cache::Stats() const { return state_->map.Stats(); }
Footprint Cache::MeasureFootprint() const {
  Footprint footprint = state_->map.MeasureFootprint();
  footprint.cache = state_->options.name;
  return footprint;
}
const Options& Cache::options() const { return state_->options; }
absl::Status Cache::Validate() const { return state_->map.Validate(); }

// Views.

std::string_view PairCursor::key() const {
  if (!valid()) return {};
  return guard_->map_->Text(place_.key, scratch_[0], guard_->pin_);
}
std::string_view PairCursor::value() const {
  if (!valid()) return {};
  return guard_->map_->Text(place_.value, scratch_[1], guard_->pin_);
}

void PairCursor::Next() {
  if (valid() && --place_.left > 0) Read();
}

// Reads the pair whose tokens come next.
void PairCursor::Read() {
  if (place_.keys != nullptr) {
    place_.keys = packed::ReadHead(place_.keys, &place_.key);
  } else {
    place_.at = packed::ReadHead(place_.at, &place_.key);
  }
  place_.at = packed::ReadHead(place_.at, &place_.value);
}

std::size_t RecordReader::pair_count() const {
  if (record_ == nullptr) return 0;
  return packed::ReadRecord(record_, guard_->map_->shapes()).pairs;
}

PairCursor RecordReader::pairs() const {
  if (record_ == nullptr) return {};
  return Pairs(packed::ReadRecord(record_, guard_->map_->shapes()));
}

PairCursor RecordReader::Pairs(const packed::StoredRecord& record) const {
  PairCursor cursor;
  cursor.guard_ = guard_;
  cursor.place_.left = record.pairs;
  cursor.place_.keys = record.shape_keys;
  cursor.place_.at = record.tokens;
  if (record.pairs > 0) cursor.Read();
  return cursor;
}

PairCursor RecordReader::Find(std::string_view key) const {
  if (record_ == nullptr) return {};
  const packed::WantedText wanted(key);
  const packed::Shapes& shapes = guard_->map_->shapes();
  const packed::StoredRecord record = packed::ReadRecord(record_, shapes);
  PairCursor cursor = Pairs(record);
  if (record.shape_keys == nullptr) {
    while (cursor.valid() && !guard_->map_->Equals(cursor.place_.key, wanted, guard_->pin_)) {
      cursor.Next();
    }
    return cursor;
  }
  const std::uint8_t tag = packed::Shapes::TagOf(key);
  for (const std::uint8_t* at = shapes.tags(record.shape); cursor.valid(); ++at, cursor.Next()) {
    if (*at == tag && guard_->map_->Equals(cursor.place_.key, wanted, guard_->pin_)) break;
  }
  return cursor;
}

RecordReader RecordCursor::record() const {
  if (!valid()) return {};
  return {guard_, record_};
}

void RecordCursor::Next() {
  if (valid() && ++position_ < end_) record_ = packed::SkipRecord(record_, guard_->map_->shapes());
}

EntryReader::EntryReader(const ReadGuard* guard, const std::uint8_t* list, std::size_t count)
    : guard_(guard), list_(list), count_(count) {}

std::size_t EntryReader::record_count() const { return count_; }

RecordReader EntryReader::record(std::size_t index) const {
  if (index >= count_) return {};
  return {guard_, packed::ReadList(list_).Start(index, guard_->map_->shapes())};
}

RecordCursor EntryReader::records() const {
  if (count_ == 0) return {};
  const packed::StoredList list = packed::ReadList(list_);
  RecordCursor cursor;
  cursor.guard_ = guard_;
  cursor.record_ = list.records;
  cursor.end_ = count_;
  return cursor;
}

// Guards.

ReadGuard::ReadGuard(const Cache& cache) : map_(&cache.state_->map) { map_->eras().Enter(&pin_); }

ReadGuard::~ReadGuard() { map_->eras().Leave(&pin_); }

EntryReader ReadGuard::Get(std::string_view outer, std::string_view inner) const {
  const PackedMap::FoundList found = map_->Find(outer, inner, pin_);
  return Counted(found.list, found.count);
}

EntryReader ReadGuard::Counted(const std::uint8_t* list, std::size_t count) const {
  const EntryReader reader(this, list, count);
  ++pin_.gets;
  if (reader) ++pin_.hits;
  return reader;
}

PairCursor ReadGuard::Find(std::string_view outer, std::string_view inner, std::size_t index,
                           std::string_view key) const {
  return Get(outer, inner).record(index).Find(key);
}

bool ReadGuard::HasOuter(std::string_view outer) const { return map_->HasOuter(outer, pin_); }

namespace {
constexpr std::size_t kTogether = PackedMap::kTogether;
}

void ReadGuard::GetMany(std::span<const EntryAddress> addresses,
                        std::span<EntryReader> found) const {
  std::array<PackedMap::FoundList, kTogether> lists;
  for (std::size_t begin = 0; begin < addresses.size(); begin += kTogether) {
    const std::size_t count = std::min(kTogether, addresses.size() - begin);
    map_->FindTogether(addresses.subspan(begin, count), lists, pin_);
    for (std::size_t i = 0; i < count; ++i) {
      found[begin + i] = Counted(lists[i].list, lists[i].count);
      if (found[begin + i]) packed::FetchLines(lists[i].list, PackedMap::kFetchListBytes);
    }
  }
}

void ReadGuard::FindMany(std::span<const PairAddress> addresses,
                         std::span<PairCursor> found) const {
  std::array<EntryAddress, kTogether> entries;
  std::array<PackedMap::FoundList, kTogether> lists;
  std::array<packed::RecordPlace, kTogether> places;
  std::array<packed::KeySearch, kTogether> searches;
  const packed::Dictionary& dictionary = map_->strings().dictionary();
  for (std::size_t begin = 0; begin < addresses.size(); begin += kTogether) {
    const std::size_t count = std::min(kTogether, addresses.size() - begin);
    const std::span<const PairAddress> some = addresses.subspan(begin, count);
    for (std::size_t i = 0; i < count; ++i) entries[i] = {some[i].outer, some[i].inner};
    map_->FindTogether(std::span(entries).first(count), lists, pin_);
    for (std::size_t i = 0; i < count; ++i) {
      places[i] = {};
      if (Counted(lists[i].list, lists[i].count) && some[i].index < lists[i].count) {
        places[i] = map_->FetchRecord(lists[i], some[i].index);
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (places[i].from == nullptr) {
        searches[i].Begin();
      } else {
        searches[i].Begin(places[i], some[i].key, dictionary, map_->shapes());
      }
    }
    packed::BeginRead(pin_);
    for (std::size_t i = 0; i < count; ++i) searches[i].Fetch(dictionary, pin_);
    for (std::size_t i = 0; i < count; ++i) {
      PairCursor& pair = found[begin + i];
      pair.guard_ = this;
      if (!searches[i].Settle(&pair.place_)) {
        pair = searches[i].failed() ? RecordReader(this, searches[i].record()).Find(some[i].key)
                                    : PairCursor();
      }
      if (pair.valid()) map_->PrefetchToken(pair.place_.value);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (found[begin + i].valid()) map_->PrefetchText(found[begin + i].place_.value, pin_);
    }
  }
}

}  // namespace strata
