// The entries that rows of a round have named and that were not read again yet.
//
// A page of rows may name an entry, and so may the next: an entry that is read once for several of
// its rows has them all, where reading it began behind the last of their pages. So entries are
// gathered over pages. Small ones are due a thousand at a time. A large one is read whole for each
// of its rows that changed, which would grow with the square of its rows: it waits for the end of
// the round, or until there are more of them than are remembered.
//
// Bytes: kMostSmall and kMostLarge names at the most, and of each kind kMostNameBytes of them (one
// name may be longer); the rest of a page more.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_PENDING_ENTRIES_H_
#define STRATA_LOADER_PENDING_ENTRIES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "loader/mysql_entry_read.h"

namespace strata::mysql {

class PendingEntries {
 public:
  static constexpr std::size_t kMostSmall = 1000;
  static constexpr std::size_t kMostLarge = 4000;
  static constexpr std::size_t kMostNameBytes = std::size_t{1} << 20;

  /// What is known of an entry from its rows.
  struct Named {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;  ///< of the values in them, where those may be large
  };

  bool empty() const { return small_.empty() && large_.empty(); }
  bool Has(const EntryName& name) const { return small_.contains(name) || large_.contains(name); }
  /// A row of that size names the entry. `large` is what the first one of it said.
  void Add(const EntryName& name, bool large, std::uint64_t row_bytes) {
    Kind& kind = large_.contains(name) || (large && !small_.contains(name)) ? large_ : small_;
    const auto [at, fresh] = kind.try_emplace(name);
    if (fresh) kind.name_bytes += name.outer.size() + name.inner.size();
    ++at->second.rows;
    at->second.bytes += row_bytes;
  }

  /// Whether so many small ones, or large ones, wait that they are due.
  bool SmallAreDue() const { return small_.Fills(kMostSmall); }
  bool LargeAreDue() const { return large_.Fills(kMostLarge); }

  /// The small ones, and the large ones where `large`, in the order of their names; they wait no
  /// more.
  std::vector<std::pair<EntryName, Named>> Take(bool large) {
    std::vector<std::pair<EntryName, Named>> taken;
    small_.MoveTo(&taken);
    if (large) large_.MoveTo(&taken);
    return taken;
  }

 private:
  struct Kind : std::map<EntryName, Named> {
    std::size_t name_bytes = 0;
    bool Fills(std::size_t most) const { return size() >= most || name_bytes >= kMostNameBytes; }
    void MoveTo(std::vector<std::pair<EntryName, Named>>* taken) {
      taken->insert(taken->end(), begin(), end());
      clear();
      name_bytes = 0;
    }
  };
  Kind small_;
  Kind large_;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_PENDING_ENTRIES_H_
