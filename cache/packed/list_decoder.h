// Decodes a list into an array of pairs, in steps whose waits for memory overlap with other work:
//
//     Begin    walks the tokens: bytes that lie in the list are views at once, numbers are written
//              out; a dictionary string is noted, and its entry fetched
//     Fetch    finds the strings noted, and fetches their texts
//     Finish   puts their views where they belong
//
// Who enumerates lists begins the one after next, fetches for the next and finishes the present
// one; each step touches only what the step before has fetched. A fetch that finds too many others
// on their way waits, so Begin mixes those of the list before among its own. Of a long list the
// first strings are fetched so, and the others by Finish, a few ahead.
//
// Memory: 104 to 208 bytes a pair of the longest list decoded, of the process's heap;
// std::bad_alloc leaves a decoder that holds nothing.
//
// Threads: one thread; the pin that Begin was called under must keep the list through every step.
#ifndef STRATA_CACHE_PACKED_LIST_DECODER_H_
#define STRATA_CACHE_PACKED_LIST_DECODER_H_

#include <array>
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
  /// `before`, if any, is one that holds a list under the same pin, which Fetch is to be called
  /// for.
  void Begin(const PackedMap& map, const PackedMap::FoundList& found, ReadPin& pin,
             ListDecoder* before);
  /// Whether Begin was called for this list under this pin, and nothing since.
  bool Holds(const PackedMap::FoundList& found, const ReadPin& pin) const {
    return begun_under_ == &pin && begun_in_ == pin.lower && found_.list == found.list &&
           found_.count == found.count;
  }
  void Fetch(const PackedMap& map, ReadPin& pin);
  /// The records; views into the list, the dictionary and this decoder, good until the next Begin
  /// or the end of the pin.
  RecordsView Finish(const PackedMap& map, ReadPin& pin);

 private:
  // So many strings of a list are fetched ahead of Finish: as many as the nearest cache bears.
  static constexpr std::size_t kFetchStrings = 128;

  struct NotedString {
    std::string_view* text;
    StringId id;
  };
  /// Takes all of the list's tokens down; false where there are more pairs than room.
  bool TakeList(const PackedMap& map, const PackedMap::FoundList& found, ReadPin& pin,
                ListDecoder* before);
  /// Fetches the text of one string more; false where there is none to fetch.
  bool FetchNext(const Dictionary& dictionary, ReadPin& pin);
  /// Room for so many pairs, and what may be noted of them.
  void Reserve(std::size_t pairs);

  PackedMap::FoundList found_{};
  const ReadPin* begun_under_ = nullptr;  // null: holds nothing
  Era begun_in_ = 0;
  // Arrays that only grow, and how much of each is filled.
  std::vector<Pair> pairs_;
  std::vector<std::size_t> record_ends_;
  std::vector<NotedString> strings_;
  std::vector<char> digits_;
  std::size_t pair_count_ = 0;
  std::size_t string_count_ = 0;
  // Where the first strings are.
  std::array<const std::uint8_t*, kFetchStrings> addresses_;
  std::size_t address_count_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_LIST_DECODER_H_
