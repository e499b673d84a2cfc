// Looks for a key among those of a record, in steps whose waits for memory overlap with the waits
// of other such searches:
//
//     Begin    walks to the record and over its pairs. A key whose bytes lie there is compared at
//              once; of a dictionary's the place is noted, and its entry fetched
//     Fetch    finds the texts of the keys noted, and fetches them
//     Settle   compares them
//
// Each step touches only what the step before has fetched. Of the keys of a shape those are noted
// whose tag is the wanted key's. A record that has more keys to note than there is room for, and
// one whose strings moved between two steps, is left to who searches alone.
//
// Threads: one thread; the pin of the list that the record is in must be open through every step.
#ifndef STRATA_CACHE_PACKED_KEY_SEARCH_H_
#define STRATA_CACHE_PACKED_KEY_SEARCH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <strata/cache.h>

#include "cache/packed/dictionary.h"
#include "cache/packed/list_code.h"
#include "cache/packed/shapes.h"

namespace strata::packed {

class KeySearch {
 public:
  /// Searches nothing: Settle then finds nothing.
  void Begin() { state_ = State::kAbsent; }
  /// Searches the record that the walk from `place` comes to.
  void Begin(const RecordPlace& place, std::string_view key, const Dictionary& dictionary,
             const Shapes& shapes);
  void Fetch(const Dictionary& dictionary, ReadPin& pin);
  /// Whether the record has the key; `*pair` is then on it.
  bool Settle(PairPlace* pair);
  /// Asked after Settle found nothing: whether it could not tell. The record is to be searched in
  /// one step.
  bool failed() const { return state_ == State::kFailed; }
  const std::uint8_t* record() const { return record_; }

 private:
  static constexpr std::size_t kMostNoted = 4;
  enum class State : std::uint8_t { kAbsent, kNoted, kFound, kFailed };
  struct NotedKey {
    PairPlace pair;
    const std::uint8_t* text;
  };

  /// Looks at the pair that was read into the next place of noted_; false where the search has its
  /// end there.
  bool GoesOnBehind(const PairPlace& pair, const WantedText& wanted, const Dictionary& dictionary);

  State state_ = State::kAbsent;
  std::uint8_t noted_count_ = 0;
  const std::uint8_t* record_ = nullptr;
  std::string_view key_;
  std::array<NotedKey, kMostNoted> noted_;  // of kFound: the one, first
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_KEY_SEARCH_H_
