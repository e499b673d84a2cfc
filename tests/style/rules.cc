// The rules themselves. They read text line by line and trust clang-format for its layout: what
// begins a function stands at the line's start, and so does the brace that ends it.
//
// Threads: pure functions.
#include "tests/style/rules.h"

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <utility>

namespace strata::style {
namespace {

void Add(Faults* faults, const SourceFile& file, std::size_t line, const std::string& what) {
  faults->push_back(file.path + ":" + std::to_string(line) + ": " + what);
}

/// Characters, not bytes: UTF-8's continuation bytes do not count.
std::size_t Columns(std::string_view line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0u) != 0x80u;
  }));
}

bool IsCode(std::string_view path) { return path.ends_with(".h") || path.ends_with(".cc"); }

struct Include {
  std::size_t line = 0;
  std::string name;  ///< "absl/status/status.h"
};

std::vector<Include> IncludesOf(const SourceFile& file) {
  static const std::regex pattern(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<Include> includes;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(file.lines[i], match, pattern)) includes.push_back({i + 1, match[1]});
  }
  return includes;
}

/// How far up a module stands; a module includes what stands no higher than itself.
std::optional<int> RankOf(std::string_view module) {
  constexpr std::array<std::string_view, 4> kBottomUp = {"accounting", "cache", "loader", "cli"};
  const auto found = std::find(kBottomUp.begin(), kBottomUp.end(), module);
  if (found == kBottomUp.end()) return std::nullopt;
  return static_cast<int>(found - kBottomUp.begin());
}

bool OpensFunction(const std::string& line) {
  static const std::regex other(R"(^(namespace|class|struct|enum|union|extern "C" \{|#|//|\}|\s))");
  return line.ends_with("{") && !std::regex_search(line, other);
}

/// A .cc may leave it to its own header, which it includes first, to say what it is.
bool OpensWithWhatItIs(const SourceFile& file) {
  if (file.path.ends_with("CMakeLists.txt")) return true;
  if (file.lines.empty()) return false;
  const std::string& first = file.lines[0];
  if (!IsCode(file.path)) return first.starts_with("#");
  if (first.starts_with("//")) return true;
  const std::size_t name = file.path.rfind('/') + 1;
  const std::string own = file.path.substr(name, file.path.size() - name - 3) + ".h";
  return file.path.ends_with(".cc") &&
         (first == "#include <strata/" + own + ">" ||
          first == "#include \"" + file.path.substr(0, name) + own + "\"");
}

}  // namespace

SourceFile MakeSourceFile(std::string path, std::string_view text) {
  SourceFile file{std::move(path), {}};
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    file.lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return file;
}

std::string_view ModuleOf(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool IsPublicHeader(std::string_view path) {
  const std::string_view module = ModuleOf(path);
  return RankOf(module) && path.substr(module.size()).starts_with("/include/strata/");
}

Faults CheckLines(const SourceFile& file) {
  Faults faults;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    if (Columns(line) > kMaxLineColumns) {
      Add(&faults, file, i + 1, "more than 100 columns; break the line");
    }
    if (line.find('\t') != std::string::npos) Add(&faults, file, i + 1, "a tab; use spaces");
    if (!line.empty() && (line.back() == ' ' || line.back() == '\r')) {
      Add(&faults, file, i + 1, "a blank or carriage return at the line's end; remove it");
    }
  }
  return faults;
}

Faults CheckShape(const SourceFile& file) {
  Faults faults;
  if (file.lines.size() > kMaxFileLines) {
    Add(&faults, file, kMaxFileLines + 1, "more than 600 lines; a part wants out");
  }
  if (!OpensWithWhatItIs(file)) {
    Add(&faults, file, 1, "a file opens with what it is: a comment, or in a .cc its own header");
  }
  return faults;
}

Faults CheckFunctionLengths(const SourceFile& file) {
  Faults faults;
  bool inside = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (!inside && OpensFunction(file.lines[i])) {
      inside = true;
      begin = i;
    } else if (inside && file.lines[i].starts_with("}")) {
      inside = false;
      const std::size_t length = i - begin + 1;
      if (length > kMaxFunctionLines) {
        Add(&faults, file, begin + 1,
            "a function of " + std::to_string(length) + " lines; a part wants out");
      }
    }
  }
  return faults;
}

Faults CheckIncludeDirection(const SourceFile& file, const HeaderOwners& owners) {
  Faults faults;
  const std::string_view from = ModuleOf(file.path);
  const std::optional<int> from_rank = RankOf(from);
  for (const Include& include : IncludesOf(file)) {
    const auto owner = owners.find(include.name);
    const bool is_public = owner != owners.end();
    const std::string_view to = is_public ? owner->second : ModuleOf(include.name);
    const std::optional<int> to_rank = RankOf(to);
    const std::string arrow = std::string(from) + " includes " + include.name;
    if (from_rank && to_rank && *to_rank > *from_rank) {
      Add(&faults, file, include.line, arrow + ", which stands above it");
    }
    // The generator of synthetic data is a library of its own, made for both; the reference layout
    // has no public face, and is compared all the same.
    const bool is_exempt =
        include.name == "cli/gen.h" ||
        (file.path == "bench/baselines/interned.cc" && include.name == "cache/interned_map.h");
    if (from == "bench" && to_rank && !is_public && !is_exempt) {
      Add(&faults, file, include.line, arrow + "; bench sees public headers only");
    }
    if (from_rank && from != "cli" && to == "bench") {
      Add(&faults, file, include.line, arrow + "; only cli, bench and tests see the baselines");
    }
    if (from != "tests" && to == "tests") {
      Add(&faults, file, include.line, arrow + "; only tests see tests");
    }
  }
  return faults;
}

Faults CheckPublicIncludes(const SourceFile& file) {
  Faults faults;
  if (!IsPublicHeader(file.path)) return faults;
  static const std::regex allowed(R"(strata/[a-z_0-9]+\.h|[a-z_]+|absl/status/status(or)?\.h)");
  for (const Include& include : IncludesOf(file)) {
    if (!std::regex_match(include.name, allowed)) {
      Add(&faults, file, include.line,
          "a public header includes " + include.name + "; only std, strata and absl's Status");
    }
  }
  return faults;
}

Faults CheckGuard(const SourceFile& file) {
  Faults faults;
  if (!file.path.ends_with(".h")) return faults;
  static const std::regex guard(R"(#ifndef STRATA_[A-Z0-9_]+_H_)");
  const auto is_guard = [](const std::string& line) { return std::regex_match(line, guard); };
  if (std::none_of(file.lines.begin(), file.lines.end(), is_guard)) {
    Add(&faults, file, 1, "a header is guarded by #ifndef STRATA_..._H_");
  }
  return faults;
}

Faults CheckWords(const SourceFile& file) {
  Faults faults;
  static const std::regex vague(
      R"((class|struct) [A-Za-z0-9_]*(Manager|Helper|Util|Utils|Impl2)\b)");
  // Written in halves, so that this file does not fault itself.
  static const std::regex unfinished(
      "\\b(TO"
      "DO|FIX"
      "ME|X{3})\\b");
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(file.lines[i], match, vague)) {
      Add(&faults, file, i + 1, "'" + match.str() + "': name it in the field's own terms");
    }
    if (std::regex_search(file.lines[i], match, unfinished)) {
      Add(&faults, file, i + 1, "'" + match.str() + "': do it, or file an issue");
    }
  }
  return faults;
}

}  // namespace strata::style
