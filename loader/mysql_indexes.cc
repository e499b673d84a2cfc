#include "loader/mysql_indexes.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/utf8.h"
#include "loader/view.h"

namespace strata::mysql {
namespace {

// What an index takes of InnoDB's tables of today, all of its columns together.
constexpr std::uint64_t kMostIndexBytes = 3072;
// The same of older row formats and other engines: InnoDB's 767 a column, MyISAM's 1000.
constexpr std::uint64_t kMostOldIndexBytes = 767;
// What a number or a time takes at the most, a DECIMAL of 65 digits.
constexpr std::uint64_t kNumberBytes = 30;
// Of a value that does not fit whole: of two such the index takes either.
constexpr std::uint64_t kBeginningChars = 190;
constexpr std::uint64_t kOldBeginningChars = 90;
constexpr std::uint64_t kMostCharBytes = 4;
constexpr std::size_t kMostNameChars = 64;

// The first `chars` characters.
std::string_view Beginning(std::string_view text, std::size_t chars) {
  std::size_t size = 0;
  for (; chars > 0 && size < text.size(); --chars) size += NextUtf8(text.substr(size)).size;
  return text.substr(0, size);
}

std::string FreeName(const Indexes& indexes, const std::vector<std::string>& columns) {
  const std::string wanted = absl::StrJoin(columns, "_");
  for (int number = 1;; ++number) {
    const std::string end = number == 1 ? "_idx" : absl::StrCat("_idx", number);
    std::string name(Beginning(wanted, kMostNameChars - end.size()));
    name.append(end);
    if (!indexes.HasName(name)) return name;
  }
}

}  // namespace

bool Indexes::HasName(const std::string& name) const {
  return std::any_of(list_.begin(), list_.end(),
                     [&](const Index& index) { return absl::EqualsIgnoreCase(index.name, name); });
}

bool Indexes::Has(const std::vector<std::string>& columns, bool whole) const {
  return std::any_of(list_.begin(), list_.end(), [&](const Index& index) {
    return index.parts.size() >= columns.size() &&
           std::equal(columns.begin(), columns.end(), index.parts.begin(),
                      [whole](const std::string& column, const IndexPart& part) {
                        return column == part.column && (part.whole || !whole);
                      });
  });
}

absl::StatusOr<Indexes> ReadIndexes(Session* session, const Selection& selection) {
  enum { kKeyName = 2, kColumnName = 4, kSubPart = 7, kIndexType = 10, kUse = 13 };
  std::vector<Index> list;
  bool used = true;
  absl::Status status = session->Query(
      absl::StrCat("SHOW INDEX FROM ", QuoteName(selection.table), " FROM ",
                   QuoteName(selection.database)),
      absl::StrCat("looking up table ", QuoteForMessage(selection.table)), [&](const Row& row) {
        if (list.empty() || list.back().name != row[kKeyName]) {
          list.push_back({std::string(row[kKeyName]), {}});
          used = true;
        }
        used = used && row[kIndexType] == "BTREE" && !row.IsNull(kColumnName) &&
               !(row.size() > kUse && session->dialect().IndexIsUnused(row[kUse]));
        if (used) {
          list.back().parts.push_back({std::string(row[kColumnName]), row.IsNull(kSubPart)});
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return Indexes(std::move(list));
}

absl::StatusOr<IndexLimits> ReadIndexLimits(Session* session, const Selection& selection) {
  const std::string which = absl::StrCat(" WHERE TABLE_SCHEMA = ", QuoteText(selection.database),
                                         " AND TABLE_NAME = ", QuoteText(selection.table));
  const std::string doing = absl::StrCat("looking up table ", QuoteForMessage(selection.table));
  IndexLimits limits;
  absl::Status status =
      session->Query(absl::StrCat("SELECT COALESCE(ENGINE, ''), COALESCE(ROW_FORMAT, '') FROM "
                                  "information_schema.TABLES",
                                  which),
                     doing, [&](const Row& row) {
                       limits.takes_long = absl::EqualsIgnoreCase(View(row[0]), "InnoDB") &&
                                           (absl::EqualsIgnoreCase(View(row[1]), "Dynamic") ||
                                            absl::EqualsIgnoreCase(View(row[1]), "Compressed"));
                       limits.in_memory = absl::EqualsIgnoreCase(View(row[0]), "MEMORY");
                       return absl::OkStatus();
                     });
  if (!status.ok()) return status;
  status = session->Query(
      absl::StrCat("SELECT COLUMN_NAME, DATA_TYPE, COALESCE(CHARACTER_OCTET_LENGTH, 0), "
                   "CHARACTER_SET_NAME IS NULL, COLUMN_TYPE LIKE '% COMPRESSED%' FROM "
                   "information_schema.COLUMNS",
                   which),
      doing, [&](const Row& row) {
        IndexLimits::Column& column = limits.columns[std::string(row[0])];
        const std::string type = absl::AsciiStrToLower(View(row[1]));
        // The server counts a value's place, and takes no beginning of it.
        if (type == "enum" || type == "set") return absl::OkStatus();
        column.text = absl::EndsWith(type, "text") || absl::EndsWith(type, "blob");
        if (!absl::SimpleAtoi(View(row[2]), &column.bytes)) column.bytes = kMostIndexBytes + 1;
        column.bytes_alone = row[3] == "1";
        // Of MariaDB's columns and of MySQL's types, errors 4097 and 3152.
        if (row[4] == "1") column.never = "COMPRESSED: MODIFY it without that";
        if (type == "json") column.never = "of type JSON: let the key be a column of text";
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return limits;
}

std::string WhyNoIndex(const IndexLimits& limits, const std::vector<std::string>& columns) {
  for (const std::string& name : columns) {
    const auto column = limits.columns.find(name);
    if (column == limits.columns.end() || column->second.never == nullptr) continue;
    return absl::StrCat("no index takes column ", QuoteForMessage(name), ", which is ",
                        column->second.never);
  }
  return "";
}

std::string IndexStatement(const Selection& selection, const IndexLimits& limits,
                           const Indexes& indexes, const std::vector<std::string>& columns) {
  const std::uint64_t most_bytes = limits.takes_long ? kMostIndexBytes : kMostOldIndexBytes;
  const std::uint64_t beginning = limits.takes_long ? kBeginningChars : kOldBeginningChars;
  std::uint64_t bytes = 0;
  bool whole = true;
  for (const std::string& name : columns) {
    const auto column = limits.columns.find(name);
    if (column == limits.columns.end()) continue;
    bytes += std::max(column->second.bytes, kNumberBytes);
    whole = whole && !column->second.text;
  }
  whole = whole && bytes <= most_bytes;
  std::vector<std::string> parts;
  for (const std::string& name : columns) {
    parts.push_back(QuoteName(name));
    const auto column = limits.columns.find(name);
    if (whole || column == limits.columns.end()) continue;
    const IndexLimits::Column& size = column->second;
    // TEXT has a length in the statement, be it short.
    if (size.bytes <= beginning * kMostCharBytes && !size.text) continue;
    const std::uint64_t most = size.bytes_alone ? beginning * kMostCharBytes : beginning;
    absl::StrAppend(&parts.back(), "(", std::min(size.bytes, most), ")");
  }
  return absl::StrCat("CREATE INDEX ", QuoteName(FreeName(indexes, columns)),
                      limits.in_memory ? " USING BTREE" : "", " ON ", QuoteName(selection.table),
                      " (", absl::StrJoin(parts, ", "), ")");
}

}  // namespace strata::mysql
