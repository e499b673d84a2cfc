// What reader_syscalls_test.sh traces: a thread that reads a million times, each under a guard of
// its own, beside a thread that never stops writing. Around its reading loop, and nowhere else, the
// reading thread calls getppid, which marks the loop in a trace; its thread id is printed.
//
//     reader_syscalls [--with-futex]    that flag: the loop makes one futex call, as a control
//
// Exit status 1 where a read was wrong or hardly anything was written meanwhile.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <strata/cache.h>

namespace strata {
namespace {

constexpr std::size_t kReads = 1'000'000;
constexpr std::size_t kWritesAtLeast = 1'000;
constexpr std::size_t kOuters = 50;
constexpr std::size_t kInners = 40;  // more than an outer's own blob holds

struct Name {
  std::string outer;
  std::string inner;
};

std::vector<Name> AllNames() {
  std::vector<Name> names;
  for (std::size_t i = 0; i < kOuters * kInners; ++i) {
    names.push_back({"outer " + std::to_string(i / kInners), "inner " + std::to_string(i)});
  }
  return names;
}

// A list whose values all begin with the entry's own inner key.
absl::Status PutFresh(Cache& cache, const Name& name, std::uint64_t version) {
  const std::string value = name.inner + "/" + std::to_string(version);
  return cache.Put(name.outer, name.inner, Records{{{"a", value}, {"b", value}}, {{"c", value}}});
}

struct Shared {
  std::atomic<bool> reading{false};
  std::atomic<bool> done{false};
  std::atomic<std::size_t> writes_meanwhile{0};
};

void WriteOn(Cache& cache, const std::vector<Name>& names, Shared& shared) {
  std::mt19937_64 random(1);
  for (std::uint64_t version = 1; !shared.done; ++version) {
    if (!PutFresh(cache, names[random() % names.size()], version).ok()) return;
    if (shared.reading) shared.writes_meanwhile.fetch_add(1);
  }
}

// The number of wrong reads.
std::size_t ReadMuch(const Cache& cache, const std::vector<Name>& names, bool with_futex,
                     Shared& shared) {
  std::printf("reader %ld\n", static_cast<long>(syscall(SYS_gettid)));
  std::fflush(stdout);
  std::mt19937_64 random(2);
  std::size_t wrong = 0;
  const auto read = [&] {
    const Name& name = names[random() % names.size()];
    const ReadGuard guard(cache);
    const PairCursor pair = guard.Find(name.outer, name.inner, 1, "c");
    if (!pair.valid() || !pair.value().starts_with(name.inner)) ++wrong;
  };
  read();  // a thread's first guard may make it known to the cache; that is not the loop's
  shared.reading = true;
  getppid();
  for (std::size_t i = 0; i < kReads; ++i) read();
  std::uint32_t word = 0;
  if (with_futex) syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  getppid();
  shared.reading = false;
  return wrong;
}

int Run(bool with_futex) {
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok()) return 1;
  const std::vector<Name> names = AllNames();
  for (const Name& name : names) {
    if (!PutFresh(*cache, name, 0).ok()) return 1;
  }
  Shared shared;
  std::size_t wrong = 0;
  std::thread writer([&] { WriteOn(*cache, names, shared); });
  std::thread reader([&] { wrong = ReadMuch(*cache, names, with_futex, shared); });
  reader.join();
  shared.done = true;
  writer.join();
  const std::size_t writes = shared.writes_meanwhile;
  std::printf("%zu reads, %zu wrong, beside %zu writes\n", kReads, wrong, writes);
  return wrong == 0 && writes >= kWritesAtLeast ? 0 : 1;
}

}  // namespace
}  // namespace strata

int main(int argc, char** argv) {
  return strata::Run(argc > 1 && std::string_view(argv[1]) == "--with-futex");
}
