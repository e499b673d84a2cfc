#include "cache/packed/shapes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "cache/packed/string_coder.h"
#include "cache/packed/token.h"

namespace strata::packed {

std::uint64_t Shapes::HashKeys(RecordView record) {
  std::uint64_t hash = record.size();
  for (const Pair& pair : record) {
    hash = XXH3_64bits_withSeed(pair.key.data(), pair.key.size(), hash);
  }
  return hash;
}

bool Shapes::HasKeys(const Shape& shape, RecordView record) const {
  if (shape.count != record.size()) return false;
  const std::uint8_t* at = shape.keys;
  for (const Pair& pair : record) {
    Token token;
    at = ReadToken(at, &token);
    if (!strings_->Equals(token, pair.key)) return false;
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
  if (record.size() < 2) return std::nullopt;
  const std::uint64_t hash = HashKeys(record);
  const std::uint64_t payload = index_.Find(hash, [&](std::uint64_t candidate) {
    return HasKeys(shapes_[candidate - kFirstPayload], record);
  });
  if (payload == kNoPayload) {
    return MetBefore(hash) ? TryMake(record, hash) : std::nullopt;
  }
  const ShapeId id = static_cast<ShapeId>(payload - kFirstPayload);
  ++shapes_[id].references;
  return id;
}

std::optional<ShapeId> Shapes::TryMake(RecordView record, std::uint64_t hash) {
  if (first_free_ == kNone && !shapes_.TryReserve(shapes_.size() + 1)) return std::nullopt;
  if (!index_.TryGrow(hash, HashOfPayload())) return std::nullopt;
  ByteArray keys(door_);
  std::size_t written = 0;
  while (written < record.size() &&
         strings_->Write(record[written].key, StringPolicy::kKeys, &keys)) {
    ++written;
  }
  void* block = nullptr;
  if (written == record.size()) block = door_->TryAllocate(kShapes, keys.size());
  if (block == nullptr) {
    const std::uint8_t* at = keys.data();
    for (; written > 0; --written) {
      Token token;
      at = ReadToken(at, &token);
      strings_->Release(token);
    }
    return std::nullopt;
  }
  std::memcpy(block, keys.data(), keys.size());
  ShapeId id = first_free_;
  if (id != kNone) {
    first_free_ = shapes_[id].count;
  } else {
    id = static_cast<ShapeId>(shapes_.size());
    shapes_.SetSize(shapes_.size() + 1);
  }
  shapes_[id] = {hash, static_cast<std::uint8_t*>(block), static_cast<std::uint32_t>(record.size()),
                 1};
  index_.Insert(hash, id + kFirstPayload);
  return id;
}

void Shapes::Release(ShapeId id) {
  Shape& shape = shapes_[id];
  if (--shape.references > 0) return;
  index_.Erase(shape.hash, id + kFirstPayload, HashOfPayload());
  const std::uint8_t* at = shape.keys;
  for (std::uint32_t i = 0; i < shape.count; ++i) {
    Token token;
    at = ReadToken(at, &token);
    strings_->Release(token);
  }
  door_->Free(kShapes, shape.keys);
  shape = {0, nullptr, first_free_, 0};
  first_free_ = id;
}

void Shapes::Clear() {
  for (const Shape& shape : shapes_) door_->Free(kShapes, shape.keys);
  shapes_.Free();
  index_.Clear();
  filter_.Free();
  first_free_ = kNone;
}

void Shapes::AddTo(Layer* shapes, Layer* policy) const {
  shapes_.AddTo(shapes);
  index_.AddTo(shapes);
  shapes->count = size();
  for (const Shape& shape : shapes_) {
    if (shape.keys == nullptr) continue;
    const std::uint8_t* end = shape.keys;
    for (std::uint32_t i = 0; i < shape.count; ++i) end = SkipToken(end);
    shapes->AddBlock(shape.keys, static_cast<std::uint64_t>(end - shape.keys));
  }
  filter_.AddTo(policy);
}

}  // namespace strata::packed
