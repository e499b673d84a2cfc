#include "loader/mysql_digest.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <array>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/mysql_dialect.h"
#include "loader/mysql_entry_read.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_relation.h"
#include "loader/view.h"

namespace strata::mysql {
namespace {

using Sha256 = std::array<unsigned char, EVP_MAX_MD_SIZE>;

// Where SHA-256 is not to be had it is 0 and differs: entries are read again.
Sha256 Sha256Of(std::string_view text) {
  Sha256 sha{};
  EVP_Digest(text.data(), text.size(), sha.data(), nullptr, EVP_sha256(), nullptr);
  return sha;
}

std::uint64_t Crc32(std::string_view text) {
  return crc32_z(0, reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

// Answers the text's CRC.
std::uint64_t AddText(std::string_view text, EntryDigest* digest) {
  ++digest->texts;
  const std::uint64_t crc = Crc32(text);
  digest->crc_sum += crc;
  const Sha256 sha = Sha256Of(text);
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < sizeof first; ++i) first = first << 8 | sha[i];
  digest->sha_sum += first;
  return crc;
}

// A pair of the last record.
std::uint64_t AddPair(std::string_view key, std::string_view value, EntryDigest* digest) {
  return AddText(absl::StrCat(digest->records, ":", key.size(), ":", value.size(), ":", View(key),
                              View(value)),
                 digest);
}

// A sum that the server made, exact and perhaps beyond 64 bits.
std::uint64_t SumModulo(std::string_view decimal) {
  std::uint64_t sum = 0;
  for (const char c : decimal) {
    if (c < '0' || c > '9') break;
    sum = sum * 10 + static_cast<unsigned>(c - '0');
  }
  return sum;
}

std::string OrderBytes(const Column& column) {
  return column.kind == ColumnKind::kText ? BytesExpression(column) : OrderExpression(column);
}

// The record's place in its list.
std::string Place(const Selection& selection) {
  std::vector<std::string> keys;
  for (const Column& key : KeyColumns(selection)) keys.push_back(BytesExpression(key));
  const std::string partition =
      absl::StrCat("(PARTITION BY ", absl::StrJoin(keys, ", "), " ORDER BY ");
  std::vector<std::string> order;
  if (selection.order) order.push_back(OrderBytes(*selection.order));
  if (selection.pair_rows && selection.order) {
    return absl::StrCat("DENSE_RANK() OVER ", partition, order[0], ")");
  }
  for (const Column& column : selection.id) order.push_back(QuoteName(column.name));
  return absl::StrCat("ROW_NUMBER() OVER ", partition, absl::StrJoin(order, ", "), ")");
}

std::string LengthAnd(const std::string& bytes) {
  return absl::StrCat("LENGTH(", bytes, "), ':', ", bytes);
}

// A row's text behind its place; NULL where the row adds no pair.
std::string Text(const Selection& selection) {
  if (selection.json != JsonValue::kNone) {
    return HashExpression(BytesExpression(selection.values[0]));
  }
  if (selection.pair_rows) {
    const std::string key = BytesExpression(selection.values[0]);
    const std::string value = BytesExpression(selection.values[1]);
    return absl::StrCat("CONCAT(LENGTH(", key, "), ':', LENGTH(", value, "), ':', ", key, ", ",
                        value, ")");
  }
  std::vector<std::string> parts = {"''"};
  for (const Column& column : selection.values) {
    parts.push_back(absl::StrCat("COALESCE(CONCAT(",
                                 QuoteBytes(absl::StrCat(column.name.size(), ":", column.name)),
                                 ", ", LengthAnd(BytesExpression(column)), "), '')"));
  }
  return absl::StrCat("CONCAT(", absl::StrJoin(parts, ", "), ")");
}

}  // namespace

std::string JsonTextDigest(std::string_view text) {
  constexpr std::size_t kSha256Bytes = 32;
  const Sha256 sha = Sha256Of(text);
  return absl::BytesToHexString({reinterpret_cast<const char*>(sha.data()), kSha256Bytes});
}

void AddJsonRow(std::optional<std::string_view> text_digest, EntryDigest* digest) {
  ++digest->records;
  if (text_digest) AddText(absl::StrCat(digest->records, ":", View(*text_digest)), digest);
}

void AddPairRow(std::string_view id, std::string_view key, std::string_view value,
                EntryDigest* digest) {
  const std::uint64_t crc = AddPair(key, value, digest);
  digest->places_sum += crc * Crc32(id);
}

std::string RowId(const Selection& selection, const Row& row) {
  std::string id;
  for (std::size_t i = 0; i < selection.id.size(); ++i) {
    absl::StrAppend(&id, row[i].size(), ":", View(row[i]));
  }
  return id;
}

EntryDigest DigestOf(const EntryReader& entry, bool pair_rows) {
  EntryDigest digest;
  std::string text;
  for (RecordCursor record = entry.records(); record.valid(); record.Next()) {
    ++digest.records;
    text = absl::StrCat(digest.records, ":");
    for (PairCursor pair = record.record().pairs(); pair.valid(); pair.Next()) {
      const std::string_view key = pair.key();
      const std::string_view value = pair.value();
      if (pair_rows) {
        AddPair(key, value, &digest);
      } else {
        absl::StrAppend(&text, key.size(), ":", View(key), value.size(), ":", View(value));
      }
    }
    if (!pair_rows) AddText(text, &digest);
  }
  return digest;
}

std::string BytesExpression(const Column& column) {
  const std::string value = ValueExpression(column);
  if (column.kind == ColumnKind::kBytes || column.kind == ColumnKind::kBits) return value;
  return absl::StrCat("CAST(CONVERT(", value, " USING utf8mb4) AS BINARY)");
}

std::string RowDigestExpression(const Selection& selection) {
  std::vector<Column> columns = KeyColumns(selection);
  if (selection.order) columns.push_back(*selection.order);
  if (selection.deleted) columns.push_back(*selection.deleted);
  columns.insert(columns.end(), selection.values.begin(), selection.values.end());
  std::vector<std::string> parts;
  for (const Column& column : columns) {
    // Inside CONCAT a text too large gives NULL for all of it, which COALESCE may not hide.
    const std::string bytes = BytesExpression(column);
    parts.push_back(absl::StrCat("CASE WHEN ", QuoteName(column.name), " IS NULL THEN 'N' ELSE ",
                                 "CONCAT(", LengthAnd(bytes), ") END"));
  }
  const std::string own = OwnCondition(selection);
  if (!own.empty()) parts.push_back(absl::StrCat("CASE WHEN ", own, " THEN 'C' ELSE 'N' END"));
  return absl::StrCat(
      "LEFT(", HashExpression(absl::StrCat("CONCAT(", absl::StrJoin(parts, ", "), ")")), ", 32)");
}

absl::Status ReadDigests(Session* session, const Selection& selection, const std::string& where,
                         const std::string& doing,
                         absl::FunctionRef<absl::Status(std::string_view outer,
                                                        std::string_view inner, const EntryDigest&)>
                             on_entry) {
  const std::string outer =
      selection.outer_const ? QuoteBytes(*selection.outer_const) : BytesExpression(selection.outer);
  // A window's ORDER BY takes a name for an alias of the SELECT before it takes it for a column:
  // these must be no column's.
  constexpr absl::string_view kPlace = "`strata: place`";
  constexpr absl::string_view kText = "`strata: text`";
  constexpr absl::string_view kId = "`strata: id`";
  const bool places = selection.pair_rows && selection.order;
  std::vector<std::string> id;
  for (const Column& column : selection.id) id.push_back(LengthAnd(BytesExpression(column)));
  const std::string rows = absl::StrCat(
      "SELECT ", outer, " AS `strata: outer`, ", BytesExpression(selection.inner),
      " AS `strata: inner`, ", Place(selection), " AS ", kPlace, ", ", Text(selection), " AS ",
      kText, ", ", places ? absl::StrCat("CRC32(CONCAT(", absl::StrJoin(id, ", "), "))") : "0",
      " AS ", kId, FromClause(selection), " WHERE ", where, where.empty() ? "" : " AND ",
      LivingCondition(selection));
  const std::string placed = absl::StrCat("CONCAT(", kPlace, ", ':', ", kText, ")");
  enum { kOuter, kInner, kTexts, kCrcSum, kShaSum, kRecords, kPlacesSum };
  return session->Query(
      absl::StrCat("SELECT `strata: outer`, `strata: inner`, COUNT(", kText, "), SUM(CRC32(",
                   placed, ")), SUM(CAST(CONV(LEFT(", HashExpression(placed),
                   ", 16), 16, 10) AS UNSIGNED)), MAX(", kPlace, "), ",
                   places ? absl::StrCat("SUM(CRC32(", placed, ") * ", kId, ")") : "0", " FROM (",
                   rows, ") AS entry_rows GROUP BY 1, 2"),
      doing, [&](const Row& row) {
        EntryDigest digest;
        digest.texts = SumModulo(row[kTexts]);
        digest.crc_sum = SumModulo(row[kCrcSum]);
        digest.sha_sum = SumModulo(row[kShaSum]);
        digest.records = SumModulo(row[kRecords]);
        digest.places_sum = SumModulo(row[kPlacesSum]);
        return on_entry(row[kOuter], row[kInner], digest);
      });
}

}  // namespace strata::mysql
