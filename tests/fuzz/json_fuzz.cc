// The JSON reader, its window and pieces cut anywhere, against simdjson's DOM over the whole input.
//
// The input's first byte chooses: bits 0-1 the root, bit 2 lines instead of a document, bits 3-5
// the sizes of window and pieces. The rest is the text. Both must accept it and find the same, or
// both refuse it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/loader/json_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::string_view kRoots[] = {"", "/A", "/A/b", "/0"};
  constexpr std::size_t kSizes[] = {1, 2, 3, 7, 16, 61, 300, std::size_t{1} << 18};
  const unsigned choice = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const strata::JsonOptions options{.form = (choice & 4) != 0
                                                ? strata::JsonOptions::Form::kLines
                                                : strata::JsonOptions::Form::kDocument,
                                    .root = std::string(kRoots[choice & 3])};
  strata::Content expected;
  const strata::Verdict verdict = strata::ReadByReference(text, options, &expected);
  if (verdict == strata::Verdict::kUnknown) return 0;
  const std::size_t cut = kSizes[choice >> 3 & 7];
  const absl::StatusOr<strata::Content> found =
      strata::LoadText(text, options, strata::TinyTuning(cut), cut);
  const std::string message = found.status().ToString();
  if (found.ok() != (verdict == strata::Verdict::kAccepted)) {
    std::fprintf(stderr, "the reference %s it, the reader says: %s\n",
                 found.ok() ? "refuses" : "accepts", message.c_str());
    std::abort();
  }
  if (found.ok() && *found != expected) {
    std::fprintf(stderr, "the reader finds other content than the reference\n");
    std::abort();
  }
  // An error names its byte, in one line.
  if (!found.ok() &&
      (message.find("byte ") == std::string::npos || message.find('\n') != std::string::npos)) {
    std::fprintf(stderr, "an error without its place: %s\n", message.c_str());
    std::abort();
  }
  return 0;
}
