// The reader, the apply loop and the writer survive every allocation failing in turn: the n-th
// allocation fails, for n = 1, 2, 3 … until a load passes without meeting it. All that fails is
// theirs: the target lives in memory of its own.
#include <gtest/gtest.h>

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <new>
#include <string>

#include <strata/json_writer.h>

#include "absl/strings/str_cat.h"

#include "loader/json_reader.h"
#include "loader/spool.h"
#include "tests/kit/failing_heap.h"
#include "tests/loader/json_reference.h"

namespace strata {
namespace {

// A target whose own allocations never fail.
class SafeTarget final : public Target {
 public:
  ContentTarget held;

  bool empty() const override { return held.empty(); }
  bool HasOuter(std::string_view outer) const override { return held.HasOuter(outer); }
  absl::Status Put(std::string_view outer, std::string_view inner,
                   const RecordsView& records) override {
    const UnarmedHeap unarmed;
    return held.Put(outer, inner, records);
  }
  absl::Status PutOuter(std::string_view outer) override {
    const UnarmedHeap unarmed;
    return held.PutOuter(outer);
  }
  bool Delete(std::string_view outer, std::string_view inner) override {
    return held.Delete(outer, inner);
  }
  bool DeleteOuter(std::string_view outer) override { return held.DeleteOuter(outer); }
  void Clear() override { held.Clear(); }
};

// Runs `load` with the n-th allocation failing, for every n there is. `load` gives its status and
// leaves what it found in the target.
template <class LoadOnce>
void FailEachInTurn(const Content& expected, bool begins_empty, const LoadOnce& load) {
  int failures = 0;
  for (long n = 1;; ++n) {
    ASSERT_LT(n, 100000);
    SafeTarget target;
    if (!begins_empty) target.held.content["before"];
    ArmHeap(n);
    const absl::StatusCode code = load(target);
    const bool passed = DisarmHeap();
    if (code == absl::StatusCode::kOk) {
      ASSERT_EQ(target.held.content, expected) << n;
    } else {
      ASSERT_EQ(code, absl::StatusCode::kResourceExhausted) << n;
      if (begins_empty) {
        ASSERT_TRUE(target.held.content.empty()) << n;
      }
      ++failures;
    }
    if (passed) break;
  }
  EXPECT_GT(failures, 4);
}

std::string Document() {
  std::string text = R"({"skip":[[{}],"\u00e9"],"A":{)";
  for (int i = 0; i < 30; ++i) {
    absl::StrAppend(&text, i > 0 ? "," : "", "\"outer number \\u0031 ", i % 25,
                    "\":{\"inner key, a long one\":[{\"k\":\"v\"},null,{\"\\n\":\"",
                    std::string(static_cast<std::size_t>(i) * 300, 'x'), "\"}],\"y\":null}");
  }
  return text + "}}\n";
}

void CheckForm(JsonOptions::Form form, std::size_t size, bool begins_empty) {
  const std::string text = Document();
  const JsonOptions options{.form = form, .root = "/A"};
  absl::StatusOr<Content> expected = LoadText(text, options);
  ASSERT_TRUE(expected.ok()) << expected.status();
  if (!begins_empty) (*expected)["before"];
  FailEachInTurn(*expected, begins_empty, [&](SafeTarget& target) {
    try {
      std::unique_ptr<ByteStream> stream = std::make_unique<TextStream>(text);
      absl::StatusOr<std::unique_ptr<Source>> source =
          JsonReader::Make(std::move(stream), "input", options, TinyTuning(size));
      if (!source.ok()) return source.status().code();
      return Load(**source, target).status().code();
    } catch (const std::bad_alloc&) {
      // Making the stream and the reader is the caller's edge, OpenJsonFile's.
      return absl::StatusCode::kResourceExhausted;
    }
  });
}

TEST(JsonAllocation, ReadingADocumentSurvivesEveryFailure) {
  CheckForm(JsonOptions::Form::kDocument, 64, true);
}
TEST(JsonAllocation, ReadingADocumentInOnePieceSurvivesEveryFailure) {
  CheckForm(JsonOptions::Form::kDocument, std::size_t{1} << 18, true);
}
TEST(JsonAllocation, ReadingLinesSurvivesEveryFailure) {
  CheckForm(JsonOptions::Form::kLines, 64, true);
}
TEST(JsonAllocation, LoadingIntoContentSurvivesEveryFailure) {
  CheckForm(JsonOptions::Form::kDocument, 64, false);
}

void WriteFile(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), file), text.size());
  ASSERT_EQ(std::fclose(file), 0);
}

void CheckFile(const std::string& path) {
  const JsonOptions options{.form = JsonOptions::Form::kDocument, .root = "/A"};
  const absl::StatusOr<Content> expected = LoadText(Document(), options);
  ASSERT_TRUE(expected.ok());
  FailEachInTurn(*expected, true, [&](SafeTarget& target) {
    absl::StatusOr<std::unique_ptr<Source>> source = OpenJsonFile(path, options);
    if (!source.ok()) return source.status().code();
    return Load(**source, target).status().code();
  });
  std::remove(path.c_str());
}

std::string FilePath(const char* ending) {
  return absl::StrCat(::testing::TempDir(), "/strata-allocation-", getpid(), ending);
}

TEST(JsonAllocation, OpeningAFileSurvivesEveryFailure) {
  const std::string path = FilePath(".json");
  WriteFile(path, Document());
  CheckFile(path);
}

// What zlib and zstd allocate inside their own shared libraries does not fail here.
TEST(JsonAllocation, OpeningAGzipFileSurvivesEveryFailure) {
  const std::string path = FilePath(".json.gz");
  const std::string text = Document();
  const gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
            static_cast<int>(text.size()));
  ASSERT_EQ(gzclose(file), Z_OK);
  CheckFile(path);
}

TEST(JsonAllocation, OpeningAZstdFileSurvivesEveryFailure) {
  const std::string path = FilePath(".json.zst");
  const std::string text = Document();
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  WriteFile(path, packed);
  CheckFile(path);
}

TEST(JsonAllocation, WritingSurvivesEveryFailure) {
  absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  const JsonOptions options{.form = JsonOptions::Form::kDocument, .root = "/A"};
  absl::StatusOr<std::unique_ptr<Source>> source =
      JsonReader::Make(std::make_unique<TextStream>(Document()), "input", options);
  ASSERT_TRUE(source.ok());
  ASSERT_TRUE(Load(**source, *cache).ok());
  ASSERT_TRUE(cache->Put("\xff", "i", Records{{{"k", "not UTF-8: \xff"}}}).ok());
  const JsonWriteOptions replacing{.replace_invalid_utf8 = true};
  const auto write = [&](std::string* text) {
    const TextSink sink = [text](std::string_view part) {
      const UnarmedHeap unarmed;
      text->append(part);
      return absl::OkStatus();
    };
    return WriteJson(*cache, sink, replacing);
  };
  std::string whole;
  ASSERT_TRUE(write(&whole).ok());
  const absl::StatusOr<Content> expected = LoadText(whole);
  ASSERT_TRUE(expected.ok()) << expected.status();
  FailEachInTurn(*expected, true, [&](SafeTarget& target) {
    std::string text;
    const absl::StatusCode code = write(&text).code();
    const UnarmedHeap unarmed;
    if (code == absl::StatusCode::kOk) target.held.content = *LoadText(text);
    return code;
  });
}

TEST(JsonAllocation, ReadingASpoolSurvivesEveryFailure) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  Batch batch;
  batch.BeginEntry("a", "x");
  batch.BeginRecord();
  batch.AddPair("k", std::string(3000000, 'v'));
  batch.EndEntry();
  SpoolWriter writer(fileno(file));
  ASSERT_TRUE(writer.Append(batch).ok() && writer.Finish().ok());
  const Content expected{{"a", {{"x", {ModelRecord{{"k", std::string(3000000, 'v')}}}}}}};
  FailEachInTurn(expected, true, [&](SafeTarget& target) {
    absl::StatusOr<std::unique_ptr<Source>> source = OpenSpool(fileno(file), "spool");
    if (!source.ok()) return source.status().code();
    return Load(**source, target).status().code();
  });
  std::fclose(file);
}

}  // namespace
}  // namespace strata
