// Where a batch keeps its strings: blocks that never move, so a view lives until Clear.
//
// Small strings share blocks of kBlockBytes; a large one gets a block of its own size, so that a
// string of a gigabyte costs a gigabyte.
#ifndef STRATA_LOADER_TEXT_ARENA_H_
#define STRATA_LOADER_TEXT_ARENA_H_

#include <cstddef>
#include <cstring>
#include <string_view>

#include "loader/growing_array.h"

namespace strata {

class TextArena {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
  /// From this length on a string has a block of its own: below it, at most a sixteenth of a
  /// shared block stays unused.
  static constexpr std::size_t kOwnBlockBytes = kBlockBytes / 16;

  TextArena() = default;
  TextArena(const TextArena&) = delete;
  TextArena& operator=(const TextArena&) = delete;
  ~TextArena() { FreeAll(); }

  /// Room for a string of `size` bytes, valid until Clear. Throws std::bad_alloc.
  char* Allocate(std::size_t size) {
    if (static_cast<std::size_t>(end_ - next_) < size) return AllocateSlow(size);
    char* room = next_;
    next_ += size;
    text_bytes_ += size;
    return room;
  }

  std::string_view Copy(std::string_view text) {
    if (text.empty()) return {};
    char* room = Allocate(text.size());
    std::memcpy(room, text.data(), text.size());
    return {room, text.size()};
  }

  /// The bytes of all strings since Clear.
  std::size_t text_bytes() const { return text_bytes_; }

  /// Forgets all strings; keeps blocks of the shared size up to `kept_bytes` for the next ones.
  void Clear(std::size_t kept_bytes);

 private:
  struct Block {
    char* bytes;
    std::size_t size;
  };

  char* AllocateSlow(std::size_t size);
  char* AddBlock(std::size_t size);
  void FreeAll();

  GrowingArray<Block> blocks_;  // in use
  GrowingArray<Block> spare_;   // shared blocks kept from before Clear
  char* next_ = nullptr;        // the free rest of the shared block in use
  char* end_ = nullptr;
  std::size_t text_bytes_ = 0;
};

}  // namespace strata

#endif  // STRATA_LOADER_TEXT_ARENA_H_
