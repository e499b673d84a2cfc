// What is spooled is read back change for change; what is no whole spool is refused.
#include "loader/spool.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"

#include "tests/loader/json_reference.h"

namespace strata {
namespace {

using Kind = Change::Kind;

class Spool : public ::testing::Test {
 protected:
  void SetUp() override {
    file_ = std::tmpfile();
    ASSERT_NE(file_, nullptr);
  }
  void TearDown() override { std::fclose(file_); }
  int fd() const { return fileno(file_); }

  std::string Bytes() const {
    std::string bytes(static_cast<std::size_t>(lseek(fd(), 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(fd(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return bytes;
  }
  void Replace(const std::string& bytes) {
    ASSERT_EQ(ftruncate(fd(), 0), 0);
    ASSERT_EQ(pwrite(fd(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }

  std::FILE* file_ = nullptr;
};

std::string Described(const Batch& batch) {
  std::string text;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Change change = batch[i];
    absl::StrAppend(&text, static_cast<int>(change.kind), " ", std::string(change.outer), "/",
                    std::string(change.inner));
    for (std::size_t j = 0; j < change.records.size(); ++j) {
      absl::StrAppend(&text, " [");
      for (const Pair& pair : change.records[j]) {
        absl::StrAppend(&text, std::string(pair.key), "=", std::string(pair.value), ";");
      }
      absl::StrAppend(&text, "]");
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

void Fill(Batch* batch, int round) {
  batch->AddOuterChange(Kind::kPutOuter, "p");
  batch->AddOuterChange(Kind::kOpenOuter, absl::StrCat("o", round));
  batch->AddOuterChange(Kind::kDeleteOuter, "");
  batch->AddDeleteEntry("a", "b");
  batch->AddOuterChange(Kind::kDropAll, "");
  batch->BeginEntry("a", absl::StrCat("entry", round));
  batch->BeginRecord();
  batch->BeginRecord();
  batch->AddPair("k", std::string(static_cast<std::size_t>(round) * 1000, 'v'));
  batch->AddPair("", std::string("\0\xff", 2));
  batch->EndEntry();
  batch->BeginEntry("a", "empty");
  batch->EndEntry();
}

absl::StatusOr<std::string> ReadBack(int fd) {
  absl::StatusOr<std::unique_ptr<Source>> source = OpenSpool(fd, "mysql://x");
  if (!source.ok()) return source.status();
  std::string text;
  Batch batch;
  while (true) {
    batch.Clear();
    absl::Status read = (*source)->Read(&batch);
    if (!read.ok()) return read;
    if (batch.empty()) return text;
    absl::StrAppend(&text, Described(batch));
  }
}

TEST_F(Spool, IsReadBackChangeForChangeAsOftenAsOneLikes) {
  SpoolWriter writer(fd());
  std::string expected;
  for (int round = 0; round < 400; ++round) {
    Batch batch;
    Fill(&batch, round);
    ASSERT_TRUE(writer.Append(batch).ok());
    expected += Described(batch);
  }
  ASSERT_TRUE(writer.Finish().ok());
  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<std::string> found = ReadBack(fd());
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, expected);
  }
}

TEST_F(Spool, OfNothingIsEmpty) {
  SpoolWriter writer(fd());
  ASSERT_TRUE(writer.Finish().ok());
  EXPECT_EQ(*ReadBack(fd()), "");
}

TEST_F(Spool, EveryCutIsRefused) {
  SpoolWriter writer(fd());
  Batch batch;
  Fill(&batch, 1);
  ASSERT_TRUE(writer.Append(batch).ok());
  ASSERT_TRUE(writer.Finish().ok());
  const std::string whole = Bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Replace(whole.substr(0, size));
    EXPECT_EQ(ReadBack(fd()).status().code(), absl::StatusCode::kDataLoss) << size;
  }
  Replace(whole + "x");
  EXPECT_EQ(ReadBack(fd()).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Spool, NoChangedByteMakesItCrashOrTakeWhatIsNotThere) {
  SpoolWriter writer(fd());
  Batch batch;
  Fill(&batch, 0);
  ASSERT_TRUE(writer.Append(batch).ok());
  ASSERT_TRUE(writer.Finish().ok());
  const std::string whole = Bytes();
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0xff);
    Replace(changed);
    refused += ReadBack(fd()).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace strata
