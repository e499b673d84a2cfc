// The list of layouts: a line each. Its file defines the maker.
#include <array>

#include "bench/baselines/layout.h"

#define STRATA_LAYOUTS(LAYOUT)                     \
  LAYOUT("std_map", MakeStdMap)                    \
  LAYOUT("std_unordered_map", MakeStdUnorderedMap) \
  LAYOUT("flat_hash_map", MakeFlatHashMap)         \
  LAYOUT("interned", MakeInterned)                 \
  LAYOUT("packed", MakePacked)

namespace strata {

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
