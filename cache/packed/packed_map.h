// The `packed` layout: an entry is a blob in a log.
//
//     outers_   hash of the outer key ──> kOuter blob: the key, and a few entries as they are
//                                         or the number of a table
//     tables_   number ──> hash of the inner key ──> kEntry blob
//
//     kOuter  │ varint length │ key │ varint entries << 1   │ entry │ entry │ …
//             │ varint length │ key │ varint table << 1 | 1 │
//       entry │ inner token │ varint list bytes │ list (list_code.h) │
//     kEntry  │ varint table │ inner token │ list │
//
// An outer begins as one blob and gets a table when it has more than kMaxInlineEntries entries, or
// more than one and kMaxInlineBytes of them. Every write makes new blobs and puts their locations
// where the old ones stood; the old ones are dead then, and the cleaner (packed_clean.cc) moves
// what is left of segments that are mostly dead.
//
// References: a blob's tokens and shapes hold theirs from when it is written until its content is
// given up. What moves from one blob to the next as it is takes its references along.
//
// What fails: a write, for want of memory; the map is as it was.
//
// Threads: any number of readers, or one writer.
#ifndef STRATA_CACHE_PACKED_PACKED_MAP_H_
#define STRATA_CACHE_PACKED_PACKED_MAP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include <strata/footprint.h>
#include <strata/memory_door.h>
#include <strata/record.h>

#include "cache/packed/list_code.h"
#include "cache/packed/segment_store.h"
#include "cache/packed/shapes.h"
#include "cache/packed/shard_table.h"
#include "cache/packed/string_coder.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

class PackedMap {
 public:
  static constexpr std::size_t kMaxInlineEntries = 16;
  static constexpr std::size_t kMaxInlineBytes = 2048;

  /// `seed` chooses the hash; random in production, fixed where a test wants the same bytes again.
  explicit PackedMap(std::uint64_t seed);
  PackedMap(const PackedMap&) = delete;
  PackedMap& operator=(const PackedMap&) = delete;
  ~PackedMap();

  /// Whether addresses could be reserved; nothing else may be called where not.
  bool ok() const { return log_.ok(); }

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
  /// Cleans up to about `budget_bytes` of segments; false when there is nothing left to gain.
  bool Maintain(std::size_t budget_bytes);

  // Reads.

  /// An entry's list (ReadList); null where there is no such entry.
  const std::uint8_t* Find(std::string_view outer, std::string_view inner) const;
  bool HasOuter(std::string_view outer) const;
  const Shapes& shapes() const { return shapes_; }
  const StringCoder& strings() const { return strings_; }

  // Enumeration goes in the order of hashes, which is the order of the indexes' shards: a place in
  // it is a hash, and survives every write.
  struct OuterItem {
    std::uint64_t hash;
    Location location;
  };
  struct EntryItem {
    std::uint64_t hash;
    const std::uint8_t* inner;  ///< its token
    const std::uint8_t* list;
  };
  /// The outers at or after `from` as far as one shard goes, in order, perhaps none; the hash to go
  /// on at, 0 at the end.
  std::uint64_t NextOuters(std::uint64_t from, std::vector<OuterItem>* items) const;
  /// The entries of an outer likewise; all of a small one at once.
  std::uint64_t NextEntries(Location outer, std::uint64_t from,
                            std::vector<EntryItem>* items) const;
  std::string_view OuterKey(Location outer) const;
  std::size_t EntryCount(Location outer) const;
  std::optional<Location> FindOuter(std::string_view outer) const;
  /// Changes with every write: what an enumeration took down before is then out of date.
  std::uint64_t version() const { return version_; }

  const Counts& counts() const { return counts_; }
  const MemoryDoor& door() const { return door_; }
  Footprint MeasureFootprint() const;
  /// Checks every invariant by walking; Internal names the one that fails.
  absl::Status Validate() const;

  std::atomic<int>& open_guards() const { return open_guards_; }

 private:
  using Index = ShardTable<WideSlots, kInnerIndex>;
  struct Table {
    explicit Table(MemoryDoor* door) : index(door) {}
    Index index;
  };

  // An outer's blob, read.
  struct OuterBlob {
    std::string_view key;
    bool has_table = false;
    std::uint64_t number = 0;  // of entries, or of the table
    const std::uint8_t* entries = nullptr;
    const std::uint8_t* end = nullptr;
  };
  // An entry inside a kOuter blob, or a kEntry blob, read.
  struct StoredEntry {
    const std::uint8_t* begin = nullptr;
    Token inner{};
    const std::uint8_t* inner_begin = nullptr;
    const std::uint8_t* list = nullptr;
    const std::uint8_t* end = nullptr;
  };
  // Where an entry is or would be.
  struct Site {
    std::uint64_t outer_hash = 0;
    Location outer = kNowhere;  // kNowhere: there is no such outer
    std::uint64_t inner_hash = 0;
    Location entry = kNowhere;  // of a kEntry blob
    bool found = false;
    StoredEntry stored{};  // where found
  };

  OuterBlob ReadOuter(Location location) const;
  StoredEntry ReadInlineEntry(const std::uint8_t* at) const;
  StoredEntry ReadEntryBlob(const Blob& blob) const;
  template <class Visit>
  void ForEachInlineEntry(const OuterBlob& outer, Visit visit) const;

  Location FindOuterAt(std::string_view outer, std::uint64_t hash) const;
  Site Locate(std::string_view outer, std::string_view inner) const;
  auto OuterHash() const;
  auto InnerHash() const;
  std::uint64_t HashOfInner(const Token& inner) const;

  absl::Status OutOfMemory();
  absl::Status LocateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            std::size_t extra, Site* site) const;
  /// Puts `inserted`, if any, in the place of `removed` records from `index` on.
  absl::Status Splice(const Site& site, std::string_view outer, std::string_view inner,
                      std::size_t index, std::size_t removed, std::optional<RecordView> inserted);
  /// Adds a record that is handed in to the list that is being written, and its pairs to `*pairs`.
  bool AddNew(RecordView record, std::uint64_t* pairs);
  bool CopyRecords(const StoredList& list, std::size_t from, std::size_t to);

  // Puts the list in lists_ in the site's place; false for want of memory, nothing changed.
  bool Commit(const Site& site, std::string_view outer, std::string_view inner);
  bool CommitToTable(const Site& site, std::uint64_t table, const std::uint8_t* inner_token,
                     std::size_t inner_bytes);
  bool CommitInline(const Site& site, std::string_view outer, const std::uint8_t* inner_token,
                    std::size_t inner_bytes);
  bool MoveToTable(Site* site, std::string_view inner);
  /// A new kOuter blob; `number` is what its third field holds. kNowhere: no memory.
  Location WriteOuter(SegmentStore::Head head, std::string_view key, std::uint64_t number,
                      const std::uint8_t* body, std::size_t body_bytes);
  void SetOuter(std::uint64_t hash, Location from, Location to);
  std::optional<std::uint64_t> MakeTable();
  void FreeTable(std::uint64_t number);

  void ReleaseList(const std::uint8_t* list);
  void ReleaseCounted(const StoredEntry& entry);
  void CountList(const StoredList& list, bool add);
  void AfterWrite(std::uint64_t filled_before);

  // The cleaner.
  bool CleanBlob(Location location, const Blob& blob);
  bool CleanEntry(Location location, const Blob& blob);
  bool CleanOuter(Location location);
  bool RewriteList(const std::uint8_t* list);
  bool RewriteInlineEntry(const StoredEntry& entry);
  void ReleaseToken(const std::uint8_t* token);
  bool CleanSome(std::size_t budget_bytes, double dead_share);

  // Validation.
  struct Census;
  absl::Status CheckToken(const Token& token, Census* census) const;
  absl::Status CheckList(const StoredEntry& entry, Census* census) const;
  absl::Status CheckOuter(Location location, Census* census) const;
  absl::Status CheckReferences(Census* census) const;

  void AssertNoGuard() const;

  mutable std::atomic<int> open_guards_{0};
  MemoryDoor door_;
  SegmentStore log_;
  StringCoder strings_;
  Shapes shapes_;
  ShardTable<WideSlots, kOuterIndex> outers_;
  TryArray<Table*, kInnerIndex> tables_;  // null: a free number
  TryArray<std::uint64_t, kInnerIndex> free_tables_;
  ListWriter lists_;
  ByteArray body_;   // of an outer's blob that is being made
  ByteArray token_;  // of a new inner key
  Counts counts_;
  std::uint64_t version_ = 0;
  SegmentStore::Segment cleaning_ = SegmentStore::kNoSegment;
  std::size_t cleaning_offset_ = 0;
};

template <class Visit>
void PackedMap::ForEachInlineEntry(const OuterBlob& outer, Visit visit) const {
  const std::uint8_t* at = outer.entries;
  for (std::uint64_t i = 0; i < outer.number; ++i) {
    const StoredEntry entry = ReadInlineEntry(at);
    visit(entry);
    at = entry.end;
  }
}

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_PACKED_MAP_H_
