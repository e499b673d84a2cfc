// The `packed` layout: an entry is a blob in a log.
//
//     root_     the table of outers: hash of the outer key ──> kOuter blob: the key, and a few
//     entries
//               as they are or the number of a table
//     tables_   number ──> hash of the inner key ──> kEntry blob
//
//     kOuter  │ varint length │ key │ varint entries << 1   │ entry │ entry │ …
//             │ varint length │ key │ varint table << 1 | 1 │
//       entry │ inner token │ varint list bytes << 1 | deleted │ list (list_code.h) │
//     kEntry  │ varint table │ inner token │ list │
//
// An outer begins as one blob and gets a table when it has more than kMaxInlineEntries entries, or
// more than kMaxInlineBytes of several or kMaxAloneBytes of one. Every write makes new blobs and
// puts their locations where the old ones stood; the old ones are dead then, and the cleaner
// (packed_clean.cc) moves what is left of segments that are mostly dead. What readers beside the
// writer may still be looking at is retired first (eras.h).
//
// References: a blob's tokens and shapes hold theirs from when it is written until its content is
// given up. What moves from one blob to the next as it is takes its references along.
//
// What fails: a write, for want of memory; the map is as it was. Delete, DeleteOuter and Clear
// cannot fail.
//
// Threads: writes, Validate and MeasureFootprint take turns on a mutex; reads take a pin and run
// beside them.
#ifndef STRATA_CACHE_PACKED_PACKED_MAP_H_
#define STRATA_CACHE_PACKED_PACKED_MAP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include <strata/cache.h>
#include <strata/footprint.h>
#include <strata/memory_door.h>
#include <strata/record.h>

#include "cache/packed/eras.h"
#include "cache/packed/list_code.h"
#include "cache/packed/published.h"
#include "cache/packed/retired_blocks.h"
#include "cache/packed/segment_store.h"
#include "cache/packed/shapes.h"
#include "cache/packed/shard_table.h"
#include "cache/packed/slab_blocks.h"
#include "cache/packed/stable_array.h"
#include "cache/packed/string_coder.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

class PackedMap {
 public:
  static constexpr std::size_t kMaxInlineEntries = 16;
  static constexpr std::size_t kMaxInlineBytes = 2048;
  static constexpr std::size_t kMaxAloneBytes = 8192;
  /// A list of fewer bytes is copied to be appended to.
  static constexpr std::size_t kMinGrowingBytes = 512;

  struct Settings {
    std::uint64_t seed = 0;  ///< of the hash; random in production
    std::uint64_t memory_limit_bytes = MemoryDoor::kNoLimit;
    bool clean_on_write = true;
    std::uint64_t audit_every_writes = 0;
  };
  explicit PackedMap(const Settings& settings);
  PackedMap(const PackedMap&) = delete;
  PackedMap& operator=(const PackedMap&) = delete;
  ~PackedMap();

  /// Whether addresses could be reserved; nothing else may be called where not.
  bool ok() const {
    return log_.ok() && eras_.ok() && strings_.ok() && shapes_.ok() && tables_.ok();
  }

  // Writes; each is what strata::Cache documents.
  absl::Status Put(std::string_view outer, std::string_view inner, const RecordsView& records);
  absl::Status Append(std::string_view outer, std::string_view inner, RecordView record) {
    const std::size_t ends[] = {record.size()};
    return AppendRecords(outer, inner, RecordsView(record, ends));
  }
  absl::Status AppendRecords(std::string_view outer, std::string_view inner,
                             const RecordsView& records, double times = 0);
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

  // Reads. Each is whole in itself: what it finds was there in one moment.

  const Eras& eras() const { return eras_; }
  const Shapes& shapes() const { return shapes_; }
  const StringCoder& strings() const { return strings_; }
  /// An entry's list (ReadList) and how many records it had, good until the pin ends; null where
  /// there is no such entry. What a list that grows gets later the pin need not keep.
  struct FoundList {
    const std::uint8_t* list = nullptr;
    std::size_t count = 0;
    const std::uint8_t* end = nullptr;  ///< of the entry the list lies in; null: not known
  };
  FoundList Find(std::string_view outer, std::string_view inner, ReadPin& pin) const;
  bool HasOuter(std::string_view outer, ReadPin& pin) const;
  /// The text of a token in a blob that the pin keeps; of a number, in `scratch`.
  std::string_view Text(const TokenHead& token, char* scratch, ReadPin& pin) const {
    if ((token.head & 3) == 1) return TokenOf(token).inline_text();
    return ReadWhole(pin, [&] { return strings_.Text(TokenOf(token), scratch, pin); });
  }
  std::string_view Text(const std::uint8_t* token, char* scratch, ReadPin& pin) const {
    TokenHead read;
    ReadHead(token, &read);
    return Text(read, scratch, pin);
  }
  bool Equals(const TokenHead& token, const WantedText& wanted, ReadPin& pin) const {
    return ReadWhole(pin, [&] { return strings_.Equals(TokenOf(token), wanted, pin); });
  }

  /// So many lookups go side by side: more than the memory system keeps under way, few enough that
  /// what was fetched is still there when it is looked at.
  static constexpr std::size_t kTogether = 32;
  /// As much of a list is fetched for who will walk it.
  static constexpr std::size_t kFetchListBytes = 512;
  /// Find for each of at most kTogether entries, the waits for memory side by side.
  void FindTogether(std::span<const EntryAddress> entries, std::span<FoundList> found,
                    ReadPin& pin) const;

  // Fetching memory ahead of reads that follow, in steps whose waits overlap. Nothing is answered,
  // and what a step guesses wrong costs time only.

  /// What reading this record of a list that was found, below its count, will look at. Answers how
  /// to get there.
  RecordPlace FetchRecord(const FoundList& found, std::size_t index) const;
  /// Of a token, the dictionary's entry, and once that is there, the text.
  void PrefetchToken(const TokenHead& token) const { strings_.PrefetchEntry(TokenOf(token)); }
  void PrefetchText(const TokenHead& token, ReadPin& pin) const {
    BeginRead(pin);
    strings_.PrefetchText(TokenOf(token), pin);
  }
  /// Of the first strings of a list, the dictionary's entries.
  void PrefetchList(const std::uint8_t* list) const;

  // Enumeration goes in the order of hashes, which is the order of the indexes' shards: a place in
  // it is a hash, and survives every write.
  struct OuterItem {
    std::uint64_t hash;
    Location location;
    std::size_t entries;
  };
  struct EntryItem {
    std::uint64_t hash;
    const std::uint8_t* inner;  ///< its token
    FoundList found;
  };
  /// The outers at or after `from` as far as one shard goes, in order, perhaps none; the hash to go
  /// on at, 0 at the end. `pin.upper` is then the era they were taken down in.
  std::uint64_t NextOuters(std::uint64_t from, std::vector<OuterItem>* items, ReadPin& pin) const;
  /// Where an outer was found, and when.
  struct OuterPlace {
    Location location = kNowhere;
    Era era = 0;
    std::uint64_t version = 0;
  };
  /// The entries of an outer likewise; all of a small one at once. Where something was written
  /// since its place was found it is looked up anew, and may be gone: no items.
  std::uint64_t NextEntries(std::string_view outer, const OuterPlace& place, std::uint64_t from,
                            std::vector<EntryItem>* items, ReadPin& pin) const;
  /// Looks an outer up again under its key; false where it is gone.
  bool RefreshOuter(OuterItem* item, ReadPin& pin) const;
  /// The key of an outer whose blob the pin keeps.
  std::string_view OuterKey(Location outer) const { return ReadOuter(outer).key; }
  /// Changes with every write: what an enumeration took down before is then out of date.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  Counts counts() const { return running_.Load().counts; }
  RunningFootprint Running() const { return running_.Load(); }
  absl::StatusOr<std::vector<OuterFootprint>> LargestOuters(std::size_t most) const;
  const MemoryDoor& door() const { return door_; }
  CacheStats Stats() const;
  double OldestGuardSeconds() const { return eras_.CountReaders().oldest_seconds; }
  Footprint MeasureFootprint() const;
  /// Checks every invariant by walking; Internal names the one that fails.
  absl::Status Validate() const;

  /// For tests of what happens without memory.
  MemoryDoor& door_for_tests() { return door_; }

 private:
  friend struct Tamper;  // tests/cache/packed_validate_test.cc
  using Index = ShardTable<WideSlots, kIndex>;
  // Readers look at the index alone.
  struct Table {
    Index index;
    Era born;
    Era retired;
    std::uint32_t next;  // of the retired, or of the free
    enum class Use : std::uint8_t { kFree, kInUse, kRetired } use;
  };
  static constexpr std::uint32_t kNoTable = 0xFFFFFFFF;
  static constexpr std::size_t kMostTables = std::size_t{1} << 26;

  // As reports show it: 0 for none.
  std::uint64_t MemoryLimit() const {
    return settings_.memory_limit_bytes == MemoryDoor::kNoLimit ? 0 : settings_.memory_limit_bytes;
  }

  struct InlineEntries {
    const std::uint8_t* begin = nullptr;
    std::uint64_t count = 0;
  };
  // An outer's blob, read.
  struct OuterBlob {
    std::string_view key;
    bool has_table = false;
    std::uint64_t number = 0;  // of entries, or of the table
    const std::uint8_t* entries = nullptr;
    const std::uint8_t* end = nullptr;
    InlineEntries inlined() const { return {entries, number}; }
  };
  // An entry inside a kOuter blob, or a kEntry blob, read.
  struct StoredEntry {
    const std::uint8_t* begin = nullptr;
    Token inner{};
    const std::uint8_t* inner_begin = nullptr;
    const std::uint8_t* head = nullptr;  // inline: where its list's length is
    const std::uint8_t* list = nullptr;
    const std::uint8_t* end = nullptr;
    bool deleted = false;  // inline: for want of memory still there
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

  struct Way;
  static constexpr std::size_t kFetchOuterBytes = 256;
  static constexpr std::size_t kFetchHeadBytes = 40;
  static constexpr std::size_t kFetchRecordBytes = 256;

  OuterBlob ReadOuter(Location location) const;
  const std::uint8_t* ReadInlineEntry(const std::uint8_t* at, StoredEntry* entry) const;
  StoredEntry ReadEntryBlob(const Blob& blob) const;
  static std::uint64_t TableOf(const Blob& entry) {
    std::uint64_t table = 0;
    ReadVarint(entry.payload, &table);
    return table;
  }
  // Visits what is inline, the deleted ones too; returns where they end.
  template <class Visit>
  const std::uint8_t* ForEachStored(const OuterBlob& outer, Visit visit) const;
  template <class Visit>
  void ForEachInlineEntry(const OuterBlob& outer, Visit visit) const {
    ForEachStored(outer, [&](const StoredEntry& entry) {
      if (!entry.deleted) visit(entry);
    });
  }
  // The table of outers; null where it was never made.
  const Index* root() const;
  Location FindOuterAt(std::string_view outer, std::uint64_t hash, ReadPin& pin) const;
  /// The entry of that key in an outer that has no table; false where there is none.
  bool FindInline(const InlineEntries& entries, const WantedText& inner, StoredEntry* found,
                  ReadPin& pin) const;
  void GuessEntries(std::span<const EntryAddress> entries, std::span<Way> ways, ReadPin& pin) const;
  void SettleGuesses(std::span<const EntryAddress> entries, std::span<Way> ways,
                     ReadPin& pin) const;
  Site Locate(std::string_view outer, std::string_view inner, ReadPin& pin) const;
  std::size_t EntryCount(const OuterBlob& outer) const;
  std::uint64_t HashOfInner(const Token& inner, ReadPin& pin) const;
  // The hash of what a slot of the table of outers, or of an outer's table, leads to.
  struct HashOfOuterAt {
    static constexpr int kFetchSteps = 1;
    const PackedMap* map;
    void Fetch(std::uint64_t location, int step) const;
    std::uint64_t operator()(std::uint64_t location) const;
  };
  struct HashOfEntryAt {
    static constexpr int kFetchSteps = 3;
    const PackedMap* map;
    void Fetch(std::uint64_t location, int step) const;
    std::uint64_t operator()(std::uint64_t location) const;
  };
  HashOfOuterAt OuterHash() const { return {this}; }
  HashOfEntryAt InnerHash() const { return {this}; }

  // Writing; all under the lock.
  /// Runs a write: again after cleaning where the limit stopped it, and what every write pays for
  /// afterwards.
  template <class Operation>
  absl::Status Write(Operation operation);
  /// What an operation returns that found no memory, nothing changed.
  absl::Status GiveUp();
  bool GuardsKeepTooMuch(std::uint64_t retained_bytes, std::uint64_t refused) const;
  /// What a write returns for that: why, and what to do. `refused`: the bytes that were asked for
  /// and not to be had; 0: it was not for want of memory.
  absl::Status OutOfMemory(std::uint64_t refused) const;
  absl::Status LocateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            std::size_t extra, Site* site);
  absl::Status TryPut(std::string_view outer, std::string_view inner, const RecordsView& records);
  absl::Status TryAppend(std::string_view outer, std::string_view inner, const RecordsView& records,
                         double times);
  absl::Status TryPutOuter(std::string_view outer);
  /// Puts `inserted`, if any, in the place of `removed` records from `index` on.
  absl::Status Splice(const Site& site, std::string_view outer, std::string_view inner,
                      std::size_t index, std::size_t removed, std::optional<RecordView> inserted);
  /// Adds a record that is handed in to the list that is being written, and its pairs to `*pairs`.
  bool AddNew(RecordView record, std::uint64_t* pairs);
  bool CopyRecords(const StoredList& list, std::size_t from, std::size_t to);

  /// An area for a list of `bytes` that grows and was `before`, with AppendRecords' `times`.
  static std::size_t AreaFor(std::size_t bytes, std::size_t before, double times);
  // Puts the list in lists_ in the site's place, where it takes a table in an area of `area_bytes`
  // to grow in, or as it is (0); false for want of memory, nothing changed.
  bool Commit(const Site& site, std::string_view outer, std::string_view inner,
              std::size_t area_bytes);
  bool CommitToTable(const Site& site, std::uint64_t table, const std::uint8_t* inner_token,
                     std::size_t inner_bytes, std::size_t area_bytes);
  bool CommitInline(const Site& site, std::string_view outer, const std::uint8_t* inner_token,
                    std::size_t inner_bytes);
  bool CommitToNewTable(const Site& site, std::string_view outer, std::string_view inner,
                        const std::uint8_t* inner_token, std::size_t inner_bytes,
                        std::size_t area_bytes);
  bool CommitNewOuter(const Site& site, std::string_view outer, std::string_view inner,
                      const std::uint8_t* inner_token, std::size_t inner_bytes,
                      std::size_t area_bytes);
  bool MoveToTable(Site* site, std::string_view inner);
  /// Whether so many entries, of so many bytes, may be in the blob of an outer of such a key.
  static bool MayBeInline(std::size_t key_bytes, std::uint64_t entries, std::size_t bytes);
  /// Whether the outer has a table whose entries would do without.
  bool FitsInline(const OuterBlob& outer) const;
  /// Gives such an outer its entries back, as they are. False for want of memory, nothing changed.
  bool MoveInline(Location location);
  /// Whether the outer's table has a number at or beyond tables_limit_ and can have one below it.
  bool WantsLowerTable(const OuterBlob& outer) const;
  /// Whether there is memory to write its entries anew beside what guards keep of the old ones.
  bool MayMove(const OuterBlob& outer) const;
  /// Gives the outer the table of the first free number, its entries as they are. False for want of
  /// memory, nothing changed.
  bool MoveToLowerTable(Location location);
  /// Writes the growing list at `site` anew, with room for `bytes` and more, AppendRecords'
  /// `times`; both then say where it is. False for want of memory, or where it would have 4 GiB or
  /// more; nothing changed.
  bool MoveToLargerArea(Site* site, StoredList* list, std::size_t bytes, double times);
  /// Takes pages for what lists_ is about to fill of the room of the list at `site`. False for want
  /// of memory; nothing changed.
  bool TakeRoom(const Site& site, const StoredList& list);
  /// A new kEntry blob, whose list of so many bytes goes to `*list`, but for its `room`; kNowhere:
  /// no memory.
  Location WriteEntry(SegmentStore::Head head, std::uint64_t table, const std::uint8_t* inner_token,
                      std::size_t inner_bytes, std::size_t list_bytes, std::uint8_t** list,
                      SegmentStore::Room room = {});
  /// A copy of an entry's blob for this table, as it is, but for a list that grows with an area of
  /// so many bytes; kNowhere: no memory.
  Location CopyEntry(SegmentStore::Head head, const Blob& blob, std::uint64_t table,
                     std::size_t area_bytes);
  void DropTable(std::uint32_t number);
  bool CopyToTable(const OuterBlob& from, std::uint32_t table);
  bool CopyToTable(const Index& from, std::uint32_t table);
  template <class Entries>
  Location WriteOuterWithTable(SegmentStore::Head head, std::string_view key,
                               const Entries& entries);
  /// A new kOuter blob; `number` is what its third field holds. kNowhere: no memory.
  Location WriteOuter(SegmentStore::Head head, std::string_view key, std::uint64_t number,
                      const std::uint8_t* body, std::size_t body_bytes);
  void SetOuter(std::uint64_t hash, Location from, Location to);
  bool GrowRoot(std::uint64_t hash);
  std::optional<std::uint32_t> MakeTable();
  void RetireTable(std::uint32_t number);
  void FreeTable(std::uint32_t number);
  void TakeTablesBack();
  void DeleteInline(const Site& site);
  void KillEntry(Location location);
  void KillOuter(Location location);
  /// The bytes of an outer's inline entries that were deleted and are still there: they are dead.
  std::size_t MarkedBytes(Location outer) const;
  void GiveUpOuter(Location location);
  void ReleaseList(const std::uint8_t* list);
  void ReleaseCounted(const StoredEntry& entry);
  void CountList(const StoredList& list, bool add);
  void WipeUnread();
  void TrimScratch();
  std::uint64_t RetiredBytes() const {
    return retired_.bytes() + log_.retired_bytes() + retired_table_bytes_;
  }

  /// With the unused strings and shapes that guards keep. Looks at every segment and shape.
  std::uint64_t RetainedBytes() const;

  // The cleaner.
  void AfterWrite(std::uint64_t filled_before);
  /// Makes the running figures those of now; at the end of whatever changes one.
  void Publish();
  void Audit() const;  // not where the walk finds no memory
  bool MaintainSome(std::size_t budget_bytes);
  bool MakeRoom();
  /// Memory, and addresses of room that has none: what a write may be short of.
  std::uint64_t ClaimedBytes() const { return door_.allocated_bytes() + log_.untaken_bytes(); }
  void FreeUnpinned();
  void ReclaimSome(bool all);
  bool CleanBlob(Location location, const Blob& blob, bool idle);
  bool MoveBlob(Location location, const Blob& blob);
  void FetchSlot(const Blob& blob) const;
  bool CleanEntry(Location location, const Blob& blob);
  bool CleanOuter(Location location);
  bool RewriteList(const std::uint8_t* list);
  bool RewriteInlineEntry(const StoredEntry& entry);
  void ReleaseToken(const std::uint8_t* token);
  bool MayRetain() const;
  bool NextVictim(double dead_share, bool idle);
  /// Makes it the segment that is cleaned next; false where it is none.
  bool BeginCleaning(SegmentStore::Segment segment);
  bool RewritingPays();
  void CountRewritten(bool changed);
  enum class Cleaned : std::uint8_t { kAll, kSpent, kNoMemory };
  /// Cleans until nothing is worth it, the budget is spent or memory is short.
  Cleaned CleanSome(std::size_t budget_bytes, double dead_share, bool idle);
  bool BeginGathering();
  enum class Shrinking : std::uint8_t { kNot, kDropsFirst, kRewrites, kDropsLast };
  bool ShrinkNumbers(bool idle);
  void BeginShrinkingStep(Shrinking step);
  enum class Tidied : std::uint8_t { kAll, kSpent, kNoMemory, kWaits };
  /// Whether so much waits for guards to end that no more is to be copied.
  bool TooMuchIsKept() const;
  bool WantsLowerTables() const;
  std::size_t PresentTables() const { return tables_.size() - tables_.absent(); }
  /// Puts outers' tables that have become small back into the outers, and gives others a lower
  /// number.
  Tidied TidyOuters(std::size_t* budget_bytes);
  bool TidyOuter(Location location, std::size_t* looked_at);
  /// Gives back what erased slots take, and packs what is left.
  Tidied TidyTables(std::size_t* budget_bytes);
  bool TidyTable(std::uint32_t number, std::size_t* budget_bytes);
  void BeginTidying(bool packs);
  void BeginTidyingTables();
  void EndTidying();
  /// Puts the free tables into the order of their numbers.
  void SortFreeTables();
  /// Gives back what free tables take: behind the last other one, and where most are free for good,
  /// the whole pages of them before it.
  void ShrinkTables();
  void DropLastTables();
  /// Has the allocator give back what lies idle between small blocks, when that may be much.
  void TrimHeap();
  /// Outers and tables, once enough was erased; whether there is more of it to do.
  bool TidyIndexes(std::size_t budget_bytes);

  // By outer.
  struct OuterCensus;
  void CountUnusedShapes(OuterCensus* census) const;
  void CountOuterList(const StoredEntry& entry, OuterCensus* census) const;
  OuterFootprint MeasureOuter(Location location, OuterCensus* census) const;

  // Validation.
  struct Census;
  absl::Status CheckToken(const Token& token, Census* census) const;
  absl::Status CheckList(const StoredEntry& entry, Census* census) const;
  absl::Status CheckOuter(Location location, Census* census) const;
  absl::Status CheckTable(std::uint64_t number, Census* census) const;
  absl::Status CheckReferences(Census* census) const;
  absl::Status CheckSegments(Census* census) const;
  absl::Status CheckOuters(Census* census) const;
  absl::Status CheckIdleTables(Census* census) const;
  Footprint Measure() const;
  std::vector<AddressRange> TakenPages() const;
  void AddIndexes(Layer* outer_index, Layer* inner_index, Layer* blobs) const;
  std::size_t AddRetiredTables(Layer* retained) const;

  Settings settings_;
  std::uint64_t write_limit_bytes_;  // the limit less what is the cleaner's
  mutable std::mutex mutex_;
  MemoryDoor door_;
  Eras eras_;
  IndexBlocks index_blocks_;
  RetiredBlocks retired_;
  TableMemory<kIndex> table_memory_;
  SegmentStore log_;
  StringCoder strings_;
  Shapes shapes_;
  StableArray<Table, kIndex> tables_;
  std::atomic<std::uint32_t> root_{kNoTable};
  std::uint32_t retired_tables_ = kNoTable;
  std::uint32_t free_tables_ = kNoTable;
  std::uint32_t high_tables_ = kNoTable;  // free too, but taken last: to be given back
  std::size_t free_table_count_ = 0;      // with the high ones
  std::uint64_t retired_table_bytes_ = 0;
  ListWriter lists_;
  ByteArray body_;   // of an outer's blob that is being made
  ByteArray token_;  // of a new inner key
  Counts counts_;
  Published<RunningFootprint> running_;  // for anyone to read
  std::atomic<std::uint64_t> version_{0};
  std::uint64_t writes_ = 0;
  std::uint64_t marked_bytes_ = 0;  // MarkedBytes of all outers
  std::uint64_t cleaned_bytes_ = 0;
  std::uint64_t most_heap_bytes_ = 0;  // that the allocator's blocks took since TrimHeap trimmed
  bool heap_has_holes_ = false;        // since indexes were packed
  std::uint64_t erased_ = 0;           // slots of tables, since they were last tidied
  // How far tidying has come: among the outers, or the table; and the hash to go on at.
  enum class Tidying : std::uint8_t { kNot, kOuters, kTables } tidying_ = Tidying::kNot;
  Era tidying_since_ = 0;            // when tables were begun with
  std::uint64_t tidied_erased_ = 0;  // erased_ when it began
  bool tidying_packs_ = false;
  std::uint32_t tables_limit_ = 0;  // below it tables are to have their numbers; 0: anywhere
  bool lowered_all_ = false;        // no table was left where it was for what guards keep
  std::size_t lower_again_at_ = 0;  // not again before so many are free
  std::size_t release_again_at_ = 0;
  std::uint32_t tidy_table_ = 0;
  std::uint64_t tidy_from_ = 0;
  // How far the dictionary's table is on its way to a shorter one, since when, and at which
  // segment.
  Shrinking shrinking_ = Shrinking::kNot;
  Era shrinking_since_ = 0;
  SegmentStore::Segment shrinking_from_ = 0;
  bool shrinking_by_writes_ = false;
  std::uint64_t kept_bytes_ = 0;  // retired bytes that guards kept the last time anyone looked
  // The segment that is being cleaned.
  SegmentStore::Segment cleaning_ = SegmentStore::kNoSegment;
  std::size_t cleaning_offset_ = 0;
  bool cleaning_fresh_ = false;  // whether what lives in it may never have been rewritten
  // Of the entries that writes rewrote lately, those that did not come out as they were.
  std::uint32_t rewritten_ = 0;
  std::uint32_t changed_ = 0;
  std::uint32_t moved_as_they_are_ = 0;  // blobs, since one was last rewritten
  std::uint64_t search_at_bytes_ = 0;    // dead bytes at which to look for a victim again
  std::size_t searched_ = 0;             // segments looked at in vain since one was found
};

template <class Visit>
const std::uint8_t* PackedMap::ForEachStored(const OuterBlob& outer, Visit visit) const {
  const std::uint8_t* at = outer.entries;
  for (std::uint64_t i = 0; i < outer.number; ++i) {
    StoredEntry entry;
    at = ReadInlineEntry(at, &entry);
    visit(entry);
  }
  return at;
}

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_PACKED_MAP_H_
