#include "cache/packed/segment_store.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace strata::packed {
namespace {

// As much as a location can name.
constexpr std::size_t kLargestRangeBytes = std::size_t{1} << kLocationBits;
constexpr std::size_t kSmallestRangeBytes = std::size_t{1} << 30;
// Under a limit, addresses a byte of it: a segment is left where a blob of half its size does not
// fit, and large blobs want their segments side by side.
constexpr std::size_t kAddressesPerByte = 4;

std::size_t RangeFor(std::uint64_t most_bytes) {
  const std::size_t most = std::min<std::uint64_t>(most_bytes, kLargestRangeBytes);
  const std::size_t wanted = kSmallestRangeBytes + most * kAddressesPerByte;
  return std::min(wanted / kSmallestRangeBytes * kSmallestRangeBytes, kLargestRangeBytes);
}

}  // namespace

SegmentStore::SegmentStore(MemoryDoor* door, const Eras* eras, std::uint64_t most_bytes)
    : door_(door), eras_(eras), segments_(door), groups_(door) {
  Seal();
  base_ = static_cast<std::uint8_t*>(
      MemoryDoor::ReserveUpTo(RangeFor(most_bytes), kSmallestRangeBytes, &range_bytes_));
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
  retired_ = kNoSegment;
  Seal();
  filled_bytes_ = dead_bytes_ = taken_bytes_ = retired_bytes_ = 0;
  room_bytes_ = untaken_bytes_ = 0;
  first_guards_bytes_ = 0;
}

std::size_t SegmentStore::FreeRun(std::size_t run) const {
  if (run == 1) {
    // In the fullest group that is not full; among equals in the first.
    std::size_t best = groups_.size();
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      const std::uint8_t used = groups_[group].used;
      if (used < kGroup && (best == groups_.size() || used > groups_[best].used)) best = group;
    }
    std::size_t at = best * kGroup;
    while (at < segments_.size() && segments_[at].state != State::kFree) ++at;
    return at;
  }
  std::size_t first = 0;
  for (std::size_t at = 0; at < first + run && at < segments_.size(); ++at) {
    if (segments_[at].state != State::kFree) first = at + 1;
  }
  return first;
}

void SegmentStore::CountUsed(Segment segment, bool used) {
  for (std::size_t i = segment; i < segment + segments_[segment].run; ++i) {
    std::uint8_t& count = groups_[i / kGroup].used;
    count = static_cast<std::uint8_t>(used ? count + 1 : count - 1);
  }
}

SegmentStore::Segment SegmentStore::Take(std::size_t run, std::size_t bytes, Room room) {
  const std::size_t first = FreeRun(run);
  if (first + run > range_bytes_ / kSegmentBytes) {
    out_of_addresses_ = true;
    return kNoSegment;
  }
  if (first + run > segments_.size()) {
    const std::size_t groups = (first + run + kGroup - 1) / kGroup;
    if (!segments_.TryReserve(first + run) || !groups_.TryReserve(groups)) return kNoSegment;
    while (groups_.size() < groups) {
      groups_.SetSize(groups_.size() + 1);
      groups_.back() = Group{};
    }
    const std::size_t old_size = segments_.size();
    segments_.SetSize(first + run);
    std::fill(segments_.begin() + old_size, segments_.end(), Info{});
  }
  const Segment taken = static_cast<Segment>(first);
  // Whether the run begins the range, where its blob lies a little further back, or not.
  std::size_t from = StepsFor(kFirstLocation + room.from);
  std::size_t to = (room.from + room.bytes) / kStepBytes;
  if (run == 1 || from >= to) from = to = 0;
  if (!TakePages(taken, bytes - (to - from) * kStepBytes)) return kNoSegment;
  for (std::size_t i = 1; i < run; ++i) segments_[first + i] = {.state = State::kRun};
  Info& info = segments_[first];
  info.run = static_cast<std::uint32_t>(run);
  info.born = info.oldest = eras_->now();
  info.state = State::kInUse;
  info.untaken_from = static_cast<std::uint32_t>(from);
  info.untaken_to = static_cast<std::uint32_t>(to);
  untaken_bytes_ += info.untaken_bytes();
  CountUsed(taken, true);
  if (first == 0) {
    info.filled = info.dead = kFirstLocation;
    filled_bytes_ += kFirstLocation;
    dead_bytes_ += kFirstLocation;
  }
  return taken;
}

bool SegmentStore::TakePages(Segment segment, std::size_t bytes) {
  Info& info = segments_[segment];
  if (bytes <= info.taken) return true;
  const std::size_t wanted = StepsFor(bytes) * kStepBytes;
  const std::size_t more = wanted - info.taken;
  if (!door_->TryTakePages(kSegments, more)) return false;
  info.taken += more;
  taken_bytes_ += more;
  return true;
}

bool SegmentStore::TakeRoom(Location location, std::size_t front, std::size_t back) {
  Info& info = segments_[SegmentOf(location)];
  const std::size_t before = info.untaken_bytes();
  if (before == 0) return true;
  const std::size_t begin = location % kSegmentBytes;
  const std::size_t end = begin + At(location).total_bytes;
  const std::size_t from = std::max<std::size_t>(info.untaken_from, StepsFor(begin + front));
  const std::size_t to = std::min<std::size_t>(info.untaken_to, (end - back) / kStepBytes);
  const std::size_t left = from < to ? (to - from) * kStepBytes : 0;
  const std::size_t more = before - left;
  if (more == 0) return true;
  if (!door_->TryTakePages(kSegments, more)) return false;
  info.untaken_from = left == 0 ? 0 : static_cast<std::uint32_t>(from);
  info.untaken_to = left == 0 ? 0 : static_cast<std::uint32_t>(to);
  untaken_bytes_ -= more;
  info.taken += more;
  taken_bytes_ += more;
  info.filled += more;
  filled_bytes_ += more;
  info.room += more;
  room_bytes_ += more;
  return true;
}

SegmentStore::Segment SegmentStore::SegmentFor(Head head, std::size_t blob_bytes, Room room) {
  const Segment old_head = heads_[static_cast<std::size_t>(head)];
  if (old_head != kNoSegment && segments_[old_head].filled + blob_bytes <= kSegmentBytes) {
    return TakePages(old_head, segments_[old_head].filled + blob_bytes) ? old_head : kNoSegment;
  }
  // In case the run begins the range, a little more than the blob.
  const std::size_t bytes = blob_bytes + kFirstLocation;
  const std::size_t run = (bytes + kSegmentBytes - 1) / kSegmentBytes;
  const Segment segment = Take(run, bytes, room);
  if (segment == kNoSegment) return kNoSegment;
  segments_[segment].head = head;
  // A blob that fills a run, or most of a segment, leaves the head where it was.
  const bool better_head = old_head == kNoSegment || blob_bytes < segments_[old_head].filled;
  if (run == 1 && (better_head || blob_bytes < kSegmentBytes / 2)) {
    heads_[static_cast<std::size_t>(head)] = segment;
    // The segment that was the head is filled, and perhaps its group with it.
    if (old_head != kNoSegment) {
      const std::size_t group = old_head / kGroup;
      if (groups_[group].state == Group::State::kNew && IsFull(group)) Unite(group);
    }
  }
  return segment;
}

std::uint8_t* SegmentStore::Append(Head head, BlobKind kind, std::size_t payload_bytes,
                                   Location* location, Room room) {
  const std::uint64_t header =
      (static_cast<std::uint64_t>(payload_bytes) << 2) | static_cast<std::uint64_t>(kind);
  const std::size_t blob_bytes = VarintSize(header) + payload_bytes;
  room.from += VarintSize(header);
  const Segment segment = SegmentFor(head, blob_bytes, room);
  if (segment == kNoSegment) return nullptr;
  Info& info = segments_[segment];
  *location = segment * kSegmentBytes + info.filled;
  info.filled += blob_bytes - info.untaken_bytes();
  filled_bytes_ += blob_bytes - info.untaken_bytes();
  return WriteVarint(header, base_ + *location);
}

void SegmentStore::Kill(Location location, std::size_t counted_dead, std::size_t room) {
  FillRoom(location, room - UntakenRoom(location));
  // The kind is in the lowest bits of the head's first byte.
  const std::atomic_ref<std::uint8_t> head(base_[location]);
  AddDead(SegmentOf(location), HeldBytes(location) - counted_dead);
  head.store(head.load(std::memory_order_relaxed) | static_cast<std::uint8_t>(BlobKind::kDead),
             std::memory_order_relaxed);
}

void SegmentStore::AddUnused(Location location, std::size_t bytes) {
  const Segment segment = SegmentOf(location);
  AddDead(segment, bytes);
  Info& info = segments_[segment];
  info.last_loss = now();
  if (info.unused == 0) info.first_loss = info.last_loss;
  info.unused += bytes;
}

void SegmentStore::RemoveUnused(Location location, std::size_t bytes) {
  Info& info = segments_[SegmentOf(location)];
  info.dead -= bytes;
  info.unused -= bytes;
  dead_bytes_ -= bytes;
}

void SegmentStore::MoveUnused(Location from, Location to, std::size_t bytes, Era loss) {
  Info& info = segments_[SegmentOf(to)];
  AddDead(SegmentOf(to), bytes);
  info.first_loss = info.unused == 0 ? loss : std::min(info.first_loss, loss);
  info.unused += bytes;
  info.last_loss = std::max(info.last_loss, loss);
  DropUnused(from, bytes);
}

void SegmentStore::DropUnused(Location location, std::size_t bytes) {
  segments_[SegmentOf(location)].unused -= bytes;
  Kill(location, bytes);
}

std::uint64_t SegmentStore::UnusedBytesKept(const Eras::Guards& guards) const {
  std::uint64_t bytes = 0;
  if (!guards.any()) return bytes;
  for (Segment segment = 0; NextSegment(&segment); ++segment) {
    if (UnusedPinned(segment, guards)) bytes += segments_[segment].unused;
  }
  return bytes;
}

bool SegmentStore::MayCopy(Segment segment, bool may_retain) const {
  const Info& info = segments_[segment];
  if (info.dead == info.filled || !eras_->Pinned(info.born, now())) return true;
  if (!may_retain) return false;
  const std::uint64_t beside =
      eras_->FirstPins(info.born, now()) ? 0 : std::min(first_guards_bytes_, retired_bytes_);
  return retired_bytes_ - beside <= dead_bytes_ - std::min(dead_bytes_, unused_kept_bytes_);
}

std::uint64_t SegmentStore::UnusedKept(Segment segment) const {
  const Info& info = segments_[segment];
  return info.unused > 0 && eras_->Pinned(info.oldest, info.first_loss) ? info.unused : 0;
}

double SegmentStore::GainOf(Segment segment, const Wanted& wanted) const {
  const Info& info = segments_[segment];
  std::uint64_t gain = info.dead - UnusedKept(segment);
  if (wanted.with_room) gain += info.room;
  if (wanted.with_addresses || (wanted.with_room && info.taken <= kMostCopied)) {
    gain += info.untaken_bytes();
  }
  return static_cast<double>(gain) / static_cast<double>(info.taken);
}

bool SegmentStore::SealWasteful(const Wanted& wanted) {
  bool any = false;
  for (Segment& head : heads_) {
    if (head == kNoSegment || GainOf(head, wanted) < wanted.least_share) continue;
    head = kNoSegment;
    any = true;
  }
  return any;
}

SegmentStore::Segment SegmentStore::Search(const Wanted& wanted) {
  Segment best = kNoSegment;
  double best_share = wanted.least_share;
  const bool all = segments_.size() <= wanted.most_looked_at;
  const std::size_t begin = all || next_search_ >= segments_.size() ? 0 : next_search_;
  const std::size_t end = std::min(segments_.size(), begin + wanted.most_looked_at);
  next_search_ = end;
  std::uint64_t unused_kept = 0;
  for (Segment segment = static_cast<Segment>(begin); NextSegment(&segment) && segment < end;
       ++segment) {
    if (IsHead(segment)) continue;
    const Info& info = segments_[segment];
    if (info.dead == info.filled && info.unused == 0) {
      Retire(segment);
      continue;
    }
    unused_kept += UnusedKept(segment);
    const double share = GainOf(segment, wanted);
    if (share > 0 && share >= best_share && MayCopy(segment, wanted.may_retain)) {
      best = segment;
      best_share = share;
    }
  }
  unused_kept_bytes_ = unused_kept;
  return best;
}

template <class IsWanted>
SegmentStore::Segment SegmentStore::FirstBefore(Era era, std::size_t most_looked_at, Segment* from,
                                                IsWanted wanted) const {
  const std::size_t end = std::min(segments_.size(), *from + most_looked_at);
  for (; *from < end; ++*from) {
    const Info& info = segments_[*from];
    if (info.state != State::kInUse || IsHead(*from) || info.born >= era) continue;
    if (wanted(*from)) return *from;
  }
  return kNoSegment;
}

SegmentStore::Segment SegmentStore::OlderThan(Era era, std::size_t most_looked_at,
                                              Segment* from) const {
  return FirstBefore(era, most_looked_at, from,
                     [this](Segment segment) { return !HoldsStrings(segment); });
}

SegmentStore::Segment SegmentStore::DroppableBefore(Era era, std::size_t most_looked_at,
                                                    Segment* from) const {
  return FirstBefore(era, most_looked_at, from, [this](Segment segment) {
    return segments_[segment].unused > 0 && !UnusedPinned(segment);
  });
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
  untaken_bytes_ -= info.untaken_bytes();
  retired_bytes_ += taken_bytes(segment);
  info.retired = eras_->now();
  info.state = State::kRetired;
  info.next = std::exchange(retired_, segment);
}

void SegmentStore::FreeUnpinned() {
  Segment kept = kNoSegment;
  first_guards_bytes_ = 0;
  while (retired_ != kNoSegment) {
    const Segment segment = retired_;
    Info& info = segments_[segment];
    retired_ = info.next;
    if (eras_->Pinned(info.born, info.retired)) {
      info.next = std::exchange(kept, segment);
      if (!eras_->OthersPin(info.born, info.retired)) first_guards_bytes_ += info.taken;
    } else {
      retired_bytes_ -= taken_bytes(segment);
      GiveBack(segment);
    }
  }
  retired_ = kept;
}

// Where the run begins that the group begins with, or in.
SegmentStore::Segment SegmentStore::FirstRun(std::size_t group) const {
  Segment first = static_cast<Segment>(group * kGroup);
  while (segments_[first].state == State::kRun) --first;
  return first;
}

bool SegmentStore::LacksPagesIn(Segment segment, std::size_t group) const {
  const Info& info = segments_[segment];
  constexpr std::size_t kSteps = kSegmentBytes / kStepBytes;
  return info.untaken_from < info.untaken_to &&
         segment * kSteps + info.untaken_from < (group + 1) * kGroup * kSteps &&
         segment * kSteps + info.untaken_to > group * kGroup * kSteps;
}

bool SegmentStore::IsFull(std::size_t group) const {
  if (groups_[group].used < kGroup) return false;
  std::size_t untaken = 0;
  for (Segment i = FirstRun(group); i < (group + 1) * kGroup; i += segments_[i].run) {
    if (segments_[i].state == State::kRetired || IsHead(i)) return false;
    if (LacksPagesIn(i, group)) return false;
    untaken += segments_[i].run * kSegmentBytes - segments_[i].taken - segments_[i].untaken_bytes();
  }
  return untaken <= kMostUntaken;
}

std::size_t SegmentStore::Movable(std::size_t group) const {
  std::size_t count = 0;
  const std::size_t end = std::min((group + 1) * kGroup, segments_.size());
  for (std::size_t i = group * kGroup; i < end; ++i) {
    // A run is as good as full.
    if (segments_[i].state == State::kRun || segments_[i].run > 1) return 0;
    if (segments_[i].state == State::kInUse && !IsHead(static_cast<Segment>(i))) ++count;
  }
  return count;
}

SegmentStore::Segment SegmentStore::Scattered() const {
  std::size_t emptiest = groups_.size();
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    const std::uint8_t used = groups_[group].used;
    if (used == kGroup || Movable(group) == 0) continue;
    if (emptiest == groups_.size() || used < groups_[emptiest].used) emptiest = group;
  }
  if (emptiest == groups_.size()) return kNoSegment;
  std::size_t room = 0;
  for (const Group& group : groups_) {
    if (group.used > groups_[emptiest].used) room += kGroup - group.used;
  }
  if (room < Movable(emptiest)) return kNoSegment;
  Segment segment = static_cast<Segment>(emptiest * kGroup);
  while (segments_[segment].state != State::kInUse || IsHead(segment)) ++segment;
  return segment;
}

// Takes all pages of the runs that lie in the group: one huge page makes all of them resident.
bool SegmentStore::TakeWhole(std::size_t group) {
  for (Segment i = FirstRun(group); i < (group + 1) * kGroup; i += segments_[i].run) {
    const Info& info = segments_[i];
    if (!TakePages(i, info.run * kSegmentBytes - info.untaken_bytes())) return false;
  }
  return true;
}

void SegmentStore::Unite(std::size_t group) {
  if (!TakeWhole(group)) return;
  const bool united = MemoryDoor::UnitePages(base_ + group * MemoryDoor::kHugePageBytes);
  groups_[group].state = united ? Group::State::kUnited : Group::State::kRefused;
}

void SegmentStore::Divide(Segment segment) {
  const std::size_t first = segment / kGroup;
  const std::size_t last = (segment + segments_[segment].run - 1) / kGroup;
  for (std::size_t group = first; group <= last; ++group) {
    Group::State& state = groups_[group].state;
    if (state == Group::State::kUnited) {
      MemoryDoor::DividePages(base_ + group * MemoryDoor::kHugePageBytes);
    }
    if (state != Group::State::kNew) state = Group::State::kDivided;
  }
}

bool SegmentStore::UniteOne() {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const std::size_t group = (next_group_ + i) % groups_.size();
    const Group::State state = groups_[group].state;
    const bool wants = state == Group::State::kNew || state == Group::State::kDivided;
    if (!wants || !IsFull(group)) continue;
    Unite(group);
    if (groups_[group].state == state) continue;  // without memory
    next_group_ = group + 1;
    return true;
  }
  return false;
}

const char* SegmentStore::Fault() const {
  std::uint64_t filled = 0;
  std::uint64_t dead = 0;
  std::uint64_t room = 0;
  std::uint64_t taken = 0;
  std::uint64_t untaken = 0;
  std::uint64_t retired = 0;
  std::size_t retired_segments = 0;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    std::size_t used = 0;
    const std::size_t end = std::min((group + 1) * kGroup, segments_.size());
    for (std::size_t i = group * kGroup; i < end; ++i) used += segments_[i].state != State::kFree;
    if (used != groups_[group].used) return "a group counts other segments than are in use";
  }
  for (Segment segment = 0; segment < segments_.size();) {
    const Info& info = segments_[segment];
    if (info.state == State::kRun) return "a segment goes on with what none begins";
    if (info.run == 0 || info.run > segments_.size() - segment) return "a run passes the list";
    for (std::uint32_t i = 1; i < info.run; ++i) {
      if (segments_[segment + i].state != State::kRun) return "a run is shorter than it says";
    }
    if (info.filled > info.taken || info.taken > info.run * kSegmentBytes) {
      return "a segment is filled beyond its pages";
    }
    if (info.untaken_from > info.untaken_to ||
        info.taken + info.untaken_bytes() > info.run * kSegmentBytes) {
      return "a run has no pages where it has no segments";
    }
    if (info.dead + info.room > info.filled || info.unused > info.dead) {
      return "of a segment more is dead than is filled";
    }
    if (info.state == State::kRetired) {
      retired += info.taken;
      ++retired_segments;
    } else {
      filled += info.filled;
      dead += info.dead;
      room += info.room;
      taken += info.taken;
      untaken += info.untaken_bytes();
    }
    segment += info.run;
  }
  for (const Segment head : heads_) {
    if (head != kNoSegment && segments_[head].state != State::kInUse) return "a head is not in use";
  }
  for (Segment at = retired_; at != kNoSegment; at = segments_[at].next) {
    if (segments_[at].state != State::kRetired || retired_segments == 0) {
      return "a segment is listed as retired that is not, or twice";
    }
    --retired_segments;
  }
  if (retired_segments != 0) return "a retired segment is not listed so";
  if (filled != filled_bytes_) return "the log counts other bytes as filled than its segments";
  if (dead != dead_bytes_) return "the log counts other bytes as dead than its segments";
  if (room != room_bytes_) return "the log counts other bytes as room than its segments";
  if (taken != taken_bytes_) return "the log counts other bytes as taken than its segments";
  if (untaken != untaken_bytes_) return "the log counts other room without pages than its runs";
  if (retired != retired_bytes_) return "the log counts other bytes as retired than its segments";
  return nullptr;
}

std::array<AddressRange, 2> SegmentStore::PagesOf(Segment segment) const {
  const Info& info = segments_[segment];
  const std::uint8_t* const begin = base_ + segment * kSegmentBytes;
  const std::size_t front = info.untaken_from * kStepBytes;
  return {AddressRange{begin, front},
          AddressRange{begin + info.untaken_to * kStepBytes, info.taken - front}};
}

void SegmentStore::GiveBack(Segment segment) {
  Divide(segment);
  for (const AddressRange& pages : PagesOf(segment)) {
    if (pages.size_bytes == 0) continue;
    door_->ReturnPages(kSegments, const_cast<void*>(pages.begin), pages.size_bytes);
  }
  CountUsed(segment, false);
  const std::uint32_t run = segments_[segment].run;
  for (std::uint32_t i = 0; i < run; ++i) segments_[segment + i] = {};
}

void SegmentStore::Seal() { heads_.fill(kNoSegment); }

}  // namespace strata::packed
