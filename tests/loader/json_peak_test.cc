// Bounded memory: the peak of reading beyond what the target keeps, measured on documents that are
// made while they are read. Each runs in a process of its own, whose peak is its own.
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"

#include <strata/load.h>

#include "loader/json_reader.h"
#include "tests/kit/sanitizers.h"

namespace strata {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// head, then `body` over and over until it has made `size` bytes, then tail.
class RepeatingStream final : public ByteStream {
 public:
  RepeatingStream(std::string head, std::function<std::string(std::uint64_t)> body,
                  std::uint64_t size, std::string tail)
      : part_(std::move(head)), body_(std::move(body)), size_(size), tail_(std::move(tail)) {}

  absl::StatusOr<std::size_t> Read(std::span<char> out) override {
    while (at_ == part_.size()) {
      if (ended_) return 0;
      at_ = 0;
      ended_ = made_ >= size_;
      part_ = ended_ ? tail_ : body_(index_++);
    }
    const std::size_t count = std::min(out.size(), part_.size() - at_);
    std::memcpy(out.data(), part_.data() + at_, count);
    at_ += count;
    made_ += count;
    return count;
  }
  std::uint64_t bytes_read() const override { return made_; }
  std::uint64_t bytes_total() const override { return size_; }

 private:
  std::string part_;
  const std::function<std::string(std::uint64_t)> body_;
  const std::uint64_t size_;
  const std::string tail_;
  std::size_t at_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t index_ = 0;
  bool ended_ = false;
};

// Keeps nothing but a count.
class CountingTarget final : public Target {
 public:
  std::uint64_t pairs = 0;
  bool empty() const override { return true; }
  bool HasOuter(std::string_view) const override { return false; }
  absl::Status Put(std::string_view, std::string_view, const RecordsView& records) override {
    pairs += records.pair_count();
    return absl::OkStatus();
  }
  absl::Status PutOuter(std::string_view) override { return absl::OkStatus(); }
  bool Delete(std::string_view, std::string_view) override { return false; }
  bool DeleteOuter(std::string_view) override { return false; }
  void Clear() override {}
};

// The peak of loading it in a child, in bytes; 0 where the load failed or found no pairs.
std::uint64_t PeakOf(const std::function<std::unique_ptr<ByteStream>()>& make) {
  int ends[2];
  if (pipe(ends) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) {
    rusage before{};
    rusage after{};
    getrusage(RUSAGE_SELF, &before);
    absl::StatusOr<std::unique_ptr<Source>> source = JsonReader::Make(make(), "made", {});
    CountingTarget target;
    const bool loaded = source.ok() && Load(**source, target).ok() && target.pairs > 0;
    getrusage(RUSAGE_SELF, &after);
    const std::uint64_t peak =
        loaded ? static_cast<std::uint64_t>(after.ru_maxrss - before.ru_maxrss) * 1024 + 1 : 0;
    const bool sent = write(ends[1], &peak, sizeof peak) == sizeof peak;
    _exit(sent ? 0 : 1);
  }
  close(ends[1]);
  std::uint64_t peak = 0;
  if (read(ends[0], &peak, sizeof peak) != sizeof peak) peak = 0;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return peak;
}

std::string Comma(std::uint64_t index) { return index > 0 ? "," : ""; }

class JsonPeak : public testing::Test {
 protected:
  void SetUp() override {
    if (kit::kUnderSanitizer) GTEST_SKIP() << "a sanitizer's memory is in the way";
  }
};

TEST_F(JsonPeak, OfADocumentOfManyEntriesIsAFewMiB) {
  const std::uint64_t peak = PeakOf([] {
    return std::make_unique<RepeatingStream>(
        "{\"field\":{",
        [](std::uint64_t i) {
          std::string entry = absl::StrCat(Comma(i), "\"item", i, "\":[");
          for (int j = 0; j < 300; ++j) {
            absl::StrAppend(&entry, j > 0 ? "," : "", "{\"12345\":\"some text of a forum\"}");
          }
          return entry + "]";
        },
        2048 * kMiB, "}}");
  });
  RecordProperty("peak_bytes", absl::StrCat(peak));
  ASSERT_GT(peak, 0U);
  EXPECT_LT(peak, 16 * kMiB);
}

TEST_F(JsonPeak, OfAGiantListIsItsContent) {
  const std::uint64_t text = 300 * kMiB;
  const std::uint64_t peak = PeakOf([text] {
    return std::make_unique<RepeatingStream>(
        "{\"a\":{\"x\":[",
        [](std::uint64_t i) {
          return absl::StrCat(Comma(i), "{\"12345\":\"some text of a forum\"}");
        },
        text, "]}}");
  });
  RecordProperty("peak_bytes", absl::StrCat(peak));
  ASSERT_GT(peak, 0U);
  EXPECT_LT(peak, 3 * text);
}

TEST_F(JsonPeak, OfAGiantStringIsAFewTimesItsText) {
  const std::uint64_t text = 300 * kMiB;
  for (const char* part : {"plain text, nothing escaped; ", "text \\n with \\u00e9 escapes; "}) {
    const std::uint64_t peak = PeakOf([&] {
      return std::make_unique<RepeatingStream>(
          "{\"a\":{\"x\":[{\"k\":\"",
          [part](std::uint64_t) {
            std::string block;
            while (block.size() < 60000) block += part;
            return block;
          },
          text, "\"}]}}");
    });
    RecordProperty("peak_bytes", absl::StrCat(peak));
    ASSERT_GT(peak, 0U);
    EXPECT_LT(peak, 7 * text);
  }
}

// The worst there is: 40 bytes of views for 6 bytes of text.
TEST_F(JsonPeak, OfAGiantRecordOfEmptyStringsStaysWithinSevenTimesItsText) {
  const std::uint64_t text = 100 * kMiB;
  const std::uint64_t peak = PeakOf([text] {
    return std::make_unique<RepeatingStream>(
        "{\"a\":{\"x\":[{\"\":\"\"",
        [](std::uint64_t) {
          std::string block;
          while (block.size() < 60000) block += ",\"\":\"\"";
          return block;
        },
        text, "}]}}");
  });
  RecordProperty("peak_bytes", absl::StrCat(peak));
  ASSERT_GT(peak, 0U);
  EXPECT_LT(peak, 7 * text);
}

}  // namespace
}  // namespace strata
