// The digest and the description of a data set: what they depend on and what not.
#include "bench/baselines/digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "bench/baselines/dataset.h"
#include "tests/baselines/random_content.h"

namespace strata {
namespace {

using Fill = std::function<void(Layout&)>;

std::string DigestAfter(const Fill& fill, std::string_view name = "interned") {
  const std::unique_ptr<Layout> layout = MakeLayout(name);
  fill(*layout);
  return DigestOf(*layout);
}

TEST(Digest, IsTheSameForEveryLayout) {
  std::set<std::string> digests;
  for (const std::string_view name : LayoutNames()) {
    digests.insert(DigestAfter(
        [](Layout& layout) {
          RandomContent content(3);
          for (int i = 0; i < 300; ++i) {
            ASSERT_TRUE(layout.Put(content.Outer(), content.Inner(), content.List()).ok());
          }
        },
        name));
  }
  EXPECT_EQ(digests.size(), 1u);
}

TEST(Digest, DoesNotDependOnTheOrderOfOutersInnersAndKeys) {
  const std::string forth = DigestAfter([](Layout& layout) {
    ASSERT_TRUE(layout.Put("a", "x", Records{{{"1", "one"}, {"2", "two"}}}).ok());
    ASSERT_TRUE(layout.Put("a", "y", Records{{{"3", "three"}}}).ok());
    ASSERT_TRUE(layout.PutOuter("b").ok());
  });
  const std::string back = DigestAfter([](Layout& layout) {
    ASSERT_TRUE(layout.PutOuter("b").ok());
    ASSERT_TRUE(layout.Put("a", "y", Records{{{"3", "three"}}}).ok());
    ASSERT_TRUE(layout.Put("a", "x", Records{{{"2", "two"}, {"1", "one"}}}).ok());
  });
  EXPECT_EQ(forth, back);
  EXPECT_THAT(forth, testing::SizeIs(32));
}

TEST(Digest, TellsAllTheseApart) {
  const auto put = [](std::string outer, std::string inner, Records records) -> Fill {
    return [=](Layout& layout) { ASSERT_TRUE(layout.Put(outer, inner, records).ok()); };
  };
  const auto outer = [](std::string name) -> Fill {
    return [=](Layout& layout) { ASSERT_TRUE(layout.PutOuter(name).ok()); };
  };
  const std::vector<Fill> contents = {
      [](Layout&) {},
      outer(""),
      outer("a"),
      put("a", "", {}),
      put("a", "b", {}),
      put("ab", "", {}),
      put("", "ab", {}),
      put("a", "b", {{}}),
      put("a", "b", {{}, {}}),
      put("a", "b", {{{"", ""}}}),
      put("a", "b", {{{"k", "v"}}}),
      put("a", "b", {{{"kv", ""}}}),
      put("a", "b", {{{"", "kv"}}}),
      put("a", "bk", {{{"", "v"}}}),
      put("a", "b", {{{"k", "v"}}, {}}),
      put("a", "b", {{}, {{"k", "v"}}}),
      put("a", "b", {{{"k", "v"}}, {{"k", "v"}}}),
      put("a", "b", {{{"k", "1"}}, {{"k", "2"}}}),
      put("a", "b", {{{"k", "2"}}, {{"k", "1"}}}),
      put("a", "b", {{{"k", "1"}, {"l", "2"}}}),
      put("a", "b", {{{"k", "2"}, {"l", "1"}}}),
  };
  std::set<std::string> digests;
  for (const Fill& fill : contents) digests.insert(DigestAfter(fill));
  EXPECT_EQ(digests.size(), contents.size());
}

// Written down, so that digests in recorded results can be compared across versions.
TEST(Digest, IsTheSameInEveryVersion) {
  EXPECT_EQ(DigestAfter([](Layout&) {}), std::string(32, '0'));
  EXPECT_EQ(DigestAfter([](Layout& layout) {
              ASSERT_TRUE(layout.Put("fieldA", "xyz", Records{{{"123", "abc"}}}).ok());
            }),
            "3aafb951448da5d4991f698246c59bd9");
}

TEST(Dataset, CountsStringsOnceAndTextAsItOccurs) {
  const std::unique_ptr<Layout> layout = MakeLayout("std_map");
  ASSERT_TRUE(layout->Put("one", "in", Records{{{"key", "one"}}, {{"key", "in"}}}).ok());
  ASSERT_TRUE(layout->Put("one", "", Records{{}}).ok());
  ASSERT_TRUE(layout->PutOuter("empty").ok());
  const Dataset dataset = DescribeDataset(*layout);
  EXPECT_EQ(dataset.counts, (Counts{.outers = 2, .entries = 2, .records = 3, .pairs = 2}));
  EXPECT_EQ(dataset.distinct_strings, 5u);  // one, in, key, "", empty
  EXPECT_EQ(dataset.text_bytes, 3u + 5 + 2 + 0 + 3 + 3 + 3 + 2);
  EXPECT_EQ(dataset.digest, DigestOf(*layout));
}

}  // namespace
}  // namespace strata
