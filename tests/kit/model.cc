#include "tests/kit/model.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strata::kit {
namespace {

using Kind = Operation::Kind;

// Writes down what is visited, and the first breach of the visitor's contract.
class Collector : public ContentVisitor {
 public:
  void OnOuter(std::string_view outer) override {
    const auto [it, made] = content.try_emplace(std::string(outer));
    if (!made) Fault(absl::StrCat("outer visited twice: ", ToText(outer)));
    entries_ = &it->second;
    list_ = nullptr;
  }
  void OnEntry(std::string_view inner) override {
    if (entries_ == nullptr) return Fault("OnEntry before OnOuter");
    const auto [it, made] = entries_->try_emplace(std::string(inner));
    if (!made) Fault(absl::StrCat("entry visited twice: ", ToText(inner)));
    list_ = &it->second;
  }
  void OnRecord() override {
    if (list_ == nullptr) return Fault("OnRecord before OnEntry");
    list_->emplace_back();
  }
  void OnPair(std::string_view key, std::string_view value) override {
    if (list_ == nullptr || list_->empty()) return Fault("OnPair before OnRecord");
    list_->back().emplace_back(key, value);
  }
  void CollectInto(OwnedList* list) { list_ = list; }

  Content content;
  std::string fault;

 private:
  void Fault(std::string what) {
    if (fault.empty()) fault = std::move(what);
  }

  std::map<std::string, OwnedList>* entries_ = nullptr;
  OwnedList* list_ = nullptr;
};

void Scribble(std::string* bytes) { std::fill(bytes->begin(), bytes->end(), '#'); }

void Scribble(Operation* operation) {
  Scribble(&operation->outer);
  Scribble(&operation->inner);
  Scribble(&operation->key);
  for (OwnedRecord& record : operation->records) {
    for (auto& [key, value] : record) {
      Scribble(&key);
      Scribble(&value);
    }
  }
}

std::uint64_t PairsOf(const OwnedList& list) {
  std::uint64_t pairs = 0;
  for (const OwnedRecord& record : list) pairs += record.size();
  return pairs;
}

std::string Shortened(std::string text) {
  constexpr std::size_t kMost = 1500;
  if (text.size() <= kMost) return text;
  const std::size_t size = text.size();
  text.resize(kMost);
  return absl::StrCat(text, "… (", size, " characters)");
}

}  // namespace

OwnedRecord NaiveUniqueKeys(const OwnedRecord& record) {
  OwnedRecord unique;
  for (const auto& [key, value] : record) {
    const auto same = [&key = key](const auto& pair) { return pair.first == key; };
    const auto it = std::find_if(unique.begin(), unique.end(), same);
    if (it == unique.end()) {
      unique.emplace_back(key, value);
    } else {
      it->second = value;
    }
  }
  return unique;
}

const OwnedList* Model::Find(const std::string& outer, const std::string& inner) const {
  const auto outer_it = content_.find(outer);
  if (outer_it == content_.end()) return nullptr;
  const auto it = outer_it->second.find(inner);
  return it == outer_it->second.end() ? nullptr : &it->second;
}

OwnedList* Model::Find(const std::string& outer, const std::string& inner) {
  return const_cast<OwnedList*>(std::as_const(*this).Find(outer, inner));
}

OwnedList& Model::Make(const std::string& outer, const std::string& inner) {
  const auto [outer_it, outer_made] = content_.try_emplace(outer);
  const auto [it, made] = outer_it->second.try_emplace(inner);
  counts_.outers += outer_made ? 1 : 0;
  counts_.entries += made ? 1 : 0;
  return it->second;
}

bool Model::Delete(const std::string& outer, const std::string& inner) {
  const OwnedList* list = Find(outer, inner);
  if (list == nullptr) return false;
  counts_.pairs -= PairsOf(*list);
  counts_.records -= list->size();
  --counts_.entries;
  content_.find(outer)->second.erase(inner);
  return true;
}

bool Model::DeleteOuter(const std::string& outer) {
  const auto it = content_.find(outer);
  if (it == content_.end()) return false;
  while (!it->second.empty()) Delete(outer, std::string(it->second.begin()->first));
  content_.erase(it);
  --counts_.outers;
  return true;
}

absl::StatusCode Model::ChangeRecord(const Operation& operation) {
  OwnedList* const list = Find(operation.outer, operation.inner);
  if (list == nullptr) return absl::StatusCode::kNotFound;
  const bool inserts = operation.kind == Kind::kInsertRecord;
  if (operation.index >= list->size() + (inserts ? 1 : 0)) return absl::StatusCode::kOutOfRange;

  const auto place = list->begin() + static_cast<std::ptrdiff_t>(operation.index);
  if (inserts) {
    const auto made = list->insert(place, NaiveUniqueKeys(operation.records.front()));
    ++counts_.records;
    counts_.pairs += made->size();
  } else if (operation.kind == Kind::kUpdateRecord) {
    counts_.pairs -= place->size();
    *place = NaiveUniqueKeys(operation.records.front());
    counts_.pairs += place->size();
  } else {
    counts_.pairs -= place->size();
    --counts_.records;
    list->erase(place);
  }
  return absl::StatusCode::kOk;
}

Outcome Model::Lookup(const Operation& operation) const {
  const OwnedList* const list = Find(operation.outer, operation.inner);
  if (list == nullptr || operation.index >= list->size()) return {};
  for (const auto& [key, value] : (*list)[operation.index]) {
    if (key == operation.key) return {.found = true, .value = value};
  }
  return {};
}

Outcome Model::Apply(const Operation& operation) {
  switch (operation.kind) {
    case Kind::kPut: {
      OwnedList& list = Make(operation.outer, operation.inner);
      counts_.pairs -= PairsOf(list);
      counts_.records -= list.size();
      list.clear();
      for (const OwnedRecord& record : operation.records) list.push_back(NaiveUniqueKeys(record));
      counts_.pairs += PairsOf(list);
      counts_.records += list.size();
      return {};
    }
    case Kind::kAppend: {
      OwnedList& list = Make(operation.outer, operation.inner);
      list.push_back(NaiveUniqueKeys(operation.records.front()));
      ++counts_.records;
      counts_.pairs += list.back().size();
      return {};
    }
    case Kind::kAppendRecords: {
      OwnedList& list = Make(operation.outer, operation.inner);
      for (const OwnedRecord& record : operation.records) {
        list.push_back(NaiveUniqueKeys(record));
        ++counts_.records;
        counts_.pairs += list.back().size();
      }
      return {};
    }
    case Kind::kUpdateRecord:
    case Kind::kInsertRecord:
    case Kind::kRemoveRecord:
      return {.code = ChangeRecord(operation)};
    case Kind::kPutOuter:
      counts_.outers += content_.try_emplace(operation.outer).second ? 1 : 0;
      return {};
    case Kind::kDelete:
      return {.found = Delete(operation.outer, operation.inner)};
    case Kind::kDeleteOuter:
      return {.found = DeleteOuter(operation.outer)};
    case Kind::kClear:
      content_.clear();
      counts_ = {};
      return {};
    case Kind::kMaintain:
      return {};
    case Kind::kHasOuter:
      return {.found = content_.contains(operation.outer)};
    case Kind::kLookup:
      return Lookup(operation);
    case Kind::kVisitEntry: {
      const OwnedList* const list = Find(operation.outer, operation.inner);
      if (list == nullptr) return {};
      return {.found = true, .list = *list};
    }
    case Kind::kVisit:
      return {.content = content_};
  }
  return {};
}

namespace {

Outcome ApplyTo(Layout& layout, const Operation& operation) {
  const std::string& outer = operation.outer;
  const std::string& inner = operation.inner;
  const auto record = [&] { return ViewOf(operation.records.front()); };
  Outcome outcome;
  switch (operation.kind) {
    case Kind::kPut:
      outcome.code = layout.Put(outer, inner, ViewOf(std::span(operation.records))).code();
      break;
    case Kind::kAppend:
      outcome.code = layout.Append(outer, inner, record()).code();
      break;
    case Kind::kAppendRecords:
      outcome.code = layout
                         .AppendRecords(outer, inner, ViewOf(std::span(operation.records)),
                                        static_cast<double>(operation.index))
                         .code();
      break;
    case Kind::kUpdateRecord:
      outcome.code = layout.UpdateRecord(outer, inner, operation.index, record()).code();
      break;
    case Kind::kInsertRecord:
      outcome.code = layout.InsertRecord(outer, inner, operation.index, record()).code();
      break;
    case Kind::kRemoveRecord:
      outcome.code = layout.RemoveRecord(outer, inner, operation.index).code();
      break;
    case Kind::kPutOuter:
      outcome.code = layout.PutOuter(outer).code();
      break;
    case Kind::kDelete:
      outcome.found = layout.Delete(outer, inner);
      break;
    case Kind::kDeleteOuter:
      outcome.found = layout.DeleteOuter(outer);
      break;
    case Kind::kClear:
      layout.Clear();
      break;
    case Kind::kMaintain:
      layout.Maintain();
      break;
    case Kind::kHasOuter:
      outcome.found = layout.HasOuter(outer);
      break;
    case Kind::kLookup: {
      int calls = 0;
      outcome.found = layout.Lookup({outer, inner, operation.index, operation.key},
                                    [&](std::string_view value) {
                                      outcome.value = value;
                                      ++calls;
                                    });
      if (calls != (outcome.found ? 1 : 0)) outcome.fault = "Lookup's answer and calls disagree";
      break;
    }
    case Kind::kVisitEntry: {
      Collector collector;
      collector.CollectInto(&outcome.list);
      outcome.found = layout.VisitEntry(outer, inner, collector);
      outcome.fault = collector.fault;
      break;
    }
    case Kind::kVisit:
      outcome.content = ReadContent(layout, &outcome.fault);
      break;
  }
  return outcome;
}

}  // namespace

Outcome Apply(const Operation& operation, Layout& layout) {
  // On the heap, for the address sanitizer to see a view that was kept.
  const auto handed_in = std::make_unique<Operation>(operation);
  Outcome outcome = ApplyTo(layout, *handed_in);
  Scribble(handed_in.get());
  return outcome;
}

Content ReadContent(const Layout& layout, std::string* fault) {
  Collector collector;
  layout.Visit(collector);
  *fault = collector.fault;
  return std::move(collector.content);
}

void SortKeys(OwnedList* list) {
  for (OwnedRecord& record : *list) std::sort(record.begin(), record.end());
}

void SortKeys(Content* content) {
  for (auto& [outer, entries] : *content) {
    for (auto& [inner, list] : entries) SortKeys(&list);
  }
}

std::optional<std::string> Difference(const OwnedList& expected, const OwnedList& actual) {
  if (expected == actual) return std::nullopt;
  for (std::size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
    if (expected[i] == actual[i]) continue;
    return Shortened(
        absl::StrCat("record ", i, " is ", ToText(actual[i]), ", expected ", ToText(expected[i])));
  }
  return Shortened(absl::StrCat("a list of ", actual.size(), " records, expected ", expected.size(),
                                ": ", ToText(expected)));
}

std::optional<std::string> Difference(const Content& expected, const Content& actual) {
  for (const auto& [outer, entries] : expected) {
    const auto outer_it = actual.find(outer);
    if (outer_it == actual.end()) return absl::StrCat("outer ", ToText(outer), " is missing");
    for (const auto& [inner, list] : entries) {
      const std::string name = absl::StrCat("entry (", ToText(outer), ", ", ToText(inner), ")");
      const auto it = outer_it->second.find(inner);
      if (it == outer_it->second.end()) return name + " is missing";
      if (const auto difference = Difference(list, it->second)) {
        return absl::StrCat(name, ": ", *difference);
      }
    }
    for (const auto& [inner, list] : outer_it->second) {
      if (!entries.contains(inner)) {
        return absl::StrCat("entry (", ToText(outer), ", ", ToText(inner), ") should not be there");
      }
    }
  }
  for (const auto& [outer, entries] : actual) {
    if (!expected.contains(outer)) {
      return absl::StrCat("outer ", ToText(outer), " should not be there");
    }
  }
  return std::nullopt;
}

}  // namespace strata::kit
