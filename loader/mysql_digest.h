// Digests of entries, computed alike by the server from a table's rows and here from the cache.
//
//     a pair's text      R ":" <key length> ":" <value length> ":" key value        pair rows
//     a record's text    R ":" ( <name length> ":" name <value length> ":" value )*  record rows,
//                        the columns that are not NULL
//     a row's text       R ":" <SHA-256 of the column's text, 64 hexadecimal digits> JSON,
//                        the rows whose column is not NULL; R and records are the rows'
//     R                  the record's place in its list, from 1, in decimal
//     an entry's digest  how many texts, Σ CRC-32, Σ of SHA-256's first 64 bits, both modulo
//                        2^64; and how many records
//
// Lengths are in bytes, so that no two lists have one text; the place is in it, so that a change of
// order alone shows; sums, so that equal pairs do not cancel out. The places are what the server
// finds with a window function over the order column: the cache has positions and not that column's
// values, and nothing has to be kept beside the cache for comparing, but for JSON: of that the
// cache has no text, and digests are kept as it was read (loader/entry_digests.h).
//
// A digest that differs where the content does not costs reading an entry once more and never
// correctness: so it is for a record that gives a key twice, and for texts beyond
// max_allowed_packet.
//
// Threads: pure functions, but that ReadDigests uses the session it is given.
#ifndef STRATA_LOADER_MYSQL_DIGEST_H_
#define STRATA_LOADER_MYSQL_DIGEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include <strata/cache.h>

#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

struct EntryDigest {
  std::uint64_t texts = 0;
  std::uint64_t crc_sum = 0;
  std::uint64_t sha_sum = 0;
  std::uint64_t records = 0;
  /// Of pair rows with an order, as the server has them or as they were read: each text's CRC times
  /// its row's. It changes where rows of one key change places; a product, for a sum of CRCs over
  /// both might not.
  std::uint64_t places_sum = 0;
  friend bool operator==(const EntryDigest&, const EntryDigest&) = default;
  /// The same without their places, which the cache does not know.
  bool SameTexts(const EntryDigest& other) const {
    return texts == other.texts && crc_sum == other.crc_sum && sha_sum == other.sha_sum &&
           records == other.records;
  }
};

/// What stands for a text of JSON.
std::string JsonTextDigest(std::string_view text);
/// Adds a row of JSON, in the order of its entry's list: its text's digest, nothing for NULL.
void AddJsonRow(std::optional<std::string_view> text_digest, EntryDigest* digest);

/// Of an entry of the cache, which must be there; not of JSON.
EntryDigest DigestOf(const EntryReader& entry, bool pair_rows);

/// Adds a pair row of the digest's last record, as it was read: `id` is RowId's text. What repeats
/// a key counts, too, as it does with the server; the cache keeps the last of them.
void AddPairRow(std::string_view id, std::string_view key, std::string_view value,
                EntryDigest* digest);
/// A row's id as one text.
std::string RowId(const Selection& selection, const Row& row);

/// The bytes of the value's text, comparable and countable: as they lie in the cache.
std::string BytesExpression(const Column& column);

/// All that is selected of a row, its keys, order and deletion too, and whether it is one of those
/// chosen by `where`, as 32 hexadecimal digits; NULL where it is too large for the server.
std::string RowDigestExpression(const Selection& selection);

/// The digests of all entries with rows that fulfil `where`, which ends no entry in the middle.
/// `doing` is for messages; an error of `on_entry` ends it.
absl::Status ReadDigests(Session* session, const Selection& selection, const std::string& where,
                         const std::string& doing,
                         absl::FunctionRef<absl::Status(std::string_view outer,
                                                        std::string_view inner, const EntryDigest&)>
                             on_entry);

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_DIGEST_H_
