#include "loader/mysql_charset.h"

#include <algorithm>
#include <iterator>

namespace strata::mysql {
namespace {

// Measured on MariaDB 10.11: all codes of one and two bytes, and of three that begin with 8F, were
// stored in a column of each character set, converted to utf8mb4 and back (MySqlCharsets.*), and on
// MySQL 9.7. In neither list are gb18030, which it alone has, and ucs2, of which it gives text up
// to a surrogate alone, where MariaDB gives all.
constexpr std::string_view kSame[] = {
    "utf8mb4", "utf8mb3", "utf8",  "latin1", "utf16", "utf16le", "utf32",   "latin2", "latin5",
    "latin7",  "cp850",   "cp852", "cp866",  "koi8r", "koi8u",   "keybcs2", "macce",  "macroman"};
constexpr std::string_view kUnlessStoodIn[] = {"ascii",  "cp1250", "cp1251", "cp1256", "cp1257",
                                               "dec8",   "hp8",    "swe7",   "greek",  "hebrew",
                                               "tis620", "euckr",  "gb2312", "gbk",    "geostd8"};

template <std::size_t kSize>
bool IsIn(const std::string_view (&list)[kSize], std::string_view charset) {
  return std::find(std::begin(list), std::end(list), charset) != std::end(list);
}

}  // namespace

std::string_view CharsetOf(std::string_view collation) {
  return collation.substr(0, collation.find('_'));
}

WayBack WayBackOf(std::string_view collation) {
  const std::string_view charset = CharsetOf(collation);
  // "binary" is the collation of bytes.
  if (charset.empty() || charset == "binary" || IsIn(kSame, charset)) return WayBack::kSame;
  return IsIn(kUnlessStoodIn, charset) ? WayBack::kUnlessStoodIn : WayBack::kSeveralCodes;
}

std::size_t BytesBeforeStandIn(std::string_view text) {
  return std::min({text.find('?'), text.find("\xef\xbf\xbd"), text.size()});
}

}  // namespace strata::mysql
