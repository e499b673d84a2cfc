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

TEST(SlotTable, SiftKeepsWhatItIsToldToAndGivesMemoryBack) {
  std::mt19937_64 random(11);
  SlotTable<Slot> table;
  for (const std::uint64_t kept_of : {2u, 3u, 100u}) {
    std::map<std::uint64_t, std::uint64_t> model;
    table.Clear();
    for (std::uint64_t i = 0; i < 5000; ++i) {
      // Homes that crowd together, at the table's end too.
      const std::uint64_t key = (random() << 32) + random() % 50 + 8180;
      table.Insert({key, i});
      model.emplace(key, i);
    }
    const auto keep = [&](std::uint64_t value) { return value % kept_of == 0; };
    table.Sift([&](const Slot& slot) { return keep(slot.value); });
    table.ForEach([](Slot* slot) { slot->value += 7; });
    std::erase_if(model, [&](const auto& item) { return !keep(item.second); });
    ASSERT_EQ(table.size(), model.size());
    for (const auto& [key, value] : model) {
      const Slot* const slot = table.Find({key, 0});
      ASSERT_NE(slot, nullptr);
      EXPECT_EQ(slot->value, value + 7);
    }
    Footprint footprint;
    table.AddLayer("slots", &footprint);
    EXPECT_EQ(footprint.total_bytes(), footprint.allocated_bytes);
    EXPECT_LT(footprint.layers[0].total_bytes(), 16 * 16 * model.size() + 1000);
  }
  table.Sift([](const Slot&) { return false; });
  Footprint footprint;
  table.AddLayer("slots", &footprint);
  EXPECT_EQ(footprint.total_bytes(), 0u);
}

TEST(KnownRows, AreThoseOfTheLastWholeRoundAndNewerOfThisOne) {
  mysql::KnownRows rows;
  rows.BeginRound();
  rows.Keep({.id = 1, .content = 7});
  rows.Keep({.id = 2, .content = 7});
  EXPECT_TRUE(rows.Has({.id = 1, .content = 7})) << "a round may be read in parts";
  EXPECT_EQ(rows.EndRound().last, 0u);
  EXPECT_TRUE(rows.Has({.id = 1, .content = 7}));
  EXPECT_FALSE(rows.Has({.id = 1, .content = 8}));
  EXPECT_FALSE(rows.Has({.id = 3, .content = 7}));

  // A round that fails leaves the one before it, and nothing of its own.
  rows.BeginRound();
  rows.Keep({.id = 3, .content = 7});
  rows.Keep({.id = 1, .content = 7});
  rows.BeginRound();
  EXPECT_TRUE(rows.Has({.id = 1, .content = 7}));
  EXPECT_TRUE(rows.Has({.id = 2, .content = 7}));
  EXPECT_FALSE(rows.Has({.id = 3, .content = 7}));
  rows.Keep({.id = 2, .content = 9});
  EXPECT_FALSE(rows.Has({.id = 2, .content = 7})) << "it has changed since";
  rows.Keep({.id = 1, .content = 7});
  rows.Keep({.id = 1, .content = 7});
  const mysql::KnownRows::Ended ended = rows.EndRound();
  EXPECT_EQ(ended.last, 2u);
  EXPECT_EQ(ended.again, 1u);
  EXPECT_TRUE(rows.Has({.id = 2, .content = 9}));
  EXPECT_TRUE(rows.Has({.id = 1, .content = 7}));
  rows.BeginRound();
  EXPECT_EQ(rows.EndRound().again, 0u);
  EXPECT_FALSE(rows.Has({.id = 1, .content = 7}));
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
  const auto row = [](std::uint64_t number) {
    return mysql::KnownRows::Row{number * 0x9E3779B97F4A7C15u, number};
  };
  constexpr std::uint64_t kMost = mysql::KnownRows::kMostRows;
  rows.BeginRound();
  for (std::uint64_t number = 1; number <= kMost + 5; ++number) rows.Keep(row(number));
  EXPECT_EQ(layer().count, kMost);
  EXPECT_EQ(layer().used_bytes, 16 * kMost);
  EXPECT_LE(layer().total_bytes(), 33u << 20);
  rows.EndRound();
  EXPECT_TRUE(rows.Has(row(1)));
  EXPECT_FALSE(rows.Has(row(kMost + 1)));
  rows.BeginRound();
  rows.EndRound();
  EXPECT_EQ(layer().total_bytes(), 0u);
}

}  // namespace
}  // namespace strata
