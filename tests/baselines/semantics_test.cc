// Every layout does what <strata/cache.h> promises: directed cases, and random operations beside a
// model of standard containers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/baselines/layout.h"
#include "tests/baselines/random_content.h"

namespace strata {
namespace {

using testing::ElementsAre;

using ModelRecord = std::vector<std::pair<std::string, std::string>>;
using ModelList = std::vector<ModelRecord>;
using Model = std::map<std::string, std::map<std::string, ModelList>>;

// Collects what is visited, pairs sorted by key so that layouts without an order compare equal.
class Collector : public ContentVisitor {
 public:
  explicit Collector(bool sorted) : sorted_(sorted) {}
  void OnOuter(std::string_view outer) override {
    const auto [at, made] = model.try_emplace(std::string(outer));
    EXPECT_TRUE(made) << "an outer is visited twice";
    inners_ = &at->second;
  }
  void OnEntry(std::string_view inner) override {
    const auto [at, made] = inners_->try_emplace(std::string(inner));
    EXPECT_TRUE(made) << "an entry is visited twice";
    into_ = &at->second;
  }
  void OnRecord() override { into_->emplace_back(); }
  void OnPair(std::string_view key, std::string_view value) override {
    ModelRecord& record = into_->back();
    record.emplace_back(key, value);
    if (sorted_) std::sort(record.begin(), record.end());
  }

  Model model;
  ModelList list;  // what VisitEntry gave

 private:
  bool sorted_;
  std::map<std::string, ModelList>* inners_ = nullptr;
  ModelList* into_ = &list;
};

Model ContentOf(const Layout& layout) {
  Collector collector(!layout.keeps_key_order());
  layout.Visit(collector);
  return collector.model;
}

std::optional<ModelList> EntryOf(const Layout& layout, std::string_view outer,
                                 std::string_view inner) {
  Collector collector(!layout.keeps_key_order());
  if (!layout.VisitEntry(outer, inner, collector)) return std::nullopt;
  return collector.list;
}

std::optional<std::string> ValueOf(const Layout& layout, const LookupKey& key) {
  std::string found;
  if (!layout.Lookup(key, [&](std::string_view value) { found = value; })) return std::nullopt;
  return found;
}

class Semantics : public testing::TestWithParam<std::string_view> {
 protected:
  std::unique_ptr<Layout> layout_ = MakeLayout(GetParam());
};

TEST_P(Semantics, PutReplacesTheWholeList) {
  ASSERT_TRUE(layout_->Put("o", "i", Records{{{"a", "1"}}, {{"b", "2"}}}).ok());
  ASSERT_TRUE(layout_->Put("o", "i", Records{{{"c", "3"}}}).ok());
  EXPECT_EQ(EntryOf(*layout_, "o", "i"), (ModelList{{{"c", "3"}}}));
}

TEST_P(Semantics, LastOfEqualKeysWinsInTheFirstOnesPlace) {
  ASSERT_TRUE(layout_->Append("o", "i", {{{"b", "1"}, {"a", "2"}, {"b", "3"}}}).ok());
  const ModelRecord expected = layout_->keeps_key_order() ? ModelRecord{{"b", "3"}, {"a", "2"}}
                                                          : ModelRecord{{"a", "2"}, {"b", "3"}};
  EXPECT_EQ(EntryOf(*layout_, "o", "i"), ModelList{expected});
  EXPECT_EQ(layout_->counts().pairs, 2u);
}

TEST_P(Semantics, EmptyThingsAreKept) {
  ASSERT_TRUE(layout_->PutOuter("").ok());
  ASSERT_TRUE(layout_->Put("o", "", Records{}).ok());
  ASSERT_TRUE(layout_->Put("o", "one", Records{{}}).ok());
  ASSERT_TRUE(layout_->Put("o", "pair", Records{{{"", ""}}}).ok());
  EXPECT_EQ(ContentOf(*layout_),
            (Model{{"", {}}, {"o", {{"", {}}, {"one", {{}}}, {"pair", {{{"", ""}}}}}}}));
  EXPECT_EQ(layout_->counts(), (Counts{.outers = 2, .entries = 3, .records = 2, .pairs = 1}));
}

TEST_P(Semantics, PutOuterKeepsWhatIsThere) {
  ASSERT_TRUE(layout_->Append("o", "i", {}).ok());
  ASSERT_TRUE(layout_->PutOuter("o").ok());
  EXPECT_EQ(ContentOf(*layout_), (Model{{"o", {{"i", {{}}}}}}));
}

TEST_P(Semantics, DeletingTheLastEntryKeepsTheOuter) {
  ASSERT_TRUE(layout_->Append("o", "i", {{{"k", "v"}}}).ok());
  EXPECT_TRUE(layout_->Delete("o", "i"));
  EXPECT_FALSE(layout_->Delete("o", "i"));
  EXPECT_FALSE(layout_->Delete("p", "i"));
  EXPECT_TRUE(layout_->HasOuter("o"));
  EXPECT_FALSE(layout_->empty());
  EXPECT_TRUE(layout_->DeleteOuter("o"));
  EXPECT_FALSE(layout_->DeleteOuter("o"));
  EXPECT_TRUE(layout_->empty());
}

TEST_P(Semantics, RemovingTheLastRecordKeepsTheEntry) {
  ASSERT_TRUE(layout_->Append("o", "i", {{{"k", "v"}}}).ok());
  ASSERT_TRUE(layout_->RemoveRecord("o", "i", 0).ok());
  EXPECT_EQ(EntryOf(*layout_, "o", "i"), ModelList{});
}

TEST_P(Semantics, ChangingARecordThatIsNotThereFailsAndLeavesEverything) {
  ASSERT_TRUE(layout_->Append("o", "i", {{{"k", "v"}}}).ok());
  const Model before = ContentOf(*layout_);
  const std::vector<Pair> record = {{"x", "y"}};
  EXPECT_TRUE(absl::IsNotFound(layout_->UpdateRecord("o", "no", 0, record)));
  EXPECT_TRUE(absl::IsNotFound(layout_->InsertRecord("no", "i", 0, record)));
  EXPECT_TRUE(absl::IsNotFound(layout_->RemoveRecord("no", "no", 0)));
  EXPECT_TRUE(absl::IsOutOfRange(layout_->UpdateRecord("o", "i", 1, record)));
  EXPECT_TRUE(absl::IsOutOfRange(layout_->InsertRecord("o", "i", 2, record)));
  EXPECT_TRUE(absl::IsOutOfRange(layout_->RemoveRecord("o", "i", 1)));
  EXPECT_EQ(ContentOf(*layout_), before);
  EXPECT_TRUE(layout_->InsertRecord("o", "i", 1, record).ok()) << "index == size appends";
}

TEST_P(Semantics, LookupMissesOnEveryStepOfTheWay) {
  ASSERT_TRUE(layout_->Append("o", "i", {{{"k", "v"}}}).ok());
  EXPECT_EQ(ValueOf(*layout_, {"o", "i", 0, "k"}), "v");
  EXPECT_EQ(ValueOf(*layout_, {"O", "i", 0, "k"}), std::nullopt);
  EXPECT_EQ(ValueOf(*layout_, {"o", "I", 0, "k"}), std::nullopt);
  EXPECT_EQ(ValueOf(*layout_, {"o", "i", 1, "k"}), std::nullopt);
  EXPECT_EQ(ValueOf(*layout_, {"o", "i", 0, "K"}), std::nullopt);
}

TEST_P(Semantics, StringsOf4GiBAreRefused) {
  // Address space only: nothing of it is resident.
  const std::size_t size_bytes = std::size_t{1} << 32;
  void* const region =
      mmap(nullptr, size_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(region, MAP_FAILED);
  const std::string_view huge(static_cast<const char*>(region), size_bytes);
  const Records key{{{huge, "v"}}};
  const Records value{{{"k", huge}}};
  EXPECT_TRUE(absl::IsInvalidArgument(layout_->PutOuter(huge)));
  EXPECT_TRUE(absl::IsInvalidArgument(layout_->Put("o", huge, Records{})));
  EXPECT_TRUE(absl::IsInvalidArgument(layout_->Put("o", "i", key)));
  EXPECT_TRUE(absl::IsInvalidArgument(layout_->Append("o", "i", value.view()[0])));
  EXPECT_TRUE(layout_->empty());
  munmap(region, size_bytes);
}

// The same operations on a layout and on the model; every answer compared.
class Beside {
 public:
  explicit Beside(Layout* layout) : layout_(layout) {}

  void Step(RandomContent& content) {
    const std::string outer = content.Outer();
    const std::string inner = content.Inner();
    const std::size_t kind = content.Below(20);
    if (kind < 6) {
      const Records records = content.List();
      ASSERT_TRUE(layout_->Put(outer, inner, records).ok());
      ModelList& list = model_[outer][inner];
      list.clear();
      for (std::size_t i = 0; i < records.view().size(); ++i) {
        list.push_back(Unique(records.view()[i]));
      }
    } else if (kind < 10) {
      const std::vector<Pair> record = content.Record();
      ASSERT_TRUE(layout_->Append(outer, inner, record).ok());
      model_[outer][inner].push_back(Unique(record));
    } else if (kind < 16) {
      ChangeRecord(outer, inner, content);
    } else if (kind < 17) {
      ASSERT_TRUE(layout_->PutOuter(outer).ok());
      model_[outer];
    } else if (kind < 19) {
      const bool there = model_.contains(outer) && model_[outer].erase(inner) > 0;
      ASSERT_EQ(layout_->Delete(outer, inner), there);
    } else {
      ASSERT_EQ(layout_->DeleteOuter(outer), model_.erase(outer) > 0);
    }
    ASSERT_EQ(EntryOf(*layout_, outer, inner), ModelEntry(outer, inner));
    ASSERT_EQ(layout_->HasOuter(outer), model_.contains(outer));
  }

  void CompareEverything() {
    ASSERT_EQ(ContentOf(*layout_), model_);
    Counts counts{.outers = model_.size()};
    for (const auto& [outer, inners] : model_) {
      counts.entries += inners.size();
      for (const auto& [inner, list] : inners) {
        counts.records += list.size();
        for (std::size_t i = 0; i < list.size(); ++i) {
          counts.pairs += list[i].size();
          for (const auto& [key, value] : list[i]) {
            ASSERT_EQ(ValueOf(*layout_, {outer, inner, i, key}), value);
          }
        }
      }
    }
    ASSERT_EQ(layout_->counts(), counts);
  }

 private:
  void ChangeRecord(const std::string& outer, const std::string& inner, RandomContent& content) {
    const std::vector<Pair> record = content.Record();
    const std::size_t index = content.Below(5);
    const std::size_t kind = content.Below(3);
    ModelList* const list = ModelEntry(outer, inner).has_value() ? &model_[outer][inner] : nullptr;
    const std::size_t limit =
        list == nullptr ? 0 : list->size() + (kind == 1 ? 1 : 0);  // insertion allows the end
    const absl::StatusCode expected = list == nullptr  ? absl::StatusCode::kNotFound
                                      : index >= limit ? absl::StatusCode::kOutOfRange
                                                       : absl::StatusCode::kOk;
    const auto at = [&] { return list->begin() + static_cast<std::ptrdiff_t>(index); };
    const bool applies = expected == absl::StatusCode::kOk;
    if (kind == 0) {
      ASSERT_EQ(layout_->UpdateRecord(outer, inner, index, record).code(), expected);
      if (applies) *at() = Unique(record);
    } else if (kind == 1) {
      ASSERT_EQ(layout_->InsertRecord(outer, inner, index, record).code(), expected);
      if (applies) list->insert(at(), Unique(record));
    } else {
      ASSERT_EQ(layout_->RemoveRecord(outer, inner, index).code(), expected);
      if (applies) list->erase(at());
    }
  }

  // The promise of RecordView, the plain way.
  ModelRecord Unique(RecordView record) const {
    ModelRecord unique;
    for (const Pair& pair : record) {
      const auto at = std::find_if(unique.begin(), unique.end(),
                                   [&](const auto& kept) { return kept.first == pair.key; });
      if (at == unique.end()) {
        unique.emplace_back(pair.key, pair.value);
      } else {
        at->second = pair.value;
      }
    }
    if (!layout_->keeps_key_order()) std::sort(unique.begin(), unique.end());
    return unique;
  }

  std::optional<ModelList> ModelEntry(const std::string& outer, const std::string& inner) const {
    const auto inners = model_.find(outer);
    if (inners == model_.end()) return std::nullopt;
    const auto list = inners->second.find(inner);
    if (list == inners->second.end()) return std::nullopt;
    return list->second;
  }

  Layout* layout_;
  Model model_;
};

TEST_P(Semantics, RandomOperationsAnswerAsTheModelDoes) {
  constexpr std::uint64_t kSeed = 42;
  RandomContent content(kSeed);
  Beside beside(layout_.get());
  for (int i = 0; i < 4000; ++i) {
    ASSERT_NO_FATAL_FAILURE(beside.Step(content)) << "operation " << i << ", seed " << kSeed;
    if (i % 50 == 0) {
      ASSERT_NO_FATAL_FAILURE(beside.CompareEverything())
          << "after operation " << i << ", seed " << kSeed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryLayout, Semantics,
                         testing::ValuesIn(LayoutNames().begin(), LayoutNames().end()),
                         [](const auto& param_info) { return std::string(param_info.param); });

}  // namespace
}  // namespace strata
