#include "cache/interner.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/hash/hash.h"

namespace strata {
namespace {

// Chunks grow with the store, so that a small one stays small, up to a size that a large one does
// not notice. A little is left for the allocator's header.
constexpr std::size_t kMinChunkBytes = 1 << 12;
constexpr std::size_t kMaxChunkBytes = 1 << 18;
constexpr std::size_t kChunkHeaderBytes = 64;

constexpr std::uint32_t kPinned = std::numeric_limits<std::uint32_t>::max();

}  // namespace

std::size_t Interner::Hash::operator()(std::string_view text) const {
  return absl::Hash<absl::string_view>{}(absl::string_view(text.data(), text.size()));
}

Interner::Interner(MemoryDoor* door)
    : door_(door),
      slots_(DoorAllocator<Slot, kStringTable>(door)),
      chunks_(DoorAllocator<Chunk, kStringBytes>(door)),
      index_block_{.door = door},
      index_(MakeIndex()) {}

Interner::~Interner() { FreeChunks(&chunks_); }

Interner::Index Interner::MakeIndex() {
  return Index(0, Hash{this}, Equal{this}, TableAllocator<Id, kStringIndex>(&index_block_));
}

Interner::Id Interner::Find(std::string_view text) const {
  const auto it = index_.find(text);
  return it == index_.end() ? kNone : *it;
}

Interner::Id Interner::Acquire(std::string_view text) {
  const auto it = index_.lazy_emplace(text, [&](const Index::constructor& construct) {
    const Id id = first_free_ != kNone ? first_free_ : static_cast<Id>(slots_.size());
    const Slot slot = {Store(text), static_cast<std::uint32_t>(text.size()), 0};
    if (first_free_ != kNone) {
      first_free_ = slots_[id].length;
      slots_[id] = slot;
    } else {
      slots_.push_back(slot);
    }
    construct(id);
  });
  Slot& slot = slots_[*it];
  if (slot.references != kPinned) ++slot.references;
  return *it;
}

void Interner::Release(Id id) {
  Slot& slot = slots_[id];
  if (slot.references == kPinned || --slot.references > 0) return;
  index_.erase(id);
  live_bytes_ -= slot.length;
  dead_bytes_ += slot.length;
  slot = {nullptr, first_free_, 0};
  first_free_ = id;
  if (dead_bytes_ > live_bytes_ + kMinChunkBytes) Compact();
}

const char* Interner::Store(std::string_view text) {
  live_bytes_ += text.size();
  if (chunks_.empty() || text.size() > chunks_.back().capacity - chunks_.back().filled) {
    const std::size_t usual =
        std::clamp(std::bit_floor(live_bytes_ / 8 + 1), kMinChunkBytes, kMaxChunkBytes);
    AddChunk(std::max(usual - kChunkHeaderBytes, text.size()));
    // A string that fills a chunk of its own does not end the chunk that was being filled.
    const std::size_t last = chunks_.size() - 1;
    if (last > 0 && chunks_[last].capacity == text.size()) {
      std::swap(chunks_[last], chunks_[last - 1]);
      Chunk& own = chunks_[last - 1];
      own.filled = text.size();
      std::memcpy(own.data, text.data(), text.size());
      return own.data;
    }
  }
  Chunk& chunk = chunks_.back();
  char* const to = chunk.data + chunk.filled;
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  chunk.filled += text.size();
  return to;
}

void Interner::AddChunk(std::size_t capacity) {
  chunks_.push_back({static_cast<char*>(door_->Allocate(kStringBytes, capacity)), 0, capacity});
}

void Interner::Compact() {
  Array<Chunk, kStringBytes> old(chunks_.get_allocator());
  old.swap(chunks_);
  live_bytes_ = 0;
  dead_bytes_ = 0;
  for (Slot& slot : slots_) {
    if (slot.data != nullptr) slot.data = Store({slot.data, slot.length});
  }
  FreeChunks(&old);
  if (index_.size() < index_.capacity() / 8) index_.rehash(0);
}

void Interner::FreeChunks(Array<Chunk, kStringBytes>* chunks) {
  for (const Chunk& chunk : *chunks) door_->Free(kStringBytes, chunk.data);
  chunks->clear();
}

void Interner::Reserve(std::size_t strings, std::size_t bytes) {
  strings = std::min(strings, kMaxStrings);
  slots_.reserve(strings);
  index_.reserve(strings);
  const std::size_t room = chunks_.empty() ? 0 : chunks_.back().capacity - chunks_.back().filled;
  if (bytes > live_bytes_ && bytes - live_bytes_ > room) AddChunk(bytes - live_bytes_);
}

void Interner::Clear() {
  index_ = MakeIndex();
  slots_ = Array<Slot, kStringTable>(slots_.get_allocator());
  FreeChunks(&chunks_);
  chunks_ = Array<Chunk, kStringBytes>(chunks_.get_allocator());
  first_free_ = kNone;
  live_bytes_ = 0;
  dead_bytes_ = 0;
}

void Interner::AddTo(Footprint* footprint) const {
  Layer bytes{.name = kInternedLayerNames[kStringBytes]};
  Layer table{.name = kInternedLayerNames[kStringTable]};
  Layer index{.name = kInternedLayerNames[kStringIndex]};

  // The walk finds the dead bytes as what the chunks handed out and no slot names.
  std::size_t filled = 0;
  std::size_t reserved = 0;
  for (const Chunk& chunk : chunks_) {
    filled += chunk.filled;
    reserved += MemoryDoor::ReservedBytes(chunk.data);
  }
  std::size_t live = 0;
  for (const Slot& slot : slots_) {
    if (slot.data == nullptr) continue;
    ++bytes.count;
    live += slot.length;
  }
  bytes.used_bytes = live;
  bytes.dead_bytes = filled - live;
  bytes.slack_bytes = reserved - filled;
  if (chunks_.capacity() > 0) bytes.AddBlock(chunks_.data(), chunks_.size() * sizeof(Chunk));

  table.count = bytes.count;
  if (slots_.capacity() > 0) {
    table.AddBlock(slots_.data(), bytes.count * sizeof(Slot),
                   (slots_.size() - bytes.count) * sizeof(Slot));
  }
  AddTable(index_, index_block_, &index);
  footprint->layers.push_back(std::move(bytes));
  footprint->layers.push_back(std::move(table));
  footprint->layers.push_back(std::move(index));
}

}  // namespace strata
