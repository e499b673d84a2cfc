// Many caches in one process: addresses are a process's, and a cache reserves more of them than it
// ever fills.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tests/kit/sanitizers.h"

#include <strata/cache.h>

namespace strata {
namespace {

constexpr std::size_t kGiB = std::size_t{1} << 30;

// Whether somebody else in the process still gets so many addresses.
bool Free(std::size_t size_bytes) {
  void* const all =
      mmap(nullptr, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return false;
  munmap(all, size_bytes);
  return true;
}

absl::Status PutSome(Cache& cache, std::size_t bytes) {
  const std::string value(bytes, 'v');
  return cache.Put("outer", "inner", Records{{{"key", value}}});
}

TEST(ManyCaches, SixHundredAreOpenAtOnceAndTheProcessGoesOn) {
  std::vector<Cache> caches;
  for (std::size_t i = 0; i < 600; ++i) {
    // Every other one has no limit.
    absl::StatusOr<Cache> cache = Cache::Create({.memory_limit_bytes = i % 2 * kGiB / 4});
    ASSERT_TRUE(cache.ok()) << i << ": " << cache.status();
    ASSERT_TRUE(PutSome(*cache, 100).ok()) << i;
    caches.push_back(std::move(*cache));
    ASSERT_TRUE(Free(16 * kGiB)) << "after " << i;
  }
  // The last ones hold as much as the first.
  for (std::size_t i = 598; i < 600; ++i) {
    EXPECT_TRUE(PutSome(caches[i], kGiB / 16).ok()) << i;
    EXPECT_TRUE(caches[i].Validate().ok()) << i;
    caches[i].Clear();
  }
}

TEST(ManyCaches, WhereAddressesEndACacheIsRefusedAndTheOthersGoOn) {
  std::vector<Cache> caches;
  absl::Status status;
  while (status.ok() && caches.size() < 20000) {
    absl::StatusOr<Cache> cache = Cache::Create();
    if (cache.ok()) {
      caches.push_back(std::move(*cache));
    } else {
      status = cache.status();
    }
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("addresses"), absl::string_view::npos) << status;
  EXPECT_TRUE(Free(16 * kGiB));
  EXPECT_TRUE(PutSome(caches.back(), kGiB / 16).ok());
  caches.clear();
  EXPECT_TRUE(Cache::Create().ok());
}

// In a process of its own, whose addresses are limited.
int FillUnderALimitOfAddresses() {
  const rlimit limit = {.rlim_cur = 8 * kGiB, .rlim_max = 8 * kGiB};
  if (setrlimit(RLIMIT_AS, &limit) != 0) return 1;
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok()) return 2;
  if (!Free(kGiB)) return 3;
  if (!PutSome(*cache, kGiB / 16).ok()) return 4;
  return cache->Validate().ok() ? 0 : 5;
}

TEST(ManyCaches, OneLeavesRoomInAProcessWhoseAddressesAreLimited) {
  if (kit::kUnderSanitizer) GTEST_SKIP() << "a sanitizer takes terabytes for itself";
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(FillUnderALimitOfAddresses());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace strata
