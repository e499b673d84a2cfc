// The log: blobs in segments of 256 KiB, inside one reserved range of addresses.
//
//     range  │ seg 0 │ seg 1 │ seg 2 │ … reserved, not committed …                    │
//     seg    │ blob │ blob │░dead░│ blob │ … free until the segment is full │
//     blob   │ varint: payload bytes << 2 | kind │ payload │
//
// A location is a blob's offset in the range, in bytes, below 2^40; the first eight are never a
// blob's, so that 0 can stand for none. A blob is written once, at a head, before anyone knows its
// location, and lies where it is; of its head only the kind changes, when it dies. Its segment is
// retired when the cleaner has moved what still lives, and goes back to the system when no guard
// may look at it any more (eras.h). A blob larger than a segment has a run of segments of its own.
//
// Eight segments side by side, at a multiple of their size, are a group. Once all are in use and
// filled it is backed by a huge page, which halves what a miss costs; when one of them goes back
// the group is divided again. So that groups become full, a segment is taken from the fullest group
// that has a free one, and the idle cleaner empties the emptiest (Scattered).
//
// There are four heads. What is written now and what the cleaner moves are of different ages, and
// kept apart (Rumble et al., "Log-structured Memory for DRAM-based Storage", FAST 2014); so are the
// dictionary's strings, which outlive the entries that name them and are looked at from everywhere:
// side by side they fill fewer lines of the processor's caches.
//
// A segment takes its pages as it fills, so that four heads cost a small store little. A run takes
// none in the midst of its blob's room, until something is to be written there.
//
// Of a segment's dead bytes some are *unused*: strings that nobody names any more but that a guard
// may still be reading (dictionary.h). The segment knows how old its oldest string is and when it
// lost the first and the last of them. Strings that the cleaner moves and that an open guard may
// have met have the fourth head, so that segments of strings written since hold nothing that guard
// keeps.
//
// What is cleaned while guards are open stays beside its copy until they end. So a segment that
// they keep is cleaned only as long as no more is retired than is dead: dead bytes are less the
// more is cleaned, retired ones more, and their sum is least where they are equal. What the guard
// that began first keeps alone, which may be one that was forgotten, is held against those segments
// only that it would keep, too.
//
// Threads: one writer. A reader may follow any location it got from a slot in the era of its
// operation (eras.h).
#ifndef STRATA_CACHE_PACKED_SEGMENT_STORE_H_
#define STRATA_CACHE_PACKED_SEGMENT_STORE_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/eras.h"
#include "cache/packed/layers.h"
#include "cache/packed/prefetch.h"
#include "cache/packed/try_array.h"
#include "cache/packed/varint.h"

namespace strata::packed {

using Location = std::uint64_t;
inline constexpr Location kNowhere = 0;
inline constexpr Location kFirstLocation = 8;
inline constexpr unsigned kLocationBits = 40;

enum class BlobKind : std::uint8_t {
  kString = 0,  ///< a dictionary string: the bytes
  kEntry = 1,   ///< an entry of a large outer
  kOuter = 2,   ///< an outer, with its entries or the number of its table
  kDead = 3,    ///< was one of these
};

/// A blob as it lies in the log.
struct Blob {
  BlobKind kind;
  const std::uint8_t* payload;
  std::size_t payload_bytes;
  std::size_t total_bytes;  ///< head and payload
};

class SegmentStore {
 public:
  static constexpr std::size_t kSegmentBytes = std::size_t{256} << 10;
  using Segment = std::uint32_t;
  static constexpr Segment kNoSegment = 0xFFFFFFFF;

  static constexpr std::size_t kFetchBytes = 512;
  /// Pages are taken in steps of so many bytes.
  static constexpr std::size_t kStepBytes = std::size_t{16} << 10;

  enum class Head : std::uint8_t { kWrite, kClean, kStrings, kOldStrings };
  static constexpr std::size_t kHeads = 4;

  /// Addresses for a log of at most `most_bytes`, or of as many bytes as a location can name; fewer
  /// where the process has few left (MemoryDoor::ReserveUpTo).
  SegmentStore(MemoryDoor* door, const Eras* eras, std::uint64_t most_bytes = MemoryDoor::kNoLimit);
  SegmentStore(const SegmentStore&) = delete;
  SegmentStore& operator=(const SegmentStore&) = delete;
  ~SegmentStore();

  /// Whether the range could be reserved; nothing else may be called where it was not.
  bool ok() const { return base_ != nullptr; }
  /// Whether a blob found no place for want of addresses, since that was last forgotten.
  bool out_of_addresses() const { return out_of_addresses_; }
  void ForgetRefused() { out_of_addresses_ = false; }
  std::size_t range_bytes() const { return range_bytes_; }

  /// The part of a payload that is filled later.
  struct Room {
    std::size_t from;
    std::size_t bytes;
  };
  /// Writes a blob's head and returns where its payload goes; the caller fills it, but for `room`,
  /// before anyone sees `*location`. Null when there is no memory. In a blob that has a run of
  /// segments to itself the steps that are all room take no pages until TakeRoom.
  std::uint8_t* Append(Head head, BlobKind kind, std::size_t payload_bytes, Location* location,
                       Room room = {});

  /// The blob at a location.
  Blob At(Location location) const { return BlobAt(Address(location)); }
  static Blob BlobAt(const std::uint8_t* start) {
    std::uint64_t header = 0;
    const std::uint8_t* const payload = ReadMarkedVarint(start, &header);
    const std::size_t size = static_cast<std::size_t>(header >> 2);
    return {static_cast<BlobKind>(header & 3), payload, size,
            static_cast<std::size_t>(payload - start) + size};
  }
  const std::uint8_t* Address(Location location) const { return base_ + location; }
  /// Fetches a blob's first lines side by side: one wait for what a walk would wait for one by one.
  void Fetch(Location location) const { FetchLines(base_ + location, kFetchBytes); }

  /// The blob at `location` is out of reach. Of its bytes `counted_dead` were counted dead before,
  /// and `room` as room.
  void Kill(Location location, std::size_t counted_dead = 0, std::size_t room = 0);
  /// So many bytes of a live blob are dead.
  void AddDeadIn(Location location, std::size_t bytes) { AddDead(SegmentOf(location), bytes); }
  /// So many bytes of a live blob are room to grow, those without pages among them.
  void AddRoom(Location location, std::size_t bytes) {
    bytes -= UntakenRoom(location);
    segments_[SegmentOf(location)].room += bytes;
    room_bytes_ += bytes;
  }
  /// The bytes of a blob that has not been killed, but for room without pages.
  std::size_t HeldBytes(Location location) const {
    return At(location).total_bytes - UntakenRoom(location);
  }
  /// The bytes of a live blob that have no pages.
  std::size_t UntakenRoom(Location location) const {
    return segments_[SegmentOf(location)].untaken_bytes();
  }
  /// Takes pages for the room of a live blob but for what lies behind its first `front` bytes, its
  /// head among them, and before its last `back`. False when there is no memory.
  bool TakeRoom(Location location, std::size_t front, std::size_t back);
  /// So many of them no more; they have pages.
  void FillRoom(Location location, std::size_t bytes) {
    segments_[SegmentOf(location)].room -= bytes;
    room_bytes_ -= bytes;
  }

  // Strings that nobody names.
  /// The string at `location` is named no more: from now on its bytes count as dead.
  void AddUnused(Location location, std::size_t bytes);
  /// It is named again.
  void RemoveUnused(Location location, std::size_t bytes);
  /// A string that lay at `from` was written anew at `to`.
  void InheritAge(Location from, Location to) {
    Era& oldest = segments_[SegmentOf(to)].oldest;
    oldest = std::min(oldest, segments_[SegmentOf(from)].oldest);
  }
  /// An unused one, lost then, was written anew at `to`, from where it lay at `from`, where it
  /// counts no more as unused.
  void MoveUnused(Location from, Location to, std::size_t bytes, Era loss);
  /// It is gone; its bytes stay dead.
  void DropUnused(Location location, std::size_t bytes);
  /// Whether one that was lost then may go: not in this era, of which not all guards are known, and
  /// before all that Eras::Advance found may have read it.
  bool MayDrop(Location location, Era loss) const {
    return loss < now() && !eras_->Pinned(segments_[SegmentOf(location)].oldest, loss);
  }
  /// Whether one of these guards may have met a string that lies there, so that it keeps the string
  /// if it is lost now.
  bool IsOfGuards(Location location) const {
    return eras_->Pinned(segments_[SegmentOf(location)].oldest, now());
  }
  /// Whether a guard that Eras::Advance found may be reading an unused string of this segment.
  bool UnusedPinned(Segment segment) const {
    const Info& info = segments_[segment];
    return eras_->Pinned(info.oldest, info.last_loss);
  }
  /// Whether one of these may be.
  bool UnusedPinned(Segment segment, const Eras::Guards& guards) const {
    return guards.Pin(segments_[segment].oldest, segments_[segment].last_loss);
  }
  /// The bytes of unused strings that these guards keep. Looks at every segment.
  std::uint64_t UnusedBytesKept(const Eras::Guards& guards) const;
  std::uint64_t unused_bytes(Segment segment) const { return segments_[segment].unused; }
  Era now() const { return eras_->now(); }

  /// What a search of the cleaner looks for.
  struct Wanted {
    double least_share = 0;  ///< of a segment's pages that cleaning it would give back
    bool with_room = false;  ///< whether room of lists is among that
    /// Whether that of long lists is, which has no pages: addresses are wanted.
    bool with_addresses = false;
    bool may_retain = true;      ///< whether there is memory for what stays beside its copy
    std::size_t most_looked_at;  ///< segments
  };
  /// Looks at so many segments, no heads, from where it last ended, or at all from the first if
  /// there are no more. Those in which nothing lives and nothing is unused it retires; of the
  /// others, the one with the largest share, or kNoSegment. What guards keep from being dropped is
  /// in no share, as far as one can tell.
  Segment Search(const Wanted& wanted);
  /// A segment, no head, of the emptiest group there is, if fuller groups have room for all of that
  /// group's; else kNoSegment. Emptied one by one, few groups are left that are neither full nor
  /// free.
  Segment Scattered() const;
  /// The first segment at or behind `*from`, no head, that was taken before this era and holds
  /// entries and outers; kNoSegment where none of the next `most_looked_at` is one. `*from` is then
  /// where to go on: at size() there is none left.
  Segment OlderThan(Era era, std::size_t most_looked_at, Segment* from) const;
  /// One with unused strings that may be dropped, likewise.
  Segment DroppableBefore(Era era, std::size_t most_looked_at, Segment* from) const;
  /// Walks a segment: first call with `offset` 0; false at the end of what is filled.
  bool NextBlob(Segment segment, std::size_t* offset, Location* location, Blob* blob) const;
  /// Takes the segment (with its run) out of use: nothing in it is in reach any more.
  void Retire(Segment segment);
  /// Gives retired segments that the guards found by Eras::Advance do not pin back to the system.
  void FreeUnpinned();
  /// Backs one full group that is divided by a huge page; false where there is none.
  bool UniteOne();
  /// Gives everything back. No reader may be about.
  void Clear();
  /// Seals the head segments, so that the cleaner may take them; used when nothing else is left.
  void Seal();
  /// Seals those heads of which cleaning would give back that much; whether there was one.
  bool SealWasteful(const Wanted& wanted);

  static std::size_t StepsFor(std::size_t bytes) { return (bytes + kStepBytes - 1) / kStepBytes; }
  static Segment SegmentOf(Location location) {
    return static_cast<Segment>(location / kSegmentBytes);
  }
  static Location StartOf(Segment segment) { return Location{segment} * kSegmentBytes; }
  /// How many there are, with the free ones among them.
  std::size_t size() const { return segments_.size(); }
  std::uint64_t filled_bytes() const { return filled_bytes_; }
  std::uint64_t dead_bytes() const { return dead_bytes_; }
  std::uint64_t room_bytes() const { return room_bytes_; }
  /// Of all rooms, what has no pages.
  std::uint64_t untaken_bytes() const { return untaken_bytes_; }
  /// Of the segments in use, without the retired.
  std::uint64_t taken_bytes() const { return taken_bytes_; }
  std::uint64_t retired_bytes() const { return retired_bytes_; }
  bool IsHead(Segment segment) const {
    return std::find(heads_.begin(), heads_.end(), segment) != heads_.end();
  }
  /// Whether writes filled it: nothing in it was moved before.
  bool IsFresh(Segment segment) const { return segments_[segment].head == Head::kWrite; }
  std::uint64_t dead_bytes(Segment segment) const { return segments_[segment].dead; }
  std::uint64_t room_bytes(Segment segment) const { return segments_[segment].room; }

  /// Walks all segments in use: `segment` 0 first, then what it was left at plus one; false at the
  /// end. For footprints and validation.
  bool NextSegment(Segment* segment) const { return NextOf(State::kInUse, segment); }
  /// The retired ones likewise.
  bool NextRetired(Segment* segment) const { return NextOf(State::kRetired, segment); }
  /// Where the pages lie that a segment's run has taken: side by side, or in two parts.
  std::array<AddressRange, 2> PagesOf(Segment segment) const;
  /// Bytes of the pages a segment's run has taken, and of them what blobs, dead or live, fill.
  std::uint64_t taken_bytes(Segment segment) const { return segments_[segment].taken; }
  std::uint64_t filled_bytes(Segment segment) const { return segments_[segment].filled; }
  /// What is not as it must be among the segments' own figures and their sums; null where all is.
  const char* Fault() const;
  void AddListTo(Layer* layer) const {
    segments_.AddTo(layer);
    groups_.AddTo(layer);
  }

 private:
  friend struct Tamper;  // tests/cache/packed_validate_test.cc
  enum class State : std::uint8_t { kFree, kInUse, kRetired, kRun };
  struct Info {
    std::uint64_t filled = 0;  // bytes of blobs, from the segment's start, that have pages
    std::uint64_t taken = 0;   // bytes of pages
    std::uint64_t dead = 0;
    std::uint64_t unused = 0;  // of those, strings that nobody names
    std::uint64_t room = 0;    // in growing lists
    // Of a run with one blob: which of its steps, that are room, have no pages.
    std::uint32_t untaken_from = 0;
    std::uint32_t untaken_to = 0;
    Era born = 0;
    Era retired = 0;
    Era oldest = 0;              // no string in it is older
    Era first_loss = 0;          // of its unused strings none was lost before
    Era last_loss = 0;           // when it last got one
    std::uint32_t run = 1;       // segments of a large blob's run, counted at its first
    Segment next = kNoSegment;   // of the retired
    State state = State::kFree;  // kRun: a large blob goes on here
    Head head = Head::kWrite;    // what it was filled at

    std::size_t untaken_bytes() const {
      return std::size_t{untaken_to - untaken_from} * kStepBytes;
    }
  };
  static_assert(sizeof(Info) == 104);

  bool HoldsStrings(Segment segment) const {
    const Head head = segments_[segment].head;
    return head == Head::kStrings || head == Head::kOldStrings;
  }
  /// The bytes of a segment's unused strings, if all were lost since a guard began that may have
  /// met them; else 0.
  std::uint64_t UnusedKept(Segment segment) const;
  /// Whether what lives in the segment may be copied, though guards would keep the segment beside
  /// its copy: not where too much is retired as it is, or where there is no memory for it.
  bool MayCopy(Segment segment, bool may_retain) const;
  /// What cleaning the segment would give back, now or when guards end, as a share of its pages.
  double GainOf(Segment segment, const Wanted& wanted) const;
  void AddDead(Segment segment, std::size_t bytes) {
    segments_[segment].dead += bytes;
    dead_bytes_ += bytes;
  }
  template <class IsWanted>
  Segment FirstBefore(Era era, std::size_t most_looked_at, Segment* from, IsWanted wanted) const;
  /// Takes a run of free segments, and pages for so many bytes of it but for those that are all
  /// `room`; kNoSegment when range or memory have no more.
  Segment Take(std::size_t run, std::size_t bytes, Room room);
  /// Takes more pages for a segment, until it has them for so many bytes.
  bool TakePages(Segment segment, std::size_t bytes);
  /// The segment a blob of so many bytes goes to, of which `room` is filled later; kNoSegment
  /// without memory.
  Segment SegmentFor(Head head, std::size_t blob_bytes, Room room);
  bool NextOf(State state, Segment* segment) const;
  void GiveBack(Segment segment);

  // Groups.
  static constexpr std::size_t kGroup = MemoryDoor::kHugePageBytes / kSegmentBytes;
  // So many bytes of segments that were sealed early a huge page may add.
  static constexpr std::size_t kMostUntaken = MemoryDoor::kHugePageBytes / 16;
  // Room without pages counts among what cleaning gives back of lists that take at most so much,
  // for they are copied.
  static constexpr std::size_t kMostCopied = std::size_t{16} << 20;
  struct Group {
    enum class State : std::uint8_t { kNew, kUnited, kDivided, kRefused } state = State::kNew;
    std::uint8_t used = 0;  // segments that are not free
  };
  /// Where a run of so many free segments begins; it may lie behind the list's end.
  std::size_t FreeRun(std::size_t run) const;
  /// Whether room of the run that has no pages lies in the group.
  bool LacksPagesIn(Segment segment, std::size_t group) const;
  /// Marks what `segment` begins as used, or as free.
  void CountUsed(Segment segment, bool used);
  /// Segments of a group that are in use and no heads.
  std::size_t Movable(std::size_t group) const;
  Segment FirstRun(std::size_t group) const;
  /// Whether all of it is in use, nearly all of its pages are taken, and none will be given back
  /// before something dies: of a run that reaches into it, all.
  bool IsFull(std::size_t group) const;
  bool TakeWhole(std::size_t group);
  void Unite(std::size_t group);
  void Divide(Segment segment);

  MemoryDoor* door_;
  const Eras* eras_;
  std::uint8_t* base_ = nullptr;
  std::size_t range_bytes_ = 0;
  bool out_of_addresses_ = false;
  TryArray<Info, kSegmentList> segments_;
  TryArray<Group, kSegmentList> groups_;
  std::size_t next_group_ = 0;    // where UniteOne looks first
  std::size_t next_search_ = 0;   // where Search does
  Segment retired_ = kNoSegment;  // the first of them
  std::array<Segment, kHeads> heads_;
  std::uint64_t filled_bytes_ = 0;
  std::uint64_t dead_bytes_ = 0;
  std::uint64_t room_bytes_ = 0;
  std::uint64_t untaken_bytes_ = 0;
  std::uint64_t taken_bytes_ = 0;
  std::uint64_t retired_bytes_ = 0;
  std::uint64_t first_guards_bytes_ = 0;  // of those, what the first guard alone kept
  std::uint64_t unused_kept_bytes_ = 0;   // UnusedKept of what Search looked at last
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_SEGMENT_STORE_H_
