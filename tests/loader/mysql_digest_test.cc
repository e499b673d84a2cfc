// Digests: alike on both sides for every type, other for every change. Against a real server.
#include "loader/mysql_digest.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include <strata/load.h>

#include "loader/mysql_reconcile.h"
#include "tests/loader/follow_kit.h"

namespace strata {
namespace {

class MySqlDigestTest : public FollowTest {
 protected:
  mysql::Selection SelectionOf(const MySqlOptions& source) {
    const auto table = mysql::ReadTable(&session(), database(), source.mapping.table);
    EXPECT_TRUE(table.ok()) << table.status();
    auto selection = mysql::Select(*table, database(), source.mapping);
    EXPECT_TRUE(selection.ok()) << selection.status();
    return *std::move(selection);
  }
  void LoadCache(const MySqlOptions& source) {
    cache().Clear();
    auto table = OpenMySqlTable(source);
    ASSERT_TRUE(table.ok()) << table.status();
    const auto loaded = strata::Load(**table, cache());
    ASSERT_TRUE(loaded.ok()) << loaded.status();
  }
  // How many entries the server tells of, and how many of them are not the cache's.
  std::pair<int, int> Compare(const MySqlOptions& source) {
    const mysql::Selection selection = SelectionOf(source);
    std::pair<int, int> found{0, 0};
    const absl::Status status = mysql::ReadDigests(
        &session(), selection, "1 = 1", "testing",
        [&](std::string_view outer, std::string_view inner, const mysql::EntryDigest& digest) {
          ++found.first;
          const ReadGuard guard(cache());
          const EntryReader entry = guard.Get(outer, inner);
          if (!entry || !mysql::DigestOf(entry, selection.pair_rows).SameTexts(digest))
            ++found.second;
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    return found;
  }
  // That entries read one by one are what a load gives.
  void CompareEntryReads(const MySqlOptions& source) {
    const mysql::Selection selection = SelectionOf(source);
    std::vector<mysql::EntryName> names;
    for (const auto& [outer, entries] : ContentOf(cache())) {
      for (const auto& [inner, records] : entries) names.push_back({outer, inner});
    }
    names.resize(std::min(names.size(), mysql::kMostEntriesARead));
    int same = 0;
    const absl::Status status =
        mysql::ReadEntries(&session(), selection, names, [&](const mysql::EntryAsRead& entry) {
          const ReadGuard guard(cache());
          const EntryReader cached = guard.Get(entry.name.outer, entry.name.inner);
          if (entry.present && SameList(cached, entry.records)) ++same;
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(same, static_cast<int>(names.size()));
  }
};

struct Type {
  const char* type;
  std::vector<const char*> values;
};

TEST_F(MySqlDigestTest, EveryTypeIsAlikeOnBothSidesAsKeyOrderAndValue) {
  std::vector<Type> types = {
      {"INT", {"0", "-5", "7", "12", "2147483647"}},
      {"INT(6) ZEROFILL", {"0", "5", "123456"}},
      {"BIGINT UNSIGNED", {"0", "18446744073709551615", "9"}},
      {"DECIMAL(20,4)", {"0", "-1.5", "3.1415", "10", "9"}},
      {"FLOAT", {"0.1", "-0.3", "1e10", "16777217", "3.4e38", "0.5"}},
      {"DOUBLE", {"0.1", "0.30000000000000004", "-1e300", "5e-300", "2"}},
      {"VARCHAR(30) COLLATE utf8mb4_general_ci",
       {"'abc'", "'ABC'", "'abc '", "''", "'\xc3\xa9'", "'\xf0\x9f\xa6\x84'", "'12:34'"}},
      {"VARCHAR(30) CHARACTER SET latin1", {"'caf\xc3\xa9'", "'cafe'", "'CAF\xc3\xa9'"}},
      {"CHAR(10) CHARACTER SET utf16", {"'b'", "'\xe2\x82\xac'", "'a'"}},
      {"VARBINARY(20)", {"X'00'", "X''", "X'ff00'", "X'C328'", "X'27'"}},
      {"BINARY(4)", {"X'00000001'", "X'ff'", "X'20202020'"}},
      {"DATETIME(3)", {"'2020-01-01'", "'2020-01-01 00:00:00.001'", "'1999-12-31'"}},
      {"TIMESTAMP(1) NULL", {"'2020-10-25 00:30:00'", "'2020-10-25 01:30:00.5'"}},
      {"DATE", {"'2020-01-01'", "'0000-00-00'"}},
      {"TIME(1)", {"'-10:00:00'", "'100:00:00'", "'-9:00:00.5'", "'0:0:0'"}},
      {"YEAR", {"2020", "1999"}},
      {"ENUM('z','y','a','\xc3\xb6')", {"'a'", "'z'", "'\xc3\xb6'"}},
      {"SET('z','y')", {"'z,y'", "''", "'y'"}},
      {"BIT(12)", {"b'100000000000'", "b'1'", "b'0'"}},
  };
  if (IsMariaDb()) {
    types.push_back(
        {"UUID",
         {"'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000001'"}});
    types.push_back({"INET6", {"'::1'", "'::ffff:1.2.3.4'"}});
  }
  for (const Type& type : types) {
    SCOPED_TRACE(type.type);
    Run("DROP TABLE IF EXISTS d");
    Run(absl::StrCat("CREATE TABLE d (id INT PRIMARY KEY AUTO_INCREMENT, outer_key ", type.type,
                     ", inner_key ", type.type, ", seq ", type.type, ", k ", type.type, ", v ",
                     type.type, ")"));
    std::string rows;
    for (const char* outer : type.values) {
      for (const char* other : type.values) {
        absl::StrAppend(&rows, rows.empty() ? "" : ",", "(", outer, ",", other, ",", other, ",",
                        outer, ",", other, "),(", outer, ",", type.values[0], ",NULL,", other, ",",
                        other, "),(", outer, ",", other, ",", outer, ",NULL,", other, ")");
      }
    }
    Run("INSERT INTO d (outer_key, inner_key, seq, k, v) VALUES " + rows);
    MySqlOptions source = OptionsFor("d");
    LoadCache(source);
    const auto [entries, differ] = Compare(source);
    EXPECT_EQ(static_cast<std::uint64_t>(entries), cache().counts().entries);
    // A record that gives a key twice is one that may differ; here none of them may.
    EXPECT_EQ(differ, 0);
    CompareEntryReads(source);
    source.mapping.columns = {"k", "v", "seq"};
    LoadCache(source);
    EXPECT_EQ(Compare(source), std::pair(entries, 0)) << "record rows";
    source.mapping.order = "";
    source.mapping.columns = {"k", "v"};
    LoadCache(source);
    EXPECT_EQ(Compare(source), std::pair(entries, 0)) << "record rows by id";
    CompareEntryReads(source);
  }
}

TEST_F(MySqlDigestTest, EveryChangeOfContentIsOneOfTheDigest) {
  Run("CREATE TABLE d (id INT PRIMARY KEY AUTO_INCREMENT, outer_key INT, inner_key INT, seq INT, "
      "k VARCHAR(20), v VARCHAR(20))");
  const auto same = [this](const std::string& first, const std::string& second) {
    Run("TRUNCATE d");
    Run("INSERT INTO d (outer_key, inner_key, seq, k, v) VALUES " + first);
    LoadCache(OptionsFor("d"));
    EXPECT_EQ(Compare(OptionsFor("d")), std::pair(1, 0)) << first;
    Run("TRUNCATE d");
    Run("INSERT INTO d (outer_key, inner_key, seq, k, v) VALUES " + second);
    return Compare(OptionsFor("d")) == std::pair(1, 0);
  };
  EXPECT_FALSE(same("(1,1,0,'a','b')", "(1,1,0,'a','c')"));
  EXPECT_FALSE(same("(1,1,0,'a','bc')", "(1,1,0,'ab','c')"));
  EXPECT_FALSE(same("(1,1,0,'a,b','c')", "(1,1,0,'a','b,c')"));
  EXPECT_FALSE(same("(1,1,0,'a','')", "(1,1,0,'a',NULL)"));
  EXPECT_FALSE(same("(1,1,0,'a',NULL)", "(1,1,0,'a',NULL),(1,1,1,'a',NULL)"));
  // Order alone, equal pairs, which record a pair is of.
  EXPECT_FALSE(same("(1,1,0,'k','a'),(1,1,1,'k','b')", "(1,1,1,'k','a'),(1,1,0,'k','b')"));
  EXPECT_FALSE(same("(1,1,0,'k','a'),(1,1,1,'k','a')", "(1,1,0,'k','b'),(1,1,1,'k','b')"));
  EXPECT_FALSE(same("(1,1,0,'k','a'),(1,1,1,'k','a'),(1,1,2,'k','a')", "(1,1,0,'k','a')"));
  EXPECT_FALSE(same("(1,1,0,'a','x'),(1,1,0,'b','y'),(1,1,1,'c','z')",
                    "(1,1,0,'a','x'),(1,1,1,'b','y'),(1,1,1,'c','z')"));
  // What the cache cannot tell apart is no difference.
  EXPECT_TRUE(same("(1,1,0,'k','a'),(1,1,1,'k','b')", "(1,1,5,'k','a'),(1,1,70,'k','b')"));
}

TEST_F(MySqlDigestTest, APassGoesThroughAllRangesAndFindsWhatIsOnOneSideOnly) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT CONCAT('o', seq % 50), "
      "CONCAT('I', seq % 3000), seq, 'k', seq FROM seq_1_to_12000");
  const MySqlOptions source = OptionsFor("t");
  LoadCache(source);
  ASSERT_TRUE(cache().Put("o1", "only here", Records({{{"k", "v"}}})).ok());
  ASSERT_TRUE(cache().Put("only here", "x", Records({{{"k", "v"}}})).ok());
  ASSERT_TRUE(cache().Delete("o7", "I7"));
  ASSERT_TRUE(cache().Put("o8", "I8", Records({{{"k", "v"}}})).ok());
  const auto plan = mysql::ReadFollowPlan(&session(), source);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->keys_indexed);
  const FollowOptions options;
  FollowGate gate;
  EntryApplier applier(&cache(), &gate, &options);
  for (const bool indexed : {true, false}) {
    mysql::FollowPlan as = *plan;
    as.keys_indexed = indexed;
    as.rows_estimate = 400'000;  // several slices
    const mysql::EntryDigests digests;
    mysql::ReconcilePass pass(as, cache().counts(), &digests);
    std::vector<mysql::EntryName> suspects;
    int steps = 0;
    while (!pass.done()) {
      const absl::Status status = pass.Step(&session(), as, &applier, &suspects);
      ASSERT_TRUE(status.ok()) << status;
      ++steps;
    }
    EXPECT_GT(steps, 5);
    const std::set<mysql::EntryName> found(suspects.begin(), suspects.end());
    for (const mysql::EntryName& name :
         {mysql::EntryName{"o1", "only here"}, mysql::EntryName{"only here", "x"},
          mysql::EntryName{"o7", "I7"}, mysql::EntryName{"o8", "I8"}}) {
      EXPECT_EQ(found.count(name), 1u) << name.outer << " " << name.inner;
    }
    // And neighbours of those in their buckets, but little else.
    EXPECT_LT(found.size(), 150u);
  }
}

TEST_F(MySqlDigestTest, AnEntryThatDigestAndBucketBothShowIsNamedOnce) {
  MakeTable();
  Run("INSERT INTO t (outer_key, inner_key, seq, k, v) SELECT CONCAT('o', seq % 50), "
      "CONCAT('I', seq % 3000), seq, 'k', seq FROM seq_1_to_3000");
  const MySqlOptions source = OptionsFor("t");
  LoadCache(source);
  // Sixty that differ, and so many that only the cache has that each third bucket shows one.
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(cache().Put("o8", absl::StrCat("I", 8 + 50 * i), Records({{{"k", "v"}}})).ok());
    ASSERT_TRUE(cache().Put("only here", absl::StrCat(i), Records({{{"k", "v"}}})).ok());
  }
  const auto plan = mysql::ReadFollowPlan(&session(), source);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const FollowOptions options;
  FollowGate gate;
  EntryApplier applier(&cache(), &gate, &options);
  const mysql::EntryDigests digests;
  mysql::ReconcilePass pass(*plan, cache().counts(), &digests);
  std::vector<mysql::EntryName> suspects;
  while (!pass.done()) ASSERT_TRUE(pass.Step(&session(), *plan, &applier, &suspects).ok());
  const std::set<mysql::EntryName> found(suspects.begin(), suspects.end());
  EXPECT_EQ(found.size(), suspects.size());
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(found.count({"o8", absl::StrCat("I", 8 + 50 * i)}), 1u) << i;
    EXPECT_EQ(found.count({"only here", absl::StrCat(i)}), 1u) << i;
  }
}

}  // namespace
}  // namespace strata
