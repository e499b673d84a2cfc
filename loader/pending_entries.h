// The entries that rows of a round have named and that were not read again yet.
//
// A page of rows may name an entry, and so may the next: an entry that is read once for several of
// its rows has them all, where reading it began behind the last of their pages. So entries are
// gathered over pages. Small ones are due a thousand at a time. A large one is read whole for each
// of its rows that changed, which would grow with the square of its rows: it waits for its turn,
// which comes seldom, or until there are more of them than are remembered. Their turns come in the
// order in which they were named.
//
// Bytes: kMostSmall and kMostLarge names at the most, and of each kind kMostNameBytes of them (one
// name may be longer); the rest of a page more.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_PENDING_ENTRIES_H_
#define STRATA_LOADER_PENDING_ENTRIES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
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

  using Entries = std::vector<std::pair<EntryName, Named>>;

  bool Has(const EntryName& name) const { return small_.contains(name) || large_.contains(name); }
  /// A row of that size names the entry. `large` is what the first one of it said.
  void Add(const EntryName& name, bool large, std::uint64_t row_bytes) {
    Kind& kind = large_.contains(name) || (large && !small_.contains(name)) ? large_ : small_;
    const auto [at, fresh] = kind.try_emplace(name);
    if (fresh) kind.name_bytes += BytesOf(name);
    if (fresh && &kind == &large_) turns_.push_back(at);
    ++at->second.rows;
    at->second.bytes += row_bytes;
  }

  /// Whether so many small ones, or large ones, wait that they are due.
  bool SmallAreDue() const { return small_.Fills(kMostSmall); }
  bool LargeAreDue() const { return large_.Fills(kMostLarge); }

  /// How many large ones wait.
  std::size_t large() const { return large_.size(); }

  // What is taken waits no more.
  /// The small ones, in the order of their names.
  Entries TakeSmall() {
    Entries taken(small_.begin(), small_.end());
    small_.clear();
    small_.name_bytes = 0;
    return taken;
  }
  /// So many of the large ones at the most, those whose turn it is.
  Entries TakeLarge(std::size_t most) {
    Entries taken;
    for (; taken.size() < most && !turns_.empty(); turns_.pop_front()) {
      taken.emplace_back(*turns_.front());
      large_.name_bytes -= BytesOf(turns_.front()->first);
      large_.erase(turns_.front());
    }
    return taken;
  }

 private:
  struct Kind : std::map<EntryName, Named> {
    std::size_t name_bytes = 0;
    bool Fills(std::size_t most) const { return size() >= most || name_bytes >= kMostNameBytes; }
  };
  static std::size_t BytesOf(const EntryName& name) {
    return name.outer.size() + name.inner.size();
  }

  Kind small_;
  Kind large_;
  std::deque<Kind::iterator> turns_;  // of large_, in the order in which they were named
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_PENDING_ENTRIES_H_
