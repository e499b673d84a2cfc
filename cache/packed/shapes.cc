#include "cache/packed/shapes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "cache/packed/string_coder.h"
#include "cache/packed/token.h"

namespace strata::packed {

std::uint64_t Shapes::HashKeys(RecordView record) const {
  std::uint64_t hash = strings_->dictionary().seed() + record.size();
  for (const Pair& pair : record) {
    hash = XXH3_64bits_withSeed(pair.key.data(), pair.key.size(), hash);
  }
  return hash;
}

bool Shapes::HasKeys(const Shape& shape, RecordView record) const {
  if (shape.count != record.size()) return false;
  ReadPin pin = WriterPin();
  const std::uint8_t* at = shape.keys + shape.count;
  for (const Pair& pair : record) {
    Token token;
    at = ReadToken(at, &token);
    if (!strings_->Equals(token, WantedText(pair.key), pin)) return false;
  }
  return true;
}

bool Shapes::MetBefore(std::uint64_t hash) {
  if (filter_.empty()) {
    if (!filter_.TryReserve(kFilterSize)) return false;
    filter_.SetSize(kFilterSize);
    std::fill(filter_.begin(), filter_.end(), 0u);
  }
  std::uint32_t& place = filter_[hash % kFilterSize];
  const std::uint32_t fingerprint = static_cast<std::uint32_t>(hash >> 32 | 1);
  if (place == fingerprint) return true;
  place = fingerprint;
  return false;
}

std::optional<ShapeId> Shapes::Acquire(RecordView record) {
  // One key beside its value costs no more than a shape's number would.
  if (record.size() < 2 || record.size() > kMostKeys) return std::nullopt;
  ++lists_met_;
  const std::uint64_t hash = HashKeys(record);
  ReadPin pin = WriterPin();
  const std::uint64_t payload = index_.Find(hash, pin, [&](std::uint64_t candidate) {
    return HasKeys(shapes_[candidate - kFirstPayload], record);
  });
  if (payload == kNoPayload) {
    return MetBefore(hash) ? TryMake(record, hash) : std::nullopt;
  }
  const ShapeId id = static_cast<ShapeId>(payload - kFirstPayload);
  if (!IsWorthwhile(&shapes_[id])) return std::nullopt;
  if (shapes_[id].references++ == 0) --unused_;
  return id;
}

bool Shapes::IsWorthwhile(Shape* shape) {
  if (shape->references > 1) return true;
  const std::uint16_t age = static_cast<std::uint16_t>(Now() - shape->made);
  if (age < std::max<std::size_t>(kYoungTicks, 2 * size() / kListsATick)) return true;
  shape->made = Now();
  return false;
}

std::optional<ShapeId> Shapes::TryMake(RecordView record, std::uint64_t hash) {
  if (first_free_ == kNone && (shapes_.size() == kMostShapes || !shapes_.TryGrow())) {
    return std::nullopt;
  }
  if (!index_.TryGrow(memory_, hash, HashOfPayload())) return std::nullopt;
  ByteArray keys(memory_.door);
  std::size_t written = 0;
  while (written < record.size() &&
         strings_->Write(record[written].key, StringPolicy::kKeys, &keys)) {
    ++written;
  }
  void* block = nullptr;
  if (written == record.size()) {
    block = memory_.door->TryAllocate(kShapes, record.size() + keys.size());
  }
  if (block == nullptr) {
    const std::uint8_t* at = keys.data();
    for (; written > 0; --written) {
      Token token;
      at = ReadToken(at, &token);
      strings_->Release(token);
    }
    return std::nullopt;
  }
  std::uint8_t* to = static_cast<std::uint8_t*>(block);
  for (const Pair& pair : record) *to++ = TagOf(pair.key);
  std::memcpy(to, keys.data(), keys.size());
  ShapeId id = first_free_;
  if (id != kNone) {
    first_free_ = shapes_[id].references;
    --free_;
  } else {
    id = static_cast<ShapeId>(shapes_.Add());
  }
  shapes_[id] = {.hash = hash,
                 .keys = static_cast<std::uint8_t*>(block),
                 .count = static_cast<std::uint16_t>(record.size()),
                 .made = Now(),
                 .references = 1,
                 .born = eras_->now(),
                 .lost = 0};
  index_.Insert(hash, id + kFirstPayload);
  return id;
}

void Shapes::Release(ShapeId id) {
  if (--shapes_[id].references > 0) return;
  ++unused_;
  ++newly_unused_;
  shapes_[id].lost = eras_->now();
}

void Shapes::SweepSome() {
  const std::size_t come = std::exchange(newly_unused_, 0);
  if (unused_ < kFewUnused + size() / kUnusedShare) return;
  // At this share of unused ones, half of these steps meet as many as have come.
  SweepNext(kSweepPerWrite + 2 * kUnusedShare * come);
}

void Shapes::SweepNext(std::size_t most) {
  most = std::min(most, shapes_.size());
  for (std::size_t i = 0; i < most && unused_ > 0; ++i) {
    if (sweep_at_ >= shapes_.size()) sweep_at_ = 0;
    const ShapeId id = sweep_at_++;
    const Shape& shape = shapes_[id];
    if (shape.keys == nullptr || shape.references > 0) continue;
    if (shape.lost == eras_->now() || eras_->Pinned(shape.born, shape.lost)) continue;
    Free(id);
  }
}

void Shapes::Free(ShapeId id) {
  Shape& shape = shapes_[id];
  index_.Erase(memory_, shape.hash, id + kFirstPayload, HashOfPayload());
  ForEachKey(id, [this](const Token& key) { strings_->Release(key); });
  memory_.door->Free(kShapes, shape.keys);
  shape = {};
  shape.references = first_free_;
  first_free_ = id;
  ++free_;
  --unused_;
}

void Shapes::Clear() {
  for (std::size_t id = 0; id < shapes_.size(); ++id) {
    memory_.door->Free(kShapes, shapes_[id].keys);
  }
  shapes_.Clear();
  index_.Clear(memory_);
  filter_.Free();
  first_free_ = kNone;
  sweep_at_ = 0;
  free_ = unused_ = newly_unused_ = 0;
  lists_met_ = 0;
}

const char* Shapes::Fault() const {
  if (const char* const fault = index_.Fault(HashOfPayload())) return fault;
  std::size_t free = 0;
  for (ShapeId id = first_free_; id != kNone; id = shapes_[id].references) {
    if (id >= shapes_.size() || shapes_[id].keys != nullptr) return "a shape is free and in use";
    if (++free > free_) return "more shapes are free than are counted so";
  }
  if (free != free_) return "fewer shapes are free than are counted so";
  if (index_.size() + free_ != shapes_.size()) return "a shape is neither free nor in the index";
  std::size_t unused = 0;
  ForEach([&](ShapeId id) { unused += shapes_[id].references == 0; });
  return unused == unused_ ? nullptr : "other shapes are unused than are counted so";
}

std::uint64_t Shapes::BytesKept(const Eras::Guards& guards) const {
  std::uint64_t bytes = 0;
  if (unused_ == 0 || !guards.any()) return bytes;
  for (std::size_t id = 0; id < shapes_.size(); ++id) {
    const Shape& shape = shapes_[id];
    if (shape.keys == nullptr || !Kept(shape, guards)) continue;
    bytes += MemoryDoor::ReservedBytes(shape.keys);
  }
  return bytes;
}

void Shapes::AddTo(const Eras::Guards& guards, Layer* shapes, Layer* retained,
                   Layer* policy) const {
  shapes_.AddTo(shapes, free_ + unused_);
  index_.AddTo(memory_, shapes);
  shapes->count = size() - unused_;
  for (std::size_t id = 0; id < shapes_.size(); ++id) {
    const Shape& shape = shapes_[id];
    if (shape.keys == nullptr) continue;
    if (Kept(shape, guards)) {
      ++retained->count;
      retained->dead_bytes += MemoryDoor::ReservedBytes(shape.keys);
      continue;
    }
    const std::uint8_t* end = shape.keys + shape.count;
    for (std::uint32_t i = 0; i < shape.count; ++i) end = SkipToken(end);
    const std::uint64_t bytes = static_cast<std::uint64_t>(end - shape.keys);
    if (shape.references > 0) {
      shapes->AddBlock(shape.keys, bytes);
    } else {
      shapes->AddBlock(shape.keys, 0, bytes);
    }
  }
  filter_.AddTo(policy);
}

}  // namespace strata::packed
