#include "tests/accounting/report/read_profile.h"

#include <zlib.h>

#include <gtest/gtest.h>

#include "profile.pb.h"

namespace strata {
namespace {

std::string Unpacked(const std::string& packed) {
  z_stream stream = {};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string bytes(std::size_t{1} << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  bytes.resize(stream.total_out);
  inflateEnd(&stream);
  return bytes;
}

}  // namespace

ReadProfile ReadPprof(const std::string& packed) {
  pprof::Profile profile;
  EXPECT_TRUE(profile.ParseFromString(Unpacked(packed)));
  ReadProfile read;
  const auto text = [&](std::int64_t index) {
    return profile.string_table(static_cast<int>(index));
  };
  EXPECT_EQ(text(0), "");
  for (const pprof::ValueType& type : profile.sample_type()) {
    read.types.push_back(text(type.type()) + "/" + text(type.unit()));
  }
  read.default_type = text(profile.default_sample_type());
  read.time_ns = profile.time_nanos();
  for (const std::int64_t comment : profile.comment()) read.comments.push_back(text(comment));
  for (const pprof::Sample& sample : profile.sample()) {
    std::string stack;
    for (const std::uint64_t id : sample.location_id()) {
      const pprof::Location& location = profile.location(static_cast<int>(id) - 1);
      EXPECT_EQ(location.id(), id);
      const std::uint64_t function_id = location.line(0).function_id();
      const pprof::Function& function = profile.function(static_cast<int>(function_id) - 1);
      EXPECT_EQ(function.id(), function_id);
      stack += (stack.empty() ? "" : " < ") + text(function.name());
    }
    EXPECT_TRUE(
        read.samples.emplace(stack, std::vector(sample.value().begin(), sample.value().end()))
            .second)
        << stack;
  }
  return read;
}

}  // namespace strata
