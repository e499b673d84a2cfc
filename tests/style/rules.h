// The rules of CONTRIBUTING.md that can be seen in one file's text. Each check takes a file and
// answers with what is wrong, one line a fault, nothing where all is well.
//
// Threads: pure functions.
#ifndef STRATA_TESTS_STYLE_RULES_H_
#define STRATA_TESTS_STYLE_RULES_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace strata::style {

inline constexpr std::size_t kMaxLineColumns = 100;
inline constexpr std::size_t kMaxFileLines = 600;
// The rule says "about 70"; a function this long has a part that wants out.
inline constexpr std::size_t kMaxFunctionLines = 80;

/// A file of the project: its path from the project's root, with '/', and its text by line.
struct SourceFile {
  std::string path;
  std::vector<std::string> lines;
};

/// "PATH:LINE: what is wrong".
using Faults = std::vector<std::string>;

/// Which public header, "strata/cache.h", belongs to which module, "cache".
using HeaderOwners = std::map<std::string, std::string, std::less<>>;

SourceFile MakeSourceFile(std::string path, std::string_view text);

/// The folder at the root that the path lies in, "" where it lies in none.
std::string_view ModuleOf(std::string_view path);

/// Whether the path is of a public header: MODULE/include/strata/NAME.h.
bool IsPublicHeader(std::string_view path);

/// Lines of at most kMaxLineColumns characters, no tabs, no trailing blanks, no carriage returns.
Faults CheckLines(const SourceFile& file);
/// At most kMaxFileLines lines; the first one says what the file is.
Faults CheckShape(const SourceFile& file);
/// Functions of at most kMaxFunctionLines lines, in a .cc as clang-format lays it out.
Faults CheckFunctionLengths(const SourceFile& file);
/// Arrows point one way: accounting <- cache <- loader <- cli. bench sees public headers only.
Faults CheckIncludeDirection(const SourceFile& file, const HeaderOwners& owners);
/// A public header includes std and strata headers and absl's Status, nothing else.
Faults CheckPublicIncludes(const SourceFile& file);
/// A header is guarded by STRATA_..._H_.
Faults CheckGuard(const SourceFile& file);
/// No type is a Manager, a Helper or a Util, and nothing is left to do.
Faults CheckWords(const SourceFile& file);

}  // namespace strata::style

#endif  // STRATA_TESTS_STYLE_RULES_H_
