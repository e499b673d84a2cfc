// Putting a list that was written in its place: into the outer's blob, or into its table.
#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "cache/packed/packed_map.h"

namespace strata::packed {
namespace {

// A growing list's offsets and its count of bytes have 32 bits.
constexpr std::size_t kMostAreaBytes = 0xFFFFFFFF;
// An outer of more entries keeps its table's number, and one of more bytes than a segment: they
// would all be written at once.
constexpr std::size_t kMostRenumbered = 4096;

}  // namespace

// A list that grows gets room for a quarter more: what is copied is at most five times what is
// appended, and little room stands idle until the cleaner takes it back. Where it is known how long
// it will be, by its bytes so far, it gets a sixty-fourth more than that, which the cleaner leaves.
// A list longer than a segment has no pages in the midst of its room (SegmentStore::Append),
// however much that is.
std::size_t PackedMap::AreaFor(std::size_t bytes, std::size_t before, double times) {
  const double whole = std::min(static_cast<double>(before) * times, 1.0 * kMostAreaBytes);
  const std::size_t area =
      whole <= 0 ? bytes + bytes / 4 : std::max(bytes, static_cast<std::size_t>(whole)) / 64 * 65;
  return std::min(area + 64, kMostAreaBytes);
}

bool PackedMap::Commit(const Site& site, std::string_view outer, std::string_view inner,
                       std::size_t area_bytes) {
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

  bool done = false;
  const OuterBlob old = site.outer == kNowhere ? OuterBlob{} : ReadOuter(site.outer);
  if (old.has_table) {
    done = CommitToTable(site, old.number, inner_token, inner_bytes, area_bytes);
  } else {
    const std::uint64_t entries = old.number + (site.found ? 0 : 1);
    const std::size_t others = entries == 1 ? 0 : static_cast<std::size_t>(old.end - old.entries);
    const bool fits = MayBeInline(outer.size(), entries, others + lists_.size_bytes());
    done = fits ? CommitInline(site, outer, inner_token, inner_bytes)
                : CommitToNewTable(site, outer, inner, inner_token, inner_bytes, area_bytes);
  }
  if (!done && !site.found) ReleaseToken(token_.data());
  if (done && !site.found) ++counts_.entries;
  return done;
}

bool PackedMap::CommitInline(const Site& site, std::string_view outer,
                             const std::uint8_t* inner_token, std::size_t inner_bytes) {
  if (site.outer == kNowhere && !GrowRoot(site.outer_hash)) return false;
  const OuterBlob old = site.outer == kNowhere ? OuterBlob{} : ReadOuter(site.outer);
  const std::size_t list_bytes = lists_.size_bytes();
  const std::uint64_t list_head = std::uint64_t{list_bytes} << 1;
  const std::size_t entry_bytes = inner_bytes + VarintSize(list_head) + list_bytes;
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
  to = lists_.CopyTo(WriteVarint(list_head, to + inner_bytes));
  if (after > 0) std::memcpy(to, rest, after);
  const Location made =
      WriteOuter(SegmentStore::Head::kWrite, outer, (old.number + (site.found ? 0 : 1)) << 1,
                 body_.data(), before + entry_bytes + after);
  if (made == kNowhere) return false;
  SetOuter(site.outer_hash, site.outer, made);
  return true;
}

bool PackedMap::CommitToTable(const Site& site, std::uint64_t table,
                              const std::uint8_t* inner_token, std::size_t inner_bytes,
                              std::size_t area_bytes) {
  Index& index = tables_[table].index;
  if (!site.found && !index.TryGrow(table_memory_, site.inner_hash, InnerHash())) return false;
  const bool growing = lists_.size_bytes() >= kMinGrowingBytes && lists_.area_bytes() <= area_bytes;
  const std::size_t list_bytes = growing ? GrowingSizeBytes(area_bytes) : lists_.size_bytes();
  std::uint8_t* list = nullptr;
  const SegmentStore::Room room =
      growing ? GrowingRoom(area_bytes, lists_.record_bytes(), lists_.area_bytes())
              : SegmentStore::Room{};
  const Location made = WriteEntry(SegmentStore::Head::kWrite, table, inner_token, inner_bytes,
                                   list_bytes, &list, room);
  if (made == kNowhere) return false;
  if (growing) {
    lists_.CopyGrowingTo(list, area_bytes);
    log_.AddRoom(made, area_bytes - lists_.area_bytes());
  } else {
    lists_.CopyTo(list);
  }
  if (site.found) {
    index.Replace(site.inner_hash, site.entry, made);
    KillEntry(site.entry);
  } else {
    index.Insert(site.inner_hash, made);
  }
  return true;
}

Location PackedMap::WriteEntry(SegmentStore::Head head, std::uint64_t table,
                               const std::uint8_t* inner_token, std::size_t inner_bytes,
                               std::size_t list_bytes, std::uint8_t** list,
                               SegmentStore::Room room) {
  Location made = kNowhere;
  const std::size_t before = VarintSize(table) + inner_bytes;
  room.from += before;
  std::uint8_t* to = log_.Append(head, BlobKind::kEntry, before + list_bytes, &made, room);
  if (to == nullptr) return kNowhere;
  to = WriteVarint(table, to);
  std::memcpy(to, inner_token, inner_bytes);
  *list = to + inner_bytes;
  return made;
}

Location PackedMap::CopyEntry(SegmentStore::Head head, const Blob& blob, std::uint64_t table,
                              std::size_t area_bytes) {
  const StoredEntry entry = ReadEntryBlob(blob);
  const StoredList list = ReadList(entry.list);
  const bool grows = list.word != nullptr;
  const std::size_t inner_bytes = static_cast<std::size_t>(entry.list - entry.inner_begin);
  const std::size_t list_bytes =
      grows ? GrowingSizeBytes(area_bytes) : static_cast<std::size_t>(entry.end - entry.list);
  const std::size_t used = list.area_bytes - list.room_bytes();
  const SegmentStore::Room room =
      grows ? GrowingRoom(area_bytes, list.record_bytes, used) : SegmentStore::Room{};
  std::uint8_t* to = nullptr;
  const Location made =
      WriteEntry(head, table, entry.inner_begin, inner_bytes, list_bytes, &to, room);
  if (made == kNowhere) return kNowhere;
  if (grows) {
    CopyGrowing(list, to, area_bytes);
    log_.AddRoom(made, area_bytes - used);
  } else {
    std::memcpy(to, entry.list, list_bytes);
  }
  return made;
}

bool PackedMap::MoveToLargerArea(Site* site, StoredList* list, std::size_t bytes, double times) {
  const std::size_t before = list->area_bytes - list->room_bytes();
  if (before + bytes > kMostAreaBytes) return false;
  // A hint that has turned out to be too low is not to have the list copied at each part.
  const double more = times + times / 16;
  const std::uint64_t table = ReadOuter(site->outer).number;
  const Location made = CopyEntry(SegmentStore::Head::kWrite, log_.At(site->entry), table,
                                  AreaFor(before + bytes, before, more));
  if (made == kNowhere) return false;
  tables_[table].index.Replace(site->inner_hash, site->entry, made);
  KillEntry(site->entry);
  site->entry = made;
  *list = ReadList(ReadEntryBlob(log_.At(made)).list);
  return true;
}

bool PackedMap::TakeRoom(const Site& site, const StoredList& list) {
  const std::uint8_t* const begin = log_.Address(site.entry);
  const std::uint8_t* const end = begin + log_.At(site.entry).total_bytes;
  const std::uint8_t* const records = list.records + list.record_bytes + lists_.record_bytes();
  const std::uint8_t* const marks = list.directory - list.marks.Bytes(list.count + lists_.count());
  return log_.TakeRoom(site.entry, static_cast<std::size_t>(records - begin),
                       static_cast<std::size_t>(end - marks));
}

// As CommitToTable, for an outer that has no table yet, or that is not there yet.
bool PackedMap::CommitToNewTable(const Site& site, std::string_view outer, std::string_view inner,
                                 const std::uint8_t* inner_token, std::size_t inner_bytes,
                                 std::size_t area_bytes) {
  if (site.outer == kNowhere) {
    return CommitNewOuter(site, outer, inner, inner_token, inner_bytes, area_bytes);
  }
  Site where = site;
  return MoveToTable(&where, inner) &&
         CommitToTable(where, ReadOuter(where.outer).number, inner_token, inner_bytes, area_bytes);
}

// The outer comes last, with its entry: nobody sees it empty.
bool PackedMap::CommitNewOuter(const Site& site, std::string_view outer, std::string_view inner,
                               const std::uint8_t* inner_token, std::size_t inner_bytes,
                               std::size_t area_bytes) {
  if (!GrowRoot(site.outer_hash)) return false;
  const std::optional<std::uint32_t> number = MakeTable();
  if (!number.has_value()) return false;
  Site where = site;
  where.inner_hash = strings_.Hash(inner);
  const std::uint64_t field = std::uint64_t{*number} << 1 | 1;
  const Location made = CommitToTable(where, *number, inner_token, inner_bytes, area_bytes)
                            ? WriteOuter(SegmentStore::Head::kWrite, outer, field, nullptr, 0)
                            : kNowhere;
  if (made == kNowhere) {
    DropTable(*number);
    return false;
  }
  SetOuter(site.outer_hash, kNowhere, made);
  return true;
}

// Gives up a table that nobody has seen.
void PackedMap::DropTable(std::uint32_t number) {
  tables_[number].index.ForEach([&](std::uint64_t payload) { KillEntry(payload); });
  FreeTable(number);
}

// An outer's blob that names a new table with a copy of these entries, which are an outer's own or
// another table's. What it wrote is dead again where it fails.
template <class Entries>
Location PackedMap::WriteOuterWithTable(SegmentStore::Head head, std::string_view key,
                                        const Entries& entries) {
  const std::optional<std::uint32_t> number = MakeTable();
  if (!number.has_value()) return kNowhere;
  const std::uint64_t field = std::uint64_t{*number} << 1 | 1;
  const Location made =
      CopyToTable(entries, *number) ? WriteOuter(head, key, field, nullptr, 0) : kNowhere;
  if (made == kNowhere) DropTable(*number);
  return made;
}

// Gives the outer a table, its entries moved over as they are, and makes `site` say where `inner`
// is now.
bool PackedMap::MoveToTable(Site* site, std::string_view inner) {
  const OuterBlob old = ReadOuter(site->outer);
  const Location made = WriteOuterWithTable(SegmentStore::Head::kWrite, old.key, old);
  if (made == kNowhere) return false;
  SetOuter(site->outer_hash, site->outer, made);
  site->outer = made;
  ReadPin pin = WriterPin();
  site->inner_hash = strings_.Hash(inner);
  const WantedText wanted(inner);
  const Index& index = tables_[ReadOuter(made).number].index;
  site->entry = index.Find(site->inner_hash, pin, [&](std::uint64_t candidate) {
    return strings_.Equals(ReadEntryBlob(log_.At(candidate)).inner, wanted, pin);
  });
  return true;
}

// A long key would be copied with every entry.
bool PackedMap::MayBeInline(std::size_t key_bytes, std::uint64_t entries, std::size_t bytes) {
  return key_bytes <= kMaxInlineBytes && entries <= kMaxInlineEntries &&
         bytes <= (entries == 1 ? kMaxAloneBytes : kMaxInlineBytes);
}

bool PackedMap::FitsInline(const OuterBlob& outer) const {
  if (!outer.has_table) return false;
  const Index& index = tables_[outer.number].index;
  if (!MayBeInline(outer.key.size(), index.size(), 0)) return false;
  std::size_t bytes = 0;
  bool fits = true;
  index.ForEach([&](std::uint64_t payload) {
    const StoredEntry entry = ReadEntryBlob(log_.At(payload));
    const std::size_t list_bytes = static_cast<std::size_t>(entry.end - entry.list);
    bytes += static_cast<std::size_t>(entry.list - entry.inner_begin) +
             VarintSize(std::uint64_t{list_bytes} << 1) + list_bytes;
    // One that grows has a place that its address decides.
    fits = fits && ReadList(entry.list).word == nullptr;
  });
  return fits && MayBeInline(outer.key.size(), index.size(), bytes);
}

bool PackedMap::MoveInline(Location location) {
  const OuterBlob old = ReadOuter(location);
  const Index& index = tables_[old.number].index;
  if (!body_.TryReserve(kMaxAloneBytes)) return false;
  std::uint8_t* to = body_.data();
  index.ForEach([&](std::uint64_t payload) {
    const StoredEntry entry = ReadEntryBlob(log_.At(payload));
    const std::size_t inner_bytes = static_cast<std::size_t>(entry.list - entry.inner_begin);
    const std::size_t list_bytes = static_cast<std::size_t>(entry.end - entry.list);
    std::memcpy(to, entry.inner_begin, inner_bytes);
    to = WriteVarint(std::uint64_t{list_bytes} << 1, to + inner_bytes);
    std::memcpy(to, entry.list, list_bytes);
    to += list_bytes;
  });
  const Location made = WriteOuter(SegmentStore::Head::kClean, old.key, index.size() << 1,
                                   body_.data(), static_cast<std::size_t>(to - body_.data()));
  if (made == kNowhere) return false;
  cleaned_bytes_ += log_.At(made).total_bytes;
  index.ForEach([&](std::uint64_t payload) { KillEntry(payload); });
  SetOuter(strings_.Hash(old.key), location, made);
  RetireTable(static_cast<std::uint32_t>(old.number));
  return true;
}

bool PackedMap::WantsLowerTable(const OuterBlob& outer) const {
  return outer.has_table && outer.number >= tables_limit_ && free_tables_ < tables_limit_ &&
         tables_[outer.number].index.size() <= kMostRenumbered;
}

bool PackedMap::MayMove(const OuterBlob& outer) const {
  std::size_t bytes = outer.key.size();
  tables_[outer.number].index.ForEach(
      [&](std::uint64_t payload) { bytes += log_.HeldBytes(payload); });
  // Beside the entries, segments that are begun for them and the table.
  const std::uint64_t wanted = bytes + 2 * SegmentStore::kSegmentBytes;
  return bytes <= SegmentStore::kSegmentBytes &&
         door_.allocated_bytes() + wanted <= write_limit_bytes_ && !TooMuchIsKept();
}

bool PackedMap::MoveToLowerTable(Location location) {
  const OuterBlob old = ReadOuter(location);
  const Index& index = tables_[old.number].index;
  const Location made = WriteOuterWithTable(SegmentStore::Head::kClean, old.key, index);
  if (made == kNowhere) return false;
  index.ForEach([&](std::uint64_t payload) { KillEntry(payload); });
  SetOuter(strings_.Hash(old.key), location, made);
  RetireTable(static_cast<std::uint32_t>(old.number));
  return true;
}

// Copies the entries of one table into another.
bool PackedMap::CopyToTable(const Index& from, std::uint32_t table) {
  Index& index = tables_[table].index;
  bool ok = true;
  from.ForEach([&](std::uint64_t payload) {
    const Blob blob = log_.At(payload);
    const std::uint64_t hash = InnerHash()(payload);
    ok = ok && index.TryGrow(table_memory_, hash, InnerHash());
    if (!ok) return;
    const std::size_t area_bytes = ReadList(ReadEntryBlob(blob).list).area_bytes;
    const Location made = CopyEntry(SegmentStore::Head::kClean, blob, table, area_bytes);
    ok = made != kNowhere;
    if (!ok) return;
    index.Insert(hash, made);
    cleaned_bytes_ += log_.HeldBytes(made);
  });
  return ok;
}

// Copies the entries of an outer's blob into a table.
bool PackedMap::CopyToTable(const OuterBlob& from, std::uint32_t table) {
  Index& index = tables_[table].index;
  ReadPin pin = WriterPin();
  bool ok = true;
  ForEachInlineEntry(from, [&](const StoredEntry& entry) {
    const std::uint64_t hash = HashOfInner(entry.inner, pin);
    ok = ok && index.TryGrow(table_memory_, hash, InnerHash());
    if (!ok) return;
    const std::size_t inner_bytes = static_cast<std::size_t>(entry.head - entry.inner_begin);
    const std::size_t list_bytes = static_cast<std::size_t>(entry.end - entry.list);
    std::uint8_t* list = nullptr;
    const Location made = WriteEntry(SegmentStore::Head::kWrite, table, entry.inner_begin,
                                     inner_bytes, list_bytes, &list);
    ok = made != kNowhere;
    if (!ok) return;
    std::memcpy(list, entry.list, list_bytes);
    index.Insert(hash, made);
  });
  return ok;
}

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
  Index& outers = tables_[root_.load(std::memory_order_relaxed)].index;
  if (from == kNowhere) {
    outers.Insert(hash, to);
    ++counts_.outers;
  } else {
    outers.Replace(hash, from, to);
    // Those that were copied.
    const std::size_t marked = MarkedBytes(to);
    log_.AddDeadIn(to, marked);
    marked_bytes_ += marked;
    KillOuter(from);
  }
}

// Tables.

// Makes room for one more in the table of outers; false where there is no memory.
bool PackedMap::GrowRoot(std::uint64_t hash) {
  std::uint32_t root = root_.load(std::memory_order_relaxed);
  if (root == kNoTable) {
    const std::optional<std::uint32_t> made = MakeTable();
    if (!made.has_value()) return false;
    root = *made;
    root_.store(root, std::memory_order_release);
  }
  return tables_[root].index.TryGrow(table_memory_, hash, OuterHash());
}

std::optional<std::uint32_t> PackedMap::MakeTable() {
  if (free_table_count_ == 0) TakeTablesBack();
  std::uint32_t& free = free_tables_ != kNoTable ? free_tables_ : high_tables_;
  std::uint32_t number = free;
  if (number != kNoTable) {
    free = tables_[number].next;
    --free_table_count_;
  } else {
    if (tables_.size() == kMostTables || !tables_.TryGrow()) return std::nullopt;
    number = static_cast<std::uint32_t>(tables_.Add());
  }
  tables_[number].use = Table::Use::kInUse;
  tables_[number].born = eras_.now();
  tables_[number].next = kNoTable;
  return number;
}

// So that some are free, where any are absent.
void PackedMap::TakeTablesBack() {
  const auto back = tables_.TryTakeBack();
  for (std::size_t number = back.end; number > back.first; --number) {
    FreeTable(static_cast<std::uint32_t>(number - 1));
  }
}

// Takes a table out of use that is out of readers' reach.
void PackedMap::RetireTable(std::uint32_t number) {
  Table& table = tables_[number];
  table.use = Table::Use::kRetired;
  table.retired = eras_.now();
  retired_table_bytes_ += table.index.size_bytes(table_memory_);
  table.next = std::exchange(retired_tables_, number);
}

// Frees a table that no reader can be looking at.
void PackedMap::FreeTable(std::uint32_t number) {
  Table& table = tables_[number];
  table.use = Table::Use::kFree;
  table.index.Clear(table_memory_);
  const bool is_high = tables_limit_ != 0 && number >= tables_limit_;
  table.next = std::exchange(is_high ? high_tables_ : free_tables_, number);
  ++free_table_count_;
}

}  // namespace strata::packed
