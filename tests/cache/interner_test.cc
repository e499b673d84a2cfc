// The interner: one id a distinct string, counted references, ids and bytes used again.
#include "cache/interner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/kit/draws.h"
#include "tests/kit/footprint_law.h"

namespace strata {
namespace {

class InternerTest : public testing::Test {
 protected:
  Footprint Measure() const {
    Footprint footprint{
        .layout = "interner", .layers = {}, .allocated_bytes = door_.allocated_bytes()};
    interner_.AddTo(&footprint);
    return footprint;
  }
  void CheckLaw() const { ASSERT_EQ(kit::BreachOfLaw(Measure(), door_.totals()), std::nullopt); }

  MemoryDoor door_;
  Interner interner_{&door_};
};

TEST_F(InternerTest, GivesEqualStringsOneIdAndDifferentOnesTheirOwn) {
  const Interner::Id a = interner_.Acquire("a");
  const Interner::Id b = interner_.Acquire("b");
  const Interner::Id empty = interner_.Acquire("");
  EXPECT_EQ(interner_.Acquire("a"), a);
  EXPECT_EQ((std::set<Interner::Id>{a, b, empty}).size(), 3U);
  EXPECT_EQ(interner_.Get(a), "a");
  EXPECT_EQ(interner_.Get(empty), "");
  EXPECT_EQ(interner_.Find("b"), b);
  EXPECT_EQ(interner_.Find("c"), Interner::kNone);
  EXPECT_EQ(interner_.size(), 3U);
}

TEST_F(InternerTest, AStringGoesWithItsLastReference) {
  const Interner::Id a = interner_.Acquire("a");
  EXPECT_EQ(interner_.Acquire("a"), a);
  interner_.Release(a);
  EXPECT_EQ(interner_.Find("a"), a);
  interner_.Release(a);
  EXPECT_EQ(interner_.Find("a"), Interner::kNone);
  EXPECT_EQ(interner_.size(), 0U);
  EXPECT_EQ(Measure().Find("strings/bytes")->dead_bytes, 1U);
  CheckLaw();
}

TEST_F(InternerTest, AFreedIdIsUsedAgain) {
  const Interner::Id a = interner_.Acquire("a");
  interner_.Acquire("b");
  interner_.Release(a);
  EXPECT_EQ(interner_.Acquire("c"), a);
  EXPECT_EQ(interner_.Get(a), "c");
  EXPECT_EQ(interner_.Find("a"), Interner::kNone);
}

TEST_F(InternerTest, StringsMoveWhenDeadBytesPrevailAndIdsStay) {
  std::map<Interner::Id, std::string> kept;
  std::vector<Interner::Id> dropped;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = "some string number " + std::to_string(i);
    const Interner::Id id = interner_.Acquire(text);
    if (i % 10 == 0) {
      kept[id] = text;
    } else {
      dropped.push_back(id);
    }
  }
  const std::uint64_t full = Measure().Find("strings/bytes")->total_bytes();
  for (const Interner::Id id : dropped) interner_.Release(id);
  EXPECT_LT(Measure().Find("strings/bytes")->total_bytes(), full / 3);
  for (const auto& [id, text] : kept) {
    EXPECT_EQ(interner_.Get(id), text);
    EXPECT_EQ(interner_.Find(text), id);
  }
  CheckLaw();
}

TEST_F(InternerTest, KeepsTheLawAndTheTruthThroughRandomTraffic) {
  kit::RandomDraws draws(3);
  std::multiset<std::string> held;
  for (int step = 0; step < 20'000; ++step) {
    if (held.empty() || draws.Below(100) < (step / 2000 % 2 == 0 ? 60U : 40U)) {
      // Lengths about those of whole chunks are among them.
      const std::size_t length = draws.Below(200) == 0 ? 3000 + draws.Below(6000) : draws.Below(40);
      std::string text(length, static_cast<char>('a' + draws.Below(26)));
      EXPECT_EQ(interner_.Get(interner_.Acquire(text)), text);
      held.insert(std::move(text));
    } else {
      const auto it = std::next(
          held.begin(),
          static_cast<std::ptrdiff_t>(draws.Below(std::min<std::size_t>(held.size(), 50))));
      interner_.Release(interner_.Find(*it));
      held.erase(it);
    }
    if (step % 100 == 0) CheckLaw();
  }
  const std::set<std::string> distinct(held.begin(), held.end());
  EXPECT_EQ(interner_.size(), distinct.size());
  for (const std::string& text : distinct) EXPECT_NE(interner_.Find(text), Interner::kNone);
  CheckLaw();
}

TEST_F(InternerTest, ClearGivesEverythingBackAndBeginsAnew) {
  for (int i = 0; i < 1000; ++i) interner_.Acquire("string " + std::to_string(i));
  interner_.Release(interner_.Find("string 5"));
  interner_.Clear();
  EXPECT_EQ(door_.allocated_bytes(), 0U);
  EXPECT_EQ(interner_.size(), 0U);
  EXPECT_EQ(interner_.Find("string 7"), Interner::kNone);
  const Interner::Id id = interner_.Acquire("string 7");
  EXPECT_EQ(interner_.Get(id), "string 7");
  CheckLaw();
}

}  // namespace
}  // namespace strata
