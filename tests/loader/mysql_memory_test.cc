// An initial load takes the finished cache and at most 64 MiB: tables whose rows are as large as a
// server sends them by default, 16 MiB. Against a real server. Each prints what it took.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "tests/kit/peak.h"
#include "tests/kit/sanitizers.h"
#include "tests/loader/follow_kit.h"

#include <strata/load.h>
#include <strata/process_memory.h>

namespace strata {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

struct Shape {
  std::string name;
  std::string columns;  // of the table, beside id, outer_key, inner_key and seq
  std::string rows;     // what each holds, a SELECT's list; `seq` counts them
  int count;
  MySqlMapping mapping;
  std::uint64_t pairs;  // in the cache then
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }

MySqlMapping List() {
  MySqlMapping mapping;
  mapping.order = "";
  mapping.list = "payload";
  return mapping;
}

MySqlMapping Record() {
  MySqlMapping mapping;
  mapping.order = "";
  mapping.record = "payload";
  return mapping;
}

MySqlMapping Columns() {
  MySqlMapping mapping;
  mapping.columns = {"a", "b", "c", "d", "e"};
  return mapping;
}

// A list or a record of so many parts, each an expression in which `n` counts them.
std::string Joined(const std::string& open, const std::string& part, int parts,
                   const std::string& close) {
  return absl::StrCat("CONCAT('", open, "', (SELECT GROUP_CONCAT(", part,
                      ") FROM (SELECT seq AS n FROM seq_1_to_", parts, ") parts), '", close, "')");
}

std::string Five(const std::string& value) {
  return absl::StrCat(value, ",", value, ",", value, ",", value, ",", value);
}

constexpr char kFiveTexts[] = "a LONGTEXT, b LONGTEXT, c LONGTEXT, d LONGTEXT, e LONGTEXT";

const Shape kRows[] = {
    {"records_of_five_values_of_3_3_MB", kFiveTexts, Five("REPEAT(SHA2(seq, 256), 51500)"), 5,
     Columns(), 25},
    {"equal_records_of_five_values_of_3_3_MB", kFiveTexts, Five("REPEAT(SHA2(1, 256), 51500)"), 5,
     Columns(), 25},
    {"pairs_with_a_value_of_16_MB", "k CHAR(1), v LONGTEXT", "'k', REPEAT(SHA2(seq, 256), 250000)",
     4, MySqlMapping(), 4},
    {"json_records_of_two_values_of_8_MB", "payload LONGTEXT",
     R"(CONCAT('{"a":"', REPEAT(SHA2(seq, 256), 125000), '","b":"', )"
     R"(REPEAT(SHA2(-seq, 256), 125000), '"}'))",
     4, Record(), 8},
    {"json_records_of_150000_pairs", "payload LONGTEXT",
     Joined("{", R"('"k', n, '":"', SHA2(n + outside.seq * 1000000, 256), '"')", 150'000, "}"), 3,
     Record(), 3 * 150'000},
};

const Shape kLists[] = {
    {"lists_of_400000_records", "payload LONGTEXT",
     Joined("[", R"('{"a":"', LEFT(SHA2(n + outside.seq * 1000000, 256), 32), '"}')", 380'000, "]"),
     2, List(), 2 * 380'000},
    {"lists_of_a_million_tiny_records", "payload LONGTEXT",
     Joined("[", R"('{"a":"', n % 1000, '"}')", 1'200'000, "]"), 2, List(), 2 * 1'200'000},
    {"lists_of_one_value_of_16_MB", "payload LONGTEXT",
     R"(CONCAT('[{"a":"', REPEAT(SHA2(seq, 256), 250000), '"}]'))", 4, List(), 4},
    {"equal_lists_of_one_value_of_16_MB", "payload LONGTEXT",
     R"(CONCAT('[{"a":"', REPEAT(SHA2(1, 256), 250000), '"}]'))", 4, List(), 4},
};

class MySqlMemoryTest : public FollowTest, public ::testing::WithParamInterface<Shape> {
 protected:
  void SetUp() override {
    if (kit::kUnderSanitizer) GTEST_SKIP() << "a sanitizer keeps what was freed";
    FollowTest::SetUp();
    MapLargeBlocks();
    const Shape& shape = GetParam();
    Run(
        absl::StrCat("CREATE TABLE t (id INT PRIMARY KEY, outer_key CHAR(9), inner_key CHAR(9), "
                     "seq INT, ",
                     shape.columns, ", KEY (outer_key, inner_key))"));
    Run("SET group_concat_max_len = 16777215");
    Run(absl::StrCat("INSERT INTO t SELECT seq, 'o', CONCAT('i', seq % 3), -seq, ", shape.rows,
                     " FROM seq_1_to_", shape.count, " outside"));
  }
  void TearDown() override {
    if (!kit::kUnderSanitizer) FollowTest::TearDown();
  }
  MySqlOptions Source() const {
    MySqlOptions options = OptionsFor("t");
    options.mapping = GetParam().mapping;
    options.mapping.table = "t";
    return options;
  }
  void ExpectLittleBeside(std::uint64_t before) {
    const std::uint64_t peak = kit::PeakBytes();
    const std::uint64_t held = cache().memory().allocated_bytes;
    EXPECT_EQ(cache().counts().pairs, GetParam().pairs);
    EXPECT_LE(peak, before + held + 64 * kMiB);
    const std::uint64_t beside = peak - std::min(peak, before + held);
    std::cout << "beside the cache of " << held / kMiB << " MiB: " << beside / kMiB << " MiB\n";
  }
};

TEST_P(MySqlMemoryTest, ALoadTakesLittleBesideTheFinishedCache) {
  const std::uint64_t before = kit::BeginPeak();
  auto source = OpenMySqlTable(Source());
  ASSERT_TRUE(source.ok()) << source.status();
  const auto loaded = strata::Load(**source, cache());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ExpectLittleBeside(before);
}

// A follower may have to leave entries of JSON out, and keeps digests.
class MySqlFollowMemoryTest : public MySqlMemoryTest {};

TEST_P(MySqlFollowMemoryTest, SoDoesAFollowersFirstLoad) {
  const std::uint64_t before = kit::BeginPeak();
  Follow(Source());
  ExpectLittleBeside(before);
  follower_.reset();
}

std::string NameOf(const ::testing::TestParamInfo<Shape>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Rows, MySqlMemoryTest, ::testing::ValuesIn(kRows), NameOf);
INSTANTIATE_TEST_SUITE_P(Lists, MySqlMemoryTest, ::testing::ValuesIn(kLists), NameOf);
INSTANTIATE_TEST_SUITE_P(Lists, MySqlFollowMemoryTest, ::testing::ValuesIn(kLists), NameOf);

}  // namespace
}  // namespace strata
