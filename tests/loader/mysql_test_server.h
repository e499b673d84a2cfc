// What the MySQL tests share: the private server that tests/kit/private_mariadb.sh started for
// them, and what a source yields, as plain containers.
#ifndef STRATA_TESTS_LOADER_MYSQL_TEST_SERVER_H_
#define STRATA_TESTS_LOADER_MYSQL_TEST_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/status/statusor.h"

#include <strata/mysql_source.h>

#include "loader/mysql_session.h"

namespace strata {

using RecordPairs = std::vector<std::pair<std::string, std::string>>;
using EntryRecords = std::vector<RecordPairs>;
using Content = std::map<std::string, std::map<std::string, EntryRecords>>;

/// Everything `source` yields. An entry that comes twice is an error: it would lose the first.
/// Keys are made unique as the cache does it: the last value, the first place.
absl::StatusOr<Content> ReadAll(Source* source);

bool IsMariaDb(const mysql::Session& session);

/// Tables of numbers, seq_1_to_100 with a column seq, as MariaDB has them by their names: makes
/// those that the statement names where the server is another.
void MakeSequences(mysql::Session* session, const std::string& statement);

/// A database of its own for each test on the private server.
class MySqlServerTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// How to reach `table` in the test's database.
  MySqlOptions OptionsFor(std::string table) const;
  bool IsMariaDb() const { return strata::IsMariaDb(*session_); }
  /// Runs a statement in the test's database; the test fails where it does.
  void Run(const std::string& statement);
  /// All rows of a statement's result; NULL cells are "\0NULL".
  std::vector<std::vector<std::string>> Rows(const std::string& statement);
  /// Opens and reads everything.
  absl::StatusOr<Content> Load(const MySqlOptions& options);

  /// Adds rows in statements of moderate size; `row(i)` is what stands in parentheses.
  void InsertMany(const std::string& into, std::size_t count,
                  const std::function<std::string(std::size_t)>& row);

  mysql::Session& session() { return *session_; }
  const std::string& database() const { return database_; }

 private:
  std::unique_ptr<mysql::Session> session_;
  std::string database_;
};

extern const std::string kNullCell;

}  // namespace strata

#endif  // STRATA_TESTS_LOADER_MYSQL_TEST_SERVER_H_
