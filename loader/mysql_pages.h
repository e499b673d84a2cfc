// Reads a table in pages by id: `… WHERE id > LAST ORDER BY id LIMIT n`, again and again.
//
// What it makes sure of:
//   - With several id columns the condition is `a > x OR (a = x AND b > y)`, never a row
//     constructor, which both servers answer by scanning from the table's beginning.
//   - Pages are streamed: no page is ever held, and a row of 3 MB costs 3 MB. A stream that the
//     server cut off looks like one that is done, so a page with fewer rows than asked for proves
//     nothing: the next page begins behind the last row that came, and the end is when the server
//     then answers that there is no row behind it.
//   - Nothing is pasted into a statement unquoted: names stand in backticks, values in hexadecimal,
//     numbers are checked to be numbers.
//   - A page is about kPageBytes, by what the last one's rows weighed: small enough to be stopped
//     between two, large enough that its statement costs nothing beside its rows.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_MYSQL_PAGES_H_
#define STRATA_LOADER_MYSQL_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "loader/mysql_schema.h"
#include "loader/mysql_session.h"

namespace strata::mysql {

inline constexpr std::size_t kPageBytes = 4u << 20;
/// Of a query a page may become as large, each twice the last. It costs no memory, rows are
/// streamed; stopping waits for the page.
inline constexpr std::size_t kMostQueryPageBytes = 64u << 20;
inline constexpr std::size_t kLeastPageRows = 100;

/// The error of a column that gave what is not of the kind that it was when the table was looked
/// up: Aborted.
absl::Status OfAnotherType(const Column& column, std::string_view why);

/// The literal for an id as IdExpression gave it. Aborted where the text is not of the column's
/// kind: the table was altered meanwhile.
absl::StatusOr<std::string> IdLiteral(const Column& column, std::string_view text);

/// The condition for rows behind `last` (the texts of all id columns); empty at the beginning.
absl::StatusOr<std::string> AfterCondition(const std::vector<Column>& id,
                                           const std::vector<std::string>& last);

/// What to select so that the text that arrives says all there is to say about the value: exact for
/// an id, comparable for an order.
std::string IdExpression(const Column& column);
std::string OrderExpression(const Column& column);
/// The text of the text protocol for a value that goes into the cache.
std::string ValueExpression(const Column& column);
/// Whether the row is deleted: 1, else 0 or NULL.
std::string DeletedExpression(const Column& column);

class Pages {
 public:
  /// `session` and `selection` must outlive it.
  Pages(Session* session, const Selection* selection, std::size_t max_page_rows);

  /// Reads the next page; how many rows it had, 0 for the end. An error names the id after which it
  /// came to pass.
  absl::StatusOr<std::size_t> Next(absl::FunctionRef<absl::Status(const Row&)> on_row);

  /// How many statements that read from the table so far.
  std::uint64_t statements() const { return statements_; }
  /// Of all rows so far.
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  std::string Doing() const;
  std::string LastId() const;
  absl::Status Take(const Row& row, absl::FunctionRef<absl::Status(const Row&)> on_row);
  std::string Condition(const std::string& after) const;
  /// OK where there are no rows behind the last one, by the server's own word.
  absl::Status ConfirmEnd(const std::string& condition);
  void Adapt(std::size_t page_rows, std::size_t page_bytes);

  Session* session_;
  const Selection* selection_;
  std::string select_;      // up to FROM and its table
  std::string select_one_;  // the same for nothing but that there is a row
  std::string order_by_;
  std::size_t most_rows_;
  std::size_t rows_;
  std::size_t page_bytes_ = kPageBytes;
  std::vector<std::string> last_id_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t statements_ = 0;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_PAGES_H_
