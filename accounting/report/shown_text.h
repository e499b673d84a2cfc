// Names as a terminal can show them: any bytes may be a name, and none of them may move the cursor,
// turn the line around or be wider than its place.
//
// Threads: pure functions.
#ifndef STRATA_ACCOUNTING_REPORT_SHOWN_TEXT_H_
#define STRATA_ACCOUNTING_REPORT_SHOWN_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace strata {

/// What text forms are made for.
inline constexpr std::size_t kTextColumns = 100;

/// How many columns of a terminal `text`, UTF-8 without control characters, takes: East Asian
/// characters and emoji take two, combining marks none.
std::size_t ColumnsOf(std::string_view text);

/// `bytes` on one line: control characters, marks that change the direction of writing and bytes
/// that are no UTF-8 as escapes of C ("\n", "\x1b", "\u202e"), a backslash twice.
std::string Shown(std::string_view bytes);

/// The same of a message that has escapes of its own, fit for one line of a terminal: a backslash
/// stays.
std::string ShownMessage(std::string_view bytes);

/// `name` as Shown, and "(empty)" for the empty one, which would be a gap.
std::string ShownName(std::string_view name);

/// `shown`, or as many columns of its beginning or end as fit into `most`, "…" where the rest was.
std::string CutEnd(std::string_view shown, std::size_t most);
std::string CutBegin(std::string_view shown, std::size_t most);

/// `shown` in lines of at most `most` columns, broken at a blank, else behind a slash or a comma,
/// where there is one in the second half of a line. Lines after the first begin with `indent`
/// blanks, which count; `most` must be larger.
std::string Folded(std::string_view shown, std::size_t most, std::size_t indent);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_REPORT_SHOWN_TEXT_H_
