// What a write to a layout is refused with: the same conditions, and the same codes, for all of
// them, as <strata/cache.h> states them.
//
// Threads: pure functions.
#ifndef STRATA_BENCH_BASELINES_WRITE_ERRORS_H_
#define STRATA_BENCH_BASELINES_WRITE_ERRORS_H_

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"

#include <strata/record.h>

namespace strata {

/// InvalidArgument for a string of 4 GiB or more.
absl::Status CheckWritable(std::string_view outer, std::string_view inner = {});
/// The same for names and pairs; ResourceExhausted for 2^32 pairs or records or more.
absl::Status CheckWritable(std::string_view outer, std::string_view inner, RecordView record);
absl::Status CheckWritable(std::string_view outer, std::string_view inner,
                           const RecordsView& records);

/// NotFound: there is no such entry to change a record of.
absl::Status NoSuchEntry(std::string_view outer, std::string_view inner);
/// OutOfRange: the entry's list has `size` records and `index` is behind them.
absl::Status NoSuchRecord(std::string_view outer, std::string_view inner, std::size_t index,
                          std::size_t size);

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_WRITE_ERRORS_H_
