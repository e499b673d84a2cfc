// A layout made of nested standard containers: outer table -> inner table -> vector of records ->
// record. The baselines differ in which containers these are and in nothing else, so each is a
// small file that chooses them and this template is all their code.
//
// A choice is a class with
//     kName            the layout's name
//     kKeepsKeyOrder   whether a record gives its pairs back in first-seen order
//     Books            static members: `MemoryDoor door` and `kLayerNames`, one name a NestedLayer,
//                      empty where the choice has no such layer
//     Outers           the whole type, from which those of inner table, list and record follow
// Tables look strings up as string_view, without making a temporary string.
//
// Invariant: the ledger law (<strata/footprint.h>), for each layer by itself too, as long as there
// is one layout of its kind in the process. The object goes through the door as well.
//
// Threads: one at a time. Out of memory ends the process with a message.
#ifndef STRATA_BENCH_BASELINES_NESTED_LAYOUT_H_
#define STRATA_BENCH_BASELINES_NESTED_LAYOUT_H_

#include <array>
#include <bit>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "bench/baselines/container_walk.h"
#include "bench/baselines/layer_allocator.h"
#include "bench/baselines/layout.h"
#include "bench/baselines/write_errors.h"

namespace strata {

/// What memory of a nested layout may serve.
enum NestedLayer : LayerId {
  kOuterElements,
  kOuterBuckets,
  kOuterStrings,
  kInnerElements,
  kInnerBuckets,
  kInnerStrings,
  kListArrays,
  kRecordElements,
  kRecordBuckets,
  kKeyStrings,
  kValueStrings,
  kObject,
  kNestedLayers,  // how many there are
};
using NestedLayerNames = std::array<std::string_view, kNestedLayers>;

/// std::string but for where its memory comes from.
template <class Books, LayerId kLayer>
using LayerString =
    std::basic_string<char, std::char_traits<char>, LayerAllocator<char, Books, kLayer>>;

/// Orders, compares and hashes strings of any allocator and views alike.
struct BytesLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a < b; }
};
struct BytesEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

template <class Choice>
class NestedLayout final : public Layout {
 public:
  using Books = typename Choice::Books;
  using Outers = typename Choice::Outers;
  using Inners = typename Outers::mapped_type;
  using List = typename Inners::mapped_type;
  using Record = typename List::value_type;

  static std::unique_ptr<Layout> Make() { return std::unique_ptr<Layout>(new NestedLayout); }

  static void* operator new(std::size_t size_bytes) {
    return Books::door.Allocate(kObject, size_bytes);
  }
  static void operator delete(void* object) noexcept { Books::door.Free(kObject, object); }

  std::string_view name() const override { return Choice::kName; }
  bool keeps_key_order() const override { return Choice::kKeepsKeyOrder; }
  bool empty() const override { return outers_.empty(); }
  bool HasOuter(std::string_view outer) const override {
    return outers_.find(outer) != outers_.end();
  }

  absl::Status Put(std::string_view outer, std::string_view inner,
                   const RecordsView& records) override;
  absl::Status PutOuter(std::string_view outer) override;
  absl::Status Append(std::string_view outer, std::string_view inner, RecordView record) override;
  absl::Status UpdateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record) override;
  absl::Status InsertRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record) override;
  absl::Status RemoveRecord(std::string_view outer, std::string_view inner,
                            std::size_t index) override;
  bool Delete(std::string_view outer, std::string_view inner) override;
  bool DeleteOuter(std::string_view outer) override;
  // A new table, not clear(): hash tables keep their arrays when they are cleared.
  void Clear() override { Outers().swap(outers_); }

  bool Lookup(const LookupKey& key,
              absl::FunctionRef<void(std::string_view value)> use) const override;
  bool VisitEntry(std::string_view outer, std::string_view inner,
                  ContentVisitor& visitor) const override;
  void Visit(ContentVisitor& visitor) const override;

  Counts counts() const override;
  Footprint MeasureFootprint() const override;
  DoorTotals memory() const override { return Books::door.totals(); }
  bool ReserveOuters(std::size_t outers) override {
    if constexpr (requires { outers_.reserve(outers); }) {
      // A container that finds no memory ends the process, so what the larger of the two kinds of
      // table takes is tried out first: a slot and a control byte, up to 7 of 8 full.
      const std::size_t slots = std::bit_ceil(outers + outers / 7 + 2);
      void* const tried_out = Books::door.TryAllocate(
          kOuterElements, slots * (sizeof(typename Outers::value_type) + 1));
      if (tried_out == nullptr) return false;
      Books::door.Free(kOuterElements, tried_out);
      outers_.reserve(outers);
    }
    return true;
  }
  void Shrink() override {
    if constexpr (requires { outers_.rehash(0); }) outers_.rehash(0);
  }

 private:
  using Layers = std::array<Layer, kNestedLayers>;
  static constexpr bool kRecordIsTable = requires { typename Record::key_type; };

  NestedLayout() = default;

  // The element of that key, made from `args` where it is missing, and whether it was.
  template <class Table, class... Args>
  static auto FindOrMake(Table& table, std::string_view key, const Args&... args);
  static Record MakeRecord(RecordView pairs);
  template <class AnyRecord>
  static auto FindPair(AnyRecord& record, std::string_view key);

  const List* FindList(std::string_view outer, std::string_view inner) const;
  List* FindList(std::string_view outer, std::string_view inner) {
    return const_cast<List*>(std::as_const(*this).FindList(outer, inner));
  }

  static void VisitList(const List& list, ContentVisitor& visitor);
  static void WalkList(const List& list, Layers& layers);

  Outers outers_;
};

template <class Choice>
template <class Table, class... Args>
auto NestedLayout<Choice>::FindOrMake(Table& table, std::string_view key, const Args&... args) {
  if constexpr (requires { table.lower_bound(key); }) {  // an ordered table: one descent for both
    const auto at = table.lower_bound(key);
    if (at != table.end() && at->first == key) return std::pair(at, false);
    return std::pair(table.emplace_hint(at, std::piecewise_construct, std::forward_as_tuple(key),
                                        std::forward_as_tuple(args...)),
                     true);
  } else if constexpr (requires { table.try_emplace(key, args...); }) {
    return table.try_emplace(key, args...);
  } else {  // std::unordered_map finds by views and inserts by strings only
    const auto at = table.find(key);
    if (at != table.end()) return std::pair(at, false);
    return table.emplace(std::piecewise_construct, std::forward_as_tuple(key),
                         std::forward_as_tuple(args...));
  }
}

template <class Choice>
typename NestedLayout<Choice>::Record NestedLayout<Choice>::MakeRecord(RecordView pairs) {
  Record record;
  if constexpr (kRecordIsTable) {
    for (const Pair& pair : pairs) {
      const auto [at, made] = FindOrMake(record, pair.key, pair.value);
      if (!made) at->second = typename Record::mapped_type(pair.value);
    }
  } else {
    std::vector<Pair> scratch;
    const RecordView unique = UniqueKeys(pairs, &scratch);
    record.reserve(unique.size());
    for (const Pair& pair : unique) record.emplace_back(pair.key, pair.value);
  }
  return record;
}

template <class Choice>
template <class AnyRecord>
auto NestedLayout<Choice>::FindPair(AnyRecord& record, std::string_view key) {
  if constexpr (kRecordIsTable) {
    return record.find(key);
  } else {
    auto at = record.begin();
    while (at != record.end() && at->first != key) ++at;
    return at;
  }
}

template <class Choice>
const typename NestedLayout<Choice>::List* NestedLayout<Choice>::FindList(
    std::string_view outer, std::string_view inner) const {
  const auto inners = outers_.find(outer);
  if (inners == outers_.end()) return nullptr;
  const auto list = inners->second.find(inner);
  return list == inners->second.end() ? nullptr : &list->second;
}

template <class Choice>
absl::Status NestedLayout<Choice>::Put(std::string_view outer, std::string_view inner,
                                       const RecordsView& records) {
  if (absl::Status status = CheckWritable(outer, inner, records); !status.ok()) return status;
  // Made before anything is replaced: `records` may point into what it replaces.
  List list;
  list.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) list.push_back(MakeRecord(records[i]));
  Inners& inners = FindOrMake(outers_, outer).first->second;
  FindOrMake(inners, inner).first->second = std::move(list);
  return absl::OkStatus();
}

template <class Choice>
absl::Status NestedLayout<Choice>::PutOuter(std::string_view outer) {
  if (absl::Status status = CheckWritable(outer); !status.ok()) return status;
  FindOrMake(outers_, outer);
  return absl::OkStatus();
}

template <class Choice>
absl::Status NestedLayout<Choice>::Append(std::string_view outer, std::string_view inner,
                                          RecordView record) {
  if (absl::Status status = CheckWritable(outer, inner, record); !status.ok()) return status;
  Inners& inners = FindOrMake(outers_, outer).first->second;
  FindOrMake(inners, inner).first->second.push_back(MakeRecord(record));
  return absl::OkStatus();
}

template <class Choice>
absl::Status NestedLayout<Choice>::UpdateRecord(std::string_view outer, std::string_view inner,
                                                std::size_t index, RecordView record) {
  if (absl::Status status = CheckWritable(outer, inner, record); !status.ok()) return status;
  List* const list = FindList(outer, inner);
  if (list == nullptr) return NoSuchEntry(outer, inner);
  if (index >= list->size()) return NoSuchRecord(outer, inner, index, list->size());
  (*list)[index] = MakeRecord(record);
  return absl::OkStatus();
}

template <class Choice>
absl::Status NestedLayout<Choice>::InsertRecord(std::string_view outer, std::string_view inner,
                                                std::size_t index, RecordView record) {
  if (absl::Status status = CheckWritable(outer, inner, record); !status.ok()) return status;
  List* const list = FindList(outer, inner);
  if (list == nullptr) return NoSuchEntry(outer, inner);
  if (index > list->size()) return NoSuchRecord(outer, inner, index, list->size());
  list->insert(std::next(list->begin(), static_cast<std::ptrdiff_t>(index)), MakeRecord(record));
  return absl::OkStatus();
}

template <class Choice>
absl::Status NestedLayout<Choice>::RemoveRecord(std::string_view outer, std::string_view inner,
                                                std::size_t index) {
  List* const list = FindList(outer, inner);
  if (list == nullptr) return NoSuchEntry(outer, inner);
  if (index >= list->size()) return NoSuchRecord(outer, inner, index, list->size());
  list->erase(std::next(list->begin(), static_cast<std::ptrdiff_t>(index)));
  return absl::OkStatus();
}

template <class Choice>
bool NestedLayout<Choice>::Delete(std::string_view outer, std::string_view inner) {
  const auto inners = outers_.find(outer);
  if (inners == outers_.end()) return false;
  const auto list = inners->second.find(inner);
  if (list == inners->second.end()) return false;
  inners->second.erase(list);
  return true;
}

template <class Choice>
bool NestedLayout<Choice>::DeleteOuter(std::string_view outer) {
  const auto inners = outers_.find(outer);
  if (inners == outers_.end()) return false;
  outers_.erase(inners);
  return true;
}

template <class Choice>
bool NestedLayout<Choice>::Lookup(const LookupKey& key,
                                  absl::FunctionRef<void(std::string_view)> use) const {
  const List* const list = FindList(key.outer, key.inner);
  if (list == nullptr || key.index >= list->size()) return false;
  const Record& record = (*list)[key.index];
  const auto pair = FindPair(record, key.key);
  if (pair == record.end()) return false;
  use(pair->second);
  return true;
}

template <class Choice>
void NestedLayout<Choice>::VisitList(const List& list, ContentVisitor& visitor) {
  for (const Record& record : list) {
    visitor.OnRecord();
    for (const auto& [key, value] : record) visitor.OnPair(key, value);
  }
}

template <class Choice>
bool NestedLayout<Choice>::VisitEntry(std::string_view outer, std::string_view inner,
                                      ContentVisitor& visitor) const {
  const List* const list = FindList(outer, inner);
  if (list == nullptr) return false;
  VisitList(*list, visitor);
  return true;
}

template <class Choice>
void NestedLayout<Choice>::Visit(ContentVisitor& visitor) const {
  for (const auto& [outer, inners] : outers_) {
    visitor.OnOuter(outer);
    for (const auto& [inner, list] : inners) {
      visitor.OnEntry(inner);
      VisitList(list, visitor);
    }
  }
}

template <class Choice>
Counts NestedLayout<Choice>::counts() const {
  Counts counts{.outers = outers_.size()};
  for (const auto& [outer, inners] : outers_) {
    counts.entries += inners.size();
    for (const auto& [inner, list] : inners) {
      counts.records += list.size();
      for (const Record& record : list) counts.pairs += record.size();
    }
  }
  return counts;
}

template <class Choice>
void NestedLayout<Choice>::WalkList(const List& list, Layers& layers) {
  AddContainer(list, layers[kListArrays], layers[kListArrays]);
  for (const Record& record : list) {
    AddContainer(record, layers[kRecordElements], layers[kRecordBuckets]);
    for (const auto& [key, value] : record) {
      AddString(key, layers[kKeyStrings]);
      AddString(value, layers[kValueStrings]);
    }
  }
}

template <class Choice>
Footprint NestedLayout<Choice>::MeasureFootprint() const {
  Layers layers;
  layers[kObject].AddBlock(this, sizeof(*this));
  layers[kObject].count = 1;
  AddContainer(outers_, layers[kOuterElements], layers[kOuterBuckets]);
  for (const auto& [outer, inners] : outers_) {
    AddString(outer, layers[kOuterStrings]);
    AddContainer(inners, layers[kInnerElements], layers[kInnerBuckets]);
    for (const auto& [inner, list] : inners) {
      AddString(inner, layers[kInnerStrings]);
      WalkList(list, layers);
    }
  }

  Footprint footprint;
  footprint.layout = Choice::kName;
  footprint.counts = counts();
  footprint.allocated_bytes = Books::door.allocated_bytes();
  footprint.heap_blocks = Books::door.totals().heap_blocks;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (Books::kLayerNames[i].empty()) continue;
    layers[i].name = Books::kLayerNames[i];
    footprint.layers.push_back(std::move(layers[i]));
  }
  return footprint;
}

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_NESTED_LAYOUT_H_
