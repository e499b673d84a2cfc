#include "loader/mysql_entry_read.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include <strata/source.h>

#include "loader/growing_array.h"
#include "loader/message_text.h"
#include "loader/mysql_cells.h"
#include "loader/mysql_charset.h"
#include "loader/mysql_clock.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_relation.h"
#include "loader/mysql_row_json.h"
#include "loader/text_arena.h"

namespace strata::mysql {
namespace {

// A large entry may have a million rows: their texts lie in an arena that outlives them.
struct StoredRow {
  std::string_view record;  // what the rows of one record share: the order's sort key
  std::string_view id;      // RowId
  std::size_t first_value;
};

// The rows of one entry, in the order of ids until they are sorted.
class StoredEntry {
 public:
  using Value = std::optional<std::string_view>;

  absl::Status Add(const Selection& selection, const Cells& cells, const Row& row,
                   TextArena* text) {
    std::string record;
    absl::Status status = AppendRowOrder(selection, cells, row, &record);
    if (!status.ok()) return status;
    rows_.push_back({text->Copy(record), text->Copy(RowId(selection, row)), values_.size()});
    for (const std::size_t cell : cells.values) {
      values_.push_back(row.IsNull(cell) ? Value() : Value(text->Copy(row[cell])));
    }
    return absl::OkStatus();
  }

  void SortByOrder() {
    StoredRow* const end = rows_.data() + rows_.size();
    const auto before = [](const StoredRow& a, const StoredRow& b) { return a.record < b.record; };
    if (std::is_sorted(rows_.data(), end, before)) return;  // the other takes memory
    std::stable_sort(rows_.data(), end, before);
  }
  /// Gives back all but the texts.
  void Forget() {
    rows_.Clear(0);
    values_.Clear(0);
  }

  std::span<const StoredRow> rows() const { return rows_.range(0, rows_.size()); }
  const Value& value(const StoredRow& row, std::size_t index) const {
    return values_[row.first_value + index];
  }

 private:
  GrowingArray<StoredRow> rows_;
  GrowingArray<Value> values_;  // those of each row together
};

// The records of rows in order, whose column is JSON, as the batch's one entry; and their digest.
absl::Status BuildJson(const Selection& selection, const StoredEntry& entry, Batch* batch,
                       EntryDigest* digest) {
  RowJson json;
  batch->BeginEntry({}, {});
  for (const StoredRow& row : entry.rows()) {
    const StoredEntry::Value& text = entry.value(row, 0);
    if (!text) {
      AddJsonRow(std::nullopt, digest);
      if (selection.json == JsonValue::kRecord) batch->BeginRecord();
      continue;
    }
    AddJsonRow(JsonTextDigest(*text), digest);
    const auto take = [&](const RecordsView& records, bool goes_on) {
      for (std::size_t i = 0; i < records.size(); ++i) {
        if (i > 0 || !goes_on) batch->BeginRecord();
        for (const Pair& pair : records[i]) batch->AddPair(pair.key, pair.value);
      }
      return absl::OkStatus();
    };
    absl::Status parsed = selection.json == JsonValue::kList ? json.ParseList(*text, take)
                                                             : json.ParseRecord(*text, take);
    if (!parsed.ok()) return parsed;
  }
  batch->EndEntry();
  return absl::OkStatus();
}

// The records of rows in order.
Records Build(const Selection& selection, const StoredEntry& entry) {
  Records records;
  const StoredRow* last = nullptr;
  for (const StoredRow& row : entry.rows()) {
    if (!selection.pair_rows) {
      records.BeginRecord();
      for (std::size_t i = 0; i < selection.values.size(); ++i) {
        const StoredEntry::Value& value = entry.value(row, i);
        if (value) records.AddPair(selection.values[i].name, *value);
      }
      continue;
    }
    // Without an order column each row is a record.
    if (last == nullptr || !selection.order || row.record != last->record) records.BeginRecord();
    last = &row;
    const StoredEntry::Value& key = entry.value(row, 0);
    const StoredEntry::Value& value = entry.value(row, 1);
    if (key && value) records.AddPair(*key, *value);
  }
  return records;
}

// The digest of pair rows of which one repeats a key of its record; else nothing, for then the
// cache's entry has it.
std::optional<EntryDigest> DigestWhereKeysRepeat(const RecordsView& records,
                                                 const StoredEntry& entry) {
  std::vector<Pair> scratch;
  bool repeats = false;
  for (std::size_t i = 0; i < records.size() && !repeats; ++i) {
    repeats = UniqueKeys(records[i], &scratch).size() != records[i].size();
  }
  if (!repeats) return std::nullopt;
  EntryDigest digest;
  const StoredRow* last = nullptr;
  for (const StoredRow& row : entry.rows()) {
    if (last == nullptr || row.record != last->record) ++digest.records;
    last = &row;
    const StoredEntry::Value& key = entry.value(row, 0);
    const StoredEntry::Value& value = entry.value(row, 1);
    if (key && value) AddPairRow(row.id, *key, *value, &digest);
  }
  return digest;
}

// BIT's text is its bytes; as a number they compare.
std::string BitLiteral(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return absl::StrCat(number);
}

// Whether a column of times can hold it: MySQL refuses to compare with what is no time (1525).
bool MayBeTime(const Column& column, std::string_view text) {
  if (column.type.starts_with("date") || column.type.starts_with("timestamp")) {
    return ParseTime(text).has_value();
  }
  return column.kind != ColumnKind::kTime ||
         text.find_first_not_of("-0123456789:.") == std::string_view::npos;
}

// A condition that an index on the column answers, with the AND behind it, which every value that
// arrives as `text` fulfils; empty where there is none.
std::string ByIndex(const Column& column, std::string_view text) {
  if (!MayBeTime(column, text)) return std::string();
  const std::string name = QuoteName(column.name);
  switch (WayBackOf(column.collation)) {
    case WayBack::kSame:
      break;
    case WayBack::kSeveralCodes:
      return std::string();
    case WayBack::kUnlessStoodIn: {
      const std::size_t sure = BytesBeforeStandIn(text);
      if (sure == 0 && !text.empty()) return std::string();
      if (sure == text.size()) break;
      std::string prefix;
      for (const char c : text.substr(0, sure)) {
        if (c == '\\' || c == '%' || c == '_') prefix.push_back('\\');
        prefix.push_back(c);
      }
      return absl::StrCat(name, " LIKE ", QuoteText(prefix + "%"), " AND ");
    }
  }
  return absl::StrCat(name, " = ", QuoteText(text), " AND ");
}

}  // namespace

absl::Status FaultOfEntry(const std::string& server, const Selection& selection,
                          const EntryName& name, absl::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrCat("MySQL ", server, ": ", Described(selection), ", entry ",
                   QuoteForMessage(name.outer), ", ", QuoteForMessage(name.inner), ": column ",
                   QuoteForMessage(selection.values[0].name), ": ", message));
}

absl::Status CanHold(const Session& session, const Selection& selection, const EntryName& name) {
  const auto check = [&](const Column& column, std::string_view text) -> absl::Status {
    if (column.kind != ColumnKind::kInteger && column.kind != ColumnKind::kDecimal) {
      return absl::OkStatus();
    }
    const absl::StatusOr<std::string> literal = IdLiteral(column, text);
    return literal.ok() ? absl::OkStatus() : InTable(session, selection, literal.status());
  };
  if (!selection.outer_const) {
    if (absl::Status outer = check(selection.outer, name.outer); !outer.ok()) return outer;
  }
  return check(selection.inner, name.inner);
}

std::string ExactCondition(const Column& column, std::string_view text) {
  const std::string name = QuoteName(column.name);
  const std::string exact =
      absl::StrCat("CAST(CONVERT(", name, " USING utf8mb4) AS BINARY) = ", QuoteBytes(text));
  switch (column.kind) {
    case ColumnKind::kBits:
      return absl::StrCat(name, " = ", BitLiteral(text));
    case ColumnKind::kReal:  // the text does not hold every bit of the number
      return exact;
    case ColumnKind::kText:
    case ColumnKind::kTime:
    case ColumnKind::kNumbered:
      return absl::StrCat(ByIndex(column, text), exact);
    case ColumnKind::kInteger:
    case ColumnKind::kDecimal:
    case ColumnKind::kBytes:
      break;
  }
  const absl::StatusOr<std::string> literal = IdLiteral(column, text);
  return literal.ok() ? absl::StrCat(name, " = ", *literal) : "FALSE";
}

namespace {

// The rows of one entry.
std::string EntryCondition(const Selection& selection, const EntryName& name) {
  const std::string inner = ExactCondition(selection.inner, name.inner);
  if (selection.outer_const) {
    return name.outer == *selection.outer_const ? absl::StrCat("(", inner, ")") : "FALSE";
  }
  return absl::StrCat("(", ExactCondition(selection.outer, name.outer), " AND ", inner, ")");
}

}  // namespace

std::string LivingCondition(const Selection& selection) {
  std::vector<std::string> conditions;
  for (const Column& key : KeyColumns(selection)) {
    conditions.push_back(absl::StrCat(QuoteName(key.name), " IS NOT NULL"));
  }
  if (selection.deleted) {
    conditions.push_back(
        absl::StrCat("NOT COALESCE(", DeletedExpression(*selection.deleted), ", 0)"));
  }
  if (!selection.where.empty()) conditions.push_back(OwnCondition(selection));
  return absl::StrJoin(conditions, " AND ");
}

namespace {

absl::Status Tell(const Session& session, const Selection& selection, const EntryName& name,
                  StoredEntry* stored,
                  absl::FunctionRef<absl::Status(const EntryAsRead&)> on_entry) {
  EntryAsRead entry{
      .name = name, .present = !stored->rows().empty(), .records = {}, .digest = {}, .status = {}};
  stored->SortByOrder();
  if (selection.json == JsonValue::kNone) {
    const Records records = Build(selection, *stored);
    entry.records = records.view();
    if (selection.pair_rows) entry.digest = DigestWhereKeysRepeat(entry.records, *stored);
    stored->Forget();
    return on_entry(entry);
  }
  Batch batch;
  const absl::Status built = BuildJson(selection, *stored, &batch, &entry.digest.emplace());
  if (built.ok()) {
    entry.records = batch[0].records;
  } else if (absl::IsInvalidArgument(built)) {
    entry.status = FaultOfEntry(session.server(), selection, name, built.message());
  } else {
    return built;
  }
  return on_entry(entry);
}

// The id as an expression that compares like the column and that no index has in order. By the bare
// column MariaDB reads the whole table along its primary key, rather than sort the few rows it
// finds by the index on the entry's columns, while its statistics are of when the table was small.
std::string SortedId(const Column& column) {
  switch (column.kind) {
    case ColumnKind::kText:
    case ColumnKind::kBytes:
    case ColumnKind::kTime:
      return absl::StrCat("COALESCE(", QuoteName(column.name), ")");
    default:
      return absl::StrCat("(", QuoteName(column.name), " + 0)");
  }
}

// What asks for entries, and their rows as they come.
class Asked {
 public:
  Asked(const Session& session, const Selection& selection, std::span<const EntryName> names)
      : session_(session), selection_(selection), cells_(selection) {
    std::vector<std::string> wanted;
    for (const EntryName& name : names) {
      entries_[name];
      wanted.push_back(EntryCondition(selection_, name));
    }
    from_where_ = absl::StrCat(FromClause(selection_), " WHERE (", absl::StrJoin(wanted, " OR "),
                               ") AND ", LivingCondition(selection_));
    doing_ =
        absl::StrCat("reading ", Described(selection_), ", entry ", QuoteForMessage(names[0].outer),
                     ", ", QuoteForMessage(names[0].inner), names.size() > 1 ? " and others" : "");
  }

  std::string Statement() const {
    std::vector<std::string> order;
    for (const Column& column : selection_.id) order.push_back(SortedId(column));
    return absl::StrCat("SELECT ", absl::StrJoin(cells_.expressions, ", "), from_where_,
                        " ORDER BY ", absl::StrJoin(order, ", "));
  }
  const std::string& from_where() const { return from_where_; }
  const std::string& doing() const { return doing_; }
  std::uint64_t rows() const { return rows_; }

  absl::Status Take(const Row& row) {
    ++rows_;
    const auto entry =
        entries_.find({std::string(row[cells_.outer]), std::string(row[cells_.inner])});
    if (entry == entries_.end()) return absl::OkStatus();
    const absl::Status stored = entry->second.Add(selection_, cells_, row, &text_);
    return stored.ok() ? stored : InTable(session_, selection_, stored);
  }

  absl::Status TellAll(absl::FunctionRef<absl::Status(const EntryAsRead&)> on_entry) {
    for (auto& [name, stored] : entries_) {
      absl::Status told = Tell(session_, selection_, name, &stored, on_entry);
      if (!told.ok()) return told;
    }
    return absl::OkStatus();
  }

 private:
  const Session& session_;
  const Selection& selection_;
  const Cells cells_;
  TextArena text_;
  std::map<EntryName, StoredEntry> entries_;
  std::string from_where_;
  std::string doing_;
  std::uint64_t rows_ = 0;
};

// The rows, and by the server's own count that they are all.
absl::Status StreamAndCount(Session* session, Asked* asked) {
  absl::Status status = session->Stream(asked->Statement(), asked->doing(),
                                        [&](const Row& row) { return asked->Take(row); });
  if (!status.ok()) return status;
  std::string count;
  status = session->Query(absl::StrCat("SELECT COUNT(*)", asked->from_where()), asked->doing(),
                          [&](const Row& row) {
                            count = std::string(row[0]);
                            return absl::OkStatus();
                          });
  if (!status.ok()) return status;
  return count == absl::StrCat(asked->rows()) ? absl::OkStatus()
                                              : session->EndedEarly(asked->doing());
}

}  // namespace

absl::Status ReadEntries(Session* session, const Selection& selection,
                         std::span<const EntryName> names,
                         absl::FunctionRef<absl::Status(const EntryAsRead&)> on_entry) {
  if (names.empty()) return absl::OkStatus();
  Asked asked(*session, selection, names);
  absl::Status status = session->Query(asked.Statement(), asked.doing(),
                                       [&](const Row& row) { return asked.Take(row); });
  if (!status.ok()) return status;
  if (asked.rows() == 0) {
    const absl::StatusOr<bool> some =
        session->Exists(absl::StrCat("SELECT 1", asked.from_where()), asked.doing());
    if (!some.ok()) return some.status();
    if (*some) return session->EndedEarly(asked.doing());
  }
  return asked.TellAll(on_entry);
}

absl::Status ReadLargeEntry(Session* session, const Selection& selection, const EntryName& name,
                            absl::FunctionRef<absl::Status(const EntryAsRead&)> on_entry) {
  Asked asked(*session, selection, {&name, 1});
  absl::Status status =
      session->InSnapshot(asked.doing(), [&] { return StreamAndCount(session, &asked); });
  return status.ok() ? asked.TellAll(on_entry) : status;
}

}  // namespace strata::mysql
