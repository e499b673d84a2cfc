// SOURCE in all its forms: the same content whatever it comes in, faults named, dump the identity.
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/cli/program.h"

namespace strata::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Sorted and without white space: what dump makes of it is itself.
constexpr char kDocument[] =
    R"({"a":{"x":[{"1":"one"},{},{"2":"two","3":""}],"y":[]},"b":{},"":{"":[{"":""}]}})"
    "\n";
constexpr char kDumped[] =
    R"({"":{"":[{"":""}]},"a":{"x":[{"1":"one"},{},{"2":"two","3":""}],"y":[]},"b":{}})"
    "\n";
constexpr char kLines[] = R"({"a":{"x":[{"0":"old"}],"y":[]}})"
                          "\n"
                          R"({"a":{"x":[{"1":"one"},{},{"2":"two","3":""}]},"b":{}})"
                          "\n"
                          R"({"":{"":[{"":""}]}})"
                          "\n";

class SourceTest : public testing::Test {
 protected:
  // What dump writes of `words`.
  static std::string Dump(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), "dump");
    const Finished finished = Strata(words, {.input = input, .stdout_path = {}});
    ExpectSuccess(finished);
    return finished.out;
  }

  TemporaryFolder folder_;
};

TEST_F(SourceTest, DocumentIsDumpedSortedByBytesListsInOrder) {
  EXPECT_EQ(Dump({folder_.Write("f.json", kDocument)}), kDumped);
}

TEST_F(SourceTest, LinesAddUpAndTheLastListOfAnEntryStands) {
  EXPECT_EQ(Dump({folder_.Write("f.ndjson", kLines)}), kDumped);
  EXPECT_EQ(Dump({folder_.Write("f.jsonl", kLines)}), kDumped);
}

TEST_F(SourceTest, InputFormatOverridesTheName) {
  EXPECT_EQ(Dump({folder_.Write("f.txt", kDocument), "--input-format", "json"}), kDumped);
  EXPECT_EQ(Dump({folder_.Write("f.json", kLines), "--input-format", "ndjson"}), kDumped);
}

TEST_F(SourceTest, StandardInputIsADocumentUnlessItIsSaidToBeLines) {
  EXPECT_EQ(Dump({"-"}, kDocument), kDumped);
  EXPECT_EQ(Dump({"-", "--input-format", "ndjson"}, kLines), kDumped);
}

TEST_F(SourceTest, PackedFilesAreUnpackedWhileReading) {
  const std::string document = folder_.Write("f.json", kDocument);
  const std::string lines = folder_.Write("f.ndjson", kLines);
  for (const std::string& path : {document, lines}) {
    ExpectSuccess(Shell("gzip -k '" + path + "' && zstd -q -k '" + path + "'"));
    EXPECT_EQ(Dump({path + ".gz"}), kDumped);
    EXPECT_EQ(Dump({path + ".zst"}), kDumped);
  }
}

TEST_F(SourceTest, NamedPipeIsReadOnce) {
  const std::string pipe = folder_ / "p.json";
  const std::string file = folder_.Write("f.json", kDocument);
  const Finished finished = Shell("mkfifo '" + pipe + "' && { cat '" + file + "' > '" + pipe +
                                  "' & } && \"$STRATA\" dump '" + pipe + "'");
  ExpectSuccess(finished);
  EXPECT_EQ(finished.out, kDumped);
}

TEST_F(SourceTest, RootStartsBelowAWrappingObject) {
  const std::string wrapped =
      std::string(R"({"other":[1,2],"data":{"Field/A":)") + kDocument + "}}";
  EXPECT_EQ(Dump({folder_.Write("f.json", wrapped), "--root", "/data/Field~1A"}), kDumped);
}

TEST_F(SourceTest, DumpOfADumpIsTheSameBytes) {
  for (const char* const shape : {"forum", "unique", "rows", "sparse"}) {
    const std::string first = folder_ / "first.json";
    const std::string second = folder_ / "second.json";
    const Finished finished =
        Shell(std::string("\"$STRATA\" gen ") + shape +
              " --records 3000 | \"$STRATA\" dump - -o '" + first + "' && \"$STRATA\" load '" +
              first + "' --dump '" + second + "' && cmp '" + first + "' '" + second + "'");
    ExpectSuccess(finished);
    EXPECT_GT(ReadFile(first).size(), 50'000u) << shape;
  }
}

TEST_F(SourceTest, DumpEqualsItsSourceToAnotherJsonReader) {
  for (const char* const shape : {"forum", "unique", "rows", "sparse"}) {
    const std::string path = folder_ / "f.json";
    ExpectSuccess(Strata({"gen", shape, "--records", "2000", "-o", path}));
    const auto source = nlohmann::json::parse(ReadFile(path));
    EXPECT_FALSE(source.empty());
    EXPECT_EQ(nlohmann::json::parse(Dump({path})), source) << shape;
  }
}

// The README's commands as they stand there, with less data; the server's is left out.
TEST_F(SourceTest, CommandsOfTheReadmeWork) {
  std::ifstream readme(STRATA_README);
  std::string script = "set -e; cd '" + folder_.path() + "'\n";
  int commands = 0;
  for (std::string line; std::getline(readme, line);) {
    const std::string begin = "    strata ";
    if (!line.starts_with(begin) || line.find("mysql://") != std::string::npos) continue;
    if (const std::size_t full = line.find("--records 200000"); full != std::string::npos) {
      line.replace(full, 16, "--records 2000");
    }
    const std::string lookup = "bench lookup f.json";
    if (const std::size_t at = line.find(lookup); at != std::string::npos) {
      line.insert(at + lookup.size(), " --lookups 1000");
    }
    script += "\"$STRATA\" " + line.substr(begin.size()) + "\n";
    ++commands;
  }
  ASSERT_GE(commands, 5);
  const Finished finished = Shell(script);
  EXPECT_EQ(finished.exit, 0) << script << finished.err;
}

TEST_F(SourceTest, LoadPrintsCountsBytesAndSeconds) {
  const Finished finished = Strata({"load", folder_.Write("f.json", kDocument)});
  ExpectSuccess(finished);
  EXPECT_THAT(finished.out, HasSubstr("3 outers, 3 entries, 4 records, 4 pairs"));
  EXPECT_THAT(finished.out, testing::ContainsRegex("read 80 bytes in [0-9.]+ s"));
  EXPECT_THAT(finished.out, testing::ContainsRegex("holds [0-9]+ bytes, [0-9.]+ bytes a pair"));
}

TEST_F(SourceTest, ProgressGoesToStandardErrorOnlyWhenAskedFor) {
  const std::string path = folder_.Write("f.json", kDocument);
  EXPECT_EQ(Strata({"load", path}).err, "");
  const Finished finished = Strata({"load", path, "--progress"});
  EXPECT_EQ(finished.exit, 0);
  EXPECT_THAT(finished.err, HasSubstr("(100%)"));
  EXPECT_THAT(finished.err, HasSubstr("/s, 3 entries"));
}

TEST_F(SourceTest, MissingFileIsNamed) {
  const std::string path = folder_ / "none.json";
  ExpectFailure(Strata({"dump", path}), 1, path);
  ExpectFailure(Strata({"compare", path}), 1, path);
}

TEST_F(SourceTest, FolderIsNoSource) {
  const std::string path = folder_ / "f.json";
  ExpectSuccess(Shell("mkdir '" + path + "'"));
  ExpectFailure(Strata({"dump", path}), 1, path);
}

TEST_F(SourceTest, FaultIsNamedWithFileAndByteAndLeavesNoOutput) {
  const std::string path = folder_.Write("bad.json", R"({"a":{"x":[{"1":2}]}})");
  const std::string dump = folder_ / "out.json";
  const Finished finished = Strata({"dump", path, "-o", dump});
  ExpectFailure(finished, 1, path);
  EXPECT_THAT(finished.err, HasSubstr("byte"));
  ExpectFailure(Strata({"load", path, "--dump", dump}), 1, path);
  ExpectFailure(Strata({"compare", path, "-o", dump}), 1, path);
  ExpectFailure(Strata({"footprint", path, "-o", dump}), 1, path);
  EXPECT_THAT(folder_.Names(), ElementsAre("bad.json"));
}

TEST_F(SourceTest, WrappedDocumentSuggestsRoot) {
  const std::string path = folder_.Write("f.json", R"({"w":{"a":{"x":[{"1":"v"}]}}})");
  ExpectFailure(Strata({"dump", path}), 1, "--root /w");
}

TEST_F(SourceTest, FileNameOfAnyBytesStaysOneLine) {
  ExpectFailure(Strata({"dump", folder_ / "no\nsuch\tfile.json"}), 1, "such\\x09file.json");
}

// Nor does a message move the cursor or turn the line around by what is above ASCII.
TEST_F(SourceTest, MessageEscapesAllThatATerminalWouldObey) {
  ExpectFailure(Strata({"footprint", "x.json", "--by", "a\xC2\x9B\xE2\x80\xAE\xFF"}), 2,
                "'a\\u009b\\u202e\\xff' divides nothing");
  const std::string file = folder_.Write("bytes.json", "\xFF");
  ExpectFailure(Strata({"diff", file, file}), 1, "\\xff");
}

TEST_F(SourceTest, UnreachableServerIsNamed) {
  const std::string url = "mysql://u@localhost/d?table=t&socket=" + (folder_ / "no.sock");
  ExpectFailure(Strata({"load", url}), 1, "no.sock");
  EXPECT_THAT(folder_.Names(), IsEmpty());
}

TEST_F(SourceTest, MissingPasswordFileIsNamed) {
  const std::string file = folder_ / "password";
  ExpectFailure(Strata({"load", "mysql://u@localhost/d?table=t", "--password-file", file}), 1,
                file);
  ExpectFailure(Strata({"load", "mysql://u@localhost/d?table=t", "--defaults-file", file}), 1,
                file);
}

}  // namespace
}  // namespace strata::cli
