#include "loader/mysql_indexes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/mysql_query.h"
#include "loader/utf8.h"

namespace strata::mysql {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// What an index takes of InnoDB's tables of today, all of its columns together.
constexpr std::uint64_t kMostIndexBytes = 3072;
// Of a value that does not fit whole: with 4 bytes a character, what one column may have in the
// older row formats too (767 bytes).
constexpr std::uint64_t kBeginningChars = 190;
constexpr std::uint64_t kBeginningBytes = 4 * kBeginningChars;
constexpr std::size_t kMostNameChars = 64;

struct ColumnSize {
  std::uint64_t bytes = 0;  // 0: of no string
  bool bytes_alone = false;
  bool text = false;  // TEXT or BLOB, never indexed whole
};

absl::StatusOr<std::map<std::string, ColumnSize>> ReadSizes(Session* session,
                                                            const Selection& selection) {
  std::map<std::string, ColumnSize> sizes;
  absl::Status status = session->Query(
      absl::StrCat("SELECT COLUMN_NAME, DATA_TYPE, COALESCE(CHARACTER_OCTET_LENGTH, 0), "
                   "CHARACTER_SET_NAME IS NULL FROM information_schema.COLUMNS WHERE "
                   "TABLE_SCHEMA = ",
                   QuoteText(selection.database), " AND TABLE_NAME = ", QuoteText(selection.table)),
      absl::StrCat("looking up table ", QuoteForMessage(selection.table)), [&](const Row& row) {
        ColumnSize& size = sizes[std::string(row[0])];
        const std::string type = absl::AsciiStrToLower(View(row[1]));
        size.text = absl::EndsWith(type, "text") || absl::EndsWith(type, "blob");
        if (!absl::SimpleAtoi(View(row[2]), &size.bytes)) size.bytes = kMostIndexBytes + 1;
        size.bytes_alone = row[3] == "1";
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return sizes;
}

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

absl::StatusOr<std::string> IndexStatement(Session* session, const Selection& selection,
                                           const Indexes& indexes,
                                           const std::vector<std::string>& columns) {
  const auto sizes = ReadSizes(session, selection);
  if (!sizes.ok()) return sizes.status();
  std::uint64_t bytes = 0;
  bool whole = true;
  for (const std::string& name : columns) {
    const auto column = sizes->find(name);
    if (column == sizes->end()) continue;
    bytes += column->second.bytes;
    whole = whole && !column->second.text;
  }
  whole = whole && bytes <= kMostIndexBytes;
  std::vector<std::string> parts;
  for (const std::string& name : columns) {
    parts.push_back(QuoteName(name));
    const auto column = sizes->find(name);
    if (whole || column == sizes->end()) continue;
    const ColumnSize& size = column->second;
    // TEXT has a length in the statement, be it short.
    if (size.bytes <= kBeginningBytes && !size.text) continue;
    const std::uint64_t most = size.bytes_alone ? kBeginningBytes : kBeginningChars;
    absl::StrAppend(&parts.back(), "(", std::min(size.bytes, most), ")");
  }
  return absl::StrCat("CREATE INDEX ", QuoteName(FreeName(indexes, columns)), " ON ",
                      QuoteName(selection.table), " (", absl::StrJoin(parts, ", "), ")");
}

}  // namespace strata::mysql
