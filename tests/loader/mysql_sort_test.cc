// The sorter, the sort keys, and the forms of the statements: what needs no server.
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "loader/external_sort.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_sort_key.h"
#include "tests/kit/sanitizers.h"

#include <strata/process_memory.h>

namespace strata {
namespace {

using mysql::ColumnKind;

using SortRow = std::tuple<std::uint64_t, std::string, std::string>;

std::vector<SortRow> Sorted(const std::vector<SortRow>& rows, std::size_t budget,
                            std::uint64_t* spilled, std::size_t prefix_bytes = 0) {
  ExternalSort sort(budget, "/tmp");
  for (const auto& [hash, key, payload] : rows) {
    const absl::Status status = sort.Add(hash, prefix_bytes, key, payload);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE(sort.Finish().ok());
  *spilled = sort.spilled_bytes();
  std::vector<SortRow> result;
  ExternalSort::Row row;
  while (true) {
    absl::StatusOr<bool> more = sort.Next(&row);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return result;
    result.emplace_back(row.hash, row.key, row.payload);
  }
}

TEST(ExternalSort, GivesTheSameRowsInOrderWhateverTheBudget) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    std::vector<SortRow> rows(random() % 3000);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      // Few hashes, so that keys decide; keys end in the row's number, so that order is total.
      std::string key(random() % 40, static_cast<char>('a' + random() % 2));
      const std::size_t payload = random() % 200 == 0 ? 600'000 : random() % 100;
      rows[i] = {random() % 50, key + '\0' + std::to_string(i), std::string(payload, 'p')};
    }
    std::vector<SortRow> expected = rows;
    std::sort(expected.begin(), expected.end());
    std::uint64_t spilled = 0;
    EXPECT_EQ(Sorted(rows, 1u << 30, &spilled), expected);
    EXPECT_EQ(spilled, 0u);
    for (const std::size_t budget :
         {std::size_t{5'000}, std::size_t{50'000}, std::size_t{100'000}}) {
      ASSERT_EQ(Sorted(rows, budget, &spilled), expected) << "round " << round << " " << budget;
      if (rows.size() > 1000) {
        EXPECT_GT(spilled, 0u);
      }
    }
  }
}

TEST(ExternalSort, GroupsThatComeInPiecesInOrderAndOutOfItComeOutWhole) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 20; ++round) {
    std::vector<SortRow> rows;
    int number = 0;
    for (int piece = 0; piece < 400; ++piece) {
      // Two groups share each hash: a hash says nothing for certain.
      const std::uint64_t group = random() % 20;
      const std::string prefix(1, static_cast<char>('a' + group));
      for (std::size_t n = random() % 8; n > 0; --n) {
        std::string order = std::to_string(1000 + random() % 3);
        absl::StrAppend(&order, 100'000 + number++);
        rows.emplace_back(group / 2, prefix + order, "payload");
      }
    }
    std::vector<SortRow> expected = rows;
    std::sort(expected.begin(), expected.end());
    std::uint64_t spilled = 0;
    for (const std::size_t budget :
         {std::size_t{3'000}, std::size_t{50'000}, std::size_t{1} << 25}) {
      ASSERT_EQ(Sorted(rows, budget, &spilled, 1), expected) << "round " << round << " " << budget;
    }
  }
}

TEST(ExternalSort, TakesRowsAgainAfterARestart) {
  ExternalSort sort(2'000, "/tmp");
  for (int round = 0; round < 3; ++round) {
    sort.Restart();
    // The second round spills, the others do not.
    const int count = round == 1 ? 100 : 3;
    for (int i = count; i > 0; --i) {
      ASSERT_TRUE(sort.Add(1, 0, std::to_string(100 + i), "payload").ok());
    }
    ASSERT_TRUE(sort.Finish().ok());
    EXPECT_EQ(sort.spilled_bytes() > 0, round == 1);
    ExternalSort::Row row;
    for (int i = 1; i <= count; ++i) {
      const absl::StatusOr<bool> more = sort.Next(&row);
      ASSERT_TRUE(more.ok() && *more);
      EXPECT_EQ(row.key, std::to_string(100 + i));
    }
    const absl::StatusOr<bool> more = sort.Next(&row);
    EXPECT_TRUE(more.ok() && !*more);
  }
}

// Merged or not: the last of equal budgets has one run, the first many.
TEST(ExternalSort, OfLargePayloadsOneIsInMemory) {
  constexpr std::size_t kPayload = std::size_t{8} << 20;
  for (const std::size_t budget : {std::size_t{100}, std::size_t{1} << 20}) {
    ExternalSort sort(budget, "/tmp");
    std::string payload(kPayload, 'p');
    for (int i = 0; i < 10; ++i) {
      payload[0] = static_cast<char>('0' + i);
      ASSERT_TRUE(sort.Add(1, 0, std::to_string(9 - i), payload).ok());
    }
    std::string().swap(payload);
    ASSERT_TRUE(sort.Finish().ok());
    const std::uint64_t before = ReadProcessMemory()->anon_bytes;
    ExternalSort::Row row;
    for (int i = 9; i >= 0; --i) {
      const absl::StatusOr<bool> more = sort.Next(&row);
      ASSERT_TRUE(more.ok() && *more);
      ASSERT_EQ(row.payload.size(), kPayload);
      EXPECT_EQ(row.payload[0], static_cast<char>('0' + i));
      if (!kit::kUnderSanitizer) {
        EXPECT_LT(ReadProcessMemory()->anon_bytes, before + kPayload + kPayload / 2) << budget;
      }
    }
  }
}

TEST(ExternalSort, NothingInNothingOut) {
  std::uint64_t spilled = 0;
  EXPECT_TRUE(Sorted({}, 1000, &spilled).empty());
}

TEST(ExternalSort, SaysWhereItCannotSpill) {
  ExternalSort sort(100, "/nonexistent/directory");
  ASSERT_TRUE(sort.Add(1, 1, "a", std::string(200, 'x')).ok());
  const absl::Status status = sort.Add(2, 1, "b", std::string(200, 'x'));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("/nonexistent/directory"));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("TMPDIR"));
}

TEST(ExternalSort, SaysThatThereIsNoRoom) {
  // A limit on file sizes fails the write as a full disk does.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 64 * 1024;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  ExternalSort sort(100'000, "/tmp");
  absl::Status status;
  for (int i = 0; i < 10 && status.ok(); ++i)
    status = sort.Add(1, 1, "a", std::string(50'000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("TMPDIR"));
}

std::string OrderKey(ColumnKind kind, std::string_view text) {
  std::string key;
  const absl::Status status = mysql::AppendOrder(kind, text, &key);
  EXPECT_TRUE(status.ok()) << status;
  return key;
}

TEST(MySqlSortKey, NumbersCompareAsNumbersAndNullComesFirst) {
  std::string null;
  mysql::AppendNullOrder(&null);
  const std::vector<std::string> ascending = {
      "-100000000000000000000000000000000000000000000000000000000000000000",
      "-18446744073709551616",
      "-9223372036854775808",
      "-1000",
      "-999.5",
      "-999",
      "-10",
      "-9.99",
      "-9.9",
      "-9",
      "-1",
      "-0.5",
      "-0.05",
      "0",
      "0.05",
      "0.5",
      "1",
      "1.25",
      "9",
      "9.9",
      "10",
      "99",
      "100",
      "9223372036854775808",
      "18446744073709551615"};
  for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
    EXPECT_LT(null, OrderKey(ColumnKind::kDecimal, ascending[i]));
    EXPECT_LT(OrderKey(ColumnKind::kDecimal, ascending[i]),
              OrderKey(ColumnKind::kDecimal, ascending[i + 1]))
        << ascending[i] << " " << ascending[i + 1];
  }
  const std::vector<std::string> reals = {"-1.7976931348623157e308",
                                          "-1e10",
                                          "-2",
                                          "-1.5",
                                          "-5e-324",
                                          "0",
                                          "5e-324",
                                          "0.1",
                                          "1e1",
                                          "11",
                                          "1e300"};
  for (std::size_t i = 0; i + 1 < reals.size(); ++i) {
    EXPECT_LT(OrderKey(ColumnKind::kReal, reals[i]), OrderKey(ColumnKind::kReal, reals[i + 1]))
        << reals[i];
  }
}

TEST(MySqlSortKey, EqualNumbersHaveEqualKeys) {
  for (const char* zero : {"0", "-0", "0.00", "-0.00", "000"}) {
    EXPECT_EQ(OrderKey(ColumnKind::kDecimal, zero), OrderKey(ColumnKind::kDecimal, "0"));
  }
  EXPECT_EQ(OrderKey(ColumnKind::kInteger, "00042"), OrderKey(ColumnKind::kInteger, "42"));
  EXPECT_EQ(OrderKey(ColumnKind::kDecimal, "4.20"), OrderKey(ColumnKind::kDecimal, "4.2"));
  EXPECT_EQ(OrderKey(ColumnKind::kReal, "-0"), OrderKey(ColumnKind::kReal, "0"));
}

TEST(MySqlSortKey, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "-", "1e5", "abc", "1-2", "."}) {
    std::string key;
    EXPECT_FALSE(mysql::AppendOrder(ColumnKind::kDecimal, text, &key).ok()) << text;
  }
  std::string key;
  EXPECT_FALSE(mysql::AppendOrder(ColumnKind::kReal, "nan", &key).ok());
}

TEST(MySqlSortKey, EntryPrefixesKeepByteOrderAndComeBackWhole) {
  std::mt19937_64 random(3);
  const auto draw = [&random] {
    std::string text(random() % 5, '\0');
    for (char& c : text)
      c = "\x00\x01\xff"
          "a"[random() % 4];
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::pair<std::string, std::string> a{draw(), draw()};
    const std::pair<std::string, std::string> b{draw(), draw()};
    std::string key_a;
    std::string key_b;
    mysql::SetEntryPrefix(a.first, a.second, &key_a);
    mysql::SetEntryPrefix(b.first, b.second, &key_b);
    ASSERT_EQ(a < b, key_a < key_b);
    // No prefix of another: what follows cannot make two entries look alike.
    if (a != b) {
      ASSERT_NE(key_b.substr(0, key_a.size()), key_a);
    }
    std::string outer;
    std::string inner;
    ASSERT_EQ(mysql::ReadEntryPrefix(key_a + "\x01tail", &outer, &inner), key_a.size());
    ASSERT_EQ(outer, a.first);
    ASSERT_EQ(inner, a.second);
  }
}

TEST(MySqlStatements, SeveralIdColumnsArePagedInTheOrForm) {
  const std::vector<mysql::Column> id = {mysql::DescribeColumn("a`b", "int(11)"),
                                         mysql::DescribeColumn("c", "varchar(10)")};
  const absl::StatusOr<std::string> condition = mysql::AfterCondition(id, {"7", "x'"});
  ASSERT_TRUE(condition.ok());
  EXPECT_EQ(*condition, " WHERE (`a``b` > 7) OR (`a``b` = 7 AND `c` > _utf8mb4 X'7827')");
  EXPECT_EQ(*mysql::AfterCondition(id, {}), "");
}

TEST(MySqlStatements, AnIdThatIsNoNumberIsNotPasted) {
  const mysql::Column id = mysql::DescribeColumn("id", "bigint(20) unsigned");
  EXPECT_EQ(*mysql::IdLiteral(id, "18446744073709551615"), "18446744073709551615");
  for (const char* text : {"", "1 OR 1=1", "1;", "--", "0x10"}) {
    EXPECT_FALSE(mysql::IdLiteral(id, text).ok()) << text;
  }
  EXPECT_EQ(*mysql::IdLiteral(mysql::DescribeColumn("id", "varbinary(4)"), std::string("\0'", 2)),
            "_binary X'0027'");
  EXPECT_EQ(*mysql::IdLiteral(mysql::DescribeColumn("id", "float"), "1"), "1e0");
}

TEST(MySqlStatements, ColumnTypesBoundTheirText) {
  EXPECT_EQ(mysql::DescribeColumn("c", "varchar(255)").max_bytes, 1020u);
  EXPECT_EQ(mysql::DescribeColumn("c", "VARBINARY(16)").max_bytes, 16u);
  EXPECT_FALSE(mysql::DescribeColumn("c", "text").unbounded);
  for (const char* type :
       {"longtext", "mediumtext", "longblob", "mediumblob", "json", "geometry"}) {
    EXPECT_TRUE(mysql::DescribeColumn("c", type).unbounded) << type;
  }
  EXPECT_EQ(mysql::DescribeColumn("c", "longblob").kind, ColumnKind::kBytes);
  EXPECT_EQ(mysql::DescribeColumn("c", "int(5) unsigned zerofill").kind, ColumnKind::kInteger);
  EXPECT_EQ(mysql::DescribeColumn("c", "enum('time','x')").kind, ColumnKind::kNumbered);
}

}  // namespace
}  // namespace strata
