#include "loader/mysql_pages.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/mysql_cells.h"
#include "loader/mysql_charset.h"
#include "loader/mysql_relation.h"
#include "loader/view.h"

namespace strata::mysql {
namespace {

constexpr std::size_t kFirstPageRows = 1000;

// Takes the digits in front; whether there are some.
bool TakeDigits(std::string_view* text) {
  const std::size_t size = std::min(text->find_first_not_of("0123456789"), text->size());
  text->remove_prefix(size);
  return size > 0;
}

bool TakeOneOf(std::string_view characters, std::string_view* text) {
  const bool is = !text->empty() && characters.find(text->front()) != std::string_view::npos;
  if (is) text->remove_prefix(1);
  return is;
}

// Whether it is a number as servers write them. What is let through stands bare in a statement.
bool IsNumber(std::string_view text, bool fraction, bool exponent) {
  (void)TakeOneOf("-", &text);
  bool digits = TakeDigits(&text);
  if (fraction && TakeOneOf(".", &text)) digits = TakeDigits(&text) || digits;
  if (exponent && digits && TakeOneOf("eE", &text)) {
    (void)TakeOneOf("+-", &text);
    digits = TakeDigits(&text);
  }
  return digits && text.empty();
}

}  // namespace

// What to select for a value that goes into the cache: the text of the text protocol. The connector
// alone would turn BIT into a decimal number.
std::string ValueExpression(const Column& column) {
  const std::string name = QuoteName(column.name);
  if (column.no_key == NoKey::kVector) return absl::StrCat("CAST(", name, " AS BINARY)");
  return column.kind == ColumnKind::kBits ? absl::StrCat("CONCAT(", name, ")") : name;
}

// Whether the row is deleted, 1, or not, 0 or NULL: as the server compares with 0. Of ENUM and SET
// the text, not the index, which is never 0; types that do not compare with numbers (UUID, INET6)
// have only their text.
std::string DeletedExpression(const Column& column) {
  const std::string name = QuoteName(column.name);
  switch (column.kind) {
    case ColumnKind::kText:
    case ColumnKind::kBytes:
    case ColumnKind::kNumbered:
      return absl::StrCat("(CONCAT(", name, ") <> 0)");
    default:
      return absl::StrCat("(", name, " <> 0)");
  }
}

std::string IdExpression(const Column& column) {
  const std::string name = QuoteName(column.name);
  if (!ComesBack(column)) return absl::StrCat("CAST(", name, " AS BINARY)");
  switch (column.kind) {
    case ColumnKind::kReal:  // as a DOUBLE, whose text is exact
      return absl::StrCat("(", name, " + 0e0)");
    case ColumnKind::kBits:
    case ColumnKind::kNumbered:
      return absl::StrCat("(", name, " + 0)");
    default:
      return name;
  }
}

std::string OrderExpression(const Column& column) {
  if (column.kind == ColumnKind::kTime) {
    return absl::StrCat("CAST(", QuoteName(column.name), " AS DECIMAL(16,6))");
  }
  // Compared on our side, by the text.
  if (!ComesBack(column)) return QuoteName(column.name);
  return IdExpression(column);
}

absl::Status OfAnotherType(const Column& column, std::string_view why) {
  return absl::AbortedError(
      absl::StrCat("column ", QuoteForMessage(column.name), ": ", View(why),
                   ": was the column's type altered? The table is looked up again"));
}

absl::StatusOr<std::string> IdLiteral(const Column& column, std::string_view text) {
  bool fits = true;
  switch (column.kind) {
    case ColumnKind::kInteger:
    case ColumnKind::kBits:
    case ColumnKind::kNumbered:
      fits = IsNumber(text, false, false);
      break;
    case ColumnKind::kDecimal:
      fits = IsNumber(text, true, false);
      break;
    case ColumnKind::kReal: {
      fits = IsNumber(text, true, true);
      const bool exponent = text.find_first_of("eE") != std::string_view::npos;
      if (fits) return absl::StrCat(View(text), exponent ? "" : "e0");
      break;
    }
    case ColumnKind::kBytes:
      return QuoteBytes(text);
    case ColumnKind::kText:
      if (!ComesBack(column)) {  // the column's own bytes
        return absl::StrCat("_", View(CharsetOf(column.collation)), " X'",
                            absl::BytesToHexString(View(text)), "'");
      }
      return QuoteText(text);
    case ColumnKind::kTime:
      return QuoteText(text);
  }
  if (fits) return std::string(text);
  return OfAnotherType(column, absl::StrCat(QuoteForMessage(text), " came, which is no number"));
}

absl::StatusOr<std::string> AfterCondition(const std::vector<Column>& id,
                                           const std::vector<std::string>& last) {
  if (last.empty()) return std::string();
  std::vector<std::string> alternatives;
  std::string equal;
  for (std::size_t i = 0; i < id.size(); ++i) {
    absl::StatusOr<std::string> literal = IdLiteral(id[i], last[i]);
    if (!literal.ok()) return literal.status();
    const std::string name = QuoteName(id[i].name);
    alternatives.push_back(absl::StrCat("(", equal, name, " > ", *literal, ")"));
    absl::StrAppend(&equal, name, " = ", *literal, " AND ");
  }
  return absl::StrCat(" WHERE ", absl::StrJoin(alternatives, " OR "));
}

// `after`, a condition as AfterCondition gives it or none, and the configuration's own.
std::string Pages::Condition(const std::string& after) const {
  const std::string own = OwnCondition(*selection_);
  if (own.empty()) return after;
  if (after.empty()) return absl::StrCat(" WHERE ", own);
  return absl::StrCat(" WHERE ", own, " AND (", after.substr(std::string_view(" WHERE ").size()),
                      ")");
}

Pages::Pages(Session* session, const Selection* selection, std::size_t max_page_rows)
    : session_(session), selection_(selection) {
  const std::string from = FromClause(*selection);
  select_ = absl::StrCat("SELECT ", absl::StrJoin(Cells(*selection).expressions, ", "), from);

  select_one_ = absl::StrCat("SELECT 1", from);

  std::vector<std::string> names;
  for (const Column& column : selection->id) names.push_back(QuoteName(column.name));
  order_by_ = absl::StrCat(" ORDER BY ", absl::StrJoin(names, ", "));

  most_rows_ = std::max<std::size_t>(1, max_page_rows);
  rows_ = std::min(most_rows_, kFirstPageRows);
}

std::string Pages::Doing() const {
  return absl::StrCat(
      "reading ", Described(*selection_), " ",
      last_id_.empty() ? "from the first row" : absl::StrCat("after id ", LastId()));
}

std::string Pages::LastId() const {
  return absl::StrJoin(last_id_, ", ", [](std::string* out, const std::string& id) {
    out->append(EscapeForMessage(id));
  });
}

absl::Status Pages::Take(const Row& row, absl::FunctionRef<absl::Status(const Row&)> on_row) {
  last_id_.resize(selection_->id.size());
  for (std::size_t i = 0; i < last_id_.size(); ++i) last_id_[i].assign(row[i]);
  absl::Status taken = on_row(row);
  // The row's content is at fault: say which row it is.
  if (!absl::IsInvalidArgument(taken)) return taken;
  return absl::InvalidArgumentError(absl::StrCat("MySQL ", session_->server(), ": ",
                                                 Described(*selection_), ", row with id ", LastId(),
                                                 ": ", taken.message()));
}

void Pages::Adapt(std::size_t page_rows, std::size_t page_bytes) {
  bytes_read_ += page_bytes;
  if (page_rows == 0) return;
  const std::size_t row_bytes = std::max<std::size_t>(1, page_bytes / page_rows);
  rows_ = std::min(most_rows_, std::max(page_bytes_ / row_bytes, kLeastPageRows));
  // A query that the server does not merge is made anew for each page.
  if (!selection_->query.empty()) page_bytes_ = std::min(2 * page_bytes_, kMostQueryPageBytes);
}

absl::Status Pages::ConfirmEnd(const std::string& condition) {
  ++statements_;
  const absl::StatusOr<bool> more = session_->Exists(absl::StrCat(select_one_, condition), Doing());
  if (!more.ok()) return more.status();
  return *more ? session_->EndedEarly(Doing()) : absl::OkStatus();
}

absl::StatusOr<std::size_t> Pages::Next(absl::FunctionRef<absl::Status(const Row&)> on_row) {
  absl::StatusOr<std::string> after = AfterCondition(selection_->id, last_id_);
  if (!after.ok()) return InTable(*session_, *selection_, after.status());
  const std::string condition = Condition(*after);
  const std::string tail = absl::StrCat(condition, order_by_);
  const std::string doing = Doing();
  const std::vector<std::string> before = last_id_;
  std::size_t page_rows = 0;
  std::size_t page_bytes = 0;
  ++statements_;
  absl::Status status =
      session_->Stream(absl::StrCat(select_, tail, " LIMIT ", rows_), doing, [&](const Row& row) {
        ++page_rows;
        page_bytes += row.bytes();
        return Take(row, on_row);
      });
  if (!status.ok()) return status;
  if (page_rows > 0 && last_id_ == before) {
    return absl::InternalError(absl::StrCat("MySQL ", session_->server(), ": ", doing,
                                            ": the same id came again; name another unique key "
                                            "with id="));
  }
  if (page_rows == 0) {
    if (absl::Status end = ConfirmEnd(condition); !end.ok()) return end;
  }
  Adapt(page_rows, page_bytes);
  return page_rows;
}

}  // namespace strata::mysql
