// What rows become: both mappings, orders, keys as bytes, names of any kind, and the errors of a
// mapping that does not fit. Against a real server.
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "tests/loader/mysql_test_server.h"

namespace strata {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MySqlMappingTest : public MySqlServerTest {
 protected:
  void MakePairs() {
    Run("CREATE TABLE pairs (id BIGINT AUTO_INCREMENT PRIMARY KEY, outer_key VARCHAR(100), "
        "inner_key VARCHAR(100), seq INT, k VARCHAR(100), v LONGTEXT, "
        "updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))");
  }
  Content Must(const MySqlOptions& options) {
    absl::StatusOr<Content> content = Load(options);
    EXPECT_TRUE(content.ok()) << content.status();
    return content.ok() ? *content : Content();
  }
  std::string ErrorOf(const MySqlOptions& options, absl::StatusCode code) {
    const absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(options);
    EXPECT_EQ(source.status().code(), code) << source.status();
    const std::string message(source.status().message());
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message;
  }
  // The records of entry (o, e) with an order column of that type, one row a value, id ascending.
  std::vector<std::string> OrderOf(const std::string& type,
                                   const std::vector<std::string>& values) {
    Run("DROP TABLE IF EXISTS ordered");
    Run(
        absl::StrCat("CREATE TABLE ordered (id INT PRIMARY KEY AUTO_INCREMENT, outer_key CHAR(1), "
                     "inner_key CHAR(1), seq ",
                     type, ", k CHAR(1), v VARCHAR(20))"));
    for (std::size_t i = 0; i < values.size(); ++i) {
      Run(absl::StrCat("INSERT INTO ordered VALUES (NULL, 'o', 'e', ", values[i], ", 'k', '", i,
                       "')"));
    }
    std::vector<std::string> order;
    Content content = Must(OptionsFor("ordered"));
    for (const RecordPairs& record : content["o"]["e"]) {
      order.push_back(record.empty() ? "" : record[0].second);
    }
    return order;
  }
};

TEST_F(MySqlMappingTest, RowsOfOneOrderValueMakeOneRecord) {
  MakePairs();
  Run("INSERT INTO pairs (outer_key, inner_key, seq, k, v) VALUES "
      "('a','x',2,'k3','v3'), ('b','y',1,'k','v'), ('a','x',1,'k1','v1'), ('a','x',1,'k2','v2'), "
      "('a','x',2,'k4','')");
  const Content expected = {
      {"a", {{"x", {{{"k1", "v1"}, {"k2", "v2"}}, {{"k3", "v3"}, {"k4", ""}}}}}},
      {"b", {{"y", {{{"k", "v"}}}}}}};
  EXPECT_EQ(Must(OptionsFor("pairs")), expected);
}

TEST_F(MySqlMappingTest, RowsOfOneEntryWithoutAnOrderValueMakeOneRecord) {
  MakePairs();
  Run("INSERT INTO pairs (outer_key, inner_key, seq, k, v) VALUES "
      "('a','x',NULL,'k1','v1'), ('a','x',1,'k','v'), ('a','y',NULL,'k','w'), "
      "('a','x',NULL,'k2','v2')");
  const Content expected = {
      {"a", {{"x", {{{"k1", "v1"}, {"k2", "v2"}}, {{"k", "v"}}}}, {"y", {{{"k", "w"}}}}}}};
  EXPECT_EQ(Must(OptionsFor("pairs")), expected);
}

TEST_F(MySqlMappingTest, OfEqualKeysTheLastIdWinsAndTheFirstPlaceStays) {
  MakePairs();
  Run("INSERT INTO pairs (id, outer_key, inner_key, seq, k, v) VALUES "
      "(30,'a','x',1,'k','last'), (10,'a','x',1,'k','first'), (20,'a','x',1,'m','between')");
  const Content expected = {{"a", {{"x", {{{"k", "last"}, {"m", "between"}}}}}}};
  EXPECT_EQ(Must(OptionsFor("pairs")), expected);
}

TEST_F(MySqlMappingTest, NullKeysAndValuesAddNoPairAndNullOutersAndInnersNoEntry) {
  MakePairs();
  Run("INSERT INTO pairs (outer_key, inner_key, seq, k, v) VALUES "
      "('a','x',1,NULL,'v'), ('a','x',2,'k',NULL), ('a','x',3,'k','v'), ('a','x',NULL,'n','null'), "
      "(NULL,'x',1,'k','v'), ('a',NULL,1,'k','v'), (NULL,NULL,1,'k','v'), ('','',1,'','')");
  absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(OptionsFor("pairs"));
  ASSERT_TRUE(source.ok()) << source.status();
  const absl::StatusOr<Content> content = ReadAll(source->get());
  ASSERT_TRUE(content.ok()) << content.status();
  const Content expected = {{"", {{"", {{{"", ""}}}}}},
                            {"a", {{"x", {{{"n", "null"}}, {}, {}, {{"k", "v"}}}}}}};
  EXPECT_EQ(*content, expected);
  EXPECT_EQ((*source)->progress().rows_skipped, 3u);
  EXPECT_EQ((*source)->progress().rows_read, 8u);
}

TEST_F(MySqlMappingTest, RecordRowsHaveColumnsAsKeysAndNullIsAnAbsentKey) {
  Run("CREATE TABLE r (id INT PRIMARY KEY, outer_key CHAR(1), inner_key CHAR(1), seq INT, "
      "name VARCHAR(20), price DECIMAL(8,2), note TEXT, updated_at DATETIME)");
  Run("INSERT INTO r VALUES (2,'a','x',1,'second',1.5,NULL,'2020-01-01'), "
      "(1,'a','x',1,'first',NULL,'','2020-01-01'), (3,'a','x',0,NULL,NULL,NULL,NULL)");
  MySqlOptions options = OptionsFor("r");
  options.mapping.all_columns = true;
  const Content expected = {
      {"a",
       {{"x", {{}, {{"name", "first"}, {"note", ""}}, {{"name", "second"}, {"price", "1.50"}}}}}}};
  EXPECT_EQ(Must(options), expected);

  options.mapping.all_columns = false;
  options.mapping.columns = {"NOTE", "seq", "updated_at", "id"};
  const Content named = {
      {"a",
       {{"x",
         {{{"seq", "0"}, {"id", "3"}},
          {{"note", ""}, {"seq", "1"}, {"updated_at", "2020-01-01 00:00:00"}, {"id", "1"}},
          {{"seq", "1"}, {"updated_at", "2020-01-01 00:00:00"}, {"id", "2"}}}}}}};
  EXPECT_EQ(Must(options), named);
}

TEST_F(MySqlMappingTest, WithoutAnOrderColumnIdsGiveTheOrder) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, outer_key CHAR(1), inner_key CHAR(1), k CHAR(1), "
      "v CHAR(1))");
  Run("INSERT INTO t VALUES (3,'a','x','k','3'), (-1,'a','x','k','1'), (2,'a','x','k','2')");
  MySqlOptions options = OptionsFor("t");
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kNotFound),
              HasSubstr("or none (order= in a URL, order = \"\" in a FILE.toml)"));
  options.mapping.order = "";
  const Content expected = {{"a", {{"x", {{{"k", "1"}}, {{"k", "2"}}, {{"k", "3"}}}}}}};
  EXPECT_EQ(Must(options), expected);
}

TEST_F(MySqlMappingTest, KeysAreToldApartByBytesWhateverTheCollation) {
  for (const char* type : {"VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
                           "VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
                           "VARCHAR(20) CHARACTER SET utf16 COLLATE utf16_unicode_ci"}) {
    Run("DROP TABLE IF EXISTS c");
    Run(absl::StrCat("CREATE TABLE c (id INT PRIMARY KEY AUTO_INCREMENT, outer_key ", type,
                     ", inner_key ", type, ", seq INT, k ", type, ", v ", type, ")"));
    Run("INSERT INTO c (outer_key, inner_key, seq, k, v) VALUES ('o','abc',1,'k','1'), "
        "('o','ABC',1,'k','2'), ('o','abc ',1,'k','3'), ('o','abc',1,'K','4'), "
        "('O','abc',1,'k','5'),"
        "('o','caf\xc3\xa9',1,'k\xc3\xa9','6'), ('o','cafe',1,'ke','7')");
    const Content expected = {{"O", {{"abc", {{{"k", "5"}}}}}},
                              {"o",
                               {{"ABC", {{{"k", "2"}}}},
                                {"abc", {{{"k", "1"}, {"K", "4"}}}},
                                {"abc ", {{{"k", "3"}}}},
                                {"cafe", {{{"ke", "7"}}}},
                                {"caf\xc3\xa9", {{{"k\xc3\xa9", "6"}}}}}}};
    EXPECT_EQ(Must(OptionsFor("c")), expected) << type;
  }
}

TEST_F(MySqlMappingTest, BytesOfAnyKindComeThroughWhole) {
  Run("CREATE TABLE b (id INT PRIMARY KEY, outer_key VARBINARY(20), inner_key BLOB, seq INT, "
      "k VARCHAR(50) CHARACTER SET utf8mb4, v LONGBLOB)");
  std::string every(256, '\0');
  for (std::size_t i = 0; i < every.size(); ++i) every[i] = static_cast<char>(i);
  const std::string large = std::string(3'000'000, 'x') + std::string(1, '\0') + every;
  const std::string emoji = "\xf0\x9f\xa6\x84";
  Run(absl::StrCat("INSERT INTO b VALUES (1, X'6f00', X'", absl::BytesToHexString(every), "', 1, '",
                   emoji, "', X'", absl::BytesToHexString(large), "'), ",
                   "(2, X'6f', X'', 1, X'00', X'00ff')"));
  const Content expected = {{std::string("o\0", 2), {{every, {{{emoji, large}}}}}},
                            {"o", {{"", {{{std::string(1, '\0'), std::string("\0\xff", 2)}}}}}}};
  EXPECT_TRUE(Must(OptionsFor("b")) == expected);  // too large to print
}

TEST_F(MySqlMappingTest, ValuesAreTheTextOfTheTextProtocolInUtc) {
  Run("CREATE TABLE types (id INT PRIMARY KEY, outer_key CHAR(1), inner_key CHAR(1), b BIT(10), "
      "f FLOAT, d DOUBLE, e ENUM('z','a'), s SET('x','y'), t TIME(3), y YEAR, ts TIMESTAMP(6), "
      "u INT(6) UNSIGNED ZEROFILL, big BIGINT UNSIGNED, j JSON)");
  Run("INSERT INTO types VALUES (1,'o','i',b'1000000001',0.1,1e-300,'a','x,y','-10:30:00.5',2020,"
      "'2021-10-31 00:30:00.123456',42,18446744073709551615,'{\"a\": [1]}')");
  MySqlOptions options = OptionsFor("types");
  options.mapping.order = "";
  options.mapping.all_columns = true;
  const Content expected = {{"o",
                             {{"i",
                               {{{"b", "\x02\x01"},
                                 {"f", "0.1"},
                                 {"d", "1e-300"},
                                 {"e", "a"},
                                 {"s", "x,y"},
                                 {"t", "-10:30:00.500"},
                                 {"y", "2020"},
                                 {"ts", "2021-10-31 00:30:00.123456"},
                                 {"u", "000042"},
                                 {"big", "18446744073709551615"},
                                 {"j", "{\"a\": [1]}"}}}}}}};
  EXPECT_EQ(Must(options), expected);
}

TEST_F(MySqlMappingTest, ListsAreInTheOrderOfTheirColumnNullFirst) {
  using Order = std::vector<std::string>;
  EXPECT_EQ(OrderOf("INT", {"10", "-5", "9", "NULL", "-10", "0"}),
            (Order{"3", "4", "1", "5", "2", "0"}));
  EXPECT_EQ(OrderOf("BIGINT UNSIGNED", {"18446744073709551615", "2", "9223372036854775808", "10"}),
            (Order{"1", "3", "2", "0"}));
  EXPECT_EQ(OrderOf("DECIMAL(20,4)", {"10.5", "-1.25", "9.75", "-1.3", "NULL", "10.4999"}),
            (Order{"4", "3", "1", "2", "5", "0"}));
  EXPECT_EQ(OrderOf("FLOAT", {"1e10", "-2.5", "0.1", "100", "-1e-10"}),
            (Order{"1", "4", "2", "3", "0"}));
  EXPECT_EQ(OrderOf("TIME(2)", {"'100:00:00'", "'-10:00:00'", "'20:00:00'", "'-9:00:00.25'"}),
            (Order{"1", "3", "2", "0"}));
  EXPECT_EQ(OrderOf("ENUM('z','y','a')", {"'a'", "'z'", "'y'"}), (Order{"1", "2", "0"}));
  EXPECT_EQ(OrderOf("BIT(12)", {"b'100000000000'", "b'1'", "b'11111111'"}), (Order{"1", "2", "0"}));
  EXPECT_EQ(OrderOf("DATETIME(6)", {"'2020-01-02'", "'2020-01-01 23:59:59.999999'", "NULL"}),
            (Order{"2", "1", "0"}));
  EXPECT_EQ(
      OrderOf("VARCHAR(20) COLLATE utf8mb4_general_ci", {"'b'", "'B'", "'a'", "''", "'10'", "'9'"}),
      (Order{"3", "4", "5", "1", "2", "0"}));
}

TEST_F(MySqlMappingTest, DeletedRowsAreAsIfTheyWereNotThere) {
  struct Case {
    const char* type;
    std::vector<std::string> values;
    std::vector<std::string> alive;
  };
  std::vector<Case> cases = {
      {"TINYINT", {"NULL", "0", "1", "-1"}, {"0", "1"}},
      {"BIT(1)", {"NULL", "b'0'", "b'1'"}, {"0", "1"}},
      {"DATETIME", {"NULL", "'2020-01-01'"}, {"0"}},
      {"DECIMAL(4,2)", {"0.00", "0.01"}, {"0"}},
      {"DOUBLE", {"NULL", "-0e0", "1e-300"}, {"0", "1"}},
      {"TIME", {"'00:00:00'", "'00:00:01'"}, {"0"}},
      // To the server text is the number that it begins with, or 0.
      {"VARCHAR(5)",
       {"NULL", "'0'", "''", "'00'", "'0.0'", "'-0'", "' 0'", "'N'", "'1'", "'0.1'", "'2x'"},
       {"0", "1", "2", "3", "4", "5", "6", "7"}},
      {"VARCHAR(5) CHARACTER SET utf16", {"'0'", "'00'", "'1'"}, {"0", "1"}},
      {"TEXT", {"'0.00'", "'1'"}, {"0"}},
      {"BINARY(2)", {"NULL", "X'0000'", "X'3000'", "'00'", "'01'"}, {"0", "1", "2", "3"}},
      {"BLOB", {"X'00'", "'0'", "'1'"}, {"0", "1"}},
      {"ENUM('0','1','00')", {"'0'", "'1'", "'00'"}, {"0", "2"}},
      {"SET('0','1')", {"''", "'0'", "'1'"}, {"0", "1"}},
  };
  if (IsMariaDb()) cases.push_back({"INET6", {"NULL", "'::1'"}, {"0", "1"}});
  for (const Case& kind : cases) {
    Run("DROP TABLE IF EXISTS d");
    Run(
        absl::StrCat("CREATE TABLE d (id INT PRIMARY KEY, outer_key CHAR(1), inner_key CHAR(1), "
                     "seq INT, k CHAR(1), v CHAR(1), gone ",
                     kind.type, ")"));
    for (std::size_t i = 0; i < kind.values.size(); ++i) {
      Run(absl::StrCat("INSERT INTO d VALUES (", i, ",'o','i',", i, ",'k',", i, ",", kind.values[i],
                       ")"));
    }
    MySqlOptions options = OptionsFor("d");
    options.mapping.deleted = "gone";
    EntryRecords expected;
    for (const std::string& value : kind.alive) expected.push_back({{"k", value}});
    EXPECT_EQ(Must(options), (Content{{"o", {{"i", expected}}}})) << kind.type;
  }
}

TEST_F(MySqlMappingTest, NamesOfAnyKindAreTakenAsTheyAre) {
  const std::vector<std::string> names = {
      "sel`ect", "a.b c",           "it's \"q\"", "\xc3\xbc\xe2\x82\xac",
      "order",   "x; DROP TABLE y", "\\",         "%s{0}"};
  for (const std::string& name : names) {
    const std::string quoted = mysql::QuoteName(name);
    Run(absl::StrCat("CREATE TABLE ", quoted, " (", mysql::QuoteName("i" + name),
                     " INT PRIMARY KEY, ", mysql::QuoteName("o" + name), " CHAR(1), ",
                     mysql::QuoteName("n" + name), " CHAR(1), ", mysql::QuoteName("s" + name),
                     " INT, ", mysql::QuoteName("d" + name), " INT, ", mysql::QuoteName("v" + name),
                     " CHAR(1))"));
    Run(absl::StrCat("INSERT INTO ", quoted, " VALUES (1,'o','n',1,0,'v'), (2,'o','n',2,1,'w')"));
    MySqlOptions options = OptionsFor(name);
    options.max_page_rows = 1;
    options.mapping.outer = "o" + name;
    options.mapping.inner = "n" + name;
    options.mapping.order = "s" + name;
    options.mapping.deleted = "d" + name;
    options.mapping.all_columns = true;
    EXPECT_EQ(Must(options), (Content{{"o", {{"n", {{{"v" + name, "v"}}}}}}})) << name;
  }
}

TEST_F(MySqlMappingTest, AColumnThatIsNotThereIsNamedWithItsFix) {
  MakePairs();
  const auto wrong = [this](auto set, const std::string& parameter) {
    MySqlOptions options = OptionsFor("pairs");
    set(options.mapping);
    const std::string error = ErrorOf(options, absl::StatusCode::kNotFound);
    EXPECT_THAT(error, HasSubstr("table \"pairs\" has no column \"nope\""));
    EXPECT_THAT(error, HasSubstr(absl::StrCat("name the right one with ", parameter, "=COLUMN")));
    EXPECT_THAT(error, HasSubstr("outer_key, inner_key, seq, k, v, updated_at"));
  };
  wrong([](MySqlMapping& m) { m.outer = "nope"; }, "outer");
  wrong([](MySqlMapping& m) { m.inner = "nope"; }, "inner");
  wrong([](MySqlMapping& m) { m.order = "nope"; }, "order");
  wrong([](MySqlMapping& m) { m.id = {"nope"}; }, "id");
  wrong([](MySqlMapping& m) { m.cursor = "nope"; }, "cursor");
  wrong([](MySqlMapping& m) { m.deleted = "nope"; }, "deleted");
  wrong([](MySqlMapping& m) { m.key = "nope"; }, "key");
  wrong([](MySqlMapping& m) { m.value = "nope"; }, "value");
  wrong([](MySqlMapping& m) { m.columns = {"k", "nope"}; }, "columns");
}

TEST_F(MySqlMappingTest, AnIdThatMayNameSeveralRowsIsRefused) {
  MakePairs();
  MySqlOptions options = OptionsFor("pairs");
  options.mapping.id = {"outer_key"};
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kFailedPrecondition),
              HasSubstr("rows would be lost"));
  options.mapping.id = {"outer_key", "id"};
  EXPECT_TRUE(OpenMySqlTable(options).ok());

  Run("CREATE TABLE bare (u INT UNIQUE, n INT NOT NULL UNIQUE, outer_key CHAR(1), "
      "inner_key CHAR(1), seq INT, k CHAR(1), v CHAR(1))");
  Run("INSERT INTO bare VALUES (NULL,1,'o','i',1,'k','a'), (NULL,2,'o','i',2,'k','b')");
  options = OptionsFor("bare");
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kFailedPrecondition), HasSubstr("id=A,B"));
  options.mapping.id = {"u"};  // unique, but NULLs are not
  EXPECT_FALSE(OpenMySqlTable(options).ok());
  options.mapping.id = {"n"};
  EXPECT_EQ(Must(options)["o"]["i"].size(), 2u);
}

TEST_F(MySqlMappingTest, AGeometryIsAValueAndNeitherKeyNorOrder) {
  Run("CREATE TABLE shapes (id INT PRIMARY KEY, o VARCHAR(9), i VARCHAR(9), place POINT, area "
      "GEOMETRY, v TEXT)");
  Run("INSERT INTO shapes VALUES (1, 'o', 'i', POINT(1, 2), POINT(3, 4), 'v')");
  MySqlOptions options = OptionsFor("shapes");
  options.mapping.outer = "o";
  options.mapping.inner = "i";
  options.mapping.order = "";
  options.mapping.columns = {"place", "v"};
  const auto content = Load(options);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->at("o").at("i").at(0).size(), 2u);
  using Part = std::string MySqlMapping::*;
  for (const auto& [part, name] : {std::pair<Part, const char*>(&MySqlMapping::outer, "outer"),
                                   std::pair<Part, const char*>(&MySqlMapping::inner, "inner"),
                                   std::pair<Part, const char*>(&MySqlMapping::order, "order")}) {
    for (const char* column : {"place", "area"}) {
      MySqlOptions other = options;
      other.mapping.*part = column;
      const absl::Status status = Load(other).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(absl::StrCat("column \"", column, "\" (", name, "=) is a geometry")));
      EXPECT_THAT(std::string(status.message()), HasSubstr("ST_AsText"));
    }
  }
}

// A text compared with MySQL's JSON is another value: nothing would be found by it.
TEST_F(MySqlMappingTest, JsonIsAValueAndNeitherKeyNorOrder) {
  if (IsMariaDb()) GTEST_SKIP() << "its JSON is LONGTEXT";
  Run("CREATE TABLE j (id INT PRIMARY KEY, o VARCHAR(9), i VARCHAR(9), doc JSON, v TEXT)");
  Run(R"(INSERT INTO j VALUES (1, 'o', 'i', '{"name":"x"}', 'v'))");
  MySqlOptions options = OptionsFor("j");
  options.mapping.outer = "o";
  options.mapping.inner = "doc";
  options.mapping.order = "";
  options.mapping.columns = {"v"};
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kInvalidArgument),
              HasSubstr("column \"doc\" (inner=) is JSON"));
  options.mapping.table.clear();
  options.mapping.query = "SELECT id, o, doc->'$.name' AS name, v FROM j";
  options.mapping.id = {"id"};
  options.mapping.inner = "name";
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kInvalidArgument), HasSubstr("->>"));
  options.mapping.query = "SELECT id, o, doc->>'$.name' AS name, v FROM j";
  EXPECT_EQ(Must(options), (Content{{"o", {{"x", {{{"v", "v"}}}}}}}));
}

TEST_F(MySqlMappingTest, ATableOrDatabaseThatIsNotThereIsNotFound) {
  EXPECT_THAT(ErrorOf(OptionsFor("nothing"), absl::StatusCode::kNotFound), HasSubstr("table="));
  MySqlOptions options = OptionsFor("t");
  options.database = "no such database";
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kNotFound), HasSubstr("database"));
}

}  // namespace
}  // namespace strata
