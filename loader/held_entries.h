// The entries of a source that could not be applied, for reasons of their own: JSON that cannot be
// understood, an outer of another source, a cache at its limit. They are served stale and tried
// again by themselves, so that neither the position nor the other entries wait for them.
//
// Of more than kMost, and of such as have long names, only that there were more is kept: a pass of
// reconciling finds them again.
//
// Bytes: kMost names of kMostBytes at the most, in no layer.
// Threads: one at a time.
#ifndef STRATA_LOADER_HELD_ENTRIES_H_
#define STRATA_LOADER_HELD_ENTRIES_H_

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"

#include "loader/mysql_entry_read.h"

namespace strata::mysql {

class HeldEntries {
 public:
  static constexpr std::size_t kMost = 100;
  static constexpr std::size_t kMostBytes = std::size_t{8} << 10;  ///< of an outer and its inner

  /// It could not be applied now.
  void Hold(const EntryName& name, const absl::Status& why) {
    why_ = why;
    if ((names_.size() < kMost && !IsLong(name)) || names_.contains(name)) {
      names_.insert(name);
    } else {
      more_ = more_in_pass_ = true;
    }
  }
  /// It is as the source has it. Whether only a pass of reconciling can tell of the others: it was
  /// the last of which the name is kept, or is one of which no name ever is.
  bool Release(const EntryName& name) {
    return (names_.erase(name) > 0 || IsLong(name)) && names_.empty() && more_;
  }

  void Clear() {
    names_.clear();
    more_ = more_in_pass_ = false;
  }

  /// How many there are; above kMost that there are more than so many.
  std::size_t count() const { return names_.size() + (more_ || more_in_pass_ ? 1 : 0); }
  std::vector<EntryName> names() const { return {names_.begin(), names_.end()}; }
  bool empty() const { return names_.empty() && !more_; }
  /// Why the last of them could not; OK where all is well.
  const absl::Status& why() const { return empty() ? ok_ : why_; }

  void PassBegins() { more_in_pass_ = false; }
  void PassEnds() { more_ = more_in_pass_; }

 private:
  static bool IsLong(const EntryName& name) {
    return name.outer.size() + name.inner.size() > kMostBytes;
  }

  std::set<EntryName> names_;
  bool more_ = false;          // were refused that have no name here
  bool more_in_pass_ = false;  // since the pass that goes on began
  absl::Status why_;
  const absl::Status ok_;
};

}  // namespace strata::mysql

#endif  // STRATA_LOADER_HELD_ENTRIES_H_
