// Which character sets give back what they were given: a text of a column arrives as UTF-8, and the
// same text in a statement is to be the column's bytes again. In some a code means no character and
// arrives as '?', in others two codes mean one character ("Ⅰ" is 8754 and FA4A in cp932). Nothing
// of ours may take two such values for one row's id, or look a value up by the text alone.
//
// Threads: pure functions.
#ifndef STRATA_LOADER_MYSQL_CHARSET_H_
#define STRATA_LOADER_MYSQL_CHARSET_H_

#include <cstddef>
#include <string_view>

namespace strata::mysql {

enum class WayBack {
  kSame,           ///< the column's bytes again
  kUnlessStoodIn,  ///< so, unless it holds what the server puts for codes that are no characters
  kSeveralCodes,   ///< a character may have been another code, or the set is not known here
};

/// Of a column of that collation; kSame for none, which is no character string.
WayBack WayBackOf(std::string_view collation);

/// The character set of a collation: "cp932" of "cp932_japanese_ci".
std::string_view CharsetOf(std::string_view collation);

/// How many bytes of `text` stand before the first character that the server puts for a code that
/// is none: '?' or U+FFFD. All of them where there is no such character.
std::size_t BytesBeforeStandIn(std::string_view text);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_CHARSET_H_
