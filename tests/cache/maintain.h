// Tidying a store until there is nothing left to do.
#ifndef STRATA_TESTS_CACHE_MAINTAIN_H_
#define STRATA_TESTS_CACHE_MAINTAIN_H_

#include <cstddef>

#include "cache/packed/packed_map.h"
#include "gtest/gtest.h"

namespace strata::packed {

/// In calls of so many bytes each. Fails the test where there is no end.
inline void MaintainToIdle(PackedMap& map, std::size_t budget_bytes = std::size_t{1} << 20) {
  std::size_t calls = 0;
  while (map.Maintain(budget_bytes)) ASSERT_LT(++calls, 100000u);
}

}  // namespace strata::packed

#endif  // STRATA_TESTS_CACHE_MAINTAIN_H_
