// The log: blobs in segments of 256 KiB, inside one reserved range of addresses.
//
//     range  │ seg 0 │ seg 1 │ seg 2 │ … reserved, not committed …                    │
//     seg    │ blob │ blob │░dead░│ blob │ … free until the segment is full │
//     blob   │ varint: payload bytes << 2 | kind │ payload │
//
// A location is a blob's offset in the range, in bytes, below 2^40; the first eight are never a
// blob's, so that 0 can stand for none. A blob is written once, at a head, and never changes but
// for its kind when it dies: it lies where it is, and its segment goes back to the system when the
// cleaner has moved what still lives. A blob larger than a segment has a run of segments of its
// own.
//
// There are two heads: what is written now and what the cleaner moves are of different ages, and
// kept apart (Rumble et al., "Log-structured Memory for DRAM-based Storage", FAST 2014).
//
// Threads: one writer. A reader may follow any location it got from a live slot.
#ifndef STRATA_CACHE_PACKED_SEGMENT_STORE_H_
#define STRATA_CACHE_PACKED_SEGMENT_STORE_H_

#include <cstddef>
#include <cstdint>

#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "cache/packed/layers.h"
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

  enum class Head : std::uint8_t { kWrite, kClean };

  explicit SegmentStore(MemoryDoor* door);
  SegmentStore(const SegmentStore&) = delete;
  SegmentStore& operator=(const SegmentStore&) = delete;
  ~SegmentStore();

  /// Whether the range could be reserved; nothing else may be called where it was not.
  bool ok() const { return base_ != nullptr; }

  /// Writes a blob's head and returns where its payload goes; the caller fills it before anyone
  /// sees `*location`. Null when there is no memory.
  std::uint8_t* Append(Head head, BlobKind kind, std::size_t payload_bytes, Location* location);

  /// The blob at a live location.
  Blob At(Location location) const {
    const std::uint8_t* const start = base_ + location;
    std::uint64_t header = 0;
    const std::uint8_t* const payload = ReadVarint(start, &header);
    const std::size_t size = static_cast<std::size_t>(header >> 2);
    return {static_cast<BlobKind>(header & 3), payload, size,
            static_cast<std::size_t>(payload - start) + size};
  }
  const std::uint8_t* Address(Location location) const { return base_ + location; }

  /// The live blob at `location` is no longer referred to.
  void Kill(Location location);

  /// The segment, no head, with the largest share of dead bytes, if that is at least `least_share`;
  /// else kNoSegment.
  Segment Victim(double least_share) const;
  /// Walks a segment: first call with `offset` 0; false at the end of what is filled.
  bool NextBlob(Segment segment, std::size_t* offset, Location* location, Blob* blob) const;
  /// Gives the segment (with its run) back. No blob in it may be live.
  void Free(Segment segment);
  /// Gives everything back.
  void Clear();
  /// Seals the head segments, so that the cleaner may take them; used when nothing else is left.
  void Seal();

  static Segment SegmentOf(Location location) {
    return static_cast<Segment>(location / kSegmentBytes);
  }
  std::uint64_t filled_bytes() const { return filled_bytes_; }
  std::uint64_t dead_bytes() const { return dead_bytes_; }
  std::uint64_t taken_bytes() const { return taken_bytes_; }
  bool IsHead(Segment segment) const { return segment == heads_[0] || segment == heads_[1]; }
  std::uint64_t dead_bytes(Segment segment) const { return segments_[segment].dead; }

  /// Walks all segments in use: `segment` 0 first, then what it was left at plus one; false at the
  /// end. For footprints and validation.
  bool NextSegment(Segment* segment) const;
  /// Bytes of the pages a segment's run has taken, and of them what blobs, dead or live, fill.
  std::uint64_t taken_bytes(Segment segment) const {
    return segments_[segment].run * kSegmentBytes;
  }
  std::uint64_t filled_bytes(Segment segment) const { return segments_[segment].filled; }
  void AddListTo(Layer* layer) const { segments_.AddTo(layer); }

 private:
  enum class State : std::uint8_t { kFree, kInUse, kRun };  // kRun: a large blob goes on here
  struct Info {
    std::uint64_t filled = 0;  // bytes of blobs, from the segment's start
    std::uint64_t dead = 0;
    std::uint32_t run = 1;  // segments of a large blob's run, counted at its first
    State state = State::kFree;
  };

  /// Takes a run of segments; kNoSegment when range or memory have no more.
  Segment Take(std::size_t run);

  MemoryDoor* door_;
  std::uint8_t* base_ = nullptr;
  std::size_t range_bytes_ = 0;
  TryArray<Info, kSegmentList> segments_;
  Segment first_free_ = 0;  // no free segment below it
  Segment heads_[2] = {kNoSegment, kNoSegment};
  std::uint64_t filled_bytes_ = 0;
  std::uint64_t dead_bytes_ = 0;
  std::uint64_t taken_bytes_ = 0;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_SEGMENT_STORE_H_
