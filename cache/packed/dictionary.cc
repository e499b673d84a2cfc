#include "cache/packed/dictionary.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace strata::packed {

Dictionary::Dictionary(MemoryDoor* door, SegmentStore* log, std::uint64_t seed)
    : door_(door), log_(log), seed_(seed), index_(door), pages_(door) {}

Dictionary::~Dictionary() { Clear(); }

std::uint64_t Dictionary::Hash(std::string_view text) const {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed_);
}

std::optional<StringId> Dictionary::Find(std::string_view text, std::uint64_t hash) const {
  const std::uint64_t payload =
      index_.Find(hash, [&](std::uint64_t candidate) { return Text(IdOf(candidate)) == text; });
  if (payload == kNoPayload) return std::nullopt;
  return IdOf(payload);
}

void Dictionary::AddReference(StringId id) {
  if (references(id) < kManyReferences) Entry(id) += std::uint64_t{1} << kLocationBits;
}

std::optional<StringId> Dictionary::TryAdd(std::string_view text, std::uint64_t hash) {
  if (next_ == kNone - kFirstPayload && first_free_ == kNone) return std::nullopt;
  if (!index_.TryGrow(hash, HashOfPayload())) return std::nullopt;
  if (first_free_ == kNone && next_ / kPageEntries == pages_.size()) {
    void* const page = door_->TryAllocate(kDictionaryTable, kPageEntries * sizeof(std::uint64_t));
    if (page == nullptr) return std::nullopt;
    if (!pages_.TryPushBack(static_cast<std::uint64_t*>(page))) {
      door_->Free(kDictionaryTable, page);
      return std::nullopt;
    }
  }
  Location location = kNowhere;
  std::uint8_t* const to =
      log_->Append(SegmentStore::Head::kWrite, BlobKind::kString, text.size(), &location);
  if (to == nullptr) return std::nullopt;
  if (!text.empty()) std::memcpy(to, text.data(), text.size());

  StringId id = next_;
  if (first_free_ != kNone) {
    id = first_free_;
    first_free_ = static_cast<StringId>(Entry(id));
  } else {
    ++next_;
  }
  Entry(id) = std::uint64_t{1} << kLocationBits | location;
  index_.Insert(hash, id + kFirstPayload);
  return id;
}

void Dictionary::Release(StringId id) {
  const std::uint32_t count = references(id);
  if (count == kManyReferences) return;
  assert(count > 0);
  Entry(id) -= std::uint64_t{1} << kLocationBits;
  if (count > 1) return;
  index_.Erase(Hash(Text(id)), id + kFirstPayload, HashOfPayload());
  log_->Kill(LocationOf(id));
  Entry(id) = first_free_;
  first_free_ = id;
}

bool Dictionary::Move(Location from, const Blob& blob) {
  const std::string_view text(reinterpret_cast<const char*>(blob.payload), blob.payload_bytes);
  const StringId id = IdOf(index_.Find(
      Hash(text), [&](std::uint64_t candidate) { return LocationOf(IdOf(candidate)) == from; }));
  Location to = kNowhere;
  std::uint8_t* const bytes =
      log_->Append(SegmentStore::Head::kClean, BlobKind::kString, blob.payload_bytes, &to);
  if (bytes == nullptr) return false;
  if (blob.payload_bytes > 0) std::memcpy(bytes, blob.payload, blob.payload_bytes);
  log_->Kill(from);
  Entry(id) = Entry(id) - from + to;
  return true;
}

void Dictionary::AddTo(Layer* table, Layer* index) const {
  table->count = size();
  pages_.AddTo(table);
  std::size_t counted = 0;  // entries of earlier pages
  // Which of the numbers given are free does not show in the page; the list of them tells.
  std::size_t free_numbers = 0;
  for (StringId id = first_free_; id != kNone; id = static_cast<StringId>(Entry(id))) {
    ++free_numbers;
  }
  for (std::uint64_t* const page : pages_) {
    const std::size_t given = std::min<std::size_t>(next_ - counted, kPageEntries);
    table->AddBlock(page, given * sizeof(std::uint64_t));
    counted += given;
  }
  table->used_bytes -= free_numbers * sizeof(std::uint64_t);
  table->dead_bytes += free_numbers * sizeof(std::uint64_t);
  index_.AddTo(index);
}

void Dictionary::Clear() {
  index_.Clear();
  for (std::uint64_t* const page : pages_) door_->Free(kDictionaryTable, page);
  pages_.Free();
  next_ = 0;
  first_free_ = kNone;
}

}  // namespace strata::packed
