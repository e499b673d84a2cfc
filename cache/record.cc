#include <strata/record.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace strata {
namespace {

constexpr std::size_t kQuadraticPairs = 16;

bool HasRepeatedKey(RecordView record) {
  for (std::size_t i = 1; i < record.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (record[i].key == record[j].key) return true;
    }
  }
  return false;
}

}  // namespace

RecordView UniqueKeys(RecordView record, std::vector<Pair>* scratch) {
  if (record.size() <= kQuadraticPairs && !HasRepeatedKey(record)) return record;

  // Positions sorted by key, first occurrence first: the run of equal keys begins with the place
  // that is kept and ends with the value that wins.
  std::vector<std::size_t> order(record.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return record[a].key < record[b].key; });
  const auto same = [&](std::size_t a, std::size_t b) { return record[a].key == record[b].key; };
  if (std::adjacent_find(order.begin(), order.end(), same) == order.end()) return record;
  scratch->assign(record.begin(), record.end());
  std::vector<bool> repeated(record.size(), false);
  std::size_t kept = record.size();
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && same(order[end], order[begin])) {
      repeated[order[end]] = true;
      --kept;
      ++end;
    }
    (*scratch)[order[begin]].value = record[order[end - 1]].value;
    begin = end;
  }
  std::size_t to = 0;
  for (std::size_t from = 0; from < record.size(); ++from) {
    if (!repeated[from]) (*scratch)[to++] = (*scratch)[from];
  }
  scratch->resize(kept);
  return *scratch;
}

}  // namespace strata
