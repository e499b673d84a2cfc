// The strings that many blobs name: each once, as a blob of the log, under a number.
//
//     number ──> table  │ references, or when the last went (24) │ location (40) │
//                       8 bytes, at a fixed address
//     string ──> index  │ number (32) │ tag (8) │            5 bytes a slot (shard_table.h)
//     location ──> log  │ head │ the bytes │
//
// A number counts its references: one a token that names it in a live blob or a shape. At the last
// one's going the string is *unused*: it stays, for a view of a reader may still name it, and is
// found and named again when it is written again. Its bytes count as dead, and in the place of its
// count is the era of its loss, above all counts; the cleaner that meets it in a segment drops it,
// and its number is free, if no guard is as old as that, and else moves it. A count that reaches
// the highest stays there: a string so common is never freed. Of an era there are the lowest 16
// bits, and it is taken for the latest such: a loss that is longer ago seems to be a later one.
//
// A free number is one whose eight bytes are zero. Who wants one looks for it from where the last
// one was found, not far, and takes a new one at the table's end where it finds none.
//
// When most numbers are free, and so lie all over a table that is too long, the cleaner gives new
// ones (BeginShrinking): strings whose numbers are at or beyond a limit get second ones below it,
// and blobs name those when they are rewritten. Once nobody names the old ones they are unused,
// dropped as any, and the table ends behind the last number that is left (EndShrinking).
//
// What fails: TryAdd, for want of memory; nothing has changed then. Losing a reference cannot fail.
//
// Threads: one writer; Text beside it from any thread (eras.h).
#ifndef STRATA_CACHE_PACKED_DICTIONARY_H_
#define STRATA_CACHE_PACKED_DICTIONARY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/layers.h"
#include "cache/packed/prefetch.h"
#include "cache/packed/segment_store.h"
#include "cache/packed/shard_table.h"
#include "cache/packed/stable_array.h"
#include "cache/packed/token.h"

namespace strata::packed {

class Dictionary {
 public:
  Dictionary(MemoryDoor* door, SegmentStore* log, std::uint64_t seed,
             std::uint64_t most_bytes = MemoryDoor::kNoLimit);
  ~Dictionary() { Clear(); }
  bool ok() const { return table_.ok(); }
  /// What a string takes beside its blob and its slot of the index.
  static constexpr std::size_t kEntryBytes = sizeof(std::uint64_t);

  std::uint64_t Hash(std::string_view text) const;

  /// The number of a string that is there; `hash` is Hash(text).
  std::optional<StringId> Find(std::string_view text, std::uint64_t hash) const;
  /// Counts one more reference to a string that is there. While the table is being shrunk the
  /// reference may be to a second number; that is the one returned.
  StringId AddReferenceBelowLimit(StringId id);
  /// Whether that would be a second number, and is there already.
  bool HasBelowLimit(StringId id) const { return IsHigh(id) && !IsHigh(BestOf(id)); }
  /// Counts one more reference to a string that is there.
  void AddReference(StringId id);
  /// Adds a string that is not there, with one reference; none when there is no memory.
  std::optional<StringId> TryAdd(std::string_view text, std::uint64_t hash);
  /// Counts one reference less.
  void Release(StringId id);

  /// The bytes, good until the pin ends; empty where its era moved on.
  std::string_view Text(StringId id, ReadPin& pin) const {
    const Location location = LocationOf(id);
    if (!Holds(pin)) return {};
    return TextAt(log_->Address(location));
  }
  /// The same of an address that PrefetchText answered.
  static std::string_view TextAt(const std::uint8_t* address) {
    const Blob blob = SegmentStore::BlobAt(address);
    return {reinterpret_cast<const char*>(blob.payload), blob.payload_bytes};
  }
  /// Fetches what Text will look at first.
  void PrefetchEntry(StringId id) const { PrefetchLine(&table_[id]); }
  /// Fetches the bytes, once the entry is there. Answers where they are, good until the pin ends;
  /// null where the pin's era moves on.
  const std::uint8_t* PrefetchText(StringId id, ReadPin& pin) const {
    const Location location = LocationOf(id);
    if (!Holds(pin)) return nullptr;
    const std::uint8_t* const address = log_->Address(location);
    // Many strings end in the first line, most of the others in the next.
    PrefetchLine(address);
    PrefetchLine(address + 31);
    return address;
  }
  /// Of the cache's hashes: those that meet under one seed do not under another.
  std::uint64_t seed() const { return seed_; }
  Location LocationOf(StringId id) const { return Entry(id) & kLocationMask; }

  // The writer's, to fetch in steps what Find(hash) will look at.
  void PrefetchShard(std::uint64_t hash, ReadPin& pin) const { index_.PrefetchShard(hash, pin); }
  void PrefetchSlot(std::uint64_t hash, ReadPin& pin) const { index_.PrefetchSlot(hash, pin); }
  /// The number that Find will most likely answer.
  std::optional<StringId> Guess(std::uint64_t hash, ReadPin& pin) const {
    const std::uint64_t payload = index_.Guess(hash, pin);
    if (payload == kNoPayload) return std::nullopt;
    return IdOf(payload);
  }
  /// Whether a count is what it says, or has stopped at its maximum.
  bool CountIsExact(StringId id) const { return references(id) < kManyReferences; }
  /// Whether the number is that of a string that is named somewhere.
  bool Has(StringId id) const { return id < table_.size() && references(id) > 0; }
  std::size_t BlobBytes(StringId id) const { return log_->At(LocationOf(id)).total_bytes; }
  std::uint32_t references(StringId id) const {
    const std::uint64_t count = Entry(id) >> kLocationBits;
    return count > kManyReferences ? 0 : static_cast<std::uint32_t>(count);
  }
  /// Of all strings, and of those that nobody names.
  std::size_t size() const { return index_.size(); }
  std::size_t unused() const { return unused_; }
  /// Of the table, what numbers take that name nothing.
  std::size_t dead_bytes() const { return (free_ + unused_) * kEntryBytes; }

  /// The cleaner: moves the string blob at `from`, or drops it if it is unused and no guard that
  /// Eras::Advance found may be reading it. False when there is no memory.
  bool Move(Location from, const Blob& blob);

  // Shrinking the table of numbers, in steps of the cleaner's.
  /// Whether most numbers are free. After a pass that left it so not at once again: what keeps them
  /// is still there. But Maintain, which rewrites more, tries once what writes did not bring about.
  bool WantsShrinking(bool idle) const {
    return table_.size() >= kSmallTable && free_ + unused_ > table_.size() / 2 &&
           ((idle && again_when_idle_) || free_ >= again_at_free_ || unused_ >= again_at_unused_ ||
            table_.size() >= again_at_size_);
  }
  void BeginShrinking();
  /// Whether the number is to be given up.
  bool IsHigh(StringId id) const { return limit_ != 0 && id >= limit_; }
  /// When all blobs older than its beginning were rewritten: takes at most so many free numbers off
  /// the table's end. Whether that was all there are. `by_writes`: not all was Maintain's work.
  bool EndShrinking(std::size_t most, bool by_writes);
  /// Gives back what erased slots of its index take, when there are many; whether there is more of
  /// it to do.
  bool Tidy(std::size_t budget_bytes);

  /// What is not as it must be in the index and among the numbers; null where all is.
  const char* Fault() const;
  void AddTo(Layer* table, Layer* index) const;
  void AddPagesTo(std::vector<AddressRange>* ranges) const { table_.AddPagesTo(ranges); }
  /// Gives everything back. No reader may be about.
  void Clear();

  /// Calls visit(id) for each string, the unused ones too.
  template <class Visit>
  void ForEach(Visit visit) const {
    index_.ForEach([&](std::uint64_t payload) { visit(IdOf(payload)); });
  }

 private:
  friend struct Tamper;  // tests/cache/packed_validate_test.cc
  static constexpr std::size_t kMostStrings = std::size_t{1} << 31;
  static constexpr std::uint64_t kLocationMask = (std::uint64_t{1} << kLocationBits) - 1;
  static constexpr std::uint64_t kOneReference = std::uint64_t{1} << kLocationBits;
  static constexpr std::uint64_t kEras = std::uint64_t{1} << 16;  // told apart in a loss
  static constexpr std::uint64_t kFirstLoss = (std::uint64_t{1} << (64 - kLocationBits)) - kEras;
  static constexpr std::uint32_t kManyReferences = kFirstLoss - 1;
  static constexpr std::size_t kSmallTable = 4096;  // not worth shrinking

  static StringId IdOf(std::uint64_t payload) {
    return static_cast<StringId>(payload - kFirstPayload);
  }
  std::uint64_t Entry(StringId id) const { return table_[id].load(std::memory_order_acquire); }
  void SetEntry(StringId id, std::uint64_t entry) {
    table_[id].store(entry, std::memory_order_release);
  }
  /// When an unused string was lost, or later.
  Era LossOf(StringId id) const {
    const Era now = log_->now();
    return now - (now - (Entry(id) >> kLocationBits)) % kEras;
  }
  // The writer's.
  std::string_view OwnText(StringId id) const {
    ReadPin pin = WriterPin();
    return Text(id, pin);
  }
  /// TryAdd under this free number; under the table's next where there is none.
  std::optional<StringId> TryAddUnder(std::optional<StringId> free, std::string_view text,
                                      std::uint64_t hash);
  /// A free number, below the limit if there is one; none where none is near.
  std::optional<StringId> NextFree();
  /// The number that a string is to be named by.
  StringId BestOf(StringId id) const;
  struct HashOf {
    static constexpr int kFetchSteps = 2;
    const Dictionary* dictionary;
    void Fetch(std::uint64_t payload, int step) const {
      if (step == 0) return dictionary->PrefetchEntry(IdOf(payload));
      ReadPin pin = WriterPin();
      dictionary->PrefetchText(IdOf(payload), pin);
    }
    std::uint64_t operator()(std::uint64_t payload) const {
      return dictionary->Hash(dictionary->OwnText(IdOf(payload)));
    }
  };
  HashOf HashOfPayload() const { return {this}; }

  SegmentStore* log_;
  std::uint64_t seed_;
  SlabBlocks<kDictionaryIndex> index_blocks_;
  TableMemory<kDictionaryIndex> memory_;
  ShardTable<NarrowSlots, kDictionaryIndex> index_{};
  StableArray<std::atomic<std::uint64_t>, kDictionaryTable> table_;
  std::size_t free_ = 0;    // numbers
  std::size_t unused_ = 0;  // strings
  StringId next_ = 0;       // where NextFree goes on
  StringId limit_ = 0;      // while the table is being shrunk
  // Not again before so many numbers are free, or unused, or there are so many.
  std::size_t again_at_free_ = 0;
  std::size_t again_at_unused_ = 0;
  std::size_t again_at_size_ = 0;
  bool again_when_idle_ = false;
  TidiedSoFar tidied_;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_DICTIONARY_H_
