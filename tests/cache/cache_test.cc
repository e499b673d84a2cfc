// strata::Cache by its promises: writing, reading, absence, errors. Cursors over outers and
// entries have cursor_test.cc, bytes have cache_memory_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <strata/cache.h>

namespace strata {
namespace {

using namespace std::string_view_literals;
using testing::ElementsAre;
using testing::Pair;

Cache NewCache() { return *Cache::Create(); }

using PairsRead = std::vector<std::pair<std::string, std::string>>;

PairsRead Read(const RecordReader& record) {
  PairsRead pairs;
  for (PairCursor pair = record.pairs(); pair.valid(); pair.Next()) {
    pairs.emplace_back(pair.key(), pair.value());
  }
  EXPECT_EQ(pairs.size(), record.pair_count());
  return pairs;
}

// The entry's records; an entry that is not there fails the test.
std::vector<PairsRead> Read(const Cache& cache, std::string_view outer, std::string_view inner) {
  const ReadGuard guard(cache);
  const EntryReader entry = guard.Get(outer, inner);
  std::vector<PairsRead> records;
  EXPECT_TRUE(entry) << "no such entry";
  if (!entry) return records;
  for (RecordCursor record = entry.records(); record.valid(); record.Next()) {
    EXPECT_EQ(record.index(), records.size());
    records.push_back(Read(record.record()));
    EXPECT_EQ(records.back(), Read(entry.record(record.index())));
  }
  EXPECT_EQ(records.size(), entry.record_count());
  return records;
}

TEST(Cache, HoldsTheExampleOfItsHeader) {
  Cache cache = NewCache();
  const Records list = {{{"123", "abc"}}, {{"456", "def"}}};
  ASSERT_EQ(cache.Put("fieldA", "xyz", list), absl::OkStatus());

  const ReadGuard guard(cache);
  const EntryReader entry = guard.Get("fieldA", "xyz");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry.record_count(), 2U);
  EXPECT_EQ(entry.record(0).Find("123").value(), "abc");
  EXPECT_EQ(guard.Find("fieldA", "xyz", 1, "456").value(), "def");
  EXPECT_EQ(cache.counts(), (Counts{.outers = 1, .entries = 1, .records = 2, .pairs = 2}));
}

TEST(Cache, IsEmptyWhenNew) {
  const Cache cache = NewCache();
  EXPECT_EQ(cache.counts(), Counts{});
  const ReadGuard guard(cache);
  EXPECT_FALSE(guard.Get("", ""));
  EXPECT_FALSE(guard.HasOuter(""));
  EXPECT_FALSE(guard.Find("", "", 0, "").valid());
}

TEST(Cache, CarriesTheNameItIsGiven) {
  EXPECT_EQ(Cache::Create({.name = "rooms"})->options().name, "rooms");
  EXPECT_EQ(NewCache().options().name, "cache");
}

TEST(Cache, TellsAbsentFromPresentAndEmptyAtEveryLevel) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.PutOuter("empty outer"), absl::OkStatus());
  ASSERT_EQ(cache.Put("o", "empty list", Records()), absl::OkStatus());
  ASSERT_EQ(cache.Put("o", "empty record", Records{{}}), absl::OkStatus());
  ASSERT_EQ(cache.Put("o", "empty value", Records{{{"k", ""}}}), absl::OkStatus());
  EXPECT_EQ(cache.counts(), (Counts{.outers = 2, .entries = 3, .records = 2, .pairs = 1}));

  const ReadGuard guard(cache);
  EXPECT_TRUE(guard.HasOuter("empty outer"));
  EXPECT_FALSE(guard.HasOuter("no outer"));
  EXPECT_FALSE(guard.Get("empty outer", "x"));
  EXPECT_FALSE(guard.Get("no outer", "empty list"));

  EXPECT_TRUE(guard.Get("o", "empty list"));
  EXPECT_EQ(guard.Get("o", "empty list").record_count(), 0U);
  EXPECT_FALSE(guard.Get("o", "empty list").records().valid());
  EXPECT_FALSE(guard.Get("o", "no list"));
  EXPECT_FALSE(guard.Find("o", "empty list", 0, "k").valid());

  EXPECT_EQ(guard.Get("o", "empty record").record(0).pair_count(), 0U);
  EXPECT_FALSE(guard.Get("o", "empty record").record(0).pairs().valid());
  EXPECT_FALSE(guard.Find("o", "empty record", 0, "k").valid());

  ASSERT_TRUE(guard.Find("o", "empty value", 0, "k").valid());
  EXPECT_EQ(guard.Find("o", "empty value", 0, "k").value(), "");
  EXPECT_FALSE(guard.Find("o", "empty value", 0, "no key").valid());
  EXPECT_FALSE(guard.Find("o", "empty value", 1, "k").valid());
  EXPECT_FALSE(guard.Find("o", "empty value", ~std::size_t{0}, "k").valid());
}

TEST(Cache, FindsNoKeyOfAnotherRecordAndNoValueAsAKey) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"a", "b"}}, {{"c", "a"}}}), absl::OkStatus());
  const ReadGuard guard(cache);
  EXPECT_FALSE(guard.Find("o", "i", 0, "c").valid());
  EXPECT_FALSE(guard.Find("o", "i", 0, "b").valid());
  EXPECT_FALSE(guard.Get("i", "o"));
  EXPECT_FALSE(guard.HasOuter("i"));
}

TEST(Cache, PutReplacesTheWholeList) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"a", "1"}}, {{"b", "2"}}}), absl::OkStatus());
  ASSERT_EQ(cache.Put("o", "i", Records{{{"c", "3"}}}), absl::OkStatus());
  EXPECT_THAT(Read(cache, "o", "i"), ElementsAre(ElementsAre(Pair("c", "3"))));
  EXPECT_EQ(cache.counts(), (Counts{.outers = 1, .entries = 1, .records = 1, .pairs = 1}));
}

TEST(Cache, AppendMakesOuterAndEntryAndAddsBehind) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Append("o", "i", std::vector<strata::Pair>{{"a", "1"}}), absl::OkStatus());
  ASSERT_EQ(cache.Append("o", "i", {}), absl::OkStatus());
  ASSERT_EQ(cache.Append("o", "i", std::vector<strata::Pair>{{"b", "2"}}), absl::OkStatus());
  EXPECT_THAT(Read(cache, "o", "i"),
              ElementsAre(ElementsAre(Pair("a", "1")), ElementsAre(), ElementsAre(Pair("b", "2"))));
}

TEST(Cache, RecordsAreUpdatedInsertedAndRemovedByTheirIndex) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", "0"}}, {{"k", "1"}}}), absl::OkStatus());
  ASSERT_EQ(cache.UpdateRecord("o", "i", 1, std::vector<strata::Pair>{{"n", "one"}}),
            absl::OkStatus());
  ASSERT_EQ(cache.InsertRecord("o", "i", 0, std::vector<strata::Pair>{{"k", "first"}}),
            absl::OkStatus());
  ASSERT_EQ(cache.InsertRecord("o", "i", 3, std::vector<strata::Pair>{{"k", "last"}}),
            absl::OkStatus());
  EXPECT_THAT(Read(cache, "o", "i"),
              ElementsAre(ElementsAre(Pair("k", "first")), ElementsAre(Pair("k", "0")),
                          ElementsAre(Pair("n", "one")), ElementsAre(Pair("k", "last"))));
  for (int i = 0; i < 4; ++i) ASSERT_EQ(cache.RemoveRecord("o", "i", 0), absl::OkStatus());
  EXPECT_THAT(Read(cache, "o", "i"), ElementsAre());  // the entry stays when its last record goes
  EXPECT_EQ(cache.counts(), (Counts{.outers = 1, .entries = 1}));
}

TEST(Cache, ErrorsNameTheCauseAndLeaveTheCacheAsItWas) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", "v"}}}), absl::OkStatus());
  const Counts before = cache.counts();
  const std::uint64_t bytes_before = cache.memory().allocated_bytes;
  const std::vector<strata::Pair> record = {{"new key", "new value"}};

  for (const auto& [outer, inner] : {std::pair("o", "none"), std::pair("none", "i")}) {
    EXPECT_TRUE(absl::IsNotFound(cache.UpdateRecord(outer, inner, 0, record)));
    EXPECT_TRUE(absl::IsNotFound(cache.InsertRecord(outer, inner, 0, record)));
    EXPECT_TRUE(absl::IsNotFound(cache.RemoveRecord(outer, inner, 0)));
  }
  EXPECT_TRUE(absl::IsOutOfRange(cache.UpdateRecord("o", "i", 1, record)));
  EXPECT_TRUE(absl::IsOutOfRange(cache.InsertRecord("o", "i", 2, record)));
  EXPECT_TRUE(absl::IsOutOfRange(cache.RemoveRecord("o", "i", 1)));
  EXPECT_TRUE(absl::IsOutOfRange(cache.UpdateRecord("o", "i", ~std::size_t{0}, record)));
  EXPECT_TRUE(absl::IsOutOfRange(cache.InsertRecord("o", "i", ~std::size_t{0}, record)));
  EXPECT_THAT(std::string(cache.RemoveRecord("o", "i", 7).message()),
              testing::AllOf(testing::HasSubstr("7"), testing::HasSubstr("1")));

  EXPECT_EQ(cache.counts(), before);
  EXPECT_EQ(cache.memory().allocated_bytes, bytes_before);
  EXPECT_THAT(Read(cache, "o", "i"), ElementsAre(ElementsAre(Pair("k", "v"))));
}

// The bytes of such a string are never looked at: its length alone is refused.
TEST(Cache, AStringOf4GiBIsRefusedEverywhereAndNothingChanges) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", "v"}}}), absl::OkStatus());
  const Counts before = cache.counts();
  const char byte = 'x';
  const std::string_view huge(&byte, std::size_t{1} << 32);
  const std::vector<strata::Pair> huge_key = {{"a", "b"}, {huge, "v"}};
  const std::vector<strata::Pair> huge_value = {{"a", "b"}, {"k", huge}};

  EXPECT_TRUE(absl::IsInvalidArgument(cache.Put(huge, "i", Records())));
  EXPECT_TRUE(absl::IsInvalidArgument(cache.Put("new", huge, Records())));
  EXPECT_TRUE(absl::IsInvalidArgument(cache.Put("new", "i", Records{{}, {{huge, "v"}}})));
  EXPECT_TRUE(absl::IsInvalidArgument(cache.Append("new", "i", huge_value)));
  EXPECT_TRUE(absl::IsInvalidArgument(cache.Append("new", huge, {})));
  EXPECT_TRUE(absl::IsInvalidArgument(cache.UpdateRecord("o", "i", 0, huge_key)));
  EXPECT_TRUE(absl::IsInvalidArgument(cache.InsertRecord("o", "i", 0, huge_value)));
  EXPECT_TRUE(absl::IsInvalidArgument(cache.PutOuter(huge)));
  EXPECT_EQ(cache.counts(), before);
  EXPECT_FALSE(ReadGuard(cache).HasOuter("new"));
}

TEST(Cache, DeleteTakesOneEntryAndKeepsItsOuter) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", "v"}}}), absl::OkStatus());
  ASSERT_EQ(cache.Put("o", "j", Records{{{"k", "w"}}}), absl::OkStatus());
  EXPECT_TRUE(cache.Delete("o", "i"));
  EXPECT_FALSE(cache.Delete("o", "i"));
  EXPECT_FALSE(cache.Delete("none", "i"));
  EXPECT_THAT(Read(cache, "o", "j"), ElementsAre(ElementsAre(Pair("k", "w"))));
  EXPECT_TRUE(cache.Delete("o", "j"));
  EXPECT_EQ(cache.counts(), (Counts{.outers = 1}));
  EXPECT_TRUE(ReadGuard(cache).HasOuter("o"));
}

TEST(Cache, DeleteOuterTakesAllItsEntriesAndNoOthers) {
  Cache cache = NewCache();
  for (const char* const inner : {"i", "j", "shared"}) {
    ASSERT_EQ(cache.Put("o", inner, Records{{{"k", inner}}}), absl::OkStatus());
  }
  ASSERT_EQ(cache.Put("p", "shared", Records{{{"o", "i"}}}), absl::OkStatus());
  EXPECT_TRUE(cache.DeleteOuter("o"));
  EXPECT_FALSE(cache.DeleteOuter("o"));
  EXPECT_EQ(cache.counts(), (Counts{.outers = 1, .entries = 1, .records = 1, .pairs = 1}));
  EXPECT_THAT(Read(cache, "p", "shared"), ElementsAre(ElementsAre(Pair("o", "i"))));
  EXPECT_FALSE(ReadGuard(cache).Get("o", "shared"));

  ASSERT_EQ(cache.PutOuter("o"), absl::OkStatus());
  EXPECT_FALSE(ReadGuard(cache).Get("o", "i")) << "an outer made again begins empty";
}

TEST(Cache, PutOuterKeepsTheEntriesOfAnOuterThatIsThere) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", "v"}}}), absl::OkStatus());
  ASSERT_EQ(cache.PutOuter("o"), absl::OkStatus());
  EXPECT_THAT(Read(cache, "o", "i"), ElementsAre(ElementsAre(Pair("k", "v"))));
  EXPECT_EQ(cache.counts().outers, 1U);
}

TEST(Cache, IsUsableAfterClear) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", "v"}}}), absl::OkStatus());
  cache.Clear();
  EXPECT_EQ(cache.counts(), Counts{});
  EXPECT_FALSE(ReadGuard(cache).HasOuter("o"));
  ASSERT_EQ(cache.Put("i", "k", Records{{{"v", "o"}}}), absl::OkStatus());
  EXPECT_THAT(Read(cache, "i", "k"), ElementsAre(ElementsAre(Pair("v", "o"))));
}

TEST(Cache, OfEqualKeysTheLastValueWinsInTheFirstOnesPlace) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"a", "1"}, {"b", "2"}, {"a", "3"}, {"c", "4"}}}),
            absl::OkStatus());
  EXPECT_THAT(Read(cache, "o", "i"),
              ElementsAre(ElementsAre(Pair("a", "3"), Pair("b", "2"), Pair("c", "4"))));
  EXPECT_EQ(cache.counts().pairs, 3U);
}

TEST(Cache, LargeRecordsKeepFirstSeenOrderToo) {
  Cache cache = NewCache();
  std::vector<std::string> keys;
  for (int i = 0; i < 500; ++i) keys.push_back("key" + std::to_string((i * 37) % 100));
  std::vector<strata::Pair> record;
  for (const std::string& key : keys) record.push_back({key, "early"});
  for (int i = 400; i < 500; ++i) record[static_cast<std::size_t>(i)].value = "last";
  ASSERT_EQ(cache.Append("o", "i", record), absl::OkStatus());

  const std::vector<PairsRead> read = Read(cache, "o", "i");
  ASSERT_EQ(read.size(), 1U);
  ASSERT_EQ(read[0].size(), 100U);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_THAT(read[0][i], Pair(keys[i], "last"));
}

TEST(Cache, StringsMayBeAnyBytes) {
  Cache cache = NewCache();
  const std::string zero("\0", 1);
  const std::string zeros("\0\0", 2);
  const std::string not_utf8 = "\xff\xfe\xc3";
  ASSERT_EQ(cache.Put(zero, zeros, Records{{{zero, zeros}, {"", not_utf8}, {not_utf8, ""}}}),
            absl::OkStatus());
  ASSERT_EQ(cache.Put("", "", Records{{{"", ""}}}), absl::OkStatus());
  EXPECT_THAT(Read(cache, zero, zeros),
              ElementsAre(ElementsAre(Pair(zero, zeros), Pair("", not_utf8), Pair(not_utf8, ""))));
  EXPECT_THAT(Read(cache, "", ""), ElementsAre(ElementsAre(Pair("", ""))));
  EXPECT_FALSE(ReadGuard(cache).HasOuter(zeros));
}

TEST(Cache, AStringOf64MiBServesInEveryPart) {
  Cache cache = NewCache();
  constexpr std::size_t kLength = std::size_t{64} << 20;
  std::string huge(kLength, 'h');
  huge.back() = '!';
  std::string other(kLength, 'h');  // differs in its last byte alone
  ASSERT_EQ(cache.Put(huge, huge, Records{{{huge, huge}, {other, "short"}}}), absl::OkStatus());
  ASSERT_EQ(cache.Put(other, "i", Records{{{"k", other}}}), absl::OkStatus());

  const ReadGuard guard(cache);
  EXPECT_TRUE(guard.Find(huge, huge, 0, huge).value() == huge);
  EXPECT_EQ(guard.Find(huge, huge, 0, other).value(), "short");
  EXPECT_FALSE(guard.Get(huge, other));
  std::string kept;
  guard.Find(other, "i", 0, "k").CopyTo(&kept);
  EXPECT_TRUE(kept == other);
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
}

TEST(Cache, TheCallersBytesAreCopied) {
  Cache cache = NewCache();
  std::string outer = "outer";
  std::string inner = "inner";
  std::string key = "key";
  std::string value = "value";
  ASSERT_EQ(cache.Put(outer, inner, Records{{{key, value}}}), absl::OkStatus());
  for (std::string* const bytes : {&outer, &inner, &key, &value}) bytes->assign(bytes->size(), '#');
  EXPECT_EQ(ReadGuard(cache).Find("outer", "inner", 0, "key").value(), "value");
}

TEST(Cache, CopyToKeepsAValueBeyondTheGuard) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", "a value worth keeping"}}}), absl::OkStatus());
  std::string kept = "what was there before";
  {
    const ReadGuard guard(cache);
    guard.Find("o", "i", 0, "k").CopyTo(&kept);
  }
  cache.Clear();
  EXPECT_EQ(kept, "a value worth keeping");
}

TEST(Cache, AFoundPairLeadsOnToThoseBehindIt) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"a", "1"}, {"b", "2"}, {"c", "3"}}}), absl::OkStatus());
  const ReadGuard guard(cache);
  PairCursor pair = guard.Find("o", "i", 0, "b");
  ASSERT_TRUE(pair.valid());
  EXPECT_EQ(pair.key(), "b");
  pair.Next();
  ASSERT_TRUE(pair.valid());
  EXPECT_EQ(pair.key(), "c");
  EXPECT_EQ(pair.value(), "3");
  pair.Next();
  EXPECT_FALSE(pair.valid());
}

TEST(Cache, ViewsMadeByDefaultAreAbsence) {
  EXPECT_FALSE(PairCursor().valid());
  EXPECT_FALSE(RecordCursor().valid());
  EXPECT_FALSE(EntryReader());
}

TEST(Cache, MovesWithItsContentAndItsGuards) {
  Cache first = *Cache::Create({.name = "moved"});
  ASSERT_EQ(first.Put("o", "i", Records{{{"k", "v"}}}), absl::OkStatus());
  auto guard = std::make_unique<ReadGuard>(first);
  const Cache second = std::move(first);
  EXPECT_EQ(guard->Find("o", "i", 0, "k").value(), "v");
  guard.reset();  // ends before its cache does
  EXPECT_EQ(ReadGuard(second).Find("o", "i", 0, "k").value(), "v");
  EXPECT_EQ(second.options().name, "moved");
  EXPECT_EQ(second.counts().pairs, 1U);
}

TEST(Cache, MoveAssignmentEndsWhatWasThere) {
  Cache target = NewCache();
  ASSERT_EQ(target.Put("old", "i", Records{{{"k", "v"}}}), absl::OkStatus());
  Cache source = NewCache();
  ASSERT_EQ(source.Put("new", "i", Records{{{"k", "w"}}}), absl::OkStatus());
  target = std::move(source);
  EXPECT_FALSE(ReadGuard(target).HasOuter("old"));
  EXPECT_EQ(ReadGuard(target).Find("new", "i", 0, "k").value(), "w");
  ASSERT_EQ(target.Put("more", "i", Records{{{"k", "x"}}}), absl::OkStatus());
  EXPECT_EQ(target.counts().outers, 2U);
}

TEST(Cache, IsMovedAndNeverCopied) {
  EXPECT_TRUE(std::is_nothrow_move_constructible_v<Cache>);
  EXPECT_TRUE(std::is_nothrow_move_assignable_v<Cache>);
  EXPECT_FALSE(std::is_copy_constructible_v<Cache>);
  EXPECT_FALSE(std::is_copy_constructible_v<ReadGuard>);
  EXPECT_FALSE(std::is_move_constructible_v<ReadGuard>);
}

// Outers are met in the order of their hashes, and each cache hashes by a seed of its own.
TEST(Cache, NobodyKnowsTheHashesOfAnother) {
  const auto order = [] {
    Cache cache = NewCache();
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(cache.PutOuter(std::to_string(i)).ok());
    std::vector<std::string> met;
    const ReadGuard guard(cache);
    OuterCursor cursor;
    while (cursor.Next(guard)) met.emplace_back(cursor.outer());
    return met;
  };
  const std::vector<std::string> first = order();
  EXPECT_EQ(first.size(), 100u);
  EXPECT_NE(first, order());
}

TEST(Cache, SeveralGuardsMayBeOpenAtOnce) {
  Cache cache = NewCache();
  ASSERT_EQ(cache.Put("o", "i", Records{{{"k", "v"}}}), absl::OkStatus());
  const ReadGuard first(cache);
  {
    const ReadGuard second(cache);
    EXPECT_EQ(second.Find("o", "i", 0, "k").value(), "v");
  }
  EXPECT_EQ(first.Find("o", "i", 0, "k").value(), "v");
}

TEST(CacheTest, AViewKeepsWhatItSawWhileEverythingIsWrittenOverAndDeleted) {
  Cache cache = NewCache();
  const std::string often(300, 'o');
  for (int i = 0; i < 50; ++i) {
    const strata::Pair pairs[] = {{"k", often}, {"n", "17"}};
    ASSERT_TRUE(cache.Append("o", std::to_string(i), pairs).ok());
  }
  const ReadGuard guard(cache);
  const EntryReader entry = guard.Get("o", "7");
  ASSERT_TRUE(entry);
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 50; ++i) {
      const std::string other(200, static_cast<char>('a' + round % 26));
      Records list;
      const strata::Pair pairs[] = {{other, other}, {"n", other}};
      list.Add(pairs);
      ASSERT_TRUE(cache.Put("o", std::to_string(i), list).ok());
    }
  }
  ASSERT_TRUE(cache.DeleteOuter("o"));
  while (cache.Maintain(1 << 20)) {
  }
  EXPECT_EQ(entry.record(0).Find("k").value(), often);
  EXPECT_EQ(entry.record(0).Find("n").value(), "17");
  EXPECT_FALSE(guard.Get("o", "7"));
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
}

TEST(CacheTest, AForgottenGuardKeepsWhatWasThereAndNotWhatIsWrittenAfter) {
  Cache cache = NewCache();
  const auto write_all = [&](int round) {
    for (int i = 0; i < 4000; ++i) {
      Records list;
      const std::string value =
          std::to_string(round) + " of " + std::to_string(i) + std::string(500, 'x');
      const strata::Pair pairs[] = {{"k", value}};
      list.Add(pairs);
      ASSERT_TRUE(cache.Put("o", std::to_string(i), list).ok());
    }
  };
  write_all(0);
  const std::uint64_t loaded = cache.MeasureFootprint().total_bytes();
  std::uint64_t held = 0;
  {
    const ReadGuard guard(cache);
    const EntryReader entry = guard.Get("o", "3");
    for (int round = 1; round < 20; ++round) write_all(round);
    while (cache.Maintain(1 << 20)) {
    }
    const Footprint footprint = cache.MeasureFootprint();
    held = footprint.total_bytes();
    EXPECT_GT(footprint.Find("retained")->total_bytes(), 0u);
    EXPECT_LE(held, 3 * loaded);
    EXPECT_EQ(entry.record(0).Find("k").value().substr(0, 6), "0 of 3");
    EXPECT_EQ(cache.Stats().open_guards, 1u);
  }
  while (cache.Maintain(1 << 20)) {
  }
  const Footprint after = cache.MeasureFootprint();
  EXPECT_EQ(after.Find("retained")->total_bytes(), 0u);
  EXPECT_LT(after.total_bytes(), loaded + loaded / 5);
  EXPECT_TRUE(cache.Validate().ok()) << cache.Validate();
  EXPECT_EQ(cache.Stats().open_guards, 0u);
}

TEST(CacheTest, FindsManyAtOnceWhatItFindsOneByOne) {
  Cache cache = NewCache();
  std::vector<std::string> names;
  for (std::size_t i = 0; i < 300; ++i) names.push_back("name " + std::to_string(i));
  for (std::size_t i = 0; i < 300; ++i) {
    const strata::Pair pairs[] = {{"key", names[i % 40]}, {names[i], "17"}};
    // One large outer, many small ones.
    const std::string outer = i % 2 == 0 ? "large" : names[i];
    ASSERT_TRUE(cache.Append(outer, names[i / 3], pairs).ok());
  }
  std::vector<PairAddress> addresses;
  std::vector<EntryAddress> entries;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string_view outer = i % 2 == 0 ? "large"sv : std::string_view(names[i]);
    addresses.push_back({outer, names[i / 3], 0, "key"});
    addresses.push_back({outer, names[i / 3], 5, "key"});
    addresses.push_back({outer, names[i / 3], 0, "missing"});
    addresses.push_back({outer, "missing", 0, "key"});
    addresses.push_back({"missing", names[i], 0, "key"});
    entries.push_back({outer, names[i / 3]});
    entries.push_back({outer, "missing"});
  }
  const ReadGuard guard(cache);
  std::vector<PairCursor> pairs(addresses.size());
  guard.FindMany(addresses, pairs);
  std::size_t found = 0;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const PairAddress& at = addresses[i];
    const PairCursor alone = guard.Find(at.outer, at.inner, at.index, at.key);
    ASSERT_EQ(pairs[i].valid(), alone.valid()) << i;
    if (!alone.valid()) continue;
    ++found;
    EXPECT_EQ(pairs[i].value(), alone.value());
  }
  EXPECT_EQ(found, 300u);
  std::vector<EntryReader> readers(entries.size());
  guard.GetMany(entries, readers);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const EntryReader alone = guard.Get(entries[i].outer, entries[i].inner);
    ASSERT_EQ(static_cast<bool>(readers[i]), static_cast<bool>(alone)) << i;
    if (alone) {
      EXPECT_EQ(readers[i].record_count(), alone.record_count());
    }
  }
  guard.FindMany({}, {});
}

TEST(CacheTest, AnswersForWhatIsNotThereAsForWhatIsEmpty) {
  Cache cache = NewCache();
  const strata::Pair pairs[] = {{"key", "value"}};
  ASSERT_TRUE(cache.Append("o", "i", pairs).ok());
  const ReadGuard guard(cache);
  const EntryReader absent = guard.Get("o", "missing");
  EXPECT_FALSE(absent);
  EXPECT_EQ(absent.record_count(), 0u);
  EXPECT_FALSE(absent.records().valid());
  EXPECT_EQ(absent.record(0).pair_count(), 0u);
  EXPECT_FALSE(absent.record(7).pairs().valid());
  EXPECT_EQ(guard.Get("o", "i").record(1).Find("key").value(), "");

  PairCursor pair = guard.Find("o", "i", 0, "missing");
  EXPECT_EQ(pair.key(), "");
  EXPECT_EQ(pair.value(), "");
  pair.Next();
  EXPECT_FALSE(pair.valid());
  std::string copy = "kept from before";
  pair.CopyTo(&copy);
  EXPECT_EQ(copy, "");
  RecordCursor record = guard.Get("o", "i").records();
  for (int i = 0; i < 3; ++i) record.Next();
  EXPECT_FALSE(record.valid());
  EXPECT_EQ(record.record().pair_count(), 0u);
}

TEST(CacheTest, CountsWhatItDid) {
  Cache cache = NewCache();
  const strata::Pair pairs[] = {{"key", "value"}};
  ASSERT_TRUE(cache.Append("o", "i", pairs).ok());
  ASSERT_TRUE(cache.PutOuter("p").ok());
  EXPECT_TRUE(cache.DeleteOuter("p"));
  EXPECT_FALSE(cache.Delete("o", "missing"));
  {
    const ReadGuard guard(cache);
    EXPECT_TRUE(guard.Get("o", "i"));
    EXPECT_FALSE(guard.Get("o", "j"));
    EXPECT_TRUE(guard.Find("o", "i", 0, "key").valid());
    EXPECT_EQ(cache.Stats().open_guards, 1u);
  }
  const CacheStats stats = cache.Stats();
  EXPECT_EQ(stats.gets, 3u);
  EXPECT_EQ(stats.hits, 2u);
  EXPECT_EQ(stats.writes, 3u);
  EXPECT_EQ(stats.open_guards, 0u);
  EXPECT_EQ(stats.oldest_guard_seconds, 0.0);
  EXPECT_GE(stats.utilisation, 0.0);
  EXPECT_LE(stats.utilisation, 1.0);
}

TEST(CacheTest, HoldsItsLimitAndDeletesAtIt) {
  constexpr std::uint64_t kLimit = 4 << 20;
  absl::StatusOr<Cache> cache = Cache::Create({.name = "small", .memory_limit_bytes = kLimit});
  ASSERT_TRUE(cache.ok()) << cache.status();
  absl::Status status;
  int fitted = 0;
  for (; status.ok(); ++fitted) {
    const std::string value = std::to_string(fitted) + std::string(1000, 'v');
    const strata::Pair pairs[] = {{"key", value}};
    status = cache->Append("o", std::to_string(fitted), pairs);
    ASSERT_LE(cache->memory().allocated_bytes, kLimit);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GE(fitted, 3000);
  for (int i = 0; i < fitted - 1; ++i) EXPECT_TRUE(cache->Delete("o", std::to_string(i))) << i;
  const strata::Pair pairs[] = {{"key", "value"}};
  EXPECT_TRUE(cache->Append("o", "again", pairs).ok());
  EXPECT_TRUE(cache->Validate().ok()) << cache->Validate();
}

}  // namespace
}  // namespace strata
