// What the JSON reader says of malformed input: file, line, byte, path inside the document, what
// was expected and what was found, in one line.
#ifndef STRATA_LOADER_JSON_ERROR_H_
#define STRATA_LOADER_JSON_ERROR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace strata {

/// Stands for the end of the input, or of the line, where a character is looked at.
inline constexpr int kEndOfText = -1;

/// A place inside a document, as a JSON pointer. Views only; made anew where it is needed.
struct JsonPath {
  std::string_view root;  ///< the part of --root that leads here, as given
  std::optional<std::string_view> outer = {};
  std::optional<std::string_view> inner = {};
  std::optional<std::size_t> index = {};
  std::optional<std::string_view> key = {};

  /// "/a/b/0/k"; empty for the whole document. Long keys are cut, control characters escaped.
  std::string ToString() const;
  /// How to load what lies here: "say --root /a/b", quoted for a shell where it must be. Where
  /// ToString is not the pointer itself, in words.
  std::string RootHint() const;

 private:
  bool IsShownWhole() const;
};

/// What a message calls the thing that begins with `c`: "an object", "a number", "'x'".
std::string DescribeFound(int c, bool lines);

/// Which input it is about.
struct JsonInput {
  std::string name;
  bool lines = false;
  std::uint64_t line = 1;  ///< of `lines`: the one that is being read

  /// InvalidArgument: "NAME: line 7, byte 123, at /a/b: WHAT".
  absl::Status Error(std::uint64_t offset, const JsonPath& path, std::string_view what) const;
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_ERROR_H_
