// JSON as a source: one document, or an object a line.
//
//     {"fieldA": {"xyz": [{"123": "abc"}, {"456": "def"}]}}
//
// A key that is given again replaces what stood under it, at every level; null in place of an
// outer's object, a list or a record is an empty one. Strings are valid UTF-8 without lone
// surrogates. Whatever is malformed, cut off or of another shape ends the source with
// InvalidArgument: file, of NDJSON the line, byte of the unpacked text, path inside the document,
// what was expected.
//
// Of lines each is a document of its own: a later one adds to earlier ones, and the last list given
// for an entry stands. A line's content is handed on whole; one beyond about 64 MiB of text is
// handed on in parts, and there an outer that is given again is an error, as is a root (--root).
//
// Memory: a few MiB and what the batch holds, which is at most the largest entry where that is
// larger than a few hundred KiB.
//
// Threads: as any Source's. No exception leaves it.
#ifndef STRATA_JSON_SOURCE_H_
#define STRATA_JSON_SOURCE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include <strata/source.h>

namespace strata {

struct JsonOptions {
  enum class Form {
    kDocument,  ///< one document
    kLines,     ///< NDJSON: an object a line
  };
  Form form = Form::kDocument;
  /// A JSON pointer to the map inside the document (of lines: inside each), "/FieldA"; empty for
  /// the whole. List indexes are allowed. What lies beside it is checked and passed over.
  std::string root;
};

/// The form that a file's name says: ".json", ".ndjson", ".jsonl", each with ".gz" or ".zst" behind
/// or not; nothing for other names.
std::optional<JsonOptions::Form> JsonFormOf(std::string_view path);

/// The file, unpacked while reading where its name ends in ".gz" or ".zst". NotFound and the
/// system's other errors name it; InvalidArgument: `options.root` is no JSON pointer;
/// ResourceExhausted: no memory.
absl::StatusOr<std::unique_ptr<Source>> OpenJsonFile(const std::string& path,
                                                     const JsonOptions& options = {});

/// What can be read from `fd`, from where it stands, as it comes: not unpacked. `fd` stays the
/// caller's, who keeps it open as long as there is the source. `name` stands in messages.
/// InvalidArgument: `options.root` is no JSON pointer; ResourceExhausted: no memory. That `fd`
/// cannot be read is told by Source::Read.
absl::StatusOr<std::unique_ptr<Source>> OpenJsonFd(int fd, const std::string& name,
                                                   const JsonOptions& options = {});

}  // namespace strata

#endif  // STRATA_JSON_SOURCE_H_
