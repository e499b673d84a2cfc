// The profile, unpacked and read again by protobuf. That pprof itself opens it is shown by
// tests/cli/formats_test.py.
//
// Threads: one.
#include <zlib.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "profile.pb.h"
#include "tests/accounting/report/sample_footprints.h"

#include <strata/report.h>

namespace strata {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

// A profile with its numbers turned into names.
struct ReadProfile {
  std::vector<std::string> types;  // "total/bytes"
  std::string default_type;
  std::map<std::string, std::vector<std::int64_t>> samples;  // by "leaf < caller < …"
  std::vector<std::string> comments;
  std::int64_t time_ns = 0;
};

ReadProfile Read(const std::string& packed) {
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

TEST(PprofTest, LayersAreStacksWhoseFramesCarryTheirWholePath) {
  const ReadProfile read = Read(PprofProfile(TwoCaches(), 1234).value());
  EXPECT_THAT(read.types, ElementsAre("total/bytes", "used/bytes", "slack/bytes", "dead/bytes",
                                      "objects/count"));
  EXPECT_EQ(read.default_type, "total");
  EXPECT_EQ(read.time_ns, 1234);
  ASSERT_EQ(read.samples.size(), 6u);
  EXPECT_THAT(read.samples.at("shop:dictionary/bytes < shop:dictionary < shop"),
              ElementsAre(1025, 1000, 20, 5, 3));
  EXPECT_THAT(read.samples.at("users:dictionary/numbers < users:dictionary < users"),
              ElementsAre(921, 900, 0, 21, 12));
  EXPECT_THAT(read.samples.at("users:log < users"), ElementsAre(210'369, 210'000, 369, 0, 33));
  ASSERT_EQ(read.comments.size(), 2u);
  EXPECT_THAT(read.comments[0], HasSubstr("shop: layout packed, 71455 bytes walked"));
}

TEST(PprofTest, EqualFootprintsAreEqualBytes) {
  EXPECT_EQ(PprofProfile(TwoCaches()).value(), PprofProfile(TwoCaches()).value());
}

TEST(PprofTest, CachesThatShareANameAreNumberedAndOddBytesReplaced) {
  const std::vector<NamedFootprint> caches = {SampleFootprint("a\xFF", 1),
                                              SampleFootprint("a\xFF", 2)};
  const ReadProfile read = Read(PprofProfile(caches).value());
  EXPECT_EQ(read.samples.count("a\uFFFD:log < a\uFFFD"), 1u);
  EXPECT_EQ(read.samples.count("a\uFFFD#2:log < a\uFFFD#2"), 1u);
}

TEST(PprofTest, NoCachesAreAnEmptyProfile) {
  const ReadProfile read = Read(PprofProfile({}).value());
  EXPECT_TRUE(read.samples.empty());
  EXPECT_EQ(read.types.size(), 5u);
}

}  // namespace
}  // namespace strata
