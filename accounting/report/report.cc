// The median that timings are reduced to.
#include <algorithm>
#include <cstddef>

#include "accounting/report/bench_report.h"

namespace strata {

std::optional<double> Median(std::vector<double> figures) {
  if (figures.empty()) return std::nullopt;
  std::sort(figures.begin(), figures.end());
  const std::size_t middle = figures.size() / 2;
  if (figures.size() % 2 == 1) return figures[middle];
  return (figures[middle - 1] + figures[middle]) / 2;
}

}  // namespace strata
