// `interned`: the readable reference (cache/interned_map.h) as one more layout to compare. Nothing
// but forwarding: what it costs is the layout's, not this file's.
#include <memory>

#include "bench/baselines/layout.h"
#include "cache/interned_map.h"

namespace strata {
namespace {

class Interned final : public Layout {
 public:
  std::string_view name() const override { return "interned"; }
  bool keeps_key_order() const override { return true; }
  bool empty() const override { return map_.counts().outers == 0; }
  bool HasOuter(std::string_view outer) const override { return map_.FindOuter(outer) != nullptr; }

  absl::Status Put(std::string_view outer, std::string_view inner,
                   const RecordsView& records) override {
    return map_.Put(outer, inner, records);
  }
  absl::Status PutOuter(std::string_view outer) override { return map_.PutOuter(outer); }
  absl::Status Append(std::string_view outer, std::string_view inner, RecordView record) override {
    return map_.Append(outer, inner, record);
  }
  absl::Status UpdateRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record) override {
    return map_.UpdateRecord(outer, inner, index, record);
  }
  absl::Status InsertRecord(std::string_view outer, std::string_view inner, std::size_t index,
                            RecordView record) override {
    return map_.InsertRecord(outer, inner, index, record);
  }
  absl::Status RemoveRecord(std::string_view outer, std::string_view inner,
                            std::size_t index) override {
    return map_.RemoveRecord(outer, inner, index);
  }
  bool Delete(std::string_view outer, std::string_view inner) override {
    return map_.Delete(outer, inner);
  }
  bool DeleteOuter(std::string_view outer) override { return map_.DeleteOuter(outer); }
  void Clear() override { map_.Clear(); }

  bool Lookup(const LookupKey& key,
              absl::FunctionRef<void(std::string_view value)> use) const override {
    const InternedMap::List* const list = map_.FindList(key.outer, key.inner);
    if (list == nullptr || key.index >= list->size()) return false;
    const InternedMap::Record& record = (*list)[key.index];
    const std::size_t at = map_.FindPair(record, key.key);
    if (at == record.size()) return false;
    use(map_.Text(record[at].value));
    return true;
  }

  bool VisitEntry(std::string_view outer, std::string_view inner,
                  ContentVisitor& visitor) const override {
    const InternedMap::List* const list = map_.FindList(outer, inner);
    if (list == nullptr) return false;
    VisitList(*list, visitor);
    return true;
  }
  void Visit(ContentVisitor& visitor) const override {
    map_.ForEachOuter([&](std::string_view outer, const InternedMap::Outer& entries) {
      visitor.OnOuter(outer);
      for (const auto& [inner, list] : entries.entries) {
        visitor.OnEntry(map_.Text(inner));
        VisitList(list, visitor);
      }
    });
  }

  Counts counts() const override { return map_.counts(); }
  Footprint MeasureFootprint() const override { return map_.MeasureFootprint(); }
  DoorTotals memory() const override { return map_.door().totals(); }
  bool ReserveOuters(std::size_t outers) override { return map_.Reserve(outers, 0, 0).ok(); }

 private:
  void VisitList(const InternedMap::List& list, ContentVisitor& visitor) const {
    for (const InternedMap::Record& record : list) {
      visitor.OnRecord();
      for (const InternedMap::IdPair& pair : record) {
        visitor.OnPair(map_.Text(pair.key), map_.Text(pair.value));
      }
    }
  }

  InternedMap map_;
};

}  // namespace

std::unique_ptr<Layout> MakeInterned() { return std::make_unique<Interned>(); }

}  // namespace strata
