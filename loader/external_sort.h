// Sorts rows in bounded memory: runs that do not fit are spilled, sorted, to a temporary file
// without a name, and merged while they are read back.
//
// A row is a group's hash, a key and a payload. Rows come out by (hash, key bytes): rows of one
// group (same hash, keys with the group's prefix) come out together and in the order of their keys,
// while the order of groups is that of their hashes, which is nearly free to compute: almost no
// comparison looks at a key.
//
// Rows that are added in order already cost next to nothing: while one row of a group follows
// another with a larger key they are sorted as one item, a run.
//
// Invariant: what comes out depends on what was added alone, not on the budget nor, where keys
// differ, on the order of adding. A row in memory and in the file looks the same:
//
//     0        8         12            16           16 + key size
//     | hash   | key     | payload     | key bytes  | payload bytes |
//     | u64    | size u32| size u32    |            |               |
//
// A payload of 64 KiB or more is kept apart, and in its stead the row has the u64 of its place: in
// memory while an eighth of the budget is enough for all of them, else in the file, to which it is
// written as it comes. So sorting moves no large rows, and of those that are merged only the one
// that is given has its payload in memory.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_EXTERNAL_SORT_H_
#define STRATA_LOADER_EXTERNAL_SORT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "loader/growing_array.h"

namespace strata {

class ExternalSort {
 public:
  /// Views into the sorter, valid until the next call.
  struct Row {
    std::uint64_t hash = 0;
    std::string_view key;
    std::string_view payload;
  };

  /// At least one row is always held, whatever the budget. `directory` is where the temporary file
  /// is made once there is something to spill.
  ExternalSort(std::size_t memory_budget_bytes, std::string directory);
  ExternalSort(const ExternalSort&) = delete;
  ExternalSort& operator=(const ExternalSort&) = delete;
  ~ExternalSort();

  /// Copies a row in. The group is the first `prefix_bytes` of the key. InvalidArgument: a key or
  /// payload of 4 GiB or more. ResourceExhausted, Unavailable: the temporary file cannot be made or
  /// written. May throw std::bad_alloc.
  absl::Status Add(std::uint64_t hash, std::size_t prefix_bytes, std::string_view key,
                   std::string_view payload);

  /// Ends the adding; once. Errors as Add.
  absl::Status Finish();

  /// The next row in order; false at the end. Unavailable: the file cannot be read back.
  absl::StatusOr<bool> Next(Row* row);

  /// Makes it empty, ready for rows again, and keeps its memory.
  void Restart();

  /// Bytes written to the temporary file so far.
  std::uint64_t spilled_bytes() const { return file_size_; }

 private:
  class RunReader;
  // A part of the file.
  struct Extent {
    std::uint64_t begin;
    std::uint64_t end;
  };
  // Rows of one group, ascending, one behind the other in memory.
  struct Item {
    std::uint64_t hash;
    const char* row;   // the first
    const char* last;  // its key is the largest
    std::uint32_t prefix_bytes;
    std::uint32_t rows;
  };
  using Chunk = std::unique_ptr<char[]>;

  // Rows as an Item's, and the beginning of what their first key has behind the group's prefix:
  // comparing that looks at no row.
  struct Member {
    std::uint64_t tail[2];  // in the order of the bytes; 0 where keys do not share their prefix
    const char* row;
    std::uint32_t last;  // bytes from there to the last
    std::uint32_t rows;
  };

  const char* NextInMemory();
  absl::StatusOr<const char*> NextOfRuns();
  absl::StatusOr<std::uint64_t> KeepApart(std::string_view payload);
  absl::StatusOr<std::string_view> LoadPayload(const char* row);
  char* Reserve(std::size_t size);
  bool FollowsLast(const Item& item, std::string_view key) const;
  void SortItems();
  bool OpenGroup();
  void SortGroup(std::size_t prefix_bytes);
  void SortMembers(std::size_t prefix_bytes);
  void SplitRuns();
  absl::Status Spill();
  void ForgetItems();
  absl::Status NeedFile();
  absl::Status WriteFile(std::string_view bytes);

  const std::size_t budget_;
  const std::string directory_;

  std::vector<Chunk> chunks_;  ///< of one size, reused after a spill
  std::vector<Chunk> large_;   ///< of a row that is too large for a regular one
  std::vector<Chunk> kept_;    ///< payloads that are apart, those in memory
  std::size_t kept_bytes_ = 0;
  std::size_t chunk_ = 0;  ///< the chunk being filled, and how far
  std::size_t chunk_used_ = 0;
  std::size_t large_bytes_ = 0;
  GrowingArray<Item> items_;
  std::size_t next_item_ = 0;    // the first of the next group
  GrowingArray<Member> group_;   // in the order of their keys: what is given now
  std::size_t next_member_ = 0;  // of the group, how many of its rows are given and which is next
  std::uint32_t rows_given_ = 0;
  const char* next_row_ = nullptr;
  bool reading_back_ = false;   // the reader on top gave the last row
  GrowingArray<char> payload_;  // of the last row, where it was in the file

  int file_ = -1;
  std::uint64_t file_size_ = 0;
  std::vector<Extent> runs_;
  std::vector<std::unique_ptr<RunReader>> heap_;
};

}  // namespace strata

#endif  // STRATA_LOADER_EXTERNAL_SORT_H_
