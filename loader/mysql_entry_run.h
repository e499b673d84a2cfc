// Rows of one entry that came one behind the other, and how often entries come back.
//
// Most tables are written entry by entry: in the order of their ids an entry's rows lie together,
// though nothing says so. A run is such rows; with the first row of another entry it is, in all
// likelihood, an entry, and Entries may give it before the table's end is known.
//
// Invariant: whether a run was the whole entry shows in its rows alone. Arrivals are numbered
// without a gap, so an entry was one run where its rows' arrivals have none.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_MYSQL_ENTRY_RUN_H_
#define STRATA_LOADER_MYSQL_ENTRY_RUN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "loader/external_sort.h"

namespace strata::mysql {

class EntryRun {
 public:
  /// A run that becomes longer keeps none of its rows.
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;

  /// Begins anew: for rows whose keys (mysql_sort_key.h) begin with this entry's prefix.
  void Begin(std::string_view prefix, std::uint64_t hash);
  /// Whether a row of that key is the run's entry's. False where none was begun.
  bool Holds(std::string_view key) const;
  /// Whether it keeps its rows with this one, too.
  bool HasRoomFor(std::string_view key, std::string_view payload) const {
    return bytes_ + key.size() + payload.size() <= kMostBytes;
  }
  /// Copies a row of the entry in.
  void Add(std::string_view key, std::string_view payload);
  /// Puts the rows that are kept into the order of their keys.
  void Sort();

  bool empty() const { return count_ == 0; }
  /// Whether it keeps its rows.
  bool fits() const { return bytes_ <= kMostBytes; }
  /// Whether no row of another entry came between its first and its last.
  bool unbroken() const { return last_arrival_ - first_arrival_ + 1 == count_; }
  std::uint64_t first_arrival() const { return first_arrival_; }  ///< the lowest
  std::uint64_t last_arrival() const { return last_arrival_; }    ///< the highest

  std::uint64_t hash() const { return hash_; }
  std::size_t size() const { return rows_.size(); }
  /// Row `index` below size(); valid until the next Add or Begin.
  ExternalSort::Row operator[](std::size_t index) const;

 private:
  struct Place {
    std::size_t begin;
    std::size_t key_size;
    std::size_t payload_size;
  };
  std::string_view KeyOf(const Place& place) const {
    return std::string_view(text_).substr(place.begin, place.key_size);
  }

  bool begun_ = false;
  std::string prefix_;
  std::uint64_t hash_ = 0;
  std::string text_;
  std::vector<Place> rows_;
  std::size_t bytes_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t first_arrival_ = 0;
  std::uint64_t last_arrival_ = 0;
};

/// Tells from a sample of entries, by their hashes, whether many come back: 4096 at the most, one
/// in two, in four … of all as there come more.
class ComingBack {
 public:
  /// Takes down that a run of that entry has ended; whether more than a sixteenth have had one
  /// before. May throw std::bad_alloc.
  bool Often(std::uint64_t hash);

 private:
  static constexpr std::size_t kMostSampled = 4096;

  std::unordered_set<std::uint64_t> sampled_;
  std::uint64_t mask_ = 0;  // of the bits that are 0 in the hashes of the sample
  std::size_t again_ = 0;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_MYSQL_ENTRY_RUN_H_
