#include "accounting/jemalloc_pages.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace strata {
namespace {

// jemalloc's src/base.c: base blocks are mapped at, and in, multiples of this.
constexpr std::uintptr_t kBaseAlignment = std::uintptr_t{2} << 20;

// The size of the base block at `at`; 0 where there is none.
std::uint64_t BaseBlockBytes(std::uintptr_t at, std::uintptr_t mapping_end, OwnMemory& memory) {
  if (at % kBaseAlignment != 0) return 0;
  const std::uint64_t bytes = memory.Word(at).value_or(0);
  const std::uint64_t next = memory.Word(at + 8).value_or(1);
  if (bytes == 0 || bytes % kBaseAlignment != 0 || next % kBaseAlignment != 0) return 0;
  return bytes <= mapping_end - at ? bytes : 0;
}

// Whether the page at `at` begins in one of them.
bool IsIn(const std::vector<Stretch>& stretches, std::uintptr_t at) {
  const auto next = std::upper_bound(
      stretches.begin(), stretches.end(), at,
      [](std::uintptr_t address, const Stretch& stretch) { return address < stretch.begin; });
  return next != stretches.begin() && std::prev(next)->Has(at);
}

bool IsZero(std::uintptr_t page, OwnMemory& memory) {
  for (std::size_t at = 0; at < kPageBytes; at += sizeof(std::uint64_t)) {
    if (memory.Word(page + at).value_or(1) != 0) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<JemallocPages> ReadJemallocPages(const std::vector<Mapping>& mappings,
                                                const std::vector<Stretch>& others,
                                                const std::vector<Stretch>& held,
                                                const PageMap& page_map) {
  OwnMemory memory;
  JemallocPages found;
  for (const Mapping& mapping : mappings) {
    if (!mapping.IsPrivateMemory()) continue;
    const absl::StatusOr<ResidentPages> pages = page_map.Read(mapping.begin, mapping.end);
    if (!pages.ok()) return pages.status();
    for (std::uintptr_t at = mapping.begin; at < mapping.end;) {
      if (!pages->Has(at) || std::any_of(others.begin(), others.end(),
                                         [at](const Stretch& other) { return other.Has(at); })) {
        at += kPageBytes;
        continue;
      }
      const std::uint64_t base_bytes = BaseBlockBytes(at, mapping.end, memory);
      if (base_bytes > 0) {
        found.base_bytes += base_bytes;
        found.resident_base_bytes += pages->Bytes(at, at + base_bytes);
      } else if (mapping.may_be_huge && !IsIn(held, at) && IsZero(at, memory)) {
        found.zero_bytes += kPageBytes;
      } else {
        found.resident_block_bytes += kPageBytes;
      }
      at += std::max<std::uint64_t>(base_bytes, kPageBytes);
    }
  }
  return found;
}

}  // namespace strata
