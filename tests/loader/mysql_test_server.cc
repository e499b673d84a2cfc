#include "tests/loader/mysql_test_server.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace strata {

const std::string kNullCell("\0NULL", 5);

namespace {

RecordPairs UniquePairs(RecordView record) {
  RecordPairs pairs;
  for (const Pair& pair : record) {
    bool known = false;
    for (auto& [key, value] : pairs) {
      if (key != pair.key) continue;
      value = std::string(pair.value);
      known = true;
    }
    if (!known) pairs.emplace_back(pair.key, pair.value);
  }
  return pairs;
}

}  // namespace

absl::StatusOr<Content> ReadAll(Source* source) {
  Content content;
  Batch batch;
  while (true) {
    batch.Clear();
    if (absl::Status status = source->Read(&batch); !status.ok()) return status;
    if (batch.empty()) return content;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Change change = batch[i];
      if (change.kind != Change::Kind::kPutEntry) return absl::InternalError("not an entry");
      EntryRecords records;
      for (std::size_t r = 0; r < change.records.size(); ++r) {
        records.push_back(UniquePairs(change.records[r]));
      }
      const bool fresh =
          content[std::string(change.outer)].emplace(change.inner, std::move(records)).second;
      if (!fresh) {
        return absl::InternalError(
            absl::StrCat("entry ", std::string(change.inner), " came twice"));
      }
    }
  }
}

bool IsMariaDb(const mysql::Session& session) {
  return session.dialect().server() == mysql::Dialect::Server::kMariaDb;
}

void MakeSequences(mysql::Session* session, const std::string& statement) {
  if (IsMariaDb(*session)) return;
  constexpr std::string_view kName = "seq_";
  for (std::size_t at = statement.find(kName); at != std::string::npos;
       at = statement.find(kName, at + kName.size())) {
    unsigned long long from = 0;
    unsigned long long to = 0;
    if (std::sscanf(statement.c_str() + at, "seq_%llu_to_%llu", &from, &to) != 2) continue;
    const std::string name = absl::StrCat("seq_", from, "_to_", to);
    const std::string_view why = "making a sequence";
    absl::Status status = session->Execute(
        absl::StrCat("CREATE TABLE ", name, " (seq BIGINT UNSIGNED PRIMARY KEY)"), why);
    if (absl::StrContains(status.message(), "error 1050")) continue;  // it is there
    ASSERT_TRUE(status.ok()) << status;
    status = session->Execute("SET SESSION cte_max_recursion_depth = 4294967295", why);
    ASSERT_TRUE(status.ok()) << status;
    status = session->Execute(
        absl::StrCat("INSERT INTO ", name, " WITH RECURSIVE numbers AS (SELECT ", from,
                     " AS seq UNION ALL SELECT seq + 1 FROM numbers WHERE seq < ", to,
                     ") SELECT seq FROM numbers"),
        why);
    ASSERT_TRUE(status.ok()) << status;
  }
}

void MySqlServerTest::SetUp() {
  const char* socket = std::getenv("STRATA_TEST_MYSQL_SOCKET");
  ASSERT_NE(socket, nullptr) << "run this through tests/kit/private_mariadb.sh run -- PROGRAM";
  database_ = "information_schema";
  absl::StatusOr<std::unique_ptr<mysql::Session>> session = mysql::Session::Open(OptionsFor(""));
  ASSERT_TRUE(session.ok()) << session.status();
  session_ = *std::move(session);
  static int count = 0;
  database_ = absl::StrCat("strata test `", ++count);
  Run(absl::StrCat("CREATE DATABASE ", mysql::QuoteName(database_), " CHARACTER SET utf8mb4"));
  Run(absl::StrCat("USE ", mysql::QuoteName(database_)));
}

void MySqlServerTest::TearDown() {
  if (session_ != nullptr) Run(absl::StrCat("DROP DATABASE ", mysql::QuoteName(database_)));
}

MySqlOptions MySqlServerTest::OptionsFor(std::string table) const {
  MySqlOptions options;
  options.socket = std::getenv("STRATA_TEST_MYSQL_SOCKET");
  options.user = std::getenv("STRATA_TEST_MYSQL_USER");
  options.database = database_;
  options.mapping.table = std::move(table);
  return options;
}

void MySqlServerTest::Run(const std::string& statement) {
  MakeSequences(session_.get(), statement);
  const absl::Status status = session_->Execute(statement, "preparing the test");
  ASSERT_TRUE(status.ok()) << status << "\n" << statement.substr(0, 300);
}

std::vector<std::vector<std::string>> MySqlServerTest::Rows(const std::string& statement) {
  MakeSequences(session_.get(), statement);
  std::vector<std::vector<std::string>> rows;
  const absl::Status status =
      session_->Query(statement, "reading for the test", [&](const mysql::Row& row) {
        rows.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) {
          rows.back().push_back(row.IsNull(i) ? kNullCell : std::string(row[i]));
        }
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

absl::StatusOr<Content> MySqlServerTest::Load(const MySqlOptions& options) {
  absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(options);
  if (!source.ok()) return source.status();
  return ReadAll(source->get());
}

void MySqlServerTest::InsertMany(const std::string& into, std::size_t count,
                                 const std::function<std::string(std::size_t)>& row) {
  constexpr std::size_t kStatementBytes = 1u << 20;
  std::string statement;
  for (std::size_t i = 0; i < count; ++i) {
    absl::StrAppend(&statement,
                    statement.empty() ? absl::StrCat("INSERT INTO ", into, " VALUES ") : ",", "(",
                    row(i), ")");
    if (statement.size() > kStatementBytes || i + 1 == count) {
      Run(statement);
      statement.clear();
    }
  }
}

}  // namespace strata
