// Reading in pages and sorting: whatever the ids, the page's size and the memory, the same content
// as a naive reading of the whole table gives. Against a real server.
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "loader/mysql_charset.h"
#include "tests/kit/peak.h"
#include "tests/kit/sanitizers.h"
#include "tests/loader/mysql_test_server.h"

#include <strata/process_memory.h>

namespace strata {
namespace {

class MySqlPagesTest : public MySqlServerTest {
 protected:
  Content Must(const MySqlOptions& options) {
    absl::StatusOr<Content> content = Load(options);
    EXPECT_TRUE(content.ok()) << content.status();
    return content.ok() ? *content : Content();
  }

  // One row a value of the id's type; v is the row's number. Ordered by id alone, so that the list
  // shows in which order pages came and that no row was lost or met twice.
  void CheckIds(const std::string& type, const std::vector<std::string>& values) {
    Run("DROP TABLE IF EXISTS ids");
    Run(absl::StrCat("CREATE TABLE ids (a ", type,
                     ", outer_key CHAR(1), inner_key CHAR(1), "
                     "k CHAR(1), v INT, PRIMARY KEY (a))"));
    for (std::size_t i = 0; i < values.size(); ++i) {
      Run(absl::StrCat("INSERT INTO ids VALUES (", values[i], ",'o','i','k',", i, ")"));
    }
    EntryRecords expected;
    for (const auto& row : Rows("SELECT v FROM ids ORDER BY a"))
      expected.push_back({{"k", row[0]}});
    ASSERT_EQ(expected.size(), values.size());
    for (const std::size_t page : {1u, 2u, 3u, 1000u}) {
      MySqlOptions options = OptionsFor("ids");
      options.mapping.order = "";
      options.max_page_rows = page;
      EXPECT_EQ(Must(options), (Content{{"o", {{"i", expected}}}})) << type << " page " << page;
    }
  }
};

TEST_F(MySqlPagesTest, AnyKindOfIdIsPagedWithoutLosingARow) {
  CheckIds("BIGINT", {"5", "-9223372036854775808", "0", "-1", "9223372036854775807", "10"});
  CheckIds("BIGINT UNSIGNED", {"18446744073709551615", "0", "9223372036854775808", "2"});
  CheckIds("DECIMAL(30,5)", {"1.5", "-2.25", "100", "1.50001", "123456789012345678.12345"});
  CheckIds("FLOAT", {"0.1", "-0.3", "1e10", "0.2", "16777217", "3.4e38"});
  CheckIds("DOUBLE", {"0.1", "0.30000000000000004", "0.3", "-1e300", "5e-300"});
  CheckIds("VARCHAR(20) COLLATE utf8mb4_general_ci",
           {"'abc'", "'B'", "'\xc3\xa9'", "'x''y'", "''", "'\xf0\x9f\xa6\x84'", "'Z z'", "'\\\\'"});
  CheckIds("VARCHAR(20) CHARACTER SET latin1", {"'caf\xc3\xa9'", "'caff'", "'Cab'", "'\xc3\xbc'"});
  CheckIds("CHAR(10) CHARACTER SET utf16", {"'b'", "'\xe2\x82\xac'", "'a'"});
  // The third and the fourth are one character of Unicode; the third is what the server makes of
  // it.
  CheckIds("VARCHAR(9) CHARACTER SET cp932",
           {"'a'", "_cp932 X'FA40'", "_cp932 X'8754'", "_cp932 X'FA4A'", "_cp932 X'8755'",
            "_cp932 X'8C8E'"});
  // Codes that are no characters arrive as '?'.
  CheckIds("VARCHAR(9) CHARACTER SET greek", {"_greek X'FF'", "'?'", "_greek X'A4'", "'a'", "''"});
  CheckIds("VARCHAR(9) CHARACTER SET gbk", {"_gbk X'A240'", "_gbk X'A140'", "'?'", "'a'"});
  CheckIds("ENUM('z','y') CHARACTER SET cp932", {"'y'", "'z'"});
  CheckIds("VARBINARY(10)", {"X'00'", "X''", "X'ff00'", "X'0000'", "X'27'", "X'5c'"});
  CheckIds("BINARY(4)", {"X'00000001'", "X'ff'", "X'20202020'"});
  CheckIds("DATETIME(6)", {"'2020-01-01'", "'2020-01-01 00:00:00.000001'", "'1999-12-31'"});
  CheckIds("DATE", {"'2020-01-01'", "'2020-01-02'", "'0000-00-00'"});
  CheckIds("TIMESTAMP(3) DEFAULT '2000-01-01'",
           {"'2020-10-25 00:30:00'", "'2020-10-25 01:30:00.5'"});
  CheckIds("TIME(1)", {"'-10:00:00'", "'100:00:00'", "'-9:00:00.5'", "'0:0:0'"});
  CheckIds("YEAR", {"2020", "1999", "2155"});
  CheckIds("ENUM('z','y','a')", {"'a'", "'z'", "'y'"});
  CheckIds("BIT(12)", {"b'100000000000'", "b'1'", "b'0'"});
  if (!IsMariaDb()) return;
  // Which MySQL lets nobody store, or has no type for.
  CheckIds("CHAR(9) CHARACTER SET ascii", {"_ascii X'80'", "_ascii X'FF'", "'?'", "'a'"});
  CheckIds("UUID",
           {"'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000001'",
            "'ffffffff-0000-1000-8000-000000000000'"});
  CheckIds("INET6", {"'::1'", "'fe80::1'", "'::ffff:1.2.3.4'"});
}

TEST_F(MySqlPagesTest, AQuerysIdsInACharacterSetWithTwoCodesForOneCharacterComeOnce) {
  Run("CREATE TABLE ids (a VARCHAR(9) CHARACTER SET cp932, b VARCHAR(9) CHARACTER SET gbk, v INT, "
      "PRIMARY KEY (a))");
  Run("INSERT INTO ids VALUES ('a','a',0),(_cp932 X'8754',_gbk X'A140',1),(_cp932 X'FA4A',_gbk "
      "X'A240',2),(_cp932 X'8755','?',3)");
  const std::vector<std::string> queries = {"SELECT a, b, v FROM ids",
                                            "SELECT a, b, MAX(v) AS v FROM ids GROUP BY a, b"};
  for (const std::string& query : queries) {
    for (const std::string id : {"a", "b"}) {
      EntryRecords expected;
      for (const auto& row : Rows(absl::StrCat("SELECT v FROM ids ORDER BY ", id))) {
        expected.push_back({{"v", row[0]}});
      }
      for (const std::size_t page : {1u, 2u, 3u, 1000u}) {
        MySqlOptions options = OptionsFor("");
        options.mapping.query = absl::StrCat("SELECT *, 'i' AS i FROM (", query, ") AS q");
        options.mapping.outer_const = "o";
        options.mapping.inner = "i";
        options.mapping.order = "";
        options.mapping.id = {id};
        options.mapping.columns = {"v"};
        options.max_page_rows = page;
        EXPECT_EQ(Must(options), (Content{{"o", {{"i", expected}}}})) << query << id << page;
      }
    }
  }
}

TEST_F(MySqlPagesTest, EntriesWhoseKeysArriveAsOneTextAreOneWhereverTheirRowsLie) {
  Run("CREATE TABLE t (outer_key VARCHAR(9) CHARACTER SET cp932 COLLATE cp932_bin, inner_key "
      "VARCHAR(9) CHARACTER SET greek COLLATE greek_bin, seq INT, k CHAR(1), v INT, PRIMARY KEY "
      "(outer_key, inner_key, seq))");
  // Ⅰ, Ⅱ and, by another code, Ⅰ; '?', 'a' and what arrives as '?'.
  for (const char* outer : {"8754", "8755", "FA4A"}) {
    for (const char* inner : {"3F", "61", "A4"}) {
      Run(absl::StrCat("INSERT INTO t VALUES (_cp932 X'", outer, "', _greek X'", inner,
                       "', 1, 'k', 1)"));
    }
  }
  const absl::StatusOr<Content> content = Load(OptionsFor("t"));
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->size(), 2u);
}

// What mysql_charset.cc says of each character set, asked of the server.
TEST_F(MySqlPagesTest, CharacterSetsGiveBackWhatIsSaidOfThem) {
  std::size_t checked = 0;
  for (const auto& row : Rows("SELECT CHARACTER_SET_NAME, DEFAULT_COLLATE_NAME FROM "
                              "information_schema.CHARACTER_SETS")) {
    const mysql::WayBack way = mysql::WayBackOf(row[1]);
    if (row[0] == "binary" || way == mysql::WayBack::kSeveralCodes) continue;
    // MySQL stores no other codes in it; CONVERT, which makes the text here, does not look.
    if (row[0] == "ascii" && !IsMariaDb()) continue;
    ++checked;
    const auto in_set = [&](const std::string& text) {
      return absl::StrCat("CONVERT(", text, " USING ", row[0], ")");
    };
    const auto bytes = [](const std::string& text) {
      return absl::StrCat("CAST(", text, " AS BINARY)");
    };
    // All codes of one byte and of two that are a text in this set.
    const std::string codes = absl::StrCat(
        "(SELECT b FROM (SELECT UNHEX(LPAD(HEX(seq), IF(seq < 256, 2, 4), '0')) AS b FROM "
        "seq_0_to_65535 UNION ALL SELECT UNHEX(LPAD(HEX(seq), 4, '0')) FROM seq_0_to_255) AS any_ "
        "WHERE ",
        bytes(in_set("b")), " = b) AS code");
    const std::string text = absl::StrCat("CONVERT(", in_set("b"), " USING utf8mb4)");
    std::string wrong = absl::StrCat("SELECT COUNT(*), HEX(MIN(b)) FROM ", codes, " WHERE ",
                                     bytes(in_set(text)), " <> b");
    if (way == mysql::WayBack::kUnlessStoodIn) {
      absl::StrAppend(&wrong, " AND INSTR(", text, ", '?') = 0 AND INSTR(", text,
                      ", _utf8mb4 X'EFBFBD') = 0");
    }
    const auto found = Rows(wrong);
    EXPECT_EQ(found[0][0], "0") << row[1] << " " << found[0][1];
  }
  EXPECT_GT(checked, 30u);
}

TEST_F(MySqlPagesTest, IdsThatShareMoreThanTheServersSortsCompareByDefaultLoseNoRow) {
  // By a part of a TEXT no index sorts.
  Run("CREATE TABLE ids (a TEXT CHARACTER SET latin1 NOT NULL, outer_key CHAR(1), inner_key "
      "CHAR(1), k CHAR(1), v INT, UNIQUE (a(3000)))");
  constexpr std::size_t kRows = 50;
  InsertMany("ids", kRows, [](std::size_t i) {
    return absl::StrCat("CONCAT(REPEAT('x', 1100), ", 100 + i * 37 % kRows, "),'o','i','k',", i);
  });
  MySqlOptions options = OptionsFor("ids");
  options.mapping.order = "";
  options.mapping.id = {"a"};
  options.max_page_rows = 3;
  const absl::StatusOr<Content> content = Load(options);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->at("o").at("i").size(), kRows);
}

TEST_F(MySqlPagesTest, ACompositeIdIsPagedByARangeOfItsIndex) {
  Run("CREATE TABLE m (a INT, b VARCHAR(10), c BIGINT, outer_key CHAR(3), inner_key CHAR(1), "
      "seq INT, k CHAR(1), v INT, PRIMARY KEY (a, b, c))");
  constexpr std::size_t kRows = 20'000;
  InsertMany("m", kRows, [](std::size_t i) {
    return absl::StrCat(i % 40, ",'", i / 40 % 25, "',", i, ",", i % 7, ",'i',", i, ",'k',", i);
  });
  MySqlOptions options = OptionsFor("m");
  options.max_page_rows = 500;
  const auto handler_reads = [this] {
    std::uint64_t sum = 0;
    for (const auto& row : Rows("SHOW GLOBAL STATUS LIKE 'Handler_read%'")) {
      if (row[0] != "Handler_read_rnd_deleted") sum += std::stoull(row[1]);
    }
    return sum;
  };
  const std::uint64_t before = handler_reads();
  const Content content = Must(options);
  const std::uint64_t reads = handler_reads() - before;
  std::size_t rows = 0;
  for (const auto& [outer, entries] : content) {
    for (const auto& [inner, records] : entries) rows += records.size();
  }
  EXPECT_EQ(rows, kRows);
  // 41 pages: a scan from the beginning for each would read 400,000 rows and more.
  EXPECT_LT(reads, 3 * kRows);
}

TEST_F(MySqlPagesTest, ReadingTakesBoundedMemoryAlsoWhereRowsSuddenlyGrow) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "a sanitizer keeps what was freed";
  Run("CREATE TABLE wide (id INT PRIMARY KEY AUTO_INCREMENT, outer_key CHAR(1), inner_key INT, "
      "seq INT, k CHAR(1), v LONGTEXT)");
  Run("INSERT INTO wide (outer_key, inner_key, seq, k, v) SELECT 'o',seq,seq,'k','small' "
      "FROM seq_1_to_20000");
  Run("INSERT INTO wide (outer_key, inner_key, seq, k, v) SELECT 'o',-seq,seq,'k',"
      "REPEAT('x', 3000000) FROM seq_1_to_60");
  const std::uint64_t before = kit::BeginPeak();
  absl::StatusOr<std::unique_ptr<Source>> source = OpenMySqlTable(OptionsFor("wide"));
  ASSERT_TRUE(source.ok()) << source.status();
  Batch batch;
  std::size_t entries = 0;
  do {
    batch.Clear();
    const absl::Status read = (*source)->Read(&batch);
    ASSERT_TRUE(read.ok()) << read;
    entries += batch.size();
  } while (!batch.empty());
  EXPECT_EQ(entries, 20'060u);
  const absl::StatusOr<ProcessMemory> after = ReadProcessMemory();
  ASSERT_TRUE(after.ok()) << after.status();
  // The 180 MB of the table are never here together.
  EXPECT_LT(after->peak_rss_bytes, before + (std::uint64_t{64} << 20));
}

// A row of the model: what is in the table, as the test drew it.
struct ModelRow {
  std::int64_t id;
  bool null_outer, null_inner, null_seq, null_key, null_value;
  std::string outer, inner, key, value;
  std::int64_t seq_cents;
};

Content Model(std::vector<ModelRow> rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const ModelRow& a, const ModelRow& b) {
    return std::make_tuple(!a.null_seq, a.null_seq ? 0 : a.seq_cents, a.id) <
           std::make_tuple(!b.null_seq, b.null_seq ? 0 : b.seq_cents, b.id);
  });
  Content content;
  std::map<std::pair<std::string, std::string>, std::pair<bool, std::int64_t>> last;
  for (const ModelRow& row : rows) {
    if (row.null_outer || row.null_inner) continue;
    EntryRecords& records = content[row.outer][row.inner];
    const std::pair<bool, std::int64_t> order{row.null_seq, row.null_seq ? 0 : row.seq_cents};
    const auto known = last.find({row.outer, row.inner});
    if (known == last.end() || known->second != order) records.emplace_back();
    last[{row.outer, row.inner}] = order;
    if (row.null_key || row.null_value) continue;
    RecordPairs& record = records.back();
    const auto same = std::find_if(record.begin(), record.end(),
                                   [&row](const auto& pair) { return pair.first == row.key; });
    if (same != record.end()) {
      same->second = row.value;
    } else {
      record.emplace_back(row.key, row.value);
    }
  }
  return content;
}

TEST_F(MySqlPagesTest, ScatteredRowsGiveTheModelsContentWhateverPageAndMemory) {
  Run("CREATE TABLE model (id BIGINT PRIMARY KEY, outer_key VARCHAR(20), inner_key VARBINARY(20), "
      "seq DECIMAL(12,2), k VARCHAR(20) COLLATE utf8mb4_general_ci, v TEXT)");
  const unsigned seed = 20260;
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const auto word = [&random](std::size_t letters) {
    static const std::vector<std::string> kPieces = {
        "a", "A", " ", "\xc3\xa9", "b", "\xf0\x9f\x98\x80", "'", "\\"};
    std::string text;
    for (std::size_t n = random() % letters; n > 0; --n) text += kPieces[random() % kPieces.size()];
    return text;
  };
  std::vector<ModelRow> rows(4000);
  std::map<std::int64_t, bool> taken;
  for (ModelRow& row : rows) {
    do {
      row.id = static_cast<std::int64_t>(random() % 1'000'000) - 500'000;
    } while (!taken.emplace(row.id, true).second);
    const auto rarely = [&random] { return random() % 20 == 0; };
    row.null_outer = rarely();
    row.null_inner = rarely();
    row.null_seq = rarely();
    row.null_key = rarely();
    row.null_value = rarely();
    row.outer = word(3);
    row.inner = word(3) + std::string(random() % 2, '\0');
    row.seq_cents = static_cast<std::int64_t>(random() % 1000) - 500;
    row.key = word(3);
    row.value = word(40);
  }
  const auto text = [](bool null, const std::string& value) {
    return null ? "NULL" : absl::StrCat("X'", absl::BytesToHexString(value), "'");
  };
  InsertMany("model", rows.size(), [&](std::size_t i) {
    const ModelRow& row = rows[i];
    return absl::StrCat(row.id, ",", text(row.null_outer, row.outer), ",",
                        text(row.null_inner, row.inner), ",",
                        row.null_seq ? "NULL" : absl::StrCat(row.seq_cents, "/100"), ",",
                        text(row.null_key, row.key), ",", text(row.null_value, row.value));
  });
  const Content expected = Model(rows);
  for (const std::size_t page : {7u, 100u, 10000u}) {
    for (const std::size_t memory :
         {std::size_t{2'000}, std::size_t{50'000}, std::size_t{1} << 25}) {
      MySqlOptions options = OptionsFor("model");
      options.max_page_rows = page;
      options.sort_memory_bytes = memory;
      EXPECT_TRUE(Must(options) == expected) << "page " << page << " memory " << memory;
    }
  }
}

TEST_F(MySqlPagesTest, AnEmptyTableGivesNothing) {
  Run("CREATE TABLE pairs (id INT PRIMARY KEY, outer_key CHAR(1), inner_key CHAR(1), seq INT, "
      "k CHAR(1), v CHAR(1))");
  EXPECT_TRUE(Must(OptionsFor("pairs")).empty());
}

}  // namespace
}  // namespace strata
