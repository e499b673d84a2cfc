// The list of layouts: a line each. Its file defines the maker. And what layouts do alike.
#include <array>

#include "bench/baselines/layout.h"

#define STRATA_LAYOUTS(LAYOUT)                     \
  LAYOUT("std_map", MakeStdMap)                    \
  LAYOUT("std_unordered_map", MakeStdUnorderedMap) \
  LAYOUT("flat_hash_map", MakeFlatHashMap)         \
  LAYOUT("interned", MakeInterned)                 \
  LAYOUT("packed", MakePacked)

namespace strata {
namespace {

class NullVisitor final : public ContentVisitor {
  void OnOuter(std::string_view) override {}
  void OnEntry(std::string_view) override {}
  void OnRecord() override {}
  void OnPair(std::string_view, std::string_view) override {}
};

}  // namespace

absl::Status Layout::AppendRecords(std::string_view outer, std::string_view inner,
                                   const RecordsView& records, double) {
  NullVisitor nothing;
  if (records.size() == 0 && !VisitEntry(outer, inner, nothing)) return Put(outer, inner, records);
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (absl::Status status = Append(outer, inner, records[i]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

#define STRATA_DECLARE(name, maker) std::unique_ptr<Layout> maker();
STRATA_LAYOUTS(STRATA_DECLARE)
#undef STRATA_DECLARE

std::span<const std::string_view> LayoutNames() {
#define STRATA_NAME(name, maker) name,
  static constexpr auto kNames = std::to_array<std::string_view>({STRATA_LAYOUTS(STRATA_NAME)});
#undef STRATA_NAME
  return kNames;
}

std::unique_ptr<Layout> MakeLayout(std::string_view name) {
#define STRATA_MAKE(its_name, maker) \
  if (name == its_name) return maker();
  STRATA_LAYOUTS(STRATA_MAKE)
#undef STRATA_MAKE
  return nullptr;
}

}  // namespace strata
