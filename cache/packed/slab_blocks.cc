#include "cache/packed/slab_blocks.h"

#include <algorithm>
#include <cassert>
#include <functional>

namespace strata::packed {

template <LayerId kLayer>
const typename SlabBlocks<kLayer>::Slab* SlabBlocks<kLayer>::SlabOf(const void* block) const {
  const auto* const at = static_cast<const std::uint8_t*>(block);
  const Slab* const behind = std::upper_bound(
      slabs_.begin(), slabs_.end(), at,
      [](const std::uint8_t* a, const Slab& slab) { return std::less<>()(a, slab.begin); });
  if (behind == slabs_.begin()) return nullptr;
  const Slab* const slab = behind - 1;
  return std::less<>()(at, slab->begin + slab->size_bytes) ? slab : nullptr;
}

template <LayerId kLayer>
void* SlabBlocks<kLayer>::TryAllocate(std::size_t size_bytes) {
  assert(size_bytes % 8 == 0);
  void* block = packs_ ? TryPack(size_bytes) : nullptr;
  // There may be memory for a block where there is none for a slab.
  if (block == nullptr) block = door_->TryAllocate(kLayer, size_bytes);
  if (block == nullptr) return nullptr;
  live_bytes_ += size_bytes;
  return block;
}

template <LayerId kLayer>
void* SlabBlocks<kLayer>::TryPack(std::size_t size_bytes) {
  Slab* slab = filling_ == nullptr ? nullptr : const_cast<Slab*>(SlabOf(filling_));
  if (slab == nullptr || slab->filled + size_bytes > slab->size_bytes) {
    if (!AddSlab(size_bytes)) return nullptr;
    slab = const_cast<Slab*>(SlabOf(filling_));
  }
  void* const block = slab->begin + slab->filled;
  slab->filled += size_bytes;
  slab->live += size_bytes;
  packed_bytes_ += size_bytes;
  return block;
}

// If it goes on as it went so far: the last slab is no larger than what is left.
template <LayerId kLayer>
std::size_t SlabBlocks<kLayer>::BytesLeftToPack() const {
  if (replaced_bytes_ == 0 || replaced_bytes_ >= to_pack_bytes_) return 0;
  const double share = static_cast<double>(packed_bytes_) / static_cast<double>(replaced_bytes_);
  return static_cast<std::size_t>(share * static_cast<double>(to_pack_bytes_ - replaced_bytes_));
}

template <LayerId kLayer>
bool SlabBlocks<kLayer>::AddSlab(std::size_t least_bytes) {
  const std::size_t wanted = std::clamp(BytesLeftToPack(), kLeastSlabBytes, kSlabBytes);
  const std::size_t size_bytes = std::max(least_bytes, wanted);
  if (!slabs_.TryReserve(slabs_.size() + 1)) return false;
  void* const made = door_->TryAllocate(kLayer, size_bytes);
  if (made == nullptr) return false;
  filling_ = static_cast<std::uint8_t*>(made);
  slabs_.SetSize(slabs_.size() + 1);
  Slab* at = slabs_.end() - 1;
  for (; at != slabs_.begin() && std::less<>()(filling_, (at - 1)->begin); --at) *at = *(at - 1);
  *at = {.begin = filling_, .size_bytes = size_bytes, .filled = 0, .live = 0, .is_old = false};
  return true;
}

template <LayerId kLayer>
void SlabBlocks<kLayer>::Free(void* block, std::size_t size_bytes) {
  if (block == nullptr) return;
  live_bytes_ -= size_bytes;
  freed_bytes_ += static_cast<std::int64_t>(size_bytes);
  Slab* const slab = const_cast<Slab*>(SlabOf(block));
  if (slab == nullptr) return door_->Free(kLayer, block);
  slab->live -= size_bytes;
  if (slab->live > 0) return;
  if (slab->begin == filling_) filling_ = nullptr;
  door_->Free(kLayer, slab->begin);
  std::copy(slab + 1, slabs_.end(), slab);
  slabs_.PopBack();
  if (slabs_.empty()) slabs_.Free();
}

template <LayerId kLayer>
void SlabBlocks<kLayer>::BeginPacking() {
  to_pack_bytes_ = live_bytes_;
  packed_bytes_ = replaced_bytes_ = 0;
  for (Slab& slab : slabs_) slab.is_old = true;
  filling_ = nullptr;
}

template <LayerId kLayer>
bool SlabBlocks<kLayer>::WantsPacking() const {
  return freed_bytes_ > std::max(kFewBytes, static_cast<std::int64_t>(live_bytes_) / kFreedShare);
}

template <LayerId kLayer>
std::size_t SlabBlocks<kLayer>::hole_bytes() const {
  std::size_t bytes = 0;
  for (const Slab& slab : slabs_) bytes += slab.filled - slab.live;
  return bytes;
}

template <LayerId kLayer>
const char* SlabBlocks<kLayer>::Fault() const {
  for (const Slab& slab : slabs_) {
    if (slab.live == 0) return "a slab is kept that holds nothing";
    if (slab.live > slab.filled || slab.filled > slab.size_bytes) {
      return "a slab holds more than it has room for";
    }
    if (&slab != slabs_.begin() && std::less<>()(slab.begin, (&slab - 1)->begin)) {
      return "the slabs are not in the order of their addresses";
    }
  }
  return nullptr;
}

template <LayerId kLayer>
void SlabBlocks<kLayer>::AddTo(Layer* layer) const {
  layer->dead_bytes += hole_bytes();
  for (const Slab& slab : slabs_) {
    layer->slack_bytes += MemoryDoor::ReservedBytes(slab.begin) - slab.filled;
  }
  layer->count += slabs_.size();
  slabs_.AddTo(layer);
}

template class SlabBlocks<kIndex>;
template class SlabBlocks<kDictionaryIndex>;
template class SlabBlocks<kShapes>;

}  // namespace strata::packed
