#include "bench/suites/mysql_table.h"

#include <mysql.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
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

std::string RowsOf(const BenchmarkData& data) {
  std::string text;
  data.ForEachEntry([&text](const Change& change) {
    for (std::size_t i = 0; i < change.records.size(); ++i) {
      for (const Pair& pair : change.records[i]) {
        AddColumn(change.outer, '\t', &text);
        AddColumn(change.inner, '\t', &text);
        absl::StrAppend(&text, i, "\t");
        AddColumn(pair.key, '\t', &text);
        AddColumn(pair.value, '\n', &text);
      }
    }
  });
  return text;
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
                                                             const BenchmarkData& data) {
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
  for (const std::string& statement :
       {absl::StrCat("DROP DATABASE IF EXISTS ", kDatabase),
        absl::StrCat("CREATE DATABASE ", kDatabase, " CHARACTER SET utf8mb4"),
        absl::StrCat("USE ", kDatabase),
        absl::StrCat("CREATE TABLE ", kTable,
                     " (id BIGINT AUTO_INCREMENT PRIMARY KEY, outer_key VARCHAR(190) NOT NULL,"
                     " inner_key VARCHAR(190) NOT NULL, seq INT NOT NULL, k VARCHAR(190), v TEXT)"
                     " ENGINE=InnoDB")}) {
    if (absl::Status status = connection->Run(statement); !status.ok()) return status;
  }
  const std::string rows = RowsOf(data);
  Upload upload{rows};
  mysql_set_local_infile_handler(handle, BeginUpload, ReadUpload, EndUpload, FailUpload, &upload);
  absl::Status status =
      connection->Run(absl::StrCat("LOAD DATA LOCAL INFILE 'rows' INTO TABLE ", kTable,
                                   " CHARACTER SET utf8mb4 (outer_key, inner_key, seq, k, v)"));
  if (!status.ok()) return status;

  std::unique_ptr<MySqlTable> table(new MySqlTable(std::move(connection)));
  table->options_.socket = socket;
  table->options_.user = user;
  table->options_.database = kDatabase;
  table->options_.mapping.table = kTable;
  return table;
}

absl::StatusOr<DrainedRows> MySqlTable::Drain() const {
  if (absl::Status status = connection_->Run(
          absl::StrCat("SELECT id, outer_key, inner_key, seq, k, v FROM ", kTable));
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
