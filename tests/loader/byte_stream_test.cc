// Files, descriptors and packed streams: the bytes, and what is said of those that are at fault.
#include "loader/byte_stream.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <strata/json_source.h>

#include "tests/loader/json_reference.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

std::string Noise(std::size_t size) {
  std::string text;
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    text.push_back(static_cast<char>('a' + (state >> 28)));
  }
  return text;
}

std::string Gzip(const std::string& text) {
  z_stream deflater{};
  EXPECT_EQ(deflateInit2(&deflater, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&deflater, text.size()) + 64, '\0');
  deflater.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  deflater.avail_in = static_cast<uInt>(text.size());
  deflater.next_out = reinterpret_cast<Bytef*>(packed.data());
  deflater.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&deflater, Z_FINISH), Z_STREAM_END);
  packed.resize(deflater.total_out);
  deflateEnd(&deflater);
  return packed;
}

std::string Zstd(const std::string& text) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return packed;
}

std::string Pack(Packing packing, const std::string& text) {
  return packing == Packing::kGzip ? Gzip(text) : Zstd(text);
}

absl::StatusOr<std::string> ReadAll(ByteStream& stream, std::size_t step) {
  std::string text;
  std::string buffer(step, '\0');
  while (true) {
    absl::StatusOr<std::size_t> got = stream.Read(buffer);
    if (!got.ok()) return got.status();
    if (*got == 0) return text;
    text.append(buffer, 0, *got);
  }
}

absl::StatusOr<std::string> Unpacked(Packing packing, const std::string& packed,
                                     std::size_t step = 4096) {
  absl::StatusOr<std::unique_ptr<ByteStream>> stream =
      Unpack(std::make_unique<TextStream>(packed, step), packing, "input.packed");
  if (!stream.ok()) return stream.status();
  return ReadAll(**stream, step);
}

class PackedStream : public ::testing::TestWithParam<Packing> {};

TEST_P(PackedStream, GivesTheTextInStepsOfAnySize) {
  const std::string text = Noise(100000);
  const std::string packed = Pack(GetParam(), text);
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, std::size_t{1} << 20}) {
    const absl::StatusOr<std::string> found = Unpacked(GetParam(), packed, step);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, text);
  }
  EXPECT_EQ(*Unpacked(GetParam(), Pack(GetParam(), "")), "");
}

TEST_P(PackedStream, JoinsMembersAndFrames) {
  const std::string packed =
      Pack(GetParam(), "first ") + Pack(GetParam(), "") + Pack(GetParam(), "second");
  for (const std::size_t step : {std::size_t{1}, std::size_t{4096}}) {
    const absl::StatusOr<std::string> found = Unpacked(GetParam(), packed, step);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, "first second");
  }
}

TEST_P(PackedStream, EveryCutIsReported) {
  const std::string packed = Pack(GetParam(), Noise(300)) + Pack(GetParam(), "more");
  const std::size_t first = Pack(GetParam(), Noise(300)).size();
  for (std::size_t size = 0; size < packed.size(); ++size) {
    if (size == first) continue;  // whole on its own
    const absl::StatusOr<std::string> found = Unpacked(GetParam(), packed.substr(0, size));
    EXPECT_EQ(found.status().code(), absl::StatusCode::kInvalidArgument) << size;
    EXPECT_THAT(found.status().ToString(), HasSubstr("input.packed: packed byte ")) << size;
  }
}

TEST_P(PackedStream, EveryChangedByteOfTheContentIsReported) {
  const std::string text = Noise(2000);
  const std::string packed = Pack(GetParam(), text);
  // Behind the header (a gzip member's may hold anything in its time and flags): data, checksum.
  for (std::size_t at = 12; at < packed.size(); ++at) {
    std::string corrupt = packed;
    corrupt[at] = static_cast<char>(corrupt[at] ^ 0x10);
    const absl::StatusOr<std::string> found = Unpacked(GetParam(), corrupt);
    EXPECT_TRUE(!found.ok() || *found == text) << at;
  }
}

TEST_P(PackedStream, WhatFollowsTheLastMemberIsReported) {
  const std::string packed = Pack(GetParam(), "text") + "something else";
  EXPECT_THAT(Unpacked(GetParam(), packed).status().ToString(), HasSubstr("follow the last one"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, PackedStream, ::testing::Values(Packing::kGzip, Packing::kZstd),
                         [](const auto& param) {
                           return param.param == Packing::kGzip ? "Gzip" : "Zstd";
                         });

class StreamFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/strata-stream-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& bytes) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  std::string folder_;
};

TEST_F(StreamFiles, AreUnpackedAsTheirNameSays) {
  const std::string text = R"({"a":{"x":[{"k":"v"}]}})";
  const Content expected{{"a", {{"x", {ModelRecord{{"k", "v"}}}}}}};
  for (const auto& [name, bytes] : {std::pair<std::string, std::string>{"f.json", text},
                                    {"f.json.gz", Gzip(text)},
                                    {"f.ndjson.zst", Zstd(text + "\n")}}) {
    const std::string path = Write(name, bytes);
    JsonOptions options;
    options.form = JsonFormOf(path).value();
    absl::StatusOr<std::unique_ptr<Source>> source = OpenJsonFile(path, options);
    ASSERT_TRUE(source.ok()) << source.status();
    ContentTarget target;
    ASSERT_TRUE(Load(**source, target).ok());
    EXPECT_EQ(target.content, expected);
    EXPECT_EQ((*source)->progress().bytes_read, bytes.size());
    EXPECT_EQ((*source)->progress().bytes_total, bytes.size());
    EXPECT_EQ((*source)->name(), path);
  }
}

TEST_F(StreamFiles, FormsAreTakenFromTheName) {
  EXPECT_EQ(JsonFormOf("a.json"), JsonOptions::Form::kDocument);
  EXPECT_EQ(JsonFormOf("a.json.zst"), JsonOptions::Form::kDocument);
  EXPECT_EQ(JsonFormOf("a.jsonl"), JsonOptions::Form::kLines);
  EXPECT_EQ(JsonFormOf("a.ndjson.gz"), JsonOptions::Form::kLines);
  EXPECT_EQ(JsonFormOf("a.strata"), std::nullopt);
  EXPECT_EQ(JsonFormOf("json"), std::nullopt);
}

TEST_F(StreamFiles, ThatCannotBeReadAreNamed) {
  const absl::StatusOr<std::unique_ptr<ByteStream>> missing =
      OpenFileStream(folder_ + "/none.json");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(missing.status().ToString(), HasSubstr("none.json: cannot open"));
  const absl::StatusOr<std::unique_ptr<ByteStream>> directory = OpenFileStream(folder_);
  EXPECT_THAT(directory.status().ToString(), HasSubstr("cannot read"));
}

TEST_F(StreamFiles, APipeIsReadAsItComes) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string text = Noise(500000);
  std::thread writer([&] {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t wrote =
          write(ends[1], text.data() + sent, std::min<std::size_t>(7777, text.size() - sent));
      if (wrote > 0) sent += static_cast<std::size_t>(wrote);
    }
    close(ends[1]);
  });
  const std::unique_ptr<ByteStream> stream = MakeFdStream(ends[0], "pipe");
  const absl::StatusOr<std::string> found = ReadAll(*stream, 1 << 20);
  writer.join();
  close(ends[0]);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, text);
  EXPECT_EQ(stream->bytes_total(), 0U);
  EXPECT_EQ(stream->bytes_read(), text.size());
}

}  // namespace
}  // namespace strata
