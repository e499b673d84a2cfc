#include "cache/packed/list_decoder.h"

#include <algorithm>
#include <span>

namespace strata::packed {
namespace {

// So many strings of a list are fetched ahead of Finish: as many as the nearest cache bears.
constexpr std::size_t kFetchStrings = 128;
// How far ahead of itself Finish fetches entries, and half as far texts.
constexpr std::size_t kAhead = 32;

}  // namespace

inline const std::uint8_t* ListDecoder::Take(const Dictionary& dictionary, const std::uint8_t* at,
                                             std::uint64_t place, std::string_view* text) {
  TokenHead read;
  at = ReadHead(at, &read);
  const Token token = TokenOf(read);
  switch (token.kind) {
    case Token::Kind::kInline:
      *text = token.inline_text();
      break;
    case Token::Kind::kDictionary:
      if (string_count_ < kFetchStrings) {
        dictionary.PrefetchEntry(static_cast<StringId>(token.number));
      }
      strings_[string_count_++] = {place, static_cast<StringId>(token.number)};
      break;
    case Token::Kind::kNumber:
      numbers_[number_count_++] = {place, token.number};
      break;
  }
  return at;
}

void ListDecoder::Reserve(std::size_t pairs) {
  const std::size_t wanted = std::max(pairs, 2 * pairs_.size());
  strings_.resize(2 * wanted);
  numbers_.resize(2 * wanted);
  pairs_.resize(wanted);
}

void ListDecoder::Begin(const PackedMap& map, const PackedMap::FoundList& found) {
  begun_ = false;
  pair_count_ = string_count_ = number_count_ = 0;
  record_ends_.resize(found.count);
  const Dictionary& dictionary = map.strings().dictionary();
  const std::uint8_t* at = ReadList(found.list).records;
  for (std::size_t i = 0; i < found.count; ++i) {
    const StoredRecord record = ReadRecord(at, map.shapes());
    at = record.tokens;
    const std::uint8_t* keys = record.shape_keys;
    const std::size_t end = pair_count_ + record.pairs;
    if (end > pairs_.size()) Reserve(end);
    for (; pair_count_ < end; ++pair_count_) {
      Pair& pair = pairs_[pair_count_];
      if (keys != nullptr) {
        keys = Take(dictionary, keys, 2 * pair_count_, &pair.key);
      } else {
        at = Take(dictionary, at, 2 * pair_count_, &pair.key);
      }
      at = Take(dictionary, at, 2 * pair_count_ + 1, &pair.value);
    }
    record_ends_[i] = end;
  }
  found_ = found;
  begun_ = true;
}

void ListDecoder::Fetch(const PackedMap& map, ReadPin& pin) const {
  BeginRead(pin);
  const std::size_t count = std::min(string_count_, kFetchStrings);
  for (std::size_t i = 0; i < count; ++i) {
    map.strings().dictionary().PrefetchText(strings_[i].id, pin);
  }
}

RecordsView ListDecoder::Finish(const PackedMap& map, ReadPin& pin) {
  if (digits_.size() < number_count_ * kNumberScratchBytes) {
    digits_.resize(number_count_ * kNumberScratchBytes);
  }
  char* digits = digits_.data();
  for (const NotedNumber& noted : std::span(numbers_).first(number_count_)) {
    At(noted.place) = NumberText(noted.number, digits);
    digits += kNumberScratchBytes;
  }
  const Dictionary& dictionary = map.strings().dictionary();
  ReadWhole(pin, [&] {
    for (std::size_t i = 0; i < string_count_ && !pin.moved; ++i) {
      if (i >= kFetchStrings) {
        if (i + kAhead < string_count_) dictionary.PrefetchEntry(strings_[i + kAhead].id);
        if (i + kAhead / 2 < string_count_) {
          dictionary.PrefetchText(strings_[i + kAhead / 2].id, pin);
        }
      }
      At(strings_[i].place) = dictionary.Text(strings_[i].id, pin);
    }
    return true;
  });
  return {std::span(pairs_).first(pair_count_), record_ends_};
}

}  // namespace strata::packed
