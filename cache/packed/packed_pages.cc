// Where the packed layout's whole pages are: what the books of the process need to ask the kernel
// about them (<strata/process_books.h>).
#include <vector>

#include "cache/packed/packed_map.h"

namespace strata::packed {

std::vector<AddressRange> PackedMap::TakenPages() const {
  std::vector<AddressRange> ranges;
  tables_.AddPagesTo(&ranges);
  strings_.dictionary().AddPagesTo(&ranges);
  shapes_.AddPagesTo(&ranges);
  const auto add = [&](SegmentStore::Segment segment) {
    for (const AddressRange& pages : log_.PagesOf(segment)) {
      if (pages.size_bytes > 0) ranges.push_back(pages);
    }
  };
  for (SegmentStore::Segment segment = 0; log_.NextSegment(&segment); ++segment) add(segment);
  for (SegmentStore::Segment segment = 0; log_.NextRetired(&segment); ++segment) add(segment);
  return ranges;
}

}  // namespace strata::packed
