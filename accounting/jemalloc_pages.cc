#include "accounting/jemalloc_pages.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>

#include "accounting/jemalloc_extents.h"

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

// Goes through one mapping.
class MappingReader {
 public:
  MappingReader(const Mapping& mapping, const ResidentPages& pages,
                const std::vector<Stretch>& others, const std::vector<Stretch>& held,
                OwnMemory* memory, JemallocExtents* extents, JemallocPages* found)
      : mapping_(mapping),
        pages_(pages),
        others_(others),
        held_(held),
        memory_(*memory),
        extents_(*extents),
        found_(*found) {}

  void Read() {
    for (std::uintptr_t at = mapping_.begin; at < mapping_.end;) {
      const bool other = std::any_of(others_.begin(), others_.end(),
                                     [at](const Stretch& stretch) { return stretch.Has(at); });
      at += other ? kPageBytes : CountWhatBeginsAt(at);
    }
  }

 private:
  // Gives its bytes, whole pages.
  std::uint64_t CountWhatBeginsAt(std::uintptr_t at) {
    const std::optional<Extent> extent = extents_.At(at);
    if (!extent.has_value()) unknown_end_ = at + kPageBytes;
    if (extent.has_value() && extent->bytes > 0 && Begins(at, *extent)) {
      unknown_end_.reset();
      extents_.Learn(at, *extent);
      const std::uint64_t bytes = std::min<std::uint64_t>(extent->bytes, mapping_.end - at);
      CountExtent(at, at + bytes, extent->may_be_slab);
      return bytes;
    }
    if (!pages_.Has(at)) return kPageBytes;
    if (const std::uint64_t bytes = BaseBlockBytes(at, mapping_.end, memory_); bytes > 0) {
      found_.base_bytes += bytes;
      found_.resident_base_bytes += pages_.Bytes(at, at + bytes);
      return bytes;
    }
    if (unknown_end_.has_value()) {
      const std::uint64_t before = found_.resident_block_bytes;
      CountPage(at, IsIn(held_, at));
      found_.unasked_resident_bytes += found_.resident_block_bytes - before;
    } else {
      found_.foreign_bytes += kPageBytes;
    }
    return kPageBytes;
  }

  // Whether it does, and is not one that began where jemalloc could not be asked. Of such a one the
  // last page answers, and of a slab every page. Behind it others begin, of any size: those have a
  // last page, too, that answers the same.
  bool Begins(std::uintptr_t at, const Extent& extent) const {
    if (!unknown_end_.has_value()) return true;
    if (extent.bytes <= at + kPageBytes - *unknown_end_) return true;
    if (extent.may_be_slab) return false;
    const std::optional<Extent> last = extents_.At(at + extent.bytes - kPageBytes);
    return last.has_value() && last->bytes == extent.bytes;
  }

  // A block that is held does not always begin where its extent does.
  void CountExtent(std::uintptr_t begin, std::uintptr_t end, bool may_be_slab) {
    const auto next = std::lower_bound(
        held_.begin(), held_.end(), begin,
        [](const Stretch& stretch, std::uintptr_t address) { return stretch.begin < address; });
    const bool held = next != held_.end() && next->begin < end;
    const std::uint64_t before = found_.resident_block_bytes;
    if (held || may_be_slab || !mapping_.may_be_huge) {
      found_.resident_block_bytes += pages_.Bytes(begin, end);
    } else {
      for (std::uintptr_t at = begin; at < end; at += kPageBytes) {
        if (pages_.Has(at)) CountPage(at, /*held=*/false);
      }
    }
    if (may_be_slab) return;
    LargeExtents& large = found_.large[end - begin];
    ++(held ? large.held : large.others);
    if (held) return;
    large.missing_bytes += end - begin - (found_.resident_block_bytes - before);
  }

  void CountPage(std::uintptr_t at, bool held) {
    const bool zero = mapping_.may_be_huge && !held && IsZero(at, memory_);
    (zero ? found_.zero_bytes : found_.resident_block_bytes) += kPageBytes;
  }

  const Mapping& mapping_;
  const ResidentPages& pages_;
  const std::vector<Stretch>& others_;
  const std::vector<Stretch>& held_;
  OwnMemory& memory_;
  JemallocExtents& extents_;
  JemallocPages& found_;
  // Where jemalloc could not be asked up to here, and no extent is known to have begun since.
  std::optional<std::uintptr_t> unknown_end_;
};

}  // namespace

absl::StatusOr<JemallocPages> ReadJemallocPages(const std::vector<Mapping>& mappings,
                                                const std::vector<Stretch>& others,
                                                const std::vector<Stretch>& held,
                                                const PageMap& page_map) {
  OwnMemory memory;
  JemallocExtents extents;
  JemallocPages found;
  for (const Mapping& mapping : mappings) {
    if (!mapping.IsPrivateMemory()) continue;
    const absl::StatusOr<ResidentPages> pages = page_map.Read(mapping.begin, mapping.end);
    if (!pages.ok()) return pages.status();
    MappingReader(mapping, *pages, others, held, &memory, &extents, &found).Read();
  }
  return found;
}

}  // namespace strata
