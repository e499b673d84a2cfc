#include "cache/packed/key_search.h"

namespace strata::packed {

void KeySearch::Begin(const RecordPlace& place, std::string_view key, const Dictionary& dictionary,
                      const Shapes& shapes) {
  const VarintsBefore read{place.end};
  const WantedText wanted(key);
  key_ = key;
  noted_count_ = 0;
  state_ = State::kAbsent;
  record_ = WalkTo(place, shapes, read);
  const StoredRecord record = ReadRecord(record_, shapes);
  const bool shaped = record.shape_keys != nullptr;
  const std::uint8_t* const tags = shaped ? shapes.tags(record.shape) : nullptr;
  const std::uint8_t tag = shaped ? Shapes::TagOf(key) : 0;
  const std::uint8_t* keys = record.shape_keys;
  const std::uint8_t* at = record.tokens;
  for (std::size_t i = 0; i < record.pairs; ++i) {
    if (shaped && tags[i] != tag) {
      keys = SkipToken(keys);
      at = SkipToken(at);
      continue;
    }
    PairPlace& pair = noted_[noted_count_].pair;
    if (shaped) {
      keys = ReadHead(keys, &pair.key);
    } else {
      at = ReadHead(at, &pair.key, read);
    }
    at = ReadHead(at, &pair.value, read);
    pair.keys = keys;
    pair.at = at;
    pair.left = record.pairs - i;
    if (!GoesOnBehind(pair, wanted, dictionary)) return;
  }
}

bool KeySearch::GoesOnBehind(const PairPlace& pair, const WantedText& wanted,
                             const Dictionary& dictionary) {
  const Token key = TokenOf(pair.key);
  if (key.kind != Token::Kind::kDictionary) {
    if (!IsText(key, wanted)) return true;
    state_ = State::kFound;
    noted_[0].pair = pair;
    return false;
  }
  // What can be a number is no dictionary's.
  if (wanted.number.has_value()) return true;
  dictionary.PrefetchEntry(static_cast<StringId>(key.number));
  state_ = State::kNoted;
  if (++noted_count_ < kMostNoted) return true;
  if (pair.left > 1) state_ = State::kFailed;
  return false;
}

void KeySearch::Fetch(const Dictionary& dictionary, ReadPin& pin) {
  if (state_ != State::kNoted) return;
  for (std::size_t i = 0; i < noted_count_; ++i) {
    const Token key = TokenOf(noted_[i].pair.key);
    noted_[i].text = dictionary.PrefetchText(static_cast<StringId>(key.number), pin);
    if (noted_[i].text == nullptr) state_ = State::kFailed;
  }
}

bool KeySearch::Settle(PairPlace* pair) {
  if (state_ == State::kNoted) {
    state_ = State::kAbsent;
    for (std::size_t i = 0; i < noted_count_; ++i) {
      if (Dictionary::TextAt(noted_[i].text) != key_) continue;
      *pair = noted_[i].pair;
      return true;
    }
  }
  if (state_ == State::kFound) *pair = noted_[0].pair;
  return state_ == State::kFound;
}

}  // namespace strata::packed
