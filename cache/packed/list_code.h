// How a blob holds an ordered list of records.
//
//     list    │ varint count << 2 | marks │ directory │ record │ record │ …
//     empty   │ 0 │ 0 │
//     growing │ 0 │ 1 │ varint area bytes │ to the next address of 8 │ word │ area │
//       word  │ records: 32 bits │ their bytes: 32 bits │   one atomic
//       area  │ record │ record │ … room … │ directory, backwards │
//     directory: marks, where every so many-th record but the first starts, counted from the first
//                one's start. Where the last start fits one byte (marks 0) or two (1), of every 4th
//                record, in as much; else (2), and in a growing list, of every 16th in four bytes.
//     record  │ varint pairs << 1     │ key token │ value token │ …   its own keys
//             │ varint shape << 1 | 1 │ value token │ …               a shape's keys (shapes.h)
//
// Tokens and shape numbers hold references. Replacing one record of a list copies the others' bytes
// as they are, and their references go with them. A growing list is one that was appended to: a
// record goes into its room, and is there once the word says so.
//
// Threads: reading is free of state; a ListWriter is the writer's.
#ifndef STRATA_CACHE_PACKED_LIST_CODE_H_
#define STRATA_CACHE_PACKED_LIST_CODE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <strata/record.h>

#include "cache/packed/shapes.h"
#include "cache/packed/string_coder.h"
#include "cache/packed/token.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

/// How a directory is written: how wide a mark is, and of every how many-th record there is one, as
/// a power of two.
struct MarkForm {
  std::uint8_t bytes = 4;
  std::uint8_t stride_bits = 4;

  std::size_t stride() const { return std::size_t{1} << stride_bits; }
  /// How many marks so many records have, and their bytes.
  std::size_t Count(std::size_t records) const {
    return records == 0 ? 0 : (records - 1) >> stride_bits;
  }
  std::size_t Bytes(std::size_t records) const { return Count(records) * bytes; }
};
inline constexpr MarkForm kMarkForms[] = {{1, 2}, {2, 2}, {4, 4}};
inline constexpr MarkForm kGrowingMarks = kMarkForms[2];

/// A stored record: where its tokens are.
struct StoredRecord {
  std::size_t pairs = 0;
  const std::uint8_t* shape_keys = nullptr;  ///< null where it has keys of its own
  const std::uint8_t* tokens = nullptr;
  ShapeId shape = 0;  ///< where it has one

  /// Calls visit(key token, value token) for each pair until it answers false; returns the byte
  /// after the last token read.
  template <class Visit>
  const std::uint8_t* ForEach(Visit visit) const {
    const std::uint8_t* keys = shape_keys;
    const std::uint8_t* at = tokens;
    Token key;
    Token value;
    for (std::size_t i = 0; i < pairs; ++i) {
      if (keys != nullptr) {
        keys = ReadToken(keys, &key);
      } else {
        at = ReadToken(at, &key);
      }
      at = ReadToken(at, &value);
      if (!visit(key, value)) break;
    }
    return at;
  }
};

inline StoredRecord ReadRecord(const std::uint8_t* at, const Shapes& shapes) {
  std::uint64_t head = 0;
  at = ReadVarint(at, &head);
  if ((head & 1) == 0) return {.pairs = static_cast<std::size_t>(head >> 1), .tokens = at};
  const ShapeId shape = static_cast<ShapeId>(head >> 1);
  return {shapes.key_count(shape), shapes.keys(shape), at, shape};
}

/// The byte after the record at `at`.
template <class Read = Varints>
inline const std::uint8_t* SkipRecord(const std::uint8_t* at, const Shapes& shapes,
                                      Read read = {}) {
  std::uint64_t head = 0;
  at = read(at, &head);
  std::size_t tokens = (head & 1) == 0 ? static_cast<std::size_t>(head >> 1) * 2
                                       : shapes.key_count(static_cast<ShapeId>(head >> 1));
  for (; tokens > 0; --tokens) at = SkipToken(at, read);
  return at;
}

/// Where a walk to a record begins, and how many records it passes.
struct RecordPlace {
  const std::uint8_t* from = nullptr;
  std::size_t passed = 0;
  const std::uint8_t* end = nullptr;  ///< who walks may read in words as far
};

template <class Read = Varints>
inline const std::uint8_t* WalkTo(RecordPlace place, const Shapes& shapes, Read read = {}) {
  for (; place.passed > 0; --place.passed) place.from = SkipRecord(place.from, shapes, read);
  return place.from;
}

/// A stored list, as it was when it was read.
struct StoredList {
  std::size_t count = 0;
  MarkForm marks = kGrowingMarks;
  const std::uint8_t* directory = nullptr;  ///< of a growing list: the end of its area
  const std::uint8_t* records = nullptr;
  std::uint8_t* word = nullptr;  ///< of a growing list; else null
  std::size_t area_bytes = 0;    ///< of a growing list
  std::size_t record_bytes = 0;  ///< of a growing list

  /// Where record `index` starts; index == count gives the list's end.
  const std::uint8_t* Start(std::size_t index, const Shapes& shapes) const {
    return WalkTo(PlaceOf(index), shapes);
  }
  /// From the last record with a mark, or the first, that is not behind record `index`.
  RecordPlace PlaceOf(std::size_t index) const;
  /// Where the record of a mark starts, from 1 to marks.Count(count).
  const std::uint8_t* AtMark(std::size_t mark) const;
  /// Bytes of the area that are neither records nor directory.
  std::size_t room_bytes() const {
    return word == nullptr ? 0 : area_bytes - record_bytes - marks.Bytes(count);
  }
};

StoredList ReadList(const std::uint8_t* at);
/// What a growing list takes at most, wherever it lies, with an area of so many bytes.
constexpr std::size_t GrowingSizeBytes(std::size_t area_bytes) {
  return 2 + kMaxVarintBytes + 7 + sizeof(std::uint64_t) + area_bytes;
}
/// What of such a list is room for sure, wherever it lies, counted from its first byte. Its records
/// take so many bytes of the area, and they and their marks `used_bytes`.
constexpr SegmentStore::Room GrowingRoom(std::size_t area_bytes, std::size_t record_bytes,
                                         std::size_t used_bytes) {
  constexpr std::size_t kMostHead = GrowingSizeBytes(0);
  return {kMostHead + record_bytes, area_bytes - std::min(area_bytes, used_bytes + kMostHead)};
}
/// Writes a growing list at `to`, which has that many, with an area of so many bytes.
void CopyGrowing(const StoredList& list, std::uint8_t* to, std::size_t area_bytes);

/// Builds a list. What it writes anew takes references; those are given back by Rollback, which
/// must be called where the list does not get into a blob.
///
/// The list is put together here and then copied into its blob, so that its size is known. Large
/// texts, and records of another blob, can stay where they are meanwhile: they are noted, and go
/// into the blob straight from there.
///
///     bytes_      │ 2 pairs │ key │ value │ key │ kStandIn │ … what is new can be walked
///     left_out_   └─► a record before it             └─► the text, a caller's or a blob's
///
/// What is a place or a size of the list, starts_ among them, counts what was left out.
class ListWriter {
 public:
  ListWriter(MemoryDoor* door, StringCoder* strings, Shapes* shapes)
      : strings_(strings),
        shapes_(shapes),
        bytes_(door),
        starts_(door),
        new_records_(door),
        left_out_(door) {}

  /// Forgets what was written before.
  void Begin();
  /// As Begin. Large texts, and large stored records, stay where they are, and must until the list
  /// was copied or rolled back.
  void BeginLeavingOut();
  // Each appends one record; false when there is no memory, the record is then not there.
  /// One that is handed in; its keys are unique.
  [[nodiscard]] bool Add(RecordView record);
  /// A stored one, its bytes and its references as they are.
  [[nodiscard]] bool AddStored(const std::uint8_t* begin, const std::uint8_t* end);
  /// A stored one in the form that is best now, with references of its own.
  [[nodiscard]] bool AddRewritten(const StoredRecord& record);
  void Rollback();

  std::size_t count() const { return starts_.size(); }
  std::size_t size_bytes() const;
  /// Writes the list at `to`, which has size_bytes(); returns the byte after.
  std::uint8_t* CopyTo(std::uint8_t* to) const;
  /// Of the list as a growing one without room: its area.
  std::size_t area_bytes() const { return record_bytes() + kGrowingMarks.Bytes(count()); }
  void CopyGrowingTo(std::uint8_t* to, std::size_t area_bytes) const;
  /// What its records take of a growing list's room, their marks with them.
  std::size_t BytesToAppendTo(const StoredList& list) const {
    return record_bytes() + list.marks.Bytes(list.count + count()) - list.marks.Bytes(list.count);
  }
  /// Puts its records behind those of a growing list that has as much room. All are there at once.
  void AppendTo(const StoredList& list) const;
  std::size_t record_bytes() const { return bytes_.size() + left_out_bytes_; }
  /// Whether offsets in it fit the directory.
  bool fits() const { return record_bytes() <= 0xFFFFFFFF; }

  /// Between writes: gives back buffers that have become large, or all.
  void Trim();
  void Free();
  void AddTo(Layer* scratch) const;

 private:
  struct LeftOut {
    std::uint64_t at;  // in bytes_: where kStandIn is, or, of a record, what follows it
    std::string_view text;
    bool is_record;
    std::size_t more_bytes() const {
      return is_record ? text.size() : InlineTokenSize(text.size()) - kStandInBytes;
    }
  };
  // Where a record begins that may have to be dropped.
  struct Place {
    std::size_t bytes;
    std::size_t left_out;
  };
  // Records one behind the other with references to give back.
  struct NewRecords {
    std::uint64_t begin;  // in bytes_
    std::uint64_t count;
  };

  Place Here() const { return {bytes_.size(), left_out_.size()}; }
  /// Which of kMarkForms is the narrowest that the list's marks fit.
  std::size_t Form() const;
  bool BeginRecord(bool is_new);
  bool WriteHead(std::uint64_t head);
  template <class WriteToken>
  bool WriteValue(WriteToken write);
  bool LeaveOut(const LeftOut& left_out);
  void DropRecord(Place begin);
  std::uint8_t* CopyRecords(std::uint8_t* to) const;

  StringCoder* strings_;
  Shapes* shapes_;
  ByteArray bytes_;
  TryArray<std::uint32_t, kScratch> starts_;  // no list is made of them unless it fits()

  TryArray<NewRecords, kScratch> new_records_;
  bool last_is_new_ = false;

  bool leaves_out_ = false;
  TryArray<LeftOut, kScratch> left_out_;
  std::size_t left_out_bytes_ = 0;  // what the list has more than bytes_
};

/// Gives up all references of the record at `at`; returns the byte after it.
const std::uint8_t* ReleaseRecord(const std::uint8_t* at, StringCoder* strings, Shapes* shapes);

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_LIST_CODE_H_
