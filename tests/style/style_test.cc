// Holds every source of the project to the rules of rules.h, and the rules to samples that they
// must find fault with.
//
// Threads: one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/style/rules.h"

namespace strata::style {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string ReadText(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in) << "cannot open " << file;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool IsSource(const fs::path& file) {
  const std::string name = file.filename().string();
  const std::string extension = file.extension().string();
  return extension == ".h" || extension == ".cc" || extension == ".cmake" || extension == ".sh" ||
         name == "CMakeLists.txt";
}

/// All sources of the project: C++, CMake, shell. Not what tests read or benchmarks wrote.
std::vector<SourceFile> ProjectSources() {
  const fs::path root = STRATA_SOURCE_DIR;
  std::vector<SourceFile> sources = {
      MakeSourceFile("CMakeLists.txt", ReadText(root / "CMakeLists.txt"))};
  for (const char* folder : {"accounting", "cache", "loader", "cli", "bench", "tests", "cmake"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !IsSource(entry.path())) continue;
      const std::string path = entry.path().lexically_relative(root).generic_string();
      if (path.find("/corpus/") != std::string::npos) continue;
      sources.push_back(MakeSourceFile(path, ReadText(entry.path())));
    }
  }
  return sources;
}

/// The rules apply to all sources; this runs `check` over them and gives the faults, one a line.
template <class Check>
std::string FaultsOfProject(Check check) {
  std::string all;
  for (const SourceFile& file : ProjectSources()) {
    for (const std::string& fault : check(file)) all += fault + "\n";
  }
  return all;
}

bool IsCpp(const SourceFile& file) {
  return file.path.ends_with(".h") || file.path.ends_with(".cc");
}

HeaderOwners OwnersOfPublicHeaders() {
  HeaderOwners owners;
  for (const SourceFile& file : ProjectSources()) {
    if (!IsPublicHeader(file.path)) continue;
    const std::string name = file.path.substr(file.path.find("strata/"));
    EXPECT_TRUE(owners.emplace(name, ModuleOf(file.path)).second) << name << " exists twice";
  }
  return owners;
}

TEST(Style, SourcesAreFoundInEveryModule) {
  std::vector<std::string> modules;
  for (const SourceFile& file : ProjectSources()) modules.emplace_back(ModuleOf(file.path));
  for (const char* module : {"accounting", "cache", "loader", "cli", "bench", "tests", "cmake"}) {
    EXPECT_THAT(modules, testing::Contains(module));
  }
}

TEST(Style, LinesFitAHundredColumnsWithoutTabsOrTrailingBlanks) {
  EXPECT_EQ(FaultsOfProject(CheckLines), "");
}

TEST(Style, FilesAreShortAndOpenWithWhatTheyAre) { EXPECT_EQ(FaultsOfProject(CheckShape), ""); }

TEST(Style, NoBuildIsMadeForOneMachineAlone) {
  EXPECT_EQ(FaultsOfProject([](const SourceFile& file) {
              Faults faults;
              if (IsCpp(file)) return faults;
              for (std::size_t i = 0; i < file.lines.size(); ++i) {
                if (file.lines[i].find("-march=") != std::string::npos) {
                  faults.push_back(file.path + ":" + std::to_string(i + 1) + ": names a machine");
                }
              }
              return faults;
            }),
            "");
}

TEST(Style, FunctionsAreShort) {
  EXPECT_EQ(FaultsOfProject([](const SourceFile& file) {
              return IsCpp(file) ? CheckFunctionLengths(file) : Faults();
            }),
            "");
}

TEST(Style, ModulesIncludeOnlyWhatStandsBelowThem) {
  const HeaderOwners owners = OwnersOfPublicHeaders();
  ASSERT_EQ(owners.count("strata/cache.h"), 1u);
  EXPECT_EQ(FaultsOfProject([&](const SourceFile& file) {
              return IsCpp(file) ? CheckIncludeDirection(file, owners) : Faults();
            }),
            "");
}

TEST(Style, PublicHeadersIncludeNoThirdPartyButStatus) {
  EXPECT_EQ(FaultsOfProject(CheckPublicIncludes), "");
}

TEST(Style, HeadersAreGuarded) { EXPECT_EQ(FaultsOfProject(CheckGuard), ""); }

TEST(Style, NamesAreTheFieldsOwnAndNothingIsLeftToDo) {
  EXPECT_EQ(FaultsOfProject([](const SourceFile& file) {
              // The samples below are faults on purpose.
              return file.path == "tests/style/style_test.cc" ? Faults() : CheckWords(file);
            }),
            "");
}

// The rules find what they are there for.

TEST(StyleRules, FindLongLinesTabsAndTrailingBlanks) {
  const std::string fits = std::string(99, 'x') + "\u2190\n";
  EXPECT_THAT(CheckLines(MakeSourceFile("a.cc", fits)), IsEmpty());
  const std::string long_line = std::string(101, 'x') + "\n";
  EXPECT_THAT(CheckLines(MakeSourceFile("a.cc", long_line)), ElementsAre(HasSubstr("a.cc:1:")));
  EXPECT_THAT(CheckLines(MakeSourceFile("a.cc", "//\n\tx\ny \nz\r\n")),
              ElementsAre(HasSubstr("a.cc:2: a tab"), HasSubstr("a.cc:3:"), HasSubstr("a.cc:4:")));
}

TEST(StyleRules, FindLongFilesAndSilentOpenings) {
  std::string text = "// what it is\n";
  for (std::size_t i = 1; i < kMaxFileLines; ++i) text += "x\n";
  EXPECT_THAT(CheckShape(MakeSourceFile("a.cc", text)), IsEmpty());
  EXPECT_THAT(CheckShape(MakeSourceFile("a.cc", text + "x\n")), ElementsAre(HasSubstr("600")));
  EXPECT_THAT(CheckShape(MakeSourceFile("a.h", "#ifndef A\n")), ElementsAre(HasSubstr("opens")));
  EXPECT_THAT(CheckShape(MakeSourceFile("m/a.cc", "#include \"m/a.h\"\n")), IsEmpty());
  EXPECT_THAT(CheckShape(MakeSourceFile("m/a.cc", "#include <strata/a.h>\n")), IsEmpty());
  EXPECT_THAT(CheckShape(MakeSourceFile("m/a.cc", "#include \"m/b.h\"\n")), SizeIs(1));
  EXPECT_THAT(CheckShape(MakeSourceFile("a.cmake", "set(a b)\n")), ElementsAre(HasSubstr("opens")));
}

TEST(StyleRules, FindLongFunctions) {
  std::string body = "namespace a {\nint F() {\n";
  for (std::size_t i = 2; i < kMaxFunctionLines; ++i) body += "  x;\n";
  EXPECT_THAT(CheckFunctionLengths(MakeSourceFile("a.cc", body + "}\n}  // namespace a\n")),
              IsEmpty());
  EXPECT_THAT(CheckFunctionLengths(MakeSourceFile("a.cc", body + "  x;\n}\n}\n")),
              ElementsAre(HasSubstr("a.cc:2: a function of 81 lines")));
}

TEST(StyleRules, FindArrowsThatPointUp) {
  const HeaderOwners owners = {{"strata/cache.h", "cache"}, {"strata/load.h", "loader"}};
  const auto faults = [&](const char* path, const char* text) {
    return CheckIncludeDirection(MakeSourceFile(path, text), owners);
  };
  EXPECT_THAT(faults("loader/a.cc", "#include <strata/cache.h>\n"), IsEmpty());
  EXPECT_THAT(faults("cache/a.cc", "#include \"accounting/b.h\"\n"), IsEmpty());
  EXPECT_THAT(faults("tests/cache/a.cc", "#include \"cache/b.h\"\n"), IsEmpty());
  EXPECT_THAT(faults("bench/a.cc", "#include \"cli/gen.h\"\n"), IsEmpty());
  EXPECT_THAT(faults("cache/a.cc", "//\n#include <strata/load.h>\n"),
              ElementsAre("cache/a.cc:2: cache includes strata/load.h, which stands above it"));
  EXPECT_THAT(faults("accounting/a.h", "#include \"cli/b.h\"\n"), ElementsAre(HasSubstr("above")));
  EXPECT_THAT(faults("bench/a.cc", "#include \"cache/b.h\"\n"), ElementsAre(HasSubstr("public")));
  EXPECT_THAT(faults("loader/a.cc", "#include \"bench/b.h\"\n"),
              ElementsAre(HasSubstr("only cli")));
  EXPECT_THAT(faults("cli/a.cc", "#include \"tests/b.h\"\n"), ElementsAre(HasSubstr("only tests")));
}

TEST(StyleRules, FindThirdPartyIncludesInPublicHeaders) {
  const auto faults = [](const char* text) {
    return CheckPublicIncludes(MakeSourceFile("cache/include/strata/a.h", text));
  };
  EXPECT_THAT(faults("#include <vector>\n#include <strata/b.h>\n"
                     "#include \"absl/status/statusor.h\"\n"),
              IsEmpty());
  EXPECT_THAT(faults("#include \"absl/strings/string_view.h\"\n"), ElementsAre(HasSubstr("absl")));
  EXPECT_THAT(faults("#include <simdjson.h>\n"), ElementsAre(HasSubstr("simdjson.h")));
  EXPECT_THAT(faults("#include \"cache/interner.h\"\n"), ElementsAre(HasSubstr("interner.h")));
}

TEST(StyleRules, FindUnguardedHeadersVagueNamesAndWorkLeft) {
  EXPECT_THAT(CheckGuard(MakeSourceFile("a.h", "// a\nint x;\n")), ElementsAre(HasSubstr("a.h:1")));
  EXPECT_THAT(CheckWords(MakeSourceFile("a.h", "class CacheManager {\n")),
              ElementsAre(HasSubstr("field's own")));
  EXPECT_THAT(CheckWords(MakeSourceFile("a.h", "struct ManagerlessCache {\n")), IsEmpty());
  EXPECT_THAT(CheckWords(MakeSourceFile("a.h", "// TODO: more\n")),
              ElementsAre(HasSubstr("do it")));
}

}  // namespace
}  // namespace strata::style
