#include "cache/packed/packed_map.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

#include "cache/write_checks.h"

namespace strata::packed {

PackedMap::PackedMap(std::uint64_t seed)
    : log_(&door_),
      strings_(&door_, &log_, seed),
      shapes_(&door_, &strings_),
      outers_(&door_),
      tables_(&door_),
      free_tables_(&door_),
      lists_(&door_, &strings_, &shapes_),
      body_(&door_),
      token_(&door_) {}

PackedMap::~PackedMap() {
  for (std::uint64_t number = 0; number < tables_.size(); ++number) FreeTable(number);
}

// Reading blobs.

PackedMap::OuterBlob PackedMap::ReadOuter(Location location) const {
  const Blob blob = log_.At(location);
  std::uint64_t key_bytes = 0;
  const std::uint8_t* const key = ReadVarint(blob.payload, &key_bytes);
  std::uint64_t number = 0;
  const std::uint8_t* const entries = ReadVarint(key + key_bytes, &number);
  return {.key = {reinterpret_cast<const char*>(key), static_cast<std::size_t>(key_bytes)},
          .has_table = (number & 1) != 0,
          .number = number >> 1,
          .entries = entries,
          .end = blob.payload + blob.payload_bytes};
}

PackedMap::StoredEntry PackedMap::ReadInlineEntry(const std::uint8_t* at) const {
  StoredEntry entry{.begin = at, .inner_begin = at};
  std::uint64_t list_bytes = 0;
  entry.list = ReadVarint(ReadToken(at, &entry.inner), &list_bytes);
  entry.end = entry.list + list_bytes;
  return entry;
}

PackedMap::StoredEntry PackedMap::ReadEntryBlob(const Blob& blob) const {
  std::uint64_t table = 0;
  StoredEntry entry{.begin = blob.payload, .inner_begin = ReadVarint(blob.payload, &table)};
  entry.list = ReadToken(entry.inner_begin, &entry.inner);
  entry.end = blob.payload + blob.payload_bytes;
  return entry;
}

// Finding.

auto PackedMap::OuterHash() const {
  return [this](std::uint64_t payload) { return strings_.Hash(ReadOuter(payload).key); };
}

auto PackedMap::InnerHash() const {
  return
      [this](std::uint64_t payload) { return HashOfInner(ReadEntryBlob(log_.At(payload)).inner); };
}

std::uint64_t PackedMap::HashOfInner(const Token& inner) const {
  char scratch[kNumberScratchBytes];
  return strings_.Hash(strings_.Text(inner, scratch));
}

Location PackedMap::FindOuterAt(std::string_view outer, std::uint64_t hash) const {
  return outers_.Find(hash,
                      [&](std::uint64_t candidate) { return ReadOuter(candidate).key == outer; });
}

std::optional<Location> PackedMap::FindOuter(std::string_view outer) const {
  const Location location = FindOuterAt(outer, strings_.Hash(outer));
  if (location == kNowhere) return std::nullopt;
  return location;
}

bool PackedMap::HasOuter(std::string_view outer) const { return FindOuter(outer).has_value(); }

std::string_view PackedMap::OuterKey(Location outer) const { return ReadOuter(outer).key; }

std::size_t PackedMap::EntryCount(Location outer) const {
  const OuterBlob blob = ReadOuter(outer);
  return blob.has_table ? tables_[blob.number]->index.size()
                        : static_cast<std::size_t>(blob.number);
}

PackedMap::Site PackedMap::Locate(std::string_view outer, std::string_view inner) const {
  Site site{.outer_hash = strings_.Hash(outer)};
  site.outer = FindOuterAt(outer, site.outer_hash);
  if (site.outer == kNowhere) return site;
  const OuterBlob blob = ReadOuter(site.outer);
  if (!blob.has_table) {
    const std::uint8_t* at = blob.entries;
    for (std::uint64_t i = 0; i < blob.number && !site.found; ++i) {
      site.stored = ReadInlineEntry(at);
      site.found = strings_.Equals(site.stored.inner, inner);
      at = site.stored.end;
    }
    return site;
  }
  site.inner_hash = strings_.Hash(inner);
  site.entry = tables_[blob.number]->index.Find(site.inner_hash, [&](std::uint64_t candidate) {
    return strings_.Equals(ReadEntryBlob(log_.At(candidate)).inner, inner);
  });
  site.found = site.entry != kNowhere;
  if (site.found) site.stored = ReadEntryBlob(log_.At(site.entry));
  return site;
}

const std::uint8_t* PackedMap::Find(std::string_view outer, std::string_view inner) const {
  const Site site = Locate(outer, inner);
  return site.found ? site.stored.list : nullptr;
}

std::uint64_t PackedMap::NextOuters(std::uint64_t from, std::vector<OuterItem>* items) const {
  items->clear();
  const std::uint64_t next = outers_.VisitShardOf(from, [&](std::uint64_t payload) {
    const std::uint64_t hash = strings_.Hash(OuterKey(payload));
    if (hash >= from) items->push_back({hash, payload});
  });
  std::sort(items->begin(), items->end(),
            [](const OuterItem& a, const OuterItem& b) { return a.hash < b.hash; });
  return next;
}

std::uint64_t PackedMap::NextEntries(Location outer, std::uint64_t from,
                                     std::vector<EntryItem>* items) const {
  items->clear();
  const OuterBlob blob = ReadOuter(outer);
  std::uint64_t next = 0;
  const auto add = [&](const StoredEntry& entry) {
    const std::uint64_t hash = HashOfInner(entry.inner);
    if (hash >= from) items->push_back({hash, entry.inner_begin, entry.list});
  };
  if (!blob.has_table) {
    ForEachInlineEntry(blob, add);
  } else {
    next = tables_[blob.number]->index.VisitShardOf(
        from, [&](std::uint64_t payload) { add(ReadEntryBlob(log_.At(payload))); });
  }
  std::sort(items->begin(), items->end(),
            [](const EntryItem& a, const EntryItem& b) { return a.hash < b.hash; });
  return next;
}

// Writing.

absl::Status PackedMap::OutOfMemory() {
  lists_.Rollback();
  return absl::ResourceExhaustedError(
      absl::StrCat("no memory for this write beside the ", door_.allocated_bytes(),
                   " bytes the cache holds; nothing was changed: free memory or raise the limit"));
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
  ReleaseList(entry.list);
}

absl::Status PackedMap::Put(std::string_view outer, std::string_view inner,
                            const RecordsView& records) {
  AssertNoGuard();
  if (absl::Status status = CheckLengths(outer, inner, {}); !status.ok()) return status;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (absl::Status status = CheckLengths({}, {}, records[i]); !status.ok()) return status;
  }
  const std::uint64_t filled_before = log_.filled_bytes();
  lists_.Begin();
  std::uint64_t pairs = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!AddNew(records[i], &pairs)) return OutOfMemory();
  }
  const Site site = Locate(outer, inner);
  if (!Commit(site, outer, inner)) return OutOfMemory();
  if (site.found) ReleaseCounted(site.stored);
  counts_.records += records.size();
  counts_.pairs += pairs;
  AfterWrite(filled_before);
  return absl::OkStatus();
}

absl::Status PackedMap::Append(std::string_view outer, std::string_view inner, RecordView record) {
  AssertNoGuard();
  if (absl::Status status = CheckLengths(outer, inner, record); !status.ok()) return status;
  const Site site = Locate(outer, inner);
  const std::size_t end = site.found ? ReadList(site.stored.list).count : 0;
  return Splice(site, outer, inner, end, 0, record);
}

absl::Status PackedMap::UpdateRecord(std::string_view outer, std::string_view inner,
                                     std::size_t index, RecordView record) {
  AssertNoGuard();
  Site site;
  if (absl::Status s = LocateRecord(outer, inner, index, 0, &site); !s.ok()) return s;
  if (absl::Status s = CheckLengths({}, {}, record); !s.ok()) return s;
  return Splice(site, outer, inner, index, 1, record);
}

absl::Status PackedMap::InsertRecord(std::string_view outer, std::string_view inner,
                                     std::size_t index, RecordView record) {
  AssertNoGuard();
  Site site;
  if (absl::Status s = LocateRecord(outer, inner, index, 1, &site); !s.ok()) return s;
  if (absl::Status s = CheckLengths({}, {}, record); !s.ok()) return s;
  return Splice(site, outer, inner, index, 0, record);
}

absl::Status PackedMap::RemoveRecord(std::string_view outer, std::string_view inner,
                                     std::size_t index) {
  AssertNoGuard();
  Site site;
  if (absl::Status s = LocateRecord(outer, inner, index, 0, &site); !s.ok()) return s;
  return Splice(site, outer, inner, index, 1, std::nullopt);
}

absl::Status PackedMap::LocateRecord(std::string_view outer, std::string_view inner,
                                     std::size_t index, std::size_t extra, Site* site) const {
  *site = Locate(outer, inner);
  if (!site->found) return NoSuchEntry();
  const std::size_t count = ReadList(site->stored.list).count;
  return index < count + extra ? absl::OkStatus() : NoSuchRecord(index, count);
}

absl::Status PackedMap::Splice(const Site& site, std::string_view outer, std::string_view inner,
                               std::size_t index, std::size_t removed,
                               std::optional<RecordView> inserted) {
  const std::uint64_t filled_before = log_.filled_bytes();
  const StoredList old = site.found ? ReadList(site.stored.list) : StoredList{};
  std::uint64_t pairs = 0;
  lists_.Begin();
  if (!CopyRecords(old, 0, index) || (inserted.has_value() && !AddNew(*inserted, &pairs)) ||
      !CopyRecords(old, index + removed, old.count) || !Commit(site, outer, inner)) {
    return OutOfMemory();
  }
  const std::uint8_t* at = old.Start(index, shapes_);
  for (std::size_t i = 0; i < removed; ++i) {
    counts_.pairs -= ReadRecord(at, shapes_).pairs;
    at = ReleaseRecord(at, &strings_, &shapes_);
  }
  counts_.pairs += pairs;
  counts_.records += (inserted.has_value() ? 1 : 0) - removed;
  AfterWrite(filled_before);
  return absl::OkStatus();
}

absl::Status PackedMap::PutOuter(std::string_view outer) {
  AssertNoGuard();
  if (absl::Status status = CheckLengths(outer, {}, {}); !status.ok()) return status;
  const std::uint64_t hash = strings_.Hash(outer);
  if (FindOuterAt(outer, hash) != kNowhere) return absl::OkStatus();
  const std::uint64_t filled_before = log_.filled_bytes();
  lists_.Begin();
  if (!outers_.TryGrow(hash, OuterHash())) return OutOfMemory();
  const Location made = WriteOuter(SegmentStore::Head::kWrite, outer, 0, nullptr, 0);
  if (made == kNowhere) return OutOfMemory();
  SetOuter(hash, kNowhere, made);
  AfterWrite(filled_before);
  return absl::OkStatus();
}

bool PackedMap::Delete(std::string_view outer, std::string_view inner) {
  AssertNoGuard();
  const Site site = Locate(outer, inner);
  if (!site.found) return false;
  const std::uint64_t filled_before = log_.filled_bytes();
  if (site.entry != kNowhere) {
    tables_[ReadOuter(site.outer).number]->index.Erase(site.inner_hash, site.entry, InnerHash());
    log_.Kill(site.entry);
  } else {
    const OuterBlob old = ReadOuter(site.outer);
    body_.Clear();
    const std::size_t before = static_cast<std::size_t>(site.stored.begin - old.entries);
    const std::size_t after = static_cast<std::size_t>(old.end - site.stored.end);
    Location made = kNowhere;
    if (body_.TryReserve(before + after)) {
      std::memcpy(body_.data(), old.entries, before);
      std::memcpy(body_.data() + before, site.stored.end, after);
      made = WriteOuter(SegmentStore::Head::kWrite, old.key, (old.number - 1) << 1, body_.data(),
                        before + after);
    }
    if (made == kNowhere) return false;
    SetOuter(site.outer_hash, site.outer, made);
  }
  strings_.Release(site.stored.inner);
  ReleaseCounted(site.stored);
  --counts_.entries;
  AfterWrite(filled_before);
  return true;
}

bool PackedMap::DeleteOuter(std::string_view outer) {
  AssertNoGuard();
  const std::uint64_t hash = strings_.Hash(outer);
  const Location location = FindOuterAt(outer, hash);
  if (location == kNowhere) return false;
  const std::uint64_t filled_before = log_.filled_bytes();
  const OuterBlob blob = ReadOuter(location);
  const auto give_up = [&](const StoredEntry& entry) {
    strings_.Release(entry.inner);
    ReleaseCounted(entry);
    --counts_.entries;
  };
  if (!blob.has_table) {
    ForEachInlineEntry(blob, give_up);
  } else {
    tables_[blob.number]->index.ForEach([&](std::uint64_t payload) {
      give_up(ReadEntryBlob(log_.At(payload)));
      log_.Kill(payload);
    });
    FreeTable(blob.number);
  }
  outers_.Erase(hash, location, OuterHash());
  log_.Kill(location);
  --counts_.outers;
  AfterWrite(filled_before);
  return true;
}

// Putting a list in its place.

Location PackedMap::WriteOuter(SegmentStore::Head head, std::string_view key, std::uint64_t number,
                               const std::uint8_t* body, std::size_t body_bytes) {
  Location location = kNowhere;
  const std::size_t bytes = VarintSize(key.size()) + key.size() + VarintSize(number) + body_bytes;
  std::uint8_t* to = log_.Append(head, BlobKind::kOuter, bytes, &location);
  if (to == nullptr) return kNowhere;
  to = WriteVarint(key.size(), to);
  if (!key.empty()) std::memcpy(to, key.data(), key.size());
  to = WriteVarint(number, to + key.size());
  if (body_bytes > 0) std::memcpy(to, body, body_bytes);
  return location;
}

void PackedMap::SetOuter(std::uint64_t hash, Location from, Location to) {
  if (from == kNowhere) {
    outers_.Insert(hash, to);
    ++counts_.outers;
  } else {
    outers_.Replace(hash, from, to);
    log_.Kill(from);
  }
}

bool PackedMap::Commit(const Site& site, std::string_view outer, std::string_view inner) {
  if (!lists_.fits()) return false;
  // An entry that is replaced keeps its inner token, reference and all.
  const std::uint8_t* inner_token = site.stored.inner_begin;
  std::size_t inner_bytes = 0;
  token_.Clear();
  if (site.found) {
    inner_bytes = static_cast<std::size_t>(SkipToken(inner_token) - inner_token);
  } else {
    if (!strings_.Write(inner, StringPolicy::kInners, &token_)) return false;
    inner_token = token_.data();
    inner_bytes = token_.size();
  }

  Site where = site;
  bool done = false;
  const OuterBlob old = site.outer == kNowhere ? OuterBlob{} : ReadOuter(site.outer);
  if (old.has_table) {
    done = CommitToTable(site, old.number, inner_token, inner_bytes);
  } else {
    const bool alone = old.number == (site.found ? 1 : 0);
    const std::size_t old_bytes = static_cast<std::size_t>(old.end - old.entries);
    const bool too_large = old_bytes + lists_.size_bytes() > kMaxInlineBytes ||
                           old.number + (site.found ? 0 : 1) > kMaxInlineEntries;
    if (alone || !too_large) {
      done = CommitInline(site, outer, inner_token, inner_bytes);
    } else if (MoveToTable(&where, inner)) {
      done = CommitToTable(where, ReadOuter(where.outer).number, inner_token, inner_bytes);
    }
  }
  if (!done && !site.found) ReleaseToken(token_.data());
  if (done && !site.found) ++counts_.entries;
  return done;
}

bool PackedMap::CommitInline(const Site& site, std::string_view outer,
                             const std::uint8_t* inner_token, std::size_t inner_bytes) {
  if (site.outer == kNowhere && !outers_.TryGrow(site.outer_hash, OuterHash())) return false;
  const OuterBlob old = site.outer == kNowhere ? OuterBlob{} : ReadOuter(site.outer);
  const std::size_t list_bytes = lists_.size_bytes();
  const std::size_t entry_bytes = inner_bytes + VarintSize(list_bytes) + list_bytes;
  // The new entry stands where the old one stood, or last.
  const std::uint8_t* const cut = site.found ? site.stored.begin : old.end;
  const std::uint8_t* const rest = site.found ? site.stored.end : old.end;
  const std::size_t before = static_cast<std::size_t>(cut - old.entries);
  const std::size_t after = static_cast<std::size_t>(old.end - rest);
  body_.Clear();
  if (!body_.TryReserve(before + entry_bytes + after)) return false;
  std::uint8_t* to = body_.data();
  if (before > 0) std::memcpy(to, old.entries, before);
  to += before;
  std::memcpy(to, inner_token, inner_bytes);
  to = lists_.CopyTo(WriteVarint(list_bytes, to + inner_bytes));
  if (after > 0) std::memcpy(to, rest, after);
  const Location made =
      WriteOuter(SegmentStore::Head::kWrite, outer, (old.number + (site.found ? 0 : 1)) << 1,
                 body_.data(), before + entry_bytes + after);
  if (made == kNowhere) return false;
  SetOuter(site.outer_hash, site.outer, made);
  return true;
}

bool PackedMap::CommitToTable(const Site& site, std::uint64_t table,
                              const std::uint8_t* inner_token, std::size_t inner_bytes) {
  Index& index = tables_[table]->index;
  if (!site.found && !index.TryGrow(site.inner_hash, InnerHash())) return false;
  Location made = kNowhere;
  std::uint8_t* to = log_.Append(SegmentStore::Head::kWrite, BlobKind::kEntry,
                                 VarintSize(table) + inner_bytes + lists_.size_bytes(), &made);
  if (to == nullptr) return false;
  to = WriteVarint(table, to);
  std::memcpy(to, inner_token, inner_bytes);
  lists_.CopyTo(to + inner_bytes);
  if (site.found) {
    index.Replace(site.inner_hash, site.entry, made);
    log_.Kill(site.entry);
  } else {
    index.Insert(site.inner_hash, made);
  }
  return true;
}

// Gives the outer a table, its entries moved over as they are, and makes `site` say where `inner`
// is now. What it wrote is dead again where it fails.
bool PackedMap::MoveToTable(Site* site, std::string_view inner) {
  const OuterBlob old = ReadOuter(site->outer);
  const std::optional<std::uint64_t> number = MakeTable();
  if (!number.has_value()) return false;
  Index& index = tables_[*number]->index;
  bool ok = true;
  ForEachInlineEntry(old, [&](const StoredEntry& entry) {
    const std::uint64_t hash = HashOfInner(entry.inner);
    ok = ok && index.TryGrow(hash, InnerHash());
    if (!ok) return;
    const std::size_t inner_bytes =
        static_cast<std::size_t>(SkipToken(entry.inner_begin) - entry.inner_begin);
    const std::size_t list_bytes = static_cast<std::size_t>(entry.end - entry.list);
    Location made = kNowhere;
    std::uint8_t* to = log_.Append(SegmentStore::Head::kWrite, BlobKind::kEntry,
                                   VarintSize(*number) + inner_bytes + list_bytes, &made);
    ok = to != nullptr;
    if (!ok) return;
    to = WriteVarint(*number, to);
    std::memcpy(to, entry.inner_begin, inner_bytes);
    std::memcpy(to + inner_bytes, entry.list, list_bytes);
    index.Insert(hash, made);
  });
  const Location made =
      ok ? WriteOuter(SegmentStore::Head::kWrite, old.key, *number << 1 | 1, nullptr, 0) : kNowhere;
  if (made == kNowhere) {
    index.ForEach([&](std::uint64_t payload) { log_.Kill(payload); });
    FreeTable(*number);
    return false;
  }
  SetOuter(site->outer_hash, site->outer, made);
  site->outer = made;
  site->inner_hash = strings_.Hash(inner);
  site->entry = index.Find(site->inner_hash, [&](std::uint64_t candidate) {
    return strings_.Equals(ReadEntryBlob(log_.At(candidate)).inner, inner);
  });
  return true;
}

std::optional<std::uint64_t> PackedMap::MakeTable() {
  // Room to take every number back, so that freeing a table cannot fail.
  if (!tables_.TryReserve(tables_.size() + 1) || !free_tables_.TryReserve(tables_.size() + 1)) {
    return std::nullopt;
  }
  void* const place = door_.TryAllocate(kInnerIndex, sizeof(Table));
  if (place == nullptr) return std::nullopt;
  std::uint64_t number = tables_.size();
  if (!free_tables_.empty()) {
    number = free_tables_.back();
    free_tables_.PopBack();
  } else {
    tables_.SetSize(number + 1);
  }
  tables_[number] = new (place) Table(&door_);
  return number;
}

void PackedMap::FreeTable(std::uint64_t number) {
  if (tables_[number] == nullptr) return;
  std::destroy_at(tables_[number]);
  door_.Free(kInnerIndex, tables_[number]);
  tables_[number] = nullptr;
  (void)free_tables_.TryPushBack(number);  // MakeTable made room
}

void PackedMap::Clear() {
  AssertNoGuard();
  for (std::uint64_t number = 0; number < tables_.size(); ++number) FreeTable(number);
  tables_.Free();
  free_tables_.Free();
  outers_.Clear();
  shapes_.Clear();
  strings_.Clear();
  lists_.Free();
  body_.Free();
  token_.Free();
  cleaning_ = SegmentStore::kNoSegment;
  log_.Clear();
  counts_ = {};
  ++version_;
}

void PackedMap::AssertNoGuard() const {
  assert(open_guards_.load() == 0 && "a write while a ReadGuard is open");
}

}  // namespace strata::packed
