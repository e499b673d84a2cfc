// Reckoning the heap of a Go program that holds the nested map: sizes of Go 1.19's runtime.
//
// Threads: a reckoner is used by one at a time.
#include <algorithm>
#include <array>

#include <strata/go_memory.h>

namespace strata {
namespace {

// runtime/sizeclasses.go: what small requests are rounded up to.
constexpr std::array<std::uint64_t, 67> kSizeClasses = {
    8,     16,    24,    32,    48,    64,    80,    96,    112,   128,   144,  160,  176,   192,
    208,   224,   240,   256,   288,   320,   352,   384,   416,   448,   480,  512,  576,   640,
    704,   768,   896,   1024,  1152,  1280,  1408,  1536,  1792,  2048,  2304, 2688, 3072,  3200,
    3456,  4096,  4864,  5120,  5376,  6144,  6528,  6784,  6912,  8192,  9472, 9728, 10240, 10880,
    12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672};
constexpr std::uint64_t kLargestSmall = 32768;
constexpr std::uint64_t kPageBytes = 8192;

// runtime/map.go: a bucket is eight hash bytes, eight keys, eight values and a pointer.
constexpr std::uint64_t kMapHeaderBytes = 48;
constexpr std::uint64_t kBucketPlaces = 8;
constexpr std::uint64_t kStringHeaderBytes = 16;
constexpr std::uint64_t kSliceHeaderBytes = 24;
constexpr std::uint64_t kPointerBytes = 8;

}  // namespace

std::uint64_t GoHeapReckoner::AllocatedBytes(std::uint64_t size) {
  if (size == 0) return 0;
  if (size > kLargestSmall) return (size + kPageBytes - 1) / kPageBytes * kPageBytes;
  const auto fits = std::lower_bound(kSizeClasses.begin(), kSizeClasses.end(), size);
  return fits == kSizeClasses.end() ? kLargestSmall : *fits;
}

void GoHeapReckoner::AddMap(std::size_t count, std::uint64_t value_size) {
  bytes_ += AllocatedBytes(kMapHeaderBytes);
  if (count == 0) return;
  const std::uint64_t bucket_bytes =
      kBucketPlaces + kBucketPlaces * (kStringHeaderBytes + value_size) + kPointerBytes;
  unsigned shift = 0;
  // 13/2 a bucket, once there is more than one.
  while (count > kBucketPlaces && count > ((std::uint64_t{1} << shift) * 13) / 2) ++shift;
  std::uint64_t buckets = std::uint64_t{1} << shift;
  // Room for overflow is obtained with larger tables.
  if (shift >= 4) buckets += std::uint64_t{1} << (shift - 4);
  bytes_ += AllocatedBytes(buckets * bucket_bytes);
}

void GoHeapReckoner::AddOuter(std::string_view outer, std::size_t entries) {
  AddString(outer);
  AddMap(entries, kSliceHeaderBytes);
}

void GoHeapReckoner::AddEntry(std::string_view inner, std::size_t records) {
  AddString(inner);
  // encoding/json lets a slice grow from 4 places by half.
  std::uint64_t places = 0;
  while (places < records) places = std::max<std::uint64_t>(places + places / 2, 4);
  bytes_ += AllocatedBytes(places * kPointerBytes);
}

void GoHeapReckoner::AddRecord(std::size_t pairs) { AddMap(pairs, kStringHeaderBytes); }

void GoHeapReckoner::AddPair(std::string_view key, std::string_view value) {
  AddString(key);
  AddString(value);
}

}  // namespace strata
