// Finds where a list may be cut: its end, or a comma between two records or between two pairs of a
// record. Looks at brackets, strings and commas only; whether what lies between is right is the
// parser's to say. Anything that cannot stand in a list of records of strings stops it, so that
// malformed input costs no memory.
#ifndef STRATA_LOADER_JSON_LIST_CUTTER_H_
#define STRATA_LOADER_JSON_LIST_CUTTER_H_

#include <cstddef>
#include <string_view>

namespace strata {

struct ListCut {
  enum class Kind {
    kNeedMore,  ///< no place found yet: come again with more text behind
    kListEnd,   ///< the piece is the text before `size`, where the list's ']' stands
    kPiece,     ///< the piece is the text before `size`, where a comma stands
    kOdd,       ///< what stands at `size` cannot stand there
  };
  Kind kind = Kind::kNeedMore;
  std::size_t size = 0;
  bool in_record = false;  ///< of kPiece: the comma stands between two pairs
};

class ListCutter {
 public:
  /// `lines`: a line's end may not stand in the list.
  explicit ListCutter(bool lines) : lines_(lines) {}

  /// Begins behind a list's '['.
  void Begin();
  /// Looks for a place of at most `most_bytes` text, or the first one where one pair is longer.
  /// `text` begins behind the '[' or behind the comma last cut at; after kNeedMore it is the same
  /// text with more behind it. Up to 15 bytes behind it may be read.
  ListCut Next(std::string_view text, std::size_t most_bytes);

 private:
  ListCut CutAtLast();
  bool PassString(std::string_view text);

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  const bool lines_;
  std::size_t at_ = 0;  // how far in the text it has looked
  bool in_string_ = false;
  bool escaped_ = false;
  bool in_record_ = false;
  std::size_t last_comma_ = kNone;
  bool last_comma_in_record_ = false;
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_LIST_CUTTER_H_
