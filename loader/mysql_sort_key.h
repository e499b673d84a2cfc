// The key under which a row is sorted: bytes whose memcmp order is the order that an entry's rows
// have to one another.
//
//     | outer, escaped | 00 00 | inner, escaped | 00 00 | order value | arrival, 8 bytes |
//     '----------------- the entry's prefix ------------'
//     '------------------ the record's prefix (pair rows) ------------'
//
// A zero byte inside outer or inner is written 00 FF, so that no prefix is the prefix of another.
// The order value is 00 for NULL, else 01 and
//     text     escaped, 00 00
//     decimal  80 + number of integer digits, the digits, the fraction's digits, 00; of a negative
//              number all of these bytes inverted; 80 00 for zero
//     real     the IEEE bits, big-endian, made to compare like the numbers (-0 as 0)
// Arrival is the row's number in the order of ids, big-endian.
//
// Threads: plain functions.
#ifndef STRATA_LOADER_MYSQL_SORT_KEY_H_
#define STRATA_LOADER_MYSQL_SORT_KEY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "loader/mysql_schema.h"

namespace strata::mysql {

/// Replaces `*key` by the prefix of the entry (outer, inner).
void SetEntryPrefix(std::string_view outer, std::string_view inner, std::string* key);
/// How many bytes it has where nothing in it is escaped.
inline std::size_t PlainPrefixBytes(std::string_view outer, std::string_view inner) {
  return outer.size() + inner.size() + 4;
}
/// Whether `prefix`, in which nothing is escaped, or which is empty, is that of (outer, inner).
bool IsPlainPrefix(std::string_view outer, std::string_view inner, std::string_view prefix);
/// Reads such a prefix back from the beginning of `key`; how many bytes it has.
std::size_t ReadEntryPrefix(std::string_view key, std::string* outer, std::string* inner);

void AppendNullOrder(std::string* key);
/// `text` as OrderExpression's result arrives. InvalidArgument: not of that kind.
absl::Status AppendOrder(ColumnKind kind, std::string_view text, std::string* key);

inline constexpr std::size_t kArrivalBytes = 8;
void AppendArrival(std::uint64_t arrival, std::string* key);
/// The arrival at the end of a whole key.
std::uint64_t ReadArrival(std::string_view key);

/// Spreads entries; the same in every process, so that runs repeat.
std::uint64_t HashPrefix(std::string_view prefix);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_SORT_KEY_H_
