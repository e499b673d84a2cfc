#include "loader/mysql_entry_order.h"

#include <algorithm>

#include "absl/strings/ascii.h"

#include "loader/mysql_relation.h"

namespace strata::mysql {
namespace {

std::string_view WithoutSpaces(std::string_view text) {
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

bool IsPrintableAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool EqualWithoutCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return absl::ascii_tolower(static_cast<unsigned char>(x)) ==
           absl::ascii_tolower(static_cast<unsigned char>(y));
  });
}

// Collations to which two printable ASCII characters are equal where they differ in case alone, and
// none is ignored: no language's own, which have contractions ("ccs" is "cscs" in Hungarian).
bool IsKnown(std::string_view collation) {
  constexpr std::string_view kKnown[] = {
      "_general_ci",       "_general_nopad_ci", "_unicode_ci",   "_unicode_nopad_ci",
      "_unicode_520_ci",   "_0900_ai_ci",       "_0900_as_ci",   "_0900_as_cs",
      "latin1_swedish_ci", "_uca1400_ai_ci",    "_uca1400_as_ci"};
  return std::any_of(std::begin(kKnown), std::end(kKnown), [&](std::string_view known) {
    // With a language's name between: "utf8mb4_hu_0900_ai_ci".
    if (!collation.ends_with(known)) return false;
    const std::string_view charset = collation.substr(0, collation.size() - known.size());
    return charset.find('_') == std::string_view::npos;
  });
}

}  // namespace

bool SurelyDiffer(const Column& column, std::string_view a, std::string_view b) {
  switch (column.kind) {
    case ColumnKind::kInteger:
    case ColumnKind::kDecimal:
    case ColumnKind::kBytes:
      return a != b;
    case ColumnKind::kText:
      if (a == b) return false;
      if (column.collation.empty()) return true;
      a = WithoutSpaces(a);
      b = WithoutSpaces(b);
      if (column.collation.ends_with("_bin")) return a != b;
      return IsKnown(column.collation) && IsPrintableAscii(a) && IsPrintableAscii(b) &&
             !EqualWithoutCase(a, b);
    // Their texts are not told apart as their values are.
    case ColumnKind::kReal:
    case ColumnKind::kBits:
    case ColumnKind::kNumbered:
    case ColumnKind::kTime:
      return false;
  }
  return false;
}

bool ComesInEntryOrder(const Selection& selection) {
  // Values that arrive as one text need not lie together; and whether a query's texts are compared
  // as their collation says, a page does not tell.
  for (const Column& key : KeyColumns(selection)) {
    if (!ComesBack(key) || (!selection.query.empty() && !key.collation.empty())) return false;
  }
  const std::size_t inner = selection.outer_const ? 0 : 1;
  if (selection.id.size() <= inner) return false;
  if (!selection.outer_const && selection.id[0].name != selection.outer.name) return false;
  return selection.id[inner].name == selection.inner.name;
}

bool EntryBorders::IsBefore(const Row& row) {
  const std::string_view outer = row[cells_.outer];
  const std::string_view inner = row[cells_.inner];
  const bool border = has_last_ && (inner != inner_ || outer != outer_) &&
                      (SurelyDiffer(selection_.inner, inner, inner_) ||
                       (!selection_.outer_const && SurelyDiffer(selection_.outer, outer, outer_)));
  if (!has_last_ || inner != inner_) inner_.assign(inner);
  if (!has_last_ || outer != outer_) outer_.assign(outer);
  has_last_ = true;
  return border;
}

}  // namespace strata::mysql
