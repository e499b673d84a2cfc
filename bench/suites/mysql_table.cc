#include "bench/suites/mysql_table.h"

#include <mysql.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bench/baselines/measure.h"

namespace strata {
namespace {

constexpr char kDatabase[] = "strata_bench";
constexpr char kTable[] = "pairs";

// The bytes of LOAD DATA LOCAL, handed to the client as it asks for them.
struct Upload {
  std::string_view left;
};

int BeginUpload(void** state, const char*, void* upload) {
  *state = upload;
  return 0;
}
int ReadUpload(void* state, char* buffer, unsigned size_bytes) {
  std::string_view& left = static_cast<Upload*>(state)->left;
  const std::size_t taken = std::min<std::size_t>(left.size(), size_bytes);
  std::memcpy(buffer, left.data(), taken);
  left.remove_prefix(taken);
  return static_cast<int>(taken);
}
void EndUpload(void*) {}
int FailUpload(void*, char* message, unsigned size_bytes) {
  if (size_bytes > 0) *message = '\0';
  return 0;
}

// A column of LOAD DATA's text format.
void AddColumn(std::string_view value, char end, std::string* text) {
  for (const char byte : value) {
    switch (byte) {
      case '\t':
        text->append("\\t");
        break;
      case '\n':
        text->append("\\n");
        break;
      case '\\':
        text->append("\\\\");
        break;
      case '\0':
        text->append("\\0");
        break;
      default:
        text->push_back(byte);
    }
  }
  text->push_back(end);
}

constexpr std::string_view kNullColumn = "\\N";

// All keys of the data, in the order of their first appearance: the columns of record rows.
std::vector<std::string> KeysOf(const BenchmarkData& data) {
  std::vector<std::string> keys;
  std::set<std::string, std::less<>> known;
  data.ForEachEntry([&](const Change& change) {
    for (std::size_t i = 0; i < change.records.size(); ++i) {
      for (const Pair& pair : change.records[i]) {
        if (known.emplace(pair.key).second) keys.emplace_back(pair.key);
      }
    }
  });
  return keys;
}

// The rows as lines of LOAD DATA's text format. `keys` are the columns of record rows; empty for
// pair rows.
std::vector<std::string> RowsOf(const BenchmarkData& data, const std::vector<std::string>& keys) {
  std::vector<std::string> rows;
  const auto begin_row = [&rows](const Change& change, std::size_t record) {
    std::string& row = rows.emplace_back();
    AddColumn(change.outer, '\t', &row);
    AddColumn(change.inner, '\t', &row);
    absl::StrAppend(&row, record, "\t");
    return &row;
  };
  data.ForEachEntry([&](const Change& change) {
    for (std::size_t i = 0; i < change.records.size(); ++i) {
      const RecordView record = change.records[i];
      if (!keys.empty()) {
        std::string* const row = begin_row(change, i);
        for (const std::string& key : keys) {
          const auto pair = std::find_if(record.begin(), record.end(),
                                         [&key](const Pair& other) { return other.key == key; });
          if (pair == record.end()) row->append(kNullColumn);
          AddColumn(pair == record.end() ? "" : pair->value, &key == &keys.back() ? '\n' : '\t',
                    row);
        }
        continue;
      }
      for (const Pair& pair : record) {
        std::string* const row = begin_row(change, i);
        AddColumn(pair.key, '\t', row);
        AddColumn(pair.value, '\n', row);
      }
    }
  });
  return rows;
}

std::string Join(std::vector<std::string> rows, bool scattered) {
  constexpr std::uint64_t kSeed = 1;
  if (scattered) std::shuffle(rows.begin(), rows.end(), std::mt19937_64(kSeed));
  return absl::StrJoin(rows, "");
}

}  // namespace

struct MySqlTable::Connection {
  Connection() : handle(mysql_init(nullptr)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (handle != nullptr) mysql_close(handle);
  }

  absl::Status Run(const std::string& statement) {
    if (mysql_real_query(handle, statement.data(), statement.size()) == 0) {
      return absl::OkStatus();
    }
    return absl::InternalError(
        absl::StrCat("MySQL: ", mysql_error(handle), " in: ", statement.substr(0, 200)));
  }

  MYSQL* handle;
};

MySqlTable::MySqlTable(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}

MySqlTable::~MySqlTable() {
  // The server is a private one that ends with the benchmarks; a failure leaves nothing behind.
  connection_->Run(absl::StrCat("DROP DATABASE ", kDatabase)).IgnoreError();
}

absl::StatusOr<std::unique_ptr<MySqlTable>> MySqlTable::Make(const std::string& socket,
                                                             const std::string& user,
                                                             const BenchmarkData& data,
                                                             const MySqlTableShape& shape) {
  auto connection = std::make_unique<Connection>();
  MYSQL* const handle = connection->handle;
  if (handle == nullptr) return absl::ResourceExhaustedError("no memory for a MySQL connection");
  const unsigned allow = 1;
  mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &allow);
  mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (mysql_real_connect(handle, nullptr, user.c_str(), nullptr, nullptr, 0, socket.c_str(), 0) ==
      nullptr) {
    return absl::UnavailableError(absl::StrCat("MySQL at ", socket, ": ", mysql_error(handle)));
  }
  std::vector<std::string> keys;
  if (shape.record_rows) keys = KeysOf(data);
  std::string columns = "outer_key, inner_key, seq";
  std::string declared = absl::StrCat(
      " (id BIGINT AUTO_INCREMENT, outer_key VARCHAR(190) NOT NULL,"
      " inner_key VARCHAR(190) NOT NULL, seq INT NOT NULL, PRIMARY KEY (",
      shape.clustered ? "outer_key, inner_key, seq, id), KEY (id)" : "id)");
  for (const std::string& key : keys) {
    absl::StrAppend(&columns, ", `", key, "`");
    absl::StrAppend(&declared, ", `", key, "` VARCHAR(190)");
  }
  if (keys.empty()) {
    columns += ", k, v";
    declared += ", k VARCHAR(190), v TEXT";
  }
  for (const std::string& statement :
       {absl::StrCat("DROP DATABASE IF EXISTS ", kDatabase),
        absl::StrCat("CREATE DATABASE ", kDatabase, " CHARACTER SET utf8mb4"),
        absl::StrCat("USE ", kDatabase),
        absl::StrCat("CREATE TABLE ", kTable, declared, ") ENGINE=InnoDB")}) {
    if (absl::Status status = connection->Run(statement); !status.ok()) return status;
  }
  const std::string rows = Join(RowsOf(data, keys), shape.scattered);
  Upload upload{rows};
  mysql_set_local_infile_handler(handle, BeginUpload, ReadUpload, EndUpload, FailUpload, &upload);
  absl::Status status =
      connection->Run(absl::StrCat("LOAD DATA LOCAL INFILE 'rows' INTO TABLE ", kTable,
                                   " CHARACTER SET utf8mb4 (", columns, ")"));
  if (status.ok() && shape.key_index) {
    status = connection->Run(
        absl::StrCat("ALTER TABLE ", kTable, " ADD KEY entries (outer_key, inner_key, seq)"));
  }
  if (!status.ok()) return status;

  std::unique_ptr<MySqlTable> table(new MySqlTable(std::move(connection)));
  table->options_.socket = socket;
  table->options_.user = user;
  table->options_.database = kDatabase;
  table->options_.mapping.table = kTable;
  table->options_.mapping.columns = keys;
  table->columns_ = "id, " + columns;
  return table;
}

absl::StatusOr<DrainedRows> MySqlTable::Drain(bool by_key_index) const {
  if (absl::Status status = connection_->Run(absl::StrCat(
          "SELECT ", columns_, " FROM ", kTable,
          by_key_index ? " FORCE INDEX (entries) ORDER BY outer_key, inner_key, seq" : ""));
      !status.ok()) {
    return status;
  }
  MYSQL_RES* const result = mysql_use_result(connection_->handle);
  if (result == nullptr) return absl::InternalError(mysql_error(connection_->handle));
  const unsigned columns = mysql_num_fields(result);
  DrainedRows drained;
  std::uint64_t sum = 0;
  while (const MYSQL_ROW row = mysql_fetch_row(result)) {
    const unsigned long* const lengths = mysql_fetch_lengths(result);
    ++drained.rows;
    for (unsigned i = 0; i < columns; ++i) {
      sum += TouchBytes({row[i], lengths[i]});
      drained.bytes += static_cast<std::int64_t>(lengths[i]);
    }
  }
  const bool failed = mysql_errno(connection_->handle) != 0;
  mysql_free_result(result);
  asm volatile("" : : "r"(sum) : "memory");
  if (failed) return absl::InternalError(mysql_error(connection_->handle));
  return drained;
}

}  // namespace strata
