#include "bench/baselines/fresh_lists.h"

#include <span>
#include <string_view>

#include "bench/baselines/fresh_text.h"

namespace strata {

void FreshLists::Clear() {
  size_ = 0;
  text_bytes_ = 0;
}

void FreshLists::Add(const EntryPlan::Entry& entry, SeedOfValue seed_of) {
  List& list = lists_[size_++];
  list.entry = &entry;
  list.records.Clear();
  std::size_t text_bytes = 0;
  for (std::uint64_t i = 0; i < entry.record_count; ++i) {
    for (const EntryPlan::PairShape& pair : plan_.record(entry.first_record + i)) {
      text_bytes += pair.value_size_bytes;
    }
  }
  list.values.resize(text_bytes);  // now, so that views into it stay good
  text_bytes_ += text_bytes;
  std::span<char> left(list.values);
  for (std::uint64_t i = 0; i < entry.record_count; ++i) {
    const std::span<const EntryPlan::PairShape> pairs = plan_.record(entry.first_record + i);
    sizes_by_rank_.resize(pairs.size());
    seeds_by_rank_.resize(pairs.size());
    for (const EntryPlan::PairShape& pair : pairs) {
      sizes_by_rank_[pair.rank] = pair.value_size_bytes;
    }
    for (std::uint32_t rank = 0; rank < pairs.size(); ++rank) {
      seeds_by_rank_[rank] = seed_of(i, rank, sizes_by_rank_[rank]);
    }
    list.records.BeginRecord();
    for (const EntryPlan::PairShape& pair : pairs) {
      const std::span<char> text = left.first(pair.value_size_bytes);
      left = left.subspan(pair.value_size_bytes);
      WriteFreshText(seeds_by_rank_[pair.rank], text);
      list.records.AddPair(plan_.key(pair.key_number), std::string_view(text.data(), text.size()));
    }
  }
}

}  // namespace strata
