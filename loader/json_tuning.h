// Sizes inside the JSON reader. The defaults keep it to a few MiB beside the content it hands on;
// tests shrink them to force a cut at every byte.
#ifndef STRATA_LOADER_JSON_TUNING_H_
#define STRATA_LOADER_JSON_TUNING_H_

#include <cstddef>

namespace strata {

struct JsonTuning {
  /// The window over the input; it grows only where one pair or key is larger.
  std::size_t window_bytes = std::size_t{1} << 20;
  /// Text handed to simdjson at once. Lists beyond it are cut between pairs.
  std::size_t piece_bytes = std::size_t{256} << 10;
  /// Content after which a batch is handed on.
  std::size_t batch_bytes = std::size_t{512} << 10;
  /// Content of one NDJSON line beyond which it is handed on in parts: about 64 MiB of text.
  std::size_t line_bytes = std::size_t{160} << 20;
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_TUNING_H_
