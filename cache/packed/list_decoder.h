// Decodes a list into an array of pairs, in steps whose waits for memory overlap with other work:
//
//     Begin    walks the tokens: bytes that lie in the list are views at once; of a dictionary
//              string the place in the array is noted, and its entry fetched
//     Fetch    fetches the texts of the strings noted
//     Finish   puts their views, and the texts of numbers, where they belong
//
// Who enumerates lists begins the one after next, fetches for the next and finishes the present
// one; each step touches only what the step before has fetched. Of a long list the first strings
// are fetched so, and the others by Finish, a few ahead.
//
// Memory: some 140 bytes a pair of the longest list decoded, of the process's heap; std::bad_alloc
// leaves a decoder that holds nothing.
//
// Threads: one thread; the list must be kept by the pin of every step.
#ifndef STRATA_CACHE_PACKED_LIST_DECODER_H_
#define STRATA_CACHE_PACKED_LIST_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <strata/cache.h>
#include <strata/record.h>

#include "cache/packed/packed_map.h"

namespace strata::packed {

class ListDecoder {
 public:
  void Begin(const PackedMap& map, const PackedMap::FoundList& found);
  /// Whether Begin was called for this list, and nothing finished it since.
  bool Holds(const PackedMap::FoundList& found) const {
    return begun_ && found_.list == found.list && found_.count == found.count;
  }
  void Fetch(const PackedMap& map, ReadPin& pin) const;
  /// The records; views into the list, the dictionary and this decoder, good until the next Begin
  /// or the end of the pin.
  RecordsView Finish(const PackedMap& map, ReadPin& pin);

 private:
  // Which of the array's strings: 2 * pair, and 1 for the value.
  struct NotedString {
    std::uint64_t place;
    StringId id;
  };
  struct NotedNumber {
    std::uint64_t place;
    std::uint64_t number;
  };
  /// Takes the token at `at` down as the string at `place`; returns the byte after it.
  const std::uint8_t* Take(const Dictionary& dictionary, const std::uint8_t* at,
                           std::uint64_t place, std::string_view* text);
  /// Room for so many pairs in all, and what may be noted of them.
  void Reserve(std::size_t pairs);
  std::string_view& At(std::uint64_t place) {
    Pair& pair = pairs_[place / 2];
    return place % 2 == 0 ? pair.key : pair.value;
  }

  PackedMap::FoundList found_{};
  bool begun_ = false;
  // Arrays that only grow, and how much of each is filled.
  std::vector<Pair> pairs_;
  std::vector<std::size_t> record_ends_;
  std::vector<NotedString> strings_;
  std::vector<NotedNumber> numbers_;
  std::vector<char> digits_;
  std::size_t pair_count_ = 0;
  std::size_t string_count_ = 0;
  std::size_t number_count_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_LIST_DECODER_H_
