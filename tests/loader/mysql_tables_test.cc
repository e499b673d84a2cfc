// What a FILE.toml can say beyond a URL: JSON columns, rows chosen by SQL, constant outers, several
// tables, several hosts. Against a real server.
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include <strata/cache.h>
#include <strata/follow.h>
#include <strata/load.h>

#include "tests/loader/mysql_test_server.h"
#include "tests/loader/tcp_relay.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

class MySqlTablesTest : public MySqlServerTest {
 protected:
  static constexpr char kColumns[] =
      " (id INT PRIMARY KEY, outer_key VARCHAR(20), inner_key VARCHAR(20), seq INT, k VARCHAR(20), "
      "v VARCHAR(20), payload LONGTEXT)";

  static MySqlMapping MappingOf(std::string table) {
    MySqlMapping mapping;
    mapping.table = std::move(table);
    return mapping;
  }
  absl::StatusOr<Content> LoadAll(const std::vector<MySqlMapping>& mappings) {
    absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTables(OptionsFor(""), mappings);
    if (!source.ok()) return source.status();
    return ReadAll(source->get());
  }
  Content Must(const std::vector<MySqlMapping>& mappings) {
    absl::StatusOr<Content> content = LoadAll(mappings);
    EXPECT_TRUE(content.ok()) << content.status();
    return content.ok() ? *content : Content();
  }
  std::string ErrorOf(const std::vector<MySqlMapping>& mappings) {
    const absl::StatusOr<Content> content = LoadAll(mappings);
    EXPECT_EQ(content.status().code(), absl::StatusCode::kInvalidArgument) << content.status();
    return std::string(content.status().message());
  }
};

TEST_F(MySqlTablesTest, AColumnOfJsonIsARecordOrAWholeList) {
  Run(absl::StrCat("CREATE TABLE j", kColumns));
  Run("INSERT INTO j (id, outer_key, inner_key, seq, payload) VALUES "
      R"((1,'o','two',2,'{"b":"2"}'), (2,'o','two',1,' {"a":"1","c":"\\u00e9\\n","a":"3"} '),)"
      "(3,'o','null',1,NULL), (4,'o','empty',1,'{}'), (5,'o','null',2,'null')");
  MySqlMapping mapping = MappingOf("j");
  mapping.record = "payload";
  EXPECT_EQ(Must({mapping}), (Content{{"o",
                                       {{"two", {{{"a", "3"}, {"c", "\xc3\xa9\n"}}, {{"b", "2"}}}},
                                        {"null", {{}, {}}},
                                        {"empty", {{}}}}}}));
  Run("DELETE FROM j");
  Run("INSERT INTO j (id, outer_key, inner_key, seq, payload) VALUES "
      R"((1,'o','x',2,'[{"z":"9"}]'), (2,'o','x',1,' [ {"a":"1"} , {}, null, {"b":"2"} ] '),)"
      "(3,'o','none',1,NULL), (4,'o','empty',1,'[ ]'), (5,'o','null',1,'null')");
  mapping.record.clear();
  mapping.list = "payload";
  EXPECT_EQ(Must({mapping}), (Content{{"o",
                                       {{"x", {{{"a", "1"}}, {}, {}, {{"b", "2"}}, {{"z", "9"}}}},
                                        {"none", {}},
                                        {"empty", {}},
                                        {"null", {}}}}}));
}

TEST_F(MySqlTablesTest, JsonOfAnotherShapeIsRefusedWithItsRowAndColumn) {
  Run(absl::StrCat("CREATE TABLE j", kColumns));
  MySqlMapping record = MappingOf("j");
  record.record = "payload";
  MySqlMapping list = MappingOf("j");
  list.list = "payload";
  const auto refused = [&](const std::string& text, const MySqlMapping& mapping) {
    Run("DELETE FROM j");
    Run(absl::StrCat("INSERT INTO j (id, outer_key, inner_key, seq, payload) VALUES (17,'o','i',1,",
                     mysql::QuoteText(text), ")"));
    const std::string error = ErrorOf({mapping});
    EXPECT_THAT(error, HasSubstr("table \"j\", row with id 17")) << text;
    EXPECT_THAT(error, HasSubstr("column \"payload\"")) << text;
  };
  for (const char* text : {"", "  ", "[]", "{", R"({"a":1})", R"({"a":null})", R"({"a":"b"} x)",
                           R"({"a":"b"},)", R"({"a":"b"},{"c":"d"})", R"({"a":["b"]})", "\"a\""}) {
    refused(text, record);
  }
  // No UTF-8, which MySQL lets nobody store as a text.
  if (IsMariaDb()) refused("{\"a\":\"\xed\xa0\x80\"}", record);
  for (const char* text : {"", "{}", "[", "[1]", "[[]]", R"([{"a":"b"}] x)", R"([{"a":"b"},])",
                           R"([{"a":"b"}],[{"a":"b"}])", R"([{"a":true}])"}) {
    refused(text, list);
  }
}

TEST_F(MySqlTablesTest, RowsAreChosenByTheConfigurationsOwnSql) {
  Run(absl::StrCat("CREATE TABLE w", kColumns));
  InsertMany("w", 3000, [](std::size_t i) {
    return absl::StrCat(i, ",'o", i % 2, "','i", i / 2, "',1,'k','", i, "',NULL");
  });
  MySqlMapping mapping = MappingOf("w");
  mapping.where = "id < 10 OR id > 2997 -- the ends";
  MySqlOptions options = OptionsFor("w");
  options.max_page_rows = 3;
  options.mapping = mapping;
  const absl::StatusOr<Content> content = Load(options);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->at("o0").size() + content->at("o1").size(), 12u);
  EXPECT_EQ(content->at("o1").at("i1499"), (EntryRecords{{{"k", "2999"}}}));
}

TEST_F(MySqlTablesTest, AConstantOuterStandsForEveryRow) {
  Run("CREATE TABLE c (id INT PRIMARY KEY, inner_key VARCHAR(20), seq INT, k CHAR(1), v CHAR(1))");
  Run("INSERT INTO c VALUES (1,'x',1,'k','1'), (2,'y',1,'k','2')");
  const std::string outer = "it's a \\ `constant` \xf0\x9f\xa6\x84";
  MySqlMapping mapping = MappingOf("c");
  mapping.outer = "no such column";
  mapping.outer_const = outer;
  EXPECT_EQ(Must({mapping}), (Content{{outer, {{"x", {{{"k", "1"}}}}, {"y", {{{"k", "2"}}}}}}}));
}

TEST_F(MySqlTablesTest, SeveralTablesAreReadInOneSnapshotAndEachOuterBelongsToOne) {
  Run(absl::StrCat("CREATE TABLE a", kColumns));
  Run(absl::StrCat("CREATE TABLE b", kColumns));
  Run("INSERT INTO a VALUES (1,'one','x',1,'k','1',NULL)");
  Run("INSERT INTO b VALUES (1,'two','x',1,'k','2',NULL)");
  MySqlMapping a = MappingOf("a");
  MySqlMapping b = MappingOf("b");
  absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTables(OptionsFor(""), {a, b});
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_THAT((*source)->name(), HasSubstr("tables \"a\", \"b\""));
  bool changed = false;
  (*source)->SetPulse([&] {
    if (!changed) Run("INSERT INTO b VALUES (2,'three','x',1,'k','3',NULL)");
    changed = true;
    return true;
  });
  const absl::StatusOr<Content> content = ReadAll(source->get());
  ASSERT_TRUE(content.ok()) << content.status();
  Content expected = {{"one", {{"x", {{{"k", "1"}}}}}}, {"two", {{"x", {{{"k", "2"}}}}}}};
  if (!changed) expected["three"]["x"] = {{{"k", "3"}}};
  EXPECT_EQ(*content, expected);
  EXPECT_EQ((*source)->progress().rows_read, 2u);

  Run("INSERT INTO b VALUES (5,'one','y',1,'k','2',NULL)");
  const std::string error = ErrorOf({a, b});
  EXPECT_THAT(error, HasSubstr("outer \"one\" comes from table \"a\" and from table \"b\""));
}

TEST_F(MySqlTablesTest, ATableKeyedByItsEntriesGivesThemBeforeItIsReadToItsEnd) {
  Run("CREATE TABLE keyed (outer_key VARCHAR(20), inner_key VARCHAR(20), seq INT, k VARCHAR(20), "
      "v VARCHAR(99), PRIMARY KEY (outer_key, inner_key, seq, k))");
  Run("INSERT INTO keyed SELECT CONCAT('o', seq % 10), seq DIV 50, seq % 5, seq, REPEAT('v', 99) "
      "FROM seq_1_to_50000");
  MySqlOptions options = OptionsFor("keyed");
  options.max_page_rows = 1000;
  absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(options);
  ASSERT_TRUE(source.ok()) << source.status();
  Batch batch;
  const absl::Status first = (*source)->Read(&batch);
  ASSERT_TRUE(first.ok()) << first;
  EXPECT_FALSE(batch.empty());
  // The queue is bounded, and nobody takes more from it.
  EXPECT_LT((*source)->progress().rows_read, 50'000u);
}

TEST_F(MySqlTablesTest, ATableWrittenEntryByEntryGivesThemBeforeItIsReadToItsEndIfItMay) {
  Run("CREATE TABLE plain (id INT PRIMARY KEY, outer_key VARCHAR(20), inner_key VARCHAR(20), "
      "seq INT, k VARCHAR(20), v VARCHAR(99))");
  Run("INSERT INTO plain SELECT seq, seq DIV 5000, seq DIV 50, seq % 5, seq, REPEAT('v', 99) "
      "FROM seq_1_to_50000");
  MySqlOptions options = OptionsFor("plain");
  options.max_page_rows = 1000;
  for (const bool may : {false, true}) {
    absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(options);
    ASSERT_TRUE(source.ok()) << source.status();
    if (may) (*source)->GiveEarly();
    Batch batch;
    const absl::Status first = (*source)->Read(&batch);
    ASSERT_TRUE(first.ok()) << first;
    EXPECT_FALSE(batch.empty());
    EXPECT_EQ((*source)->progress().rows_read < 50'000u, may);
  }
}

// The last list given for an entry stands.
TEST_F(MySqlTablesTest, AnEntryWhoseRowsComeInPiecesIsWholeThoughItWasGivenEarly) {
  Run("CREATE TABLE plain (id INT PRIMARY KEY, outer_key VARCHAR(20), inner_key VARCHAR(20), "
      "seq INT, k VARCHAR(20), v VARCHAR(99))");
  // Twenty entries have a row more, far behind the others.
  Run("INSERT INTO plain SELECT seq, seq DIV 5000, seq DIV 50, seq, 'k', REPEAT('v', 99) "
      "FROM seq_0_to_49999");
  Run("INSERT INTO plain SELECT 50000 + seq, seq * 50 DIV 5000, seq, -seq, 'k', 'late' "
      "FROM seq_1_to_20");
  for (const std::size_t memory : {std::size_t{100'000}, std::size_t{1} << 25}) {
    MySqlOptions options = OptionsFor("plain");
    options.sort_memory_bytes = memory;
    absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(options);
    ASSERT_TRUE(source.ok()) << source.status();
    absl::StatusOr<Cache> cache = Cache::Create();
    ASSERT_TRUE(cache.ok());
    const absl::StatusOr<LoadProgress> loaded = strata::Load(**source, *cache);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->entries_applied, 1000u);
    // What was given of the twenty at first, and of their late rows all but the last.
    EXPECT_EQ(loaded->source.entries_again, 39u);
    EXPECT_EQ(cache->counts().entries, 1000u);
    EXPECT_EQ(cache->counts().records, 50'020u);
    const ReadGuard guard(*cache);
    const EntryReader entry = guard.Get("0", "7");
    ASSERT_TRUE(static_cast<bool>(entry));
    EXPECT_EQ(entry.record_count(), 51u);
  }
}

// What the table holds, with ids in the order of insertion, keys in one of several types.
TEST_F(MySqlTablesTest, ATableKeyedByItsEntriesHasTheContentOfOneThatIsNot) {
  const std::vector<std::string> words = {
      "abc",  "ABC",      "abc ", "aBc", "ab", "ab!", "caf\xc3\xa9",
      "cafe", "\xc3\x9f", "ss",   "",    " ",  "z",   "\xf0\x9f\xa6\x84"};
  const char* const nopad = IsMariaDb() ? "VARCHAR(20) COLLATE utf8mb4_nopad_bin"
                                        : "VARCHAR(20) COLLATE utf8mb4_0900_bin";
  for (const char* type :
       {"VARCHAR(20) COLLATE utf8mb4_general_ci", "VARCHAR(20) COLLATE utf8mb4_unicode_ci",
        "VARCHAR(20) COLLATE utf8mb4_bin", nopad, "VARCHAR(20) COLLATE utf8mb4_hungarian_ci",
        "VARCHAR(20) CHARACTER SET utf16 COLLATE utf16_unicode_ci", "VARBINARY(20)"}) {
    Run("DROP TABLE IF EXISTS keyed, plain");
    Run(absl::StrCat("CREATE TABLE keyed (outer_key ", type, ", inner_key ", type,
                     ", seq INT, n INT, k INT, v INT, PRIMARY KEY (outer_key, inner_key, n))"));
    Run(absl::StrCat("CREATE TABLE plain (n INT PRIMARY KEY, outer_key ", type, ", inner_key ",
                     type, ", seq INT, k INT, v INT)"));
    const auto word = [&words](std::size_t draw) {
      return mysql::QuoteText(words[draw % words.size()]);
    };
    InsertMany("keyed", 300, [&](std::size_t i) {
      return absl::StrCat(word(i * 7 / 5), ",", word(i * 13 / 3), ",", i % 3, ",", i, ",", i, ",",
                          i);
    });
    Run("INSERT INTO plain (n, outer_key, inner_key, seq, k, v) SELECT n, outer_key, inner_key, "
        "seq, k, v FROM keyed");
    const absl::StatusOr<Content> plain = Load(OptionsFor("plain"));
    ASSERT_TRUE(plain.ok()) << plain.status();
    for (const std::size_t page : {5u, 10'000u}) {
      MySqlOptions options = OptionsFor("keyed");
      options.max_page_rows = page;
      options.sort_memory_bytes = 500;
      const absl::StatusOr<Content> keyed = Load(options);
      ASSERT_TRUE(keyed.ok()) << keyed.status() << type;
      EXPECT_TRUE(*keyed == *plain) << type << " page " << page;
    }
  }
}

class MySqlQueryTest : public MySqlTablesTest {
 protected:
  void SetUp() override {
    MySqlTablesTest::SetUp();
    Run("CREATE TABLE orders (id INT PRIMARY KEY, customer VARCHAR(20) COLLATE "
        "utf8mb4_general_ci)");
    Run("CREATE TABLE line (order_id INT, no INT, what VARCHAR(20), PRIMARY KEY (order_id, no))");
    Run("INSERT INTO orders SELECT seq, CONCAT('c', seq MOD 7) FROM seq_1_to_400");
    Run("INSERT INTO line SELECT seq DIV 5 + 1, seq MOD 5, CONCAT('w', seq) FROM seq_0_to_1999");
  }
  // The lines of each order, a record each.
  static MySqlMapping Lines() {
    MySqlMapping mapping;
    mapping.query =
        "SELECT o.customer, l.order_id, l.no, l.what, NULL AS nothing FROM orders o JOIN line l "
        "ON l.order_id = o.id -- all";
    mapping.id = {"order_id", "no"};
    mapping.outer = "customer";
    mapping.inner = "Order_Id";
    mapping.order = "no";
    mapping.columns = {"what", "nothing"};
    return mapping;
  }
};

TEST_F(MySqlQueryTest, AQuerysRowsAreReadLikeATablesWhateverThePages) {
  const Content whole = Must({Lines()});
  EXPECT_EQ(whole.size(), 7u);
  EXPECT_EQ(whole.at("c3").at("10"), (EntryRecords{{{"what", "w45"}},
                                                   {{"what", "w46"}},
                                                   {{"what", "w47"}},
                                                   {{"what", "w48"}},
                                                   {{"what", "w49"}}}));
  MySqlOptions options = OptionsFor("");
  options.mapping = Lines();
  // One that no server can merge, with its order given by text, bytes, numbers of all kinds.
  for (const char* id : {"CONCAT(order_id, '-', no)", "CAST(CONCAT(order_id, '-', no) AS BINARY)",
                         "order_id + no / 10", "order_id * 1e0 + no / 10e0",
                         "CAST('2020-01-01' AS DATETIME) + INTERVAL (order_id * 10 + no) SECOND",
                         "order_id * 10 + no"}) {
    SCOPED_TRACE(id);
    options.mapping.query =
        absl::StrCat("SELECT DISTINCT customer, order_id, no, what, NULL AS nothing, ", id,
                     " AS i FROM orders JOIN line ON order_id = id");
    options.mapping.id = {"i"};
    for (const std::size_t page : {97u, 10'000u}) {
      options.max_page_rows = page;
      options.mapping.where.clear();
      const absl::StatusOr<Content> paged = Load(options);
      ASSERT_TRUE(paged.ok()) << paged.status();
      EXPECT_TRUE(*paged == whole) << page;
      options.mapping.where = "customer = 'c3' -- no other";
      const absl::StatusOr<Content> chosen = Load(options);
      ASSERT_TRUE(chosen.ok()) << chosen.status();
      EXPECT_TRUE(*chosen == (Content{{"c3", whole.at("c3")}}));
    }
  }
}

TEST_F(MySqlQueryTest, AllColumnsOfAQueryAndJsonInItAreRead) {
  MySqlMapping mapping = Lines();
  mapping.query =
      "SELECT 1 AS id, 'o' AS outer_key, 'i' AS inner_key, 1 AS seq, 'u' AS updated_at, "
      "'{\"k\":\"v\"}' AS payload";
  mapping.id = {"id"};
  mapping.outer = "outer_key";
  mapping.inner = "inner_key";
  mapping.order = "seq";
  mapping.columns.clear();
  mapping.all_columns = true;
  EXPECT_EQ(Must({mapping}),
            (Content{{"o", {{"i", {{{"updated_at", "u"}, {"payload", "{\"k\":\"v\"}"}}}}}}}));
  mapping.all_columns = false;
  mapping.record = "payload";
  mapping.outer_const = "c";
  EXPECT_EQ(Must({mapping}), (Content{{"c", {{"i", {{{"k", "v"}}}}}}}));
}

TEST_F(MySqlQueryTest, IdsThatAreNotUniqueOrNullAreRefusedAndShown) {
  const auto refused = [this](const MySqlMapping& mapping) {
    const absl::Status status = LoadAll({mapping}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("query \"SELECT "));
    EXPECT_THAT(std::string(status.message()), HasSubstr("id = ["));
    return std::string(status.message());
  };
  MySqlMapping mapping = Lines();
  mapping.id = {"order_id"};
  EXPECT_THAT(refused(mapping), HasSubstr("order_id = \"1\""));
  mapping.where = "no = 3";
  EXPECT_TRUE(LoadAll({mapping}).ok()) << "among the rows that are chosen they are unique";
  mapping = Lines();
  mapping.id = {"order_id", "no", "nothing"};
  EXPECT_THAT(refused(mapping), HasSubstr("nothing = NULL"));
  // To the server, which pages, they are one.
  mapping.query =
      "SELECT 'abc' AS id, 'o' AS customer, 1 AS order_id, 1 AS no, '' AS what, 1 AS "
      "nothing UNION ALL SELECT 'ABC', 'o', 2, 1, '', 1";
  mapping.id = {"id"};
  EXPECT_THAT(refused(mapping), HasSubstr("id = \""));
  mapping.id.clear();
  EXPECT_THAT(refused(mapping), HasSubstr("tell its rows apart"));
}

TEST_F(MySqlQueryTest, ALongListThatTheServerPutsTogetherIsNotCutOff) {
  MySqlMapping mapping;
  mapping.query =
      "SELECT 1 AS id, 'o' AS outer_key, 'i' AS inner_key, CONCAT('[', GROUP_CONCAT(JSON_OBJECT("
      "'what', what) ORDER BY order_id, no), ']') AS payload FROM line";
  mapping.id = {"id"};
  mapping.order = "";
  mapping.list = "payload";
  // Every new session's, but ours.
  Run("SET GLOBAL group_concat_max_len = 1024");
  const absl::StatusOr<Content> content = LoadAll({mapping});
  Run("SET GLOBAL group_concat_max_len = DEFAULT");
  ASSERT_TRUE(content.ok()) << content.status();
  ASSERT_EQ(content->at("o").at("i").size(), 2000u);
  EXPECT_EQ(content->at("o").at("i")[1999], (RecordPairs{{"what", "w1999"}}));
}

TEST_F(MySqlQueryTest, HowManyRowsAQueryHasIsKnownBeforeTheyAreRead) {
  MySqlOptions options = OptionsFor("");
  options.mapping = Lines();
  options.mapping.where = "no < 4";
  options.max_page_rows = 500;
  absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(options);
  ASSERT_TRUE(source.ok()) << source.status();
  bool early = false;
  (*source)->SetPulse([&] {
    const SourceProgress progress = (*source)->progress();
    early = early || progress.rows_read < 1600;
    EXPECT_EQ(progress.rows_total, 1600u);
    return true;
  });
  ASSERT_TRUE(ReadAll(source->get()).ok());
  EXPECT_TRUE(early);
}

TEST_F(MySqlQueryTest, HowOftenAQueryThatIsNotMergedIsRunIsTold) {
  MySqlOptions options = OptionsFor("");
  options.mapping = Lines();
  options.max_page_rows = 500;
  const auto progress = [&] {
    absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(options);
    EXPECT_TRUE(source.ok()) << source.status();
    if (!source.ok()) return SourceProgress();
    EXPECT_TRUE(ReadAll(source->get()).ok());
    return (*source)->progress();
  };
  const SourceProgress merged = progress();
  EXPECT_THAT(merged.advice, ::testing::Not(HasSubstr("times")));
  options.mapping.query += "\nLIMIT 1000000";
  const SourceProgress anew = progress();
  // Whether the ids are unique, 2000 rows in four pages, the end and its proof.
  EXPECT_THAT(anew.advice, HasSubstr("7 times"));
  EXPECT_THAT(anew.advice, HasSubstr("keep its result in a table"));
}

TEST_F(MySqlQueryTest, IdsThatTheServerMayNotSortWholeAreRefused) {
  MySqlMapping mapping = Lines();
  mapping.query =
      "SELECT DISTINCT CONCAT(REPEAT('x', 3100), order_id, '-', no) AS i, order_id, no, customer, "
      "what, NULL AS nothing FROM orders JOIN line ON order_id = id";
  mapping.id = {"i"};
  const absl::Status status = LoadAll({mapping}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("more than 3072 bytes"));
  // What is shorter may share more than the server's default of 1024 bytes.
  mapping.query.replace(mapping.query.find("3100"), 4, "1100");
  mapping.outer = "customer";
  MySqlOptions options = OptionsFor("");
  options.mapping = mapping;
  options.max_page_rows = 97;
  const absl::StatusOr<Content> content = Load(options);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_TRUE(*content == Must({Lines()}));
}

TEST_F(MySqlQueryTest, AQueryThatCannotBeRunAndColumnsItLacksAreNamed) {
  MySqlMapping mapping = Lines();
  mapping.query = "SELECT nonsense FROM orders";
  EXPECT_THAT(ErrorOf({mapping}), HasSubstr("nonsense"));
  mapping.query = "SELEC 1";
  EXPECT_THAT(ErrorOf({mapping}), HasSubstr("mend the SQL"));
  mapping.query = "SELECT 1 AS a, 2 AS a";
  EXPECT_THAT(ErrorOf({mapping}), HasSubstr("Duplicate column"));
  mapping.query = "SELECT 1 AS order_id, 2 AS no, 3 AS customer, 4 AS what";
  const absl::Status missing = LoadAll({mapping}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("has no column \"nothing\" (columns=)"));
}

TEST_F(MySqlTablesTest, HostsAreTriedInTurnUntilOneCanBeReached) {
  Run(absl::StrCat("CREATE TABLE a", kColumns));
  Run("INSERT INTO a VALUES (1,'one','x',1,'k','1',NULL)");
  MySqlOptions options = OptionsFor("a");
  const TcpRelay relay(options.socket, false);
  options.socket.clear();
  options.host = "127.0.0.1";
  options.port = 1;
  options.more_hosts = {{"127.0.0.1", 2}, {"127.0.0.1", relay.port()}};
  const absl::StatusOr<Content> content = Load(options);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->size(), 1u);

  options.more_hosts.pop_back();
  const absl::Status nobody = OpenMySqlTable(options).status();
  EXPECT_EQ(nobody.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(nobody.message()), HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(std::string(nobody.message()), HasSubstr("127.0.0.1:2"));

  // Who answers and refuses is not passed over.
  options.port = relay.port();
  options.user = "nobody here";
  EXPECT_EQ(OpenMySqlTable(options).status().code(), absl::StatusCode::kPermissionDenied);
}

// The same by way of a relay, in plain text, which alone it can rewrite.
MySqlOptions Through(const TcpRelay& relay, MySqlOptions options) {
  options.socket.clear();
  options.host = "127.0.0.1";
  options.port = relay.port();
  options.ssl_mode = MySqlSslMode::kDisabled;
  return options;
}

TEST_F(MySqlTablesTest, SettingsThatDoNotReachTheServerAreFoundOut) {
  Run(absl::StrCat("CREATE TABLE a", kColumns));
  const std::vector<std::pair<std::string, std::string>> rewrites = {
      {"time_zone = '+00:00'", "time_zone = '+05:30'"},
      {"SESSION sql_mode = ''", "SESSION big_tables=0 "},
      {"max_sort_length = 16384", "max_sort_length = 1024 "},
      {"group_concat_max_len = 1073741824", "group_concat_max_len = 1024      "},
      {"sql_select_limit = 18446744073709551615", "sql_select_limit = 5                   "},
      {"ISOLATION LEVEL REPEATABLE READ", "ISOLATION LEVEL READ COMMITTED "},
      {"SET NAMES utf8mb4", "SET NAMES latin1 "}};
  for (const auto& [sent, arrived] : rewrites) {
    ASSERT_EQ(sent.size(), arrived.size()) << sent;
    const MySqlOptions direct = OptionsFor("a");
    const TcpRelay relay(direct.socket, false, {sent, arrived});
    const absl::Status status = OpenMySqlTable(Through(relay, direct)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << sent << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("does a proxy keep SET")) << sent;
  }
}

TEST_F(MySqlTablesTest, AFollowersSettingsThatDoNotReachTheServerAreFoundOut) {
  Run(absl::StrCat("CREATE TABLE a", kColumns));
  const std::vector<std::pair<std::string, std::string>> rewrites = {
      {"SESSION autocommit = 1", "SESSION autocommit = 0"},
      {"SESSION TRANSACTION READ ONLY", "SESSION big_tables = 0       "}};
  for (const auto& [sent, arrived] : rewrites) {
    ASSERT_EQ(sent.size(), arrived.size()) << sent;
    const MySqlOptions direct = OptionsFor("a");
    const TcpRelay relay(direct.socket, false, {sent, arrived});
    absl::StatusOr<Cache> cache = Cache::Create();
    ASSERT_TRUE(cache.ok()) << cache.status();
    std::promise<absl::Status> error;
    bool told = false;  // the follower's thread's
    FollowOptions follow;
    follow.on_status = [&](const FollowStatus& now) {
      if (told || now.last_error.ok()) return;
      told = true;
      // Abseil counts who shares a Status in code that ThreadSanitizer cannot see: this is another.
      error.set_value(absl::Status(now.last_error.code(), now.last_error.message()));
    };
    const auto follower = Follower::Start(Through(relay, direct), *cache, follow);
    ASSERT_TRUE(follower.ok()) << follower.status();
    std::future<absl::Status> first = error.get_future();
    ASSERT_EQ(first.wait_for(std::chrono::seconds(60)), std::future_status::ready) << sent;
    const absl::Status status = first.get();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << sent << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("does a proxy keep SET")) << sent;
  }
}

}  // namespace
}  // namespace strata
