#include "loader/mysql_schema.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/message_text.h"
#include "loader/mysql_charset.h"
#include "loader/mysql_query.h"
#include "loader/mysql_query_changes.h"
#include "loader/mysql_relation.h"
#include "loader/view.h"

namespace strata::mysql {
namespace {

struct TypeFacts {
  std::string_view type;
  ColumnKind kind;
  std::uint64_t bytes;        // of a value's text, or of each unit of the type's length
  bool times_length = false;  // bytes × the number in parentheses
};

// What is not here (JSON, GEOMETRY, types to come) is text without a bound.
constexpr TypeFacts kTypes[] = {
    {"tinyint", ColumnKind::kInteger, 20},
    {"smallint", ColumnKind::kInteger, 20},
    {"mediumint", ColumnKind::kInteger, 20},
    {"int", ColumnKind::kInteger, 20},
    {"integer", ColumnKind::kInteger, 20},
    {"bigint", ColumnKind::kInteger, 20},
    {"year", ColumnKind::kInteger, 4},
    {"decimal", ColumnKind::kDecimal, 70},
    {"numeric", ColumnKind::kDecimal, 70},
    {"float", ColumnKind::kReal, 320},
    {"double", ColumnKind::kReal, 320},
    {"real", ColumnKind::kReal, 320},
    {"bit", ColumnKind::kBits, 8},
    {"enum", ColumnKind::kNumbered, 1024},
    {"set", ColumnKind::kNumbered, 4096},
    {"time", ColumnKind::kTime, 17},
    {"date", ColumnKind::kText, 10},
    {"datetime", ColumnKind::kText, 26},
    {"timestamp", ColumnKind::kText, 26},
    {"char", ColumnKind::kText, 4, true},
    {"varchar", ColumnKind::kText, 4, true},
    {"uuid", ColumnKind::kText, 36},
    {"inet4", ColumnKind::kText, 15},
    {"inet6", ColumnKind::kText, 45},
    {"tinytext", ColumnKind::kText, 3 * 255},
    {"text", ColumnKind::kText, 65'535},  // in utf8mb4; a latin1 text may grow on the way
    {"binary", ColumnKind::kBytes, 1, true},
    {"varbinary", ColumnKind::kBytes, 1, true},
    {"tinyblob", ColumnKind::kBytes, 255},
    {"blob", ColumnKind::kBytes, 65'535},
};

bool IsGeometry(std::string_view type) {
  constexpr std::string_view kShapes[] = {
      "geometry",        "point",        "linestring",         "polygon",       "multipoint",
      "multilinestring", "multipolygon", "geometrycollection", "geomcollection"};
  return std::find(std::begin(kShapes), std::end(kShapes), type) != std::end(kShapes);
}

bool IsBlob(std::string_view type) {
  return type == "mediumblob" || type == "longblob" || type == "vector";
}

const Column* FindColumn(const Table& table, std::string_view name) {
  const Column* found = nullptr;
  for (const Column& column : table.columns) {
    if (column.name == name) return &column;
    // Column names are the same whatever their case: take the server's spelling.
    if (absl::EqualsIgnoreCase(column.name, View(name))) found = &column;
  }
  return found;
}

absl::StatusOr<Column> Need(const Table& table, const MySqlMapping& mapping, std::string_view name,
                            std::string_view parameter) {
  if (const Column* column = FindColumn(table, name)) return *column;
  constexpr std::size_t kMostNames = 40;
  std::vector<std::string> names;
  for (const Column& column : table.columns) {
    if (names.size() == kMostNames) {
      names.push_back("…");
      break;
    }
    names.push_back(EscapeForMessage(column.name));
  }
  const char* instead = "";
  if (parameter == "order") {
    instead = ", or none (order= in a URL, order = \"\" in a FILE.toml) where ids give the order";
  } else if (parameter == "key" || parameter == "value") {
    instead =
        ", or, where a row is a record, its columns with columns=A,B; a column of JSON is named in "
        "a FILE.toml, with record = \"COLUMN\" or list = \"COLUMN\"";
  }
  return absl::NotFoundError(
      absl::StrCat(Described(mapping), " has no column ", QuoteForMessage(name), " (",
                   View(parameter), "=); name the right one with ", View(parameter), "=COLUMN",
                   instead, "; its columns are ", absl::StrJoin(names, ", ")));
}

// One that is compared and sorted, not only read.
absl::StatusOr<Column> NeedKey(const Table& table, const MySqlMapping& mapping,
                               std::string_view name, std::string_view parameter) {
  absl::StatusOr<Column> column = Need(table, mapping, name, parameter);
  if (!column.ok() || column->no_key == NoKey::kNone) return column;
  const auto [what, as_text] =
      column->no_key == NoKey::kGeometry ? std::pair("a geometry", "ST_AsText(…)")
      : column->no_key == NoKey::kVector ? std::pair("a vector", "HEX(…)")
                                         : std::pair("JSON", "payload->>'$.name'");
  return absl::InvalidArgumentError(
      absl::StrCat(Described(mapping), ": column ", QuoteForMessage(column->name), " (",
                   View(parameter), "=) is ", what,
                   ", which can be neither a key nor an order; name another column, or a query's "
                   "that is text: query = \"SELECT ",
                   as_text, " AS …\""));
}

absl::StatusOr<std::vector<Column>> SelectId(const Table& table, const MySqlMapping& mapping) {
  if (!mapping.query.empty() && mapping.id.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        Described(mapping),
        ": name the columns that together tell its rows apart, with id = [\"A\", \"B\"]"));
  }
  if (mapping.id.empty() && !table.has_primary_key) {
    return absl::FailedPreconditionError(
        absl::StrCat(Described(mapping),
                     " has no primary key to page by; name the columns of a unique key without "
                     "NULLs with id=A,B, or add a primary key; a view has neither: give it in a "
                     "FILE.toml as query = \"SELECT …\", with id = [\"A\", \"B\"]"));
  }
  const std::vector<std::string>& names = mapping.id.empty() ? table.unique_keys[0] : mapping.id;
  std::vector<Column> id;
  for (const std::string& name : names) {
    absl::StatusOr<Column> column = NeedKey(table, mapping, name, "id");
    if (!column.ok()) return column.status();
    id.push_back(*std::move(column));
  }
  if (!mapping.query.empty()) return id;
  const auto within = [&id](const std::vector<std::string>& key) {
    return std::all_of(key.begin(), key.end(), [&id](const std::string& name) {
      return std::any_of(id.begin(), id.end(), [&](const Column& c) { return c.name == name; });
    });
  };
  if (std::any_of(table.unique_keys.begin(), table.unique_keys.end(), within)) {
    // Columns that can be NULL are none of the key's, and no page could begin behind a NULL.
    std::erase_if(id, [](const Column& column) { return column.nullable; });
    return id;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      Described(mapping), ": id=", EscapeForMessage(absl::StrJoin(mapping.id, ",")),
      " may name several rows, and rows would be lost; name all columns of the primary key or of a "
      "unique key without NULLs; a view has neither: give it in a FILE.toml as query = \"SELECT "
      "…\", with id = [\"A\", \"B\"]"));
}

bool IsMapped(const Column& column, const Selection& selection, const std::string& cursor) {
  const auto is = [&column](const std::optional<Column>& other) {
    return other && other->name == column.name;
  };
  return column.name == selection.outer.name || column.name == selection.inner.name ||
         is(selection.order) || is(selection.deleted) ||
         absl::EqualsIgnoreCase(column.name, cursor) ||
         std::any_of(selection.id.begin(), selection.id.end(),
                     [&](const Column& id) { return id.name == column.name; });
}

absl::Status SelectValues(const Table& table, const MySqlMapping& mapping, Selection* selection) {
  const std::string cursor = mapping.cursor.value_or(mapping.query.empty() ? "updated_at" : "");
  if (mapping.cursor) {
    absl::StatusOr<Column> column = Need(table, mapping, cursor, "cursor");
    if (!column.ok()) return column.status();
  }
  for (const auto& [name, parameter, json] :
       {std::tuple(&mapping.record, "record", JsonValue::kRecord),
        std::tuple(&mapping.list, "list", JsonValue::kList)}) {
    if (name->empty()) continue;
    absl::StatusOr<Column> column = Need(table, mapping, *name, parameter);
    if (!column.ok()) return column.status();
    selection->values.push_back(*std::move(column));
    selection->json = json;
    selection->pair_rows = false;
    return absl::OkStatus();
  }
  selection->pair_rows = mapping.columns.empty() && !mapping.all_columns;
  if (mapping.all_columns) {
    for (const Column& column : table.columns) {
      if (!column.invisible && !IsMapped(column, *selection, cursor)) {
        selection->values.push_back(column);
      }
    }
    return absl::OkStatus();
  }
  std::vector<std::pair<std::string, std::string>> wanted;
  if (selection->pair_rows) wanted = {{mapping.key, "key"}, {mapping.value, "value"}};
  for (const std::string& name : mapping.columns) wanted.emplace_back(name, "columns");
  for (const auto& [name, parameter] : wanted) {
    absl::StatusOr<Column> column = Need(table, mapping, name, parameter);
    if (!column.ok()) return column.status();
    const bool repeated =
        std::any_of(selection->values.begin(), selection->values.end(),
                    [&column](const Column& other) { return other.name == column->name; });
    if (repeated && !selection->pair_rows) {
      return absl::InvalidArgumentError(
          absl::StrCat("columns= names ", QuoteForMessage(name), " twice; leave one of them out"));
    }
    selection->values.push_back(*std::move(column));
  }
  return absl::OkStatus();
}

}  // namespace

Column DescribeColumn(std::string name, std::string_view type) {
  Column column;
  column.name = std::move(name);
  column.type = std::string(type);
  const std::size_t end = std::min(type.find_first_of(" ("), type.size());
  const std::string word = absl::AsciiStrToLower(View(type.substr(0, end)));
  for (const TypeFacts& facts : kTypes) {
    if (facts.type != word) continue;
    column.kind = facts.kind;
    column.max_bytes = facts.bytes;
    std::uint64_t length = 1;
    if (facts.times_length && end < type.size() && type[end] == '(') {
      const std::string_view rest = type.substr(end + 1);
      column.unbounded = !absl::SimpleAtoi(View(rest.substr(0, rest.find(')'))), &length);
    }
    column.max_bytes *= length;
    return column;
  }
  column.unbounded = true;
  if (IsGeometry(word)) column.no_key = NoKey::kGeometry;
  if (word == "json" || word == "unknown") column.no_key = NoKey::kJson;
  if (word == "vector") column.no_key = NoKey::kVector;
  if (IsBlob(word)) column.kind = ColumnKind::kBytes;
  return column;
}

bool ComesBack(const Column& column) {
  return column.kind != ColumnKind::kText || WayBackOf(column.collation) == WayBack::kSame;
}

absl::StatusOr<Table> ReadTable(Session* session, const std::string& database,
                                const std::string& table) {
  Table result;
  const std::string doing = absl::StrCat("looking up table ", QuoteForMessage(table));
  const std::string from = absl::StrCat(" FROM ", QuoteName(table), " FROM ", QuoteName(database));
  enum { kField, kType, kCollation, kNull, kKey, kDefault, kExtra };
  bool keyed = false;
  absl::Status status =
      session->Query(absl::StrCat("SHOW FULL COLUMNS", from), doing, [&](const Row& row) {
        keyed = keyed || row[kKey] == "PRI";
        Column column = DescribeColumn(std::string(row[kField]), row[kType]);
        column.nullable = row[kNull] != "NO";
        column.collation = std::string(row[kCollation]);
        column.invisible = absl::StrContains(View(row[kExtra]), "INVISIBLE");
        result.columns.push_back(std::move(column));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  // No table is without columns; and a primary key that is shown here is shown below.
  if (result.columns.empty()) return session->EndedEarly(doing);

  // Rows of one key come together, its columns in order.
  enum {
    kTable,
    kNonUnique,
    kKeyName,
    kSequence,
    kColumnName,
    kOrder,
    kRows,
    kSubPart,
    kPacked,
    kNullable
  };
  std::string last;
  std::vector<std::pair<std::vector<std::string>, bool>> keys;
  status = session->Query(absl::StrCat("SHOW INDEX", from), doing, [&](const Row& row) {
    if (row[kNonUnique] != "0") return absl::OkStatus();
    if (keys.empty() || row[kKeyName] != last) keys.push_back({{}, true});
    last = std::string(row[kKeyName]);
    if (last == "PRIMARY") result.has_primary_key = true;
    keys.back().first.push_back(std::string(row[kColumnName]));
    // A prefix of an unbounded column does tell rows apart, but NULLs and expressions do not.
    if (row[kNullable] == "YES" || row.IsNull(kColumnName)) keys.back().second = false;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (keyed && keys.empty()) return session->EndedEarly(doing);
  for (auto& [columns, usable] : keys) {
    if (usable) result.unique_keys.push_back(std::move(columns));
  }
  status =
      session->Query(absl::StrCat("SELECT MAX(TABLE_ROWS), COALESCE(MAX(CREATE_TIME), '') FROM "
                                  "information_schema.TABLES WHERE TABLE_SCHEMA = ",
                                  QuoteText(database), " AND TABLE_NAME = ", QuoteText(table)),
                     doing, [&](const Row& row) {
                       if (!absl::SimpleAtoi(View(row[0]), &result.rows_estimate))
                         result.rows_estimate = 0;
                       result.created.assign(row[1]);
                       return absl::OkStatus();
                     });
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<Table> ReadRelation(Session* session, const std::string& database,
                                   const MySqlMapping& mapping) {
  if (mapping.query.empty()) return ReadTable(session, database, mapping.table);
  absl::StatusOr<std::vector<ResultColumn>> columns =
      DescribeQuery(session, mapping.query, Described(mapping));
  if (!columns.ok()) return columns.status();
  Table table;
  for (const ResultColumn& found : *columns) {
    Column column = DescribeColumn(found.name, found.type);
    column.nullable = found.nullable;
    table.columns.push_back(std::move(column));
  }
  absl::Status status = ReadCollations(session, mapping.query, Described(mapping), &table.columns);
  if (!status.ok()) return status;
  return table;
}

absl::StatusOr<Selection> Select(const Table& table, const std::string& database,
                                 const MySqlMapping& mapping) {
  Selection selection;
  selection.database = database;
  selection.table = mapping.table;
  selection.query = mapping.query;
  selection.where = mapping.where;
  selection.outer_const = mapping.outer_const;
  if (!mapping.outer_const) {
    absl::StatusOr<Column> outer = NeedKey(table, mapping, mapping.outer, "outer");
    if (!outer.ok()) return outer.status();
    selection.outer = *std::move(outer);
  }
  absl::StatusOr<Column> inner = NeedKey(table, mapping, mapping.inner, "inner");
  if (!inner.ok()) return inner.status();
  selection.inner = *std::move(inner);
  if (!mapping.order.empty()) {
    absl::StatusOr<Column> order = NeedKey(table, mapping, mapping.order, "order");
    if (!order.ok()) return order.status();
    selection.order = *std::move(order);
  }
  if (!mapping.deleted.empty()) {
    absl::StatusOr<Column> deleted = NeedKey(table, mapping, mapping.deleted, "deleted");
    if (!deleted.ok()) return deleted.status();
    selection.deleted = *std::move(deleted);
  }
  absl::StatusOr<std::vector<Column>> id = SelectId(table, mapping);
  if (!id.ok()) return id.status();
  selection.id = *std::move(id);
  if (absl::Status status = SelectValues(table, mapping, &selection); !status.ok()) return status;
  return selection;
}

absl::StatusOr<Relation> LookUp(Session* session, const std::string& database,
                                const MySqlMapping& mapping) {
  for (const auto& [name, sql] :
       {std::pair("where", &mapping.where), std::pair("query", &mapping.query)}) {
    if (ClosesWhatItOpens(*sql)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(Described(mapping), ": ", name, kBetweenParentheses));
  }
  absl::StatusOr<Table> table = ReadRelation(session, database, mapping);
  if (!table.ok()) return table.status();
  absl::StatusOr<Selection> selection = Select(*table, database, mapping);
  if (!selection.ok()) {
    return absl::Status(selection.status().code(), absl::StrCat("MySQL ", session->server(), ": ",
                                                                selection.status().message()));
  }
  absl::Status runs = CheckWhere(session, *selection, /*with_a_row=*/false);
  if (!runs.ok()) return runs;
  return Relation{*std::move(table), *std::move(selection)};
}

}  // namespace strata::mysql
