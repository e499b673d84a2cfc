// FILE.toml: what it says and what is wrong with it. Without a server.
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include <strata/mysql_source.h>

namespace strata {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kConnection = "[connection]\nuser = 'u'\ndatabase = 'd'\n";

MySqlFile Must(const std::string& text) {
  absl::StatusOr<MySqlFile> file = ParseMySqlToml(text, "shop.toml");
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? *std::move(file) : MySqlFile();
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<MySqlFile> file = ParseMySqlToml(text, "shop.toml");
  EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument) << text;
  const std::string message(file.status().message());
  EXPECT_THAT(message, HasSubstr("shop.toml:"));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  return message;
}

std::string WithSource(std::string_view source) {
  return absl::StrCat(std::string(kConnection), "[[source]]\ntable = 't'\n", std::string(source));
}

TEST(MySqlToml, SaysWhatAConnectionAndSourcesAre) {
  const MySqlFile file = Must(R"(
    [connection]
    hosts = ["db1", "db2:3307", "[::1]:3308", "fe80::1"]
    port = 3300
    user = "reader"
    database = "shop `1`"
    ssl_mode = "VERIFY_IDENTITY"
    ssl_ca = "/etc/ca.pem"
    password_file = "secret"
    connect_timeout = "1500ms"
    read_timeout = "2m"

    [[source]]
    table = "pairs.of ü"
    where = "active = 1"
    outer = "o"
    inner = "i"
    order = ""
    id = ["a", "b,c"]
    cursor = "changed"
    deleted = "gone"
    key = "kk"
    value = "vv"

    [[source]]
    table = "lists"
    outer = {const = "fieldA"}
    list = "payload"

    [[source]]
    table = "records"
    columns = "*"
  )");
  EXPECT_EQ(file.connection.host, "db1");
  EXPECT_EQ(file.connection.port, 3300);
  ASSERT_EQ(file.connection.more_hosts.size(), 3u);
  EXPECT_EQ(file.connection.more_hosts[0].host, "db2");
  EXPECT_EQ(file.connection.more_hosts[0].port, 3307);
  EXPECT_EQ(file.connection.more_hosts[1].host, "::1");
  EXPECT_EQ(file.connection.more_hosts[1].port, 3308);
  EXPECT_EQ(file.connection.more_hosts[2].host, "fe80::1");
  EXPECT_EQ(file.connection.more_hosts[2].port, 3300);
  EXPECT_TRUE(file.connection.host_given);
  EXPECT_EQ(file.connection.user, "reader");
  EXPECT_EQ(file.connection.database, "shop `1`");
  EXPECT_EQ(file.connection.ssl_mode, MySqlSslMode::kVerifyIdentity);
  EXPECT_TRUE(file.connection.ssl_mode_given);
  EXPECT_EQ(file.connection.ssl_ca, "/etc/ca.pem");
  EXPECT_EQ(file.connection.password_file, "secret");
  EXPECT_EQ(file.connection.connect_timeout_s, 2u);
  EXPECT_EQ(file.connection.read_timeout_s, 120u);

  ASSERT_EQ(file.sources.size(), 3u);
  const MySqlMapping& pairs = file.sources[0];
  EXPECT_EQ(pairs.table, "pairs.of \xc3\xbc");
  EXPECT_EQ(pairs.where, "active = 1");
  EXPECT_EQ(pairs.outer, "o");
  EXPECT_EQ(pairs.inner, "i");
  EXPECT_EQ(pairs.order, "");
  EXPECT_THAT(pairs.id, ElementsAre("a", "b,c"));
  EXPECT_EQ(pairs.cursor, "changed");
  EXPECT_EQ(pairs.deleted, "gone");
  EXPECT_EQ(pairs.key, "kk");
  EXPECT_EQ(pairs.value, "vv");
  EXPECT_FALSE(pairs.outer_const.has_value());
  EXPECT_EQ(file.sources[1].outer_const, "fieldA");
  EXPECT_EQ(file.sources[1].list, "payload");
  EXPECT_EQ(file.sources[1].order, "seq") << "the defaults are the URL's";
  EXPECT_TRUE(file.sources[2].all_columns);
}

TEST(MySqlToml, SaysWhatAQueryIs) {
  const MySqlFile file = Must(absl::StrCat(std::string(kConnection), R"(
    [[source]]
    query = """
      SELECT o.name AS outer_key, 'a;b' AS k FROM o -- all of them
    """
    id = ["a", "b"]
    outer = {const = "c"}
    changes = ["SELECT a, b, c FROM o WHERE c >= :since", "SELECT 1, 2, c FROM p WHERE c >= :since"]
  )"));
  ASSERT_EQ(file.sources[0].changes.size(), 2u);
  EXPECT_THAT(file.sources[0].query, HasSubstr("'a;b' AS k FROM o -- all of them"));
  EXPECT_THAT(file.sources[0].id, ElementsAre("a", "b"));
  EXPECT_EQ(file.sources[0].table, "");
}

TEST(MySqlToml, NamesLineAndColumnOfWhatIsNoToml) {
  EXPECT_THAT(ErrorOf("[connection\n"), HasSubstr("shop.toml:1:"));
  EXPECT_THAT(ErrorOf(absl::StrCat(std::string(kConnection), "user = 'again'\n")),
              HasSubstr("shop.toml:4:"));
}

TEST(MySqlToml, RefusesKeysItDoesNotKnowAndSaysWhichItDoes) {
  EXPECT_THAT(ErrorOf(WithSource("wher = 'x'")), HasSubstr("no key \"wher\"; known are table"));
  EXPECT_THAT(ErrorOf(WithSource("wher = 'x'")), HasSubstr("shop.toml:6:"));
  EXPECT_THAT(ErrorOf("[connection]\nhots = 'x'"), HasSubstr("\"hots\""));
  EXPECT_THAT(ErrorOf("[connections]\n"), HasSubstr("\"connections\""));
  EXPECT_THAT(ErrorOf(WithSource("outer = {konst = 'x'}")), HasSubstr("\"konst\""));
}

TEST(MySqlToml, RefusesAPasswordWithoutShowingIt) {
  for (const char* key : {"password", "Passwd", "pwd"}) {
    const std::string error = ErrorOf(absl::StrCat("[connection]\n", key, " = 's3cret'\n"));
    EXPECT_THAT(error, HasSubstr("password_file"));
    EXPECT_THAT(error, Not(HasSubstr("s3cret")));
  }
}

TEST(MySqlToml, RefusesValuesOfAnotherTypeOrOutOfRange) {
  EXPECT_THAT(ErrorOf(WithSource("where = 1")), HasSubstr("where is to be a string"));
  EXPECT_THAT(ErrorOf(WithSource("id = 7")), HasSubstr("id is to be an array"));
  EXPECT_THAT(ErrorOf(WithSource("id = ['a', 7]")), HasSubstr("no string"));
  EXPECT_THAT(ErrorOf(WithSource("columns = ['a', 'A']")), HasSubstr("twice"));
  EXPECT_THAT(ErrorOf(WithSource("columns = []")), HasSubstr("array"));
  EXPECT_THAT(ErrorOf(WithSource("inner = ''")), HasSubstr("inner is empty"));
  EXPECT_THAT(ErrorOf(WithSource("inner = \"a\\u0000b\"")), HasSubstr("zero byte"));
  EXPECT_THAT(ErrorOf(WithSource("outer = 7")), HasSubstr("outer is to be a string"));
  EXPECT_THAT(ErrorOf(WithSource("outer = {const = 7}")), HasSubstr("const is to be a string"));
  EXPECT_THAT(ErrorOf(WithSource("outer = {}")), HasSubstr("const is missing"));
  const auto connection = [](std::string_view line) {
    return ErrorOf(absl::StrCat(std::string(kConnection), std::string(line), "\n"));
  };
  EXPECT_THAT(connection("port = 0"), HasSubstr("port"));
  EXPECT_THAT(connection("port = '3306'"), HasSubstr("port"));
  EXPECT_THAT(connection("host = 'tcp://x'"), HasSubstr("no host"));
  EXPECT_THAT(connection("hosts = ['a', 'b:0']"), HasSubstr("\"b:0\" is no host"));
  EXPECT_THAT(connection("host = 'a'\nhosts = ['b']"), HasSubstr("give one of them"));
  EXPECT_THAT(connection("ssl_mode = 'required'"), HasSubstr("VERIFY_IDENTITY"));
  EXPECT_THAT(connection("read_timeout = 10"), HasSubstr("string"));
  EXPECT_THAT(connection("read_timeout = '10'"), HasSubstr("500ms, 10s or 2m"));
}

// The authorities may come from elsewhere, so that reading the file cannot tell.
TEST(MySqlToml, AMissingAuthoritysFileIsToldWithTheModesPlace) {
  absl::StatusOr<MySqlFile> file = ParseMySqlToml(
      "[connection]\ndatabase = 'd'\nuser = 'u'\nssl_mode = 'VERIFY_IDENTITY'\n[[source]]\ntable = "
      "'t'\n",
      "f.toml");
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::Status checked = CheckMySqlOptions(file->connection);
  EXPECT_EQ(checked.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(checked.message()), HasSubstr("f.toml:4:12: ssl_mode VERIFY_CA and"));
  EXPECT_THAT(std::string(checked.message()), HasSubstr("add ssl_ca = \"FILE\" to [connection]"));
  file->connection.ssl_ca = "/ca.pem";
  EXPECT_TRUE(CheckMySqlOptions(file->connection).ok());
}

TEST(MySqlToml, RefusesWhatIsMissingOrContradictsItself) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("no [connection]"));
  EXPECT_THAT(ErrorOf(std::string(kConnection)), HasSubstr("no [[source]]"));
  EXPECT_THAT(ErrorOf(absl::StrCat(std::string(kConnection), "[source]\n")),
              HasSubstr("[[source]], one for each table"));
  EXPECT_THAT(ErrorOf(absl::StrCat(std::string(kConnection), "[[source]]\n")),
              HasSubstr("table = \"NAME\" or query = \"SELECT …\" is missing"));
  EXPECT_THAT(ErrorOf("[connection]\nuser = 'u'\n[[source]]\ntable = 't'\n"),
              HasSubstr("database = \"NAME\" is missing"));
  EXPECT_THAT(ErrorOf(WithSource("list = 'a'\nkey = 'b'")), HasSubstr("exclude each other"));
  EXPECT_THAT(ErrorOf(WithSource("list = 'a'\nrecord = 'b'")), HasSubstr("exclude each other"));
  EXPECT_THAT(ErrorOf(WithSource("columns = '*'\nrecord = 'b'")), HasSubstr("exclude each other"));
  EXPECT_THAT(ErrorOf(WithSource("query = 'SELECT 1'\nid = 'a'")),
              HasSubstr("table and query exclude each other"));
  const auto query = [](std::string_view rest) {
    return ErrorOf(absl::StrCat(std::string(kConnection), "[[source]]\n", std::string(rest)));
  };
  EXPECT_THAT(query("query = 'SELECT 1'"), HasSubstr("a query wants id = "));
  EXPECT_THAT(query("query = 'SELECT 1; '\nid = 'a'"), HasSubstr("leave out the ;"));
  EXPECT_THAT(query("query = 'SELECT 1'\nid = 'a'\ncursor = 'c'"), HasSubstr("cursor is for a"));
  EXPECT_THAT(query("query = 'SELECT 1'\nid = 'a'\nchanges = ['SELECT 1']"),
              HasSubstr("has no :since"));
  EXPECT_THAT(query("query = 'SELECT 1'\nid = 'a'\nchanges = 'SELECT :since'"),
              HasSubstr("array of statements"));
  EXPECT_THAT(ErrorOf(WithSource("where = 'a = 1) OR (b = 1'")), HasSubstr("each ( that it opens"));
  EXPECT_THAT(query("query = 'SELECT 1) AS a, (SELECT 2'\nid = 'a'"),
              HasSubstr("query stands in parentheses of ours"));
  EXPECT_THAT(query("query = 'SELECT 1'\nid = 'a'\nchanges = ['SELECT :since) OR (1']"),
              HasSubstr("a statement of changes stands in parentheses of ours"));
  EXPECT_THAT(ErrorOf(WithSource("where = 'a = 1 /*!50000 ) OR ( */'")), HasSubstr("no /*!"));
  EXPECT_THAT(ErrorOf(WithSource("changes = ['SELECT :since']")),
              HasSubstr("a table has a cursor"));
}

TEST(MySqlToml, RefusesTwoSourcesWithOneConstantOuter) {
  const std::string error =
      ErrorOf(WithSource("outer = {const = 'o'}\n[[source]]\ntable = 's'\nouter = {const = 'o'}"));
  EXPECT_THAT(error, HasSubstr("\"o\""));
  EXPECT_THAT(error, HasSubstr("\"s\""));
  EXPECT_THAT(error, HasSubstr("\"t\""));
  EXPECT_EQ(
      Must(WithSource("outer = {const = 'o'}\n[[source]]\ntable = 's'\nouter = {const = 'p'}"))
          .sources.size(),
      2u);
}

}  // namespace
}  // namespace strata
