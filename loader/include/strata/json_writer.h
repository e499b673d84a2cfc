// Writing JSON: the cache's content in one canonical form. Outers, inners and keys are sorted by
// bytes, lists keep their order, there is no white space; the value is followed by one newline.
// Strings are escaped no more than JSON asks for.
//
// Memory: the outers' keys, the inner keys of one outer, one record. Nothing else may write to the
// cache meanwhile.
//
// Threads: as any reader of the cache. No exception leaves it.
#ifndef STRATA_JSON_WRITER_H_
#define STRATA_JSON_WRITER_H_

#include <cstddef>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/cache.h>

namespace strata {

/// Takes the text in order, tens of KiB a call; an error ends the writing and is passed on.
using TextSink = std::function<absl::Status(std::string_view text)>;

struct JsonWriteOptions {
  /// JSON is UTF-8. Bytes that are not are refused, or with this replaced by U+FFFD, one for each
  /// maximal invalid part. Where that makes two keys of one object equal, it is refused.
  bool replace_invalid_utf8 = false;
};

/// Writes everything. InvalidArgument: a string is not UTF-8 (the message names the entry);
/// ResourceExhausted: out of memory; else what `sink` said. After an error the text that `sink` was
/// given is cut off somewhere: throw it away.
absl::Status WriteJson(const Cache& cache, const TextSink& sink,
                       const JsonWriteOptions& options = {});

/// Parts of it, each followed by a newline: what stands under an outer, an entry's list, one of its
/// records. False, and nothing written, where there is no such thing. Errors as WriteJson's, and
/// the text is cut off likewise.
absl::StatusOr<bool> WriteJsonOuter(const Cache& cache, std::string_view outer,
                                    const TextSink& sink, const JsonWriteOptions& options = {});
absl::StatusOr<bool> WriteJsonEntry(const Cache& cache, std::string_view outer,
                                    std::string_view inner, const TextSink& sink,
                                    const JsonWriteOptions& options = {});
absl::StatusOr<bool> WriteJsonRecord(const Cache& cache, std::string_view outer,
                                     std::string_view inner, std::size_t index,
                                     const TextSink& sink, const JsonWriteOptions& options = {});

}  // namespace strata

#endif  // STRATA_JSON_WRITER_H_
