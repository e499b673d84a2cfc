#include "cache/packed/list_decoder.h"

#include <algorithm>
#include <span>

#include "absl/base/attributes.h"

namespace strata::packed {
namespace {

// How far ahead of itself Finish fetches entries, and half as far texts.
constexpr std::size_t kAhead = 32;

}  // namespace

void ListDecoder::Reserve(std::size_t pairs) {
  strings_.resize(2 * pairs + 1);
  digits_.resize(2 * pairs * kNumberScratchBytes);
  pairs_.resize(pairs);
}

inline bool ListDecoder::FetchNext(const Dictionary& dictionary, ReadPin& pin) {
  if (address_count_ >= string_count_ || address_count_ >= kFetchStrings) return false;
  const std::uint8_t* const address = dictionary.PrefetchText(strings_[address_count_].id, pin);
  if (address == nullptr) return false;
  addresses_[address_count_++] = address;
  return true;
}

bool ListDecoder::TakeList(const PackedMap& map, const PackedMap::FoundList& found, ReadPin& pin,
                           ListDecoder* before) {
  const Dictionary& dictionary = map.strings().dictionary();
  const StoredList list = ReadList(found.list);
  // How far a token may be read in words of four bytes: not at all where the end is not known, and
  // behind the records of a growing list the writer may be at work.
  const bool to_end = list.word == nullptr && found.end != nullptr;
  const std::uint8_t* const end = to_end ? found.end : list.records;
  // How far each array is filled: here, where no text that is written may be one of them.
  Pair* pair = pairs_.data();
  NotedString* noted = strings_.data();
  NotedString* const fetched_end = noted + std::min(strings_.size(), kFetchStrings);
  char* digits = digits_.data();
  const auto take = [&](const std::uint8_t* limit, const std::uint8_t* from,
                        std::string_view* text) ABSL_ATTRIBUTE_ALWAYS_INLINE {
    std::uint64_t head = 0;
    from = ReadVarintBefore(limit, from, &head);
    if ((head & 3) == 3) {
      *text = NumberText(head >> 2, digits);
      digits += kNumberScratchBytes;
      return from;
    }
    // Whether a string is the dictionary's or inline nobody can foresee, so no branch is on it: it
    // is taken for both, and what is noted of an inline one overwritten.
    const std::uint64_t is_inline = head & 1;
    *text = {reinterpret_cast<const char*>(from), static_cast<std::size_t>(head >> 2)};
    *noted = {text, static_cast<StringId>(head >> 1)};
    if (noted < fetched_end) dictionary.PrefetchEntry(noted->id);
    noted += 1 - is_inline;
    if (before != nullptr) before->FetchNext(dictionary, pin);
    return from + (text->size() & (0 - is_inline));
  };
  const std::uint8_t* at = list.records;
  for (std::size_t i = 0; i < found.count; ++i) {
    const StoredRecord record = ReadRecord(at, map.shapes());
    if (record.pairs > static_cast<std::size_t>(pairs_.data() + pairs_.size() - pair)) return false;
    Pair* const pairs_end = pair + record.pairs;
    at = record.tokens;
    if (const std::uint8_t* keys = record.shape_keys) {
      for (Pair* shaped = pair; shaped < pairs_end; ++shaped) keys = take(keys, keys, &shaped->key);
      for (; pair < pairs_end; ++pair) at = take(end, at, &pair->value);
    } else {
      for (; pair < pairs_end; ++pair) at = take(end, take(end, at, &pair->key), &pair->value);
    }
    record_ends_[i] = static_cast<std::size_t>(pair - pairs_.data());
  }
  pair_count_ = static_cast<std::size_t>(pair - pairs_.data());
  string_count_ = static_cast<std::size_t>(noted - strings_.data());
  address_count_ = 0;
  return true;
}

void ListDecoder::Begin(const PackedMap& map, const PackedMap::FoundList& found, ReadPin& pin,
                        ListDecoder* before) {
  begun_under_ = nullptr;
  BeginRead(pin);
  record_ends_.resize(found.count);
  while (!TakeList(map, found, pin, before)) Reserve(std::max<std::size_t>(64, 2 * pairs_.size()));
  found_ = found;
  begun_under_ = &pin;
  begun_in_ = pin.lower;
}

void ListDecoder::Fetch(const PackedMap& map, ReadPin& pin) {
  BeginRead(pin);
  const Dictionary& dictionary = map.strings().dictionary();
  while (FetchNext(dictionary, pin)) {
  }
}

RecordsView ListDecoder::Finish(const PackedMap& map, ReadPin& pin) {
  for (std::size_t i = 0; i < address_count_; ++i) {
    *strings_[i].text = Dictionary::TextAt(addresses_[i]);
  }
  const Dictionary& dictionary = map.strings().dictionary();
  ReadWhole(pin, [&] {
    for (std::size_t i = address_count_; i < string_count_ && !pin.moved; ++i) {
      if (i >= kFetchStrings) {
        if (i + kAhead < string_count_) dictionary.PrefetchEntry(strings_[i + kAhead].id);
        if (i + kAhead / 2 < string_count_) {
          dictionary.PrefetchText(strings_[i + kAhead / 2].id, pin);
        }
      }
      *strings_[i].text = dictionary.Text(strings_[i].id, pin);
    }
    return true;
  });
  return {std::span(pairs_).first(pair_count_), record_ends_};
}

}  // namespace strata::packed
