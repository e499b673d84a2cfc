// The table of slots against std::map, through growing, erasing and failing memory.
#include "loader/slot_table.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "loader/entry_digests.h"
#include "loader/known_rows.h"
#include "loader/mysql_digest.h"

namespace strata {
namespace {

struct Slot {
  std::uint64_t key = 0;
  std::uint64_t value = 0;
  bool free() const { return key == 0; }
  std::uint64_t home() const { return key; }
  bool SameKey(const Slot& other) const { return key == other.key; }
};

TEST(SlotTable, EqualsAMapThroughInsertionsAndErasures) {
  std::mt19937_64 random(7);
  // Keys whose homes crowd together and wrap around the table's end.
  for (const std::uint64_t spread : {std::uint64_t{3}, std::uint64_t{1000}}) {
    SlotTable<Slot> table;
    std::map<std::uint64_t, std::uint64_t> model;
    for (int step = 0; step < 40'000; ++step) {
      const std::uint64_t draw = random() % 400;
      const std::uint64_t key = draw % spread + (draw / spread << 32) + 13;
      if (random() % 3 != 0) {
        const auto [slot, fresh] = table.Insert({key, static_cast<std::uint64_t>(step)});
        slot->value = static_cast<std::uint64_t>(step);
        ASSERT_EQ(fresh, model.insert_or_assign(key, slot->value).second);
      } else {
        table.Erase({key, 0});
        model.erase(key);
      }
      ASSERT_EQ(table.size(), model.size());
      const auto found = model.find(key);
      const Slot* const slot = table.Find({key, 0});
      ASSERT_EQ(slot != nullptr, found != model.end());
      if (slot != nullptr) {
        ASSERT_EQ(slot->value, found->second);
      }
    }
    for (const auto& [key, value] : model) {
      const Slot* const slot = table.Find({key, 0});
      ASSERT_NE(slot, nullptr);
      ASSERT_EQ(slot->value, value);
    }
    Footprint footprint;
    table.AddLayer("slots", &footprint);
    EXPECT_EQ(footprint.total_bytes(), footprint.allocated_bytes);
    EXPECT_EQ(footprint.layers[0].used_bytes, 16 * model.size());
    table.Clear();
    EXPECT_EQ(table.Find({13, 0}), nullptr);
    footprint = Footprint();
    table.AddLayer("slots", &footprint);
    EXPECT_EQ(footprint.allocated_bytes, 0u);
  }
}

TEST(EntryDigests, KnowWhatWasReadLast) {
  mysql::EntryDigests digests;
  mysql::EntryDigest one;
  mysql::AddJsonRow(mysql::JsonTextDigest("{}"), &one);
  mysql::EntryDigest other = one;
  mysql::AddJsonRow(std::nullopt, &other);
  EXPECT_FALSE(digests.Matches("o", "i", one));
  digests.Set("o", "i", one);
  digests.Set("oi", "", other);
  EXPECT_TRUE(digests.Matches("o", "i", one));
  EXPECT_FALSE(digests.Matches("o", "i", other));
  EXPECT_FALSE(digests.Matches("", "oi", other));
  digests.Set("o", "i", other);
  EXPECT_FALSE(digests.Matches("o", "i", one));
  EXPECT_EQ(digests.size(), 2u);
  digests.Erase("o", "i");
  EXPECT_FALSE(digests.Matches("o", "i", other));
  EXPECT_TRUE(digests.Matches("oi", "", other));
  digests.Clear();
  EXPECT_EQ(digests.size(), 0u);
}

TEST(KnownRows, AreThoseOfTheLastWholeRoundAndNewerOfThisOne) {
  mysql::KnownRows rows;
  rows.BeginRound();
  rows.Keep({.id = 1, .content = 7});
  rows.Keep({.id = 2, .content = 7});
  EXPECT_TRUE(rows.Has({.id = 1, .content = 7})) << "a round may be read in parts";
  rows.EndRound();
  EXPECT_TRUE(rows.Has({.id = 1, .content = 7}));
  EXPECT_FALSE(rows.Has({.id = 1, .content = 8}));
  EXPECT_FALSE(rows.Has({.id = 3, .content = 7}));

  // A round that fails leaves the one before it, and nothing of its own.
  rows.BeginRound();
  rows.Keep({.id = 3, .content = 7});
  rows.BeginRound();
  EXPECT_TRUE(rows.Has({.id = 2, .content = 7}));
  EXPECT_FALSE(rows.Has({.id = 3, .content = 7}));
  rows.Keep({.id = 2, .content = 9});
  EXPECT_FALSE(rows.Has({.id = 2, .content = 7})) << "it has changed since";
  rows.EndRound();
  EXPECT_TRUE(rows.Has({.id = 2, .content = 9}));
  EXPECT_FALSE(rows.Has({.id = 1, .content = 7}));
  EXPECT_FALSE(rows.Has({.id = 3, .content = 7}));
}

TEST(KnownRows, AreALayerWithAMost) {
  mysql::KnownRows rows;
  const auto layer = [&rows] {
    Footprint footprint;
    rows.AddLayer(&footprint);
    EXPECT_EQ(footprint.layers.size(), 1u);
    EXPECT_EQ(footprint.total_bytes(), footprint.allocated_bytes);
    return footprint.layers[0];
  };
  EXPECT_EQ(layer().total_bytes(), 0u);
  rows.BeginRound();
  for (std::uint64_t id = 1; id <= mysql::KnownRows::kMostRows + 5; ++id) {
    rows.Keep({.id = id, .content = id});
  }
  EXPECT_EQ(layer().count, mysql::KnownRows::kMostRows);
  EXPECT_EQ(layer().used_bytes, 16 * mysql::KnownRows::kMostRows);
  rows.EndRound();
  EXPECT_TRUE(rows.Has({.id = 1, .content = 1}));
  EXPECT_FALSE(rows.Has(
      {.id = mysql::KnownRows::kMostRows + 1, .content = mysql::KnownRows::kMostRows + 1}));
  rows.BeginRound();
  rows.EndRound();
  EXPECT_EQ(layer().total_bytes(), 0u);
}

}  // namespace
}  // namespace strata
