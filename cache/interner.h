// Each distinct string once, under a 32-bit id, with a count of who names it.
//
//     id ──> slots_[id]  ┌──────────────┬────────┬────────────┐
//                        │ data (8)     │ length │ references │  16 bytes a string
//                        └──────┬───────┴────────┴────────────┘
//     chunk ...│ "fieldA" │ "xyz" │ "123" │░dead░│ "abc" │  free  │
//
// The index is a table of ids hashed by the strings they stand for. A string nobody names any more
// leaves the index, its id is used again, and its bytes are dead until they are more than the live
// ones: then all live strings move to fresh chunks. Ids stay; addresses do not.
//
// Threads: one writer, and no reader beside it.
#ifndef STRATA_CACHE_INTERNER_H_
#define STRATA_CACHE_INTERNER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "cache/interned_layers.h"
#include "cache/table_block.h"

namespace strata {

class Interner {
 public:
  using Id = std::uint32_t;
  static constexpr Id kNone = 0xFFFFFFFF;
  /// Ids are below this, so there can be this many strings at once.
  static constexpr std::size_t kMaxStrings = kNone;
  /// Strings are shorter than this.
  static constexpr std::size_t kMaxLength = std::size_t{1} << 32;

  explicit Interner(MemoryDoor* door);
  Interner(const Interner&) = delete;
  Interner& operator=(const Interner&) = delete;
  ~Interner();

  /// The id of a string that is there, kNone of one that is not.
  Id Find(std::string_view text) const;
  /// The string's id, made where it is missing; counts one more reference. Requires
  /// text.size() < kMaxLength and CanTake(1).
  Id Acquire(std::string_view text);
  /// Counts one reference less; the last one's going frees the string.
  void Release(Id id);
  /// Valid until the next Acquire or Release.
  std::string_view Get(Id id) const {
    const Slot& slot = slots_[id];
    return {slot.data, slot.length};
  }

  std::size_t size() const { return index_.size(); }
  /// Whether that many new strings would fit beside those that are there.
  bool CanTake(std::size_t more) const { return more <= kMaxStrings - size(); }
  void Reserve(std::size_t strings, std::size_t bytes);
  /// Forgets everything and gives all memory back.
  void Clear();

  /// Adds the layers strings/bytes, strings/table and strings/index.
  void AddTo(Footprint* footprint) const;

 private:
  // A free slot has no data; its length is the id of the next free one.
  struct Slot {
    const char* data;
    std::uint32_t length;
    std::uint32_t references;  // stays at its maximum once it gets there: never freed
  };
  static_assert(sizeof(Slot) == 16);

  struct Chunk {
    char* data;
    std::size_t filled;    // bytes handed out, dead ones included
    std::size_t capacity;  // bytes asked of the door
  };

  struct Hash {
    using is_transparent = void;
    const Interner* interner;
    std::size_t operator()(Id id) const { return (*this)(interner->Get(id)); }
    std::size_t operator()(std::string_view text) const;
  };
  struct Equal {
    using is_transparent = void;
    const Interner* interner;
    bool operator()(Id a, Id b) const { return a == b; }
    bool operator()(Id a, std::string_view b) const { return interner->Get(a) == b; }
    bool operator()(std::string_view a, Id b) const { return interner->Get(b) == a; }
  };
  using Index = absl::flat_hash_set<Id, Hash, Equal, TableAllocator<Id, kStringIndex>>;
  template <class T, LayerId kLayer>
  using Array = std::vector<T, DoorAllocator<T, kLayer>>;

  Index MakeIndex();
  const char* Store(std::string_view text);
  void AddChunk(std::size_t capacity);
  void Compact();
  void FreeChunks(Array<Chunk, kStringBytes>* chunks);

  MemoryDoor* door_;
  Array<Slot, kStringTable> slots_;
  Id first_free_ = kNone;
  Array<Chunk, kStringBytes> chunks_;  // the last one is being filled
  std::size_t live_bytes_ = 0;
  std::size_t dead_bytes_ = 0;
  TableBlock index_block_;
  Index index_;
};

}  // namespace strata

#endif  // STRATA_CACHE_INTERNER_H_
