// strata::Cache: outer key -> inner key -> ordered list of records -> pairs of byte strings.
//
//     outer "fieldA"
//       inner "xyz"            (outer, inner) names an entry
//         record 0             an entry holds an ordered list of records
//           "123" = "abc"      a record is a set of pairs; first-seen order is kept
//         record 1
//           "456" = "def"
//
// All strings are any bytes, of any length below 4 GiB. Outers without entries, entries without
// records and records without pairs are content and kept.
//
// Reading goes through a ReadGuard. A view of an entry or a record lives as long as its guard; the
// bytes of a key or value live until the cursor that gave them moves or its guard ends, whichever
// is first. Copy what must live longer.
//
// Threads: any number of threads read while one writes. A read takes no lock and never waits.
// Writes may come from any thread and take turns inside. Each read (Get, Find, a cursor's step)
// sees what it reads whole, as it was before or after a write; two reads under one guard may see
// two states. A guard, and everything got through it, belongs to the thread that made it.
//
// Failure: absence is not an error: a missing entry is a view that is false, a missing key a
// cursor that is not valid(), Delete says whether there was something. Errors are absl::Status and
// leave the cache as it was, also for want of memory (ResourceExhausted).
//
// What it is not: no time to live, no eviction (a cache mirrors its source); a guard is not a
// snapshot of several entries. fork() copies the memory: a child forked while another thread is
// writing finds the writers' lock taken for ever and must not use the cache; one forked while
// nobody writes or reads has a copy of its own.
#ifndef STRATA_CACHE_H_
#define STRATA_CACHE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/footprint.h>
#include <strata/memory_door.h>
#include <strata/record.h>

namespace strata {

namespace packed {
class PackedMap;
struct ReaderSlot;
struct StoredRecord;

/// A string as a blob holds it (cache/packed/token.h). Not for users.
struct TokenHead {
  std::uint64_t head;
  const std::uint8_t* bytes;
};

/// A pair of a record, and what follows it there (cache/packed/list_code.h). Not for users.
struct PairPlace {
  TokenHead key;
  TokenHead value;
  const std::uint8_t* keys;  // where the next key is, if the keys lie apart; else null
  const std::uint8_t* at;    // where the next token is
  std::size_t left;          // pairs from this one to the last
};

/// A guard's hold on the engine (cache/packed/eras.h). Not for users.
struct ReadPin {
  const std::atomic<std::uint64_t>* era = nullptr;
  ReaderSlot* slot = nullptr;  // null: one of a crowd
  std::uint64_t lower = 0;
  std::uint64_t upper = 0;
  std::uint32_t gets = 0;
  std::uint32_t hits = 0;
  std::uint8_t crowd = 0;
  bool moved = false;  // the era moved on during an operation
};
}  // namespace packed
class ReadGuard;

/// What a cache is made with.
struct Options {
  /// Tells two caches of one process apart, for whoever reports on them.
  std::string name = "cache";
  /// The most the cache may hold, in bytes; 0: no limit. It covers all that memory() counts:
  /// content, indexes, the writer's and the cleaner's scratch, what open guards keep back. A write
  /// that would pass it lets the cleaner look for room and then fails with ResourceExhausted. Half
  /// a megabyte of it (a quarter where that is less) is the cleaner's and not for content. What a
  /// write sorts to find keys that a record has twice, where it has more than 16 pairs, is not: 16
  /// bytes a pair of that record, 48 where it has one twice, until the write ends.
  ///
  /// It also says how many addresses the cache reserves, which cost no memory but are a process's:
  /// about seven times the limit and 1 GiB; without one about 1.02 TiB, less once half of the
  /// process's are reserved (from some 60 such caches on). A cache that finds none is refused by
  /// Create; one that fills its own fails its writes and says so.
  std::uint64_t memory_limit_bytes = 0;
  /// Whether writes pay for cleaning as they go. Without, what is replaced or deleted stays in
  /// memory until Maintain: for a bulk load that ends with Maintain.
  bool clean_on_write = true;
  /// For debugging: after every so many writes the whole structure is walked, and what the walk
  /// finds, the running figures and the door's sum must be equal; where they are not, the process
  /// ends with a message that names the figures. 0: never. Each audit costs a scan.
  std::uint64_t audit_every_writes = 0;
};

/// What a cache has done, and how it stands.
struct CacheStats {
  std::uint64_t gets = 0;           ///< Get and Find, of guards that have ended
  std::uint64_t hits = 0;           ///< of those, the ones whose entry was there
  std::uint64_t writes = 0;         ///< calls that wrote and did not fail
  std::uint64_t cleaned_bytes = 0;  ///< moved by the cleaner
  /// Live bytes over all bytes of the log's segments in use. What is written last lies in segments
  /// that writes do not clean: of a store of a few MB they are a large share, and only Maintain
  /// keeps such a one at 0.88.
  double utilisation = 1.0;
  std::uint64_t open_guards = 0;
  double oldest_guard_seconds = 0;  ///< since the oldest of them was opened, to about 0.01
  /// Out of use, and kept for guards or not yet looked at: the footprint's layer `retained`.
  std::uint64_t retained_bytes = 0;
};

/// How much is to come; a hint, each figure 0 where it is not known. Wrong hints cost time or
/// slack, never correctness.
struct Reservation {
  std::size_t outers = 0;
  std::size_t entries = 0;
  std::size_t distinct_strings = 0;
  std::size_t distinct_string_bytes = 0;
};

/// The cache. Movable: guards and cursors go on with the cache that was moved to; what refers to
/// the object itself (a Target, a Follower) does not. One that was moved from is only good for
/// being destroyed or assigned to. While one is moved or assigned to no thread may use it in any
/// way, and guards of a cache that is assigned over have ended.
class Cache {
 public:
  /// An empty cache. ResourceExhausted when there is no memory or there are no addresses for that.
  static absl::StatusOr<Cache> Create(Options options = {});
  Cache(Cache&&) noexcept;
  Cache& operator=(Cache&&) noexcept;
  ~Cache();

  // Writing. InvalidArgument: a string of 4 GiB or more. ResourceExhausted: no memory, or a list of
  // 4 GiB or more.

  /// Replaces the entry's list by `records`, making outer and entry where they are missing.
  absl::Status Put(std::string_view outer, std::string_view inner, const RecordsView& records);
  /// Adds `record` behind the entry's list, making outer and entry where they are missing.
  absl::Status Append(std::string_view outer, std::string_view inner, RecordView record);
  /// Adds `records` likewise, in one write: a reader sees none of them or all. `times` is a hint
  /// for who puts a long list in part by part: how many times as long as it is now the list will be
  /// in the end. Room is made for all of it where there is too little for this part, so that no
  /// later part copies what is there; of a long list in addresses, which take memory when they are
  /// filled. 0: not known.
  absl::Status AppendRecords(std::string_view outer, std::string_view inner,
                             const RecordsView& records, double times = 0);
  /// Replaces record `index` whole. NotFound: no such entry; OutOfRange: no such index.
  absl::Status UpdateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record);
  /// Inserts before record `index`; index == size appends. Errors as UpdateRecord.
  absl::Status InsertRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record);
  /// Removes record `index`; the entry stays when it was the last. Errors as UpdateRecord.
  absl::Status RemoveRecord(std::string_view outer, std::string_view inner, std::size_t index);
  /// Makes the outer where it is missing; an existing one keeps its entries.
  absl::Status PutOuter(std::string_view outer);
  /// Deletes one entry; its outer stays, empty perhaps. Whether there was one. Never fails.
  bool Delete(std::string_view outer, std::string_view inner);
  /// Deletes the outer and all its entries. Whether there was one. Never fails.
  bool DeleteOuter(std::string_view outer);
  /// Deletes everything and gives the memory back, but for what open guards keep. Never fails.
  void Clear();
  /// Does up to about `budget_bytes` of cleaning, beyond what writes have paid for: content that
  /// was replaced or deleted leaves the log, and its memory goes back to the system. False when
  /// there is nothing left to gain; `while (cache.Maintain(1 << 20)) {}` leaves it as small as it
  /// gets. When nothing is left and much was given back in small blocks, the allocator is asked for
  /// its pages, which takes time in proportion to the process's heap.
  bool Maintain(std::size_t budget_bytes);
  /// A hint of what is to come. This engine grows in small steps and needs none: nothing happens.
  absl::Status Reserve(const Reservation& expected);

  // Asking.

  /// What it holds now, as the last write left it: Running().counts.
  Counts counts() const;
  /// The door's running totals, in bytes and blocks. O(1), from any thread, without waiting; beside
  /// a writer two of them may be one operation apart.
  DoorTotals memory() const;
  /// The running figures as the last write left them, all of one moment. O(1), well under a
  /// microsecond, from any thread; neither waits for a writer nor makes it wait.
  RunningFootprint Running() const;
  /// How long the oldest open guard has been open, in seconds to about 0.01; 0 without guards. A
  /// look at every open guard, some hundred at most, from any thread, without waiting.
  double OldestGuardSeconds() const;
  /// Waits for a write that is going on, then looks at every open guard and, where there are any,
  /// at every segment (256 KiB) and every shape.
  CacheStats Stats() const;
  /// Walks the whole structure: O(content), about as long as one scan. Writes wait meanwhile. Where
  /// there is no memory for its list of layers it has none, and `layout` is empty.
  Footprint MeasureFootprint() const;
  /// The `most` outers with the largest exclusive bytes, the largest first. Walks everything, in
  /// memory of some bytes a string of one outer; writes wait meanwhile. ResourceExhausted: no
  /// memory for that.
  absl::StatusOr<std::vector<OuterFootprint>> LargestOuters(std::size_t most) const;
  const Options& options() const;
  /// Walks everything and checks every invariant; Internal, and which one, where one does not hold.
  /// ResourceExhausted: no memory for the walk's own counts. O(content). Writes wait meanwhile.
  absl::Status Validate() const;

 private:
  friend class ReadGuard;
  struct State;
  explicit Cache(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// The pairs of one record, one after another. One that is not valid() has an empty key and value,
/// and stays where it is.
///
///     for (PairCursor pair = record.pairs(); pair.valid(); pair.Next()) use(pair.key());
class PairCursor {
 public:
  PairCursor() = default;

  /// Whether it stands on a pair.
  bool valid() const { return place_.left > 0; }
  /// Goes to the next pair; what key() and value() gave before is no longer valid.
  void Next();
  /// Bytes of the key and the value; valid until Next, the cursor's end or the guard's, for some
  /// are put together in the cursor.
  std::string_view key() const;
  std::string_view value() const;
  /// Keeps the value beyond cursor and guard.
  void CopyTo(std::string* out) const { out->assign(value()); }

 private:
  friend class RecordReader;
  friend class ReadGuard;
  void Read();
  const ReadGuard* guard_ = nullptr;
  packed::PairPlace place_{};
  mutable char scratch_[2][20];
};

/// One record of an entry; one that is not there is empty. A view: lives as long as its guard.
class RecordReader {
 public:
  RecordReader() = default;

  std::size_t pair_count() const;
  /// On the first pair, in first-seen order.
  PairCursor pairs() const;
  /// On the pair with that key; not valid() where the record has none. O(pairs).
  PairCursor Find(std::string_view key) const;

 private:
  friend class EntryReader;
  friend class RecordCursor;
  friend class ReadGuard;
  RecordReader(const ReadGuard* guard, const std::uint8_t* record)
      : guard_(guard), record_(record) {}
  PairCursor Pairs(const packed::StoredRecord& record) const;
  const ReadGuard* guard_ = nullptr;
  const std::uint8_t* record_ = nullptr;
};

/// The records of one entry, one after another. One that is not valid() stands on an empty record.
class RecordCursor {
 public:
  RecordCursor() = default;

  bool valid() const { return position_ < end_; }
  void Next();
  /// The index of the record it stands on.
  std::size_t index() const { return position_; }
  RecordReader record() const;

 private:
  friend class EntryReader;
  const ReadGuard* guard_ = nullptr;
  const std::uint8_t* record_ = nullptr;
  std::size_t position_ = 0;
  std::size_t end_ = 0;
};

/// One entry, or its absence, which has no records. A view: lives as long as its guard.
class EntryReader {
 public:
  EntryReader() = default;

  /// Whether there is such an entry.
  explicit operator bool() const { return list_ != nullptr; }
  std::size_t record_count() const;
  /// Record `index`; an empty one from record_count() on.
  RecordReader record(std::size_t index) const;
  /// On the first record.
  RecordCursor records() const;

 private:
  friend class ReadGuard;
  friend class EntryCursor;
  EntryReader(const ReadGuard* guard, const std::uint8_t* list, std::size_t count);
  const ReadGuard* guard_ = nullptr;
  const std::uint8_t* list_ = nullptr;
  std::size_t count_ = 0;  // of records when it was found: a list may grow where it is
};

/// Where an entry is. Views only.
struct EntryAddress {
  std::string_view outer;
  std::string_view inner;
};

/// Where a pair stands. Views only.
struct PairAddress {
  std::string_view outer;
  std::string_view inner;
  std::size_t index = 0;  ///< of the record in its list
  std::string_view key;
};

/// The right to read. Cheap to make: take one for each lookup, or one for a few; a guard held for
/// long keeps back the memory of what was there while it was used. Neither copied nor moved; ends
/// before its cache does, in the thread that made it. Several may be open in one thread.
class ReadGuard {
 public:
  explicit ReadGuard(const Cache& cache);
  ReadGuard(const ReadGuard&) = delete;
  ReadGuard& operator=(const ReadGuard&) = delete;
  ~ReadGuard();

  /// The entry; false where there is none.
  EntryReader Get(std::string_view outer, std::string_view inner) const;
  /// The pair at (outer, inner, index, key); not valid() where anything on the way is missing.
  PairCursor Find(std::string_view outer, std::string_view inner, std::size_t index,
                  std::string_view key) const;
  bool HasOuter(std::string_view outer) const;

  // Many at once, any number: memory is fetched for some while others are looked at, which costs
  // about half of what single calls do, or less. found[i] answers addresses[i] as Get and Find
  // would; `found` has at least as many places as there are addresses.
  void GetMany(std::span<const EntryAddress> addresses, std::span<EntryReader> found) const;
  void FindMany(std::span<const PairAddress> addresses, std::span<PairCursor> found) const;

 private:
  friend class PairCursor;
  friend class RecordReader;
  friend class RecordCursor;
  friend class EntryReader;
  friend class OuterCursor;
  friend class EntryCursor;
  /// The view of what a lookup found, or did not find, which is counted.
  EntryReader Counted(const std::uint8_t* list, std::size_t count) const;
  const packed::PackedMap* map_;
  mutable packed::ReadPin pin_;
};

/// All outers, in no particular order. Resumable: the cursor outlives any guard, so a long
/// enumeration pins nothing. What is there from the first Next to the last is met exactly once;
/// what is made or deleted meanwhile is met at most once. Beside a writer a step under the guard of
/// the step before is cheap; one under a new guard looks up its place anew. A cursor that was moved
/// from has ended: Next is false, status() OK, and all else empty.
///
///     OuterCursor outers;
///     while (outers.Next(guard)) use(outers.outer());
class OuterCursor {
 public:
  OuterCursor();
  OuterCursor(OuterCursor&&) noexcept;
  OuterCursor& operator=(OuterCursor&&) noexcept;
  ~OuterCursor();

  /// Goes on to the next outer under `guard`, which need not be the guard of the last call but
  /// must be of the same cache; false at the end, or where status() is not OK.
  bool Next(const ReadGuard& guard);
  /// ResourceExhausted where there was no memory to go on (a cursor takes a few KiB); else OK.
  absl::Status status() const;
  /// The outer's bytes; valid until Next or the end of the guard last given.
  std::string_view outer() const;
  /// How many entries it had when the cursor came to it.
  std::size_t entry_count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;  // null: no memory, or moved from
  bool failed_;                   // there was no memory for it
};

/// The entries of one outer, or of all outers. Order and promise as OuterCursor's.
class EntryCursor {
 public:
  /// Everything. An outer without entries is met once, with an entry() that is false.
  EntryCursor();
  /// The entries of `outer`; none where there is no such outer.
  explicit EntryCursor(std::string_view outer);
  EntryCursor(EntryCursor&&) noexcept;
  EntryCursor& operator=(EntryCursor&&) noexcept;
  ~EntryCursor();

  /// As OuterCursor::Next.
  bool Next(const ReadGuard& guard);
  /// As OuterCursor::status.
  absl::Status status() const;
  /// Valid until Next or the end of the guard last given.
  std::string_view outer() const;
  std::string_view inner() const;
  EntryReader entry() const;
  /// All records of entry() at once, as Put takes them; empty where entry() is false, or where
  /// there was no memory (status(); 104 to 208 bytes a pair of the longest list, until the cursor
  /// ends). The fastest way to read everything: who asks for one is taken to want the next, too,
  /// and its strings are fetched ahead. Valid until Next or the end of the guard last given.
  RecordsView records();
  /// Of a cursor over everything: whether outer() is another than after the Next before.
  bool began_outer() const;

 private:
  struct State;
  std::unique_ptr<State> state_;  // null: no memory, or moved from
  bool failed_;                   // there was no memory for it
};

}  // namespace strata

#endif  // STRATA_CACHE_H_
