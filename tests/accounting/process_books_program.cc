// process_books_program default|never|madvise|company|foreign|zeros|freed|blank|idle|writer: holds
// a cache of more than 100 MB and demands that the rest of its anonymous memory is at most 1 % of
// it. Run under each allocator and with each setting of huge pages (CMakeLists.txt); prints the
// books, and fails with 1 where they stay open.
//
// `never` and `madvise` are set here, by prctl and by advice on all that is mapped; an allocator's
// own settings come from the environment. `company`: two caches, threads and a guard
// (RunInCompany). `foreign`: memory that somebody else maps is rest, all of it (RunBesideForeign).
// `zeros`: a door's blocks hold nothing but zeros. `freed`: large blocks of the program's were
// freed. `blank`: a large block of the program's holds nothing. `idle`: very many threads have
// hardly anything. `writer`: a thread changes the
// cache and cleans it meanwhile.
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <latch>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "accounting/heap_regions.h"
#include "tests/kit/owned_records.h"

#include <strata/cache.h>
#include <strata/mem_stats.h>
#include <strata/memory_door.h>
#include <strata/process_books.h>

namespace strata {
namespace {

constexpr int kEntries = 500'000;
constexpr std::uint64_t kLeastBytes = 100'000'000;

// Whether it is in a range that a cache has reserved: a cache says itself what of it may be huge.
bool IsReserved(unsigned long address) {
  for (const AddressRange& range : MemoryDoor::ReservedRanges()) {
    const auto begin = reinterpret_cast<unsigned long>(range.begin);
    if (address >= begin && address < begin + range.size_bytes) return true;
  }
  return false;
}

// Advises huge pages for heap and anonymous mappings.
void AdviseHugePages() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    int path = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx rw-p %*s %*s %*s %n", &begin, &end, &path) != 2)
      continue;
    const std::string_view name = std::string_view(line).substr(static_cast<std::size_t>(path));
    if (!name.empty() && name != "[heap]") continue;
    if (IsReserved(begin)) continue;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
  }
}

bool PutEntry(Cache& cache, int i, std::mt19937_64& random) {
  kit::OwnedRecords records;
  const int count = i % 100 == 0 ? 40 : 1 + i % 3;
  for (int record = 0; record < count; ++record) {
    std::string value;
    while (value.size() < 60) value += std::to_string(random());
    records.BeginRecord();
    records.AddPair("key" + std::to_string(random() % 50), value);
    records.AddPair("name", "value " + std::to_string(random() % 5000));
  }
  const std::string outer = i % 2 == 0 ? std::to_string(i % 20) : "small" + std::to_string(i / 4);
  return cache.Put(outer, std::to_string(i), records.records()).ok();
}

// Entries of all sizes, and beside them blocks of the program's own that come and go.
bool Fill(Cache& cache, bool advise) {
  std::mt19937_64 random(1);
  std::vector<std::string> own(2000);
  for (int i = 0; i < kEntries; ++i) {
    if (!PutEntry(cache, i, random)) return false;
    own[random() % own.size()] = std::string(random() % 20'000, 'x');
    if (advise && i % 20'000 == 0) AdviseHugePages();
  }
  return true;
}

// The rest of anonymous memory: 0 where it is at most 1 %, 1 where it is more.
int Judge(std::span<const Footprint> footprints, std::string_view pages) {
  const absl::StatusOr<ProcessBooks> books = ReadProcessBooks(footprints);
  if (!books.ok()) {
    std::printf("%s\n", books.status().ToString().c_str());
    return 2;
  }
  std::printf("%s, huge pages %s\nanonymous %14lld\n", books->allocator.name.c_str(), pages.data(),
              static_cast<long long>(books->anon_bytes));
  for (const MemoryTerm& term : books->terms) {
    if (term.of != "anon") continue;
    std::printf("%14lld  %s (%s)\n", static_cast<long long>(term.bytes), term.name.c_str(),
                term.source.c_str());
  }
  const auto anon_bytes = static_cast<double>(books->anon_bytes);
  const auto rest = static_cast<double>(books->UnexplainedBytes("anon"));
  std::printf("%14.0f  rest, %.3f %%\n", rest, 100 * rest / anon_bytes);
  if (footprints.front().allocated_bytes < kLeastBytes) {
    std::printf("the cache holds less than it should: %llu bytes\n",
                static_cast<unsigned long long>(footprints.front().allocated_bytes));
    return 2;
  }
  return rest <= 0.01 * anon_bytes && rest >= -0.01 * anon_bytes ? 0 : 1;
}

int Run(std::string_view pages) {
  if (pages == "never" && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) return 2;
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok() || !Fill(*cache, pages == "madvise")) return 2;
  if (!ReleaseMemory(*cache).ok()) return 2;
  const Footprint footprint = cache->MeasureFootprint();
  return Judge({&footprint, 1}, pages);
}

// Blocks of all sizes, that come and go; nothing of them is left.
void ChurnOwnHeap(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::string> blocks(2000);
  for (int i = 0; i < 60'000; ++i) {
    const std::size_t most = i % 500 == 0 ? 400'000 : 2000;
    blocks[random() % blocks.size()] = std::string(random() % most, 'x');
  }
}

// A process that embeds two caches and does much beside them: threads with heaps of their own that
// were filled and emptied, a guard that stays open over overwriting, nothing given back.
int RunInCompany(std::string_view pages) {
  absl::StatusOr<Cache> cache = Cache::Create({.name = "large"});
  absl::StatusOr<Cache> other = Cache::Create({.name = "other"});
  if (!cache.ok() || !other.ok() || !Fill(*cache, false) || !Fill(*other, false)) return 2;
  constexpr unsigned kThreads = 16;
  std::latch churned(kThreads);
  std::latch judged(1);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      ChurnOwnHeap(i);
      churned.count_down();
      judged.wait();
    });
  }
  churned.wait();
  const ReadGuard guard(*cache);
  const bool done = guard.Find("0", "0", 0, "name").valid() && Fill(*cache, false);
  for (int i = 0; i < kEntries; i += 2) other->Delete(std::to_string(i % 20), std::to_string(i));
  const std::array<Footprint, 2> footprints = {cache->MeasureFootprint(),
                                               other->MeasureFootprint()};
  const int result = done ? Judge(footprints, pages) : 2;
  judged.count_down();
  for (std::thread& thread : threads) thread.join();
  return result;
}

absl::StatusOr<std::int64_t> Rest(const Footprint& footprint) {
  const absl::StatusOr<ProcessBooks> books = ReadProcessBooks({&footprint, 1});
  if (!books.ok()) return books.status();
  return books->UnexplainedBytes("anon");
}

// Whether `size_bytes` at `begin` lie in a region where one of the blocks is: jemalloc can be asked
// there.
bool LiesNear(const std::vector<std::uintptr_t>& blocks, std::uintptr_t begin,
              std::size_t size_bytes) {
  return std::any_of(blocks.begin(), blocks.end(), [&](std::uintptr_t block) {
    return HeapRegions::RegionOf(block) == HeapRegions::RegionOf(begin) &&
           HeapRegions::RegionOf(block) == HeapRegions::RegionOf(begin + size_bytes - 1);
  });
}

// Threads have hardly touched what jemalloc set aside for them, and it takes that back of its
// terms: memory of somebody else, right beside its own, must not stand in for it.
int RunBesideForeign() {
  constexpr unsigned kThreads = 16;
  constexpr std::size_t kForeignBytes = std::size_t{6} << 20;
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok() || !Fill(*cache, false)) return 2;
  std::latch touched(kThreads);
  std::latch judged(1);
  std::vector<std::thread> threads;
  std::vector<std::uintptr_t> blocks(kThreads);
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t bytes = 16; bytes <= 14'336; bytes = bytes * 5 / 4 / 16 * 16 + 16) {
        void* volatile block = std::malloc(bytes);
        blocks[i] = reinterpret_cast<std::uintptr_t>(block);
        std::free(block);
      }
      touched.count_down();
      judged.wait();
    });
  }
  touched.wait();
  const Footprint footprint = cache->MeasureFootprint();
  const absl::StatusOr<std::int64_t> before = Rest(footprint);
  void* const foreign =
      mmap(nullptr, kForeignBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  // Where jemalloc cannot be asked all is taken for its own: then again, at other addresses.
  const char* const again = std::getenv("AGAIN");
  const int tries = again == nullptr ? 0 : std::atoi(again);
  if (tries < 8 && !LiesNear(blocks, reinterpret_cast<std::uintptr_t>(foreign), kForeignBytes)) {
    setenv("AGAIN", std::to_string(tries + 1).c_str(), 1);
    execl("/proc/self/exe", "process_books_program", "foreign", nullptr);
  }
  std::memset(foreign, 7, kForeignBytes);
  const absl::StatusOr<std::int64_t> after = Rest(footprint);
  judged.count_down();
  for (std::thread& thread : threads) thread.join();
  if (!before.ok() || !after.ok() || Judge({&footprint, 1}, "foreign") == 2) return 2;
  const std::int64_t more = *after - *before;
  std::printf("%zu foreign bytes made the rest %lld larger\n", kForeignBytes,
              static_cast<long long>(more));
  constexpr std::int64_t kNearBytes = 512 << 10;
  return std::abs(more - static_cast<std::int64_t>(kForeignBytes)) <= kNearBytes ? 0 : 1;
}

// Of all sizes, slabs and pages of their own.
int RunWithZeros() {
  MemoryDoor door;
  std::vector<void*> blocks;
  for (std::size_t i = 0; door.allocated_bytes() < kLeastBytes + kLeastBytes / 10; ++i) {
    const std::size_t bytes = i % 3 == 0 ? 5000 : 30'000 + i % 1000;
    blocks.push_back(door.Allocate(0, bytes));
    std::memset(blocks.back(), 0, bytes);
  }
  const Footprint footprint = {.layout = "zeros",
                               .allocated_bytes = door.allocated_bytes(),
                               .heap_blocks = door.totals().heap_blocks};
  const int result = Judge({&footprint, 1}, "default");
  for (void* const block : blocks) door.Free(0, block);
  return result;
}

int RunBesideFreed() {
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok() || !Fill(*cache, false)) return 2;
  std::vector<std::string> blocks(160);
  for (std::string& block : blocks) block.assign(std::size_t{256} << 10, 'x');
  std::vector<std::string>().swap(blocks);
  // Until jemalloc has given them up, by its clock.
  using Control = int (*)(const char*, void*, std::size_t*, void*, std::size_t);
  const auto control = reinterpret_cast<Control>(dlsym(RTLD_DEFAULT, "mallctl"));
  if (control == nullptr) return 2;
  for (std::size_t muzzy = 0, size = sizeof(muzzy); muzzy < 9'000;) {
    std::uint64_t epoch = 1;
    if (control("arena.4096.decay", nullptr, nullptr, nullptr, 0) != 0 ||
        control("epoch", nullptr, nullptr, &epoch, sizeof(epoch)) != 0 ||
        control("stats.arenas.4096.pmuzzy", &muzzy, &size, nullptr, 0) != 0) {
      return 2;
    }
  }
  const Footprint footprint = cache->MeasureFootprint();
  return Judge({&footprint, 1}, "default");
}

// Under jemalloc, what was set aside and is not there is taken back of terms that count it; of such
// a block no term has anything.
int RunBesideBlankBlock() {
  constexpr std::size_t kBlankBytes = std::size_t{30} << 20;
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok() || !Fill(*cache, false)) return 2;
  void* volatile block = std::calloc(1, kBlankBytes);
  const Footprint footprint = cache->MeasureFootprint();
  const int result = Judge({&footprint, 1}, "default");
  std::free(block);
  return result;
}

// What an allocator keeps for each thread grows with their number, not with what they have.
int RunBesideIdleThreads() {
  constexpr unsigned kThreads = 200;
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok() || !Fill(*cache, false)) return 2;
  std::latch begun(kThreads);
  std::latch judged(1);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      void* volatile block = std::malloc(64);
      std::free(block);
      begun.count_down();
      judged.wait();
    });
  }
  begun.wait();
  const Footprint footprint = cache->MeasureFootprint();
  const int result = Judge({&footprint, 1}, "default");
  judged.count_down();
  for (std::thread& thread : threads) thread.join();
  return result;
}

// Puts, deletes and cleans until it is told to end.
void Write(Cache& cache, const std::atomic<bool>& done) {
  std::mt19937_64 random(2);
  for (int writes = 1; !done; ++writes) {
    const int i = static_cast<int>(random() % (kEntries + kEntries / 10));
    if (random() % 3 == 0) {
      cache.Delete(std::to_string(i % 20), std::to_string(i));
    } else if (!PutEntry(cache, i, random)) {
      return;
    }
    if (writes % 1000 == 0) cache.Maintain(std::size_t{1} << 20);
  }
}

// Measurement and books are of two moments, and what was written between them is a term.
int RunBesideWriter() {
  constexpr std::size_t kReadings = 21;
  constexpr double kMostInTheMedian = 0.5;
  absl::StatusOr<Cache> cache = Cache::Create();
  if (!cache.ok() || !Fill(*cache, false) || !ReleaseMemory(*cache).ok()) return 2;
  std::atomic<bool> done = false;
  std::thread writer([&] { Write(*cache, done); });
  std::vector<double> rests;
  while (rests.size() < kReadings) {
    const std::uint64_t freed = cache->memory().frees;
    while (cache->memory().frees == freed) std::this_thread::yield();
    const Footprint footprint = cache->MeasureFootprint();
    const absl::StatusOr<ProcessBooks> books = ReadProcessBooks({&footprint, 1});
    if (!books.ok() || footprint.allocated_bytes < kLeastBytes) break;
    rests.push_back(100 * static_cast<double>(std::abs(books->UnexplainedBytes("anon"))) /
                    static_cast<double>(books->anon_bytes));
    std::printf("rest %.3f %%\n", rests.back());
  }
  done = true;
  writer.join();
  if (rests.size() < kReadings) return 2;
  std::sort(rests.begin(), rests.end());
  std::printf("the median %.3f, the largest %.3f %%\n", rests[kReadings / 2], rests.back());
  return rests[kReadings / 2] <= kMostInTheMedian ? 0 : 1;
}

}  // namespace
}  // namespace strata

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string_view pages = argv[1];
  if (pages == "foreign") return strata::RunBesideForeign();
  if (pages == "zeros") return strata::RunWithZeros();
  if (pages == "freed") return strata::RunBesideFreed();
  if (pages == "blank") return strata::RunBesideBlankBlock();
  if (pages == "idle") return strata::RunBesideIdleThreads();
  if (pages == "writer") return strata::RunBesideWriter();
  return pages == "company" ? strata::RunInCompany("default") : strata::Run(pages);
}
