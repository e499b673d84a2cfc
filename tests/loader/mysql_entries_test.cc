// Rows become entries, whatever order they come in; and what is given of them early. No server.
//
// Threads: one.
#include "loader/mysql_entries.h"

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "loader/entry_digests.h"
#include "loader/held_entries.h"
#include "loader/mysql_entry_run.h"
#include "loader/mysql_sort_key.h"

namespace strata::mysql {
namespace {

struct TestRow {
  int outer = 0;  // -1 is NULL
  int inner = 0;
  int order = 0;
  std::string value{};
};

Selection PairRows() {
  Selection selection;
  selection.table = "t";
  selection.id = {DescribeColumn("id", "int(11)")};
  selection.outer = DescribeColumn("o", "varchar(20)");
  selection.inner = DescribeColumn("i", "varchar(20)");
  selection.order = DescribeColumn("n", "int(11)");
  selection.values = {DescribeColumn("k", "varchar(20)"), DescribeColumn("v", "longtext")};
  return selection;
}

// An entry's records, one text each.
using Lists = std::map<std::string, std::vector<std::string>>;

struct Given {
  Lists lists;  // the last one given for an entry stands
  std::size_t early = 0;
  std::size_t in_all = 0;
  std::uint64_t again = 0;
  std::size_t parts = 0;  // beyond an entry's first
};

void Apply(Batch* batch, Given* given) {
  for (std::size_t i = 0; i < batch->size(); ++i) {
    const Change change = (*batch)[i];
    std::vector<std::string> records;
    for (std::size_t r = 0; r < change.records.size(); ++r) {
      std::string& text = records.emplace_back();
      for (const Pair& pair : change.records[r]) {
        absl::StrAppend(&text, std::string(pair.key), "=", std::string(pair.value), ";");
      }
    }
    std::vector<std::string>& list =
        given->lists[absl::StrCat(std::string(change.outer), "/", std::string(change.inner))];
    if (change.kind == Change::Kind::kAppendEntry) {
      EXPECT_GT(change.times, 1);
      list.insert(list.end(), records.begin(), records.end());
      ++given->parts;
    } else {
      list = std::move(records);
      ++given->in_all;
    }
  }
  batch->Clear();
}

void FillRow(const TestRow& row, std::size_t id, Row* cells) {
  cells->Clear();
  cells->Add(absl::StrCat(id));
  if (row.outer < 0) {
    cells->AddNull();
  } else {
    cells->Add(absl::StrCat(row.outer));
  }
  cells->Add(absl::StrCat(row.inner));
  cells->Add(absl::StrCat(row.order));
  cells->Add(absl::StrCat("k", id));
  cells->Add(row.value);
}

Given Collect(const std::vector<TestRow>& rows, bool early, std::size_t memory,
              bool parts = false) {
  const Selection selection = PairRows();
  Entries entries(&selection, memory, "/tmp");
  if (early) entries.GiveEarly();
  if (parts) entries.GiveParts();
  Given given;
  Batch batch;
  Row cells;
  for (std::size_t id = 0; id < rows.size(); ++id) {
    FillRow(rows[id], id, &cells);
    const absl::Status status = entries.Add(cells, &batch);
    EXPECT_TRUE(status.ok()) << status;
    if (batch.size() >= 10) Apply(&batch, &given);
  }
  Apply(&batch, &given);
  given.early = given.in_all;
  EXPECT_TRUE(entries.Finish().ok());
  while (entries.more()) {
    EXPECT_TRUE(entries.Fill(&batch, 1000).ok());
    // A run that has become too long, and a record.
    EXPECT_TRUE(!parts || batch.text_bytes() < 2 * EntryRun::kMostBytes);
    Apply(&batch, &given);
  }
  given.again = entries.entries_again();
  return given;
}

// Rows in runs of `run` on average, each of one of `entries` entries at random.
std::vector<TestRow> Drawn(std::mt19937_64* random, std::size_t count, int entries, int run) {
  const auto draw = [random](int below) {
    return static_cast<int>((*random)() % static_cast<std::uint64_t>(below));
  };
  std::vector<TestRow> rows;
  TestRow row;
  for (std::size_t i = 0; i < count; ++i) {
    if (draw(run) == 0) {
      const int entry = draw(entries);
      row.outer = entry % 7;
      row.inner = entry / 7;
    }
    row.order = draw(5);
    row.value = std::string(static_cast<std::size_t>(draw(30)), 'v');
    if (draw(300) == 0) row.value.assign(EntryRun::kMostBytes / 2 + 100, 'w');
    rows.push_back(row);
    if (draw(20) == 0) rows.back().outer = -1;
  }
  return rows;
}

TEST(MySqlEntries, AreAtTheEndTheSameWhetherTheyWereGivenEarlyOrNot) {
  std::mt19937_64 random(9);
  std::size_t early = 0;
  std::uint64_t again = 0;
  for (const int entries : {1, 3, 40, 2000}) {
    for (const int run : {1, 4, 100}) {
      const std::vector<TestRow> rows = Drawn(&random, 1500, entries, run);
      const Given plain = Collect(rows, false, std::size_t{1} << 30);
      EXPECT_EQ(plain.in_all, plain.lists.size());
      EXPECT_EQ(plain.early, 0u);
      for (const std::size_t memory : {std::size_t{500}, std::size_t{1} << 30}) {
        const Given given = Collect(rows, true, memory);
        ASSERT_TRUE(given.lists == plain.lists) << entries << " entries in runs of " << run;
        EXPECT_EQ(given.in_all - given.again, plain.lists.size());
        early += given.early;
        again += given.again;
      }
    }
  }
  EXPECT_GT(early, 1000u);
  EXPECT_GT(again, 100u);
}

TEST(MySqlEntries, InPartsAreInAllTheSame) {
  std::mt19937_64 random(11);
  for (const int entries : {1, 3, 40}) {
    std::vector<TestRow> rows = Drawn(&random, 3000, entries, 3);
    // Many records, two rows each, for a part ends with one.
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].order = static_cast<int>(i * 7919 % 1500);
    const Given whole = Collect(rows, false, std::size_t{1} << 30);
    EXPECT_EQ(whole.parts, 0u);
    for (const bool early : {false, true}) {
      const Given given = Collect(rows, early, 100'000, true);
      ASSERT_TRUE(given.lists == whole.lists) << entries << " entries";
      EXPECT_EQ(given.in_all - given.again, whole.lists.size());
      EXPECT_TRUE(entries == 40 || given.parts > 3) << given.parts;
    }
  }
}

// Of JSON, each row a record. What is wrong with an entry stands in its last row.
TEST(MySqlEntries, InPartsLeaveOutWholeWhatIsRefused) {
  Selection selection = PairRows();
  selection.pair_rows = false;
  selection.json = JsonValue::kRecord;
  selection.values = {DescribeColumn("payload", "longtext")};
  EntryDigests digests;
  HeldEntries refused;
  Entries entries(&selection, 100'000, "/tmp", "", {.digests = &digests, .refused = &refused});
  entries.GiveEarly();
  entries.GiveParts();
  constexpr int kRows = 400;
  const std::string value(10'000, 'v');
  Given given;
  Batch batch;
  Row cells;
  for (int id = 0; id < 3 * kRows; ++id) {
    cells.Clear();
    for (const int number : {id, 1, id % 3, id}) cells.Add(absl::StrCat(number));
    const bool bad = id == 3 * kRows - 2;  // of inner 1
    cells.Add(bad ? "no JSON" : absl::StrCat("{\"k\":\"", value, id, "\"}"));
    const absl::Status status = entries.Add(cells, &batch);
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(batch.size(), 0u);
  ASSERT_TRUE(entries.Finish().ok());
  while (entries.more()) {
    ASSERT_TRUE(entries.Fill(&batch, 1000).ok());
    Apply(&batch, &given);
  }
  EXPECT_EQ(given.lists.size(), 2u);
  for (const int inner : {0, 2}) {
    const std::vector<std::string>& list = given.lists[absl::StrCat("1/", inner)];
    ASSERT_EQ(list.size(), static_cast<std::size_t>(kRows));
    EXPECT_EQ(list.back(), absl::StrCat("k=", value, 3 * (kRows - 1) + inner, ";"));
  }
  EXPECT_GT(given.parts, 100u);
  ASSERT_EQ(refused.names().size(), 1u);
  EXPECT_EQ(refused.names()[0].inner, "1");
}

// A list of up to so many bytes, some of its records of many pairs, and its records as Given has
// them.
std::string DrawnList(std::mt19937_64* random, std::size_t bytes,
                      std::vector<std::string>* records) {
  std::string list = "[";
  for (std::size_t size = (*random)() % bytes; list.size() < size;) {
    std::string& text = records->emplace_back();
    const std::uint64_t kind = (*random)() % 1000;
    const std::size_t pairs = kind < 2 ? 30'000 : kind < 20 ? 0 : 1 + kind % 4;
    const std::size_t value = kind == 999 ? 600'000 : 1 + kind % 300;
    list += list.size() == 1 ? "{" : ",{";
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::string content((i == 0 ? value : 5), static_cast<char>('a' + (*random)() % 26));
      absl::StrAppend(&list, i == 0 ? "\"" : ",\"", i, "\":\"", content, ",]}\"");
      absl::StrAppend(&text, i, "=", content, ",]};");
    }
    list += "}";
  }
  return list + "]";
}

// Lists that take many pieces, whole and in parts, early or not; one row in some is refused, and
// with it its entry, though pieces of it were taken.
TEST(MySqlEntries, OfListsInPiecesAreTheListsOneBehindTheOther) {
  Selection selection = PairRows();
  selection.pair_rows = false;
  selection.json = JsonValue::kList;
  selection.values = {DescribeColumn("payload", "longtext")};
  std::mt19937_64 random(12);
  std::size_t parts = 0;
  std::size_t refusals = 0;
  for (int round = 0; round < 12; ++round) {
    const bool noted = round % 3 != 0;
    EntryDigests digests;
    HeldEntries refused;
    Entries entries(&selection, round % 2 == 0 ? 1'000 : std::size_t{1} << 30, "/tmp", "",
                    noted ? EntryNotes{&digests, &refused} : EntryNotes());
    if (round % 4 < 2) entries.GiveEarly();
    if (round % 4 > 0) entries.GiveParts();
    // By entry, the rows by their order: that is each one's own.
    std::map<std::string, std::map<int, std::pair<std::string, std::vector<std::string>>>> model;
    std::map<std::string, bool> bad;
    Given given;
    Batch batch;
    Row cells;
    for (int id = 0; id < 60; ++id) {
      const int inner = static_cast<int>(random() % 6);
      const int order = id * 37 % 60;
      auto& [text, records] = model[absl::StrCat("1/", inner)][order];
      text = DrawnList(&random, id % 10 == 0 ? 3'000'000 : 20'000, &records);
      if (noted && random() % 40 == 0) {
        text.insert(text.size() - 1, text.size() > 2 ? ",1" : "1");
        bad[absl::StrCat("1/", inner)] = true;
      }
      cells.Clear();
      for (const int number : {id, 1, inner, order}) cells.Add(absl::StrCat(number));
      cells.Add(text);
      const absl::Status status = entries.Add(cells, &batch);
      ASSERT_TRUE(status.ok()) << status;
      Apply(&batch, &given);
    }
    ASSERT_TRUE(entries.Finish().ok());
    while (entries.more()) {
      ASSERT_TRUE(entries.Fill(&batch, 1000).ok());
      Apply(&batch, &given);
    }
    for (const auto& [name, rows] : model) {
      const EntryName entry = {"1", name.substr(2)};
      if (bad.contains(name)) {
        ++refusals;
        EXPECT_FALSE(given.lists.contains(name)) << name;
        EXPECT_THAT(refused.names(), ::testing::Contains(entry));
        continue;
      }
      std::vector<std::string> expected;
      EntryDigest digest;
      for (const auto& [order, row] : rows) {
        expected.insert(expected.end(), row.second.begin(), row.second.end());
        AddJsonRow(JsonTextDigest(row.first), &digest);
      }
      EXPECT_TRUE(given.lists[name] == expected) << "round " << round << ", " << name;
      if (noted) {
        EXPECT_TRUE(digests.Matches(entry.outer, entry.inner, digest))
            << "round " << round << ", " << name;
      }
    }
    EXPECT_EQ(refused.count(), bad.size());
    parts += given.parts;
  }
  EXPECT_GT(parts, 20u);
  EXPECT_GT(refusals, 3u);
}

TEST(MySqlEntries, WrittenOneBehindTheOtherAreGivenOnceAndAllButTheLastEarly) {
  std::vector<TestRow> rows;
  for (int entry = 0; entry < 9000; ++entry) {
    for (int i = 0; i < 3; ++i) {
      rows.push_back({.outer = entry % 7, .inner = entry, .order = 3 - i, .value = "v"});
      // A row that is none of an entry's does not part it.
      if (entry % 100 == 0) rows.push_back({.outer = -1});
    }
  }
  const Given given = Collect(rows, true, 100'000);
  EXPECT_EQ(given.early, 8999u);
  EXPECT_EQ(given.in_all, 9000u);
  EXPECT_EQ(given.again, 0u);
  EXPECT_TRUE(given.lists == Collect(rows, false, 100'000).lists);
}

TEST(MySqlEntries, ThatLieScatteredAreSoonGivenEarlyNoMore) {
  std::mt19937_64 random(10);
  for (const int entries : {100, 20'000}) {
    const std::vector<TestRow> rows = Drawn(&random, 40'000, entries, 1);
    const Given given = Collect(rows, true, std::size_t{1} << 30);
    EXPECT_LT(given.early, entries / 2 + 100) << entries;
  }
}

TEST(ComingBack, IsFoundAmongMoreEntriesThanItsSampleHolds) {
  constexpr std::uint64_t kEntries = 1'000'000;
  const auto hash = [](std::uint64_t entry) { return HashPrefix(absl::StrCat("entry ", entry)); };
  ComingBack in_order;
  for (std::uint64_t i = 0; i < kEntries; ++i) ASSERT_FALSE(in_order.Often(hash(i))) << i;
  // They all come again: it shows before an eighth of them has.
  std::uint64_t again = 0;
  while (again < kEntries && !in_order.Often(hash(again))) ++again;
  EXPECT_LT(again, kEntries / 8);
}

}  // namespace
}  // namespace strata::mysql
