#include "cache/packed/shapes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "cache/packed/free_numbers.h"
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

std::size_t Shapes::TokenBytes(const Shape& shape) {
  const std::uint8_t* const begin = shape.keys + shape.count;
  const std::uint8_t* end = begin;
  for (std::uint32_t i = 0; i < shape.count; ++i) end = SkipToken(end);
  return static_cast<std::size_t>(end - begin);
}

// Each of its records has all tokens but one byte less, which is about its number's.
std::int64_t Shapes::BytesLost(const Shape& shape) const {
  const auto tokens = static_cast<std::int64_t>(TokenBytes(shape));
  const auto own =
      static_cast<std::int64_t>(sizeof(Shape) + NarrowSlots::kSlotBytes + ReservedBytes(shape));
  return own - std::int64_t{shape.references} * (tokens - 1);
}

bool Shapes::MuchIsLost(std::uint64_t all_bytes) {
  const std::uint64_t much = all_bytes / kLostShare;
  if (index_.size() * sizeof(Shape) < much / 4 || changes_ < look_at_changes_) return false;
  std::uint64_t lost = 0;
  ForEach([&](ShapeId id) {
    if (shapes_[id].references == 0) return;
    lost += static_cast<std::uint64_t>(std::max<std::int64_t>(BytesLost(shapes_[id]), 0));
  });
  // A few references that come or go do not make it much.
  if (lost <= much) look_at_changes_ = changes_ + (much - lost) / sizeof(Shape) + kShortList;
  return lost > much;
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

std::optional<ShapeId> Shapes::Find(RecordView record, std::uint64_t hash) const {
  ReadPin pin = WriterPin();
  std::optional<ShapeId> old;
  const std::uint64_t payload = index_.Find(hash, pin, [&](std::uint64_t candidate) {
    const ShapeId id = IdOf(candidate);
    if (!HasKeys(shapes_[id], record)) return false;
    if (IsOld(id)) old = id;
    return old != id;
  });
  return payload == kNoPayload ? old : IdOf(payload);
}

std::optional<ShapeId> Shapes::Acquire(RecordView record) {
  // One key beside its value costs no more than a shape's number would.
  if (record.size() < 2 || record.size() > kMostKeys) return std::nullopt;
  ++lists_met_;
  const std::uint64_t hash = HashKeys(record);
  const std::optional<ShapeId> id = Find(record, hash);
  if (!id) return MetBefore(hash) ? TryMake(record, hash) : std::nullopt;
  if (!IsWorthwhile(&shapes_[*id])) return std::nullopt;
  return AddReferenceToBest(*id);
}

bool Shapes::IsWorthwhile(Shape* shape) {
  if (shape->references > 1) return true;
  const std::uint16_t age = static_cast<std::uint16_t>(Now() - shape->made);
  if (age < std::max<std::size_t>(kYoungTicks, 2 * size() / kListsATick)) return true;
  shape->made = Now();
  return false;
}

template <class WriteKey, class TagOfKey>
std::optional<ShapeId> Shapes::TryAdd(std::optional<ShapeId> free, std::uint64_t hash,
                                      std::size_t count, WriteKey write_key, TagOfKey tag_of_key) {
  if (!free && (shapes_.size() == kMostShapes || !shapes_.TryGrow())) return std::nullopt;
  if (!index_.TryGrow(memory_, hash, HashOfPayload())) return std::nullopt;
  ByteArray tokens(door_);
  std::size_t written = 0;
  while (written < count && write_key(written, &tokens)) ++written;
  // Those of high numbers are given up for these: what is left of many comes to lie side by side.
  const SlabBlocks<kShapes>::Packing packing(&key_lists_, PacksKeyLists());
  key_lists_.NoteReplaced(BlockBytes(count + tokens.size()));
  void* const block =
      written == count ? key_lists_.TryAllocate(BlockBytes(count + tokens.size())) : nullptr;
  if (block == nullptr) {
    strings_->ReleaseAll(tokens.data(), tokens.end());
    return std::nullopt;
  }
  std::uint8_t* const keys = static_cast<std::uint8_t*>(block);
  for (std::size_t i = 0; i < count; ++i) keys[i] = tag_of_key(i);
  std::memcpy(keys + count, tokens.data(), tokens.size());
  const ShapeId id = free ? *free : static_cast<ShapeId>(shapes_.Add());
  if (free) --free_;
  shapes_[id] = {.hash = hash,
                 .keys = keys,
                 .count = static_cast<std::uint16_t>(count),
                 .made = Now(),
                 .references = 1,
                 .born = eras_->now(),
                 .lost = 0};
  index_.Insert(hash, id + kFirstPayload);
  return id;
}

std::optional<ShapeId> Shapes::TryMake(RecordView record, std::uint64_t hash) {
  return TryAdd(
      NextFree(), hash, record.size(),
      [&](std::size_t i, ByteArray* tokens) {
        return strings_->Write(record[i].key, StringPolicy::kKeys, tokens);
      },
      [&](std::size_t i) { return TagOf(record[i].key); });
}

std::optional<ShapeId> Shapes::NextFree() {
  return NextFreeNumber(shapes_.size(), free_, limit_, &next_,
                        [this](ShapeId id) { return shapes_[id].keys == nullptr; });
}

// Giving up.

bool Shapes::WantsLowNumbers(std::uint64_t all_bytes) const {
  return free_ > std::max(kShortList, shapes_.size() / 2) && free_ >= again_at_free_ &&
         free_ * sizeof(Shape) > all_bytes / kLostShare;
}

void Shapes::BeginGivingUp(std::uint64_t all_bytes) {
  renews_ = true;
  gives_up_ = MuchIsLost(all_bytes);
  // Room for all there are, and some that come meanwhile.
  if (WantsLowNumbers(all_bytes)) {
    const std::size_t used = index_.size() - unused_;
    limit_ = static_cast<ShapeId>(used + used / 8 + kFewUnused);
  }
  // Among low numbers there may be no room for second ones of those that have one.
  packs_ = limit_ == 0 && WantsPacking(all_bytes);
  if (PacksKeyLists()) key_lists_.BeginPacking();
}

void Shapes::EndGivingUp() {
  renews_ = gives_up_ = false;
  if (limit_ != 0) again_at_free_ = free_ + shapes_.size() / kUnusedShare;
  limit_ = 0;
  // What guards keep, or memory was wanting for.
  if (packs_) again_at_holes_ = 2 * key_lists_.hole_bytes();
  packs_ = false;
}

bool Shapes::HaveSameKeys(const Shape& a, const Shape& b) const {
  if (a.count != b.count || std::memcmp(a.keys, b.keys, a.count) != 0) return false;
  ReadPin pin = WriterPin();
  const std::uint8_t* at_a = a.keys + a.count;
  const std::uint8_t* at_b = b.keys + b.count;
  for (std::uint32_t i = 0; i < a.count; ++i) {
    char scratch[kNumberScratchBytes];
    Token token;
    at_a = ReadToken(at_a, &token);
    const WantedText text(strings_->Text(token, scratch, pin));
    at_b = ReadToken(at_b, &token);
    if (!strings_->Equals(token, text, pin)) return false;
  }
  return true;
}

bool Shapes::IsOld(ShapeId id) const {
  if (limit_ != 0 && id >= limit_) return true;
  if (packs_ && !key_lists_.IsPacked(shapes_[id].keys)) return true;
  if (!renews_) return false;
  const Dictionary& dictionary = strings_->dictionary();
  bool names_high = false;
  ForEachKey(id, [&](const Token& key) {
    names_high = names_high || (key.kind == Token::Kind::kDictionary &&
                                dictionary.IsHigh(static_cast<StringId>(key.number)));
  });
  return names_high;
}

std::optional<ShapeId> Shapes::FindNew(ShapeId id) const {
  ReadPin pin = WriterPin();
  const std::uint64_t payload = index_.Find(shapes_[id].hash, pin, [&](std::uint64_t candidate) {
    const ShapeId other = IdOf(candidate);
    return other != id && !IsOld(other) && HaveSameKeys(shapes_[other], shapes_[id]);
  });
  if (payload == kNoPayload) return std::nullopt;
  return IdOf(payload);
}

std::optional<ShapeId> Shapes::TryRenew(ShapeId id) {
  const std::optional<ShapeId> free = NextFree();
  if (!free && limit_ != 0) return std::nullopt;
  const std::uint8_t* at = keys(id);
  return TryAdd(
      free, shapes_[id].hash, key_count(id),
      [&](std::size_t, ByteArray* tokens) {
        Token token;
        at = ReadToken(at, &token);
        return strings_->Rewrite(token, tokens);
      },
      [&](std::size_t i) { return tags(id)[i]; });
}

std::optional<ShapeId> Shapes::AddReferenceToBest(ShapeId id) {
  const bool is_old = IsOld(id);
  std::optional<ShapeId> other = is_old ? FindNew(id) : std::nullopt;
  if (!other && gives_up_ && BytesLost(shapes_[id]) > 0) return std::nullopt;
  if (!other && is_old) {
    // Without memory the old one stays, and the lists of numbers as long as it makes them.
    if (const std::optional<ShapeId> made = TryRenew(id)) return made;
  }
  AddReference(other.value_or(id));
  return other.value_or(id);
}

void Shapes::Shrink() {
  std::size_t size = shapes_.size();
  while (size > 0 && shapes_[size - 1].keys == nullptr) --size;
  const std::size_t behind = shapes_.size() - size;
  if (behind <= std::max(kShortList, shapes_.size() / kUnusedShare)) return;
  free_ -= behind;
  shapes_.Shrink(size);
  again_at_free_ = 0;
}

bool Shapes::Tidy(std::size_t budget_bytes) {
  return index_.TidySome(memory_, HashOfPayload(), &tidied_, budget_bytes);
}

void Shapes::Release(ShapeId id) {
  ++changes_;
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
  key_lists_.Free(shape.keys, BlockBytes(shape));
  shape = {};
  ++free_;
  --unused_;
}

void Shapes::Clear() {
  for (std::size_t id = 0; id < shapes_.size(); ++id) {
    if (shapes_[id].keys != nullptr) key_lists_.Free(shapes_[id].keys, BlockBytes(shapes_[id]));
  }
  shapes_.Clear();
  index_.Clear(memory_);
  filter_.Free();
  tidied_ = {};
  sweep_at_ = next_ = limit_ = 0;
  again_at_free_ = again_at_holes_ = 0;
  free_ = unused_ = newly_unused_ = 0;
  lists_met_ = 0;
  changes_ = look_at_changes_ = 0;
  renews_ = gives_up_ = packs_ = false;
}

const char* Shapes::Fault() const {
  if (const char* const fault = index_.Fault(HashOfPayload())) return fault;
  if (const char* const fault = index_blocks_.Fault()) return fault;
  if (const char* const fault = key_lists_.Fault()) return fault;
  std::size_t free = 0;
  for (std::size_t id = 0; id < shapes_.size(); ++id) free += shapes_[id].keys == nullptr;
  if (free != free_) return "other shapes are free than are counted so";
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
    bytes += ReservedBytes(shape);
  }
  return bytes;
}

void Shapes::AddTo(const Eras::Guards& guards, Layer* shapes, Layer* retained,
                   Layer* policy) const {
  shapes_.AddTo(shapes, free_ + unused_);
  index_.AddTo(memory_, shapes);
  index_blocks_.AddTo(shapes);
  key_lists_.AddTo(shapes);
  shapes->count = size() - unused_;
  for (std::size_t id = 0; id < shapes_.size(); ++id) {
    const Shape& shape = shapes_[id];
    if (shape.keys == nullptr) continue;
    if (Kept(shape, guards)) {
      ++retained->count;
      retained->dead_bytes += ReservedBytes(shape);
      continue;
    }
    const std::uint64_t bytes = shape.count + TokenBytes(shape);
    (shape.references > 0 ? shapes->used_bytes : shapes->dead_bytes) += bytes;
    shapes->slack_bytes += ReservedBytes(shape) - bytes;
  }
  filter_.AddTo(policy);
}

}  // namespace strata::packed
