// A third kind of source is one file: everything that a reader of tab-separated lines needs stands
// here, and the apply loop, its progress, its stopping and its all-or-nothing come with it.
#include <cstddef>
#include <istream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include <strata/cache.h>
#include <strata/load.h>
#include <strata/source.h>

namespace strata {
namespace {

// Lines OUTER, INNER, KEY, VALUE between tabs; a line is a record, lines of one entry follow each
// other.
class TabSource final : public Source {
 public:
  explicit TabSource(std::istream& lines) : lines_(lines) { Advance(); }

  absl::Status Read(Batch* batch) override {
    constexpr std::size_t kBatchBytes = 64;  // small, so that a test's few lines make several
    while (more_ && batch->text_bytes() < kBatchBytes) {
      const std::string outer = cells_[0];
      const std::string inner = cells_[1];
      batch->BeginEntry(outer, inner);
      for (; more_ && cells_[0] == outer && cells_[1] == inner; Advance()) {
        batch->BeginRecord();
        batch->AddPair(cells_[2], cells_[3]);
      }
      batch->EndEntry();
    }
    return status_;
  }
  std::string name() const override { return "tab-separated lines"; }
  SourceProgress progress() const override { return progress_; }

 private:
  void Advance() {
    std::string line;
    more_ = static_cast<bool>(std::getline(lines_, line));
    if (!more_) return;
    ++progress_.rows_read;
    std::istringstream cells(line);
    for (std::string& cell : cells_) std::getline(cells, cell, '\t');
    if (!cells.fail()) return;
    more_ = false;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(name(), ": line ", progress_.rows_read, " has fewer than four cells"));
  }

  std::istream& lines_;
  std::string cells_[4];
  bool more_ = false;
  SourceProgress progress_;
  absl::Status status_;
};

Cache MakeCache() {
  absl::StatusOr<Cache> cache = Cache::Create();
  EXPECT_TRUE(cache.ok()) << cache.status();
  return *std::move(cache);
}

std::string ManyLines(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) absl::StrAppend(&lines, "o", i % 3, "\ti", i, "\tk\tv", i, "\n");
  return lines;
}

TEST(ThirdSource, LoadsThroughTheSameLoop) {
  std::istringstream lines("a\tx\tk1\tv1\na\tx\tk2\tv2\na\ty\tk\tv\nb\tx\tk\tw\n");
  TabSource source(lines);
  Cache cache = MakeCache();
  const absl::StatusOr<LoadProgress> loaded = Load(source, cache);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->entries_applied, 3u);
  EXPECT_EQ(loaded->source.rows_read, 4u);
  ReadGuard guard(cache);
  EXPECT_EQ(guard.Find("a", "x", 1, "k2").value(), "v2");
  EXPECT_EQ(guard.Find("b", "x", 0, "k").value(), "w");
}

TEST(ThirdSource, IsAllOrNothing) {
  std::istringstream lines(ManyLines(1000) + "cut off\n");
  TabSource source(lines);
  Cache cache = MakeCache();
  const absl::StatusOr<LoadProgress> loaded = Load(source, cache);
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(loaded.status().message()), testing::HasSubstr("line 1001"));
  EXPECT_EQ(cache.counts().outers, 0u);
}

TEST(ThirdSource, TellsProgressAndStopsWhenAsked) {
  std::istringstream lines(ManyLines(1000));
  TabSource source(lines);
  Cache cache = MakeCache();
  int calls = 0;
  LoadOptions options;
  options.on_progress = [&calls](const LoadProgress&) { ++calls; };
  options.should_stop = [&calls] { return calls == 5; };
  EXPECT_EQ(Load(source, cache, options).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(cache.counts().outers, 0u);
}

}  // namespace
}  // namespace strata
