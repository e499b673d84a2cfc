#include "loader/text_arena.h"

#include <cstdlib>
#include <new>

namespace strata {

char* TextArena::AddBlock(std::size_t size) {
  blocks_.Reserve(blocks_.size() + 1);  // so that push_back cannot lose the block
  char* bytes = static_cast<char*>(std::malloc(size));
  if (bytes == nullptr) throw std::bad_alloc();
  blocks_.push_back({bytes, size});
  return bytes;
}

char* TextArena::AllocateSlow(std::size_t size) {
  if (size >= kOwnBlockBytes) {
    char* bytes = AddBlock(size);
    text_bytes_ += size;
    return bytes;
  }
  if (!spare_.empty()) {
    blocks_.push_back(spare_.back());
    spare_.Truncate(spare_.size() - 1);
    next_ = blocks_.back().bytes;
  } else {
    next_ = AddBlock(kBlockBytes);
  }
  end_ = next_ + kBlockBytes;
  char* room = next_;
  next_ += size;
  text_bytes_ += size;
  return room;
}

void TextArena::Clear(std::size_t kept_bytes) {
  next_ = end_ = nullptr;
  text_bytes_ = 0;
  // Where there is no memory for the list of spares the blocks are given back instead.
  try {
    spare_.Reserve(kept_bytes / kBlockBytes);
  } catch (const std::bad_alloc&) {
    FreeAll();
    return;
  }
  std::size_t first_freed = blocks_.size();
  while (first_freed > 0 && blocks_[first_freed - 1].size == kBlockBytes &&
         (spare_.size() + 1) * kBlockBytes <= kept_bytes) {
    spare_.push_back(blocks_[--first_freed]);
  }
  for (std::size_t i = 0; i < first_freed; ++i) std::free(blocks_[i].bytes);
  blocks_.Clear(kept_bytes);
}

void TextArena::FreeAll() {
  for (std::size_t i = 0; i < blocks_.size(); ++i) std::free(blocks_[i].bytes);
  blocks_.Clear(0);
  for (std::size_t i = 0; i < spare_.size(); ++i) std::free(spare_[i].bytes);
  spare_.Clear(0);
}

}  // namespace strata
