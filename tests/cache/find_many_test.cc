// FindMany against Find, over records of every make: keys of their own and of shapes, few and more
// than are noted in one go, in the dictionary, inline and numbers; lists put and grown.
#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <strata/cache.h>

namespace strata {
namespace {

constexpr std::size_t kEntries = 400;
constexpr std::size_t kMostRecords = 12;

class FindManyTest : public testing::Test {
 protected:
  FindManyTest() : cache_(*Cache::Create()) {}

  std::size_t Below(std::size_t limit) { return random_() % limit; }

  // A key that many records have, in any of a token's forms or of any length that matters.
  std::string SharedKey() {
    const std::size_t i = Below(20);
    switch (i % 4) {
      case 0:
        return std::to_string(i * 1000);
      case 1:
        return std::string(i, 'k');
      default:
        return "shared key " + std::to_string(i);
    }
  }
  std::string NewKey() {
    return "key " + std::to_string(++keys_made_) + std::string(Below(3) * 90, 'x');
  }
  std::vector<std::string> KeysOfARecord() {
    if (Below(3) == 0) return {"id", "name", "a number", "12", "last"};  // a shape's
    std::set<std::string> keys;
    for (std::size_t left = Below(12); left > 0; --left) {
      keys.insert(Below(4) == 0 ? NewKey() : SharedKey());
    }
    return {keys.begin(), keys.end()};
  }
  Records MakeRecords(std::size_t count) {
    Records records;
    for (std::size_t i = 0; i < count; ++i) {
      records.BeginRecord();
      for (const std::string& key : KeysOfARecord()) {
        keys_.insert(key);
        records.AddPair(*keys_.find(key), *values_.insert(std::to_string(Below(90) * 999)).first);
      }
    }
    return records;
  }
  static std::string Outer(std::size_t entry) {
    return entry % 3 == 0 ? "large" : "outer " + std::to_string(entry / 7);
  }
  static std::string Inner(std::size_t entry) { return "inner " + std::to_string(entry); }

  void Fill() {
    for (std::size_t i = 0; i < kEntries; ++i) {
      const Records records = MakeRecords(Below(kMostRecords));
      if (i % 2 == 0) {
        ASSERT_TRUE(cache_.Put(Outer(i), Inner(i), records).ok());
        continue;
      }
      const RecordsView view = records;
      for (std::size_t r = 0; r < view.size(); ++r) {
        ASSERT_TRUE(cache_.Append(Outer(i), Inner(i), view[r]).ok());
      }
    }
  }

  // As many addresses again as one call takes side by side, and some.
  void CompareSome() {
    constexpr std::size_t kAddresses = 75;
    std::vector<std::string> texts;
    texts.reserve(3 * kAddresses);
    std::vector<PairAddress> addresses;
    for (std::size_t i = 0; i < kAddresses; ++i) {
      const std::size_t entry = Below(kEntries + 5);
      texts.push_back(Outer(entry));
      texts.push_back(Inner(entry));
      texts.push_back(WantedKey());
      addresses.push_back({texts[3 * i], texts[3 * i + 1], Below(kMostRecords), texts[3 * i + 2]});
    }
    const ReadGuard guard(cache_);
    std::vector<PairCursor> found(kAddresses);
    guard.FindMany(addresses, found);
    for (std::size_t i = 0; i < kAddresses; ++i) {
      const PairAddress& at = addresses[i];
      PairCursor alone = guard.Find(at.outer, at.inner, at.index, at.key);
      // To the record's end: the cursor stands where the other does.
      for (; alone.valid() && found[i].valid(); alone.Next(), found[i].Next()) {
        ++pairs_found_;
        ASSERT_EQ(found[i].key(), alone.key());
        ASSERT_EQ(found[i].value(), alone.value());
      }
      ASSERT_EQ(found[i].valid(), alone.valid()) << at.key;
    }
  }
  std::string WantedKey() {
    switch (Below(4)) {
      case 0:
        return "last";
      case 1:
        return "id";
      case 2:
        return *std::next(keys_.begin(), static_cast<std::ptrdiff_t>(Below(keys_.size())));
      default:
        return SharedKey();
    }
  }

  Cache cache_;
  std::mt19937 random_{11};
  std::size_t keys_made_ = 0;
  std::set<std::string> keys_;
  std::set<std::string> values_;
  std::size_t pairs_found_ = 0;
};

TEST_F(FindManyTest, AnswersWhatFindAnswers) {
  Fill();
  for (int i = 0; i < 200; ++i) CompareSome();
  // What the cleaner has written anew is in the forms that suit it best.
  while (cache_.Maintain(1 << 20)) {
  }
  for (int i = 0; i < 200; ++i) CompareSome();
  EXPECT_GT(pairs_found_, 5000u);
}

}  // namespace
}  // namespace strata
