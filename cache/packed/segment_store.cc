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

SegmentStore::SegmentStore(MemoryDoor* door, const Eras* eras)
    : door_(door), eras_(eras), segments_(door), groups_(door) {
  for (std::size_t bytes = kLargestRangeBytes; bytes >= kSmallestRangeBytes; bytes /= 2) {
    base_ = static_cast<std::uint8_t*>(MemoryDoor::ReserveRange(bytes));
    if (base_ == nullptr) continue;
    range_bytes_ = bytes;
    break;
  }
}

SegmentStore::~SegmentStore() {
  Clear();
  if (base_ != nullptr) MemoryDoor::FreeRange(base_, range_bytes_);
}

void SegmentStore::Clear() {
  for (Segment segment = 0; NextSegment(&segment); ++segment) GiveBack(segment);
  for (Segment segment = 0; NextRetired(&segment); ++segment) GiveBack(segment);
  segments_.Free();
  groups_.Free();
  first_free_ = 0;
  Seal();
  filled_bytes_ = dead_bytes_ = taken_bytes_ = retired_bytes_ = room_bytes_ = 0;
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
    const std::size_t groups = (first + run + kGroup - 1) / kGroup;
    if (!segments_.TryReserve(first + run) || !groups_.TryReserve(groups)) return kNoSegment;
    while (groups_.size() < groups) {
      groups_.SetSize(groups_.size() + 1);
      groups_.back() = Group::kNew;
    }
    const std::size_t old_size = segments_.size();
    segments_.SetSize(first + run);
    std::fill(segments_.begin() + old_size, segments_.end(), Info{});
  }
  if (!door_->TryTakePages(kSegments, run * kSegmentBytes)) return kNoSegment;
  for (std::size_t i = 0; i < run; ++i) segments_[first + i] = {.state = State::kRun};
  segments_[first] = {.born = eras_->now(),
                      .oldest = eras_->now(),
                      .run = static_cast<std::uint32_t>(run),
                      .state = State::kInUse};
  if (first == first_free_) first_free_ = static_cast<Segment>(first + run);
  if (first == 0) {
    segments_[0].filled = segments_[0].dead = kFirstLocation;
    filled_bytes_ += kFirstLocation;
    dead_bytes_ += kFirstLocation;
  }
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
    segments_[segment].cleaned = head == Head::kClean;
    // A blob that fills a run, or most of a segment, leaves the head where it was.
    const Segment old_head = heads_[static_cast<std::size_t>(head)];
    const bool better_head = old_head == kNoSegment || blob_bytes < segments_[old_head].filled;
    if (run == 1 && (better_head || blob_bytes < kSegmentBytes / 2)) {
      heads_[static_cast<std::size_t>(head)] = segment;
      // The segment that was the head is filled, and perhaps its group with it.
      if (old_head != kNoSegment) {
        const std::size_t group = old_head / kGroup;
        if (groups_[group] == Group::kNew && IsFull(group)) Unite(group);
      }
    }
  }
  Info& info = segments_[segment];
  *location = segment * kSegmentBytes + info.filled;
  info.filled += blob_bytes;
  filled_bytes_ += blob_bytes;
  return WriteVarint(header, base_ + *location);
}

void SegmentStore::Kill(Location location, std::size_t counted_dead, std::size_t room) {
  FillRoom(location, room);
  // The kind is in the lowest bits of the head's first byte.
  const std::atomic_ref<std::uint8_t> head(base_[location]);
  AddDead(SegmentOf(location), At(location).total_bytes - counted_dead);
  head.store(head.load(std::memory_order_relaxed) | static_cast<std::uint8_t>(BlobKind::kDead),
             std::memory_order_relaxed);
}

void SegmentStore::AddUnused(Location location, std::size_t bytes) {
  const Segment segment = SegmentOf(location);
  AddDead(segment, bytes);
  segments_[segment].unused += bytes;
  segments_[segment].last_loss = eras_->now();
}

void SegmentStore::RemoveUnused(Location location, std::size_t bytes) {
  Info& info = segments_[SegmentOf(location)];
  info.dead -= bytes;
  info.unused -= bytes;
  dead_bytes_ -= bytes;
}

void SegmentStore::MoveUnused(Location from, Location to, std::size_t bytes) {
  const Info& old = segments_[SegmentOf(from)];
  Info& info = segments_[SegmentOf(to)];
  AddDead(SegmentOf(to), bytes);
  info.unused += bytes;
  info.last_loss = std::max(info.last_loss, old.last_loss);
  DropUnused(from, bytes);
}

void SegmentStore::DropUnused(Location location, std::size_t bytes) {
  segments_[SegmentOf(location)].unused -= bytes;
  Kill(location, bytes);
}

SegmentStore::Segment SegmentStore::Victim(double least_share, bool with_room) const {
  Segment best = kNoSegment;
  double best_share = least_share;
  for (Segment segment = 0; NextSegment(&segment); ++segment) {
    const Info& info = segments_[segment];
    const std::uint64_t kept = info.unused > 0 && UnusedPinned(segment) ? info.unused : 0;
    const std::uint64_t gain = info.dead + (with_room ? info.room : 0) - kept;
    if (IsHead(segment) || gain == 0) continue;
    const double share = static_cast<double>(gain) / static_cast<double>(info.run * kSegmentBytes);
    if (share >= best_share) {
      best = segment;
      best_share = share;
    }
  }
  return best;
}

bool SegmentStore::NextOf(State state, Segment* segment) const {
  while (*segment < segments_.size() && segments_[*segment].state != state) ++*segment;
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

void SegmentStore::Retire(Segment segment) {
  Info& info = segments_[segment];
  assert(info.state == State::kInUse && !IsHead(segment));
  assert(info.dead == info.filled && info.unused == 0 && info.room == 0);
  filled_bytes_ -= info.filled;
  dead_bytes_ -= info.dead;
  taken_bytes_ -= taken_bytes(segment);
  retired_bytes_ += taken_bytes(segment);
  info.retired = eras_->now();
  info.state = State::kRetired;
}

void SegmentStore::FreeUnpinned() {
  if (retired_bytes_ == 0) return;
  for (Segment segment = 0; NextRetired(&segment); ++segment) {
    if (eras_->Pinned(segments_[segment].born, segments_[segment].retired)) continue;
    retired_bytes_ -= taken_bytes(segment);
    GiveBack(segment);
  }
}

bool SegmentStore::IsFull(std::size_t group) const {
  if ((group + 1) * kGroup > segments_.size()) return false;
  for (std::size_t i = group * kGroup; i < (group + 1) * kGroup; ++i) {
    const State state = segments_[i].state;
    if ((state != State::kInUse && state != State::kRun) || IsHead(static_cast<Segment>(i))) {
      return false;
    }
  }
  return true;
}

void SegmentStore::Unite(std::size_t group) {
  const bool united = MemoryDoor::UnitePages(base_ + group * MemoryDoor::kHugePageBytes);
  groups_[group] = united ? Group::kUnited : Group::kRefused;
}

void SegmentStore::Divide(Segment segment) {
  const std::size_t first = segment / kGroup;
  const std::size_t last = (segment + segments_[segment].run - 1) / kGroup;
  for (std::size_t group = first; group <= last; ++group) {
    if (groups_[group] == Group::kUnited) {
      MemoryDoor::DividePages(base_ + group * MemoryDoor::kHugePageBytes);
    }
    if (groups_[group] != Group::kNew) groups_[group] = Group::kDivided;
  }
}

bool SegmentStore::UniteOne() {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const std::size_t group = (next_group_ + i) % groups_.size();
    const bool wants = groups_[group] == Group::kNew || groups_[group] == Group::kDivided;
    if (!wants || !IsFull(group)) continue;
    Unite(group);
    next_group_ = group + 1;
    return true;
  }
  return false;
}

void SegmentStore::GiveBack(Segment segment) {
  Divide(segment);
  door_->ReturnPages(kSegments, base_ + segment * kSegmentBytes, taken_bytes(segment));
  const std::uint32_t run = segments_[segment].run;
  for (std::uint32_t i = 0; i < run; ++i) segments_[segment + i] = {};
  first_free_ = std::min(first_free_, segment);
}

void SegmentStore::Seal() { heads_[0] = heads_[1] = kNoSegment; }

}  // namespace strata::packed
