#include "cache/packed/packed_map.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"

#include "cache/write_checks.h"

namespace strata::packed {

namespace {

// Kept back from writes for the cleaner, where there is a limit: a segment to write to, and what
// moving a blob takes beside it.
constexpr std::uint64_t kCleanersBytes = 2 * SegmentStore::kSegmentBytes;

// What a write may take, while it runs: what is kept for the cleaner is not touched, for that makes
// room afterwards; however the write ends, it is the cleaner's again.
class WritersShare {
 public:
  WritersShare(MemoryDoor* door, std::uint64_t limit_bytes)
      : door_(door), whole_(door->limit_bytes()) {
    door_->SetLimit(limit_bytes);
  }
  WritersShare(const WritersShare&) = delete;
  WritersShare& operator=(const WritersShare&) = delete;
  ~WritersShare() { door_->SetLimit(whole_); }

 private:
  MemoryDoor* door_;
  std::uint64_t whole_;
};

absl::Status CheckListLengths(std::string_view outer, std::string_view inner,
                              const RecordsView& records) {
  absl::Status status = CheckLengths(outer, inner, {});
  for (std::size_t i = 0; i < records.size() && status.ok(); ++i) {
    status = CheckLengths({}, {}, records[i]);
  }
  return status;
}

}  // namespace

PackedMap::PackedMap(const Settings& settings)
    : settings_(settings),
      write_limit_bytes_(settings.memory_limit_bytes == MemoryDoor::kNoLimit
                             ? MemoryDoor::kNoLimit
                             : settings.memory_limit_bytes -
                                   std::min(kCleanersBytes, settings.memory_limit_bytes / 4)),
      eras_(&door_),
      index_blocks_(&door_),
      retired_(&door_, &eras_, &index_blocks_),
      table_memory_{.blocks = &index_blocks_, .eras = &eras_, .retired = &retired_},
      log_(&door_, &eras_, settings.memory_limit_bytes),
      strings_(&door_, &log_, settings.seed, settings.memory_limit_bytes),
      shapes_(&door_, &eras_, &strings_, settings.memory_limit_bytes),
      tables_(&door_, kMostTables, settings.memory_limit_bytes),
      lists_(&door_, &strings_, &shapes_),
      body_(&door_),
      token_(&door_) {
  door_.SetLimit(settings.memory_limit_bytes);
  Publish();
}

PackedMap::~PackedMap() {
  for (std::size_t number = 0; number < tables_.size(); ++number) {
    tables_[number].index.Clear(table_memory_);
  }
}

CacheStats PackedMap::Stats() const {
  const std::lock_guard lock(mutex_);
  const Eras::Readers readers = eras_.CountReaders();
  const double taken = static_cast<double>(log_.taken_bytes());
  const double idle = static_cast<double>(log_.dead_bytes() + log_.room_bytes()) +
                      static_cast<double>(log_.taken_bytes() - log_.filled_bytes());
  return {.gets = readers.gets,
          .hits = readers.hits,
          .writes = writes_,
          .cleaned_bytes = cleaned_bytes_,
          .utilisation = taken == 0 ? 1.0 : (taken - idle) / taken,
          .open_guards = readers.open_guards,
          .oldest_guard_seconds = readers.oldest_seconds,
          .retained_bytes = RetainedBytes()};
}

std::uint64_t PackedMap::RetainedBytes() const {
  const Eras::Guards guards = eras_.Look();
  return RetiredBytes() + log_.UnusedBytesKept(guards) + shapes_.BytesKept(guards);
}

// Writing.

absl::Status PackedMap::GiveUp() {
  lists_.Rollback();
  // Without a message, which takes memory; Write finds the words.
  return absl::Status(absl::StatusCode::kResourceExhausted, {});
}

// Guards are the cause where the request that was refused would have been granted without what they
// keep.
bool PackedMap::GuardsKeepTooMuch(std::uint64_t retained_bytes, std::uint64_t refused) const {
  if (refused == 0) return false;
  const std::uint64_t wanted = door_.allocated_bytes() + refused;
  const std::uint64_t missing = wanted > write_limit_bytes_ ? wanted - write_limit_bytes_ : refused;
  return retained_bytes >= missing;
}

absl::Status PackedMap::OutOfMemory(std::uint64_t refused) const try {
  std::string message = absl::StrCat("no memory for this write beside the ",
                                     door_.allocated_bytes(), " bytes the cache holds");
  if (settings_.memory_limit_bytes != MemoryDoor::kNoLimit) {
    absl::StrAppend(&message, " of its limit of ", settings_.memory_limit_bytes);
  }
  absl::StrAppend(&message, "; nothing was changed: ");
  const Eras::Readers readers = eras_.CountReaders();
  const std::uint64_t retained = RetainedBytes();
  if (refused == 0 && log_.out_of_addresses()) {
    absl::StrAppend(&message, "of its ", log_.range_bytes(),
                    " bytes of addresses no stretch is long enough; open fewer caches, allow the "
                    "process more addresses (ulimit -v), or delete entries");
  } else if (readers.open_guards > 0 && GuardsKeepTooMuch(retained, refused)) {
    absl::StrAppend(&message, retained, " bytes are kept for ", readers.open_guards,
                    " open guards, the oldest open for ", readers.oldest_seconds,
                    " s: end it, delete entries or raise the limit");
  } else {
    absl::StrAppend(&message, "delete entries or raise the limit");
  }
  return absl::ResourceExhaustedError(message);
} catch (const std::bad_alloc&) {
  return NoMemory("no memory for this write; nothing was changed");
}

template <class Operation>
absl::Status PackedMap::Write(Operation operation) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t filled_before = log_.filled_bytes();
  absl::Status status;
  // Another try is worth it if it begins with less taken than any before it.
  std::uint64_t least = 0;
  std::uint64_t refused = 0;
  do {
    least = ClaimedBytes();
    door_.ForgetRefused();
    log_.ForgetRefused();
    const WritersShare share(&door_, write_limit_bytes_);
    status = operation();
    refused = door_.refused_bytes();
  } while (absl::IsResourceExhausted(status) && MakeRoom() && ClaimedBytes() < least);
  if (status.ok()) {
    ++writes_;
    AfterWrite(filled_before);
    return status;
  }
  const bool no_memory = absl::IsResourceExhausted(status);
  // What is retired from here on is what guards keep.
  if (no_memory) ReclaimSome(true);
  if (no_memory) status = OutOfMemory(refused);  // of what was held when it was refused
  TrimScratch();
  Publish();
  return status;
}

bool PackedMap::AddNew(RecordView record, std::uint64_t* pairs) try {
  std::vector<Pair> scratch;
  const RecordView unique = UniqueKeys(record, &scratch);
  *pairs += unique.size();
  return lists_.Add(unique);
} catch (const std::bad_alloc&) {
  return false;  // UniqueKeys had to copy the record
}

bool PackedMap::CopyRecords(const StoredList& list, std::size_t from, std::size_t to) {
  const std::uint8_t* at = list.Start(from, shapes_);
  for (std::size_t i = from; i < to; ++i) {
    const std::uint8_t* const end = SkipRecord(at, shapes_);
    if (!lists_.AddStored(at, end)) return false;
    at = end;
  }
  return true;
}

void PackedMap::CountList(const StoredList& list, bool add) {
  const std::uint8_t* at = list.records;
  std::uint64_t pairs = 0;
  for (std::size_t i = 0; i < list.count; ++i) {
    pairs += ReadRecord(at, shapes_).pairs;
    at = SkipRecord(at, shapes_);
  }
  counts_.records += add ? list.count : 0 - list.count;
  counts_.pairs += add ? pairs : 0 - pairs;
}

void PackedMap::ReleaseToken(const std::uint8_t* token) {
  Token read;
  ReadToken(token, &read);
  strings_.Release(read);
}

void PackedMap::ReleaseList(const std::uint8_t* list) {
  const StoredList stored = ReadList(list);
  const std::uint8_t* at = stored.records;
  for (std::size_t i = 0; i < stored.count; ++i) at = ReleaseRecord(at, &strings_, &shapes_);
}

void PackedMap::ReleaseCounted(const StoredEntry& entry) {
  CountList(ReadList(entry.list), false);
  strings_.Release(entry.inner);
  ReleaseList(entry.list);
}

void PackedMap::KillEntry(Location location) {
  log_.Kill(location, 0, ReadList(ReadEntryBlob(log_.At(location)).list).room_bytes());
}

std::size_t PackedMap::MarkedBytes(Location outer) const {
  if (marked_bytes_ == 0) return 0;
  const OuterBlob blob = ReadOuter(outer);
  std::size_t bytes = 0;
  if (blob.has_table) return bytes;
  ForEachStored(blob, [&](const StoredEntry& entry) {
    if (entry.deleted) bytes += static_cast<std::size_t>(entry.end - entry.begin);
  });
  return bytes;
}

void PackedMap::KillOuter(Location location) {
  const std::size_t marked = MarkedBytes(location);
  marked_bytes_ -= marked;
  log_.Kill(location, marked);
}

absl::Status PackedMap::Put(std::string_view outer, std::string_view inner,
                            const RecordsView& records) {
  absl::Status status = CheckListLengths(outer, inner, records);
  if (!status.ok()) return status;
  return Write([&] { return TryPut(outer, inner, records); });
}

absl::Status PackedMap::TryPut(std::string_view outer, std::string_view inner,
                               const RecordsView& records) {
  strings_.Prefetch(records);
  lists_.BeginLeavingOut();
  std::uint64_t pairs = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!AddNew(records[i], &pairs)) return GiveUp();
  }
  ReadPin pin = WriterPin();
  const Site site = Locate(outer, inner, pin);
  if (!Commit(site, outer, inner, 0)) return GiveUp();
  if (site.found) {
    CountList(ReadList(site.stored.list), false);
    ReleaseList(site.stored.list);
  }
  counts_.records += records.size();
  counts_.pairs += pairs;
  return absl::OkStatus();
}

absl::Status PackedMap::AppendRecords(std::string_view outer, std::string_view inner,
                                      const RecordsView& records, double times) {
  absl::Status status = CheckListLengths(outer, inner, records);
  if (!status.ok()) return status;
  status = Write([&] { return TryAppend(outer, inner, records, times); });
  if (times <= 0 || !absl::IsResourceExhausted(status)) return status;
  // There may be memory for these without that for those that are to come.
  return Write([&] { return TryAppend(outer, inner, records, 0); });
}

absl::Status PackedMap::TryAppend(std::string_view outer, std::string_view inner,
                                  const RecordsView& records, double times) {
  strings_.Prefetch(records);
  ReadPin pin = WriterPin();
  Site site = Locate(outer, inner, pin);
  StoredList list = site.found ? ReadList(site.stored.list) : StoredList{};
  const bool grows = list.word != nullptr;  // else it is written anew
  std::uint64_t pairs = 0;
  lists_.BeginLeavingOut();
  if (!grows && !CopyRecords(list, 0, list.count)) return GiveUp();
  const std::size_t before = lists_.record_bytes();
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!AddNew(records[i], &pairs)) return GiveUp();
  }
  if (!grows) {
    const std::size_t area = AreaFor(lists_.area_bytes(), before, times);
    if (!Commit(site, outer, inner, area)) return GiveUp();
  } else {
    const std::size_t bytes = lists_.BytesToAppendTo(list);
    if (list.room_bytes() < bytes && !MoveToLargerArea(&site, &list, bytes, times)) {
      return GiveUp();
    }
    if (!TakeRoom(site, list)) return GiveUp();
    lists_.AppendTo(list);
    log_.FillRoom(site.entry, bytes);
  }
  counts_.records += records.size();
  counts_.pairs += pairs;
  return absl::OkStatus();
}

absl::Status PackedMap::UpdateRecord(std::string_view outer, std::string_view inner,
                                     std::size_t index, RecordView record) {
  if (absl::Status s = CheckLengths({}, {}, record); !s.ok()) return s;
  return Write([&] {
    Site site;
    if (absl::Status s = LocateRecord(outer, inner, index, 0, &site); !s.ok()) return s;
    return Splice(site, outer, inner, index, 1, record);
  });
}

absl::Status PackedMap::InsertRecord(std::string_view outer, std::string_view inner,
                                     std::size_t index, RecordView record) {
  if (absl::Status s = CheckLengths({}, {}, record); !s.ok()) return s;
  return Write([&] {
    Site site;
    if (absl::Status s = LocateRecord(outer, inner, index, 1, &site); !s.ok()) return s;
    if (index == ReadList(site.stored.list).count) {
      const std::size_t ends[] = {record.size()};
      return TryAppend(outer, inner, RecordsView(record, ends), 0);
    }
    return Splice(site, outer, inner, index, 0, record);
  });
}

absl::Status PackedMap::RemoveRecord(std::string_view outer, std::string_view inner,
                                     std::size_t index) {
  return Write([&] {
    Site site;
    if (absl::Status s = LocateRecord(outer, inner, index, 0, &site); !s.ok()) return s;
    return Splice(site, outer, inner, index, 1, std::nullopt);
  });
}

absl::Status PackedMap::LocateRecord(std::string_view outer, std::string_view inner,
                                     std::size_t index, std::size_t extra, Site* site) {
  ReadPin pin = WriterPin();
  *site = Locate(outer, inner, pin);
  if (!site->found) return NoSuchEntry();
  const std::size_t count = ReadList(site->stored.list).count;
  return index < count + extra ? absl::OkStatus() : NoSuchRecord(index, count);
}

absl::Status PackedMap::Splice(const Site& site, std::string_view outer, std::string_view inner,
                               std::size_t index, std::size_t removed,
                               std::optional<RecordView> inserted) {
  const StoredList old = site.found ? ReadList(site.stored.list) : StoredList{};
  std::uint64_t pairs = 0;
  lists_.Begin();
  if (!CopyRecords(old, 0, index) || (inserted.has_value() && !AddNew(*inserted, &pairs)) ||
      !CopyRecords(old, index + removed, old.count) || !Commit(site, outer, inner, 0)) {
    return GiveUp();
  }
  const std::uint8_t* at = old.Start(index, shapes_);
  for (std::size_t i = 0; i < removed; ++i) {
    counts_.pairs -= ReadRecord(at, shapes_).pairs;
    at = ReleaseRecord(at, &strings_, &shapes_);
  }
  counts_.pairs += pairs;
  counts_.records += (inserted.has_value() ? 1 : 0) - removed;
  return absl::OkStatus();
}

absl::Status PackedMap::PutOuter(std::string_view outer) {
  if (absl::Status status = CheckLengths(outer, {}, {}); !status.ok()) return status;
  return Write([&] { return TryPutOuter(outer); });
}

absl::Status PackedMap::TryPutOuter(std::string_view outer) {
  lists_.Begin();
  const std::uint64_t hash = strings_.Hash(outer);
  ReadPin pin = WriterPin();
  if (FindOuterAt(outer, hash, pin) != kNowhere) return absl::OkStatus();
  if (!GrowRoot(hash)) return GiveUp();
  const Location made = WriteOuter(SegmentStore::Head::kWrite, outer, 0, nullptr, 0);
  if (made == kNowhere) return GiveUp();
  SetOuter(hash, kNowhere, made);
  return absl::OkStatus();
}

bool PackedMap::Delete(std::string_view outer, std::string_view inner) {
  const std::lock_guard lock(mutex_);
  ReadPin pin = WriterPin();
  const Site site = Locate(outer, inner, pin);
  if (!site.found) return false;
  const std::uint64_t filled_before = log_.filled_bytes();
  if (site.entry != kNowhere) {
    const WritersShare share(&door_, write_limit_bytes_);
    tables_[ReadOuter(site.outer).number].index.Erase(table_memory_, site.inner_hash, site.entry,
                                                      InnerHash());
    ++erased_;
  } else {
    DeleteInline(site);
  }
  ReleaseCounted(site.stored);
  if (site.entry != kNowhere) KillEntry(site.entry);
  --counts_.entries;
  ++writes_;
  AfterWrite(filled_before);
  return true;
}

void PackedMap::DeleteInline(const Site& site) {
  const OuterBlob old = ReadOuter(site.outer);
  body_.Clear();
  const std::size_t before = static_cast<std::size_t>(site.stored.begin - old.entries);
  const std::size_t after = static_cast<std::size_t>(old.end - site.stored.end);
  Location made = kNowhere;
  {
    const WritersShare share(&door_, write_limit_bytes_);
    if (body_.TryReserve(before + after + 1)) {
      std::memcpy(body_.data(), old.entries, before);
      std::memcpy(body_.data() + before, site.stored.end, after);
      made = WriteOuter(SegmentStore::Head::kWrite, old.key, (old.number - 1) << 1, body_.data(),
                        before + after);
    }
  }
  if (made != kNowhere) {
    SetOuter(site.outer_hash, site.outer, made);
    return;
  }
  // No memory: the entry stays where it is, marked.
  const std::atomic_ref<std::uint8_t> head(*const_cast<std::uint8_t*>(site.stored.head));
  head.store(head.load(std::memory_order_relaxed) | 1, std::memory_order_release);
  const std::size_t bytes = static_cast<std::size_t>(site.stored.end - site.stored.begin);
  log_.AddDeadIn(site.outer, bytes);
  marked_bytes_ += bytes;
}

bool PackedMap::DeleteOuter(std::string_view outer) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t hash = strings_.Hash(outer);
  ReadPin pin = WriterPin();
  const Location location = FindOuterAt(outer, hash, pin);
  if (location == kNowhere) return false;
  const std::uint64_t filled_before = log_.filled_bytes();
  {
    const WritersShare share(&door_, write_limit_bytes_);
    tables_[root_.load(std::memory_order_relaxed)].index.Erase(table_memory_, hash, location,
                                                               OuterHash());
  }
  ++erased_;
  GiveUpOuter(location);
  ++writes_;
  AfterWrite(filled_before);
  return true;
}

// The outer is out of reach already.
void PackedMap::GiveUpOuter(Location location) {
  const OuterBlob blob = ReadOuter(location);
  const auto give_up = [&](const StoredEntry& entry) {
    ReleaseCounted(entry);
    --counts_.entries;
  };
  if (!blob.has_table) {
    ForEachInlineEntry(blob, give_up);
  } else {
    tables_[blob.number].index.ForEach([&](std::uint64_t payload) {
      give_up(ReadEntryBlob(log_.At(payload)));
      KillEntry(payload);
    });
    RetireTable(static_cast<std::uint32_t>(blob.number));
  }
  KillOuter(location);
  --counts_.outers;
}

void PackedMap::Clear() {
  const std::lock_guard lock(mutex_);
  const std::uint32_t root = root_.exchange(kNoTable);
  // Whoever begins to read from here on finds nothing.
  eras_.Advance();
  if (eras_.AnyGuard()) {
    if (root != kNoTable) {
      tables_[root].index.ForEach([&](std::uint64_t payload) { GiveUpOuter(payload); });
      RetireTable(root);
    }
    log_.Seal();
  } else {
    WipeUnread();
  }
  ++writes_;
  AfterWrite(log_.filled_bytes());
  CleanSome(std::numeric_limits<std::size_t>::max(), 0, true);
  TrimScratch();
  ReclaimSome(true);
  Publish();
}

// Gives everything back while nobody reads.
void PackedMap::WipeUnread() {
  for (std::size_t number = 0; number < tables_.size(); ++number) {
    tables_[number].index.Clear(table_memory_);
  }
  tables_.Clear();
  retired_tables_ = free_tables_ = high_tables_ = kNoTable;
  tables_limit_ = 0;
  lower_again_at_ = release_again_at_ = 0;
  free_table_count_ = 0;
  shapes_.Clear();
  strings_.Clear();
  lists_.Free();
  body_.Free();
  token_.Free();
  retired_.FreeUnpinned();
  log_.Clear();
  cleaning_ = SegmentStore::kNoSegment;
  search_at_bytes_ = 0;
  searched_ = 0;
  shrinking_ = Shrinking::kNot;
  tidying_ = Tidying::kNot;
  retired_table_bytes_ = 0;
  marked_bytes_ = 0;
  counts_ = {};
}

}  // namespace strata::packed
