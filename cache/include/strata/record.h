// How content is handed in: views of pairs, records and lists of records. Nothing here owns bytes.
//
// Threads: plain values; not shared.
#ifndef STRATA_RECORD_H_
#define STRATA_RECORD_H_

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace strata {

/// One pair of a record: any bytes, the empty string too.
struct Pair {
  std::string_view key;
  std::string_view value;

  friend bool operator==(const Pair&, const Pair&) = default;
};

/// A record as handed in or out: pairs in order. Handed in, a key may repeat: the last value wins
/// and the first one's place is kept.
using RecordView = std::span<const Pair>;

/// An ordered list of records without an allocation a record: all pairs in one array, and for each
/// record where in it the record ends. Views only: array and strings must outlive its use.
class RecordsView {
 public:
  RecordsView() = default;
  /// `record_ends` is non-decreasing and its last element, if any, is pairs.size().
  RecordsView(std::span<const Pair> pairs, std::span<const std::size_t> record_ends)
      : pairs_(pairs), record_ends_(record_ends) {}

  std::size_t size() const { return record_ends_.size(); }
  std::size_t pair_count() const { return pairs_.size(); }
  /// Record `index`, below size().
  RecordView operator[](std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : record_ends_[index - 1];
    return pairs_.subspan(begin, record_ends_[index] - begin);
  }

 private:
  std::span<const Pair> pairs_;
  std::span<const std::size_t> record_ends_;
};

/// Builds a RecordsView. The strings given must outlive it; the arrays are its own.
///
///     Records list = {{{"123", "abc"}}, {{"456", "def"}, {"7", ""}}};   // two records
class Records {
 public:
  Records() = default;
  Records(std::initializer_list<std::initializer_list<Pair>> records) {
    for (const std::initializer_list<Pair>& record : records) {
      Add(std::span<const Pair>(record.begin(), record.size()));
    }
  }

  /// Appends a whole record.
  void Add(RecordView record) {
    pairs_.insert(pairs_.end(), record.begin(), record.end());
    record_ends_.push_back(pairs_.size());
  }
  /// Appends an empty record, to which AddPair adds.
  void BeginRecord() { record_ends_.push_back(pairs_.size()); }
  /// Appends a pair to the last record; there must be one.
  void AddPair(std::string_view key, std::string_view value) {
    pairs_.push_back({key, value});
    record_ends_.back() = pairs_.size();
  }
  /// Empties the list and keeps the arrays for the next one.
  void Clear() {
    pairs_.clear();
    record_ends_.clear();
  }

  /// Valid until the next change.
  RecordsView view() const { return {pairs_, record_ends_}; }
  operator RecordsView() const { return view(); }  // NOLINT: handed to Cache::Put as it is

 private:
  std::vector<Pair> pairs_;
  std::vector<std::size_t> record_ends_;
};

/// `record` with every key once: itself where no key repeats (the common case, no allocation for
/// records of up to 16 pairs), else a copy in `*scratch`, which must outlive the result.
/// O(n log n) for n pairs.
RecordView UniqueKeys(RecordView record, std::vector<Pair>* scratch);

}  // namespace strata

#endif  // STRATA_RECORD_H_
