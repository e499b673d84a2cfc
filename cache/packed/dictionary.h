// The strings that many blobs name: each once, as a blob of the log, under a number.
//
//     number ──> table  │ references (24) │ location (40) │   8 bytes, in pages of 4,096
//     string ──> index  │ number (32) │ tag (8) │            5 bytes a slot (shard_table.h)
//     location ──> log  │ head │ the bytes │
//
// A number counts its references: one a token that names it in a live blob or a shape. At the last
// one's going the string dies and its number is free again. A count that reaches 2^24 - 1 stays
// there: a string so common is never freed.
//
// What fails: Acquire, for want of memory; nothing has changed then.
//
// Threads: one writer, no reader beside it.
#ifndef STRATA_CACHE_PACKED_DICTIONARY_H_
#define STRATA_CACHE_PACKED_DICTIONARY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/layers.h"
#include "cache/packed/segment_store.h"
#include "cache/packed/shard_table.h"
#include "cache/packed/token.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

class Dictionary {
 public:
  Dictionary(MemoryDoor* door, SegmentStore* log, std::uint64_t seed);
  ~Dictionary();

  std::uint64_t Hash(std::string_view text) const;

  /// The number of a string that is there; `hash` is Hash(text).
  std::optional<StringId> Find(std::string_view text, std::uint64_t hash) const;
  /// Counts one more reference to a string that is there.
  void AddReference(StringId id);
  /// Adds a string that is not there, with one reference; none when there is no memory.
  std::optional<StringId> TryAdd(std::string_view text, std::uint64_t hash);
  /// Counts one reference less; the last one's going frees string and number.
  void Release(StringId id);

  /// The bytes; they stay where they are until the cleaner moves them or the string dies.
  std::string_view Text(StringId id) const {
    const Blob blob = log_->At(LocationOf(id));
    return {reinterpret_cast<const char*>(blob.payload), blob.payload_bytes};
  }
  Location LocationOf(StringId id) const {
    return Entry(id) & ((std::uint64_t{1} << kLocationBits) - 1);
  }
  /// Whether a count is what it says, or has stopped at its maximum.
  bool CountIsExact(StringId id) const { return references(id) < kManyReferences; }
  /// Whether the number is a live string's.
  bool Has(StringId id) const { return id < next_ && references(id) > 0; }
  std::size_t BlobBytes(StringId id) const { return log_->At(LocationOf(id)).total_bytes; }
  std::uint32_t references(StringId id) const {
    return static_cast<std::uint32_t>(Entry(id) >> kLocationBits);
  }
  std::size_t size() const { return index_.size(); }

  /// The cleaner: moves the live string blob at `from` to the cleaning head. False when there is no
  /// memory.
  bool Move(Location from, const Blob& blob);

  void AddTo(Layer* table, Layer* index) const;
  void Clear();

  /// Calls visit(id) for each live string.
  template <class Visit>
  void ForEach(Visit visit) const {
    index_.ForEach([&](std::uint64_t payload) { visit(IdOf(payload)); });
  }

 private:
  static constexpr std::size_t kPageEntries = 4096;
  static constexpr std::uint32_t kManyReferences = (1u << 24) - 1;
  static constexpr StringId kNone = 0xFFFFFFFF;

  static StringId IdOf(std::uint64_t payload) {
    return static_cast<StringId>(payload - kFirstPayload);
  }
  std::uint64_t& Entry(StringId id) { return pages_[id / kPageEntries][id % kPageEntries]; }
  std::uint64_t Entry(StringId id) const { return pages_[id / kPageEntries][id % kPageEntries]; }
  auto HashOfPayload() const {
    return [this](std::uint64_t payload) { return Hash(Text(IdOf(payload))); };
  }

  MemoryDoor* door_;
  SegmentStore* log_;
  std::uint64_t seed_;
  ShardTable<NarrowSlots, kDictionaryIndex> index_;
  TryArray<std::uint64_t*, kDictionaryTable> pages_;
  StringId next_ = 0;            // no number at or above it was ever given
  StringId first_free_ = kNone;  // a free number's entry holds the next free one
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_DICTIONARY_H_
