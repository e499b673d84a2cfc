#include "cache/packed/dictionary.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "cache/packed/free_numbers.h"

namespace strata::packed {

Dictionary::Dictionary(MemoryDoor* door, SegmentStore* log, std::uint64_t seed,
                       std::uint64_t most_bytes)
    : log_(log),
      seed_(seed),
      index_blocks_(door),
      memory_{.blocks = &index_blocks_},
      table_(door, kMostStrings, most_bytes) {}

std::uint64_t Dictionary::Hash(std::string_view text) const {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed_);
}

std::optional<StringId> Dictionary::Find(std::string_view text, std::uint64_t hash) const {
  ReadPin pin = WriterPin();
  std::uint64_t high = kNoPayload;  // a number that is being given up
  const std::uint64_t payload = index_.Find(hash, pin, [&](std::uint64_t candidate) {
    if (OwnText(IdOf(candidate)) != text) return false;
    if (IsHigh(IdOf(candidate))) high = candidate;
    return high != candidate;
  });
  if (payload != kNoPayload) return IdOf(payload);
  if (high != kNoPayload) return IdOf(high);
  return std::nullopt;
}

StringId Dictionary::BestOf(StringId id) const {
  const std::string_view text = OwnText(id);
  return Find(text, Hash(text)).value_or(id);
}

StringId Dictionary::AddReferenceBelowLimit(StringId id) {
  if (IsHigh(id)) id = BestOf(id);
  if (IsHigh(id)) {
    // Without memory it keeps the old one, and the table some of its length.
    const std::optional<StringId> low = NextFree();
    const std::string_view text = OwnText(id);
    if (low && TryAddUnder(low, text, Hash(text))) return *low;
  }
  AddReference(id);
  return id;
}

void Dictionary::AddReference(StringId id) {
  const std::uint32_t count = references(id);
  if (count == kManyReferences) return;
  if (count > 0) return SetEntry(id, Entry(id) + kOneReference);
  --unused_;
  log_->RemoveUnused(LocationOf(id), BlobBytes(id));
  SetEntry(id, kOneReference | LocationOf(id));
}

std::optional<StringId> Dictionary::TryAdd(std::string_view text, std::uint64_t hash) {
  return TryAddUnder(NextFree(), text, hash);
}

std::optional<StringId> Dictionary::TryAddUnder(std::optional<StringId> free, std::string_view text,
                                                std::uint64_t hash) {
  if (!index_.TryGrow(memory_, hash, HashOfPayload())) return std::nullopt;
  if (!free && (table_.size() == kMostStrings || !table_.TryGrow())) return std::nullopt;
  Location location = kNowhere;
  std::uint8_t* const to =
      log_->Append(SegmentStore::Head::kStrings, BlobKind::kString, text.size(), &location);
  if (to == nullptr) return std::nullopt;
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  const StringId id = free ? *free : static_cast<StringId>(table_.Add());
  if (free) --free_;
  SetEntry(id, kOneReference | location);
  index_.Insert(hash, id + kFirstPayload);
  return id;
}

std::optional<StringId> Dictionary::NextFree() {
  return NextFreeNumber(table_.size(), free_, limit_, &next_,
                        [this](StringId id) { return Entry(id) == 0; });
}

void Dictionary::Release(StringId id) {
  const std::uint32_t count = references(id);
  if (count == kManyReferences) return;
  assert(count > 0);
  if (count > 1) return SetEntry(id, Entry(id) - kOneReference);
  SetEntry(id, (kFirstLoss + log_->now() % kEras) << kLocationBits | LocationOf(id));
  ++unused_;
  log_->AddUnused(LocationOf(id), BlobBytes(id));
}

bool Dictionary::Move(Location from, const Blob& blob) {
  const std::string_view text(reinterpret_cast<const char*>(blob.payload), blob.payload_bytes);
  const std::uint64_t hash = Hash(text);
  ReadPin pin = WriterPin();
  const StringId id = IdOf(index_.Find(
      hash, pin, [&](std::uint64_t candidate) { return LocationOf(IdOf(candidate)) == from; }));
  const bool is_unused = references(id) == 0;
  const Era loss = LossOf(id);
  if (is_unused && log_->MayDrop(from, loss)) {
    index_.Erase(memory_, hash, id + kFirstPayload, HashOfPayload());
    log_->DropUnused(from, blob.total_bytes);
    SetEntry(id, 0);
    ++free_;
    --unused_;
    return true;
  }
  Location to = kNowhere;
  std::uint8_t* const bytes = log_->Append(
      log_->IsOfGuards(from) ? SegmentStore::Head::kOldStrings : SegmentStore::Head::kStrings,
      BlobKind::kString, blob.payload_bytes, &to);
  if (bytes == nullptr) return false;
  if (blob.payload_bytes > 0) std::memcpy(bytes, blob.payload, blob.payload_bytes);
  log_->InheritAge(from, to);
  SetEntry(id, Entry(id) - from + to);
  if (is_unused) {
    log_->MoveUnused(from, to, blob.total_bytes, loss);
  } else {
    log_->Kill(from);
  }
  return true;
}

void Dictionary::BeginShrinking() {
  // Room for all strings there are, and some that come meanwhile.
  limit_ = static_cast<StringId>(index_.size() + index_.size() / 8 + kSmallTable / 4);
}

bool Dictionary::EndShrinking(std::size_t most, bool by_writes) {
  const std::size_t before = table_.size();
  const std::size_t least = std::max<std::size_t>(limit_, before - std::min(before, most));
  std::size_t size = before;
  while (size > least && Entry(static_cast<StringId>(size - 1)) == 0) --size;
  free_ -= before - size;
  table_.Shrink(size);
  if (size == least && size > limit_) return false;
  // What readers still hold, and shapes, keeps its number. Where all were given up most may be free
  // again, for the pass has dropped shapes and with them strings.
  const bool was_all = size <= limit_;
  limit_ = 0;
  again_at_free_ = was_all ? 0 : free_ + size / 8;
  again_at_unused_ = was_all ? 0 : unused_ + size / 8;
  again_at_size_ = was_all ? 0 : size + size / 8;
  again_when_idle_ = by_writes;
  return true;
}

bool Dictionary::Tidy(std::size_t budget_bytes) {
  return index_.TidySome(memory_, HashOfPayload(), &tidied_, budget_bytes);
}

const char* Dictionary::Fault() const {
  if (const char* const fault = index_.Fault(HashOfPayload())) return fault;
  if (const char* const fault = index_blocks_.Fault()) return fault;
  std::size_t free = 0;
  for (std::size_t id = 0; id < table_.size(); ++id) {
    free += Entry(static_cast<StringId>(id)) == 0 ? 1 : 0;
  }
  if (free != free_) return "other numbers are free than are counted so";
  if (index_.size() + free_ != table_.size()) return "a number is neither free nor a string's";
  // That a string has two is no fault: the higher one is named until all who name it are written
  // anew.
  return nullptr;
}

void Dictionary::AddTo(Layer* table, Layer* index) const {
  table->count = size() - unused_;
  table_.AddTo(table, free_ + unused_);
  index_.AddTo(memory_, index);
  index_blocks_.AddTo(index);
  index->count = size() - unused_;
  // A slot of a string that nobody names is dead too.
  index->used_bytes -= unused_ * NarrowSlots::kSlotBytes;
  index->dead_bytes += unused_ * NarrowSlots::kSlotBytes;
}

void Dictionary::Clear() {
  index_.Clear(memory_);
  table_.Clear();
  free_ = unused_ = 0;
  next_ = limit_ = 0;
  again_at_free_ = again_at_unused_ = again_at_size_ = 0;
  again_when_idle_ = false;
  tidied_ = {};
}

}  // namespace strata::packed
