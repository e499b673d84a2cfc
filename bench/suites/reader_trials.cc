#include "bench/suites/reader_trials.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <deque>
#include <iterator>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "bench/baselines/cpu_clocks.h"
#include "bench/baselines/measure.h"

#include <strata/load.h>

namespace strata {
namespace {

constexpr std::size_t kMaxThreads = 2;
constexpr std::size_t kLookups = 300'000;  // drawn
constexpr std::size_t kReadsAtOnce = 500;
constexpr std::size_t kCalibrationSteps = 1'000'000;

// Puts entries of a data set with values drawn anew, each as long as it was: fresh ones, but for
// the shortest. Decimal digits become others, so that numbers stay numbers.
class Overwriter {
 public:
  Overwriter(const DataSpec& spec, Layout& layout, std::uint64_t seed)
      : layout_(layout), random_(seed) {
    BenchmarkData::Get(spec).ForEachEntry(
        [this](const Change& change) { entries_.push_back(change); });
  }

  std::size_t size() const { return entries_.size(); }
  void OverwriteAny() { Overwrite(random_() % entries_.size()); }

  void Overwrite(std::size_t entry) {
    const Change& change = entries_[entry];
    records_.Clear();
    values_.clear();
    for (std::size_t i = 0; i < change.records.size(); ++i) {
      records_.BeginRecord();
      for (const Pair& pair : change.records[i]) records_.AddPair(pair.key, FreshOf(pair.value));
    }
    RequireOk(layout_.Put(change.outer, change.inner, records_), "overwriting an entry");
  }

 private:
  std::string_view FreshOf(std::string_view value) {
    std::string& fresh = values_.emplace_back(value);
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      if (i % 8 == 0) bits = random_();
      const auto byte = static_cast<int>(bits >> (8 * (i % 8)) & 0xff);
      const bool digit = fresh[i] >= '0' && fresh[i] <= '9';
      // The first digit is never 0: a text with leading zeros is no number.
      const int drawn = digit ? '1' + byte % 9 : 'a' + byte % 26;
      fresh[i] = static_cast<char>(drawn);
    }
    return fresh;
  }

  Layout& layout_;
  std::vector<Change> entries_;
  std::mt19937_64 random_;
  Records records_;
  std::deque<std::string> values_;  // a deque: strings stay where they are
};

// What the threads of a trial tell each other.
struct Signals {
  std::atomic<std::size_t> ready{0};
  std::atomic<std::size_t> done{0};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> writes{0};
};

// One reading thread; its processor time for the reads that count, in nanoseconds.
double ReadUntilAllAreDone(std::size_t thread, std::size_t threads, std::size_t reads,
                           Signals& signals,
                           absl::FunctionRef<void(std::size_t thread, std::size_t reads)> read) {
  // What the trial before left in the processor's caches is not this one's.
  for (std::size_t i = 0; i < reads / 3; i += kReadsAtOnce) read(thread, kReadsAtOnce);
  signals.ready.fetch_add(1);
  while (signals.ready.load() < threads) read(thread, kReadsAtOnce);
  const ThreadCpuClock::time_point begin = ThreadCpuClock::now();
  for (std::size_t i = 0; i < reads; i += kReadsAtOnce) read(thread, kReadsAtOnce);
  const std::chrono::duration<double, std::nano> taken = ThreadCpuClock::now() - begin;
  signals.done.fetch_add(1);
  while (signals.done.load() < threads) read(thread, kReadsAtOnce);
  return taken.count();
}

}  // namespace

Trial RunTrial(std::size_t threads, std::size_t reads,
               absl::FunctionRef<void(std::size_t thread, std::size_t reads)> read,
               std::optional<absl::FunctionRef<void()>> write) {
  reads = (reads + kReadsAtOnce - 1) / kReadsAtOnce * kReadsAtOnce;
  Signals signals;
  std::thread writer;
  if (write.has_value()) {
    writer = std::thread([&] {
      while (!signals.stop.load(std::memory_order_relaxed)) {
        (*write)();
        // A locked add would wait for the write itself.
        signals.writes.store(signals.writes.load(std::memory_order_relaxed) + 1,
                             std::memory_order_relaxed);
      }
    });
    while (signals.writes.load() == 0) std::this_thread::yield();
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t writes_before = signals.writes.load();
  std::vector<double> cpu_ns(threads);
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < threads; ++i) {
    readers.emplace_back(
        [&, i] { cpu_ns[i] = ReadUntilAllAreDone(i, threads, reads, signals, read); });
  }
  for (std::thread& reader : readers) reader.join();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  const std::uint64_t writes = signals.writes.load() - writes_before;
  signals.stop = true;
  if (writer.joinable()) writer.join();
  const double sum_ns = std::accumulate(cpu_ns.begin(), cpu_ns.end(), 0.0);
  return {.read_ns = sum_ns / static_cast<double>(threads * reads),
          .writes_per_second = static_cast<double>(writes) / taken.count()};
}

LineCycle::LineCycle(std::size_t size_bytes)
    : line_count_(std::max<std::size_t>(size_bytes / sizeof(Line), 2)) {
  void* const memory = mmap(nullptr, line_count_ * sizeof(Line), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) RequireOk(absl::ErrnoToStatus(errno, "mmap"), "a chase's memory");
  // The kernel may know no huge pages at all; then there are none to refuse.
  static_cast<void>(madvise(memory, line_count_ * sizeof(Line), MADV_NOHUGEPAGE));
  lines_ = static_cast<Line*>(memory);

  std::vector<std::size_t> order(line_count_);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(line_count_);
  std::shuffle(order.begin(), order.end(), random);
  for (std::size_t i = 0; i < line_count_; ++i) {
    lines_[order[i]].next = order[i + 1 == line_count_ ? 0 : i + 1];
  }
}

LineCycle::~LineCycle() { munmap(lines_, line_count_ * sizeof(Line)); }

std::size_t LineCycle::Walk(std::size_t from, std::size_t steps) const {
  for (; steps > 0; --steps) from = lines_[from].next;
  return from;
}

void LineCycle::Write(std::size_t line, std::uint64_t word) { lines_[line].next = word; }

ReaderTrials& ReaderTrials::Get(const DataSpec& spec, Content content) {
  static std::unique_ptr<ReaderTrials> trials;
  if (trials == nullptr || trials->spec_ != spec ||
      (content == Content::kAsLoaded && trials->content_ != content)) {
    trials.reset();
    trials.reset(new ReaderTrials(spec));
  }
  if (trials->content_ != content) trials->OverwriteEverything();
  return *trials;
}

ReaderTrials::ReaderTrials(const DataSpec& spec) : spec_(spec), places_(kMaxThreads) {
  layout_ = MakeOnlyLayout("packed");
  absl::StatusOr<std::unique_ptr<Source>> source = BenchmarkData::Get(spec).OpenJson();
  RequireOk(source.status(), spec.Name());
  RequireOk(Load(**source, *layout_).status(), spec.Name());
  layout_->Maintain();
  lookups_ = Lookups::Draw(*layout_, kLookups);
  if (lookups_.empty()) RequireOk(absl::InvalidArgumentError("no pairs to read"), spec.Name());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    places_[i].key = i * lookups_.keys().size() / places_.size();
  }
  MakeChase();
}

void ReaderTrials::OverwriteEverything() {
  Overwriter overwriter(spec_, *layout_, ++overwriters_);
  for (std::size_t i = 0; i < overwriter.size(); ++i) overwriter.Overwrite(i);
  layout_->Maintain();
  content_ = Content::kOverwritten;
  MakeChase();
}

void ReaderTrials::MakeChase() {
  size_bytes_ = layout_->MeasureFootprint().total_bytes();
  written_.reset();
  chase_.reset();
  chase_ = std::make_unique<LineCycle>(size_bytes_);
  written_ = std::make_unique<LineCycle>(size_bytes_);
  for (std::size_t i = 0; i < places_.size(); ++i) {
    places_[i].line = i * chase_->size() / places_.size();
  }
  chase_steps_ = 1;
  const auto median_ns = [](auto run) {
    double ns[] = {run(), run(), run()};
    std::sort(std::begin(ns), std::end(ns));
    return ns[1];
  };
  const auto step_ns = [this] {
    const auto chase = [this](std::size_t thread, std::size_t reads) { ChaseSome(thread, reads); };
    return RunTrial(1, kCalibrationSteps, chase, std::nullopt).read_ns;
  };
  const double steps = median_ns([this] { return RunGet(1).read_ns; }) / median_ns(step_ns);
  chase_steps_ = static_cast<std::size_t>(std::max(1.0, std::round(steps)));
}

void ReaderTrials::ReadSome(std::size_t thread, std::size_t reads) {
  Place& place = places_[thread];
  const std::span<const LookupKey> keys = lookups_.keys();
  std::uint64_t sum = 0;
  std::size_t missed = 0;
  const auto touch = [&sum](std::string_view value) { sum += TouchBytes(value); };
  for (std::size_t i = 0; i < reads; ++i) {
    // The layout's Lookup is a ReadGuard and a Find.
    if (!layout_->Lookup(keys[place.key], touch)) ++missed;
    if (++place.key == keys.size()) place.key = 0;
  }
  place.sum += sum;
  if (missed > 0) RequireOk(absl::InternalError("a pair is not found"), spec_.Name());
}

void ReaderTrials::ChaseSome(std::size_t thread, std::size_t reads) {
  Place& place = places_[thread];
  place.line = chase_->Walk(place.line, reads * chase_steps_);
}

Trial ReaderTrials::RunGet(std::size_t threads) {
  return RunTrial(
      threads, kReads, [this](std::size_t thread, std::size_t reads) { ReadSome(thread, reads); },
      std::nullopt);
}

Trial ReaderTrials::RunChase(std::size_t threads) {
  return RunTrial(
      threads, kReads, [this](std::size_t thread, std::size_t reads) { ChaseSome(thread, reads); },
      std::nullopt);
}

Trial ReaderTrials::RunGetBesideWriter() {
  Overwriter overwriter(spec_, *layout_, ++overwriters_);
  const auto write = [&] { overwriter.OverwriteAny(); };
  return RunTrial(
      1, kReads, [this](std::size_t thread, std::size_t reads) { ReadSome(thread, reads); }, write);
}

Trial ReaderTrials::RunChaseBesideWriter() {
  std::mt19937_64 random(11);
  const auto write = [&] { written_->Write(random() % written_->size(), random()); };
  return RunTrial(
      1, kReads, [this](std::size_t thread, std::size_t reads) { ChaseSome(thread, reads); },
      write);
}

}  // namespace strata
