#include "bench/baselines/measure.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "bench/baselines/cpu_clocks.h"
#include "bench/baselines/digest.h"
#include "bench/baselines/std_map_bytes.h"

#include <strata/process_memory.h>

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;

// Makes the compiler believe that `value` is needed.
void Keep(std::uint64_t value) { asm volatile("" : : "r"(value) : "memory"); }

template <class AnyClock>
double NanosecondsSince(std::chrono::time_point<AnyClock> begin) {
  return std::chrono::duration<double, std::nano>(AnyClock::now() - begin).count();
}

// nullopt of none.
std::optional<double> Median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

class Toucher final : public ContentVisitor {
 public:
  void OnOuter(std::string_view outer) override { sum += TouchBytes(outer); }
  void OnEntry(std::string_view inner) override { sum += TouchBytes(inner); }
  void OnRecord() override {}
  void OnPair(std::string_view key, std::string_view value) override {
    sum += TouchBytes(key) + TouchBytes(value);
    ++pairs;
  }

  std::uint64_t sum = 0;
  std::uint64_t pairs = 0;
};

std::string Shown(std::string_view bytes) {
  return absl::CHexEscape(absl::string_view(bytes.data(), std::min(bytes.size(), std::size_t{60})));
}

absl::Status LostPair(const Layout& layout, const LookupKey& key) {
  const std::string_view name = layout.name();
  return absl::InternalError(
      absl::StrCat("layout ", std::string(name), " does not find the pair ('", Shown(key.outer),
                   "', '", Shown(key.inner), "', ", key.index, ", '", Shown(key.key),
                   "') that it gave when it was scanned: a bug in the layout; please report it"));
}

absl::Status LostFromBatch(const Layout& layout, std::size_t lost) {
  return absl::InternalError(
      absl::StrCat("layout ", std::string(layout.name()), ": batched lookups do not find ", lost,
                   " pairs that single ones find: a bug in the layout; please report it"));
}

// Loads and takes every figure of memory.
absl::Status MeasureLoad(Layout& layout, std::uint64_t rss_before_bytes, const OpenSource& open,
                         const MeasureOptions& options, Measurement* measurement) {
  const DoorTotals door_before = layout.memory();
  const Clock::time_point begin = Clock::now();
  absl::StatusOr<std::unique_ptr<Source>> source = open();
  if (!source.ok()) return source.status();
  const absl::StatusOr<LoadProgress> loaded = Load(**source, layout, options.load);
  if (!loaded.ok()) return loaded.status();
  layout.Maintain();
  measurement->load_seconds = NanosecondsSince(begin) * 1e-9;
  source->reset();

  const DoorTotals door_after = layout.memory();
  measurement->load_allocated_bytes =
      door_after.total_allocated_bytes - door_before.total_allocated_bytes;
  measurement->load_allocations = door_after.allocations - door_before.allocations;
  TrimAllocator();
  const absl::StatusOr<ProcessMemory> after = ReadProcessMemory();
  if (!after.ok()) return after.status();
  measurement->rss_delta_bytes =
      static_cast<std::int64_t>(after->rss_bytes) - static_cast<std::int64_t>(rss_before_bytes);
  measurement->peak_rss_bytes = after->peak_rss_bytes;
  return absl::OkStatus();
}

// Each figure's median over the rounds.
absl::Status MeasureTimes(const Layout& layout, const MeasureOptions& options,
                          Measurement* measurement) {
  if (options.rounds == 0) return absl::OkStatus();
  const Lookups lookups = Lookups::Draw(layout, options.lookups);
  std::vector<double> scan_ns;
  std::vector<double> lookup_ns;
  std::vector<double> batch_ns;
  const auto add = [](const std::optional<double>& ns, std::vector<double>* rounds) {
    if (ns.has_value()) rounds->push_back(*ns);
  };
  for (std::size_t round = 0; round < options.rounds; ++round) {
    if (options.await_turn) {
      if (absl::Status status = options.await_turn(); !status.ok()) return status;
      (void)TimeScan(layout);  // what ran meanwhile has left nothing of it in the nearer caches
    }
    add(TimeScan(layout), &scan_ns);
    const absl::StatusOr<std::optional<double>> single = TimeLookups(layout, lookups);
    if (!single.ok()) return single.status();
    add(*single, &lookup_ns);
    const absl::StatusOr<std::optional<double>> batched = TimeBatchedLookups(layout, lookups);
    if (!batched.ok()) return batched.status();
    add(*batched, &batch_ns);
  }
  measurement->scan_ns_per_pair = Median(std::move(scan_ns));
  measurement->lookup_ns = Median(std::move(lookup_ns));
  measurement->lookup_batch_ns = Median(std::move(batch_ns));
  return absl::OkStatus();
}

// What a layout holds that has next to nothing to hold: it makes room for much with the first
// outer, not before.
absl::StatusOr<std::uint64_t> EmptyBytes(std::string_view layout_name) {
  const std::unique_ptr<Layout> layout = MakeLayout(layout_name);
  if (absl::Status status = layout->PutOuter("a"); !status.ok()) return status;
  layout->Maintain();
  return layout->MeasureFootprint().total_bytes();
}

absl::StatusOr<Measurement> Measure(std::string_view layout_name, const OpenSource& open,
                                    const MeasureOptions& options) {
  const auto step = [&](std::string_view name) {
    if (options.on_step) options.on_step(name);
  };
  Measurement measurement;
  measurement.layout = layout_name;
  measurement.allocator = AllocatorName();

  step("load");
  TrimAllocator();
  const absl::StatusOr<ProcessMemory> before = ReadProcessMemory();
  if (!before.ok()) return before.status();
  const std::unique_ptr<Layout> layout = MakeLayout(layout_name);
  if (layout == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("no layout is called '", Shown(layout_name),
                                                   "'; see strata compare --help for their names"));
  }
  if (absl::Status status = MeasureLoad(*layout, before->rss_bytes, open, options, &measurement);
      !status.ok()) {
    return status;
  }

  step("walk");
  measurement.footprint = layout->MeasureFootprint();
  if (options.on_loaded) {
    absl::Status status = options.on_loaded(*layout, measurement.footprint);
    if (!status.ok()) return status;
  }
  step("digest");
  measurement.digest = DigestOf(*layout);
  step("time");
  if (absl::Status status = MeasureTimes(*layout, options, &measurement); !status.ok()) {
    return status;
  }
  if (options.describe_dataset) {
    step("describe");
    measurement.dataset = DescribeDataset(*layout);
  }
  const absl::StatusOr<std::uint64_t> empty_bytes = EmptyBytes(layout_name);
  if (!empty_bytes.ok()) return empty_bytes.status();
  measurement.empty_bytes = std::min(*empty_bytes, measurement.footprint.total_bytes());
  if (options.std_map_bytes) {
    step("std_map");
    absl::StatusOr<std::uint64_t> bytes = StdMapBytes(*layout);
    if (!bytes.ok()) return bytes.status();
    measurement.std_map_bytes = *bytes;
  }
  return measurement;
}

}  // namespace

absl::StatusOr<Measurement> MeasureLayout(std::string_view layout_name, const OpenSource& open,
                                          const MeasureOptions& options) {
  try {
    return Measure(layout_name, open, options);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("out of memory while measuring layout ", Shown(layout_name),
                     "; ask for fewer lookups or raise the memory limit"));
  }
}

absl::StatusOr<std::optional<double>> TimeLookups(const Layout& layout, const Lookups& lookups) {
  if (lookups.empty()) return std::optional<double>();
  std::uint64_t sum = 0;
  const auto touch = [&sum](std::string_view value) { sum += TouchBytes(value); };
  const LookupKey* missed = nullptr;
  const auto begin = ThreadCpuClock::now();
  for (const LookupKey& key : lookups.keys()) {
    if (!layout.Lookup(key, touch)) missed = &key;
  }
  const double elapsed_ns = NanosecondsSince(begin);
  Keep(sum);
  if (missed != nullptr) return LostPair(layout, *missed);
  return std::optional(elapsed_ns / static_cast<double>(lookups.keys().size()));
}

absl::StatusOr<std::optional<double>> TimeBatchedLookups(const Layout& layout,
                                                         const Lookups& lookups) {
  if (lookups.empty() || !layout.has_batched_lookup()) return std::optional<double>();
  const std::span<const LookupKey> keys = lookups.keys();
  std::uint64_t sum = 0;
  const auto touch = [&sum](std::size_t, std::string_view value) { sum += TouchBytes(value); };
  std::size_t found = 0;
  const auto begin = ThreadCpuClock::now();
  for (std::size_t at = 0; at < keys.size(); at += kLookupBatchKeys) {
    found +=
        layout.LookupMany(keys.subspan(at, std::min(kLookupBatchKeys, keys.size() - at)), touch);
  }
  const double elapsed_ns = NanosecondsSince(begin);
  Keep(sum);
  if (found != keys.size()) return LostFromBatch(layout, keys.size() - found);
  return std::optional(elapsed_ns / static_cast<double>(keys.size()));
}

std::optional<double> TimeScan(const Layout& layout) {
  Toucher toucher;
  const auto begin = ThreadCpuClock::now();
  layout.Visit(toucher);
  const double elapsed_ns = NanosecondsSince(begin);
  Keep(toucher.sum);
  if (toucher.pairs == 0) return std::nullopt;
  return elapsed_ns / static_cast<double>(toucher.pairs);
}

std::uint64_t TouchBytes(std::string_view bytes) {
  std::uint64_t sum = bytes.size();
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= sizeof(sum); at += sizeof(sum), left -= sizeof(sum)) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    sum += word;
  }
  for (; left > 0; ++at, --left) sum += static_cast<unsigned char>(*at);
  return sum;
}

}  // namespace strata
