// The bytes of synthetic data, pinned: recorded results name them, so they never change.
#include "cli/gen.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/cli/program.h"

namespace strata::cli {
namespace {

using testing::StartsWith;

struct Pinned {
  std::string shape;
  std::string records;
  std::string seed;
  std::string sha256;
};

// From the reference implementation in Python.
const std::vector<Pinned>& AllPinned() {
  static const auto* const pinned = new std::vector<Pinned>{
      {"forum", "1", "1", "9b914390b1d6fe1a0ce4cb99e9ed2eab9b341b93438e3c54789f9adfbafeb576"},
      {"forum", "11", "1", "55b26ec7e3ceade418644a623ef2a369e8bc35e2d266338aff725750e726dede"},
      {"forum", "1000", "1", "4be05f8091c593adc8f092b15c7d5afab4c5b25e5497ffc4ba24d405497b5b60"},
      {"forum", "1000", "7", "52a17f67b60a2ce5b18a9534f80ec8a8035f011dc2a8ff545945e47ccebe1e43"},
      {"forum", "10001", "18446744073709551615",
       "39ee3e1fa8863c42e6f5fcac40a4b71f545229f839d8199060dcd9dda861de98"},
      {"unique", "1", "1", "dc29bc81c1cecae6e92d5d4b615efb69a0390847eb75c0a1d7c95967d95bf261"},
      {"unique", "11", "1", "4e7d7957edf8742cb2437f1bd47763565edc3b6e3813e844bac2e456122b215e"},
      {"unique", "1000", "1", "321afaf0fbe92bbbf2b3d4d14d34846fe42d57e8ef799de8787bdc00c41a4e3e"},
      {"unique", "1000", "7", "8a39bebca12cfa48470cd92a4294b0912714c146be3a29328b5f5344612997b0"},
      {"unique", "10001", "18446744073709551615",
       "b6f8e5bd4a3147ce1c08d729c6074f586b12a2e245a7c7c0f943cb65361eef33"},
      {"rows", "1", "1", "babd1c0a1c0b4be210ca17b214ecb5bdcbe0fac098861e1843c1cb17cbbd9de7"},
      {"rows", "11", "1", "ae20d5ddad42ed03bf69a6dd753600aa17e13dc1884adc2b9630a2ef6e6af54b"},
      {"rows", "1000", "1", "35c17af138cb28ccc207daca065076e095d5b0d973e7be34d79af6b04c22f607"},
      {"rows", "1000", "7", "25202883c43ea8028636e7ea70fd23736deb9b257e3557167ebef62ed670d08e"},
      {"rows", "10001", "18446744073709551615",
       "1c0e58527ec400d7aa8036709e28716f7413cbea8956983d67ec1233a0de7ca5"},
      {"sparse", "1", "1", "a86ae9462d23d87f520d75c0af01d3aa0637dfba36cad619056ae00e067e2169"},
      {"sparse", "11", "1", "583616abcd1c9c935f00c736c0241be6361fd81f03e5565f965c677ee000e5be"},
      {"sparse", "1000", "1", "f7b930977e4d9ece5c20c25b94dd42b4e1c1fd4be6182b38194a0f199bf31815"},
      {"sparse", "1000", "7", "c57490eacd0c4c3b5a7ee500b63a049115e923f8c4daaa35d48c24f8f9a1031f"},
      {"sparse", "10001", "18446744073709551615",
       "cae66ecd00429be012c78031df8a062424daecc0c1537fc2920ebf3ee8d060f6"},
      {"forum", "2000000", "1", "ef9e79865acbe545959e199bf99fc030e286e4ea8006f1673ad2dfcd1012e9b9"},
      {"unique", "2000000", "1",
       "0b1019f38b3616f9cbe4963e915af4c08b9fa4a2d81cf882abb82fb801801191"},
      {"rows", "300000", "1", "d780e72371ffa3209873e538f72e6d332997263c8f10b17ef9ce0e9da4d4632d"},
      {"sparse", "400000", "1", "ebdba800a5f381c4c0fff5f42a0f77d3814595cb0eb464baf00d30118da12f2f"},
  };
  return *pinned;
}

TEST(GenTest, BytesAreTheReferencesForEveryShapeSizeAndSeed) {
  for (const Pinned& pinned : AllPinned()) {
    const Finished finished = Shell("\"$STRATA\" gen " + pinned.shape + " --records " +
                                    pinned.records + " --seed " + pinned.seed + " | sha256sum");
    EXPECT_THAT(finished.out, StartsWith(pinned.sha256))
        << pinned.shape << " " << pinned.records << " " << pinned.seed;
    EXPECT_EQ(finished.err, "");
  }
}

TEST(GenTest, SeedIsOneWhereItIsLeftOut) {
  const Finished without = Strata({"gen", "forum", "--records", "50"});
  ExpectSuccess(without);
  EXPECT_EQ(without.out, Strata({"gen", "forum", "--records", "50", "--seed", "1"}).out);
  EXPECT_NE(without.out, Strata({"gen", "forum", "--records", "50", "--seed", "2"}).out);
}

TEST(GenTest, NoRecordsAreAnEmptyDocument) {
  for (const std::string_view shape : GenShapes()) {
    const Finished finished = Strata({"gen", std::string(shape), "--records", "0"});
    ExpectSuccess(finished);
    EXPECT_EQ(finished.out, "{}\n") << shape;
  }
}

TEST(GenTest, SinkErrorEndsTheGeneration) {
  int calls = 0;
  const absl::Status status = Generate("forum", 1'000'000, 1, [&](std::string_view) {
    ++calls;
    return absl::ResourceExhaustedError("full");
  });
  EXPECT_EQ(status, absl::ResourceExhaustedError("full"));
  EXPECT_EQ(calls, 1);
}

TEST(GenTest, UnknownShapeAndTooManyRecordsAreRefused) {
  const auto sink = [](std::string_view) { return absl::OkStatus(); };
  EXPECT_EQ(Generate("round", 1, 1, sink).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Generate("rows", kGenMaxRecords + 1, 1, sink).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace strata::cli
