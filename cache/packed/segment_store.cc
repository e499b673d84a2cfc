#include "cache/packed/segment_store.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace strata::packed {
namespace {

// As much as a location can name; less where the system's limits on addresses refuse that.
constexpr std::size_t kLargestRangeBytes = std::size_t{1} << kLocationBits;
constexpr std::size_t kSmallestRangeBytes = std::size_t{1} << 30;

}  // namespace

SegmentStore::SegmentStore(MemoryDoor* door) : door_(door), segments_(door) {
  for (std::size_t bytes = kLargestRangeBytes; bytes >= kSmallestRangeBytes; bytes /= 2) {
    base_ = static_cast<std::uint8_t*>(MemoryDoor::ReserveRange(bytes));
    if (base_ == nullptr) continue;
    range_bytes_ = bytes;
    break;
  }
}

SegmentStore::~SegmentStore() {
  Clear();
  MemoryDoor::FreeRange(base_, range_bytes_);
}

void SegmentStore::Clear() {
  for (Segment segment = 0; NextSegment(&segment); ++segment) {
    door_->ReturnPages(kSegments, base_ + segment * kSegmentBytes, taken_bytes(segment));
  }
  segments_.Free();
  first_free_ = 0;
  Seal();
  filled_bytes_ = dead_bytes_ = taken_bytes_ = 0;
}

SegmentStore::Segment SegmentStore::Take(std::size_t run) {
  std::size_t first = first_free_;
  std::size_t found = 0;  // free segments in a row, ending before `at`
  for (std::size_t at = first; found < run; ++at) {
    if (at >= range_bytes_ / kSegmentBytes) return kNoSegment;
    if (at < segments_.size() && segments_[at].state != State::kFree) {
      found = 0;
      first = at + 1;
    } else {
      ++found;
    }
  }
  if (first + run > segments_.size()) {
    if (!segments_.TryReserve(first + run)) return kNoSegment;
    const std::size_t old_size = segments_.size();
    segments_.SetSize(first + run);
    std::fill(segments_.begin() + old_size, segments_.end(), Info{});
  }
  for (std::size_t i = 0; i < run; ++i) segments_[first + i] = {.state = State::kRun};
  segments_[first] = {.run = static_cast<std::uint32_t>(run), .state = State::kInUse};
  if (first == first_free_) first_free_ = static_cast<Segment>(first + run);
  if (first == 0) {
    segments_[0].filled = segments_[0].dead = kFirstLocation;
    filled_bytes_ += kFirstLocation;
    dead_bytes_ += kFirstLocation;
  }
  door_->TakePages(kSegments, run * kSegmentBytes);
  taken_bytes_ += run * kSegmentBytes;
  return static_cast<Segment>(first);
}

std::uint8_t* SegmentStore::Append(Head head, BlobKind kind, std::size_t payload_bytes,
                                   Location* location) {
  const std::uint64_t header =
      (static_cast<std::uint64_t>(payload_bytes) << 2) | static_cast<std::uint64_t>(kind);
  const std::size_t blob_bytes = VarintSize(header) + payload_bytes;
  Segment segment = heads_[static_cast<std::size_t>(head)];
  if (segment == kNoSegment || segments_[segment].filled + blob_bytes > kSegmentBytes) {
    // In case the run begins the range, a little more than the blob.
    const std::size_t run = (blob_bytes + kFirstLocation + kSegmentBytes - 1) / kSegmentBytes;
    segment = Take(run);
    if (segment == kNoSegment) return nullptr;
    // A blob that fills a run, or most of a segment, leaves the head where it was.
    const Segment old_head = heads_[static_cast<std::size_t>(head)];
    const bool better_head = old_head == kNoSegment ||
                             (run == 1 && blob_bytes < kSegmentBytes - segments_[old_head].filled);
    if (run == 1 && (better_head || blob_bytes < kSegmentBytes / 2)) {
      heads_[static_cast<std::size_t>(head)] = segment;
    }
  }
  Info& info = segments_[segment];
  *location = segment * kSegmentBytes + info.filled;
  info.filled += blob_bytes;
  filled_bytes_ += blob_bytes;
  return WriteVarint(header, base_ + *location);
}

void SegmentStore::Kill(Location location) {
  const std::size_t bytes = At(location).total_bytes;
  // The kind is in the lowest bits of the head's first byte.
  base_[location] |= static_cast<std::uint8_t>(BlobKind::kDead);
  segments_[location / kSegmentBytes].dead += bytes;
  dead_bytes_ += bytes;
}

SegmentStore::Segment SegmentStore::Victim(double least_share) const {
  Segment best = kNoSegment;
  double best_share = least_share;
  for (Segment segment = 0; NextSegment(&segment); ++segment) {
    const Info& info = segments_[segment];
    if (IsHead(segment) || info.dead == 0) continue;
    const double share =
        static_cast<double>(info.dead) / static_cast<double>(info.run * kSegmentBytes);
    if (share >= best_share) {
      best = segment;
      best_share = share;
    }
  }
  return best;
}

bool SegmentStore::NextSegment(Segment* segment) const {
  while (*segment < segments_.size() && segments_[*segment].state != State::kInUse) ++*segment;
  return *segment < segments_.size();
}

bool SegmentStore::NextBlob(Segment segment, std::size_t* offset, Location* location,
                            Blob* blob) const {
  if (segment == 0 && *offset == 0) *offset = kFirstLocation;
  if (*offset >= segments_[segment].filled) return false;
  *location = segment * kSegmentBytes + *offset;
  *blob = At(*location);
  *offset += blob->total_bytes;
  return true;
}

void SegmentStore::Free(Segment segment) {
  Info& info = segments_[segment];
  assert(info.state == State::kInUse && !IsHead(segment) && info.dead == info.filled);
  filled_bytes_ -= info.filled;
  dead_bytes_ -= info.dead;
  taken_bytes_ -= taken_bytes(segment);
  door_->ReturnPages(kSegments, base_ + segment * kSegmentBytes, taken_bytes(segment));
  const std::uint32_t run = info.run;
  for (std::uint32_t i = 0; i < run; ++i) segments_[segment + i] = {};
  first_free_ = std::min(first_free_, segment);
}

void SegmentStore::Seal() { heads_[0] = heads_[1] = kNoSegment; }

}  // namespace strata::packed
