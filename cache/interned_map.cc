#include "cache/interned_map.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <memory>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

#include "cache/write_checks.h"

namespace strata {
namespace {

// abseil's tables keep their size when they empty; one that is nearly empty is made anew.
template <class Table>
void ShrinkIfSparse(Table* table) {
  if (table->capacity() > 64 && table->size() < table->capacity() / 8) table->rehash(0);
}

}  // namespace

InternedMap::InternedMap()
    : strings_(&door_),
      outers_block_{.door = &door_},
      outers_(TableAllocator<std::pair<const Id, Outer*>, kOuterTable>(&outers_block_)) {}

InternedMap::~InternedMap() { Clear(); }

absl::Status InternedMap::Check(std::string_view outer, std::string_view inner,
                                RecordView pairs) const {
  if (absl::Status status = CheckLengths(outer, inner, pairs); !status.ok()) return status;
  if (!strings_.CanTake(2 * pairs.size() + 2)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the cache holds ", strings_.size(),
                     " distinct strings and takes at most 2^32 - 1: split it in two"));
  }
  return absl::OkStatus();
}

InternedMap::Record InternedMap::MakeRecord(RecordView pairs) noexcept {
  Record record{DoorAllocator<IdPair, kPairArray>(&door_)};
  const RecordView unique = UniqueKeys(pairs, &scratch_);
  record.reserve(unique.size());
  for (const Pair& pair : unique) {
    const Id key = strings_.Acquire(pair.key);
    record.push_back({key, strings_.Acquire(pair.value)});
  }
  scratch_ = {};
  ++counts_.records;
  counts_.pairs += record.size();
  return record;
}

void InternedMap::ReleaseRecord(const Record& record) {
  for (const IdPair& pair : record) {
    strings_.Release(pair.key);
    strings_.Release(pair.value);
  }
  --counts_.records;
  counts_.pairs -= record.size();
}

void InternedMap::ReleaseList(const List& list) {
  for (const Record& record : list) ReleaseRecord(record);
}

const InternedMap::Outer* InternedMap::FindOuter(Id outer) const {
  const auto it = outers_.find(outer);
  return it == outers_.end() ? nullptr : it->second;
}

InternedMap::Outer* InternedMap::FindOuter(Id outer) {
  return const_cast<Outer*>(std::as_const(*this).FindOuter(outer));
}

const InternedMap::Outer* InternedMap::FindOuter(std::string_view outer) const {
  const Id id = strings_.Find(outer);
  return id == Interner::kNone ? nullptr : FindOuter(id);
}

const InternedMap::List* InternedMap::FindList(const Outer& outer, Id inner) {
  const auto it = outer.entries.find(inner);
  return it == outer.entries.end() ? nullptr : &it->second;
}

const InternedMap::List* InternedMap::FindList(std::string_view outer,
                                               std::string_view inner) const {
  const Outer* const found = FindOuter(outer);
  if (found == nullptr) return nullptr;
  const Id id = strings_.Find(inner);
  return id == Interner::kNone ? nullptr : FindList(*found, id);
}

std::size_t InternedMap::FindPair(const Record& record, std::string_view key) const {
  const Id id = strings_.Find(key);
  const auto it = std::find_if(record.begin(), record.end(),
                               [id](const IdPair& pair) { return pair.key == id; });
  return static_cast<std::size_t>(it - record.begin());
}

InternedMap::Outer& InternedMap::GetOrMakeOuter(std::string_view outer) {
  const Id found = strings_.Find(outer);
  if (found != Interner::kNone) {
    if (Outer* const existing = FindOuter(found)) return *existing;
  }
  void* const place = door_.Allocate(kOuterObject, sizeof(Outer));
  Outer* const made = new (place) Outer(&door_);
  outers_.emplace(strings_.Acquire(outer), made);
  ++counts_.outers;
  return *made;
}

InternedMap::List& InternedMap::GetOrMakeList(std::string_view outer, std::string_view inner) {
  Outer& parent = GetOrMakeOuter(outer);
  const Id found = strings_.Find(inner);
  if (found != Interner::kNone) {
    const auto it = parent.entries.find(found);
    if (it != parent.entries.end()) return it->second;
  }
  ++counts_.entries;
  return parent.entries
      .emplace(strings_.Acquire(inner), List(DoorAllocator<Record, kListArray>(&door_)))
      .first->second;
}

absl::Status InternedMap::Put(std::string_view outer, std::string_view inner,
                              const RecordsView& records) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (absl::Status status = Check(outer, inner, records[i]); !status.ok()) return status;
  }
  if (absl::Status status = Check(outer, inner, {}); !status.ok()) return status;
  if (!strings_.CanTake(2 * records.pair_count() + 2)) {
    return absl::ResourceExhaustedError("the list has more strings than the cache still takes");
  }
  List list{DoorAllocator<Record, kListArray>(&door_)};
  list.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) list.push_back(MakeRecord(records[i]));
  list.swap(GetOrMakeList(outer, inner));
  ReleaseList(list);
  return absl::OkStatus();
}

absl::Status InternedMap::Append(std::string_view outer, std::string_view inner,
                                 RecordView record) {
  if (absl::Status status = Check(outer, inner, record); !status.ok()) return status;
  Record made = MakeRecord(record);
  GetOrMakeList(outer, inner).push_back(std::move(made));
  return absl::OkStatus();
}

absl::Status InternedMap::FindRecord(std::string_view outer, std::string_view inner,
                                     std::size_t index, std::size_t extra, List** list) {
  *list = const_cast<List*>(FindList(outer, inner));
  if (*list == nullptr) {
    return NoSuchEntry();
  }
  if (index >= (*list)->size() + extra) {
    return NoSuchRecord(index, (*list)->size());
  }
  return absl::OkStatus();
}

absl::Status InternedMap::UpdateRecord(std::string_view outer, std::string_view inner,
                                       std::size_t index, RecordView record) {
  List* list = nullptr;
  if (absl::Status status = FindRecord(outer, inner, index, 0, &list); !status.ok()) return status;
  if (absl::Status status = Check({}, {}, record); !status.ok()) return status;
  Record made = MakeRecord(record);
  made.swap((*list)[index]);
  ReleaseRecord(made);
  return absl::OkStatus();
}

absl::Status InternedMap::InsertRecord(std::string_view outer, std::string_view inner,
                                       std::size_t index, RecordView record) {
  List* list = nullptr;
  if (absl::Status status = FindRecord(outer, inner, index, 1, &list); !status.ok()) return status;
  if (absl::Status status = Check({}, {}, record); !status.ok()) return status;
  list->insert(list->begin() + static_cast<std::ptrdiff_t>(index), MakeRecord(record));
  return absl::OkStatus();
}

absl::Status InternedMap::RemoveRecord(std::string_view outer, std::string_view inner,
                                       std::size_t index) {
  List* list = nullptr;
  if (absl::Status status = FindRecord(outer, inner, index, 0, &list); !status.ok()) return status;
  ReleaseRecord((*list)[index]);
  list->erase(list->begin() + static_cast<std::ptrdiff_t>(index));
  return absl::OkStatus();
}

absl::Status InternedMap::PutOuter(std::string_view outer) {
  if (absl::Status status = Check(outer, {}, {}); !status.ok()) return status;
  GetOrMakeOuter(outer);
  return absl::OkStatus();
}

bool InternedMap::Delete(std::string_view outer, std::string_view inner) {
  Outer* const parent = const_cast<Outer*>(FindOuter(outer));
  const Id id = strings_.Find(inner);
  if (parent == nullptr || id == Interner::kNone) return false;
  const auto it = parent->entries.find(id);
  if (it == parent->entries.end()) return false;
  ReleaseList(it->second);
  parent->entries.erase(it);
  strings_.Release(id);
  --counts_.entries;
  ShrinkIfSparse(&parent->entries);
  return true;
}

void InternedMap::DestroyOuter(Outer* outer) {
  for (const auto& [inner, list] : outer->entries) {
    ReleaseList(list);
    strings_.Release(inner);
  }
  counts_.entries -= outer->entries.size();
  --counts_.outers;
  std::destroy_at(outer);
  door_.Free(kOuterObject, outer);
}

bool InternedMap::DeleteOuter(std::string_view outer) {
  const Id id = strings_.Find(outer);
  Outer* const found = id == Interner::kNone ? nullptr : FindOuter(id);
  if (found == nullptr) return false;
  DestroyOuter(found);
  outers_.erase(id);
  strings_.Release(id);
  ShrinkIfSparse(&outers_);
  return true;
}

void InternedMap::Clear() {
  for (const auto& [id, outer] : outers_) {
    std::destroy_at(outer);
    door_.Free(kOuterObject, outer);
  }
  outers_.clear();
  outers_.rehash(0);
  strings_.Clear();
  counts_ = {};
}

absl::Status InternedMap::Reserve(std::size_t outers, std::size_t strings,
                                  std::size_t string_bytes) {
  // A hint must not end the process as an allocation of the tables' would: it is tried out first.
  constexpr std::size_t kMostBytes = std::size_t{1} << 47;  // the address space
  constexpr std::size_t kBytesAnOuter = 2 * (sizeof(std::pair<const Id, Outer*>) + 1);
  constexpr std::size_t kBytesAString = 16 + 2 * (sizeof(Id) + 1);
  void* tried_out = nullptr;
  if (outers <= Interner::kMaxStrings && strings <= Interner::kMaxStrings &&
      string_bytes <= kMostBytes) {
    tried_out = door_.TryAllocate(kStringBytes,
                                  outers * kBytesAnOuter + strings * kBytesAString + string_bytes);
  }
  if (tried_out == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory to reserve ", outers, " outers, ", strings, " strings and ",
                     string_bytes, " string bytes: expect less or raise the memory limit"));
  }
  door_.Free(kStringBytes, tried_out);
  outers_.reserve(outers);
  strings_.Reserve(strings, string_bytes);
  return absl::OkStatus();
}

Footprint InternedMap::MeasureFootprint() const {
  Footprint footprint{.layout = "interned",
                      .counts = counts(),
                      .allocated_bytes = door_.allocated_bytes(),
                      .heap_blocks = door_.totals().heap_blocks};
  const auto layer = [](InternedLayer id) { return Layer{.name = kInternedLayerNames[id]}; };
  Layer outer_table = layer(kOuterTable);
  Layer outer_objects = layer(kOuterObject);
  Layer inner_tables = layer(kInnerTable);
  Layer lists = layer(kListArray);
  Layer pairs = layer(kPairArray);

  AddTable(outers_, outers_block_, &outer_table);
  for (const auto& [id, outer] : outers_) {
    ++outer_objects.count;
    outer_objects.AddBlock(outer, sizeof(Outer));
    AddTable(outer->entries, outer->block, &inner_tables);
    for (const auto& [inner, list] : outer->entries) {
      lists.count += list.size();
      if (list.capacity() > 0) lists.AddBlock(list.data(), list.size() * sizeof(Record));
      for (const Record& record : list) {
        pairs.count += record.size();
        if (record.capacity() > 0) pairs.AddBlock(record.data(), record.size() * sizeof(IdPair));
      }
    }
  }
  footprint.layers = {std::move(outer_table), std::move(outer_objects), std::move(inner_tables),
                      std::move(lists), std::move(pairs)};
  strings_.AddTo(&footprint);
  return footprint;
}

}  // namespace strata
