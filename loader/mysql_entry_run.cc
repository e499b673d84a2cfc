#include "loader/mysql_entry_run.h"

#include <algorithm>

#include "loader/mysql_sort_key.h"

namespace strata::mysql {

void EntryRun::Begin(std::string_view prefix, std::uint64_t hash) {
  begun_ = true;
  prefix_.assign(prefix);
  hash_ = hash;
  text_.clear();
  rows_.clear();
  bytes_ = 0;
  count_ = 0;
}

bool EntryRun::Holds(std::string_view key) const { return begun_ && key.starts_with(prefix_); }

void EntryRun::Add(std::string_view key, std::string_view payload) {
  const std::uint64_t arrival = ReadArrival(key);
  first_arrival_ = count_ == 0 ? arrival : std::min(first_arrival_, arrival);
  last_arrival_ = count_ == 0 ? arrival : std::max(last_arrival_, arrival);
  ++count_;
  bytes_ += key.size() + payload.size();
  if (!fits()) {
    text_.clear();
    rows_.clear();
    return;
  }
  rows_.push_back({text_.size(), key.size(), payload.size()});
  text_.append(key);
  text_.append(payload);
}

void EntryRun::Sort() {
  const auto by_key = [this](const Place& a, const Place& b) { return KeyOf(a) < KeyOf(b); };
  if (!std::is_sorted(rows_.begin(), rows_.end(), by_key)) {
    std::sort(rows_.begin(), rows_.end(), by_key);
  }
}

ExternalSort::Row EntryRun::operator[](std::size_t index) const {
  const Place& place = rows_[index];
  return {hash_, KeyOf(place),
          std::string_view(text_).substr(place.begin + place.key_size, place.payload_size)};
}

bool ComingBack::Often(std::uint64_t hash) {
  if ((hash & mask_) != 0) return false;
  if (!sampled_.insert(hash).second) ++again_;
  if (sampled_.size() > kMostSampled) {
    mask_ = 2 * mask_ + 1;
    std::erase_if(sampled_, [this](std::uint64_t one) { return (one & mask_) != 0; });
    again_ /= 2;
  }
  constexpr std::size_t kByChance = 16;
  return again_ > kByChance + sampled_.size() / 16;
}

}  // namespace strata::mysql
