#include "cache/packed/string_policy.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace strata::packed {
namespace {

// After so many strings the counts are halved, so that what a class is like now outweighs what it
// was like; before so few of them nothing is concluded.
constexpr std::uint16_t kMemory = 1024;
constexpr std::uint16_t kEnough = 32;

}  // namespace

StringPolicy::Class StringPolicy::ValuesOf(std::string_view key) {
  constexpr unsigned kFirst = kInners + 1;
  return static_cast<Class>(kFirst + XXH3_64bits(key.data(), key.size()) % (256 - kFirst));
}

void StringPolicy::Count(Class place, bool again) {
  Counts& counts = classes_[place];
  if (counts.met == kMemory) {
    counts.met /= 2;
    counts.again /= 2;
  }
  ++counts.met;
  if (again) ++counts.again;
}

bool StringPolicy::MetUnknown(Class place, std::string_view text, std::uint64_t store_bytes) {
  GrowFilter(store_bytes);
  const bool again = Recently(text);
  Count(place, again);
  const Counts& counts = classes_[place];
  return again || (counts.met >= kEnough && counts.again * 2 > counts.met);
}

void StringPolicy::GrowFilter(std::uint64_t store_bytes) {
  const std::size_t size = filter_.size();
  if (size > 0 && (new_in_filter_ < size || size == kMaxFilter)) return;
  const std::size_t wanted = size == 0 ? kMinFilter : 2 * size;
  if (size > 0 && wanted * sizeof(std::uint16_t) > store_bytes / 64) return;
  // What was known is forgotten: the fingerprints alone do not tell their new places. Without
  // memory for more the filter stays as it is.
  if (!filter_.TryReserve(wanted)) return;
  filter_.SetSize(wanted);
  std::fill(filter_.begin(), filter_.end(), std::uint16_t{0});
  new_in_filter_ = 0;
}

bool StringPolicy::Recently(std::string_view text) {
  if (filter_.empty()) return false;
  const std::uint64_t hash = XXH3_64bits(text.data(), text.size());
  const std::uint16_t fingerprint = static_cast<std::uint16_t>(hash >> 48 | 1);
  std::uint16_t* const pair = &filter_[(hash & (filter_.size() - 1)) & ~std::size_t{1}];
  if (pair[0] == fingerprint || pair[1] == fingerprint) return true;
  // The newer of the two stands first; the older makes room.
  pair[1] = std::exchange(pair[0], fingerprint);
  ++new_in_filter_;
  return false;
}

void StringPolicy::Trim(std::uint64_t store_bytes) {
  if (filter_.size() <= kMinFilter) return;
  if (filter_.capacity_bytes() <= store_bytes / 32) return;
  filter_.Free();
  new_in_filter_ = 0;
}

void StringPolicy::Clear() {
  classes_ = {};
  filter_.Free();
  new_in_filter_ = 0;
}

void StringPolicy::AddTo(Layer* layer) const { filter_.AddTo(layer); }

}  // namespace strata::packed
