#include "bench/baselines/entry_plan.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "bench/baselines/content_hash.h"

namespace strata {
namespace {

// A key met lately is found again and not copied; one that shares its bucket drives it out.
constexpr std::size_t kKeyBuckets = 1 << 16;

absl::Status NoSharedMemory() {
  return absl::ResourceExhaustedError(
      "no shared memory for the list of entries to write: raise the memory limit");
}

}  // namespace

ContentHash EntryHash(ContentHasher& hasher, std::string_view outer, std::string_view inner) {
  return hasher.Begin('N').String(outer).String(inner).hash();
}

// The most that each part of the plan may take.
class EntryPlan::Sizes final : public ContentVisitor {
 public:
  void OnOuter(std::string_view outer) override {
    ++outers;
    string_bytes += outer.size();
  }
  void OnEntry(std::string_view inner) override {
    ++entries;
    string_bytes += inner.size();
  }
  void OnRecord() override { ++records; }
  void OnPair(std::string_view key, std::string_view) override {
    ++pairs;
    string_bytes += key.size();
  }

  std::size_t outers = 0;
  std::size_t entries = 0;
  std::size_t records = 0;
  std::size_t pairs = 0;
  std::size_t string_bytes = 0;
};

// Writes the parts into a region that is large enough for all of them.
class EntryPlan::Filler final : public ContentVisitor {
 public:
  static std::size_t SizeBytes(const Sizes& sizes) {
    return sizes.entries * sizeof(Entry) + sizes.records * sizeof(std::uint64_t) +
           sizes.pairs * sizeof(PairShape) +
           (sizes.pairs + sizes.outers) * sizeof(std::string_view) +
           kKeyBuckets * sizeof(std::uint32_t) + sizes.string_bytes + kParts * kAlignment;
  }

  Filler(std::byte* region, const Sizes& sizes) : next_(region) {
    entries_ = Take<Entry>(sizes.entries);
    record_ends_ = Take<std::uint64_t>(sizes.records);
    pairs_ = Take<PairShape>(sizes.pairs);
    keys_ = Take<std::string_view>(sizes.pairs);
    outers_ = Take<std::string_view>(sizes.outers);
    key_buckets_ = Take<std::uint32_t>(kKeyBuckets);
    strings_ = Take<char>(sizes.string_bytes).data();
  }

  void OnOuter(std::string_view outer) override {
    EndRecord();
    outers_[outer_count_++] = Copy(outer);
  }
  void OnEntry(std::string_view inner) override {
    EndRecord();
    const std::string_view outer = outers_[outer_count_ - 1];
    entries_[entry_count_++] = {.hash = EntryHash(hasher_, outer, inner),
                                .outer = outer,
                                .inner = Copy(inner),
                                .first_record = record_count_,
                                .record_count = 0};
  }
  void OnRecord() override {
    EndRecord();
    record_ends_[record_count_++] = pair_count_;
    ++entries_[entry_count_ - 1].record_count;
  }
  void OnPair(std::string_view key, std::string_view value) override {
    pairs_[pair_count_++] = {.key_number = KeyNumber(key),
                             .value_size_bytes = static_cast<std::uint32_t>(value.size()),
                             .rank = 0};
    record_ends_[record_count_ - 1] = pair_count_;
  }

  void Finish(EntryPlan* plan) {
    EndRecord();
    plan->entries_ = entries_.first(entry_count_);
    plan->record_ends_ = record_ends_.first(record_count_);
    plan->pairs_ = pairs_.first(pair_count_);
    plan->keys_ = keys_.first(key_count_);
    plan->outers_ = outers_.first(outer_count_);
    std::sort(plan->entries_.begin(), plan->entries_.end(),
              [](const Entry& a, const Entry& b) { return a.hash < b.hash; });
  }

 private:
  static constexpr std::size_t kParts = 7;
  static constexpr std::size_t kAlignment = alignof(std::max_align_t);

  template <class T>
  std::span<T> Take(std::size_t count) {
    T* const begin = reinterpret_cast<T*>(next_);
    next_ += (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return {begin, count};
  }

  std::string_view Copy(std::string_view string) {
    char* const begin = strings_;
    std::copy(string.begin(), string.end(), begin);
    strings_ += string.size();
    return {begin, string.size()};
  }

  std::uint32_t KeyNumber(std::string_view key) {
    std::uint32_t& bucket = key_buckets_[XXH3_64bits(key.data(), key.size()) % kKeyBuckets];
    if (bucket > 0 && keys_[bucket - 1] == key) return bucket - 1;
    keys_[key_count_++] = Copy(key);
    bucket = static_cast<std::uint32_t>(key_count_);
    return bucket - 1;
  }

  // Gives the pairs of the last record their ranks, if they have none yet.
  void EndRecord() {
    if (ranked_count_ == pair_count_) return;
    const std::span<PairShape> pairs = pairs_.subspan(ranked_count_, pair_count_ - ranked_count_);
    order_.resize(pairs.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return keys_[pairs[a].key_number] < keys_[pairs[b].key_number];
    });
    for (std::size_t i = 0; i < order_.size(); ++i) {
      pairs[order_[i]].rank = static_cast<std::uint32_t>(i);
    }
    ranked_count_ = pair_count_;
  }

  std::byte* next_;
  std::span<Entry> entries_;
  std::span<std::uint64_t> record_ends_;
  std::span<PairShape> pairs_;
  std::span<std::string_view> keys_;
  std::span<std::string_view> outers_;
  std::span<std::uint32_t> key_buckets_;  // a key's number and one, 0 for none
  char* strings_ = nullptr;
  std::size_t entry_count_ = 0;
  std::size_t record_count_ = 0;
  std::size_t pair_count_ = 0;
  std::size_t key_count_ = 0;
  std::size_t outer_count_ = 0;
  std::size_t ranked_count_ = 0;
  std::vector<std::size_t> order_;
  ContentHasher hasher_;
};

void EntryPlan::Unmap::operator()(std::byte* region) const { munmap(region, size_bytes); }

absl::StatusOr<EntryPlan> EntryPlan::Make(const Layout& layout) {
  Sizes sizes;
  layout.Visit(sizes);
  const std::size_t size_bytes = Filler::SizeBytes(sizes);
  if (sizes.pairs > std::numeric_limits<std::uint32_t>::max()) return NoSharedMemory();
  const int fd = memfd_create("strata-entries", MFD_CLOEXEC);
  if (fd < 0) return NoSharedMemory();
  void* region = MAP_FAILED;
  if (ftruncate(fd, static_cast<off_t>(size_bytes)) == 0) {
    region = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  if (region == MAP_FAILED) return NoSharedMemory();
  EntryPlan plan;
  plan.region_ = {static_cast<std::byte*>(region), Unmap{.size_bytes = size_bytes}};
  Filler filler(plan.region_.get(), sizes);
  layout.Visit(filler);
  filler.Finish(&plan);
  return plan;
}

void EntryPlan::LeaveResidentMemory() const {
  // The pages stay in the file behind the mapping.
  madvise(region_.get(), region_.get_deleter().size_bytes, MADV_DONTNEED);
}

}  // namespace strata
