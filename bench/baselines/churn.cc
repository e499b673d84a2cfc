#include "bench/baselines/churn.h"

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <numeric>
#include <random>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "bench/baselines/cpu_clocks.h"
#include "bench/baselines/digest.h"
#include "bench/baselines/fresh_lists.h"
#include "bench/baselines/fresh_text.h"
#include "bench/baselines/latencies.h"

#include <strata/process_memory.h>

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kDrawSeed = 1;
// Set before the other numbers of a seed, so that no round makes up what the churn did.
constexpr std::uint64_t kChurnTexts = 1;
constexpr std::uint64_t kRoundTexts = 2;

// Visits content with each value's length in the value's place.
class ShapeDigest final : public ContentVisitor {
 public:
  void OnOuter(std::string_view outer) override { digest_.OnOuter(outer); }
  void OnEntry(std::string_view inner) override { digest_.OnEntry(inner); }
  void OnRecord() override { digest_.OnRecord(); }
  void OnPair(std::string_view key, std::string_view value) override {
    digest_.OnPair(key, std::to_string(value.size()));
  }
  std::string Hex() const { return digest_.Hex(); }

 private:
  Digest digest_;
};

std::uint64_t PairsOf(const EntryPlan& plan, const EntryPlan::Entry& entry) {
  std::uint64_t pairs = 0;
  for (std::uint64_t i = 0; i < entry.record_count; ++i) {
    pairs += plan.record(entry.first_record + i).size();
  }
  return pairs;
}

// Writes what is prepared and takes each write's time.
absl::Status WriteTimed(const FreshLists& lists, Layout& layout, Latencies* latencies) {
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const EntryPlan::Entry& entry = *lists[i].entry;
    const Clock::time_point begin = Clock::now();
    absl::Status status = layout.Put(entry.outer, entry.inner, lists[i].records);
    const Clock::duration elapsed = Clock::now() - begin;
    if (!status.ok()) return status;
    latencies->Add(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()));
  }
  return absl::OkStatus();
}

absl::Status OverwriteAtRandom(const EntryPlan& plan, std::uint64_t times, Layout& layout,
                               ChurnMeasurement* churn) {
  const std::span<const EntryPlan::Entry> entries = plan.entries();
  if (entries.empty()) return absl::OkStatus();
  const bool by_pairs = plan.pair_count() > 0;
  const std::uint64_t goal = times * (by_pairs ? plan.pair_count() : entries.size());
  std::mt19937_64 random(kDrawSeed);
  std::uniform_int_distribution<std::size_t> draw(0, entries.size() - 1);
  FreshLists lists(plan);
  Latencies latencies;
  Clock::duration wall{};
  ThreadCpuClock::duration preparing{};
  const ProcessCpuClock::time_point begin = ProcessCpuClock::now();
  for (std::uint64_t done = 0; done < goal;) {
    const ThreadCpuClock::time_point prepare_begin = ThreadCpuClock::now();
    lists.Clear();
    while (done < goal && !lists.full()) {
      const EntryPlan::Entry& entry = entries[draw(random)];
      const std::uint64_t write = churn->writes++;
      lists.Add(entry, [&](std::uint64_t index, std::uint32_t rank, std::uint32_t) {
        return SeedOf({kChurnTexts, write, index, rank});
      });
      const std::uint64_t pairs = PairsOf(plan, entry);
      churn->pairs_written += pairs;
      done += by_pairs ? pairs : 1;
    }
    preparing += ThreadCpuClock::now() - prepare_begin;
    const Clock::time_point write_begin = Clock::now();
    if (absl::Status status = WriteTimed(lists, layout, &latencies); !status.ok()) return status;
    wall += Clock::now() - write_begin;
  }
  churn->cpu_seconds =
      std::chrono::duration<double>(ProcessCpuClock::now() - begin - preparing).count();
  churn->wall_seconds = std::chrono::duration<double>(wall).count();
  if (churn->writes == 0) return absl::OkStatus();
  churn->put_p50_us = static_cast<double>(latencies.QuantileNs(0.5)) * 1e-3;
  churn->put_p99_us = static_cast<double>(latencies.QuantileNs(0.99)) * 1e-3;
  churn->put_p999_us = static_cast<double>(latencies.QuantileNs(0.999)) * 1e-3;
  churn->put_max_us = static_cast<double>(latencies.max_ns()) * 1e-3;
  return absl::OkStatus();
}

// Each text of a round stands in two places of its length, not next to each other: of each 8
// places, the second 4 have the texts of the first.
class RoundTexts {
 public:
  explicit RoundTexts(std::uint64_t round) : round_(round) {}

  std::uint64_t SeedOfNext(std::uint32_t size_bytes) {
    constexpr std::uint64_t kBlock = 8;
    const std::uint64_t place = places_[size_bytes]++;
    const std::uint64_t text = place / kBlock * (kBlock / 2) + place % (kBlock / 2);
    return SeedOf({kRoundTexts, round_, size_bytes, text});
  }

 private:
  std::uint64_t round_;
  absl::flat_hash_map<std::uint32_t, std::uint64_t> places_;  // of a length, met so far
};

absl::Status RunRounds(const EntryPlan& plan, std::uint64_t rounds, std::uint64_t rss_before_bytes,
                       Layout& layout, ChurnMeasurement* churn) {
  for (std::uint64_t round = 0;; ++round) {
    if (round % kRoundsASample == 0 || round == rounds) {
      plan.LeaveResidentMemory();
      const absl::StatusOr<MemoryState> memory =
          MeasureMemoryState(layout, rss_before_bytes, Trim::kYes);
      if (!memory.ok()) return memory.status();
      churn->rounds.push_back({.round = round, .memory = *memory});
    }
    if (round == rounds) break;
    if (absl::Status status = OverwriteAll(plan, round, layout); !status.ok()) return status;
    layout.Maintain();
  }
  churn->digest_after_rounds = DigestOf(layout);
  return absl::OkStatus();
}

absl::StatusOr<ChurnMeasurement> Measure(std::string_view layout_name, const OpenSource& open,
                                         const ChurnOptions& options) {
  const absl::StatusOr<std::uint64_t> rss_before_bytes = ResidentBytes(Trim::kYes);
  if (!rss_before_bytes.ok()) return rss_before_bytes.status();
  const absl::StatusOr<std::unique_ptr<Layout>> made = MakeLayoutOrSay(layout_name);
  if (!made.ok()) return made.status();
  Layout& layout = **made;
  if (absl::Status status = LoadAll(open, layout); !status.ok()) return status;
  layout.Maintain();

  ChurnMeasurement churn;
  churn.layout = layout_name;
  churn.allocator = AllocatorName();
  absl::StatusOr<MemoryState> memory = MeasureMemoryState(layout, *rss_before_bytes, Trim::kYes);
  if (!memory.ok()) return memory.status();
  churn.memory_before = *memory;
  churn.content_before = MeasureContentState(layout);
  const absl::StatusOr<EntryPlan> plan = EntryPlan::Make(layout);
  if (!plan.ok()) return plan.status();

  absl::Status status = OverwriteAtRandom(*plan, options.times, layout, &churn);
  if (!status.ok()) return status;
  plan->LeaveResidentMemory();
  memory = MeasureMemoryState(layout, *rss_before_bytes, Trim::kYes);
  if (!memory.ok()) return memory.status();
  churn.memory_after = *memory;
  churn.content_after = MeasureContentState(layout);
  if (options.rounds > 0) {
    status = RunRounds(*plan, options.rounds, *rss_before_bytes, layout, &churn);
    if (!status.ok()) return status;
  }
  return churn;
}

std::optional<double> Each(double seconds, std::uint64_t writes) {
  if (writes == 0) return std::nullopt;
  return seconds * 1e9 / static_cast<double>(writes);
}

template <class BytesOf>
std::optional<double> GrowthPercent(const std::vector<ChurnSample>& rounds, BytesOf bytes_of) {
  for (const ChurnSample& settled : rounds) {
    if (settled.round < kWarmUpRounds) continue;
    const ChurnSample& last = rounds.back();
    const double from_bytes = bytes_of(settled.memory);
    if (last.round == settled.round || from_bytes <= 0) return std::nullopt;
    return 100 * (bytes_of(last.memory) - from_bytes) / from_bytes /
           static_cast<double>(last.round - settled.round);
  }
  return std::nullopt;
}

}  // namespace

std::optional<double> ChurnMeasurement::Utilisation() const {
  if (memory_after.total_bytes == 0) return std::nullopt;
  return static_cast<double>(memory_after.used_bytes) /
         static_cast<double>(memory_after.total_bytes);
}

std::optional<double> ChurnMeasurement::WallNsPerWrite() const {
  return Each(wall_seconds, writes);
}

std::optional<double> ChurnMeasurement::CpuNsPerWrite() const { return Each(cpu_seconds, writes); }

std::optional<double> TotalGrowthPercentPerRound(const std::vector<ChurnSample>& rounds) {
  return GrowthPercent(
      rounds, [](const MemoryState& memory) { return static_cast<double>(memory.total_bytes); });
}

std::optional<double> RssGrowthPercentPerRound(const std::vector<ChurnSample>& rounds) {
  return GrowthPercent(rounds, [](const MemoryState& memory) {
    return static_cast<double>(memory.rss_delta_bytes);
  });
}

ContentState MeasureContentState(const Layout& layout) {
  ContentState state{.counts = layout.counts(), .digest = DigestOf(layout), .shape_digest = {}};
  ShapeDigest shape;
  layout.Visit(shape);
  state.shape_digest = shape.Hex();
  return state;
}

absl::Status OverwriteAll(const EntryPlan& plan, std::uint64_t round, Layout& layout) {
  const std::span<const EntryPlan::Entry> entries = plan.entries();
  const std::size_t count = entries.size();
  if (count == 0) return absl::OkStatus();
  // Steps of a length that has no factor in common with the number meet every entry once.
  std::size_t at = SeedOf({kRoundTexts, round, 0}) % count;
  std::size_t step = SeedOf({kRoundTexts, round, 1}) % count;
  while (std::gcd(step, count) != 1) step = (step + 1) % count;
  RoundTexts texts(round);
  FreshLists lists(plan);
  for (std::size_t i = 0; i < count; ++i) {
    lists.Clear();
    lists.Add(entries[at], [&](std::uint64_t, std::uint32_t, std::uint32_t size_bytes) {
      return texts.SeedOfNext(size_bytes);
    });
    absl::Status status = layout.Put(entries[at].outer, entries[at].inner, lists[0].records);
    if (!status.ok()) return status;
    at = at + step < count ? at + step : at + step - count;
  }
  return absl::OkStatus();
}

absl::StatusOr<ChurnMeasurement> MeasureChurn(std::string_view layout_name, const OpenSource& open,
                                              const ChurnOptions& options) {
  try {
    return Measure(layout_name, open, options);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("out of memory while layout ",
                                                     std::string(layout_name),
                                                     " was overwritten; raise the memory limit"));
  }
}

}  // namespace strata
