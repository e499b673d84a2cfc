// Where content comes from: a Source yields batches of changes, a Target takes them. JSON, MySQL
// and whatever comes later are Sources; the cache, and every layout it is compared with, a Target.
//
// Threads: a Source, a Batch and a Target are each used by one thread at a time; a Batch may be
// handed from a thread that fills it to one that applies it.
#ifndef STRATA_SOURCE_H_
#define STRATA_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/record.h>

namespace strata {

/// One change of content. Views into the batch it came from.
struct Change {
  enum class Kind {
    kPutOuter,     ///< make the outer where it is missing
    kOpenOuter,    ///< a document names this outer: as kPutOuter, but what the same load has put
                   ///< under it before goes (a key that is given again)
    kDeleteOuter,  ///< delete outer and entries
    kPutEntry,     ///< replace the entry's list by `records`
    kAppendEntry,  ///< put `records` behind the entry's list; only where GiveParts was called
    kDeleteEntry,  ///< delete the entry, the outer stays
    kDropAll,      ///< a document gives its root again: all that this load brought is replaced
  };
  Kind kind;
  std::string_view outer;
  std::string_view inner;  ///< of an entry's change
  RecordsView records;     ///< of kPutEntry and kAppendEntry
  double times = 0;        ///< of kAppendEntry: Target::AppendRecords' hint
};

/// A run of changes and the bytes they name, owned together. Filled by a Source, emptied with
/// Clear and used again. All changes in it are complete: an entry is never split over two, but for
/// one in parts (kAppendEntry), of which each is a change.
class Batch {
 public:
  Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;
  ~Batch();

  // Filling. Strings are copied in. Any of these may throw std::bad_alloc (Sources catch it at
  // their edge and answer ResourceExhausted); the batch is then only good for Clear.

  /// `outer` is empty for kDropAll.
  void AddOuterChange(Change::Kind kind, std::string_view outer);
  void AddDeleteEntry(std::string_view outer, std::string_view inner);
  /// Begins a kPutEntry; records and pairs follow, EndEntry completes it.
  void BeginEntry(std::string_view outer, std::string_view inner);
  /// Begins a kAppendEntry likewise.
  void BeginPart(std::string_view outer, std::string_view inner, double times);
  void BeginRecord();
  void AddPair(std::string_view key, std::string_view value);
  void EndEntry();
  /// Takes back everything after the first `count` changes, an entry begun and not ended too.
  void Truncate(std::size_t count);
  /// Drops each complete change of that outer made so far: a key that is given again.
  void DropOuter(std::string_view outer);
  /// Of the changes from `first` on keeps, for each outer, its last kPutOuter and what follows:
  /// DropOuter for every outer that is given again, in one pass.
  void KeepLastOpenings(std::size_t first);
  /// Empties it, keeping memory for the next filling, up to 8 MiB.
  void Clear();

  // Reading.

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  /// Bytes of the strings in it.
  std::size_t text_bytes() const;
  /// Bytes it occupies: strings, pairs and changes, memory kept for the next filling not counted.
  std::size_t memory_bytes() const;
  /// Change `index` below size(); valid until the batch changes.
  Change operator[](std::size_t index) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// How far a source has come.
struct SourceProgress {
  std::uint64_t bytes_read = 0;    ///< of the input as stored (packed, if it is packed)
  std::uint64_t bytes_total = 0;   ///< 0 where it is not known
  std::uint64_t rows_read = 0;     ///< 0 for sources without rows
  std::uint64_t rows_total = 0;    ///< an estimate; 0 where it is not known
  std::uint64_t rows_skipped = 0;  ///< rows whose outer or inner is NULL
  /// Of the entries given early (GiveEarly) how many were given again; told at the end.
  std::uint64_t entries_again = 0;
  /// What would make following this dear, with the statement that mends it: a missing index. Empty
  /// where nothing would, or where it cannot be followed.
  std::string advice{};
};

/// A supply of changes.
class Source {
 public:
  virtual ~Source() = default;

  /// Fills the empty `batch` with the next changes, a few hundred KiB of them (more where one
  /// entry is larger). An OK status with an empty batch is the end. After an error the source is
  /// done; `batch` then holds the whole entries before the error. Errors: InvalidArgument, the
  /// data is at fault; NotFound, Unavailable and others, the place it comes from is;
  /// ResourceExhausted, out of memory. No exception leaves it.
  virtual absl::Status Read(Batch* batch) = 0;

  /// What the source is called in messages: a file's name, a table.
  virtual std::string name() const = 0;
  virtual SourceProgress progress() const = 0;
  /// A token from which a later source of the same kind can go on; empty where that is not
  /// possible. (Following changes builds on it.)
  virtual std::string position() const { return {}; }
  /// Before the first Read, by whoever keeps nothing of a load that fails: Read may give an entry
  /// as soon as it seems whole, and give it again where more of it comes later. What stands at the
  /// end is right. Until then an entry may lack records. Sources that need not care do not.
  virtual void GiveEarly() {}
  /// Likewise, where kAppendEntry is understood: Read may give a long entry in parts, so that it is
  /// never whole beside the target. An error may come between them.
  virtual void GiveParts() {}
  /// Asks that `pulse` be called now and then, from Read's thread, during Reads that take long (a
  /// table is fetched whole before its first entry is complete); where it answers false, Read ends
  /// with Cancelled. An empty one takes it back. Sources whose Reads are short need not care.
  virtual void SetPulse(std::function<bool()> pulse) { (void)pulse; }
};

/// What changes are applied to. Views are valid during the call. An error ends the load, which
/// passes it on: InvalidArgument, a string is too long; ResourceExhausted, no memory; any other
/// that a target has. After one the target is as it was before the call. So it is where one throws,
/// which all but empty and Clear may: std::bad_alloc becomes ResourceExhausted, any other
/// std::exception Internal.
class Target {
 public:
  virtual ~Target() = default;

  /// Whether it has no outers at all. Must not throw.
  virtual bool empty() const = 0;
  /// Whether there is such an outer, with entries or without.
  virtual bool HasOuter(std::string_view outer) const = 0;
  /// Replaces the entry's list by `records`, making outer and entry where they are missing.
  virtual absl::Status Put(std::string_view outer, std::string_view inner,
                           const RecordsView& records) = 0;
  /// Whether AppendRecords works. Where not, sources are asked for whole entries.
  virtual bool appends() const { return false; }
  /// Puts `records` behind those of an entry that is there, all or none. `times`:
  /// Cache::AppendRecords' hint.
  virtual absl::Status AppendRecords(std::string_view outer, std::string_view inner,
                                     const RecordsView& records, double times) {
    (void)outer, (void)inner, (void)records, (void)times;
    return absl::UnimplementedError("this target takes whole entries");
  }
  /// Makes the outer where it is missing; an existing one keeps its entries.
  virtual absl::Status PutOuter(std::string_view outer) = 0;
  /// Deletes one entry; its outer stays. Whether there was one: that there was none is no error.
  virtual bool Delete(std::string_view outer, std::string_view inner) = 0;
  /// Deletes the outer and all its entries. Whether there was one.
  virtual bool DeleteOuter(std::string_view outer) = 0;
  /// Deletes everything; cannot fail. Must not throw: a load that has failed ends with it.
  virtual void Clear() = 0;
};

}  // namespace strata

#endif  // STRATA_SOURCE_H_
