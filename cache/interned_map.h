// The `interned` layout: the readable reference that the engine is compared with.
//
//     outers_   flat_hash_map   outer id -> Outer
//     Outer     flat_hash_map   inner id -> List
//     List      vector          of Record
//     Record    vector          of (key id, value id), 8 bytes a pair
//     strings_  Interner        id <-> bytes, each distinct string once
//
// Every id held anywhere above counts one reference in the interner: an outer's by its slot in
// outers_, an inner's by its slot in the Outer, a pair's two by the pair. New content takes its
// references before old content gives back its own, so what both share is never freed between.
//
// Threads: any number of readers, or one writer.
#ifndef STRATA_CACHE_INTERNED_MAP_H_
#define STRATA_CACHE_INTERNED_MAP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"

#include <strata/footprint.h>
#include <strata/memory_door.h>
#include <strata/record.h>

#include "cache/interner.h"
#include "cache/table_block.h"

namespace strata {

class InternedMap {
 public:
  using Id = Interner::Id;
  struct IdPair {
    Id key;
    Id value;
  };
  static_assert(sizeof(IdPair) == 8);
  using Record = std::vector<IdPair, DoorAllocator<IdPair, kPairArray>>;
  using List = std::vector<Record, DoorAllocator<Record, kListArray>>;
  static_assert(sizeof(Record) == 32 && sizeof(List) == 32);

  template <class Value, LayerId kLayer>
  using Table = absl::flat_hash_map<Id, Value, absl::Hash<Id>, std::equal_to<Id>,
                                    TableAllocator<std::pair<const Id, Value>, kLayer>>;
  struct Outer {
    explicit Outer(MemoryDoor* door)
        : block{.door = door},
          entries(TableAllocator<std::pair<const Id, List>, kInnerTable>(&block)) {}
    TableBlock block;  // outlives the table that uses it
    Table<List, kInnerTable> entries;
  };

  InternedMap();
  InternedMap(const InternedMap&) = delete;
  InternedMap& operator=(const InternedMap&) = delete;
  ~InternedMap();

  // Writes; each is what strata::Cache documents.
  absl::Status Put(std::string_view outer, std::string_view inner, const RecordsView& records);
  absl::Status Append(std::string_view outer, std::string_view inner, RecordView record);
  absl::Status UpdateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record);
  absl::Status InsertRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record);
  absl::Status RemoveRecord(std::string_view outer, std::string_view inner, std::size_t index);
  absl::Status PutOuter(std::string_view outer);
  bool Delete(std::string_view outer, std::string_view inner);
  bool DeleteOuter(std::string_view outer);
  void Clear();
  absl::Status Reserve(std::size_t outers, std::size_t strings, std::size_t string_bytes);

  // Reads. Null where there is none; pointers live until the next write.
  const Outer* FindOuter(std::string_view outer) const;
  const List* FindList(std::string_view outer, std::string_view inner) const;
  /// The position of the pair with that key; record.size() where there is none.
  std::size_t FindPair(const Record& record, std::string_view key) const;
  std::string_view Text(Id id) const { return strings_.Get(id); }
  /// Calls visit(key, outer) for each.
  template <class Visit>
  void ForEachOuter(Visit visit) const {
    for (const auto& [id, outer] : outers_) visit(Text(id), *outer);
  }

  const Counts& counts() const { return counts_; }
  const MemoryDoor& door() const { return door_; }
  Footprint MeasureFootprint() const;

 private:
  const Outer* FindOuter(Id outer) const;
  Outer* FindOuter(Id outer);
  static const List* FindList(const Outer& outer, Id inner);
  Outer& GetOrMakeOuter(std::string_view outer);
  List& GetOrMakeList(std::string_view outer, std::string_view inner);
  /// The entry's list; index must be below its size + extra.
  absl::Status FindRecord(std::string_view outer, std::string_view inner, std::size_t index,
                          std::size_t extra, List** list);
  /// Whether strings and lengths are within the limits; nothing has changed where they are not.
  absl::Status Check(std::string_view outer, std::string_view inner, RecordView pairs) const;

  /// As everywhere in this layout, no memory ends the process: nothing is left half done.
  Record MakeRecord(RecordView pairs) noexcept;
  void ReleaseRecord(const Record& record);
  void ReleaseList(const List& list);
  void DestroyOuter(Outer* outer);

  MemoryDoor door_;
  Interner strings_;
  TableBlock outers_block_;
  Table<Outer*, kOuterTable> outers_;
  std::vector<Pair> scratch_;  // for UniqueKeys; empty between writes
  Counts counts_;
};

}  // namespace strata

#endif  // STRATA_CACHE_INTERNED_MAP_H_
